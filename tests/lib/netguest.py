"""A guest of a few lines for ccvm-net (Ethernet, ARP, IPv4, TCP, UDP, ICMP) on one socket, the session on the other, and
servers for it to talk to."""

import contextlib
import hashlib
import json
import os
import select
import socket
import struct
import subprocess
import threading
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ.get("CCVM_LIBEXEC") or os.path.join(REPO, "build/libexec/ccvm"), "ccvm-net")

GUEST, GATEWAY, RESOLVER = "10.0.2.15", "10.0.2.2", "10.0.2.3"
GUEST_MAC, GATEWAY_MAC = b"\x52\x54\x00\x12\x34\x56", b"\x52\x55\x0a\x00\x02\x02"
GUEST6, GATEWAY6 = "fec0::15", "fec0::2"
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
DEADLINE = 15


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(proto, payload, dst=GATEWAY, src=GUEST, fragment=0x4000, ident=1):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return GATEWAY_MAC + GUEST_MAC + b"\x08\x00" + head + payload


def tcp_segment(sport, dport, seq, ack, flags, data=b"", urgent=0, options=b"", dst=GATEWAY, src=GUEST):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (5 + len(options) // 4) << 4, flags,
                       0xFFFF, 0, urgent) + options + data
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, 6, len(head))
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


class Net:
    """A running ccvm-net with the two ends a test holds."""

    def __init__(self, *args, setup=None):
        self.qemu, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.process = subprocess.Popen(
            [PROGRAM, "--qemu-fd", str(theirs.fileno()), "--control-fd", str(control.fileno()), *args],
            pass_fds=(theirs.fileno(), control.fileno()), env={}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        theirs.close()
        control.close()
        self.lines, self.bytes, self.ident = b"", b"", 1
        if setup:
            setup(self)
        self.ready = self.event("ready")

    def event(self, name):
        """The next event of this name from the control socket."""
        end = time.monotonic() + DEADLINE
        while True:
            while b"\n" in self.lines:
                line, self.lines = self.lines.split(b"\n", 1)
                event = json.loads(line)
                if event["type"] == name:
                    return event
            got = self.receive(self.control, end)
            if got is None:
                raise AssertionError("no %s event; ccvm-net says: %s" % (name, self.end_and_stderr()))
            self.lines += got

    def stats(self):
        self.control.sendall(b'{"type":"stats"}\n')
        return self.event("stats")

    @staticmethod
    def receive(sock, end):
        """Bytes, or None at end of file or when the time is up."""
        if not select.select([sock], [], [], max(0, end - time.monotonic()))[0]:
            return None
        return sock.recv(1 << 20) or None

    def send(self, *frames):
        self.qemu.sendall(b"".join(struct.pack("!I", len(f)) + f for f in frames))

    def frame(self, seconds=DEADLINE):
        """The next frame, or None."""
        end = time.monotonic() + seconds
        while True:
            if len(self.bytes) >= 4:
                n = struct.unpack("!I", self.bytes[:4])[0]
                if len(self.bytes) >= 4 + n:
                    frame, self.bytes = self.bytes[4:4 + n], self.bytes[4 + n:]
                    return frame
            got = self.receive(self.qemu, end)
            if got is None:
                return None
            self.bytes += got

    def until(self, match, seconds=DEADLINE):
        """The first match(frame) that is true; ARP questions for the guest are answered meanwhile. None when time is up."""
        end = time.monotonic() + seconds
        while True:
            frame = self.frame(max(0, end - time.monotonic()))
            if frame is None:
                return None
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == socket.inet_aton(GUEST):
                self.send(frame[6:12] + GUEST_MAC + b"\x08\x06\0\1\x08\0\6\4\0\2" + GUEST_MAC + socket.inet_aton(GUEST) +
                          frame[22:32])
                continue
            found = match(frame)
            if found:
                return found

    def arp(self, address):
        self.send(b"\xff" * 6 + GUEST_MAC + b"\x08\x06\0\1\x08\0\6\4\0\1" + GUEST_MAC + socket.inet_aton(GUEST) + b"\0" * 6 +
                  socket.inet_aton(address))
        return self.until(lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2" and
                          f[28:32] == socket.inet_aton(address) and f[22:28])

    def barrier(self):
        """Everything sent before has been dealt with: a ping of the gateway has come back."""
        self.ident += 1
        echo = struct.pack("!BBHHH", 8, 0, 0, self.ident, 1)
        self.send(ip4(1, echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]))
        return self.until(lambda f: f[12:14] == b"\x08\x00" and f[23] == 1 and f[34] == 0 and
                          f[38:40] == struct.pack("!H", self.ident))

    def end_and_stderr(self):
        self.qemu.close()
        self.control.close()
        try:
            return self.process.communicate(timeout=DEADLINE)[1].decode()
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "(killed) " + self.process.communicate()[1].decode()

    def close(self):
        text = self.end_and_stderr()
        assert self.process.returncode == 0, "exit %s, stderr: %s" % (self.process.returncode, text)
        assert text == "", text


