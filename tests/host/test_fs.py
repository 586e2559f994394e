"""ccvm-fs against a kernel: mounted on this machine by the guest's relay, with no guest between (tests/fs/fsmount.c).

The server runs as the test's user, as it does for a session; mounting takes root and /dev/fuse.
"""

import ctypes
import fcntl
import os
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time

from checks import wait_until
from fsmount import Mount
from harness import Skip, assert_eq, assert_tree_same, assert_true, fingerprint, test

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fs"))
import model  # noqa: E402 (tests/fs/model.py)
import sqlite as counters  # noqa: E402 (tests/fs/sqlite.py)

MODEL = os.path.join(HERE, "..", "fs", "model.py")
# Writers that append: by reopening, and by descriptors that stay open.
APPEND = """
import os, sys
path, name, keep = sys.argv[1], sys.argv[2], sys.argv[3] == "keep"
fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if keep else -1
for i in range(200):
    here = fd if keep else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(here, b"%s %d\\n" % (name.encode(), i))
    if not keep:
        os.close(here)
"""
# Counts in a file while it holds a lock; its size stays, and its time of change as often as not.
COUNT = """
import fcntl, os, sys, time
path, how, seconds, pause = sys.argv[1], getattr(fcntl, sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
fd = os.open(path, os.O_RDWR)
end, n = time.monotonic() + seconds, 0
while time.monotonic() < end:
    how(fd, fcntl.LOCK_EX)
    os.pwrite(fd, b"%08d" % (int(os.pread(fd, 8, 0)) + 1), 0)
    how(fd, fcntl.LOCK_UN)
    n += 1
    time.sleep(pause)
print(n)
"""
KILLS = os.path.join(HERE, "..", "fs", "kills.py")
# What an editor does to a file that another program holds open.
REPLACE = """
import os
os.chdir(os.sys.argv[1])
open("log", "w").write("old")
fd = os.open("log", os.O_RDWR)
open("new", "w").write("content")
os.rename("new", "log")
os.ftruncate(fd, 0)
os.fchmod(fd, 0o600)
os.utime(fd, ns=(1, 123456789))
assert os.fstat(fd).st_nlink == 0 and os.fstat(fd).st_mtime_ns == 123456789, os.fstat(fd)
assert open("log").read() == "content"
ro = os.open("ro", os.O_RDWR | os.O_CREAT, 0o444)
os.write(ro, b"0123456789")
os.ftruncate(ro, 4)
assert open("ro").read() == "0123"
"""


def python(ctx, script, *args, timeout=120):
    code, out, err = ctx.run([sys.executable, "-c", script, *args], timeout=timeout)
    assert_eq((code, err), (0, b""), "script: %s" % out)
    return out


