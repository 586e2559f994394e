"""Kills ccvm-fs while it writes for a mount of this machine: kills.py BUILD DIRECTORY TRIALS [SEED], as root.

Each trial: a server for a new directory, a writer of synced files in its mount, SIGKILL after up to half a second.
What was synced is there, nothing is torn, and no process and no mount stays. Prints what was counted.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import durable

MOST_S = 0.5


def wait_gone(pid):
    end = time.monotonic() + 20
    while os.path.exists("/proc/%d" % pid):
        if time.monotonic() > end:
            sys.exit("process %d stays" % pid)
        time.sleep(0.002)


def trial(build, top, delay):
    source, point = os.path.join(top, "source"), os.path.join(top, "mount")
    for path in (top, source, point):
        os.mkdir(path, 0o755)
    mount = subprocess.Popen([build + "/test/fs/fsmount", point, "0", "0", build + "/libexec/ccvm/ccvm-fs", "w=%s:rw" % source],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    server = int(mount.stdout.readline().split()[1])
    writer = subprocess.Popen([sys.executable, durable.__file__, os.path.join(point, "w")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first = writer.stdout.readline()  # the start of Python is not what is tried
    time.sleep(delay)
    os.kill(server, signal.SIGKILL)
    mount.communicate(b"\n", timeout=30)
    out = first + writer.communicate(timeout=30)[0]
    wait_gone(server)
    with open("/proc/mounts", encoding="utf-8") as f:
        if point in f.read():
            sys.exit("%s is still mounted" % point)
    last = int(out.split()[-1])
    wrong = durable.judge(source, last)
    if wrong:
        sys.exit("after %.3f s, at step %d: %s" % (delay, last, "; ".join(wrong)))
    shutil.rmtree(top)
    return last


def main(build, directory, trials, seed="1"):
    rng = random.Random(int(seed))
    steps = [trial(build, os.path.join(directory, str(i)), rng.uniform(0, MOST_S)) for i in range(int(trials))]
    print("%d trials, %d synced steps, from %d to %d in one" % (len(steps), sum(steps), min(steps), max(steps)))


if __name__ == "__main__":
    main(*sys.argv[1:])
