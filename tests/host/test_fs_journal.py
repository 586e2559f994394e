"""The journal of ccvm-fs, by a mount on this machine: what a guest did can be undone by it."""

import ctypes
import os
import shutil
import stat
import sys

from fsmount import Mount
from harness import assert_eq, assert_true, test

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fs"))
import undo  # noqa: E402 (tests/fs/undo.py)

MODEL = os.path.join(HERE, "..", "fs", "model.py")
SIZE = 64 << 20


def tree(top):
    """All that an undo has to bring back; files that are one have one number."""
    found, seen = {}, {}
    for path, dirs, files in os.walk(top):
        for name in [""] * (path == top) + dirs + files:
            full = os.path.join(path, name) if name else path
            st = os.lstat(full)
            what = os.readlink(full) if stat.S_ISLNK(st.st_mode) else None
            if stat.S_ISREG(st.st_mode):
                with open(full, "rb") as f:
                    what = f.read()
            same = None if stat.S_ISDIR(st.st_mode) else seen.setdefault(st.st_ino, os.path.relpath(full, top))
            found[os.path.relpath(full, top)] = (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, what, same)
    return found


class Journaled:
    def __init__(self, ctx, mode="rw", source=None, size=SIZE, rules=()):
        self.ctx = ctx
        self.journal = ctx.make_dir(os.path.join(ctx.dir, "journal"))
        self.mount = Mount(ctx, mode, source, rules=("undo", *rules, "journal=%s:%d" % (self.journal, size)))
        self.source = self.mount.source
        self.top = self.mount.top

    def records(self):
        self.mount.close()
        return undo.read(os.path.join(os.path.dirname(self.ctx.bin), "test/fs/journal"), self.journal)

    def undo(self):
        records, end = self.records()
        assert_eq(end, "end", "the list")
        u = undo.Undo(self.source, self.journal)
        u.undo(records)
        return records, u


def fill(ctx, top):
    """A project, with all that may be in one; made on the host, with old times."""
    for d in ("d", "d/e", "x", "deep/a/b"):
        os.makedirs(os.path.join(top, d), exist_ok=True)
    for i, name in enumerate(("a", "b", "d/a", "d/b", "d/e/a", "x/y", "deep/a/b/file")):
        ctx.write(os.path.join(top, name), name * 300 * (i + 1))
    os.link(os.path.join(top, "a"), os.path.join(top, "d/c"))
    os.symlink("../b", os.path.join(top, "d/e/link"))
    os.mkfifo(os.path.join(top, "fifo"))
    os.chmod(os.path.join(top, "b"), 0o600)
    for path, dirs, files in os.walk(top, topdown=False):
        for n, name in enumerate(files + dirs + [""] * (path == top)):
            full = os.path.join(path, name) if name else path
            os.chown(full, ctx.uid, ctx.gid, follow_symlinks=False)
            os.utime(full, ns=(10 ** 18 + n, 10 ** 18 + 1000 * len(path) + n), follow_symlinks=False)


def exchange(a, b):
    assert_eq(ctypes.CDLL(None).renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2), 0, "exchange")


def shown(r):
    return r.path, r.type, r.op, r.contents


def put(path, text, mode="w"):
    with open(path, mode, encoding="ascii") as f:
        f.write(text)


def prepared(ctx, **more):
    source = ctx.make_dir(os.path.join(ctx.dir, "exported"))
    fill(ctx, source)
    return Journaled(ctx, source=source, **more)


def way_write(top):
    put(top + "/a", "new")
    put(top + "/a", "more", "a")


def way_truncate(top):
    os.truncate(top + "/b", 7)
    put(top + "/d/e/a", "", "w")


def way_attributes(top):
    os.chmod(top + "/d", 0o711)
    os.chmod(top + "/b", 0o640)
    os.utime(top + "/x/y", ns=(5, 6))
    put(top + "/b", "after the mode")


def way_remove_tree(top):
    shutil.rmtree(top + "/deep")
    shutil.rmtree(top + "/d")
    os.unlink(top + "/fifo")


