"""ccvm-net with an allowlist: what is let through, what is refused and how, and every way out that was thought of. Each
test has network namespaces of its own, in which a DNS server and servers of the test are the internet."""

import functools
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from internet import (DNS, GOOD, HOME, LAN, LAN6, METADATA, MOVED, NOBODY, OTHER, PRIVATE, SHARED, Dns, Server,  # noqa: E402
                      add_host_address, datagram_socket, internet, ip, is_routed_to_host, outside_ip, unshared)
from netguest import (ACK, FIN, GATEWAY, GATEWAY_MAC, GUEST, GUEST_MAC, PSH, RESOLVER, RST, SYN, URG, Tcp,  # noqa: E402
                      checksum, ip4, net, pattern, tcp_segment)

ZONE = {"good.example": [GOOD], "a.wild.example": [GOOD], "b.c.wild.example": [GOOD], "wild.example": [GOOD],
        "other.example": [OTHER], "evil.example": [OTHER], "api.anthropic.com": [GOOD]}
INSIDE = {}


def isolated(zone=None, ttl=0, dns=True):
    """A test that runs in namespaces of its own; gets the Dns."""
    def mark(fn):
        def inside():
            with internet(ZONE | (zone or {}), ttl, dns) as server:
                fn(server)
        INSIDE[fn.__name__] = inside

        @functools.wraps(fn)
        def outside(ctx):
            unshared(__file__, fn.__name__)
        del outside.__wrapped__
        return outside
    return mark


# -- the guest's side -------------------------------------------------------------------------------------------------

def locked(*entries, ports=(443,), args=()):
    """A locked ccvm-net with these rules, as the session would set them."""
    return net("--locked", *args, setup=lambda n: command(
        n, *({"type": "port", "port": p} for p in ports), *({"type": "rule", "entry": e} for e in entries)))


def command(n, *objects):
    n.control.sendall(b"".join(json.dumps(o).encode() + b"\n" for o in objects))


def decide(n, entry, allow=True, once=False):
    command(n, {"type": "decide", "entry": entry, "allow": allow, "once": once})


def name_bytes(name):
    return b"".join(bytes([len(x)]) + x for x in name.encode().split(b".")) + b"\0"


def query(ident, name, kind=1, raw=None):
    return struct.pack("!HHHHHH", ident, 0x100, 1, 0, 0, 0) + (raw or name_bytes(name)) + struct.pack("!HH", kind, 1)


def udp(n, dst, dport, payload, sport=5353, src=GUEST):
    n.send(ip4(17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload, dst=dst, src=src))


def ask(n, name, kind=1, seconds=5, raw=None):
    """The resolver's whole answer, or None."""
    n.ident += 1
    udp(n, RESOLVER, 53, query(n.ident, name, kind, raw))
    return n.until(lambda f: f[12:14] == b"\x08\x00" and f[23] == 17 and f[26:30] == socket.inet_aton(RESOLVER) and
                   f[42:44] == struct.pack("!H", n.ident) and f[42:], seconds)


def lookup(n, name):
    """The address the guest is given for a name."""
    answer = ask(n, name)
    assert answer and answer[3] & 15 == 0 and answer[6:8] == b"\0\1", (name, answer)
    return socket.inet_ntoa(answer[-4:])


def barrier(n):
    lookup(n, "barrier.example")


SPORT = [20000]


def start(n, address, port):
    SPORT[0] += 1
    return Tcp(n, port, SPORT[0], dst=address)


def outcome(n, address, port, seconds=5):
    """What a SYN gets: "open", "reset", "prohibited" (ICMP) or None."""
    tcp = start(n, address, port)
    return answer_to(n, tcp, seconds), tcp


def answer_to(n, tcp, seconds=5):
    tcp.out(SYN, options=b"\2\4\x05\xb4")

    def match(f):
        if f[12:14] != b"\x08\x00" or f[26:30] != socket.inet_aton(tcp.dst):
            return None
        if f[23] == 1 and f[34:36] == b"\3\x0d":
            return "prohibited"
        if f[23] != 6 or f[34:38] != struct.pack("!HH", tcp.port, tcp.sport):
            return None
        if f[47] & RST:
            return "reset"
        if f[47] == SYN | ACK:
            seq, ack = struct.unpack("!II", f[38:46])
            tcp.seq, tcp.ack, tcp.acked, tcp.window = ack, seq + 1, ack, struct.unpack("!H", f[48:50])[0]
            tcp.out(ACK)
            return "open"
        return None
    return n.until(match, seconds)


def expect(n, address, port, wanted, within=None):
    begin = time.monotonic()
    got, tcp = outcome(n, address, port)
    took = time.monotonic() - begin
    assert got == wanted, "%s:%d: %s instead of %s" % (address, port, got, wanted)
    assert within is None or took < within, "%s:%d took %.3f s" % (address, port, took)
    return tcp