@test()
def test_appends(ctx):
    """Nothing that was appended is lost, from here and from the host at once."""
    m = Mount(ctx)
    host = os.path.join(m.source, "log")
    writers = [(os.path.join(m.top, "log"), name, how) for name, how in (("a", "open"), ("b", "open"), ("c", "keep"), ("d", "keep"))]
    writers += [(host, "e", "keep"), (host, "f", "open")]
    threads = [threading.Thread(target=python, args=(ctx, APPEND, *w)) for w in writers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    with open(host, encoding="ascii") as f:
        lines = f.read().splitlines()
    assert_eq(sorted(lines), sorted("%s %d" % (name, i) for _, name, _ in writers for i in range(200)), "lines")


@test()
def test_replaced_files(ctx):
    m = Mount(ctx)
    python(ctx, REPLACE, m.top)
    with open(os.path.join(m.source, "log"), encoding="ascii") as f:
        assert_eq(f.read(), "content", "the new file")


@test(timeout=300)
def test_model(ctx):
    """Random operations have the results that they have on the file system below."""
    m = Mount(ctx)
    for seed in (11, 12, 13):
        # One deeper: links lead to "../b", which is the user's in both.
        here, model = os.path.join(m.top, str(seed), "t"), os.path.join(ctx.dir, "model%d" % seed, "t")
        for path in (os.path.join(m.source, str(seed)), os.path.dirname(model)):
            ctx.make_dir(path)
            ctx.make_dir(os.path.join(path, "t"))
        code, out, err = ctx.run([sys.executable, MODEL, here, model, str(seed), "4000"], timeout=200)
        assert_eq((code, err), (0, b""), "seed %d: %s" % (seed, out.decode()))


@test(timeout=300)
def test_model_of_several(ctx):
    """Two guests and the host take turns in one directory: each sees what the others did, and does what it would there."""
    one = Mount(ctx)
    two = Mount(ctx, source=one.source)
    for seed in (2, 3, 7, 18, 29):  # some that found something
        reference = os.path.join(ctx.dir, "of%d" % seed, "t")
        for path in (os.path.join(one.source, str(seed)), os.path.dirname(reference)):
            ctx.make_dir(path)
            ctx.make_dir(os.path.join(path, "t"))
        views = ",".join(os.path.join(top, str(seed), "t") for top in (one.top, two.top, one.source))
        code, out, err = ctx.run([sys.executable, MODEL, views, reference, str(seed), "4000"], timeout=200)
        assert_eq((code, err), (0, b""), "seed %d: %s" % (seed, out.decode()))


def take_turn(mount):
    """A lock is granted when all that the host did is known."""
    with open(os.path.join(mount.top, "turn"), "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)


def gone(path):
    """Nothing is there, whatever it is asked for."""
    try:
        os.lstat(path)
        return False
    except FileNotFoundError:
        return True


@test()
def test_what_the_guest_failed_to_remove(ctx):
    """What a failed call was about is not taken for done when the host does it after."""
    m = Mount(ctx)
    for name, attempt in (("rmdir", lambda p: os.rmdir(p)), ("rename", lambda p: os.rename(p, os.path.join(m.top, "full"))),
                          ("rename to itself", lambda p: os.rename(p + "/in", p + "/in")), ("unlink", lambda p: os.unlink(p)),
                          ("rename of a link", lambda p: os.rename(p + "/in", p + "/same"))):
        here, there = os.path.join(m.source, name), os.path.join(m.top, name)
        os.makedirs(os.path.join(m.source, "full/x"), exist_ok=True)
        os.mkdir(here)
        ctx.write(os.path.join(here, "in"), "x")
        os.link(os.path.join(here, "in"), os.path.join(here, "same"))
        os.chown(here, ctx.uid, ctx.gid)
        os.stat(os.path.join(there, "in")), os.stat(os.path.join(there, "same"))
        try:
            attempt(there)
        except OSError:
            pass
        for inner in ("in", "same"):
            os.unlink(os.path.join(here, inner))
        take_turn(m)
        assert_true(gone(os.path.join(there, "in")) and gone(os.path.join(there, "same")), "the host's removals after a failed %s" % name)
        os.rmdir(here)
        take_turn(m)
        assert_true(gone(there), "the host's removal of a directory after a failed %s" % name)


@test()
def test_moved_directories_live(ctx):
    """A directory that the host moves away, by an exchange, over another name or below its old one, is not dead to the guest."""
    m = Mount(ctx)
    for name, moves in (("exchanged", (("a", "b", model.EXCHANGE),)), ("replaced", (("a", "c", 0), ("b", "a", 0))),
                        ("there and back", (("a", "c", 0), ("b", "a", 0), ("a", "b", 0), ("c", "a", 0))),
                        ("into its successor", (("a", "c", 0), ("b", "a", 0), ("c", "a/c", 0)))):
        here, there = os.path.join(m.source, name), os.path.join(m.top, name)
        held = []  # as by a shell that is there
        for d in ("a", "b"):
            os.makedirs(os.path.join(here, d))
            os.listdir(os.path.join(there, d))
            held.append(os.open(os.path.join(there, d), os.O_RDONLY | os.O_DIRECTORY))
        for old, new, flags in moves:
            model.renameat2(os.path.join(here, old), os.path.join(here, new), flags)
        for path, dirs, _ in os.walk(here):
            for d in dirs:
                ctx.write(os.path.join(path, d, "file"), "x")
        take_turn(m)
        want = sorted((os.path.relpath(path, here), sorted(dirs), sorted(files)) for path, dirs, files in os.walk(here))
        got = sorted((os.path.relpath(path, there), sorted(dirs), sorted(files)) for path, dirs, files in os.walk(there))
        assert_eq(got, want, name)
        for fd in held:
            os.close(fd)


@test()
def test_what_comes_back_is_seen(ctx):
    """A file that the host takes away and gives back under its name, while the guest looked for it, is there again."""
    m = Mount(ctx)
    for name, away, back in (("moved", os.rename, os.rename), ("linked", lambda a, b: (os.link(a, b), os.unlink(a)), lambda a, b: os.link(a, b)),
                             ("the guest's", None, None), ("replaced in the guest", None, None)):
        here, there = os.path.join(m.source, name), os.path.join(m.top, name)
        os.mkdir(here)
        os.chown(here, ctx.uid, ctx.gid)
        ctx.write(os.path.join(here, "a"), "x")
        os.link(os.path.join(here, "a"), os.path.join(here, "other"))
        held = os.open(os.path.join(there, "a"), os.O_RDONLY)
        if away:
            away(os.path.join(here, "a"), os.path.join(here, "b"))
        elif name == "the guest's":
            os.unlink(os.path.join(there, "a"))
        else:
            ctx.write(os.path.join(here, "new"), "y")
            os.rename(os.path.join(there, "new"), os.path.join(there, "a"))
            os.unlink(os.path.join(here, "a"))
        take_turn(m)
        assert_true(gone(os.path.join(there, "a")), "%s: away" % name)
        (back or os.link)(os.path.join(here, "b" if away else "other"), os.path.join(here, "a"))
        take_turn(m)
        assert_true(not gone(os.path.join(there, "a")), "%s: back" % name)
        with open(os.path.join(there, "a"), encoding="ascii") as f:
            assert_eq(f.read(), "x", name)
        os.close(held)


@test()
def test_another_name_of_a_known_file(ctx):
    """How many names a file has is told when the host makes or removes one in a directory that the guest knows."""
    m = Mount(ctx)
    ctx.write(os.path.join(m.source, "a"), "x")
    with open(os.path.join(m.top, "a"), encoding="ascii") as f:
        assert_eq(os.fstat(f.fileno()).st_nlink, 1, "names")
        os.link(os.path.join(m.source, "a"), os.path.join(m.source, "b"))
        take_turn(m)
        assert_eq((os.fstat(f.fileno()).st_nlink, os.stat(os.path.join(m.top, "b")).st_nlink), (2, 2), "names after link")
        os.unlink(os.path.join(m.source, "a"))
        take_turn(m)
        time.sleep(1.1)  # several names: believed for a second
        assert_eq((os.fstat(f.fileno()).st_nlink, f.read()), (1, "x"), "names and contents after unlink")


@test()
def test_locks_reach_the_host(ctx):
    m = Mount(ctx)
    ctx.write(os.path.join(m.source, "db"), "x")
    with open(os.path.join(m.source, "db"), "r+b") as host, open(os.path.join(m.top, "db"), "r+b") as guest:
        for lock, unlock in ((fcntl.flock, fcntl.LOCK_UN), (fcntl.lockf, fcntl.LOCK_UN)):
            lock(host, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                lock(guest, fcntl.LOCK_SH | fcntl.LOCK_NB)
                raise AssertionError("%s: both have the lock" % lock.__name__)
            except BlockingIOError:
                pass
            waits = threading.Thread(target=lock, args=(guest, fcntl.LOCK_EX))
            waits.start()
            lock(host, unlock)
            waits.join(30)
            assert_true(not waits.is_alive(), "%s: who waited has it" % lock.__name__)
            try:
                lock(host, fcntl.LOCK_EX | fcntl.LOCK_NB)
                raise AssertionError("%s: both have the lock" % lock.__name__)
            except BlockingIOError:
                pass
            lock(guest, unlock)


@test()
def test_locks_make_fresh(ctx):
    """Who has a lock sees what the other side wrote before, also within one tick of the clock that files' times have."""
    m = Mount(ctx)
    for how in ("lockf", "flock"):
        path = os.path.join(m.source, how)
        ctx.write(path, "%08d" % 0)
        os.chmod(path, 0o666)
        got = together(ctx, [[sys.executable, "-c", COUNT, os.path.join(top, how), how, "2", pause]
                             for top, pause in ((m.top, "0"), (m.top, "0"), (m.source, "0.0005"), (m.source, "0.0005"))])
        with open(path, encoding="ascii") as f:
            assert_eq(int(f.read()), sum(int(out) for out in got), how)
        assert_true(min(int(out) for out in got) > 20, "both sides had turns: %s" % got)


def together(ctx, commands):
    """What each of them prints; all run at once."""
    out = [None] * len(commands)

    def run(i):
        out[i] = ctx.run(commands[i], timeout=100)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(commands))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert_eq([(code, err) for code, _, err in out], [(0, b"")] * len(out), "programs that run at once")
    return [text for _, text, _ in out]


@test(timeout=200)
def test_sqlite_from_both_sides(ctx):
    """SQLite databases that two processes here and two in the mount write at once, by each kind of journal."""
    m = Mount(ctx)
    names = ("guest1", "guest2", "host1", "host2")
    for mode in ("delete", "truncate", "persist", "wal"):
        path = os.path.join(m.source, mode)
        counters.make(path, mode, names)
        for name in os.listdir(m.source):
            os.chown(os.path.join(m.source, name), ctx.uid, ctx.gid)
        got = together(ctx, [[sys.executable, counters.__file__, os.path.join(m.top if name.startswith("g") else m.source, mode), mode, "3", name,
                              "0" if name.startswith("g") else "0.005"] for name in names])
        counts = {name: int(out.split()[0]) for name, out in zip(names, got)}
        assert_eq(counters.judge(path, counts), "", "%s, here" % mode)
        assert_eq(counters.judge(os.path.join(m.top, mode), counts), "", "%s, in the mount" % mode)
        assert_true(min(counts.values()) > 0, "%s: both sides had turns: %s" % (mode, counts))


def wal(path, insert=None):
    """A connection in WAL mode, with a value inserted; None: the database is busy."""
    db = sqlite3.connect(path, timeout=0.1, isolation_level=None)
    try:
        db.execute("SELECT * FROM t").fetchall()
        if insert is not None:
            db.execute("PRAGMA synchronous = full")
            db.execute("INSERT INTO t VALUES (?)", (insert,))
        return db
    except sqlite3.OperationalError as e:
        assert_true("locked" in str(e), "busy: %s" % e)
        db.close()
        return None


def wal_make(m, ctx):
    db = sqlite3.connect(os.path.join(m.source, "db"), isolation_level=None)
    db.execute("PRAGMA journal_mode = wal")
    db.execute("CREATE TABLE t (n INTEGER)")
    db.close()
    os.chown(os.path.join(m.source, "db"), ctx.uid, ctx.gid)


@test()
def test_wal_is_for_one_side(ctx):
    """A database in WAL mode is busy for others while one side has it open: the host, a guest, another one, and one that may only read."""
    m = Mount(ctx)
    wal_make(m, ctx)
    other, reader = Mount(ctx, source=m.source), Mount(ctx, source=m.source, mode="ro")
    sides = [os.path.join(d, "db") for d in (m.source, m.top, other.top, reader.top)]
    for i, side in enumerate(sides[:3]):
        first = wal(side, i)
        assert_true(first is not None, "%s opens it first" % side)
        for k, another in enumerate(sides):
            second = wal(another)
            assert_eq(second is not None, k == i, "%s while %s has it open" % (another, side))
            if second:
                second.close()
        first.execute("INSERT INTO t VALUES (10)")
        first.close()
    last = wal(sides[0])
    assert_eq(sorted(n for (n,) in last.execute("SELECT n FROM t")), [0, 1, 2, 10, 10, 10], "rows")
    last.close()


@test()
def test_wal_outlives_a_server(ctx):
    """What was committed by a guest that goes away without a word is there, and the host has the database."""
    m = Mount(ctx)
    wal_make(m, ctx)
    script = ("import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None)\ndb.execute('PRAGMA synchronous = full')\n"
              "for i in range(100):\n    db.execute('INSERT INTO t VALUES (?)', (i,))\nprint('done', flush=True)\nsys.stdin.read()\n")
    with subprocess.Popen([sys.executable, "-c", script, os.path.join(m.top, "db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as guest:
        assert_eq(guest.stdout.readline(), b"done\n", "inserted")
        assert_true(wal(os.path.join(m.source, "db")) is None, "the guest has it")
        os.kill(m.server, signal.SIGKILL)
        db = wait_until(lambda: wal(os.path.join(m.source, "db")), 20, "the host has it")
        assert_eq(db.execute("SELECT count(*), sum(n) FROM t").fetchone(), (100, 4950), "rows")
        assert_eq(db.execute("PRAGMA integrity_check").fetchone(), ("ok",), "integrity")
        db.close()
        m.close()
        guest.kill()


@test()
def test_links_stay_below(ctx):
    """A link is what it says, and is followed by whoever reads it: here in the mount, where nothing of the host's is."""
    m = Mount(ctx)
    ctx.write(os.path.join(ctx.dir, "secret"), "secret")
    os.symlink(os.path.join(ctx.dir, "secret"), os.path.join(m.source, "absolute"))
    os.symlink("../secret", os.path.join(m.source, "relative"))
    assert_eq(os.readlink(os.path.join(m.top, "relative")), "../secret", "the text of a link")
    assert_true(not os.path.exists(os.path.join(m.top, "relative")), "a relative link leads out of the export")


@test()
def test_read_only(ctx):
    m = Mount(ctx, mode="ro")
    ctx.write(os.path.join(m.source, "a"), "x")
    out = python(ctx, "import os, sys\nos.chdir(sys.argv[1])\nfor f in (lambda: open('a', 'r+'), lambda: os.unlink('a'), lambda: os.mkdir('d')):\n"
                 "    try:\n        f()\n    except OSError as e:\n        print(e.errno)", m.top)
    assert_eq(out.split(), [b"30"] * 3, "EROFS")


# Removes what it lists, and says how many entries it saw. What comes in one call of the kernel's is less than all.
REMOVE = """
import os, sys
n = 0
with os.scandir(sys.argv[1]) as entries:
    for e in entries:
        os.unlink(e.path)
        n += 1
print(n)
"""


def offsets_are_positions(ctx):
    """A directory of the test user's on overlayfs, with entries in both layers."""
    top = os.path.join(ctx.dir, "overlay")
    ctx.make_dir(top)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top], check=True)
    ctx.on_close(lambda: subprocess.run(["umount", "-l", top], check=True))
    for name in ("lower", "lower/merged", "upper", "work", "both"):
        ctx.make_dir(os.path.join(top, name))
    ctx.write(os.path.join(top, "lower/merged/low"), "")
    if subprocess.run(["mount", "-t", "overlay", "overlay", "-o", "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work" % (top, top, top),
                       os.path.join(top, "both")], check=False).returncode:
        raise Skip("no overlayfs")
    ctx.on_close(lambda: subprocess.run(["umount", "-l", os.path.join(top, "both")], check=True))
    return os.path.join(top, "both", "merged")


@test()
def test_lists_while_entries_go(ctx):
    """Who removes what he lists sees all, on file systems with offsets that stay and with those that are positions."""
    tmpfs = ctx.make_dir(os.path.join("/dev/shm", os.path.basename(ctx.dir) + "-lists-%d" % os.getpid()))
    ctx.on_close(lambda: subprocess.run(["rm", "-rf", tmpfs], check=True))
    for source in (None, tmpfs, offsets_are_positions(ctx)):
        m = Mount(ctx, source=source)
        for i in range(3000):
            os.close(os.open(os.path.join(m.source, "a-name-of-some-length-%05d" % i), os.O_CREAT | os.O_WRONLY, 0o666))
        before = len(os.listdir(m.source))
        os.chown(m.source, ctx.uid, ctx.gid)
        assert_eq((int(python(ctx, REMOVE, m.top)), os.listdir(m.source)), (before, []), "entries seen, and left in %s" % source)
        m.close()


@test(timeout=200)
def test_many_files(ctx):
    """More nodes than descriptors may be open."""
    m = Mount(ctx)
    out = python(ctx, "import os, sys\nos.chdir(sys.argv[1])\nfor d in range(30):\n    os.mkdir(str(d))\n    for i in range(1000):\n"
                 "        open('%d/%d' % (d, i), 'w').close()\nprint(sum(len(f) for _, _, f in os.walk('.')))\n"
                 "print(len(os.listdir('7')))", m.top, timeout=150)
    assert_eq(out.split(), [b"30000", b"1000"], "files")


# -- overlays -----------------------------------------------------------------------------------------------------------

class Overlay(Mount):
    """A directory of the test user's and a layer over it."""

    def __init__(self, ctx, source, layer=None):
        self.layer = layer or ctx.make_dir(os.path.join(ctx.dir, "layer"))
        for name in ("tree", "work"):
            ctx.make_dir(os.path.join(self.layer, name))
        super().__init__(ctx, mode=self.layer, source=source)


def lower(ctx):
    """A directory with one of each kind, and what it is."""
    top = ctx.make_dir(os.path.join(ctx.dir, "lower"))
    for name in ("a", "b", "d/f", "d/e/g", "e/x"):
        ctx.write(os.path.join(top, name), name + "\n")
    python(ctx, "import os, sys\nos.chdir(sys.argv[1])\nos.symlink('a', 'l')\nos.mkfifo('p')\nopen('h1', 'w').write('h')\nos.link('h1', 'h2')\n"
                "os.mkdir('ro')\nopen('ro/f', 'w').close()\nos.chmod('ro', 0o555)\n", top)
    return top, fingerprint(top)


@test(timeout=400)
def test_overlay_model(ctx):
    """Random operations on an overlay over a random tree have the results that they have on a copy of the tree, which itself
    stays as it was."""
    for seed in (21, 22, 23, 25):
        under, model = (os.path.join(ctx.dir, "%s%d" % (n, seed)) for n in ("under", "model"))
        for path in (under, model):
            ctx.make_dir(path)
            ctx.make_dir(os.path.join(path, "t"))
        run = [sys.executable, MODEL, os.path.join(under, "t"), os.path.join(model, "t")]
        assert_eq(ctx.run([*run, str(seed), "300"], timeout=100)[0], 0, "the tree of seed %d" % seed)
        # What the guest may change and the host not: a directory below that cannot be entered stays so.
        assert_eq(ctx.run(["find", under, model, "-type", "d", "-exec", "chmod", "u+rwx", "{}", "+"])[0], 0, "modes")
        before = fingerprint(under)
        m = Overlay(ctx, under, ctx.make_dir(os.path.join(ctx.dir, "layer%d" % seed)))
        code, out, err = ctx.run([sys.executable, MODEL, os.path.join(m.top, "t"), os.path.join(model, "t"), str(1000 + seed), "3000"], timeout=200)
        assert_eq((code, err), (0, b""), "seed %d: %s" % (seed, out.decode()))
        m.close()
        assert_tree_same(before, fingerprint(under), "the directory below")
        assert_eq(sorted(os.listdir(m.layer)), [], "what is left of the layer")


OVERLAY = """
import os, stat
os.chdir(os.sys.argv[1])
ino = os.stat("a").st_ino
reader = open("a")
with open("a", "a") as f:
    f.write("more\\n")
assert os.stat("a").st_ino == ino and reader.read() == "a\\nmore\\n"
os.rename("d", "moved")
assert os.listdir("moved/e") == ["g"] and open("moved/e/g").read() == "d/e/g\\n" and not os.path.exists("d")
os.rename("moved/e", "deeper")
assert os.listdir("moved") == ["f"] and open("deeper/g").read() == "d/e/g\\n"
os.mkdir("d")
assert os.listdir("d") == []
os.unlink("e/x"), os.rmdir("e")
os.mkdir("e")
assert os.listdir("e") == []
assert os.stat("h1").st_nlink == 2
with open("h1", "a") as f:
    f.write("!")
assert open("h2").read() == "h!" and os.stat("h2").st_ino == os.stat("h1").st_ino and os.stat("h2").st_nlink == 2
os.unlink("h1")
assert os.stat("h2").st_nlink == 1 and open("h2").read() == "h!"
os.replace("b", "l")
assert open("l").read() == "b\\n" and not os.path.islink("l") and not os.path.exists("b")
with open("ro/f", "w") as f:
    f.write("in a directory that may not be written")
assert stat.S_IMODE(os.stat("ro").st_mode) == 0o555
for make in (os.mkdir, os.mkfifo, lambda n: os.symlink("a", n), lambda n: os.rename("a", n)):
    try:
        make(".ccvm-layer")
        raise AssertionError("the name of the layer's own")
    except PermissionError:
        pass
assert sorted(os.listdir()) == ["a", "d", "deeper", "e", "h2", "l", "moved", "p", "ro"], os.listdir()
deep = os.getcwd()
for i in range(2000):
    os.mkdir("deeper/d" if i == 0 else "d"), os.chdir("deeper/d" if i == 0 else "d")
os.chdir(deep)
os.mkdir("locked"), open("locked/x", "w").close(), os.chmod("locked", 0)
"""


@test()
def test_overlay(ctx):
    """Everyday changes, and what a kernel's overlay does differently: directories that move, open files, several names."""
    under, before = lower(ctx)
    m = Overlay(ctx, under)
    python(ctx, OVERLAY, m.top)
    assert_tree_same(before, fingerprint(under), "the directory below")
    m.close()
    assert_eq(os.listdir(m.layer), [], "what is left of the layer")


@test()
def test_overlay_sees_the_host(ctx):
    """What the host changes below is seen, unless the guest has changed it."""
    under, _ = lower(ctx)
    m = Overlay(ctx, under)
    look = "import os, sys\nos.chdir(sys.argv[1])\n"
    python(ctx, look + "open('a', 'w').write('mine'), os.unlink('b'), [open(n).read() for n in ('d/f', 'd/e/g')], os.listdir('d')", m.top)
    for name, text in (("a", "host"), ("b", "host"), ("d/f", "host, longer"), ("d/new", "host")):
        ctx.write(os.path.join(under, name), text)
    os.unlink(os.path.join(under, "d/e/g"))
    time.sleep(0.2)
    out = python(ctx, look + "print(open('a').read(), os.path.exists('b'), open('d/f').read(), open('d/new').read(), os.listdir('d/e'))", m.top)
    assert_eq(out, b"mine False host, longer host []\n", "what the guest sees")


@test()
def test_full_layer(ctx):
    """A guest that fills the layer's file system is told so, leaves some of it to others, and can go on when it has removed something."""
    under, before = lower(ctx)
    disk = ctx.make_dir(os.path.join(ctx.dir, "disk"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,uid=%d" % ctx.uid, "tmpfs", disk], check=False).returncode:
        raise Skip("mounting takes root")
    ctx.on_close(lambda: subprocess.run(["umount", "-l", disk], check=True))
    m = Overlay(ctx, under, ctx.make_dir(os.path.join(disk, "layer")))
    out = python(ctx, "import errno, os, sys\nos.chdir(sys.argv[1])\nn = 0\nf = open('big', 'wb', 0)\ntry:\n    while True:\n        n += f.write(b'x' * 65536)\n"
                 "except OSError as e:\n    print(errno.errorcode[e.errno], n >> 20)\nf.close()\nos.unlink('big')\nopen('a', 'a').write('fits')\nprint(open('a').read())",
                 m.top)
    code, size, *rest = out.split()
    assert_eq((code, rest), (b"ENOSPC", [b"a", b"fits"]), "what the guest was told")
    assert_true(20 <= int(size) <= 28, "an eighth is left to others: %d MiB written" % int(size))
    assert_tree_same(before, fingerprint(under), "the directory below")


@test()
def test_synced_files_stay(ctx):
    """After kills at random moments; tests/fs/kills.py does as many as one wants."""
    if os.getuid() != 0 or not os.path.exists("/dev/fuse"):
        raise Skip("mounting takes root and /dev/fuse")
    top = ctx.make_dir(os.path.join(ctx.dir, "kills"))
    got = subprocess.run([sys.executable, KILLS, os.path.dirname(ctx.bin), top, "10", str(os.getpid())], capture_output=True, timeout=100, check=False)
    assert_eq(got.returncode, 0, "seed %d: %s" % (os.getpid(), got.stdout + got.stderr))


# inotify(7)
EVENTS = {2: "MODIFY", 4: "ATTRIB", 8: "CLOSE_WRITE", 64: "MOVED_FROM", 128: "MOVED_TO", 256: "CREATE", 512: "DELETE", 1024: "DELETE_SELF"}
DIRECTORY = 0x40000000


class Inotify:
    """What a program hears that watches paths."""

    def __init__(self, *paths):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.seen = []
        for path in paths:
            assert_true(self.libc.inotify_add_watch(self.fd, path.encode(), sum(EVENTS)) >= 0, "inotify_add_watch")

    def read(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return
        data = os.read(self.fd, 1 << 16)
        while data:
            _, mask, _, n = struct.unpack("iIII", data[:16])
            name = data[16:16 + n].rstrip(b"\0").decode()
            self.seen += [(text + ("/" if mask & DIRECTORY else ""), name) for bit, text in EVENTS.items() if mask & bit]
            data = data[16 + n:]

    def warm_up(self, path):
        """Until a change on the host is heard: the process that passes them on has just been started."""
        end = time.monotonic() + 30
        while not self.seen:
            assert_true(time.monotonic() < end, "nothing was heard of %s" % path)
            os.utime(path)
            self.read(0.3)
        self.read(0.5)
        self.seen = []

    def await_all(self, *wanted):
        """Until all of these were heard; what was heard is forgotten."""
        end = time.monotonic() + 10
        while not set(wanted) <= set(self.seen):
            assert_true(time.monotonic() < end, "%s of %s" % (self.seen, wanted))
            self.read(0.1)
        self.seen = []


def look_until_gone(path):
    wait_until(lambda: not os.path.exists(path), 10, "the end of " + path)


@test()
def test_watchers_hear_of_the_host(ctx):
    """Who watches a directory in the mount hears of changes on the host as if they were made here, and they stay what they are."""
    m = Mount(ctx)
    here, there = os.path.join(m.source, "d"), os.path.join(m.top, "d")
    ctx.make_dir(here)
    for name in ("a", "old", "run"):
        ctx.write(os.path.join(here, name), "x")
    os.chmod(os.path.join(here, "run"), 0o755)
    os.listdir(there)
    watch, one = Inotify(there), Inotify(os.path.join(there, "old"))
    path = {name: os.path.join(here, name) for name in ("a", "old", "run", "new", "dir", "link", "pipe", "tmp")}
    watch.warm_up(path["a"])
    time_before = os.stat(path["a"]).st_mtime_ns
    for name, change, wanted in (
            ("a", lambda p: ctx.write(p, "yy"), ("MODIFY", "CLOSE_WRITE")),
            ("run", lambda p: ctx.write(p, "yy", 0o755), ("MODIFY",)),
            ("a", lambda p: os.chmod(p, 0o640), ("MODIFY",)),
            ("new", lambda p: ctx.write(p, "yy"), ("CREATE", "MODIFY", "CLOSE_WRITE")),
            ("new", lambda p: (os.unlink(p), look_until_gone(os.path.join(there, "new"))), ("DELETE",)),
            ("dir", os.mkdir, ("CREATE/",)),
            ("dir", os.rmdir, ("DELETE/",)),
            ("link", lambda p: os.symlink("a", p), ("CREATE",)),
            ("pipe", os.mkfifo, ("CREATE",)),
            ("old", lambda p: (ctx.write(path["tmp"], "zzz"), os.rename(path["tmp"], p)), ("CREATE", "CLOSE_WRITE"))):
        change(path[name])
        watch.await_all(*((event, name) for event in wanted))
    one.await_all(("DELETE_SELF", ""))  # it was replaced
    for directory in (here, there):
        assert_eq(sorted(os.listdir(directory)), ["a", "link", "old", "pipe", "run"], directory)
        assert_eq([open(os.path.join(directory, n), encoding="ascii").read() for n in ("a", "old", "run")], ["yy", "zzz", "yy"], directory)
    assert_true(os.stat(path["a"]).st_mtime_ns > time_before and os.stat(path["a"]).st_mode & 0o777 == 0o640, "the file is the host's")
    # One that watches nothing of the mount's hears nothing more than it would, and own changes come once.
    time.sleep(0.3)
    watch.read(0.1)
    watch.seen = []
    os.close(os.open(os.path.join(there, "own"), os.O_CREAT | os.O_WRONLY))
    watch.await_all(("CREATE", "own"), ("CLOSE_WRITE", "own"))
    watch.read(0.3)
    assert_eq(watch.seen, [], "events of the mount's own change, again")
