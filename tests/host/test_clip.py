"""ccvm-clip, as ccvm-session drives it: real X and Wayland clipboards, and tools that misbehave."""

import json
import os
import socket
import struct
import subprocess
import time

import procs
from clipboard import Wayland, X, convert, looks_same, png
from harness import assert_eq, assert_in, assert_true, each, test, wait_until

TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff"]
LIST = 6
SECRET = b"hunter2-the-password"
TEXTS = ["text/plain", "text/html", "UTF8_STRING", "STRING", "COMPOUND_TEXT"]


class Clip:
    """A running ccvm-clip."""

    def __init__(self, ctx, env):
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(90)
        program = os.path.join(os.path.dirname(ctx.bin), "libexec", "ccvm", "ccvm-clip")
        fd = theirs.fileno()
        self.popen = subprocess.Popen(["/bin/bash", "-c", 'exec "$0" 3<&%d %d<&-' % (fd, fd), program] if fd != 3 else [program],
                                      pass_fds=[fd], env=ctx.env(env), cwd="/", **ctx.user.ids())
        ctx.ignored.add(self.popen.pid)
        theirs.close()
        ctx.on_close(self.close)

    def take(self, n):
        data = b""
        while len(data) < n:
            got = self.sock.recv(n - len(data))
            assert_true(got, "ccvm-clip has ended")
            data += got
        return data

    def ask(self, what):
        """(bytes, the end's object) for LIST or a type."""
        number = LIST if what == LIST else TYPES.index(what)
        self.sock.sendall(struct.pack("<IBB", 1, ord("C"), number))
        body = b""
        while True:
            n, kind = struct.unpack("<IB", self.take(5))
            data = self.take(n)
            if kind == ord("F"):
                return body, json.loads(data)
            assert_eq(chr(kind), "D", "frame")
            body += data

    def refuses(self, what, reason):
        body, end = self.ask(what)
        assert_eq((body, end["ok"]), (b"", False), "answer")
        assert_in(reason, end["reason"], "reason")

    def close(self):
        self.sock.close()
        try:
            self.popen.wait(30)
        except subprocess.TimeoutExpired:
            self.popen.kill()


def tools(ctx, **scripts):
    """A PATH with these tools alone, and the shell's own."""
    path = ctx.make_dir(os.path.join(ctx.dir, "tools%d" % len(os.listdir(ctx.dir))))
    for name, text in scripts.items():
        ctx.write(os.path.join(path, name.replace("_", "-")), "#!/bin/sh\n" + text + "\n", 0o755)
    return path + ":/usr/bin:/bin"


def fake_x(ctx, read, listed="image/png"):
    """ccvm-clip with an xclip that lists a type and then does what `read` says."""
    script = 'case "$*" in *TARGETS) echo TARGETS; echo %s;; *) %s;; esac' % (listed, read)
    return Clip(ctx, {"DISPLAY": ":77", "WAYLAND_DISPLAY": None, "PATH": tools(ctx, xclip=script)})


@each({"x": X, "wayland": Wayland})
@test()
def test_real(ctx, display):
    """Each type comes over byte for byte; text never, in the list neither."""
    d = display(ctx)
    clip = Clip(ctx, {**d.env, "PATH": "/usr/bin:/bin"})
    picture = png(300, 200)
    for kind, data in (("image/png", picture), ("image/jpeg", convert(picture, "jpeg")), ("image/gif", convert(picture, "gif"))):
        d.set(data, kind)
        assert_eq(clip.ask(LIST), (kind.encode() + b"\n", {"ok": True, "no_display": False}), "list")
        body, end = clip.ask(kind)
        assert_true(body == data and end["ok"], "the very same bytes of " + kind)
    d.set(SECRET, "text/plain")
    body, end = clip.ask(LIST)
    assert_eq((body, end["ok"]), (b"", True), "list of a text clipboard")
    assert_in("no image", end["reason"], "reason")
    for kind in TYPES:
        assert_eq(clip.ask(kind)[0], b"", kind)


@test()
def test_large_real(ctx):
    """An image of several megabytes, which X hands over in pieces."""
    d = X(ctx)
    picture = png(2000, 2000)
    d.set(picture, "image/png")
    body, _ = Clip(ctx, {**d.env, "PATH": "/usr/bin:/bin"}).ask("image/png")
    assert_true(body == picture, "the very same bytes")


@test()
def test_text_beside_image(ctx):
    """A clipboard with texts of all kinds and an image; one whose image type really holds text."""
    d = X(ctx)
    picture = png(40, 30)
    d.set_many({**{t: SECRET for t in TEXTS}, "image/png": picture})
    clip = Clip(ctx, {**d.env, "PATH": "/usr/bin:/bin"})
    assert_eq(clip.ask(LIST)[0], b"image/png\n", "list")
    assert_true(clip.ask("image/png")[0] == picture, "the very same bytes")
    d.set_many({"image/jpeg": SECRET, "image/png": SECRET + b"\x89PNG\r\n\x1a\n"})
    clip.refuses("image/png", "not of its stated type")
    clip.refuses("image/jpeg", "not of its stated type")