def hello(name, alpn=None):
    """A real ClientHello, with one short key share: OpenSSL's of today would not fit into one segment."""
    context = ssl.create_default_context()
    context.set_ecdh_curve("prime256v1")
    if alpn:
        context.set_alpn_protocols(alpn)
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def denied(n, name, port=None, seconds=5):
    """The first refusal event about a name."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        e = n.event("egress")
        if e["verdict"] == "refused" and e["name"] == name and port in (None, e["port"]):
            return e
    raise AssertionError("no refusal of " + name)


def read_to_end(tcp):
    while not tcp.finished:
        assert tcp.take(5), "the connection did not end; so far: %r" % tcp.got
    return tcp.got


def is_reset(tcp, seconds=5):
    while True:
        s = tcp.segment(seconds)
        if s is None:
            return False
        if s[0] & RST:
            return True


def exchange(tcp, data):
    tcp.send(data)
    got = tcp.read(len(data))
    assert got == data, "%d of %d bytes came back" % (len(got), len(data))


# -- what is allowed --------------------------------------------------------------------------------------------------

@isolated()
def test_an_allowed_name_works(dns):
    server = Server(GOOD, 443)
    with locked("good.example") as n:
        address = lookup(n, "good.example")
        assert address.startswith("198.18."), address
        assert dns.asked == [], "a question of the guest left: %s" % dns.asked
        tcp = expect(n, address, 443, "open")
        exchange(tcp, hello("good.example"))
        exchange(tcp, pattern(300000))
        tcp.out(FIN | ACK)
        assert server.got[:3] == b"\x16\x03\x01" and dns.asked == [("good.example", 1)]


@isolated()
def test_each_name_has_its_own_address_allowed_or_not(dns):
    with locked("good.example") as n:
        names = ["good.example", "evil.example", "EVIL.example", "x" * 63 + ".example", "localhost", "good.example.evil"]
        found = [lookup(n, name) for name in names]
        assert found[1] == found[2] and len(set(found)) == 5, found
        assert dns.asked == []


@isolated()
def test_a_denied_name_is_refused_at_once_and_told(dns):
    server = Server(OTHER, 443)
    with locked("good.example") as n:
        address = lookup(n, "evil.example")
        for _ in range(3):
            expect(n, address, 443, "reset", within=0.1)
        e = denied(n, "evil.example", 443)
        assert (e["proto"], e["reason"], e["address"]) == ("tcp", "not listed", address), e
        more = denied(n, "evil.example", 443)
        assert e["count"] + more["count"] == 3 and more["last_ms"] >= more["first_ms"], (e, more)
        assert server.accepted == 0 and dns.asked == []


@isolated()
def test_port_80_says_why(dns):
    with locked("good.example", ports=(443, 80)) as n:
        tcp = expect(n, lookup(n, "evil.example"), 80, "open", within=0.1)
        tcp.send(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        text = read_to_end(tcp).decode()
        tcp.out(FIN | ACK)
        head, body = text.split("\r\n\r\n")
        assert head.startswith("HTTP/1.1 403 ") and "Content-Length: %d" % len(body) in head, text
        assert "evil.example" in body and "not listed" in body and "ask the user" in body, text
        assert denied(n, "evil.example", 80)


@isolated()
def test_wildcards(dns):
    Server(GOOD, 443)
    with locked("*.wild.example") as n:
        for name in ("a.wild.example", "b.c.wild.example"):
            exchange(expect(n, lookup(n, name), 443, "open"), hello(name))
        for name in ("wild.example", "awild.example", "wild.example.evil.example"):
            expect(n, lookup(n, name), 443, "reset")


@isolated()
def test_a_cidr(dns):
    Server(PRIVATE, 443), Server(PRIVATE, 8443)
    with locked("10.1.2.0/24", "[2001:db8::/32]:443") as n:
        exchange(expect(n, PRIVATE, 443, "open"), b"no name, no check: " + pattern(5000))
        expect(n, PRIVATE, 8443, "reset")
        expect(n, "10.1.3.1", 443, "reset")
        expect(n, GATEWAY, 443, "reset")


@isolated()
def test_port_lists(dns):
    Server(GOOD, 8443), Server(GOOD, 22), Server(GOOD, 443)
    with locked("good.example", "other.example:22", ports=(8443,)) as n:
        good, api = lookup(n, "good.example"), lookup(n, "api.anthropic.com")
        exchange(expect(n, good, 8443, "open"), b"any protocol")
        expect(n, good, 443, "reset")
        assert denied(n, "good.example", 443)["reason"] == "port not listed"
        expect(n, lookup(n, "other.example"), 8443, "reset")
        exchange(expect(n, api, 443, "open"), hello("api.anthropic.com"))


@isolated()
def test_the_empty_list_allows_the_api_alone(dns):
    Server(GOOD, 443)
    with locked() as n:
        exchange(expect(n, lookup(n, "api.anthropic.com"), 443, "open"), hello("api.anthropic.com"))
        expect(n, lookup(n, "good.example"), 443, "reset")
        expect(n, GOOD, 443, "reset")


@isolated(ttl=1)
def test_a_name_that_moves(dns):
    """Its time to live is honoured: each new address is used when the old one has expired, and not asked for before."""
    at = [GOOD]
    dns.zone["good.example"] = lambda: [at[0]]
    servers = {GOOD: Server(GOOD, 443), MOVED: Server(MOVED, 443)}
    with locked("good.example") as n:
        address = lookup(n, "good.example")
        for i in range(58):  # a minute
            at[0] = (GOOD, MOVED)[i % 2]
            before, asked, begin = servers[at[0]].accepted, len(dns.asked), time.monotonic()
            exchange(expect(n, address, 443, "open"), hello("good.example"))
            exchange(expect(n, address, 443, "open"), hello("good.example"))
            assert servers[at[0]].accepted == before + 2, i
            asked, took = len(dns.asked) - asked, time.monotonic() - begin
            assert asked == 1 or (took >= 1 and asked == 2), (i, asked, took)  # slow: the second came after the time to live
            time.sleep(1.05)


@isolated(zone={"two.example": [MOVED, GOOD]})
def test_a_second_address_is_tried(dns):
    Server(GOOD, 443)
    with locked("two.example") as n:
        exchange(expect(n, lookup(n, "two.example"), 443, "open"), hello("two.example"))


@isolated()
def test_a_closed_port_of_an_allowed_name_is_a_reset(dns):
    with locked("good.example") as n:
        expect(n, lookup(n, "good.example"), 443, "reset", within=1)


@isolated()
def test_udp_to_an_allowed_name(dns):
    with datagram_socket(GOOD, 123) as s, locked("good.example", ports=(123,)) as n:
        s.settimeout(5)
        address = lookup(n, "good.example")
        udp(n, address, 123, b"what time is it")
        data, peer = s.recvfrom(100)
        assert data == b"what time is it"
        s.sendto(b"late", peer)
        assert n.until(lambda f: f[12:14] == b"\x08\x00" and f[23] == 17 and f[26:30] == socket.inet_aton(address) and
                       f[34:38] == struct.pack("!HH", 123, 5353) and f[42:46] == b"late", 5)  # libslirp 4.8 fills frames up to 60 bytes


@isolated()
def test_dns_over_tcp(dns):
    with locked("good.example") as n:
        tcp = expect(n, RESOLVER, 53, "open")
        for name in ("good.example", "evil.example"):
            q = query(7, name)
            tcp.send(struct.pack("!H", len(q)) + q)
            size = struct.unpack("!H", tcp.read(2))[0]
            assert socket.inet_ntoa(tcp.read(size)[-4:]) == lookup(n, name)
        assert dns.asked == []


@isolated(dns=False)
def test_no_resolver_fails_fast_with_that_reason(dns):
    with locked("good.example", ports=(80,)) as n:
        address = lookup(n, "good.example")
        begin = time.monotonic()
        tcp = expect(n, address, 80, "open")
        assert time.monotonic() - begin < 4
        tcp.send(b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n")
        assert "the host's resolver does not answer" in read_to_end(tcp).decode()
        assert "does not answer" in denied(n, "good.example")["reason"]


@isolated(zone={"slow.example": "drop"})
def test_a_silent_resolver_holds_up_nobody_else(dns):
    Server(GOOD, 443)
    with locked("slow.example", "good.example", "gone.example") as n:
        slow = start(n, lookup(n, "slow.example"), 443)
        slow.out(SYN)
        exchange(expect(n, lookup(n, "good.example"), 443, "open"), hello("good.example"))
        expect(n, lookup(n, "gone.example"), 443, "reset", within=1)
        assert denied(n, "gone.example")["reason"] == "there is no such name"
        assert "does not answer" in denied(n, "slow.example", seconds=6)["reason"]


@isolated()
def test_the_resolver_option_and_a_changed_resolv_conf(dns):
    Server(GOOD, 443)
    second = Dns({"good.example": [GOOD]}, address="127.0.0.54")
    with locked("good.example", args=("--resolver", "127.0.0.54")) as n:
        exchange(expect(n, lookup(n, "good.example"), 443, "open"), hello("good.example"))
        assert not dns.asked and second.asked
    with locked("good.example") as n:
        exchange(expect(n, lookup(n, "good.example"), 443, "open"), hello("good.example"))
        assert len(dns.asked) == 1
        with open("/etc/resolv.conf", "w", encoding="ascii") as f:
            f.write("nameserver 127.0.0.54\n")
        time.sleep(1.1)
        exchange(expect(n, lookup(n, "good.example"), 443, "open"), hello("good.example"))
        assert len(dns.asked) == 1 and len(second.asked) == 2, (dns.asked, second.asked)


@isolated()
def test_without_landlock(dns):
    Server(GOOD, 443)
    with locked("good.example", args=("--no-landlock",)) as n:
        exchange(expect(n, lookup(n, "good.example"), 443, "open"), hello("good.example"))


# -- decisions while it runs ------------------------------------------------------------------------------------------

@isolated()
def test_allow_and_deny_while_it_runs(dns):
    Server(OTHER, 443)
    with locked() as n:
        address = lookup(n, "evil.example")
        expect(n, address, 443, "reset")
        decide(n, "evil.example")
        tcp = expect(n, address, 443, "open")
        exchange(tcp, hello("evil.example"))
        decide(n, "evil.example", allow=False)
        assert is_reset(tcp), "an open connection to a host that is denied now is cut"
        expect(n, address, 443, "reset")
        assert any(denied(n, "evil.example")["reason"] == "refused by the user" for _ in range(2))
        decide(n, "evil.example:443", once=True)
        exchange(expect(n, address, 443, "open"), hello("evil.example"))
        expect(n, address, 443, "reset")


@isolated()
def test_hold_and_ask(dns):
    Server(OTHER, 443)
    with locked() as n:
        command(n, {"type": "watch", "on": True})
        address, other = lookup(n, "evil.example"), lookup(n, "other.example")
        waiting = [start(n, address, 443) for _ in range(3)]
        for tcp in waiting:
            tcp.out(SYN, options=b"\2\4\x05\xb4")
        e = n.event("question")
        assert (e["name"], e["port"]) == ("evil.example", 443), e
        assert waiting[0].segment(0.3) is None, "answered before the user did"
        decide(n, "evil.example:443", once=True)
        answered = set()
        n.until(lambda f: f[23] == 6 and f[47] == SYN | ACK and (answered.add(f[36:38]) or len(answered) == 3), 5)
        assert answered == {struct.pack("!H", tcp.sport) for tcp in waiting}, "all that ask the same get the answer"
        tcp = start(n, other, 443)
        tcp.out(SYN)
        assert n.event("question")["name"] == "other.example", "three waiters were more than one question"
        decide(n, "other.example:443", allow=False, once=True)
        assert answer_to(n, tcp) == "reset"
        tcp = start(n, other, 443)
        tcp.out(SYN)
        n.event("question")
        command(n, {"type": "watch", "on": False})
        assert answer_to(n, tcp) == "reset"
        expect(n, other, 443, "reset", within=0.1)


# -- ways out ---------------------------------------------------------------------------------------------------------

@isolated()
def test_escape_ip_literal(dns):
    servers = [Server(GOOD, 443), Server(OTHER, 443)]
    with locked("good.example") as n:
        for address in (GOOD, OTHER, "198.18.0.77", "198.19.255.254"):
            expect(n, address, 443, "reset", within=0.1)
        assert denied(n, GOOD)["reason"] == "not listed"
        assert not any(s.accepted for s in servers)


@isolated()
def test_escape_other_dns_servers(dns):
    with locked("good.example", ports=(443, 53, 853)) as n:
        for address in (DNS, "8.8.8.8", GOOD, PRIVATE):
            udp(n, address, 53, query(1, "evil.example"))
            assert n.until(lambda f: f[23] == 1 and f[34:36] == b"\3\x0d" and f[26:30] == socket.inet_aton(address), 5)
            for port in (53, 853, 443):
                expect(n, address, port, "reset")
        expect(n, RESOLVER, 853, "reset")
        expect(n, RESOLVER, 443, "reset")
        udp(n, RESOLVER, 5353, query(1, "evil.example"))
        assert n.until(lambda f: f[12:14] == b"\x08\0" and f[23] == 1 and f[34:36] == b"\3\x0d" and
                       f[26:30] == socket.inet_aton(RESOLVER), 5), "no ICMP"
        barrier(n)
        assert dns.asked == []


@isolated()
def test_escape_dns_tunnel(dns):
    """No byte of a question the guest chose reaches the host's DNS server."""
    Server(GOOD, 443)
    with locked("good.example") as n:
        for i in range(200):
            name = "%032x.tunnel.evil.example" % (i * 7919)
            assert ask(n, name) and (i % 50 or expect(n, lookup(n, name), 443, "reset"))
        for kind in (16, 255, 28, 65, 15, 12, 5, 10, 257):
            answer = ask(n, "secret.evil.example", kind)
            assert answer[3] & 15 == 0 and answer[6:12] == b"\0" * 6, (kind, answer)
        assert dns.asked == [] and dns.bytes == []


