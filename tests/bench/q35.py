"""The yardstick: the same files booted by systemd on QEMU's q35 machine.

The image's kernel, boot modules and tree, with systemd and what a Debian with it has (systemd_root.sh), as much memory and as
many processors as the sessions of the same run, and no step that would make it slower than it has to be. Measured from
QEMU's start: the SSH server's banner, and the whole output of `claude --version` as the agent's user. The root is built
once, as root, and kept below build/bench, under a name that changes with the image."""

import hashlib
import os
import socket
import subprocess
import time

import harness
import procs
from tiny import compile_static, initrd

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(harness.REPO, "build", "bench")
DEADLINE_S = 300


class NotRoot(Exception):
    pass


def root_of(image):
    """The directory with root.squashfs and the key; made where it is missing."""
    digest = hashlib.sha256()
    for path in (os.path.join(image, "manifest.json"), os.path.join(HERE, "systemd_root.sh")):
        digest.update(procs.read(path))
    path = os.path.join(CACHE, "systemd-" + digest.hexdigest()[:12])
    if not os.path.isdir(path):
        if os.getuid() != 0:
            raise NotRoot("the root file system with systemd is made as root: run make bench once as root")
        os.makedirs(CACHE, exist_ok=True)
        with open(os.path.join(CACHE, "systemd.log"), "wb") as log:
            if subprocess.run([os.path.join(HERE, "systemd_root.sh"), image, path], stdin=subprocess.DEVNULL, stdout=log,
                              stderr=log, check=False, timeout=900).returncode:
                raise RuntimeError("no root file system with systemd; see " + log.name)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_banner(port, qemu, begin):
    """Seconds until the guest's SSH server has said who it is. QEMU accepts connections before the guest does."""
    while time.monotonic() - begin < DEADLINE_S:
        assert qemu.poll() is None, "the yardstick's QEMU has ended: %r" % qemu.stdout.read()[-2000:]
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as s:
                s.settimeout(1)
                if s.recv(100).startswith(b"SSH-"):
                    return time.monotonic() - begin
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("no SSH banner after %d s" % DEADLINE_S)


def claude_version(port, key, wanted):
    out = subprocess.run(["ssh", "-F", "none", "-i", key, "-p", str(port), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                          "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR",
                          "ccvm@127.0.0.1", "claude --version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S,
                         check=False)
    assert out.returncode == 0 and out.stdout.decode().startswith(wanted), "claude by systemd on q35: %r" % ((out.stdout, out.stderr),)


def boot(image, root, archive, wanted, memory):
    """(seconds to the banner, seconds to claude's version) of one start."""
    port, kvm = free_port(), os.access("/dev/kvm", os.W_OK)
    argv = ["qemu-system-x86_64", "-machine", "q35,accel=" + ("kvm" if kvm else "tcg"), "-cpu", "host" if kvm else "max",
            "-smp", str(min(4, os.cpu_count())), "-m", "%sM" % memory, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-serial", "stdio", "-kernel", os.path.join(image, "vmlinuz"), "-initrd", archive,
            "-drive", "if=virtio,format=raw,readonly=on,file=" + os.path.join(root, "root.squashfs"), "-device", "virtio-rng-pci",
            "-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:%d-10.0.2.15:22" % port, "-device", "virtio-net-pci,netdev=net,romfile=",
            "-append", "console=ttyS0 quiet loglevel=4 panic=-1 random.trust_cpu=on no_timer_check" + " mitigations=off" * (not kvm)]
    begin = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        try:
            banner = wait_for_banner(port, qemu, begin)
            claude_version(port, os.path.join(root, "key"), wanted)
            return banner, time.monotonic() - begin
        finally:
            qemu.kill()


def run(ctx, rounds, memory, wanted, note):
    """{"banner_s": [...], "version_s": [...]}"""
    root = root_of(ctx.image)
    program = compile_static(ctx, os.path.join(HERE, "q35.c"))
    archive, seen = initrd(ctx, ctx.image, program), []
    for i in range(rounds):
        note("systemd on q35 %d of %d" % (i + 1, rounds))
        seen.append(boot(ctx.image, root, archive, wanted, memory))
    return {"banner_s": [s[0] for s in seen], "version_s": [s[1] for s in seen]}
