"""What work on files costs in the workspace, beside the guest's own tmpfs in the same guest, and how soon a host's edit is seen."""

import json
import os
import random
import statistics
import subprocess
import time

from guestshell import GuestShell
from measure import note, percentiles, summary

FILES, DIRECTORIES, CHANGED = 4000, 40, 1000
EDITS = 100

# In the guest: runs each piece of work once in the directory, and prints {name: seconds}.
WORK = r"""
import json, os, random, subprocess, sys, tarfile, time
top = sys.argv[1]
took = {}
os.chdir(top)
big = 16 << 20

def drop():
    subprocess.run("sync; echo 3 | sudo tee /proc/sys/vm/drop_caches", shell=True, check=True, stdout=subprocess.DEVNULL)

def timed(name, work):
    begin = time.monotonic()
    work()
    took[name] = time.monotonic() - begin

def git(*args):
    return lambda: subprocess.run(["git", "-C", "repo", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

def walk():
    for path, _, files in os.walk("repo/src"):
        for name in files:
            os.lstat(os.path.join(path, name))

def write(size):
    with open("big", "wb", 0) as f:
        for _ in range(big // size):
            f.write(bytes(size))

def read(size):
    with open("big", "rb", 0) as f:
        while f.read(size):
            pass

def scattered():
    order = random.Random(1)
    with open("big", "rb", 0) as f:
        for _ in range(200):
            os.pread(f.fileno(), 4096, order.randrange(big // 4096) * 4096)

def create():
    os.mkdir("made")
    for i in range(300):
        with open("made/%d" % i, "w") as f:
            f.write("x")

drop()
timed("git_status_cold", git("status"))
timed("git_status_warm", git("status"))
drop()
timed("walk_cold", walk)
timed("walk_warm", walk)
timed("checkout", git("checkout", "-q", "other"))
git("checkout", "-q", "master")()
for size in (65536, 1 << 20):
    timed("write_%dk" % (size >> 10), lambda: write(size))
    drop()
    timed("read_%dk" % (size >> 10), lambda: read(size))
drop()
timed("scattered_4k", scattered)
timed("create", create)
with tarfile.open("made.tar", "w") as t:
    t.add("made")
timed("remove", lambda: subprocess.run(["rm", "-rf", "made"], check=True))
timed("untar", lambda: subprocess.run(["tar", "xf", "made.tar"], check=True))
subprocess.run(["rm", "-rf", "made", "made.tar", "big"], check=True)
print(json.dumps(took))
"""

# In the guest: says when it sees another content, for as long as the file is there.
WATCH = r"""
import os, sys
seen = "0"
while True:
    try:
        with open("edited") as f:
            now = f.read()
    except FileNotFoundError:
        break
    if now != seen and now:
        seen = now
        print("saw", now, flush=True)
"""


def make_repo(ctx):
    """A repository of FILES files, and a branch on which CHANGED of them are different."""
    top = ctx.make_dir(os.path.join(ctx.workspace, "repo"))

    def git(*args):
        subprocess.run(["git", "-C", top, "-c", "user.name=a", "-c", "user.email=a@example.org", *args], check=True,
                       stdout=subprocess.DEVNULL, **ctx.user.ids())

    def put(numbers, text):
        for i in numbers:
            ctx.write(os.path.join(top, "src", "d%d" % (i % DIRECTORIES), "f%d" % i), "%s %d\n" % (text, i) * 20)
    git("init", "-q", "-b", "master")
    put(range(FILES), "file")
    git("add", ".")
    git("commit", "-qm", "files")
    git("checkout", "-qb", "other")
    put(random.Random(1).sample(range(FILES), CHANGED), "changed")
    git("commit", "-qam", "changed")
    git("checkout", "-q", "master")


def edits(ctx, g):
    """Milliseconds from an edit on the host until the guest has said what it reads."""
    path = os.path.join(ctx.workspace, "edited")
    ctx.write(path, "0")
    g.proc.send(b"/usr/bin/python3 -c '%s' &\n" % WATCH.encode())
    time.sleep(3)
    times = []
    for i in range(1, EDITS + 1):
        begin = time.monotonic()
        ctx.write(path, str(i))
        g.proc.wait_for(b"saw %d\n" % i, 60)
        times.append(time.monotonic() - begin)
        time.sleep(0.02)
    os.unlink(path)
    return percentiles(times)


def run(ctx, rounds):
    make_repo(ctx)
    ctx.write(os.path.join(ctx.workspace, "work.py"), WORK)
    g = GuestShell(ctx)
    g.do("cp -a repo /tmp/repo", 600)
    results = {"workspace": [], "tmpfs": []}
    for i in range(rounds):
        for name, where in (("workspace", "."), ("tmpfs", "/tmp")):
            note("files: round %d of %d, %s" % (i + 1, rounds, name))
            results[name].append(json.loads(g.do("/usr/bin/python3 work.py %s" % where, 1200).splitlines()[-1]))
    seen = edits(ctx, g)
    g.end(quiet=False)
    seconds = {where: {name: summary([r[name] for r in every]) for name in every[0]} for where, every in results.items()}
    ratio = {name: round(statistics.median(r[name] for r in results["workspace"]) / statistics.median(r[name] for r in results["tmpfs"]), 2)
             for name in results["tmpfs"][0]}
    return {"seconds": seconds, "ratio_to_tmpfs": ratio, "edit_seen_ms": seen}