def way_move_directory(top):
    os.rename(top + "/d", top + "/deep/a/moved")
    put(top + "/deep/a/moved/a", "in another place")
    os.unlink(top + "/deep/a/moved/e/link")
    os.rename(top + "/deep/a/moved", top + "/once more")


def way_links(top):
    os.unlink(top + "/a")
    put(top + "/d/c", "by its other name")
    os.link(top + "/d/c", top + "/third")
    os.unlink(top + "/d/c")
    os.unlink(top + "/third")


def way_link_of_one(top):
    os.link(top + "/b", top + "/d/b2")
    os.unlink(top + "/b")
    put(top + "/d/b2", "it is the same")


def way_replace(top):
    put(top + "/new", "new")
    os.rename(top + "/new", top + "/b")
    os.rename(top + "/d/a", top + "/a")
    os.rename(top + "/d/e/link", top + "/x/y")


def way_exchange(top):
    exchange(top + "/d", top + "/b")
    put(top + "/b/a", "in what was d")
    put(top + "/d", "in what was b", "a")


def way_open(top):
    """What is open and has lost its name, or a name of several."""
    with open(top + "/a", "r+", encoding="ascii") as two, open(top + "/b", "r+", encoding="ascii") as one:
        os.unlink(top + "/a")
        os.unlink(top + "/b")
        two.write("reaches d/c")
        one.write("reaches nothing")


def way_own(top):
    """What was made here goes without a trace."""
    os.makedirs(top + "/m/n")
    put(top + "/m/n/o", "x" * 5000)
    os.rename(top + "/m", top + "/d/e/m")
    os.symlink("nowhere", top + "/d/e/m/s")
    shutil.rmtree(top + "/d/e/m")


def way_rename_onto_link(top):
    os.rename(top + "/a", top + "/d/c")  # two names of one file: both stay
    os.rename(top + "/d/c", top + "/d/d")


def way_nameless(top):
    fd = os.open(top + "/d", os.O_TMPFILE | os.O_RDWR, 0o644)
    os.write(fd, b"made")
    assert_eq(ctypes.CDLL(None).linkat(-100, b"/proc/self/fd/%d" % fd, -100, os.fsencode(top + "/d/made"), 0x400), 0, "linkat")
    os.close(fd)


WAYS = {name[4:]: way for name, way in sorted(globals().items()) if name.startswith("way_")}


@test(timeout=300)
def test_undo_of_each_way(ctx):
    """By the journal and the tree of now the tree before comes back: contents, modes, times, links."""
    for name, way in WAYS.items():
        source = ctx.make_dir(os.path.join(ctx.dir, name))
        fill(ctx, source)
        before = tree(source)
        j = Journaled(ctx, source=source)
        way(j.top)
        assert_true(tree(source) != before or name in ("own",), "%s changed something" % name)
        _, u = j.undo()
        assert_eq(tree(source), before, name)
        assert_eq(u.lost, [], "%s: lost" % name)
        shutil.rmtree(j.journal)


@test(timeout=600)
def test_undo_of_random_operations(ctx):
    for seed in range(21, 27):
        source, model = (os.path.join(ctx.dir, "%s%d" % (name, seed)) for name in ("source", "model"))
        for path in (source, model):
            fill(ctx, ctx.make_dir(os.path.join(ctx.make_dir(path), "t")))
        before = tree(source)
        j = Journaled(ctx, source=source)
        code, out, err = ctx.run([sys.executable, MODEL, os.path.join(j.top, "t"), os.path.join(model, "t"), str(seed), "1500"], timeout=200)
        assert_eq((code, err), (0, b""), "seed %d: %s" % (seed, out.decode()))
        assert_true(tree(source) != before, "something changed")
        j.undo()
        after = tree(source)
        assert_eq({k: after[k] for k in after if after[k] != before.get(k)}, {}, "seed %d: differs" % seed)
        assert_eq(sorted(before), sorted(after), "seed %d: names" % seed)
        shutil.rmtree(j.journal)


def saved(records):
    return {r.path: r for r in records if r.type == undo.SAVED}


