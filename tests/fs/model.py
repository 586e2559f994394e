"""Random operations, the same ones in two directories, of which one is the model: each call has to have the same
result or the same error in both, and the trees are compared at the end.

    model.py DIRECTORY[,DIRECTORY...] MODEL SEED STEPS

Several directories are views of one, which take turns of 40 operations: mounts of it in guests, and the host's own. Who
begins a turn takes a lock first, which makes a guest see what the others did.
"""

import ctypes
import errno
import fcntl
import os
import random
import stat
import sys
import time

NAMES = ["a", "b", "c", "d/a", "d/b", "d/c", "d/e/a", "d/e/b", "d", "d/e", "x", "x/y", "none/z", "a/z"]
HELD_MAX = 8
TURN = 40
NOREPLACE, EXCHANGE = 1, 2
LIBC = ctypes.CDLL(None, use_errno=True)


def renameat2(a, b, flags):
    if LIBC.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), flags) < 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def shown(st):
    """What has to agree; sizes of directories and inode numbers are the file system's own."""
    is_dir = stat.S_ISDIR(st.st_mode)
    return (st.st_mode, None if is_dir else st.st_nlink, None if is_dir else st.st_size, st.st_uid, st.st_gid)


class Side:
    def __init__(self, top):
        self.top = top
        self.held = []

    def path(self, name):
        return os.path.join(self.top, name)

    # Each operation: what it returns is compared.
    def op_open(self, name, flags, mode):
        fd = os.open(self.path(name), flags, mode)
        if len(self.held) == HELD_MAX:
            os.close(self.held.pop(0))
        self.held.append(fd)
        return shown(os.fstat(fd))

    def op_tmpfile(self, name, mode):
        return self.op_open(name, os.O_TMPFILE | os.O_RDWR, mode)

    def op_write(self, name, text):
        with open(self.path(name), "wb") as f:
            return f.write(text)

    def op_append(self, name, text):
        with open(self.path(name), "ab") as f:
            return f.write(text)

    def op_read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read(1 << 20)

    def op_truncate(self, name, size):
        return os.truncate(self.path(name), size)

    def op_unlink(self, name):
        return os.unlink(self.path(name))

    def op_mkdir(self, name, mode):
        return os.mkdir(self.path(name), mode)

    def op_rmdir(self, name):
        return os.rmdir(self.path(name))

    def op_rename(self, name, to, flags):
        return renameat2(self.path(name), self.path(to), flags)

    def op_link(self, name, to):
        return os.link(self.path(name), self.path(to), follow_symlinks=False)

    def op_symlink(self, name, to):
        os.symlink(to, self.path(name))
        return os.readlink(self.path(name))

    def op_mkfifo(self, name, mode):
        return os.mkfifo(self.path(name), mode)

    def op_chmod(self, name, mode):
        return os.chmod(self.path(name), mode)

    def op_utime(self, name, ns):
        os.utime(self.path(name), ns=(ns, ns + 7), follow_symlinks=False)
        st = os.lstat(self.path(name))
        # A symbolic link with another name may be on the way here, which reads it.
        return st.st_atime_ns if st.st_nlink == 1 else None, st.st_mtime_ns

    def op_stat(self, name):
        return shown(os.lstat(self.path(name)))

    def op_list(self, name):
        return sorted(os.listdir(self.path(name)))

    def op_xattr(self, name, value):
        os.setxattr(self.path(name), "user.test", value)
        return os.getxattr(self.path(name), "user.test"), [n for n in os.listxattr(self.path(name)) if n.startswith("user.")]

    def op_held_write(self, i, text, at):
        return os.pwrite(self.held[i], text, at)

    def op_held_read(self, i, n, at):
        return os.pread(self.held[i], n, at)

    def op_held_truncate(self, i, size):
        return os.ftruncate(self.held[i], size)

    def op_held_chmod(self, i, mode):
        return os.fchmod(self.held[i], mode)

    def op_held_stat(self, i):
        return shown(os.fstat(self.held[i]))

    def op_held_allocate(self, i, at, n):
        return os.posix_fallocate(self.held[i], at, n)

    def op_held_hole(self, i, at):
        # Where holes are depends on what the file system has written out by now; of a directory it means nothing.
        return stat.S_ISDIR(os.fstat(self.held[i]).st_mode) or os.lseek(self.held[i], at, os.SEEK_HOLE) >= at

    def op_held_lock(self, i, operation):
        return fcntl.flock(self.held[i], operation | fcntl.LOCK_NB)

    def op_held_sync(self, i):
        return os.fsync(self.held[i])

    def op_held_close(self, i):
        return os.close(self.held.pop(i))


