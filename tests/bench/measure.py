"""What the sections of the bench share: summaries, processor time, a program on a terminal of our own."""

import fcntl
import os
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time

import procs

BEGIN = time.monotonic()


def note(text):
    print("[%4d s] %s" % (time.monotonic() - BEGIN, text), file=sys.stderr, flush=True)


def summary(values):
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3),
            "max": round(max(values), 3), "n": len(values)}


def percentiles(seconds):
    """In milliseconds."""
    values = sorted(1000 * s for s in seconds)
    return {"p50": round(values[len(values) // 2], 2), "p99": round(values[len(values) * 99 // 100], 2), "n": len(values)}


def cpu_seconds(pids):
    """What all threads of the processes have run for: in nanoseconds (/proc/PID/task/TID/schedstat), since the ticks of
    /proc/PID/stat are coarser than what an idle process uses. A thread that has ended is not in it."""
    total = 0
    for pid in pids:
        try:
            threads = os.listdir("/proc/%d/task" % pid)
        except OSError:
            continue
        for thread in threads:
            data = procs.read("/proc/%d/task/%s/schedstat" % (pid, thread))
            total += int(data.split()[0]) if data else 0
    return total / 1e9


def become_of_a_terminal():
    """In the child: what is on a terminal ends with it, also where this process ignores that (nohup)."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Pty:
    """A program on a terminal that this process holds the other end of. read() and wait_for() keep all bytes in .seen."""

    def __init__(self, ctx, argv, env=None, cols=100, rows=30):
        self.fd, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.popen = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=ctx.env(env), cwd=ctx.workspace,
                                      start_new_session=True, preexec_fn=become_of_a_terminal,
                                      **ctx.user.ids())
        os.close(theirs)
        self.pid, self.seen = self.popen.pid, b""
        ctx.on_close(self.close)

    def fileno(self):
        return self.fd

    def write(self, data):
        os.write(self.fd, data)

    def read(self):
        """What is there; b"" at the program's end."""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            data = b""
        self.seen = (self.seen + data)[-1 << 20:]
        return data

    def wait_for(self, text, timeout=60):
        end = time.monotonic() + timeout
        while text not in self.seen:
            left = end - time.monotonic()
            if left < 0 or select.select([self.fd], [], [], left)[0] and not self.read():
                raise AssertionError("%s did not show %r; the end of what it wrote: %r" % (self.popen.args[0], text, self.seen[-500:]))
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def drain(self, quiet_s, at_most_s=10):
        """Reads until nothing has come for a while; what floods does not stop."""
        end = time.monotonic() + at_most_s
        while time.monotonic() < end and select.select([self.fd], [], [], quiet_s)[0] and self.read():
            pass

    def close(self):
        if self.fd >= 0:
            procs.kill_all([self.pid])
            self.popen.wait()
            os.close(self.fd)
            self.fd = -1
