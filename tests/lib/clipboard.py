"""Real clipboards for tests: X (Xvfb, xclip) and Wayland (headless sway, wl-clipboard), and pictures to put there."""

import base64
import os
import random
import struct
import subprocess
import zlib

from checks import assert_true, wait_until


def png(width, height, seed=1):
    """A PNG with smooth areas and some noise."""
    rnd = random.Random(seed)
    noise = rnd.randbytes(4096)
    rows = bytearray()
    for y in range(height):
        line = bytearray(b"\0")
        at = y * 7 % 2048
        base = bytes((y * 255 // height, seed * 40 % 256, 200 - y * 200 // height)) * width
        line += base[:width * 3 - 1024] + noise[at:at + 1024] if width * 3 > 1024 else base
        rows += line

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))


def convert(data, kind, *args):
    """The picture as another kind, by ImageMagick: "bmp3", "tiff", "jpeg", "gray"."""
    return subprocess.run(["/usr/bin/convert", "-", *args, kind + ":-"], input=data, capture_output=True, check=True).stdout


def looks_same(a, b):
    """Whether two encodings show the same picture: as 32×32 grey dots, hardly any of them different."""
    dots = [convert(x, "gray", "-flatten", "-resize", "32x32!", "-colorspace", "Gray", "-depth", "8") for x in (a, b)]
    return len(dots[0]) == len(dots[1]) == 1024 and max(abs(p - q) for p, q in zip(*dots)) < 24


def images_of(body):
    """The pictures in a request for an answer."""
    found = []

    def walk(v):
        if isinstance(v, dict):
            if v.get("type") == "image" and "data" in v.get("source", {}):
                found.append(base64.b64decode(v["source"]["data"]))
            for x in v.values():
                walk(x)
        elif isinstance(v, list):
            for x in v:
                walk(x)
    walk(body["messages"])
    return found


class Owner:
    """A display; programs that own its clipboard. .env is what a user's session would have set."""

    def __init__(self, ctx):
        self.ctx, self.procs, self.n = ctx, [], 0
        ctx.on_close(self.close)

    def start(self, argv, **env):
        proc = self.ctx.spawn(argv, env={**env})
        self.procs.append(proc)
        self.ctx.ran.remove(proc)
        return proc

    def file(self, data):
        self.n += 1
        return self.ctx.write(os.path.join(self.ctx.dir, "clip%d" % self.n), data)

    def close(self):
        for proc in reversed(self.procs):
            proc.kill()
        self.procs.clear()


class X(Owner):
    def __init__(self, ctx, size="320x200"):
        super().__init__(ctx)
        self.server = self.start(["Xvfb", "-displayfd", "1", "-screen", "0", size + "x24", "-nolisten", "tcp", "-noreset"])
        self.env = {"DISPLAY": ":" + self.server.wait_for(rb"^(\d+)\n", 60)[1].decode(), "WAYLAND_DISPLAY": None}

    def set(self, data, mime):
        """Own the clipboard with one type, until the next set."""
        self.start(["/usr/bin/xclip", "-quiet", "-selection", "clipboard", "-i", "-t", mime, self.file(data)], **self.env)
        self.wait(mime)

    def wait(self, mime):
        def there():
            code, out, _ = self.ctx.run(["/usr/bin/xclip", "-selection", "clipboard", "-o", "-t", "TARGETS"], env=self.env)
            self.ctx.ran.pop()
            return code == 0 and mime.encode() in out.split(b"\n")
        wait_until(there, 30, mime + " in the clipboard")

    def set_many(self, types):
        """Own the clipboard with several types: {mime: bytes}. By tk, since xclip offers one only."""
        mark = "ccvm-test/%d" % self.n  # the owner before it may have all the others
        args = [x for mime, data in {**types, mark: b""}.items() for x in (mime, self.file(data))]
        self.start(["/usr/bin/python3", os.path.join(os.path.dirname(__file__), "xowner.py"), *args], **self.env)
        self.wait(mark)


class Wayland(Owner):
    def __init__(self, ctx):
        super().__init__(ctx)
        runtime = ctx.runtime
        conf = self.file(b"xwayland disable\n")
        self.server = self.start(["sway", "-c", conf], WLR_BACKENDS="headless", WLR_LIBINPUT_NO_DEVICES="1",
                                 WLR_RENDERER="pixman", DISPLAY=None)

        def socket():
            names = [n for n in os.listdir(runtime) if n.startswith("wayland-") and not n.endswith(".lock")]
            assert_true(self.server.code is None, "sway ended: %s" % self.server.err[-2000:])
            return names[0] if names else None
        self.env = {"WAYLAND_DISPLAY": wait_until(socket, 60, "Wayland socket"), "DISPLAY": None}

    def set(self, data, mime):
        self.start(["sh", "-c", 'exec wl-copy --foreground --type "$0" <"$1"', mime, self.file(data)], **self.env)

        def there():
            code, out, _ = self.ctx.run(["/usr/bin/wl-paste", "--list-types"], env=self.env)
            self.ctx.ran.pop()
            return code == 0 and mime.encode() in out.split(b"\n")
        wait_until(there, 30, mime + " in the clipboard")
