"""ccvm-fs against a kernel: mounted on this machine by the guest's relay, with no guest between (tests/fs/fsmount.c).

The server runs as the test's user, as it does for a session; mounting takes root and /dev/fuse.
"""

import fcntl
import os
import sys
import threading

from fsmount import Mount
from harness import assert_eq, assert_true, test

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
