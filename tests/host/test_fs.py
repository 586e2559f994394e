"""ccvm-fs against a kernel: mounted on this machine by the guest's relay, with no guest between (tests/fs/fsmount.c).

The server runs as the test's user, as it does for a session; mounting takes root and /dev/fuse.
"""

import fcntl
import os
import subprocess
import sys
import threading
import time

from fsmount import Mount
from harness import Skip, assert_eq, assert_tree_same, assert_true, fingerprint, test

HERE = os.path.dirname(os.path.abspath(__file__))
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
