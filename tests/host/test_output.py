"""Output of a session reaches a terminal filtered and escaped, whatever stdin is, and a pipe unchanged: ccvm with a session that plays
what it is told."""

import json
import os
import select
import shutil
import subprocess
import time

from harness import assert_eq, assert_in, assert_true, each, test
from termwire import frame

# Reads what ccvm starts it with and the end of stdin, then writes the frames of the file.
SESSION = """#!/usr/bin/python3
import os, struct
def take(n):
    data = b""
    while len(data) < n:
        more = os.read(3, n - len(data))
        if not more:
            raise SystemExit(1)
        data += more
    return data
while True:
    n, kind = struct.unpack("<IB", take(5))
    take(n)
    if kind == ord("z"):
        break
with open(%r, "rb") as f:
    data = f.read()
while data:
    data = data[os.write(3, data):]
"""

CLIPBOARD = b"\x1b]52;c;c3RvbGVu\x07\x1bPq~\x1b\\\x9d52;c;c3RvbGVu\x9c"
OUT = b"begun\n" + CLIPBOARD + b"\x1b[?1003h\x1b[?1049h\x1b[6nfinished\n"
ERR = b"warned\n" + CLIPBOARD + b"\x1b[?2004h\x1b[cdone\n"
EVIL = "e\x1b]52;c;c3RvbGVu\x07\x1b[?1003h\x9b31m"
EXIT = {"code": 0}


def event(**fields):
    return frame("e", json.dumps(fields, ensure_ascii=False).encode())


def play(ctx, frames, outputs, *args, **env):
    """ccvm with stdin from /dev/null; outputs: which of stdout and stderr are terminals. Returns (stdout, stderr)."""
    top = ctx.make_dir(os.path.join(ctx.dir, "fake%d" % ctx.counter))
    ctx.counter += 1
    here = os.path.dirname(ctx.bin)
    shutil.copytree(os.path.join(here, "share"), os.path.join(top, "share"), symlinks=True)
    script = ctx.write(os.path.join(top, "frames"), frames)
    ctx.write(os.path.join(top, "libexec", "ccvm", "ccvm-session"), (SESSION % script).encode(), 0o755)
    os.mkdir(os.path.join(top, "bin"))
    shutil.copy(os.path.join(ctx.bin, "ccvm"), os.path.join(top, "bin", "ccvm"))
    pairs = [os.openpty() if terminal else os.pipe() for terminal in outputs]
    ours, theirs = [p[0] for p in pairs], [p[1] for p in pairs]
    program = subprocess.Popen([os.path.join(top, "bin", "ccvm"), *args], stdin=subprocess.DEVNULL, stdout=theirs[0], stderr=theirs[1],
                               env=ctx.env(env), cwd=ctx.workspace, start_new_session=True, **ctx.user.ids())
    ctx.on_close(program.kill)
    for fd in theirs:
        os.close(fd)
    got, open_fds, end = {fd: b"" for fd in ours}, set(ours), time.monotonic() + 60
    while open_fds and time.monotonic() < end:
        for fd in select.select(list(open_fds), [], [], 1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:  # a terminal that nobody has open any more
                data = b""
            got[fd] += data
            if not data:
                open_fds.discard(fd)
    for fd in ours:
        os.close(fd)
    program.wait(20)
    return tuple(got[fd].replace(b"\r\n", b"\n") if terminal else got[fd] for fd, terminal in zip(ours, outputs))


def assert_harmless(text, what):
    for bad in (b"\x1b]52", b"\x1bP", b"\x9d", b"\x9b", b"c3RvbGVu\x07", b"\x1b[6n", b"\x1b[c"):
        assert_true(bad not in text, "%s: %r" % (what, text))


@each({"both": (True, True), "stdout": (True, False), "stderr": (False, True), "neither": (False, False)})
@test()
def test_filter(ctx, outputs):
    frames = event(event="state", state="running") + frame("W", b"\x01") + frame("o", OUT) + frame("r", ERR) + frame("q", json.dumps(EXIT).encode())
    out, err = play(ctx, frames, outputs)
    shown = (b"begun\n\x1b[?1003h\x1b[?1049hfinished\n\x1b[?1003l\x1b[?1049l", b"warned\n\x1b[?2004hdone\n\x1b[?2004l")
    assert_eq(out, shown[0] if outputs[0] else OUT, "stdout")
    assert_eq(err, shown[1] if outputs[1] else ERR, "stderr")


@test()
def test_without_the_filter(ctx):
    """All but queries passes, and is undone."""
    frames = event(event="state", state="running") + frame("o", OUT) + frame("r", ERR) + frame("q", json.dumps(EXIT).encode())
    out, err = play(ctx, frames, (True, True), CCVM_TERMINAL_FILTER="0")
    assert_eq(out, OUT.replace(b"\x1b[6n", b"") + b"\x1b[?1003l\x1b[?1049l", "stdout")
    assert_eq(err, ERR.replace(b"\x1b[c", b"") + b"\x1b[?2004l", "stderr")


@test()
def test_text_is_not_held_back(ctx):
    """A sequence that does not end holds nothing but itself."""
    frames = event(event="state", state="running") + frame("o", b"a line\n\x1b]52;c;\nnext\x1bP") + frame("r", b"x") + frame("q", json.dumps(EXIT).encode())
    assert_eq(play(ctx, frames, (True, True)), (b"a line\n\nnext", b"x"), "stdout and stderr")


@each({"plain": (), "debug": ("--ccvm-debug",)})
@test()
def test_what_the_session_says(ctx, args):
    """Notes, stages, failures: a session that was taken over writes them."""
    frames = (event(event="progress", stage=EVIL) + event(event="note", stage=EVIL, text=EVIL) + event(event="clip", reason=EVIL) +
              frame("e", b"no JSON \x1b]52;c;c3RvbGVu\x07") + frame("e", b'{"event":"note","text":"\x1b]52;c;c3RvbGVu\x07"}') +
              frame("q", json.dumps({"code": 125, "failed": True, **{k: EVIL for k in ("stage", "reason", "remedy", "console", "qemu", "directory")}}).encode()))
    out, err = play(ctx, frames, (True, True), *args, CCVM_EVENTS="/dev/stderr")
    assert_harmless(out, "stdout")
    assert_harmless(err, "stderr")
    assert_in(b"\\x1b]52", out + err, "it is shown")
    assert_true(b"\x1b[?1003h" not in out + err, "modes in %r" % (out + err))


@test()
def test_ls(ctx):
    """status.json is the session's: a dry run's stands for it."""
    code, out, _ = ctx.ccvm(env={"CCVM_DRYRUN": "1", "CCVM_IMAGE": "/nonexistent", "CCVM_QEMU": "/nonexistent"}, timeout=20)
    assert_eq(code, 0, "exit code of the dry run")
    with open(os.path.join(out.decode().rstrip("\n"), "status.json"), "wb") as f:
        f.write(json.dumps({k: EVIL for k in ("state", "agent", "mode", "name", "workspace")}, ensure_ascii=False).encode() + b"\n")
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "ls"], timeout=20)
    assert_eq((code, err), (0, b""), "exit code and stderr")
    assert_harmless(out, "stdout")
    assert_in(b"e\\x1b]52", out, "it is shown")
    assert_eq(ctx.run([os.path.join(ctx.bin, "ccvmctl"), "rm", "--all"], timeout=20)[0], 0, "exit code of rm")
