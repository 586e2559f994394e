"""ccvm-net by itself: a guest of a few lines (Ethernet, ARP, IPv4, TCP, UDP, ICMP) on one socket, the session on the other,
servers on the host's loopback behind the gateway."""

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
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

    def __init__(self, *args):
        self.qemu, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.process = subprocess.Popen(
            [PROGRAM, "--qemu-fd", str(theirs.fileno()), "--control-fd", str(control.fileno()), *args],
            pass_fds=(theirs.fileno(), control.fileno()), env={}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        theirs.close()
        control.close()
        self.lines, self.bytes, self.ident = b"", b"", 1
        self.ready = self.event("ready")

    def event(self, name):
        """The next event of this name from the control socket."""
        end = time.monotonic() + DEADLINE
        while True:
            while b"\n" in self.lines:
                line, self.lines = self.lines.split(b"\n", 1)
                event = json.loads(line)
                if event["event"] == name:
                    return event
            got = self.receive(self.control, end)
            if got is None:
                raise AssertionError("no %s event; ccvm-net says: %s" % (name, self.end_and_stderr()))
            self.lines += got

    def stats(self):
        self.control.sendall(b'{"cmd":"stats"}\n')
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
def net(*args):
    n = Net(*args)
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


# -- the network ------------------------------------------------------------------------------------------------------

def test_arp(ctx):
    with net() as n:
        assert n.arp(GATEWAY) == GATEWAY_MAC
        assert n.arp(RESOLVER) == b"\x52\x55\x0a\x00\x02\x03"


def test_ping_of_the_gateway(ctx):
    with net() as n:
        assert n.barrier()


def test_tcp_through_the_gateway_is_byte_exact(ctx):
    data = pattern(700001)
    seen = []

    def handle(peer):
        got = b""
        while len(got) < len(data):
            got += peer.recv(65536)
        seen.append(got)
        peer.sendall(got[::-1])

    with server(handle) as port, net() as n:
        tcp = Tcp(n, port, 40000)
        assert tcp.connect() == SYN | ACK
        tcp.send(data)
        back = tcp.read(len(data))
        assert seen[0] == data, "upload differs"
        assert back == data[::-1], "download differs"
        stats = n.stats()
        assert stats["from_guest"]["bytes"] > len(data) and stats["to_guest"]["bytes"] > len(data), stats
        assert not any(stats["refused"].values()), stats


def test_many_connections_at_once(ctx):
    with server(lambda p: p.sendall(p.recv(100))) as port, net() as n:
        for i in range(200):
            tcp = Tcp(n, port, 20000 + i)
            assert tcp.connect() == SYN | ACK, i
            tcp.send(b"%d" % i)
            assert tcp.read(3) == b"%d" % i
            tcp.out(RST | ACK)


def test_a_closed_port_is_refused(ctx):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with net() as n:
        assert Tcp(n, port, 40000).connect() & RST


def test_udp_through_the_gateway(ctx):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, net() as n:
        s.bind(("127.0.0.1", 0))
        s.settimeout(DEADLINE)
        port = s.getsockname()[1]
        n.send(ip4(17, struct.pack("!HHHH", 5000, port, 12, 0) + b"ping"))
        data, peer = s.recvfrom(100)
        assert data == b"ping"
        s.sendto(b"pong!", peer)
        assert n.until(lambda f: f[12:14] == b"\x08\x00" and f[23] == 17 and f[26:30] == socket.inet_aton(GATEWAY) and
                       f[34:38] == struct.pack("!HH", port, 5000) and f[42:47] == b"pong!")


def test_large_udp_datagram_in_fragments(ctx):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, net() as n:
        s.bind(("127.0.0.1", 0))
        s.settimeout(DEADLINE)
        body = pattern(4000)
        whole = struct.pack("!HHHH", 5000, s.getsockname()[1], 8 + len(body), 0) + body
        pieces = [(at, whole[at:at + 1480]) for at in range(0, len(whole), 1480)]
        n.send(*(ip4(17, piece, fragment=at // 8 | (0x2000 if at + 1480 < len(whole) else 0), ident=77) for at, piece in pieces))
        assert s.recv(8000) == body


def test_larger_mtu(ctx):
    body = pattern(9000)
    echo_request = struct.pack("!BBHHH", 8, 0, 0, 9, 1) + body
    frame = ip4(1, echo_request[:2] + struct.pack("!H", checksum(echo_request)) + echo_request[4:])
    with net("--mtu", "16000") as n:
        assert n.ready["mtu"] == 16000
        n.send(frame)
        assert n.until(lambda f: f[12:14] == b"\x08\x00" and f[23] == 1 and f[34] == 0 and f[42:] == body)
    with net() as n:
        n.send(frame)
        assert n.barrier() and n.stats()["refused"]["too_long"] == 1


def test_ipv6_gateway(ctx):
    with net() as n:
        if not n.ready["ipv6"]:
            return
        src, dst = (socket.inet_pton(socket.AF_INET6, a) for a in (GUEST6, GATEWAY6))

        def icmp6(message, to, to_mac):
            pseudo = src + to + struct.pack("!II", len(message), 58)
            message = message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]
            n.send(to_mac + GUEST_MAC + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + src + to + message)

        # The gateway's link address first, as a guest does it, which also tells it ours (RFC 4861).
        group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:2")
        icmp6(struct.pack("!BBHI", 135, 0, 0, 0) + dst + b"\1\1" + GUEST_MAC, group, b"\x33\x33\xff\0\0\2")
        mac = n.until(lambda f: f[12:14] == b"\x86\xdd" and f[20] == 58 and f[54] == 136 and f[6:12])
        assert mac, "no neighbour advertisement"
        icmp6(struct.pack("!BBHHH", 128, 0, 0, 7, 1) + b"ccvm", dst, mac)
        assert n.until(lambda f: f[12:14] == b"\x86\xdd" and f[20] == 58 and f[54] == 129 and f[62:66] == b"ccvm")


# -- what is stopped ---------------------------------------------------------------------------------------------------

def test_urgent_data_from_the_guest_is_dropped(ctx):
    with server(echo) as port, net() as n:
        tcp = Tcp(n, port, 40000)
        assert tcp.connect() == SYN | ACK
        tcp.out(ACK | PSH | URG, b"abc", urgent=3)
        assert n.barrier(), "no answer to a ping"
        assert n.stats()["refused"]["urgent"] == 1
        assert tcp.segment(0.3) is None, "the urgent segment had an effect"
        tcp.send(b"abc")
        assert tcp.read(3) == b"abc"


def test_urgent_data_hidden_in_fragments_is_dropped(ctx):
    with server(echo) as port, net() as n:
        tcp = Tcp(n, port, 40000)
        assert tcp.connect() == SYN | ACK
        segment = tcp_segment(40000, port, tcp.seq, tcp.ack, ACK | PSH | URG, b"abcdefgh", urgent=8)
        calm = tcp_segment(40000, port, tcp.seq, tcp.ack, ACK | PSH, b"abcdefgh")
        n.send(ip4(6, segment[:8], fragment=0x2000), ip4(6, segment[8:], fragment=1))
        # The flags of the first fragment overwritten by a second one that overlaps it.
        n.send(ip4(6, calm[:24], fragment=0x2000, ident=2), ip4(6, segment[8:], fragment=1, ident=2))
        assert n.barrier()
        refused = n.stats()["refused"]
        assert (refused["urgent"], refused["tcp_fragment"]) == (3, 1), refused
        tcp.send(b"abcdefgh")
        assert tcp.read(8) == b"abcdefgh"


def test_urgent_data_from_a_server_comes_in_line(ctx):
    """libslirp is never told of it, so that no byte is lost and no segment to the guest has the flag."""
    def handle(peer):
        peer.sendall(b"one")
        peer.send(b"!", socket.MSG_OOB)
        peer.sendall(b"two")
        peer.recv(1)

    with server(handle) as port, net() as n:
        tcp = Tcp(n, port, 40000)
        assert tcp.connect() == SYN | ACK
        assert tcp.read(7) == b"one!two"
        assert n.stats()["to_guest"]["urgent"] == 0


def test_no_host_loopback(ctx):
    with server(echo) as port, net("--no-host-loopback") as n:
        tcp = Tcp(n, port, 40000)
        tcp.out(SYN, options=b"\2\4\x05\xb4")
        answer = n.until(lambda f: f[12:14] == b"\x08\x00" and (
            (f[23] == 6 and "reset" if f[23] == 6 and f[47] & RST else None) or
            (f[23] == 1 and f[34] == 3 and "unreachable")))
        assert answer, "the connection was not refused"
        assert n.barrier(), "the gateway itself must stay"


def test_other_ways_to_the_host_are_closed(ctx):
    """libslirp would reach the host's loopback through each of these."""
    with server(echo) as port, net("--no-host-loopback") as n:
        assert n.barrier()
        before = n.stats()["from_guest"]["frames"]
        for i, dst in enumerate(("127.0.0.1", "0.0.0.0", "10.0.2.4", "10.0.2.255", RESOLVER, "255.255.255.255")):
            n.send(ip4(6, tcp_segment(41000 + i, port, 1, 0, SYN, dst=dst), dst=dst))
        n.send(ip4(6, tcp_segment(41100, port, 1, 0, SYN, src="10.0.2.77"), src="10.0.2.77"))
        assert n.barrier()
        stats = n.stats()
        assert (stats["refused"]["destination"], stats["refused"]["service"], stats["refused"]["source"]) == (5, 1, 1), stats
        assert stats["from_guest"]["frames"] == before + 1, stats


# -- the resolver: in namespaces of its own, with a resolv.conf and DNS servers of the test ------------------------------

def test_resolver(ctx):
    unshare = ["unshare", "--net", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--net", "--mount"]
    p = subprocess.run(unshare + ["python3", os.path.abspath(__file__), "inside"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert p.returncode == 0, p.stdout.decode()


def resolver_inside():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.NamedTemporaryFile("w", prefix="ccvm-net-resolv-") as conf:
        os.chmod(conf.name, 0o644)
        subprocess.run(["mount", "--bind", conf.name, "/etc/resolv.conf"], check=True)

        def point_to(address):
            with open("/etc/resolv.conf", "w") as f:
                f.write("# of the test\nsearch example.org\nnameserver %s\n" % address)

        with dns_server("127.0.0.77") as first, dns_server("127.0.0.78") as second:
            point_to("127.0.0.77")
            for args in ([], ["--no-host-loopback"], ["--no-landlock"], ["--no-landlock", "--no-host-loopback"]):
                with net(*args) as n:
                    assert resolve(n, first), "%s: no answer" % args
                    assert n.stats()["refused"]["service"] == 0
            with net() as n, net("--no-landlock") as blind:
                assert resolve(n, first) and resolve(blind, first)
                point_to("127.0.0.78")
                end = time.monotonic() + DEADLINE
                while not resolve(n, second, 0.2):  # libslirp looks at most once a second
                    assert time.monotonic() < end, "a changed resolv.conf is not noticed"
                assert any(resolve(blind, first, 0.5) for _ in range(10)), "the first address is lost"


@contextlib.contextmanager
def dns_server(address):
    """Answers each datagram with its bytes behind the server's address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, 53))

        def serve():
            while True:
                query, peer = s.recvfrom(2000)
                if query == b"end":
                    return
                if query:  # libslirp is primed with empty ones
                    s.sendto(address.encode() + query, peer)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield address
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
                c.sendto(b"end", (address, 53))
            thread.join(DEADLINE)


def resolve(n, server_address, seconds=DEADLINE):
    """True when a query to the resolver of the network is answered by the server at this address."""
    n.ident += 1
    query = struct.pack("!HHHHHH", n.ident, 0x100, 1, 0, 0, 0)
    n.send(ip4(17, struct.pack("!HHHH", 5353, 53, 8 + len(query), 0) + query, dst=RESOLVER))
    return n.until(lambda f: f[12:14] == b"\x08\x00" and f[23] == 17 and f[26:30] == socket.inet_aton(RESOLVER) and
                   f[34:36] == b"\0\x35" and f[42:].startswith(server_address.encode() + query), seconds)


# -- ends and errors ---------------------------------------------------------------------------------------------------

def test_ends_with_the_session(ctx):
    n = Net()
    n.control.close()
    assert n.process.wait(DEADLINE) == 0
    assert n.qemu.recv(1) == b""
    assert n.process.stderr.read() == b""


def test_ends_with_qemu(ctx):
    n = Net()
    n.qemu.close()
    assert n.event("stats")["from_guest"]["frames"] == 0
    assert n.process.wait(DEADLINE) == 0
    assert n.process.stderr.read() == b""


def test_ends_when_qemu_stops_reading_and_goes(ctx):
    """A full queue must neither block nor end up as an error."""
    with server(lambda p: p.sendall(bytes(8 << 20))) as port:
        n = Net()
        for i in range(30):
            tcp = Tcp(n, port, 42000 + i)
            assert tcp.connect() == SYN | ACK
        n.control.sendall(b'{"cmd":"stats"}\n')
        n.event("stats")
        n.qemu.close()
        assert n.process.wait(DEADLINE) == 0
        assert n.process.stderr.read() == b""


def test_oversize_frame_is_a_protocol_error(ctx):
    n = Net()
    n.qemu.sendall(struct.pack("!I", 70000) + b"x")
    assert n.process.wait(DEADLINE) == 125
    text = n.process.stderr.read().decode()
    assert text == "ccvm-net: error: QEMU announced a frame of 70000 bytes; the largest is 69632\n", text


def test_unknown_and_long_commands_are_ignored(ctx):
    with net() as n:
        n.control.sendall(b'{"cmd":"later"}\nnot json\n\n' + b"x" * 100000 + b"\n\xff\0\n")
        assert n.stats()["refused"]["malformed"] == 0
        assert n.barrier()


def test_rubbish_from_the_guest_changes_nothing(ctx):
    with server(echo) as port, net() as n:
        for i in range(2000):
            n.send(pattern(i % 200 + 40 * i)[40 * i:])
        n.send(*(GATEWAY_MAC + GUEST_MAC + t + pattern(100) for t in (b"\x08\0", b"\x86\xdd", b"\x08\6", b"\x88\xf8", b"\x81\0")))
        tcp = Tcp(n, port, 40000)
        assert tcp.connect() == SYN | ACK
        tcp.send(b"still here")
        assert tcp.read(10) == b"still here"


def test_wrong_usage(ctx):
    with open("/dev/null") as null:
        rows = [([], "are both needed"), (["--qemu-fd", "x"], "not a number"), (["--qemu-fd", "1"], "not a number"),
                (["--qemu-fd", "999"], "not a socket"), (["--qemu-fd", str(null.fileno())], "not a socket"),
                (["--mtu", "9"], "not a number"), (["--other"], "unknown option"), (["word"], "unexpected argument")]
        for args, text in rows:
            p = subprocess.run([PROGRAM, *args], pass_fds=(null.fileno(),), stderr=subprocess.PIPE, timeout=DEADLINE)
            assert p.returncode == 126 and text in p.stderr.decode(), (args, p.returncode, p.stderr)


# -- the process from outside -------------------------------------------------------------------------------------------

def test_confinement_from_outside(ctx):
    with open("/dev/null") as stray, net() as n:
        pid = n.process.pid
        with open("/proc/%d/status" % pid) as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status
        assert status["CapEff"].strip("0") == "" and status["CapPrm"].strip("0") == "", status
        assert status["Threads"] == "1", status
        assert n.ready["landlock"] is True or n.ready["landlock_abi"] == 0
        assert stray
        if os.geteuid() != 0:
            return  # the process cannot be looked into, which is the point
        with open("/proc/%d/environ" % pid, "rb") as f:
            assert f.read() == b""
        with open("/proc/%d/limits" % pid) as f:
            limits = {line[:26].strip(): line[26:].split()[:2] for line in f}
        assert limits["Max core file size"] == ["0", "0"], limits
        assert int(limits["Max open files"][0]) <= 2048, limits
        fds = {int(fd): os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)}
        assert fds[0] == fds[1] == "/dev/null" and fds[2].startswith("pipe:"), fds
        rest = [target for fd, target in fds.items() if fd > 2]
        assert len(rest) == 2 and all(target.startswith("socket:") for target in rest), fds
        assert os.stat("/proc/%d/mem" % pid).st_uid == 0, "dumpable"


def test_inherited_descriptors_are_closed(ctx):
    if os.geteuid() != 0:
        return
    with open(__file__) as stray:
        qemu, theirs = socket.socketpair()
        control, session = socket.socketpair()
        with qemu, theirs, control, session:
            p = subprocess.Popen([PROGRAM, "--qemu-fd", str(theirs.fileno()), "--control-fd", str(session.fileno())],
                                 pass_fds=(stray.fileno(), qemu.fileno(), control.fileno(), theirs.fileno(), session.fileno()),
                                 env={}, stderr=subprocess.DEVNULL)
            try:
                control.settimeout(DEADLINE)
                assert b"ready" in control.recv(4096)
                fds = sorted(int(fd) for fd in os.listdir("/proc/%d/fd" % p.pid))
                assert fds == sorted([0, 1, 2, theirs.fileno(), session.fileno()]), fds
            finally:
                p.send_signal(signal.SIGKILL)
                p.wait()


def test_idle_costs_nothing(ctx):
    """An idle guest must not wake the process: 16 sessions share one core's percent."""
    with net() as n:
        assert n.barrier()
        path = "/proc/%d/status" % n.process.pid

        def switches():
            with open(path) as f:
                return sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
        before = switches()
        assert not select.select([n.qemu, n.control], [], [], 2.5)[0]
        woken = switches() - before
        assert woken <= (8 if n.ready["ipv6"] else 2), "%d wake-ups in 2.5 s" % woken


if __name__ == "__main__" and sys.argv[1:] == ["inside"]:
    resolver_inside()