@test()
def test_saved_once(ctx):
    """A file's contents are copied before its first change only, and those of what was made here never."""
    j = prepared(ctx)
    for i in range(50):
        put(j.top + "/a", str(i), "a")
        put(j.top + "/made", str(i), "a")
    os.chmod(j.top + "/made", 0o600)
    records, _ = j.records()
    assert_eq([shown(r)[:3] for r in records],
              [("a", undo.SAVED, undo.WRITE), ("", undo.SAVED, undo.ENTRIES), ("made", undo.MADE, undo.CREATE)], "records")
    assert_eq(sorted(os.listdir(j.journal)), sorted(["list", str(records[0].copy)]), "the journal")
    assert_eq(os.stat(os.path.join(j.journal, "list")).st_mode & 0o777, 0o600, "its mode")


@test()
def test_what_does_not_fit(ctx):
    """No change waits or fails: what is too large is recorded without its contents; a full list says that it is."""
    source = ctx.make_dir(os.path.join(ctx.dir, "exported"))
    for name, size in (("large", 3000000), ("small", 1000), ("holes", 0)):
        ctx.write(os.path.join(source, name), "x" * size)
        os.chown(os.path.join(source, name), ctx.uid, ctx.gid)
    os.truncate(os.path.join(source, "holes"), 10 << 20)
    j = Journaled(ctx, source=source, size=100000)
    for name in ("large", "small"):
        put(os.path.join(j.top, name), "new")
    put(os.path.join(j.top, "holes"), "new", "r+")
    for i in range(2000):
        put(os.path.join(j.top, str(i)), "")
    put(os.path.join(j.top, "small"), "after")
    records, end = j.records()
    assert_eq(end, "end", "the list")
    files = saved(records)
    assert_eq([files[n].contents for n in ("large", "small", "holes")], [undo.NOT_KEPT, undo.KEPT, undo.KEPT], "contents")
    assert_eq(files["large"].size, 3000000, "what is known of it")
    assert_eq([r.type for r in records].index(undo.FULL), len(records) - 1, "the last record")
    used = sum(os.stat(os.path.join(j.journal, n)).st_blocks * 512 for n in os.listdir(j.journal))
    assert_true(used <= 100000 + 8192, "%d bytes on disk" % used)
    assert_eq(len(os.listdir(j.source)), 2003, "what the guest made")


@test()
def test_killed(ctx):
    """What a killed server wrote of its last record is ignored, and a server that continues the list keeps the rest."""
    j = prepared(ctx)
    before = tree(j.source)
    put(j.top + "/a", "new")
    put(j.top + "/b", "new")
    os.kill(j.mount.server, 9)
    j.mount.close()
    path = os.path.join(j.journal, "list")
    size = os.path.getsize(path)
    for cut in (1, 50, 106):
        os.truncate(path, size - cut)
        records, end = j.records()
        assert_eq((len(records), end), (1, "torn"), "cut by %d" % cut)
    j.mount = Mount(ctx, source=j.source, rules=("undo", "journal=%s:%d" % (j.journal, SIZE)))
    put(j.mount.top + "/b", "newer")
    put(j.mount.top + "/x/y", "newer")
    records, u = j.undo()
    assert_eq([r.path for r in records], ["a", "b", "x/y"], "records")
    after = tree(j.source)
    assert_eq([n for n in before if before[n] != after[n]], ["b"], "what the lost record was of")
    assert_eq(after["b"][4], b"new", "b, when the second server began")


@test()
def test_only_where_asked(ctx):
    """Directories without `undo` are not recorded; the journal is in none of the exports."""
    other = ctx.make_dir(os.path.join(ctx.dir, "other"))
    j = prepared(ctx, rules=("o=%s:rw" % other,))
    put(os.path.join(j.mount.point, "o", "file"), "x")
    put(j.top + "/a", "x")
    assert_eq(sorted(os.listdir(j.mount.point)), ["o", "w"], "the root")
    records, _ = j.records()
    assert_eq([(r.export, r.path) for r in records], [("w", "a")], "records")