@isolated()
def test_escape_server_name_of_another(dns):
    """To the address of an allowed name, but for somebody else there; and the other way round."""
    server = Server(GOOD, 443)
    with locked("good.example") as n:
        address = lookup(n, "good.example")
        for said in ("evil.example", "good.example.evil.example", "xgood.example"):
            tcp = expect(n, address, 443, "open")
            tcp.out(ACK | PSH, hello(said))
            assert is_reset(tcp), said
            assert "differs" in denied(n, said)["reason"]
        other = lookup(n, "evil.example")
        expect(n, other, 443, "reset")
        assert server.got == b"", "bytes of a refused connection were passed on: %r" % server.got


@isolated()
def test_escape_no_server_name_or_no_tls(dns):
    server = Server(GOOD, 443)
    bare = hello("good.example")
    at = bare.index(b"\0\0\0\x11\0\x0f\0\0\x0cgood.example")
    renamed = bare[:at] + b"\xfa\xfa" + bare[at + 2:]
    with locked("good.example") as n:
        address = lookup(n, "good.example")
        for data in (renamed, b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16\x03\x01\0\0",
                     b"\x80\x2e\x01\x03\x01" + pattern(50), b"\x15\x03\x01\0\2\1\0"):
            tcp = expect(n, address, 443, "open")
            tcp.out(ACK | PSH, data)
            assert is_reset(tcp), data
        assert server.got == b"", server.got


def with_extension(data, kind, body):
    """A ClientHello with one more extension at its end."""
    extra = struct.pack("!HH", kind, len(body)) + body
    at = 9 + 34
    at += 1 + data[at]
    at += 2 + struct.unpack("!H", data[at:at + 2])[0]
    at += 1 + data[at]
    total = struct.unpack("!H", data[at:at + 2])[0] + len(extra)
    message = data[9:at] + struct.pack("!H", total) + data[at + 2:] + extra
    return data[:3] + struct.pack("!H", len(message) + 4) + data[5:6] + struct.pack("!I", len(message))[1:] + message


