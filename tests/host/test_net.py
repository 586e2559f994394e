"""ccvm-net by itself: a guest of a few lines (lib/netguest.py) on one socket, the session on the other, servers on the
host's loopback behind the gateway."""

import contextlib
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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from netguest import (ACK, DEADLINE, GATEWAY, GATEWAY6, GATEWAY_MAC, GUEST, GUEST6, GUEST_MAC, PROGRAM, PSH,  # noqa: E402
                      RESOLVER, RST, SYN, URG, Net, Tcp, checksum, echo, ip4, net, pattern, server, tcp_segment)


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
    """libslirp never sees it, so that no byte is lost and no segment to the guest has the flag."""
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
        n.control.sendall(b'{"type":"stats"}\n')
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
        n.control.sendall(b'{"type":"later"}\nnot json\n\n' + b"x" * 100000 + b"\n\xff\0\n")
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
        # QEMU, the session, and the kernel's routes.
        assert len(rest) == 3 and all(target.startswith("socket:") for target in rest), fds
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
                fds = {int(fd): os.readlink("/proc/%d/fd/%s" % (p.pid, fd)) for fd in os.listdir("/proc/%d/fd" % p.pid)}
                own = set(fds) - {0, 1, 2, theirs.fileno(), session.fileno()}  # the kernel's routes
                assert len(fds) == 6 and len(own) == 1 and fds[own.pop()].startswith("socket:"), fds
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