def arguments(r, op, held):
    """Random ones for the operation; None: it cannot be done now."""
    name = lambda: r.choice(NAMES)
    text = lambda: r.randbytes(r.choice((0, 1, 100, 5000)))
    mode = lambda: r.choice((0o600, 0o644, 0o755, 0o700, 0o444))
    flags = lambda: (r.choice((os.O_RDONLY, os.O_WRONLY, os.O_RDWR)) | r.choice((0, os.O_CREAT, os.O_CREAT | os.O_EXCL))
                     | r.choice((0, 0, os.O_TRUNC, os.O_APPEND)) | os.O_NOFOLLOW | os.O_NONBLOCK)
    at = lambda: r.randrange(0, 9000)
    made = {
        "open": lambda: (name(), flags(), mode()), "tmpfile": lambda: (name(), mode()), "write": lambda: (name(), text()),
        "append": lambda: (name(), text()), "read": lambda: (name(),), "truncate": lambda: (name(), at()),
        "unlink": lambda: (name(),), "mkdir": lambda: (name(), r.choice((0o755, 0o700))), "rmdir": lambda: (name(),),
        "rename": lambda: (name(), name(), r.choice((0, 0, NOREPLACE, EXCHANGE))), "link": lambda: (name(), name()),
        "symlink": lambda: (name(), r.choice(("a", "../b", "/nonexistent", "d"))), "mkfifo": lambda: (name(), mode()),
        "chmod": lambda: (name(), mode() | 0o700 if r.random() < 0.9 else mode()),
        "utime": lambda: (name(), r.randrange(1, 2 * 10 ** 18)), "stat": lambda: (name(),), "list": lambda: (name(),),
        "xattr": lambda: (name(), text()[:100]), "held_write": lambda: (text(), at()), "held_read": lambda: (4000, at()),
        "held_truncate": lambda: (at(),), "held_chmod": lambda: (mode(),), "held_stat": lambda: (),
        "held_allocate": lambda: (at(), 1 + at()), "held_hole": lambda: (at(),), "held_sync": lambda: (), "held_close": lambda: (),
        "held_lock": lambda: (r.choice((fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN)),),
    }
    if not op.startswith("held_"):
        return made[op]()
    return (r.randrange(held),) + made[op]() if held else None


def may_block(side, op, args):
    """Opening a FIFO to write or read it by open() waits for another end."""
    if op not in ("write", "append", "read"):
        return False
    try:
        return stat.S_ISFIFO(os.stat(side.path(args[0])).st_mode)
    except OSError:
        return False


def outcome(side, op, args):
    try:
        return getattr(side, "op_" + op)(*args)
    except OSError as e:
        return errno.errorcode[e.errno]


def tree(top):
    found = {}
    for path, dirs, files in os.walk(top):
        for name in dirs + files:
            full = os.path.join(path, name)
            try:
                st = os.lstat(full)
            except PermissionError: # a directory that may be listed and not entered
                found[os.path.relpath(full, top)] = None
                continue
            content = os.readlink(full) if stat.S_ISLNK(st.st_mode) else None
            if stat.S_ISREG(st.st_mode) and st.st_mode & 0o400:
                with open(full, "rb") as f:
                    content = f.read()
            found[os.path.relpath(full, top)] = (shown(st), content)
    return found


def take_turn(view):
    """A lock is granted when this view has all that was done before (docs/decisions/0099)."""
    fd = os.open(os.path.join(os.path.dirname(view), "turn"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.close(fd)


LINKS_S = 1.1  # attributes of a file with several names are believed for a second: not all of them may be watched


def has_names(model, op, args):
    try:
        st = os.fstat(model.held[args[0]]) if op == "held_stat" else os.lstat(model.path(args[0]))
    except OSError:
        return True  # it had, maybe
    return not stat.S_ISDIR(st.st_mode)


def drop(sides, i):
    for side in sides:
        os.close(side.held.pop(i))


def is_known(sides, op, args, got):
    """What cannot be had in a guest when somebody else moves directories; docs/decisions/0103."""
    if got == "ENOENT" and op == "link":  # of one whose last known name went: it is found by that alone
        return True
    if got != "ESTALE":
        return False
    if op == "rename":  # of a directory that is at another place in the guest's memory: the kernel gives up
        return True
    if op.startswith("held_") and stat.S_ISDIR(os.fstat(sides[1].held[args[0]]).st_mode):
        drop(sides, args[0])
        return True
    return False


def shared(model, op, args):
    """The arguments as they are with several views of one directory; None: not at all."""
    if op == "mkfifo":  # a FIFO is its system's own
        return None
    if op == "held_lock" and stat.S_ISDIR(os.fstat(model.held[args[0]]).st_mode):  # so is a lock of a directory
        return None
    if op in ("chmod", "held_chmod"):  # what has a name in a directory without permission is not found by another one
        return (args[0], args[1] | 0o700)
    return args


def step(sides, op, args, several):
    """Does it on both sides. None: the same came of it, else both outcomes."""
    got = outcome(sides[0], op, args)
    if several and is_known(sides, op, args, got):
        return None
    want = outcome(sides[1], op, args)
    if several and got != want and op in ("stat", "held_stat") and has_names(sides[1], op, args):
        time.sleep(LINKS_S)
        got = outcome(sides[0], op, args)
    return None if got == want and len(sides[0].held) == len(sides[1].held) else (got, want)


def run(pairs, r, steps, done):
    """pairs: a view and the model, with the descriptors that this view holds. Returns what differs; None: nothing."""
    ops = sorted(n[3:] for n in dir(Side) if n.startswith("op_"))
    several, sides = len(pairs) > 1, pairs[0]
    for number in range(steps):
        if several and number % TURN == 0:
            sides = r.choice(pairs)
            take_turn(sides[0].top)
        op = r.choice(ops)
        args = arguments(r, op, len(sides[0].held))
        if args is not None and several:
            args = shared(sides[1], op, args)
        if args is None or may_block(sides[1], op, args):
            continue
        wrong = step(sides, op, args, several)
        if wrong:
            return "step %d: %s%r in %s: %r, in the model %r" % (number, op, args, sides[0].top, *wrong)
        done[op] = done.get(op, 0) + 1
    return None


def main():
    views, model = sys.argv[1].split(","), sys.argv[2]
    pairs = [(Side(v), Side(model)) for v in views]
    done = {}
    os.umask(0o022)
    wrong = run(pairs, random.Random(int(sys.argv[3])), int(sys.argv[4]), done)
    for view in views:
        if len(views) > 1:
            take_turn(view)
        if not wrong and tree(view) != tree(model):
            wrong = "the trees differ: %s" % sorted(set(map(repr, tree(view).items())) ^ set(map(repr, tree(model).items())))[:6]
    print(wrong or "done: " + " ".join("%s=%d" % i for i in sorted(done.items())))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