@isolated()
def test_escape_encrypted_client_hello(dns):
    """The name outside is right; the one that counts cannot be read. What a browser sends as a decoy looks the same."""
    server = Server(GOOD, 443)
    with locked("good.example") as n:
        address = lookup(n, "good.example")
        for kind in (0xFE0D, 0xFE0A, 0xFFCE):
            tcp = expect(n, address, 443, "open")
            tcp.out(ACK | PSH, with_extension(hello("good.example"), kind, b"\0\0\1\0\1\x77\0\x20" + pattern(32) + b"\0\x90" + pattern(144)))
            assert is_reset(tcp), hex(kind)
        assert "ECH" in denied(n, "good.example", 443)["reason"]
        assert server.got == b"", server.got
        exchange(expect(n, address, 443, "open"), with_extension(hello("good.example"), 0x0A0A, b"\0"))


@isolated()
def test_escape_split_client_hello(dns):
    server = Server(GOOD, 443)
    with locked("good.example") as n:
        address = lookup(n, "good.example")
        data = hello("good.example")
        tcp = expect(n, address, 443, "open")  # one byte a segment works
        for i in range(len(data)):
            tcp.out(ACK | PSH, data[i:i + 1])
            tcp.seq += 1
        assert tcp.read(len(data)) == data and server.got == data
        evil = hello("evil.example")
        tcp = expect(n, address, 443, "open")
        for i in range(0, len(evil), 100):
            tcp.out(ACK | PSH, evil[i:i + 100])
            tcp.seq += len(evil[i:i + 100])
        assert is_reset(tcp)
        # Split into TLS records of a few bytes.
        body = data[5:]
        records = b"".join(b"\x16\x03\x01" + struct.pack("!H", len(body[i:i + 7])) + body[i:i + 7] for i in range(0, len(body), 7))
        exchange(expect(n, address, 443, "open"), records)


@isolated()
def test_escape_overlapping_segments(dns):
    """What is sent again with other bytes is not what the server reads."""
    server = Server(GOOD, 443)
    good, evil = hello("good.example"), hello("evil.example")
    assert len(good) == len(evil)
    with locked("good.example") as n:
        tcp = expect(n, lookup(n, "good.example"), 443, "open")
        first = tcp.seq
        tcp.out(ACK | PSH, good[:100])
        tcp.out(ACK | PSH, evil[:100])
        tcp.seq = first + 100
        tcp.out(ACK | PSH, good[100:])
        tcp.seq = first
        tcp.out(ACK | PSH, evil)
        tcp.seq = first + len(good)
        assert tcp.read(len(good)) == good
        exchange(tcp, b"after")
        assert server.got == good + b"after"