@each({"bmp": ("image/bmp", "bmp3"), "bmp by another name": ("image/x-MS-bmp", "bmp3"), "tiff": ("image/tiff", "tiff")})
@test()
def test_conversion(ctx, kind):
    """What claude cannot take comes as PNG, where the host can convert it; else the reason says what is missing."""
    mime, format = kind
    picture = png(200, 100)
    d = X(ctx)
    d.set(convert(picture, format), mime)
    clip = Clip(ctx, {**d.env, "PATH": "/usr/bin:/bin"})
    assert_eq(clip.ask(LIST)[0], b"image/png\n", "list")
    body, _ = clip.ask("image/png")
    assert_eq(body[:8], b"\x89PNG\r\n\x1a\n", "signature")
    assert_true(looks_same(body, picture), "the same picture")
    bare = ctx.make_dir(os.path.join(ctx.dir, "bare"))
    os.symlink("/usr/bin/xclip", os.path.join(bare, "xclip"))
    body, end = Clip(ctx, {**d.env, "PATH": bare}).ask(LIST)
    assert_eq(body, b"", "list without a converter")
    assert_in("imagemagick", end["reason"], "reason")


@test()
def test_nothing_to_ask(ctx):
    """No display, no tool, a display that is not there."""
    body, end = Clip(ctx, {"DISPLAY": None, "WAYLAND_DISPLAY": None}).ask(LIST)
    assert_eq((body, end["ok"], end["no_display"]), (b"", False, True), "without a display")
    assert_in("no display", end["reason"], "reason")
    bare = ctx.make_dir(os.path.join(ctx.dir, "bare"))
    Clip(ctx, {"DISPLAY": ":77", "WAYLAND_DISPLAY": None, "PATH": bare}).refuses(LIST, "apt-get install xclip")
    Clip(ctx, {"WAYLAND_DISPLAY": "no-such", "DISPLAY": None, "PATH": bare}).refuses(LIST, "apt-get install wl-clipboard")
    Clip(ctx, {"WAYLAND_DISPLAY": "no-such", "DISPLAY": None, "PATH": "/usr/bin:/bin"}).refuses(LIST, "does not answer")


@test()
def test_wayland_falls_back(ctx):
    """A Wayland display that does not answer leaves the X one to ask."""
    d = X(ctx)
    picture = png(30, 30)
    d.set(picture, "image/png")
    clip = Clip(ctx, {**d.env, "WAYLAND_DISPLAY": "no-such", "PATH": "/usr/bin:/bin"})
    assert_true(clip.ask("image/png")[0] == picture, "the very same bytes")


@each({"dies": ("kill -9 $$", "was killed"), "complains": ("exit 3", "could not be read"), "says nothing": ("exit 0", "not of its stated type"),
       "sends too much": ("exec head -c 1000000000 /dev/zero", "more than 20 MiB"),
       "sends text": ("echo " + SECRET.decode(), "not of its stated type")})
@test()
def test_bad_tool(ctx, tool):
    """A tool that misbehaves costs a reason, little memory, and nothing else: the next question is answered."""
    script, reason = tool
    clip = fake_x(ctx, script)
    for _ in range(2):
        clip.refuses("image/png", reason)
    peak = int([x for x in procs.read("/proc/%d/status" % clip.popen.pid).decode().split("\n") if x.startswith("VmHWM")][0].split()[1])
    assert_true(peak < 64 * 1024, "peak memory of ccvm-clip: %d KiB" % peak)


@test()
def test_half_an_image(ctx):
    whole = png(100, 100)
    half = ctx.write(os.path.join(ctx.dir, "half.png"), whole[:len(whole) // 2])
    fake_x(ctx, "cat " + half).refuses("image/png", "truncated")


@test()
def test_hanging_tool(ctx):
    """A tool that hangs, its children too, is ended in bounded time; also where it hangs with its output closed."""
    mark = "86423"
    for script in ("sleep %s & sleep %s" % (mark, mark), "exec >&-; sleep %s" % mark):
        start = time.monotonic()
        fake_x(ctx, script).refuses("image/png", "did not answer in time")
        assert_true(time.monotonic() - start < 60, "bounded time")
        wait_until(lambda: not [p for p in procs.processes() if p.uid == ctx.uid and mark.encode() in procs.cmdline(p.pid)], 20,
                   "end of the tool's children")


@test()
def test_arguments(ctx):
    """The tool gets a fixed command line."""
    log = ctx.write(os.path.join(ctx.dir, "log"), b"", 0o666)
    clip = fake_x(ctx, 'printf "%%s|" "$0" "$@" >>%s; echo >>%s' % (log, log))
    clip.ask("image/png")
    clip.ask("image/jpeg")
    with open(log, encoding="ascii") as f:
        [line] = [x.split("|", 1)[1] for x in f.read().splitlines()]
    assert_eq(line, "-selection|clipboard|-o|-t|image/png|", "arguments of xclip; nothing is run for what is not offered")
