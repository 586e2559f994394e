"""Random operations of somebody who wants git on the host to run something: with names that git knows, in any order, by any name,
through descriptors that stay open. Usage: ways.py DIRECTORY HOST-DIRECTORY SEED OPERATIONS. After some operations the host's tree is
looked at as git does; prints what was done and exits with 1 when git would find what was not there before."""

import ctypes
import os
import random
import sys

NAMES = ["HEAD", "objects", "refs", "config", "config.worktree", "commondir", "hooks", "info", "attributes", "worktrees", ".git", "modules",
         "pre-commit", "x.sample", "a", "b", "c"]
TEXTS = [b"[core]\n\tbare = false\n", b"[core]\n\tfsmonitor = evil\n", b"../..", b"..", b"ref: refs/heads/x\n", b"* filter=evil\n", b""]
libc = ctypes.CDLL(None, use_errno=True)


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def is_runnable(common, own):
    """What git would run or select a driver by, given a common directory and the one it found."""
    if b"evil" in read(os.path.join(common, "config")) + read(os.path.join(own, "config.worktree")) + read(os.path.join(common, "config.worktree")):
        return "config"
    if b"evil" in read(os.path.join(common, "info/attributes")):
        return "attributes"
    hooks = os.path.join(common, "hooks")
    try:
        bad = [n for n in os.listdir(hooks) if not n.endswith(".sample")]
    except OSError:
        return None
    return "hooks" if bad else None


def look(top):
    """As setup.c, is_git_directory: the first directory that is one and has something to run."""
    for path, _, _ in os.walk(top):
        if not os.path.lexists(os.path.join(path, "HEAD")):
            continue
        link = read(os.path.join(path, "commondir")).rstrip(b"\r\n").decode(errors="replace")
        common = os.path.join(path, link) if os.path.lexists(os.path.join(path, "commondir")) and link else path
        if not (os.path.exists(os.path.join(common, "objects")) and os.path.exists(os.path.join(common, "refs"))):
            continue
        if not os.path.realpath(common).startswith(os.path.realpath(top)):
            return path, "leads out"
        found = is_runnable(common, path)
        if found:
            return path, found
    return None


class Somebody:
    def __init__(self, top, seed):
        self.top, self.r, self.open, self.dirs = top, random.Random(seed), [], [top]

    def path(self):
        return os.path.join(self.r.choice(self.dirs), self.r.choice(NAMES))

    def existing(self):
        at = self.r.choice(self.dirs)
        names = os.listdir(at)
        return os.path.join(at, self.r.choice(names)) if names else self.path()

    def mkdir(self):
        os.mkdir(self.path())

    def write(self):
        fd = os.open(self.path(), os.O_RDWR | os.O_CREAT | self.r.choice([0, os.O_TRUNC, os.O_APPEND]), 0o755)
        self.open.append(fd)
        if self.r.random() < 0.8:
            os.write(fd, self.r.choice(TEXTS))

    def write_open(self):
        os.pwrite(self.r.choice(self.open), self.r.choice(TEXTS), self.r.choice([0, 0, 3]))

    def truncate(self):
        os.ftruncate(self.r.choice(self.open), 0)

    def reopen(self):
        with open("/proc/self/fd/%d" % self.r.choice(self.open), "wb") as f:
            f.write(self.r.choice(TEXTS))

    def close(self):
        os.close(self.open.pop(self.r.randrange(len(self.open))))

    def rename(self):
        os.rename(self.existing(), self.path())

    def replace(self):
        os.rename(self.existing(), self.existing())

    def exchange(self):
        libc.renameat2(-100, self.existing().encode(), -100, self.existing().encode(), 2)

    def link(self):
        os.link(self.existing(), self.path(), follow_symlinks=False)

    def link_open(self):
        libc.linkat(-100, b"/proc/self/fd/%d" % self.r.choice(self.open), -100, self.path().encode(), 0x400)

    def nameless(self):
        self.open.append(os.open(self.r.choice(self.dirs), os.O_TMPFILE | os.O_RDWR, 0o644))

    def symlink(self):
        os.symlink(self.r.choice(["../" * self.r.randrange(3) + n for n in NAMES] + ["a/b"]), self.path())

    def remove(self):
        path = self.existing()
        os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def repository(self):
        """What is hard to meet by chance: all parts but one, or all."""
        at = self.path()
        os.mkdir(at)
        parts = ["HEAD", "objects", "refs"]
        self.r.shuffle(parts)
        for part in parts[self.r.randrange(2):]:
            os.mkdir(os.path.join(at, part)) if part != "HEAD" else open(os.path.join(at, part), "wb").close()
        with open(os.path.join(at, "new"), "wb") as f:
            f.write(self.r.choice(TEXTS))
        os.rename(os.path.join(at, "new"), os.path.join(at, "config"))

    def linked(self):
        at = os.path.join(self.r.choice(self.dirs), self.r.choice(["worktrees", "worktrees", "a"]))
        os.makedirs(os.path.join(at, "w"), exist_ok=True)
        with open(os.path.join(at, "w", "commondir"), "wb") as f:
            f.write(b"../..\n")
        open(os.path.join(at, "w", "HEAD"), "wb").close()

    def act(self):
        acts = [(self.mkdir, 10), (self.write, 14), (self.write_open, 10), (self.truncate, 2), (self.reopen, 4), (self.close, 3), (self.rename, 16),
                (self.replace, 6), (self.exchange, 5), (self.link, 5), (self.link_open, 3), (self.nameless, 2), (self.symlink, 4), (self.remove, 8),
                (self.repository, 4), (self.linked, 3)]
        f = self.r.choices([a for a, _ in acts], [n for _, n in acts])[0]
        if len(self.open) > 20:
            self.close()
        try:
            f()
        except (OSError, IndexError, ValueError):
            return f.__name__ + " no"
        return f.__name__

    def rest(self):
        self.dirs = [path for path, _, _ in os.walk(self.top)]
        if len(self.dirs) > 60:
            for path, dirs, files in os.walk(self.top, topdown=False):
                for name in dirs + files:
                    full = os.path.join(path, name)
                    try:
                        os.rmdir(full) if os.path.isdir(full) and not os.path.islink(full) else os.unlink(full)
                    except OSError:
                        pass
            self.dirs = [path for path, _, _ in os.walk(self.top)]


def main():
    top, host, seed, n = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    somebody, done, yes = Somebody(top, seed), [], 0
    for i in range(n):
        done.append("%d %s" % (i, somebody.act()))
        yes += not done[-1].endswith(" no")
        if i % 5 == 0:
            somebody.rest()
        found = look(host) if i % 3 == 0 else None
        if found:
            print("\n".join(done[-30:]), found, *os.listdir(found[0]), sep="\n")
            return 1
    print("%d of %d" % (yes, n))
    return 0


sys.exit(main())