@contextlib.contextmanager
def net(*args, setup=None):
    n = Net(*args, setup=setup)
    try:
        yield n
    except BaseException:
        n.process.kill()
        n.end_and_stderr()
        raise
    n.close()


class Tcp:
    """One connection of the guest. No retransmission: nothing is lost here unless it was dropped on purpose."""

    def __init__(self, n, port, sport, dst=GATEWAY):
        self.net, self.port, self.sport, self.dst, self.seq, self.ack, self.got = n, port, sport, dst, 1000, 0, b""
        self.acked, self.window, self.finished = 0, 0, False

    def out(self, flags, data=b"", **kw):
        segment = tcp_segment(self.sport, self.port, self.seq, self.ack, flags, data, dst=self.dst, **kw)
        self.net.send(ip4(6, segment, dst=self.dst))

    def segment(self, seconds=DEADLINE):
        """(flags, seq, ack, window, data) of the next segment of this connection, or None."""
        def match(f):
            if f[12:14] != b"\x08\x00" or f[23] != 6 or f[34:38] != struct.pack("!HH", self.port, self.sport):
                return None
            seq, ack = struct.unpack("!II", f[38:46])
            end = 14 + struct.unpack("!H", f[16:18])[0]
            return f[47], seq, ack, struct.unpack("!H", f[48:50])[0], f[34 + (f[46] >> 4) * 4:end]
        return self.net.until(match, seconds)

    def connect(self):
        """The flags of the answer to the SYN, or None."""
        self.out(SYN, options=b"\2\4\x05\xb4")
        answer = self.segment()
        if answer and answer[0] == SYN | ACK:
            self.seq += 1
            self.ack, self.acked, self.window = answer[1] + 1, answer[2], answer[3]
            self.out(ACK)
        return answer and answer[0]

    def take(self, seconds=DEADLINE):
        """Takes one segment into account and acknowledges what is new; False when none came."""
        s = self.segment(seconds)
        if s is None:
            return False
        flags, seq, ack, window, data = s
        assert not flags & URG, "a segment with URG for the guest"
        self.acked, self.window = ack, window
        fresh = seq == self.ack & 0xFFFFFFFF
        if fresh and data:
            self.got += data
            self.ack += len(data)
        if fresh and flags & FIN:
            self.ack += 1
            self.finished = True
        if data or flags & FIN:
            self.out(ACK)
        return True

    def send(self, data):
        at, first = 0, self.seq
        while at < len(data) or self.acked - first < len(data):
            room = self.acked + self.window - self.seq
            if at < len(data) and room > 0:
                piece = data[at:at + min(1460, room)]
                self.out(ACK | PSH, piece)
                self.seq += len(piece)
                at += len(piece)
            else:
                assert self.take(), "no acknowledgement after %d of %d bytes" % (self.acked - first, len(data))

    def read(self, n):
        while len(self.got) < n and not self.finished:
            assert self.take(), "%d of %d bytes came" % (len(self.got), n)
        data, self.got = self.got[:n], self.got[n:]
        return data


@contextlib.contextmanager
def server(handle, address="127.0.0.1"):
    """A TCP server for one connection after the other; yields its port."""
    listener = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                peer = listener.accept()[0]
                with peer, contextlib.suppress(OSError):
                    handle(peer)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(DEADLINE)


def echo(peer):
    while data := peer.recv(65536):
        peer.sendall(data)


def pattern(n):
    """n bytes that repeat nowhere."""
    return b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(n // 32 + 1))[:n]