@test()
def test_made_since(ctx):
    """A file that the host makes behind the guest's back, and that the guest means to make, is saved."""
    for name, mode in (("new", "w"), ("other", "a"), ("third", "w+")):
        source = ctx.make_dir(os.path.join(ctx.dir, name + "s"))
        j = Journaled(ctx, source=source)
        assert_true(not os.path.exists(os.path.join(j.top, name)), "it is not there")
        ctx.write(os.path.join(source, name), "of the host")
        os.chown(os.path.join(source, name), ctx.uid, ctx.gid)
        put(os.path.join(j.top, name), "of the guest", mode)
        j.undo()
        with open(os.path.join(source, name), encoding="ascii") as f:
            assert_eq(f.read(), "of the host", name)
        shutil.rmtree(j.journal)


@test()
def test_overlay_bases(ctx):
    """Of an overlay: what the host's file was when it was copied or covered, though the host changes it later."""
    source = ctx.make_dir(os.path.join(ctx.dir, "exported"))
    layer = ctx.make_dir(os.path.join(ctx.dir, "layer"))
    for name in ("tree", "work"):
        ctx.make_dir(os.path.join(layer, name))
    fill(ctx, source)
    before = tree(source)
    j = Journaled(ctx, mode=layer, source=source)
    put(j.top + "/d/e/a", "new")
    os.chmod(j.top + "/b", 0o644)
    os.unlink(j.top + "/x/y")
    os.rename(j.top + "/d/b", j.top + "/d/moved")
    put(j.top + "/made", "new")
    put(j.top + "/made", "more", "a")
    os.rename(j.top + "/deep", j.top + "/deeper")
    put(j.top + "/deeper/a/b/file", "by its new name")
    assert_eq(tree(source), before, "the host's")
    for name in ("d/e/a", "b", "x/y"):
        ctx.write(os.path.join(source, name), "changed since")
    records, end = j.records()
    assert_eq(end, "end", "the list")
    files = saved(records)
    for name, was in (("d/e/a", "d/e/a"), ("b", "b"), ("x/y", "x/y"), ("d/b", "d/b"), ("deeper/a/b/file", "deep/a/b/file")):
        r = files[name]
        assert_eq((r.mode, r.mtime, r.contents), (before[was][0], before[was][3], undo.KEPT), name)
        with open(os.path.join(j.journal, str(r.copy)), "rb") as f:
            assert_eq(f.read(), before[was][4], name)
    for name in ("", "d", "d/e", "x"):
        assert_eq(files[name].mtime, before[name or "."][3], "directory %r" % name)
    assert_eq([(r.path, r.other) for r in records if r.type == undo.MOVED], [("d/b", "d/moved"), ("deep", "deeper")], "moved")
    assert_eq([r.path for r in records if r.type == undo.MADE], ["made"], "made")
    assert_eq([r.path for r in records if r.type == undo.GONE], ["x/y"], "gone")
    assert_eq(len([r for r in records if r.contents == undo.KEPT]), 5, "copies")


@test()
def test_beside_the_policy(ctx):
    """What is refused is not recorded; git's configuration goes on being replaced, and is undone."""
    source = ctx.make_dir(os.path.join(ctx.dir, "exported"))
    git = lambda top, *args: ctx.run(["git", "-C", top, *args], env={"GIT_CONFIG_NOSYSTEM": "1"})[0]
    assert_eq(git(source, "init", "-q"), 0, "git init")
    ctx.write(os.path.join(source, "hidden"), "secret")
    os.chown(os.path.join(source, "hidden"), ctx.uid, ctx.gid)
    before = tree(source)
    j = Journaled(ctx, source=source, rules=("protect-git", "hide=hidden"))
    assert_eq(git(j.top, "config", "user.name", "A"), 0, "a harmless key")
    assert_true(git(j.top, "config", "core.fsmonitor", "/bin/false") != 0, "a command is refused")
    for name in ("hidden", ".git/hooks/new", ".git/config"):
        try:
            put(os.path.join(j.top, name), "x")
            raise AssertionError("%s was written" % name)
        except OSError:
            pass
    records, u = j.undo()
    assert_eq(tree(source), before, "the tree")
    assert_eq(sorted({r.path for r in records}), ["", ".git", ".git/config", ".git/config.lock"][1:], "paths")