@isolated()
def test_escape_http_host_differs(dns):
    server = Server(GOOD, 80)
    with locked("good.example", ports=(80,)) as n:
        address = lookup(n, "good.example")
        exchange(expect(n, address, 80, "open"), b"GET / HTTP/1.1\r\nHost: Good.Example:80\r\n\r\n")
        reached = len(server.got)
        for request, reason in ((b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "differs"),
                                (b"GET http://evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n", "not HTTP"),
                                (b"GET / HTTP/1.1\r\nHost: good.example\r\nHost: evil.example\r\n\r\n", "not HTTP"),
                                (b"GET / HTTP/1.1\r\nHost : evil.example\r\n\r\n", "not HTTP"),
                                (b"GET / HTTP/1.1\nHost: evil.example\n\n", "not HTTP"),
                                (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: good.example\r\n\r\n", "not HTTP"),
                                (b"GET / HTTP/1.0\r\n\r\n", "without a Host")):
            tcp = expect(n, address, 80, "open")
            tcp.out(ACK | PSH, request)
            tcp.seq += len(request)
            text = read_to_end(tcp).decode()
            assert text.startswith("HTTP/1.1 403 ") and reason in text, (request, text)
            tcp.out(FIN | ACK)
        assert len(server.got) == reached, server.got[reached:]


@isolated(zone={"bad.example": ["127.0.0.1"], "private.example": [PRIVATE], "meta.example": [METADATA], "home.example": [HOME],
                "shared.example": [SHARED], "six.example": ["::1"], "mapped.example": ["::ffff:127.0.0.1"],
                "zero.example": ["0.0.0.0"], "multi.example": ["224.0.0.1"], "guest.example": [GATEWAY],
                "synthetic.example": ["198.18.0.1"], "mixed.example": [METADATA, GOOD]})
def test_escape_names_that_resolve_inwards(dns):
    servers = [Server(a, 443) for a in ("127.0.0.1", PRIVATE, METADATA, HOME, SHARED)]
    rows = {"bad.example": "loopback", "private.example": "private", "meta.example": "link-local", "home.example": "private",
            "shared.example": "carrier-shared", "six.example": "no IPv4", "mapped.example": "no IPv4",
            "zero.example": "reserved", "multi.example": "multicast", "guest.example": "private",
            "synthetic.example": "reserved"}
    with locked(*rows, "mixed.example", "10.0.0.0/16") as n:
        for name, reason in rows.items():
            expect(n, lookup(n, name), 443, "reset", within=1)
            assert reason in denied(n, name)["reason"], name
        assert not any(s.accepted for s in servers)
        Server(GOOD, 443)
        exchange(expect(n, lookup(n, "mixed.example"), 443, "open"), hello("mixed.example"))
        assert not any(s.accepted for s in servers)
    with locked("private.example", "10.1.0.0/16") as n:
        exchange(expect(n, lookup(n, "private.example"), 443, "open"), hello("private.example"))


@isolated()
def test_escape_ipv6(dns):
    Server("::1", 443)
    src = socket.inet_pton(socket.AF_INET6, "fec0::15")
    with locked("good.example") as n:
        for dst in ("2001:db8::1", "::1", "fec0::2", "fec0::3", "64:ff9b::7f00:1", "::ffff:127.0.0.1"):
            raw = socket.inet_pton(socket.AF_INET6, dst)
            segment = struct.pack("!HHIIBBHHH", 1000, 443, 1, 0, 5 << 4, SYN, 1000, 0, 0)
            pseudo = src + raw + struct.pack("!II", len(segment), 6)
            segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
            n.send(GATEWAY_MAC + GUEST_MAC + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + src + raw + segment)
            answer = n.until(lambda f: f[12:14] == b"\x86\xdd" and f[22:38] == raw and f[20] == 6 and f[67] & RST, 2)
            assert answer or dst in ("::1", "::ffff:127.0.0.1"), dst
        answer = ask(n, "good.example", 28)
        assert answer[6:8] == b"\0\0", "an AAAA answer"
        barrier(n)
        assert n.stats()["connections_allowed"] == 0


@isolated()
def test_ipv6_where_it_is_listed(dns):
    """As it is, without synthetic addresses; what is not listed is refused, the network's own addresses too."""
    outside_ip("-6 addr add 2001:db8::1/128 dev lo nodad")
    outside_ip("-6 addr add 2001:db8:1::1/128 dev lo nodad")
    ip("-6 route add default via 2001:db8:ff::2")
    listed, unlisted, loopback = Server("2001:db8::1", 443), Server("2001:db8:1::1", 443), Server("::1", 443)
    with locked("2001:db8::/48", "fec0::/10", ports=(443, 53)) as n:
        assert n.ready["ipv6"]
        mac = gateway6_mac(n)
        for dst, flags in (("2001:db8::1", SYN | ACK), ("2001:db8:1::1", RST | ACK), ("fec0::2", RST | ACK), ("fec0::3", RST | ACK)):
            assert outcome6(n, mac, dst, 443) == flags, dst
        packet6(n, 17, "fec0::3", struct.pack("!HHHH", 5353, 53, 8 + 12, 0) + bytes(12), 6, mac)
        barrier(n)
        wait_for("the server has not accepted", lambda: listed.accepted)  # in a thread of its own
        assert (listed.accepted, unlisted.accepted, loopback.accepted, dns.asked) == (1, 0, 0, [])


@isolated()
def test_escape_icmp_and_raw(dns):
    with locked("good.example", GOOD) as n:
        address = lookup(n, "good.example")
        echo_request = struct.pack("!BBHHH", 8, 0, 0xf7fd, 1, 1)
        for dst in (address, GOOD, GATEWAY, "8.8.8.8"):
            n.send(ip4(1, echo_request, dst=dst))
            answer = n.until(lambda f: f[12:14] == b"\x08\0" and f[23] == 1 and f[26:30] == socket.inet_aton(dst) and f[34:36], 2)
            assert answer == b"\3\x0d", (dst, answer)
        for proto in (0, 2, 4, 41, 47, 50, 89, 132, 255):
            n.send(ip4(proto, pattern(60), dst=GOOD))
        barrier(n)
        stats = n.stats()
        assert stats["refused"]["protocol"] == 9 and stats["connections_allowed"] == 0, stats


@isolated()
def test_escape_fragments(dns):
    server = Server(GOOD, 443)
    with locked("good.example", GOOD, ports=(443, 123)) as n:
        address = lookup(n, "good.example")
        for dst in (address, GOOD):
            segment = tcp_segment(30000, 443, 1, 0, SYN, dst=dst)
            n.send(ip4(6, segment[:8], dst=dst, fragment=0x2000), ip4(6, segment[8:], dst=dst, fragment=1))
            body = struct.pack("!HHHH", 5000, 123, 4008, 0) + pattern(4000)
            n.send(*(ip4(17, body[at:at + 1480], dst=dst, fragment=at // 8 | (0x2000 if at + 1480 < len(body) else 0))
                     for at in range(0, len(body), 1480)))
        barrier(n)
        assert n.stats()["connections_allowed"] == 0 and server.accepted == 0


@isolated()
def test_escape_spoofed_source_and_arp(dns):
    server = Server(GOOD, 443)
    with locked("good.example", GOOD) as n:
        address = lookup(n, "good.example")
        for dst in (address, GOOD):
            for src in ("10.0.2.77", GATEWAY, "127.0.0.1", RESOLVER, GOOD):
                n.send(ip4(6, tcp_segment(30000, 443, 1, 0, SYN, dst=dst, src=src), dst=dst, src=src))
        # ARP as somebody else, with another hardware address, for another address.
        head = b"\xff" * 6 + GUEST_MAC + b"\x08\x06\0\1\x08\0\6\4\0"
        for op, mac, sender, target in ((1, GUEST_MAC, "10.0.2.77", GATEWAY), (2, GUEST_MAC, GATEWAY, GUEST),
                                        (1, b"\2\2\2\2\2\2", GUEST, GATEWAY), (1, GUEST_MAC, GUEST, "10.0.2.99"),
                                        (1, GUEST_MAC, GUEST, GOOD)):
            n.send(head + bytes([op]) + mac + socket.inet_aton(sender) + b"\0" * 6 + socket.inet_aton(target))
        assert n.until(lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\0\2", 0.5) is None, "ARP was answered"
        barrier(n)
        stats = n.stats()
        assert stats["refused"]["source"] == 12 and stats["connections_allowed"] == 0 and server.accepted == 0, stats
        assert n.arp(GATEWAY) == GATEWAY_MAC
        exchange(expect(n, address, 443, "open"), hello("good.example"))


@isolated()
def test_escape_dhcp(dns):
    with locked("good.example") as n:
        for dst, src in (("255.255.255.255", "0.0.0.0"), ("255.255.255.255", GUEST), (GATEWAY, GUEST), ("10.0.2.255", GUEST)):
            udp(n, dst, 67, b"\1\1\6\0" + pattern(300), sport=68, src=src)
        udp(n, GATEWAY, 69, b"\0\1/etc/passwd\0octet\0")
        assert n.until(lambda f: f[12:14] == b"\x08\0" and f[23] == 17 and f[34:36] in (b"\0\x43", b"\0\x45"), 0.5) is None
        barrier(n)


@isolated()
def test_escape_quic(dns):
    with datagram_socket(GOOD, 443) as s, locked("good.example", GOOD) as n:
        s.setblocking(False)
        for dst in (lookup(n, "good.example"), GOOD):
            begin = time.monotonic()
            udp(n, dst, 443, b"\xc0\0\0\0\1" + pattern(1200))
            assert n.until(lambda f: f[12:14] == b"\x08\0" and f[23] == 1 and f[34:36] == b"\3\x0d" and
                           f[26:30] == socket.inet_aton(dst), 2)
            assert time.monotonic() - begin < 0.1
        try:
            raise AssertionError("a datagram arrived: %r" % s.recv(100))
        except BlockingIOError:
            pass


@isolated()
def test_escape_gateway_and_host_loopback(dns):
    servers = [Server("127.0.0.1", 443), Server("127.0.0.53", 443)]
    with locked("good.example", "10.0.0.0/8", "0.0.0.0/0") as n:
        for dst in (GATEWAY, RESOLVER, "10.0.2.5", "10.0.2.255"):
            assert outcome(n, dst, 443, 1)[0] == "reset", dst
        for dst in ("127.0.0.1", "127.0.0.53", "0.0.0.0"):
            assert outcome(n, dst, 443, 0.5)[0] in ("reset", None), dst
        barrier(n)
        assert not any(s.accepted for s in servers)
    with locked(GATEWAY) as n:  # listed by itself it is meant
        exchange(expect(n, GATEWAY, 443, "open"), b"the dev server")
    with locked(GATEWAY, args=("--no-host-loopback",)) as n:
        expect(n, GATEWAY, 443, "reset")
    assert servers[0].accepted == 1


@isolated()
def test_escape_strange_names(dns):
    """NUL and dots in labels, labels and names beyond their length, compression: no address, and no harm."""
    rows = [(b"\4a\0bc\7example\0", 3), (b"\x0cgood.example\0", 3), (b"\5good.\7example\0", 3), (b"\xff" + b"a" * 255 + b"\0", 1),
            (b"\x40" + b"a" * 64 + b"\0", 1), (b"\xc0\x0c", 1), (b"\1a\xc0\x0c", 1), (b"\xc0\xff", 1), (b"\0", 3),
            ((b"\x3f" + b"a" * 63) * 4 + b"\0", 1), (b"\2*a\7example\0", 3), (b"\4g\xc3\xb6\x64\7example\0", 3)]
    with locked("good.example") as n:
        for raw, code in rows:
            answer = ask(n, "", raw=raw)
            assert answer and answer[3] & 15 == code and answer[6:8] == b"\0\0", (raw, answer)
        for message in (b"", b"\0", b"\0" * 11, b"\0" * 12, b"\1\2\x80\0\0\1" + b"\0" * 20, b"\1\2\x28\0\0\1" + b"\0" * 20,
                        b"\1\2\1\0\0\2" + b"\0" * 30, b"\1\2\1\0\0\1\0\0\0\0\0\0\3abc", pattern(1400)):
            udp(n, RESOLVER, 53, message)
        exchange_ok = lookup(n, "good.example")
        assert exchange_ok.startswith("198.18.") and dns.asked == []


@isolated()
def test_escape_urgent_data_and_fast_open(dns):
    server = Server(GOOD, 443)
    with locked("good.example") as n:
        address = lookup(n, "good.example")
        tcp = start(n, address, 443)
        tcp.out(SYN, hello("evil.example"))
        assert tcp.segment(0.3) is None, "data in a SYN was answered"
        tcp = expect(n, address, 443, "open")
        tcp.out(ACK | PSH | URG, hello("good.example"), urgent=3)
        barrier(n)
        assert n.stats()["refused"]["urgent"] == 1 and server.got == b""
        exchange(tcp, hello("good.example"))


@isolated()
def test_a_client_that_says_nothing_is_not_kept(dns):
    """Bytes kept back are bounded: a beginning that never ends is refused."""
    server = Server(GOOD, 443)
    with locked("good.example") as n:
        tcp = expect(n, lookup(n, "good.example"), 443, "open")
        long = b"\x16\x03\x01\x3f\xff\1\0\x3f\xfb" + b"\3\3" + bytes(20000)
        for i in range(0, len(long), 1400):
            tcp.out(ACK | PSH, long[i:i + 1400])
            tcp.seq += len(long[i:i + 1400])
        assert is_reset(tcp)
        assert server.got == b""


# -- what the server sees is what was checked -------------------------------------------------------------------------

def spoiled(frame):
    """With a wrong TCP checksum."""
    return frame[:50] + bytes([frame[50] ^ 0x55]) + frame[51:]


def host_connections(port):
    """Connections of this network namespace to a port that are not merely waiting to be forgotten."""
    found = []
    with open("/proc/net/tcp", encoding="ascii") as f:
        for line in f.readlines()[1:]:
            fields = line.split()
            if int(fields[2].split(":")[1], 16) == port and fields[3] != "06":
                found.append(fields[3])
    return found


def descriptors(n):
    return len(os.listdir("/proc/%d/fd" % n.process.pid))


def wait_for(what, condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@isolated()
def test_an_acknowledgement_of_the_future_releases_nothing(dns):
    """libslirp drops such a segment. The flow must not be open then, with the same place of the stream still to be filled."""
    server = Server(GOOD, 443)
    good, evil = hello("good.example"), hello("evil.example")
    with locked("good.example") as n:
        for ahead in (1, 5000, 1 << 20, 1 << 31):
            tcp = expect(n, lookup(n, "good.example"), 443, "open")
            right = tcp.ack
            tcp.ack = right + ahead
            tcp.out(ACK | PSH, good)
            tcp.ack = right
            tcp.out(ACK | PSH, evil)
            assert is_reset(tcp) or server.got == b"", server.got
        assert server.got == b"", "bytes that were not checked: %r" % server.got
        exchange(expect(n, lookup(n, "good.example"), 443, "open"), good)


@isolated()
def test_a_segment_that_begins_before_the_checked_end(dns):
    """Past the check it is cut to what is new, or dropped; it never reaches back."""
    server = Server(GOOD, 443)
    good, evil = hello("good.example"), hello("evil.example")
    with locked("good.example") as n:
        tcp = expect(n, lookup(n, "good.example"), 443, "open")
        first = tcp.seq
        tcp.out(ACK | PSH, good)
        for back in (len(good), 100, 1):
            tcp.seq = first + len(good) - back
            tcp.out(ACK | PSH, evil[-back:])
        tcp.seq = first + len(good) - 50
        tcp.out(ACK | PSH, evil[-50:] + b"new")
        tcp.seq = first + len(good) + 3
        assert tcp.read(len(good) + 3) == good + b"new"
        assert server.got == good + b"new", server.got


@isolated()
def test_a_wrong_checksum_makes_no_connection(dns):
    """Neither TCP's nor IP's, nor UDP's; and the same SYN with data behind it carries nothing."""
    server = Server(GOOD, 443)
    with datagram_socket(GOOD, 123) as s, locked("good.example", GOOD, ports=(443, 123)) as n:
        s.setblocking(False)
        for dst in (lookup(n, "good.example"), GOOD):
            SPORT[0] += 1
            syn = ip4(6, tcp_segment(SPORT[0], 443, 5000, 0, SYN, dst=dst), dst=dst)
            n.send(spoiled(syn), syn[:24] + b"\0\1" + syn[26:])
            n.send(ip4(6, tcp_segment(SPORT[0], 443, 5000, 0, SYN, hello("evil.example"), dst=dst), dst=dst))
            datagram = struct.pack("!HHHH", 5000, 123, 12, 0x1234) + b"time"
            n.send(ip4(17, datagram, dst=dst))
        barrier(n)
        stats = n.stats()
        assert (stats["connections_allowed"], stats["flows"]) == (0, 0) and server.accepted == 0, stats
        assert stats["refused"]["checksum"] == 6, stats
        tcp = expect(n, lookup(n, "good.example"), 443, "open")
        good, evil = hello("good.example"), hello("evil.example")
        n.send(spoiled(ip4(6, tcp_segment(tcp.sport, 443, tcp.seq, tcp.ack, ACK | PSH, good, dst=tcp.dst), dst=tcp.dst)))
        n.send(spoiled(ip4(6, tcp_segment(tcp.sport, 443, tcp.seq, tcp.ack, RST, dst=tcp.dst), dst=tcp.dst)))
        tcp.out(ACK | PSH, evil)
        assert is_reset(tcp) and server.got == b"", server.got
        try:
            raise AssertionError("a datagram arrived: %r" % s.recv(100))
        except BlockingIOError:
            pass


@isolated()
def test_a_reset_outside_of_the_window_ends_nothing(dns):
    """Or libslirp's sockets, which stay, would come to the limit of descriptors."""
    Server(GOOD, 443)
    with locked(GOOD, "good.example") as n:
        before = descriptors(n)
        for i in range(50):
            tcp = expect(n, (GOOD, lookup(n, "good.example"))[i % 2], 443, "open")
            tcp.seq += 1 << 20
            tcp.out(RST)
            tcp.seq -= 1 << 20
        barrier(n)
        assert descriptors(n) - before <= n.stats()["flows"] == 50, (descriptors(n) - before, n.stats())
        exchange(tcp, hello("good.example"))
        tcp.seq += 10
        tcp.out(RST)  # within: the guest is asked again (RFC 5961), and then means it
        s = tcp.segment(5)
        assert s and s[0] == ACK and s[2] == tcp.seq - 10, s
        tcp.seq = s[2]
        tcp.out(RST)
        barrier(n)
        assert n.stats()["flows"] == 49


@isolated()
def test_what_is_denied_is_closed_on_the_host(dns):
    """Whatever the guest has said last: its acknowledgement, its window, or a reset that does not count."""
    Server(GOOD, 443)
    with locked("good.example") as n:
        address = lookup(n, "good.example")
        for i in range(6):
            tcp = expect(n, address, 443, "open")
            if i:
                exchange(tcp, hello("good.example"))
            if i == 2:
                tcp.seq += 1 << 20
                tcp.out(RST)
            elif i == 3:
                tcp.ack += 1 << 20
                tcp.out(ACK | PSH, b"of the future")
            elif i == 4:
                tcp.seq += 4000
                tcp.out(ACK | PSH, b"behind a gap")
            elif i == 5:
                n.send(ip4(6, tcp_segment(tcp.sport, 443, tcp.seq, tcp.ack, ACK | FIN, dst=address), dst=address))
        barrier(n)
        assert host_connections(443).count("01") == 5, host_connections(443)  # the last one has ended
        decide(n, "good.example", allow=False)
        wait_for("connections to a host that is denied are left", lambda: not host_connections(443))
        wait_for("flows are left", lambda: n.stats()["flows"] == 0)


@isolated()
def test_a_connection_that_does_not_come_about_is_stopped(dns):
    """libslirp ignores resets while it connects. Nothing is left when the guest gives up or the user refuses."""
    dns.zone["far.example"] = [NOBODY]
    with locked("far.example", NOBODY) as n:
        before = descriptors(n)
        address = lookup(n, "far.example")
        for dst in (address, NOBODY):
            tcp = start(n, dst, 443)
            tcp.out(SYN)
            wait_for("no SYN was sent", lambda: host_connections(443) == ["02"])
            tcp.seq += 1
            tcp.out(RST)
            wait_for("the SYN is still sent", lambda: not host_connections(443))
            wait_for("a flow is left", lambda: n.stats()["flows"] == 0 and descriptors(n) == before)
        start(n, address, 443).out(SYN)
        wait_for("no SYN was sent", lambda: host_connections(443) == ["02"])
        decide(n, "far.example", allow=False)
        wait_for("the SYN is still sent", lambda: not host_connections(443))


# -- the host, and what belongs to no network --------------------------------------------------------------------------

def packet6(n, proto, to, message, at, to_mac=GATEWAY_MAC, src="fec0::15"):
    """A packet of IPv6; its checksum is at offset `at` of the message."""
    source, target = socket.inet_pton(socket.AF_INET6, src), socket.inet_pton(socket.AF_INET6, to)
    pseudo = source + target + struct.pack("!II", len(message), proto)
    message = message[:at] + struct.pack("!H", checksum(pseudo + message)) + message[at + 2:]
    n.send(to_mac + GUEST_MAC + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(message), proto, 255) + source + target + message)


def gateway6_mac(n):
    packet6(n, 58, "ff02::1:ff00:2", struct.pack("!BBHI", 135, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, "fec0::2") + b"\1\1" +
            GUEST_MAC, 2, b"\x33\x33\xff\0\0\2")
    mac = n.until(lambda f: f[12:14] == b"\x86\xdd" and f[20] == 58 and f[54] == 136 and f[6:12], 5)
    assert mac, "no neighbour advertisement"
    return mac


def outcome6(n, mac, address, port):
    """The flags of the answer to a SYN, or None."""
    SPORT[0] += 1
    raw = socket.inet_pton(socket.AF_INET6, address)
    packet6(n, 6, address, struct.pack("!HHIIBBHHH", SPORT[0], port, 1, 0, 5 << 4, SYN, 1000, 0, 0), 16, mac)
    return n.until(lambda f: f[12:14] == b"\x86\xdd" and f[22:38] == raw and f[20] == 6 and f[67], 5)


def is_prohibited(n, address, port):
    """A datagram is answered by ICMP, "administratively prohibited"."""
    udp(n, address, port, b"x")
    return n.until(lambda f: f[12:14] == b"\x08\0" and f[23] == 1 and f[34:36] == b"\3\x0d" and
                   f[26:30] == socket.inet_aton(address), 5)


@isolated()
def test_without_host_loopback_no_address_of_the_host_is_reached(dns):
    """Not by its LAN's, nor one that comes while the guest runs, nor a network that is local as a whole, nor IPv6."""
    ip("-6 route add default via 2001:db8:ff::2")
    add_host_address("203.0.113.77")
    ip("route add local 203.0.113.128/25 dev lo")
    servers = [Server(a, 443) for a in (LAN, LAN6, "203.0.113.77")]
    others = [Server(GOOD, 443), Server(PRIVATE, 443)]
    with datagram_socket(LAN, 123) as s, net("--no-host-loopback") as n:
        s.setblocking(False)
        assert n.ready["ipv6"]
        mac = gateway6_mac(n)
        for address in (LAN, "203.0.113.77", "203.0.113.200", "198.51.100.255"):
            expect(n, address, 443, "reset")
            assert is_prohibited(n, address, 123), address
            e = denied(n, address, 443)
            assert "address of the host" in e["reason"], e
        for address in (LAN6, "64:ff9b::c633:6401", "2002:c633:6401::1"):
            assert outcome6(n, mac, address, 443) == RST | ACK, address
        add_host_address("203.0.113.78")
        add_host_address("2001:db8:77::1")
        wait_for("the address has no route to the host", lambda: is_routed_to_host("2001:db8:77::1"))
        servers += [Server("203.0.113.78", 443), Server("2001:db8:77::1", 443)]
        expect(n, "203.0.113.78", 443, "reset")
        assert outcome6(n, mac, "2001:db8:77::1", 443) == RST | ACK
        for server in others:
            exchange(expect(n, server.address, 443, "open"), b"the rest of the world")
        assert not any(server.accepted for server in servers)
        try:
            raise AssertionError("a datagram arrived: %r" % s.recv(100))
        except BlockingIOError:
            pass
    with net() as n:
        exchange(expect(n, LAN, 443, "open"), b"by default the host is reached")


@isolated()
def test_link_local_and_metadata_need_an_option(dns):
    ip("-6 route add default via 2001:db8:ff::2")
    outside_ip("addr add 168.63.129.16/32 dev lo")
    outside_ip("addr add 100.100.100.200/32 dev lo")
    outside_ip("-6 addr add fd00:ec2::254/128 dev lo nodad")
    addresses = (METADATA, "168.63.129.16", "100.100.100.200")
    servers = [Server(a, 80) for a in (*addresses, "fd00:ec2::254")]
    for args in ((), ("--no-host-loopback",)):
        with net(*args) as n:
            mac = gateway6_mac(n)
            for address in addresses:
                expect(n, address, 80, "reset")
                assert is_prohibited(n, address, 53), address
                assert "linkLocal is off" in denied(n, address, 80)["reason"]
            for address in ("fd00:ec2::254", "64:ff9b::a9fe:a9fe"):
                assert outcome6(n, mac, address, 80) == RST | ACK, address
    assert not any(server.accepted for server in servers)
    with net("--link-local") as n:
        mac = gateway6_mac(n)
        for address in addresses:
            exchange(expect(n, address, 80, "open"), b"opened")
        assert outcome6(n, mac, "fd00:ec2::254", 80) == SYN | ACK
    with locked(*addresses, "0.0.0.0/0", ports=(80,)) as n:
        for address in addresses:
            tcp = expect(n, address, 80, "open")
            tcp.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert "linkLocal is off" in read_to_end(tcp).decode(), address
    with locked("64:ff9b::/96", "fd00::/8", "2002::/16", ports=(80,)) as n:
        mac = gateway6_mac(n)
        for address in ("64:ff9b::a9fe:a9fe", "fd00:ec2::254", "2002:a9fe:a9fe::1"):
            assert outcome6(n, mac, address, 80) == RST | ACK, address
            assert "linkLocal is off" in denied(n, address, 80)["reason"]
    with locked(*addresses, ports=(80,), args=("--link-local",)) as n:
        for address in addresses:
            exchange(expect(n, address, 80, "open"), b"opened")


@isolated(zone={"mine.example": [LAN], "later.example": ["203.0.113.77"], "public.example": ["203.0.113.79"]})
def test_a_listed_name_does_not_lead_to_the_host(dns):
    """Nor does a listed network that the host happens to be in; an address that is listed by itself is meant."""
    names = ("mine.example", "later.example", "public.example")
    add_host_address("203.0.113.79")
    servers = [Server(LAN, 443), Server("203.0.113.79", 443)]
    with locked(*names, "198.51.100.0/24", "0.0.0.0/0") as n:
        addresses = {name: lookup(n, name) for name in names}
        assert outcome(n, addresses["later.example"], 443, 0.3)[0] is None, "nobody has this address yet"
        add_host_address("203.0.113.77")
        servers.append(Server("203.0.113.77", 443))
        for name in names:
            expect(n, addresses[name], 443, "reset")
            assert denied(n, name)["reason"] == "resolved to an address of the host", name
        for address in (LAN, "203.0.113.77", "203.0.113.79"):
            expect(n, address, 443, "reset")
            assert "which a larger network does not mean" in denied(n, address)["reason"]
        assert not any(server.accepted for server in servers)
    with locked("mine.example", LAN) as n:
        exchange(expect(n, lookup(n, "mine.example"), 443, "open"), hello("mine.example"))
        exchange(expect(n, LAN, 443, "open"), b"meant")
    with locked("mine.example", LAN, args=("--no-host-loopback",)) as n:
        expect(n, lookup(n, "mine.example"), 443, "reset")
        expect(n, LAN, 443, "reset")


# -- limits -----------------------------------------------------------------------------------------------------------

def resident(n):
    with open("/proc/%d/status" % n.process.pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


@isolated()
def test_memory_after_100000_refusals(dns):
    """Names, refusals and connections beyond their tables: at most 20 MiB (half of the names are new ones)."""
    with locked("good.example", ports=(443, 80)) as n:
        address = lookup(n, "evil.example")
        sent = 0
        for block in range(500):
            frames = []
            for i in range(200):
                sent += 1
                port = 80 if i % 20 == 0 else 443
                frames.append(ip4(6, tcp_segment(1024 + sent % 60000, port, sent, 0, SYN, dst=address), dst=address))
                if i % 2 and block % 25 == 0:
                    q = query(1, "%064x.%064x.%d.example" % (sent, sent, i))
                    frames.append(ip4(17, struct.pack("!HHHH", 5353, 53, 8 + len(q), 0) + q, dst=RESOLVER))
            n.send(*frames)
            while n.frame(0):
                pass
            n.receive(n.control, 0)
        n.lines = b""
        barrier(n)
        assert resident(n) < 20 * 1024, "%d KiB" % resident(n)
        assert n.stats()["connections_refused"] >= 100000


@isolated()
def test_1000_connections_at_once(dns):
    Server(GOOD, 443)
    with locked(GOOD, "good.example") as n:
        address = lookup(n, "good.example")
        data = hello("good.example")
        open_now = []
        for i in range(1000):
            tcp = expect(n, (address, GOOD)[i % 2], 443, "open")
            open_now.append(tcp)
        for tcp in open_now[::50] + open_now[1::50]:
            exchange(tcp, data)
        assert n.stats()["flows"] == 1000
        for tcp in open_now:
            tcp.out(RST | ACK)
        barrier(n)
        assert n.stats()["flows"] == 0


@isolated()
def test_many_connections_over_ipv6(dns):
    """They have no flows, and a bound all the same: others still get a descriptor."""
    outside_ip("-6 addr add 2001:db8::1/128 dev lo nodad")
    ip("-6 route add default via 2001:db8:ff::2")
    Server("2001:db8::1", 443), Server(GOOD, 443)
    with locked("2001:db8::1", GOOD) as n:
        mac = gateway6_mac(n)
        got = [outcome6(n, mac, "2001:db8::1", 443) for _ in range(400)]
        assert got == [SYN | ACK] * 384 + [RST | ACK] * 16, got
        assert denied(n, "2001:db8::1")["reason"] == "too many connections"
        exchange(expect(n, GOOD, 443, "open"), b"there is room")


@isolated()
def test_ends_of_flows_are_noticed(dns):
    Server(GOOD, 443)
    with locked(GOOD) as n:
        for i in range(20):
            tcp = expect(n, GOOD, 443, "open")
            exchange(tcp, b"hello")
            tcp.out(FIN | ACK)
            tcp.seq += 1
            while not tcp.finished:
                assert tcp.take(5)
        end = time.monotonic() + 6
        while n.stats()["flows"]:
            assert time.monotonic() < end, n.stats()
            time.sleep(0.1)


@isolated()
def test_open_mode_names_its_connections(dns):
    Server(GOOD, 443)
    with net() as n:
        dns.ttl = 60
        answer = ask(n, "good.example")
        assert socket.inet_ntoa(answer[-4:]) == GOOD
        tcp = expect(n, GOOD, 443, "open")
        exchange(tcp, b"anything")
        e = n.event("egress")
        assert (e["verdict"], e["name"], e["address"], e["port"]) == ("allowed", "good.example", GOOD, 443), e
        expect(n, OTHER, 443, "reset")
        assert n.event("egress")["name"] == OTHER


if __name__ == "__main__" and sys.argv[1:2] == ["inside"]:
    INSIDE[sys.argv[2]]()
