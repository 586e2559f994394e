"""What a system test gets: an ordinary user, private directories, ways to run programs and to look at what is left.

A test is a function `test_…(ctx)` in tests/host/test_*.py or tests/boot/test_*.py; `ctx` is a Context, a fixture of
../conftest.py, which also reads these marks:

    @test(timeout=600)                       another deadline than 300 s
    @each({"zero": 0, "forty-two": 42})      one test for each entry, called as test_x(ctx, value)

As root (CI) the programs run as a user made for this run, with a uid that is not 1000, so that a mix-up of the two
uids shows. The build tree may lie where that user cannot go (/root): then PROGRAM_DIRS beside CCVM_BIN, and the image,
are put into a directory of the run, keeping their layout. Everything is removed at the end; CCVM_TEST_KEEP=1 keeps the
directories. Each test runs in a process of its own, which adopts all orphans: nothing a test starts gets lost.
"""

import grp
import json
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import zlib

import eventtable
import procs
from checks import (Skip, assert_eq, assert_in, assert_match, assert_ne, assert_not_in, assert_true, show, tail,
                    wait_until)
from procs import (alive, cmdline, core_limit, descendants, environ, find_in_memory, find_in_procs, limits, maps,
                   open_files, process, processes, processes_of)
from trees import assert_tree_same, differences, find_in_tree, fingerprint

__all__ = """Skip assert_eq assert_in assert_match assert_ne assert_not_in assert_true show tail wait_until alive
cmdline core_limit descendants environ find_in_memory find_in_procs limits maps open_files process processes
processes_of assert_tree_same differences find_in_tree fingerprint test each Context assert_nothing_left
read_json_lines REPO""".split()

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM_DIRS = ("bin", "libexec", "lib", "share")
DEFAULT_TIMEOUT = 300
BOOT_MEMORY = "1024"  # MiB of a guest, unless a test says otherwise
PREFIX = "ccvm-test-"
USER_PREFIX = "ccvmt"


# -- registration -----------------------------------------------------------------------------------------------------

# Attributes and not pytest's own marks: programs that pytest does not start import test modules too.

def test(timeout=DEFAULT_TIMEOUT, boot=None):
    """boot: "cold" or "template" for a test that is about one way of starting; others take turns (Run.boot_of)."""
    def mark(fn):
        fn.timeout, fn.boot = timeout, boot
        return fn
    return mark


def each(entries):
    def mark(fn):
        fn.entries = entries
        return fn
    return mark


# -- the run: user, directories, programs -----------------------------------------------------------------------------

