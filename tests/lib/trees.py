"""Directory trees: fingerprints to compare before and after, and the search for bytes that must be nowhere."""

import hashlib
import os
import stat


def entry(path):
    """(kind, mode, uid, gid, mtime in ns, content): everything about one file that a test may want unchanged."""
    st = os.lstat(path)
    kind, content = stat.filemode(st.st_mode)[0], ""
    if kind == "l":
        content = os.readlink(path)
    elif kind == "-":
        digest = hashlib.sha256()
        with open(path, "rb") as f:
            for block in iter(lambda: f.read(1 << 20), b""):
                digest.update(block)
        content = "%d bytes %s" % (st.st_size, digest.hexdigest())
    return kind, stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns, content


def walk(root):
    """Every path below root as bytes, root itself first; symbolic links are not followed."""
    root = os.fsencode(root)
    if not os.path.lexists(root):
        return
    yield root
    for top, dirs, files in os.walk(root):
        dirs.sort()
        for name in sorted(dirs + files):
            yield os.path.join(top, name)


def fingerprint(root):
    """{relative path: entry}. A file created and removed again still shows in its directory's mtime."""
    base = len(os.fsencode(root))
    found = {}
    for path in walk(root):
        try:
            found[path[base:].lstrip(b"/") or b"."] = entry(path)
        except FileNotFoundError:
            pass
    return found


def differences(before, after):
    """Lines that say what changed between two fingerprints."""
    lines = []
    for path in sorted(before.keys() | after.keys()):
        name = path.decode("utf-8", "backslashreplace")
        if path not in after:
            lines.append("gone:    " + name)
        elif path not in before:
            lines.append("new:     %s %s" % (name, after[path]))
        elif before[path] != after[path]:
            lines.append("changed: %s\n    before %s\n    after  %s" % (name, before[path], after[path]))
    return lines


def assert_tree_same(before, after, what="tree"):
    lines = differences(before, after)
    if lines:
        raise AssertionError("%s changed in %d places\n  %s" % (what, len(lines), "\n  ".join(lines[:20])))


def find_in_tree(needle, *roots):
    """The paths below the roots whose name, link target or content has the bytes."""
    found = []
    for root in roots:
        for path in walk(root):
            try:
                st = os.lstat(path)
                if needle in os.path.basename(path) or stat.S_ISLNK(st.st_mode) and needle in os.readlink(path):
                    found.append(path)
                elif stat.S_ISREG(st.st_mode) and in_file(needle, path):
                    found.append(path)
            except FileNotFoundError:
                pass
    return [p.decode("utf-8", "backslashreplace") for p in found]


def in_file(needle, path, block=1 << 20):
    keep = b""
    with open(path, "rb") as f:
        while data := f.read(block):
            if needle in keep + data:
                return True
            keep = (keep + data)[-(len(needle) - 1):] if len(needle) > 1 else b""
    return False
