"""Owns the X clipboard with several types at once: xowner.py MIME FILE [MIME FILE]... A plain X client (ICCCM section 2)
on the X protocol itself, since xclip offers one type only."""

import os
import socket
import struct
import sys


class Connection:
    """Little-endian X11 core protocol; no authority, for servers that let their own user in."""

    def __init__(self, display):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/tmp/.X11-unix/X" + display.lstrip(":").split(".")[0])
        self.sock.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        ok, _, _, _, words = struct.unpack("<BBHHH", self.take(8))
        setup = self.take(words * 4)
        assert ok == 1, setup
        base, _, _, vendor, self.max, _, formats = struct.unpack("<IIIHHBB", setup[4:22])
        screen = 32 + (vendor + 3) // 4 * 4 + formats * 8
        self.root, = struct.unpack_from("<I", setup, screen)
        self.window = base

    def take(self, n):
        data = b""
        while len(data) < n:
            got = self.sock.recv(n - len(data))
            if not got:
                sys.exit(0)
            data += got
        return data

    def send(self, opcode, detail, payload):
        """A request; with BIG-REQUESTS' length it would need that extension, so each is kept short."""
        payload += b"\0" * (-len(payload) % 4)
        self.sock.sendall(struct.pack("<BBH", opcode, detail, 1 + len(payload) // 4) + payload)

    def next(self):
        """(code, bytes) of the next event or reply."""
        data = self.take(32)
        if data[0] == 1:
            data += self.take(struct.unpack_from("<I", data, 4)[0] * 4)
        return data[0] & 127, data

    def atom(self, name):
        self.send(16, 0, struct.pack("<Hxx", len(name)) + name.encode())
        while True:
            code, data = self.next()
            if code == 1:
                return struct.unpack_from("<I", data, 8)[0]


def main():
    x = Connection(os.environ["DISPLAY"])
    clipboard, targets = x.atom("CLIPBOARD"), x.atom("TARGETS")
    held = {}
    for mime, path in zip(sys.argv[1::2], sys.argv[2::2]):
        with open(path, "rb") as f:
            held[x.atom(mime)] = f.read()
    x.send(1, 0, struct.pack("<IIhhHHHHII", x.window, x.root, 0, 0, 1, 1, 0, 2, 0, 0))  # CreateWindow, InputOnly
    x.send(22, 0, struct.pack("<III", x.window, clipboard, 0))  # SetSelectionOwner
    while True:
        code, data = x.next()
        if code != 30:  # SelectionRequest
            continue
        time, _, requestor, selection, target, prop = struct.unpack("<IIIIII", data[4:28])
        if target == targets:
            body = struct.pack("<%dI" % (len(held) + 1), targets, *held)
            x.send(18, 0, struct.pack("<IIIBxxxI", requestor, prop, 4, 32, len(body) // 4) + body)  # ATOM
        elif target in held:
            body = held[target][:200000]
            x.send(18, 0, struct.pack("<IIIBxxxI", requestor, prop, target, 8, len(body)) + body)
        else:
            prop = 0
        x.send(25, 0, struct.pack("<II", requestor, 0) +
               struct.pack("<BxHIIIII8x", 31, 0, time, requestor, selection, target, prop)[:32].ljust(32, b"\0"))


main()