class User:
    """The ordinary user tests run as: the caller, or one made for the run when the caller is root."""

    def __init__(self):
        self.made = os.getuid() == 0
        if self.made:
            self.make()
        else:
            self.uid, self.gid, self.name = os.getuid(), os.getgid(), pwd.getpwuid(os.getuid()).pw_name

    def make(self):
        """useradd with a free uid. Its comment names this process, so that a later run can remove the user of a run
        that was killed."""
        taken = {p.pw_uid for p in pwd.getpwall()} | {g.gr_gid for g in grp.getgrall()} | {1000}
        me = process(os.getpid())
        for _ in range(20):
            uid = random.choice([u for u in range(2000, 6000) if u not in taken])
            self.uid = self.gid = uid
            self.name = USER_PREFIX + str(uid)
            done = subprocess.run(["useradd", "-M", "-d", "/nonexistent", "-U", "-u", str(uid), "-s", "/bin/bash",
                                   "-c", "ccvm tests of %d %d" % (me.pid, me.start), self.name],
                                  capture_output=True, check=False)
            if done.returncode == 0:
                return
            taken.add(uid)
        raise RuntimeError("useradd failed: " + done.stderr.decode("utf-8", "replace").strip())

    def ids(self):
        """Arguments for subprocess that make the child this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.made else {}

    def remove(self):
        if self.made:
            wait_until(lambda: procs.kill_all(p.pid for p in processes_of(self.uid)) or not processes_of(self.uid),
                       20, "end of all processes of " + self.name)
            subprocess.run(["userdel", self.name], capture_output=True, check=False)


def owner_gone(pid, start):
    p = process(pid)
    return p is None or p.start != start


def remove_stale(roots):
    """Remove users and directories of runs that were killed before they could."""
    for entry in pwd.getpwall() if os.getuid() == 0 else []:
        m = re.fullmatch(r"ccvm tests of (\d+) (\d+)", entry.pw_gecos)
        if entry.pw_name.startswith(USER_PREFIX) and m and owner_gone(int(m[1]), int(m[2])):
            procs.kill_all(p.pid for p in processes_of(entry.pw_uid))
            subprocess.run(["userdel", "-f", entry.pw_name], capture_output=True, check=False)
    for root in roots:
        for name in os.listdir(root):
            path = os.path.join(root, name)
            data = procs.read(os.path.join(path, "owner")) if name.startswith(PREFIX) else None
            if data and os.stat(path).st_uid == os.getuid() and owner_gone(*map(int, data.split())):
                shutil.rmtree(path, ignore_errors=True)


def tmpfs_root():
    """A writable directory on a tmpfs, as XDG_RUNTIME_DIR is one: state must be seen to be gone with memory."""
    kinds = {}
    for line in (procs.read("/proc/self/mountinfo") or b"").decode().splitlines():
        left, right = line.split(" - ", 1)
        kinds[left.split()[4]] = right.split()[0]
    for path in (os.environ.get("XDG_RUNTIME_DIR"), "/run", "/dev/shm", "/tmp"):
        mount = path and os.path.realpath(path)
        while mount and mount != "/" and mount not in kinds:
            mount = os.path.dirname(mount)
        if mount and kinds.get(mount) in ("tmpfs", "ramfs") and os.access(path, os.W_OK | os.X_OK):
            return path
    raise RuntimeError("no writable tmpfs found for XDG_RUNTIME_DIR (tried XDG_RUNTIME_DIR, /run, /dev/shm, /tmp)")


class Run:
    """What all tests of one run share."""

    def __init__(self):
        disk, ram = os.environ.get("TMPDIR", "/var/tmp"), tmpfs_root()
        remove_stale({disk, ram})
        self.base, self.ram = (tempfile.mkdtemp(prefix=PREFIX, dir=d) for d in (disk, ram))
        me = process(os.getpid())
        self.user = None
        for path in (self.base, self.ram):
            os.chmod(path, 0o755)
            with open(os.path.join(path, "owner"), "w", encoding="ascii") as f:
                f.write("%d %d" % (me.pid, me.start))
        try:
            self.user = User()
            if not self.reaches(self.base):
                raise RuntimeError("user %s cannot enter %s: set TMPDIR to a directory that everybody can enter"
                                   % (self.user.name, self.base))
            self.bin = self.stage_programs(os.environ.get("CCVM_BIN") or os.path.join(REPO, "build", "bin"))
            self.hooked = self.stage_programs(os.path.join(REPO, "build", "hooks", "bin"), "stage-hooks")
            self.image = self.stage_image(os.environ.get("CCVM_TEST_IMAGE"))
            self.templates, self.cache = os.path.join(self.base, "templates"), os.path.join(self.base, "cache")
            for path in (self.templates, self.cache):
                os.mkdir(path, 0o700)
                os.chown(path, self.user.uid, self.user.gid)
        except BaseException:
            self.close()
            raise

    def reaches(self, *paths):
        """True when the test user can read everything below the paths, and enter their directories."""
        done = subprocess.run(["find", *paths, "!", "-readable", "-o", "-type", "d", "!", "-executable"], cwd="/",
                              capture_output=True, check=False, **self.user.ids())
        return done.returncode == 0 and not done.stdout

    def stage_programs(self, source, into="stage"):
        """The directory of the programs as the test user sees it, or None when nothing is built."""
        source = os.path.abspath(source)
        top = os.path.dirname(source)
        dirs = [os.path.join(top, d) for d in PROGRAM_DIRS if os.path.isdir(os.path.join(top, d))]
        if not os.path.isdir(source):
            return None
        if os.path.basename(source) != "bin" or self.reaches(source) and top in ("/", "/usr", "/usr/local"):
            return source
        if self.reaches(*dirs):
            return source
        for path in dirs:
            copy_readable(path, os.path.join(self.base, into, os.path.basename(path)), link=False)
        return os.path.join(self.base, into, "bin")

    def stage_image(self, source):
        if not source or not os.path.isdir(source):
            return None
        source = os.path.realpath(source)
        if self.reaches(source):
            return source
        target = os.path.join(self.base, "image")
        copy_readable(source, target, link=True)
        return target

    def make_template(self, timeout):
        """The saved guest that tests start from: made once, of the size that is their default. Text of the failure, or
        None."""
        env = {"PATH": "/usr/bin:/bin", "CCVM_TEMPLATE_DIR": self.templates, "CCVM_IMAGE": self.image, "XDG_CACHE_HOME": self.cache,
               "CCVM_MEMORY": BOOT_MEMORY, "CCVM_CORES": str(min(4, os.cpu_count())), "CCVM_TEMPLATE_CACHE_SIZE": "8192",
               "CCVM_VM_DISK_SIZE": "0"}
        try:
            done = subprocess.run([os.path.join(self.bin, "ccvmctl"), "image", "warm", "--json"], env=env, cwd="/",
                                  capture_output=True, timeout=timeout, check=False, **self.user.ids())
        except (OSError, subprocess.SubprocessError) as e:
            return str(e)
        return None if done.returncode == 0 and done.stdout == b'{"result":"done"}\n' else (done.stdout + done.stderr).decode()

    @staticmethod
    def boot_of(name, fn):
        """How a test's guests start: as its mark says, else as CCVM_TEST_BOOT (cold, template) says, else by its name,
        half of them each way; `other` turns that round. None outside of tests/boot: those set what they need."""
        if not name.startswith("boot."):
            return None
        wanted = os.environ.get("CCVM_TEST_BOOT")
        by_name = ("template", "cold")[(zlib.crc32(name.encode()) + (wanted == "other")) % 2]
        return getattr(fn, "boot", None) or (wanted if wanted in ("cold", "template") else by_name)

    def close(self):
        if self.user:
            self.user.remove()
        for path in (self.base, self.ram):
            if os.environ.get("CCVM_TEST_KEEP") == "1":
                print("# kept " + path, flush=True)
            else:
                shutil.rmtree(path, ignore_errors=True)


def copy_readable(source, target, link):
    """Copy a tree so that everybody can read it, times kept. With `link`, files that everybody may read already are
    hard links where the file system allows: an image is large."""
    os.makedirs(target, exist_ok=True)
    os.chmod(target, 0o755)
    for e in os.scandir(source):
        path = os.path.join(target, e.name)
        if e.is_dir():
            copy_readable(e.path, path, link)
        elif e.is_file():
            try:
                if not link or e.stat().st_mode & 0o444 != 0o444:
                    raise OSError
                os.link(os.path.realpath(e.path), path)
            except OSError:
                shutil.copy2(e.path, path)
                os.chmod(path, 0o755 if e.stat().st_mode & 0o100 else 0o644)


# -- one test's world -------------------------------------------------------------------------------------------------

class Context:
    """One test's user, directories and programs.

    home, workspace, cache (XDG_CACHE_HOME), tmp (TMPDIR) are on disk, runtime (XDG_RUNTIME_DIR, 0700) is on a tmpfs;
    all belong to the user. `private` belongs to the harness alone: logs with keys go there.
    """

    def __init__(self, run, number, boot=None):
        self.boot_env = {"CCVM_MEMORY": BOOT_MEMORY, "CCVM_TEMPLATE_DIR": run.templates,
                         "CCVM_TEMPLATE": "use" if boot == "template" else "0"} if boot else {"CCVM_TEMPLATE": "0"}
        self.user, self.uid, self.gid = run.user, run.user.uid, run.user.gid
        self._bin, self._hooked, self._image = run.bin, run.hooked, run.image
        self.dir = os.path.join(run.base, "t%d" % number)
        self.runtime = os.path.join(run.ram, "r%d" % number)
        self.private = os.path.join(self.dir, "private")
        self.closers, self.reporters, self.ignored, self.ran = [], [], set(), []
        os.mkdir(self.dir, 0o755)
        os.mkdir(self.private, 0o700)
        for name in ("home", "cache", "tmp", "project"):
            setattr(self, name, self.make_dir(os.path.join(self.dir, name)))
        self.workspace = self.project
        self.take_notes_of_image(run)
        self.make_dir(self.runtime, 0o700)
        self.counter = 0

    def take_notes_of_image(self, run):
        """The image was compared with its checksums when the template was made; each test's cache gets a note of it."""
        notes = os.path.join(run.cache, "ccvm", "checked")
        for name in os.listdir(notes) if os.path.isdir(notes) else ():
            with open(os.path.join(notes, name), encoding="ascii") as f:
                self.write(os.path.join(self.cache, "ccvm", "checked", name), f.read(), 0o600)

    def make_dir(self, path, mode=0o755):
        """Make a directory that belongs to the test user."""
        os.mkdir(path)
        os.chmod(path, mode)
        os.chown(path, self.uid, self.gid)
        return path

    def write(self, path, data, mode=0o644):
        """Write a file that belongs to the test user, and missing directories above it."""
        missing = []
        above = os.path.dirname(path)
        while not os.path.isdir(above):
            missing.append(above)
            above = os.path.dirname(above)
        for d in reversed(missing):
            self.make_dir(d)
        with open(path, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        os.chmod(path, mode)
        os.chown(path, self.uid, self.gid)
        return path

    @property
    def bin(self):
        assert_true(self._bin, "programs: nothing is built (run make) or CCVM_BIN is wrong")
        return self._bin

    def use_hooks(self):
        """From here on the programs are those that were built with the hooks for tests (CCVM_TEST_*, src/conf/env.c)."""
        assert_true(self._hooked, "programs with hooks: none are built (run make tests)")
        self._bin = self._hooked

    @property
    def image(self):
        assert_true(self._image, "guest image: none (build one, or set CCVM_TEST_IMAGE to its directory)")
        return self._image

    def env(self, extra=None):
        """The whole environment of a program; nothing of the caller's gets in. A value of None removes a name."""
        path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        env = {"PATH": self._bin + ":" + path if self._bin else path, "HOME": self.home, "USER": self.user.name,
               "LOGNAME": self.user.name, "SHELL": "/bin/bash", "LANG": "C.UTF-8", "TERM": "xterm-256color",
               "XDG_RUNTIME_DIR": self.runtime, "XDG_CACHE_HOME": self.cache, "TMPDIR": self.tmp,
               "CCVM_IMAGE": self._image, **self.boot_env, **(extra or {})}
        return {k: v for k, v in env.items() if v is not None}

    def spawn(self, argv, stdin=b"", env=None, cwd=None, pass_fds=()):
        """Start a program as the user, in a session of its own. stdin: bytes, or None to keep the pipe open for
        Proc.send(). Killed at the end of the test."""
        proc = Proc(self, argv, stdin, self.env(env), cwd or self.workspace, pass_fds)
        self.ran.append(proc)
        return proc

    def run(self, argv, stdin=b"", env=None, timeout=60, cwd=None, pass_fds=()):
        """Run a program to its end: (exit code, stdout, stderr). A program ended by signal N gives -N. Past the
        timeout it is killed with everything in its session, and the test fails."""
        proc = self.spawn(argv, stdin, env, cwd, pass_fds)
        return proc.wait(timeout), proc.out, proc.err

    def ccvm(self, *args, **kw):
        """run() with our own ccvm."""
        kw.setdefault("timeout", 180)
        return self.run([os.path.join(self.bin, "ccvm"), *args], **kw)

    def processes(self):
        """What the test left running: all below this process, and all of the user when it was made for the run."""
        reap_orphans(self)
        every = processes()
        found = {p.pid: p for p in descendants(os.getpid(), every)}
        if self.user.made:
            found.update((p.pid, p) for p in every if p.uid == self.uid and p.state not in "ZX")
        return [p for pid, p in sorted(found.items()) if pid not in self.ignored]

    def session_dirs(self):
        """The run directories of sessions: $XDG_RUNTIME_DIR/ccvm/<id>."""
        top = os.path.join(self.runtime, "ccvm")
        return sorted(e.path for e in os.scandir(top) if e.is_dir()) if os.path.isdir(top) else []

    def on_close(self, fn):
        self.closers.append(fn)

    def close(self):
        for fn in reversed(self.closers):
            fn()
        self.closers.clear()
        for proc in self.ran:
            proc.kill()

    def report(self):
        """Lines for a failure: what ran last, and the tails of the logs that are there."""
        lines = []
        for proc in self.ran[-3:]:
            lines.append("ran: %s -> %s" % (show(" ".join(map(os.fsdecode, proc.argv)), 300),
                                            "running" if proc.code is None else proc.code))
            for name, data in (("stdout", proc.out), ("stderr", proc.err)):
                if data:
                    lines.append("  %s (%d bytes), its end:" % (name, len(data)))
                    lines += ["    " + x for x in tail(data[-8000:], 15)]
        for top, _, files in os.walk(self.runtime):
            for name in files:
                if re.search(r"log|console|status|events", name):
                    data = procs.read(os.path.join(top, name)) or b""
                    lines += ["%s:" % os.path.join(top, name)] + ["    " + x for x in tail(data[-8000:], 25)]
        for fn in self.reporters:
            lines += fn()
        return lines


def reap_orphans(ctx):
    """Collect adopted processes that ended; the ones this process started itself are left to their Proc."""
    own = {p.pid for p in ctx.ran} | ctx.ignored
    for p in processes():
        if p.ppid == os.getpid() and p.state == "Z" and p.pid not in own:
            try:
                os.waitpid(p.pid, os.WNOHANG)
            except ChildProcessError:
                pass


class Proc:
    """A running program: .pid, .out and .err (what it wrote so far), .code (None while it runs)."""

    def __init__(self, ctx, argv, stdin, env, cwd, pass_fds):
        self.argv, self._out, self._err = list(argv), bytearray(), bytearray()
        self.popen = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env=env, cwd=cwd, start_new_session=True, umask=0o022, pass_fds=pass_fds,
                                      bufsize=0, **ctx.user.ids())
        self.pid = self.popen.pid
        self.readers = [threading.Thread(target=self.read, args=a, daemon=True)
                        for a in ((self.popen.stdout, self._out), (self.popen.stderr, self._err))]
        if stdin is not None:
            self.readers.append(threading.Thread(target=self.feed, args=(stdin,), daemon=True))
        for t in self.readers:
            t.start()

    def read(self, stream, into):
        while data := stream.read(1 << 16):
            into += data

    @property
    def out(self):
        return bytes(self._out)

    @property
    def err(self):
        return bytes(self._err)

    def feed(self, data):
        try:
            view = memoryview(data)
            while view:
                view = view[self.popen.stdin.write(view[:1 << 16]):]
        except OSError:
            pass
        self.close_stdin()

    def send(self, data):
        self.popen.stdin.write(data)

    def close_stdin(self):
        try:
            self.popen.stdin.close()
        except OSError:
            pass

    @property
    def code(self):
        return self.popen.poll()

    def signal(self, sig):
        self.popen.send_signal(sig)

    def wait(self, timeout=60):
        """The exit code, after all output was read."""
        try:
            wait_until(lambda: self.code is not None and not any(t.is_alive() for t in self.readers[:2]), timeout,
                       "end of " + show(" ".join(map(os.fsdecode, self.argv)), 200))
        except AssertionError as e:
            left = self.code
            self.kill()
            raise AssertionError("%s%s\n  stdout: %s\n  stderr: %s" % (
                e, "" if left is None else " (it ended with %d, but something still holds its output open)" % left,
                show(self.out), show(self.err))) from None
        return self.code

    def wait_for(self, pattern, timeout=60, stream="out"):
        """Wait until the output matches a bytes pattern; returns the match."""
        def look():
            m = re.search(pattern, getattr(self, stream))
            if not m and self.code is not None and not any(t.is_alive() for t in self.readers[:2]):
                m = re.search(pattern, getattr(self, stream))
                if not m:
                    raise RuntimeError("%s ended with %s before %s showed\n  stdout: %s\n  stderr: %s" % (
                        self.argv[0], self.code, show(pattern), show(self.out), show(self.err)))
            return m
        try:
            return wait_until(look, timeout, "output " + show(pattern))
        except AssertionError as e:
            raise AssertionError("%s\n  stdout: %s\n  stderr: %s" % (e, show(self.out), show(self.err))) from None

    def kill(self):
        """Kill the program with all of its session; those that left its session are found by Context.processes()."""
        if self.popen.poll() is None or processes_in_session(self.pid):
            procs.kill_all([self.pid] + processes_in_session(self.pid))
        self.popen.wait()


