"""What runs, read from /proc: the tests look at processes from outside and never ask the programs under test."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """Orphans of everything started below become our children: nothing a test starts can get out of sight."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(sig):
    """Get the signal when the parent dies: a runner that was killed must not leave a test running."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), sig)


def read(path):
    """The file's bytes, or None where the process is gone or not ours to read."""
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


class Process:
    """A snapshot of one process. `start` (clock ticks since boot) tells it from a later one with the same pid."""

    def __init__(self, pid, name, state, ppid, start, uid):
        self.pid, self.name, self.state, self.ppid, self.start, self.uid = pid, name, state, ppid, start, uid

    def __repr__(self):
        line = b" ".join(cmdline(self.pid))[:200].decode("utf-8", "replace")
        return "%d %s [%s] %s" % (self.pid, self.name, self.state, line)


def process(pid):
    stat = read("/proc/%d/stat" % pid)
    if not stat:
        return None
    try:
        uid = os.stat("/proc/%d" % pid).st_uid
        status = read("/proc/%d/status" % pid) or b""
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(b"Uid:"):  # the directory's owner is root for processes that are not dumpable
            uid = int(line.split()[1])
    name = stat[stat.index(b"(") + 1:stat.rindex(b")")].decode("utf-8", "replace")
    rest = stat[stat.rindex(b")") + 2:].split()
    return Process(pid, name, rest[0].decode(), int(rest[1]), int(rest[19]), uid)


def processes():
    found = (process(int(e)) for e in os.listdir("/proc") if e.isdigit())
    return [p for p in found if p]


def alive(pid):
    """True for a process that still runs; a zombie does not."""
    p = process(pid)
    return bool(p) and p.state not in "ZX"


def descendants(pid, among=None):
    """All processes below pid, zombies left out."""
    children = {}
    for p in among or processes():
        children.setdefault(p.ppid, []).append(p)
    found, todo = [], [pid]
    while todo:
        for p in children.get(todo.pop(), []):
            todo.append(p.pid)
            if p.state not in "ZX":
                found.append(p)
    return found


def processes_of(uid):
    """The processes of a user, zombies left out."""
    return [p for p in processes() if p.uid == uid and p.state not in "ZX"]


def cmdline(pid):
    """Never empty: a process that has just begun or ended, or has no arguments, has an empty name."""
    return (read("/proc/%d/cmdline" % pid) or b"\0")[:-1].split(b"\0")


def environ(pid):
    data = read("/proc/%d/environ" % pid) or b""
    return dict(e.split(b"=", 1) for e in data.split(b"\0") if b"=" in e)


def limits(pid):
    """{"Max core file size": (soft, hard), …}; None stands for unlimited."""
    found = {}
    for line in (read("/proc/%d/limits" % pid) or b"").decode().splitlines()[1:]:
        name, values = line[:26].strip(), line[26:].split()
        found[name] = tuple(None if v == "unlimited" else int(v) for v in values[:2])
    return found


def core_limit(pid):
    return limits(pid).get("Max core file size")


def open_files(pid):
    """{fd: where it points to}."""
    found = {}
    try:
        fds = os.listdir("/proc/%d/fd" % pid)
    except OSError:
        return found
    for fd in fds:
        try:
            found[int(fd)] = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            pass
    return found


def maps(pid):
    """[(start, end, permissions, path)] of a process."""
    found = []
    for line in (read("/proc/%d/maps" % pid) or b"").decode("utf-8", "replace").splitlines():
        parts = line.split(None, 5)
        start, end = (int(x, 16) for x in parts[0].split("-"))
        found.append((start, end, parts[1], parts[5] if len(parts) > 5 else ""))
    return found


def find_in_procs(needle, pids):
    """[(pid, "cmdline" | "environ")] for each place of the processes that has the bytes. Unreadable ones raise: a
    search that sees nothing must not pass for one that finds nothing."""
    found = []
    for pid in pids:
        for where in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (pid, where), "rb") as f:
                    if needle in f.read():
                        found.append((pid, where))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def find_in_memory(needle, pid, limit=256 << 20):
    """Addresses of the bytes in a process's private writable memory; mappings larger than limit (guest RAM) are left
    out. Needs root or ptrace rights."""
    found = []
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as mem:
        for start, end, perms, _ in maps(pid):
            if not perms.startswith("rw") or end - start > limit:
                continue
            try:
                mem.seek(start)
                data = mem.read(end - start)
            except (OSError, ValueError):
                continue
            at = data.find(needle)
            while at >= 0:
                found.append(start + at)
                at = data.find(needle, at + 1)
    return found


def kill_all(pids, sig=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, sig)
        except (ProcessLookupError, PermissionError):
            pass
