"""Sessions with an encrypted disk, seen from the host: the unnamed file, the status, the events."""

import json
import os
import subprocess

import procs
from guestshell import GuestShell
from harness import assert_eq, assert_true, read_json_lines, wait_until


class PoolGuest(GuestShell):
    """A guest's shell, with its pool's file as QEMU holds it."""

    def __init__(self, ctx, *args, **env):
        self.ctx = ctx
        self.events_path = os.path.join(ctx.dir, "events%d" % len(ctx.ran))
        ctx.write(self.events_path, "")
        use_templates(ctx)
        super().__init__(ctx, *args, env={"CCVM_VM_DISK_SIZE": "1", "CCVM_EVENTS": self.events_path, **env})
        below = procs.descendants(self.proc.pid)
        self.qemu, self.session = ([p.pid for p in below if p.name.startswith(n)][0] for n in ("qemu-system", "ccvm-session"))

    def fds(self):
        """Paths in /proc of QEMU's fds of the file."""
        return files_of(self.qemu)

    def file(self):
        assert_true(self.fds(), "QEMU holds a pool's file")
        return open(self.fds()[0], "rb", buffering=0)

    def allocated(self):
        return os.stat(self.fds()[0]).st_blocks * 512

    def status(self):
        return [s for s in sessions(self.ctx) if s["qemu_pid"] == self.qemu][0]

    def events(self, kind="pool"):
        return [e for e in read_json_lines(self.events_path) if e["event"] == kind]

    def saw(self, what, timeout=60):
        """Waits for a pool event with these words."""
        return wait_until(lambda: [e for e in self.events() if e["what"] == what], timeout, "the event `%s`" % what)


def files_of(pid):
    found = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            if "/vmdisk-" in os.readlink("/proc/%d/fd/%s" % (pid, fd)):
                found.append("/proc/%d/fd/%s" % (pid, fd))
        except FileNotFoundError:
            pass
    return found


def sessions(ctx):
    done = subprocess.run([os.path.join(ctx.bin, "ccvmctl"), "ls", "--json"], env=ctx.env(), capture_output=True, check=True,
                          **ctx.user.ids())
    return json.loads(done.stdout)


def use_templates(ctx):
    """A saved guest is of a machine with a disk or without: tests of the pool have a cache of their own, filled once in
    a run."""
    if ctx.boot_env.get("CCVM_TEMPLATE") != "use" or ctx.boot_env["CCVM_TEMPLATE_DIR"].endswith("-pool"):
        return
    ctx.boot_env["CCVM_TEMPLATE_DIR"] += "-pool"
    if not os.path.isdir(ctx.boot_env["CCVM_TEMPLATE_DIR"]):
        ctx.make_dir(ctx.boot_env["CCVM_TEMPLATE_DIR"], 0o700)
    code, _, said = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "image", "warm"], env={"CCVM_VM_DISK_SIZE": "1"}, timeout=300)
    assert_eq(code, 0, "code of making the saved guest with a disk (it said %r)" % said)


def hits(needle, f):
    """Whether a file that is open holds the bytes; read in pieces that overlap."""
    f.seek(0)
    before = b""
    while piece := f.read(4 << 20):
        if needle in before + piece:
            return True
        before = piece[-len(needle):]
    return False
