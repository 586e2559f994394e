"""make bench, the network: as root only, since its servers stand in network namespaces of their own.

  download_mib_s     curl in a guest, from a server on the host: open egress, and a locked guest by name
  against_user_net   a guest of one program (download.c): QEMU's built-in user network, and ccvm-net with frames of 1500
                     and of ccvm's 16000 bytes; in turns, median of all; ratios to the built-in
  connect_ms         SYN to the answer, without a guest: of an allowed name, of an address in open mode; refusals of a name
  parallel           connections open at once through a locked ccvm-net, and its resident memory then
  refused            connections refused, and resident memory after them
"""

import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for directory in ("lib", "host"):
    sys.path.insert(0, os.path.join(HERE, "..", directory))
import internet as net_of_test  # noqa: E402
import starts  # noqa: E402
import test_egress as egress  # noqa: E402
import tiny  # noqa: E402
from guestshell import GuestShell  # noqa: E402
from netguest import SYN, Net, ip4, net, tcp_segment  # noqa: E402

SIZE = 128 << 20
ROUNDS = 5


class Source(net_of_test.Server):
    """Sends SIZE bytes to every client."""

    def talk(self, peer):
        with peer:
            peer.recv(4096)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % SIZE)
            block = bytes(1 << 20)
            for _ in range(SIZE >> 20):
                peer.sendall(block)


def download(ctx, url, env):
    g = GuestShell(ctx, env={"CCVM_MEMORY": "1024", **env})
    rates = [float(g.do("curl -sS -o /dev/null -w '%%{speed_download}' %s" % url, 300)) / (1 << 20) for _ in range(ROUNDS)]
    g.end()
    return round(statistics.median(rates), 1)


def connect_ms(n, address, port, wanted, rounds=200):
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        egress.expect(n, address, port, wanted)
        times.append((time.perf_counter() - begin) * 1000)
    return {"median": round(statistics.median(times), 3), "p99": round(sorted(times)[rounds * 99 // 100], 3)}


def without_a_guest():
    result = {"connect_ms": {}}
    net_of_test.Server(net_of_test.GOOD, 443)
    with net() as n:
        result["connect_ms"]["open"] = connect_ms(n, net_of_test.GOOD, 443, "open")
    with egress.locked("good.example", ports=(443, 22)) as n:
        address = egress.lookup(n, "good.example")
        result["connect_ms"]["locked"] = connect_ms(n, address, 443, "open")
        result["connect_ms"]["refused"] = connect_ms(n, egress.lookup(n, "evil.example"), 443, "reset")
    with egress.locked("good.example") as n:
        address = egress.lookup(n, "good.example")
        for _ in range(1000):
            egress.expect(n, address, 443, "open")
        result["parallel"] = {"connections": n.stats()["flows"], "resident_kib": egress.resident(n)}
    with egress.locked("good.example") as n:
        address, begin = egress.lookup(n, "evil.example"), time.monotonic()
        for block in range(500):
            n.send(*(ip4(6, tcp_segment(1024 + (block * 200 + i) % 60000, 443, i, 0, SYN, dst=address), dst=address) for i in range(200)))
            while n.frame(0):
                pass
        egress.barrier(n)
        result["refused"] = {"connections": n.stats()["connections_refused"], "resident_kib": egress.resident(n),
                             "seconds": round(time.monotonic() - begin, 2)}
    return result


def tiny_download(guest, netdev, device, pass_fds=()):
    """The rates, in MiB/s, that the guest of one program prints. guest: image, initramfs, acceleration."""
    image, initrd, accel = guest
    p = subprocess.run(["qemu-system-x86_64", "-M", "pc", "-accel", accel, "-cpu", "max",
                        "-smp", "2", "-m", "512", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
                        "-kernel", os.path.join(image, "vmlinuz"), "-initrd", initrd, "-netdev", netdev,
                        "-device", "virtio-net-pci,netdev=net" + device,
                        "-append", "console=ttyS0 quiet panic=-1 BENCH_TO=%s:80" % net_of_test.GOOD],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=pass_fds, timeout=180, check=True)
    rates = [float(x) for x in re.findall(rb"RATE ([\d.]+)", p.stdout)]
    assert rates, p.stdout[-500:]
    return rates


def allow_good(n):
    egress.command(n, {"type": "port", "port": 80}, {"type": "rule", "entry": net_of_test.GOOD})


def tiny_through_ccvm_net(guest, mtu, locked=False):
    n = Net("--mtu", str(mtu), *["--locked"] * locked, setup=allow_good if locked else None)
    fd = n.qemu.fileno()
    rates = tiny_download(guest, "stream,id=net,server=off,addr.type=fd,addr.str=%d" % fd, ",host_mtu=%d" % mtu, (fd,))
    n.close()
    return rates


def against_user_net(ctx, accel):
    guest = ctx.image, tiny.initrd(ctx, ctx.image, tiny.compile_static(ctx, os.path.join(HERE, "download.c"))), accel
    rates = {"user": [], "ccvm_net_1500": [], "ccvm_net_16000": [], "ccvm_net_16000_locked": []}
    for _ in range(3):
        rates["user"] += tiny_download(guest, "user,id=net", "")
        rates["ccvm_net_1500"] += tiny_through_ccvm_net(guest, 1500)
        rates["ccvm_net_16000"] += tiny_through_ccvm_net(guest, 16000)
        rates["ccvm_net_16000_locked"] += tiny_through_ccvm_net(guest, 16000, locked=True)
    medians = {k: round(statistics.median(v), 1) for k, v in rates.items()}
    ratios = {"ratio" + k.removeprefix("ccvm_net"): round(medians[k] / medians["user"], 2) for k in medians if k != "user"}
    return {"mib_s": medians, **ratios}


def run(ctx):
    """All of it, or None where it cannot be done. Ends with this process in other namespaces."""
    if os.getuid() != 0:
        return None
    accel = starts.accel(ctx)
    net_of_test.enter()
    with net_of_test.internet({"good.example": [net_of_test.GOOD], "evil.example": [net_of_test.OTHER]}, ttl=60):
        result = without_a_guest()
        Source(net_of_test.GOOD, 80)
        result["against_user_net"] = against_user_net(ctx, accel)
        locked = {"CCVM_EGRESS_ALLOWLIST": "good.example", "CCVM_EGRESS_PORTS": "80"}
        result["download_mib_s"] = {"open": download(ctx, "http://%s/" % net_of_test.GOOD, {}),
                                    "locked": download(ctx, "http://good.example/", locked)}
    return result
