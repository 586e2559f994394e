"""Writes that have to outlive whoever carries them: durable.py DIRECTORY [STEPS] in a guest, or another mount.

Prints the number of each step when it was synced. judge() says later, elsewhere, whether all that was synced is there.
"""

import os
import re
import sys
import zlib

KEPT = 7  # steps for which a file of its own stays


def content(step):
    """Of a size that has no page's boundary at its end."""
    body = (b"%d " % step) * (step * 977 % 9000 + 1)
    return b"%d %d %d\n" % (step, len(body), zlib.crc32(body)) + body


def whole(data):
    """The step that this is the whole content of; None: of none."""
    head = re.match(rb"(\d+) \d+ \d+\n", data)
    return int(head[1]) if head and content(int(head[1])) == data else None


def sync_directory(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


def write_synced(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    while data:
        data = data[os.write(fd, data):]
    os.fsync(fd)
    os.close(fd)


def take_step(step, log):
    os.write(log, b"%d\n" % step)
    os.fsync(log)
    write_synced("new", content(step))
    os.rename("new", "current")
    write_synced("files/%d" % step, content(step))
    if step > KEPT:
        os.unlink("files/%d" % (step - KEPT))
    sync_directory("files")
    sync_directory(".")


def main(directory, steps="1000000"):
    os.chdir(directory)
    os.makedirs("files", exist_ok=True)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for step in range(1, int(steps) + 1):
        take_step(step, log)
        sys.stdout.write("%d\n" % step)
        sys.stdout.flush()


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def judge(directory, last):
    """What is wrong in the directory after a writer of which so many steps were heard; []. It may have got further: the
    log, which comes first in a step, says where it was, in the midst of that step or behind it."""
    wrong = []
    if not last:
        return wrong
    lines = read(directory, "log").split(b"\n")[:-1]
    at = len(lines)
    if lines != [b"%d" % i for i in range(1, at + 1)] or at < last:
        wrong.append("log: %d lines, the last %r, of %d" % (at, lines[-1:], last))
    current = whole(read(directory, "current"))
    if current not in (max(last, at - 1), at):
        wrong.append("current is of step %s, where %d was heard, at %d" % (current, last, at))
    there = {int(n) for n in os.listdir(os.path.join(directory, "files"))}
    must = set(range(max(1, at - KEPT + 1), max(last, at - 1) + 1))
    if not must <= there <= must | {at - KEPT, at}:
        wrong.append("files %s, not %s, at %d" % (sorted(there), sorted(must), at))
    wrong += ["files/%d is torn" % i for i in sorted(must & there) if whole(read(directory, "files", str(i))) != i]
    return wrong


if __name__ == "__main__":
    main(*sys.argv[1:])
