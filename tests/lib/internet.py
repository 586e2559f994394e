"""A small internet for one test: a network and a mount namespace that are the host, with a DNS server that remembers every
question, and a network namespace behind a veth pair that is everything else, with TCP servers that remember what they were sent.
The host's own addresses are its loopback, LAN, and what a test adds."""

import contextlib
import ctypes
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

DNS = "127.0.0.53"
GOOD, MOVED, OTHER = "93.184.216.34", "93.184.216.36", "93.184.216.35"
PRIVATE, METADATA, SHARED, HOME = "10.1.2.3", "169.254.169.254", "100.64.0.1", "192.168.7.7"
ADDRESSES = (GOOD, MOVED, OTHER, PRIVATE, METADATA, SHARED, HOME)
LAN, LAN6 = "198.51.100.1", "2001:db8:ff::1"  # the host's, on the link to everybody else
NOBODY = "203.0.113.9"  # nobody answers there
OUTSIDE = []  # a file that is the other namespace
CLONE_NEWNET = 0x40000000


def unshared(script, name):
    """Run `script inside name` in namespaces of its own; its output is the failure."""
    unshare = ["unshare", "--net", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--net", "--mount"]
    p = subprocess.run(unshare + [sys.executable, os.path.abspath(script), "inside", name], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200, check=False)
    assert p.returncode == 0, p.stdout.decode("utf-8", "replace")


def enter():
    """Put this process, and what it starts from now on, into namespaces of its own. Needs root."""
    new_ns, private = 0x20000, 0x44000
    if LIBC.unshare(new_ns | CLONE_NEWNET) != 0 or LIBC.mount(b"none", b"/", None, private, None) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    """ip(8) in the host's namespace."""
    subprocess.run(["ip", *" ".join(words).split()], pass_fds=[f.fileno() for f in OUTSIDE], check=True)


def outside_path():
    """For a child of this process."""
    return "/proc/self/fd/%d" % OUTSIDE[0].fileno()


def outside_ip(*words):
    """ip(8) where everybody else is."""
    subprocess.run(["nsenter", "--net=" + outside_path(), "ip", *" ".join(words).split()], pass_fds=[OUTSIDE[0].fileno()], check=True)


def go_to(namespace):
    """This thread's network is that of an open namespace from now on."""
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def where_it_is(address):
    """Sockets that this thread makes belong to the namespace in which an address of a server is."""
    if not OUTSIDE or address.startswith("127.") or address in ("::1", LAN, LAN6, *HOST):
        yield
        return
    with open("/proc/thread-self/ns/net", "rb") as here:
        go_to(OUTSIDE[0])
        try:
            yield
        finally:
            go_to(here)


HOST = []  # further addresses of the host


def add_host_address(address):
    ip("addr add", address + ("/128" if ":" in address else "/32"), "dev lo", "nodad" if ":" in address else "")
    HOST.append(address)


def is_routed_to_host(address):
    """For IPv6 this is so only some time after ip(8) has added the address."""
    words = ["ip", "route", "get", address]
    return subprocess.run(words, capture_output=True, check=False).stdout.startswith(b"local ")


def datagram_socket(address, port):
    """Bound to an address of a server."""
    with where_it_is(address):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    return s


def make_outside():
    with open("/proc/thread-self/ns/net", "rb") as here:
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        OUTSIDE[:] = [open("/proc/thread-self/ns/net", "rb")]
        go_to(here)
    HOST[:] = []
    ip("link add ccvm-out type veth peer name ccvm-in netns", outside_path())
    ip("addr add", LAN + "/24", "dev ccvm-out")
    ip("-6 addr add", LAN6 + "/64", "dev ccvm-out nodad")
    ip("link set ccvm-out up")
    outside_ip("link set lo up")
    outside_ip("addr add 198.51.100.2/24 dev ccvm-in")
    outside_ip("-6 addr add 2001:db8:ff::2/64 dev ccvm-in nodad")
    outside_ip("link set ccvm-in up")
    for a in ADDRESSES:
        outside_ip("addr add", a + "/32", "dev lo")
    ip("route add default via 198.51.100.2")


class Dns:
    """zone: name -> list of IPv4 addresses, or a function that returns one; "drop" for no answer; other names do not
    exist. ttl of all answers. .asked has the names of all questions, with their types."""

    def __init__(self, zone=None, ttl=0, address=DNS):
        self.zone, self.ttl, self.asked, self.bytes = zone or {}, ttl, [], []
        self.address = address
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.create_server((address, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, peer = self.udp.recvfrom(4096)
                if query == b"":
                    continue
                answer = self.answer(query)
                if answer:
                    self.udp.sendto(answer, peer)

    def answer(self, query):
        self.bytes.append(query)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        name, kind = ".".join(labels).lower(), struct.unpack("!H", query[at + 1:at + 3])[0]
        self.asked.append((name, kind))
        found = self.zone.get(name)
        found = found() if callable(found) else found
        if found == "drop":
            return None
        code = 3 if found is None else 0
        records = [a for a in found or [] if (":" in a) == (kind == 28)] if kind in (1, 28) else []
        out = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0) + query[12:at + 5]
        for a in records:
            raw = socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a)
            out += struct.pack("!HHHIH", 0xC00C, kind, 1, self.ttl, len(raw)) + raw
        return out

    def close(self):
        self.udp.close()
        self.tcp.close()


class Server:
    """Accepts on an address and port; `greeting` is sent at once, what comes is kept (.got) and, with echo, sent back."""

    def __init__(self, address, port, greeting=b"", echo=True):
        self.address, self.greeting, self.echo, self.accepted, self.got = address, greeting, echo, 0, b""
        with where_it_is(address):
            self.listener = socket.create_server((address, port), backlog=1024,
                                                 family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                peer = self.listener.accept()[0]
                self.accepted += 1
                threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        with peer, contextlib.suppress(OSError):
            peer.sendall(self.greeting)
            while data := peer.recv(65536):
                self.got += data
                if self.echo:
                    peer.sendall(data)


class Forward(Server):
    """Passes each connection on to another address."""

    def __init__(self, address, port, to):
        self.to = to
        super().__init__(address, port)

    def talk(self, peer):
        with peer, contextlib.suppress(OSError), socket.create_connection(self.to) as other:
            threading.Thread(target=self.copy, args=(other, peer), daemon=True).start()
            self.copy(peer, other)

    @staticmethod
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


class Web(Server):
    """Serves the files of a directory, over TLS when there is a certificate."""

    def __init__(self, address, port, root, certificate=None):
        self.root, self.tls, self.paths = root, None, []
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        super().__init__(address, port)

    def talk(self, peer):
        with contextlib.suppress(OSError, ValueError):
            peer = self.tls.wrap_socket(peer, server_side=True) if self.tls else peer
            with peer, peer.makefile("rb") as lines:
                while request := lines.readline():
                    while lines.readline().strip():
                        pass
                    self.answer(peer, request.split()[1].decode().split("?")[0])

    def answer(self, peer, path):
        self.paths.append(path)
        try:
            with open(self.root + path, "rb") as f:
                code, body = "200 OK", f.read()
        except OSError:
            code, body = "404 Not Found", b"no such file\n"
        peer.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (code.encode(), len(body)) + body)


@contextlib.contextmanager
def internet(zone=None, ttl=0, dns=True):
    """Inside the namespaces: yields the Dns (None without)."""
    ip("link set lo up")
    make_outside()
    with tempfile.NamedTemporaryFile("w", prefix="ccvm-test-resolv-") as f:
        f.write("search guest-chosen.example\nnameserver %s\n" % DNS)
        f.flush()
        os.chmod(f.name, 0o644)
        subprocess.run(["mount", "--bind", f.name, "/etc/resolv.conf"], check=True)
    server = Dns(zone, ttl) if dns else None
    try:
        yield server
    finally:
        if server:
            server.close()
        OUTSIDE.pop().close()
        subprocess.run(["ip", "link", "del", "ccvm-out"], stderr=subprocess.DEVNULL, check=False)  # if it is still there