def processes_in_session(sid):
    found = []
    for p in processes():
        try:
            if os.getsid(p.pid) == sid and p.state not in "ZX":
                found.append(p.pid)
        except ProcessLookupError:
            pass
    return found


# -- what is left -----------------------------------------------------------------------------------------------------

def assert_nothing_left(ctx, cache=None, timeout=15):
    """No process of the user, no session directory, nothing in TMPDIR; with `cache` (a fingerprint taken before) the
    cache directory is as it was, but for the notes of images that were compared with their checksums."""
    wait_until(lambda: assert_eq(ctx.processes(), [], "processes left") is None, timeout, "end of all processes")

    def clean():
        left = ctx.session_dirs() + [os.path.join(ctx.tmp, n) for n in os.listdir(ctx.tmp)]
        return assert_eq(left, [], "files left") is None
    wait_until(clean, timeout, "removal of all session files")
    if cache is not None:
        def but_notes(tree):
            return {k: v for k, v in tree.items() if k not in (b".", b"ccvm") and not k.startswith(b"ccvm/checked")}
        assert_tree_same(but_notes(cache), but_notes(fingerprint(ctx.cache)), "cache directory")


def read_json_lines(path):
    """The events in a file of CCVM_EVENTS, each as its table has it; an unfinished last line is left out."""
    data = procs.read(path) or b""
    found = [json.loads(line) for line in data.split(b"\n")[:-1] if line]
    eventtable.check(found)
    return found
