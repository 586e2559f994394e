"""Undoes by a journal what was done in a directory: its records backwards (src/fs/fs_record.h).

A file is found by its path, which is right at each step since the steps after it were undone; one that has lost the name
that the journal knew, or names of which went, by its inode.
"""

import ctypes
import os
import stat
import subprocess

SAVED, MADE, GONE, MOVED, SWAPPED, FULL = range(1, 7)
CREATE, MKDIR, SYMLINK, MKNOD, LINK, WRITE, TRUNCATE, ALLOCATE, ATTRIBUTES, REMOVE, RENAME, ENTRIES, COPY_UP = range(1, 14)
SAME, KEPT, NOT_KEPT = range(3)
FIELDS = ("type", "op", "contents", "own", "when", "file", "copy", "device", "inode", "size", "mode", "uid", "gid", "nlink", "atime", "mtime")
LIBC = ctypes.CDLL(None, use_errno=True)


class Record:
    def __init__(self, line):
        values = line.split(",")
        for name, value in zip(FIELDS, values):
            setattr(self, name, int(value))
        self.export, self.path, self.other = (os.fsdecode(bytes.fromhex(v)) for v in values[len(FIELDS):])

    def __repr__(self):
        return repr(self.__dict__)


def read(program, journal):
    """The records, and how the list ends."""
    with open(os.path.join(journal, "list"), "rb") as f:
        lines = subprocess.run([program], stdin=f, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    return [Record(line) for line in lines[:-1]], lines[-1]


class Undo:
    def __init__(self, top, journal):
        self.top = top
        self.journal = journal
        self.inodes = {}  # by file of the journal: of what was put back
        self.lost = []

    def full(self, path):
        return os.path.join(self.top, path) if path else self.top

    def find(self, inode):
        for path, dirs, files in os.walk(self.top):
            for name in dirs + files:
                full = os.path.join(path, name)
                if os.lstat(full).st_ino == inode:
                    return full
        return None

    def undo(self, records):
        for r in reversed(records):
            getattr(self, "undo_%d" % r.type)(r)

    def undo_2(self, r):  # MADE
        full = self.full(r.path)
        if stat.S_ISDIR(os.lstat(full).st_mode):
            os.rmdir(full)
        else:
            os.unlink(full)

    def undo_3(self, r):  # GONE
        full, there = self.full(r.path), None
        if stat.S_ISDIR(r.mode):
            os.mkdir(full, 0o700)
            return
        if r.file in self.inodes:
            there = self.find(self.inodes[r.file])
        elif r.nlink > 1:
            there = self.find(r.inode)
        if there:
            os.link(there, full, follow_symlinks=False)
            return
        os.close(os.open(full, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self.inodes[r.file] = os.lstat(full).st_ino

    def undo_4(self, r):  # MOVED
        assert not os.path.lexists(self.full(r.path)), r
        os.rename(self.full(r.other), self.full(r.path))

    def undo_5(self, r):  # SWAPPED
        assert LIBC.renameat2(-100, os.fsencode(self.full(r.path)), -100, os.fsencode(self.full(r.other)), 2) == 0, r

    def undo_1(self, r):  # SAVED
        full = self.full(r.path)
        if not r.path and not stat.S_ISDIR(r.mode):
            full = self.find(self.inodes.get(r.file, r.inode))
            if not full:  # a file that nobody has any more
                return
        if r.contents == NOT_KEPT:
            self.lost.append(r.path)
        if stat.S_IFMT(os.lstat(full).st_mode) != stat.S_IFMT(r.mode):
            self.make(full, r)
        if r.contents == KEPT:
            with open(os.path.join(self.journal, str(r.copy)), "rb") as f:
                contents = f.read()
            with open(full, "wb") as f:
                f.write(contents)
        os.chown(full, r.uid, r.gid, follow_symlinks=False)
        if not stat.S_ISLNK(r.mode):
            os.chmod(full, stat.S_IMODE(r.mode))
        os.utime(full, ns=(r.atime, r.mtime), follow_symlinks=False)

    def make(self, full, r):
        """What stands in for it is a file, of which there may be several names."""
        names = [full]
        inode = os.lstat(full).st_ino
        while os.lstat(full).st_nlink > len(names):
            names += [os.path.join(p, n) for p, _, f in os.walk(self.top) for n in f
                      if os.path.join(p, n) not in names and os.lstat(os.path.join(p, n)).st_ino == inode]
        for name in names:
            os.unlink(name)
        if stat.S_ISLNK(r.mode):
            os.symlink(r.other, full)
        else:
            os.mknod(full, r.mode)
        for name in names[1:]:
            os.link(full, name, follow_symlinks=False)
        self.inodes[r.file] = os.lstat(full).st_ino
