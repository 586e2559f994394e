"""The yardstick: the same files booted by systemd on QEMU's q35 machine.

The image's kernel, boot modules and tree, with systemd and what a Debian with it has (systemd_root.sh), as much memory, as
many processors and the acceleration of the sessions of the same run, and no step that would make it slower than it has to be. Measured from
QEMU's start: the SSH server's banner, and the whole output of `claude --version` as the agent's user. The root is built
once and kept below build/bench, under a name that changes with the image."""

import hashlib
import os
import select
import socket
import subprocess
import time

import harness
import procs
import tiny
from measure import note, summary

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
    if os.getuid() != 0:
        raise NotRoot("the root file system with systemd can be made and used as root only")
    path = os.path.join(CACHE, "systemd-" + digest.hexdigest()[:12])
    if not os.path.isdir(path):
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


def wait_for_line(qemu, line):
    """Reads the console until the line is there."""
    seen, end = b"", time.monotonic() + DEADLINE_S
    while line not in seen:
        ready = select.select([qemu.stdout], [], [], max(0, end - time.monotonic()))[0]
        data = os.read(qemu.stdout.fileno(), 1 << 16) if ready else b""
        assert data, "the yardstick's guest did not say %r; its console's end: %r" % (line, seen[-2000:])
        seen += data


def banner_s(port, qemu, begin):
    """Seconds until the guest's SSH server has said who it is."""
    wait_for_line(qemu, b"bench: ssh is up")
    with socket.create_connection(("127.0.0.1", port), 60) as s:
        said = s.recv(100)
        assert said.startswith(b"SSH-"), "what the guest's SSH server said first: %r" % said
    return time.monotonic() - begin


def claude_version(port, key, wanted):
    out = subprocess.run(["ssh", "-F", "none", "-i", key, "-p", str(port), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                          "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR",
                          "ccvm@127.0.0.1", "claude --version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S,
                         check=False)
    assert out.returncode == 0 and out.stdout.decode().startswith(wanted), "claude by systemd on q35: %r" % ((out.stdout, out.stderr),)


def boot(image, root, archive, wanted, kvm):
    """(seconds to the banner, seconds to claude's version) of one start."""
    port = free_port()
    argv = ["qemu-system-x86_64", "-machine", "q35,accel=" + ("kvm" if kvm else "tcg"), "-cpu", "host" if kvm else "max",
            "-smp", str(min(4, os.cpu_count())), "-m", harness.BOOT_MEMORY + "M", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-serial", "stdio", "-kernel", os.path.join(image, "vmlinuz"), "-initrd", archive,
            "-drive", "if=virtio,format=raw,readonly=on,file=" + os.path.join(root, "root.squashfs"), "-device", "virtio-rng-pci",
            "-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:%d-10.0.2.15:22" % port, "-device", "virtio-net-pci,netdev=net,romfile=",
            "-append", "console=ttyS0 quiet loglevel=4 panic=-1 random.trust_cpu=on no_timer_check" + " mitigations=off" * (not kvm)]
    begin = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        try:
            banner = banner_s(port, qemu, begin)
            claude_version(port, os.path.join(root, "key"), wanted)
            return banner, time.monotonic() - begin
        finally:
            qemu.kill()


def run(ctx, rounds):
    """{"banner_s": …, "version_s": …}; the version must be what claude says in a session of ccvm."""
    events = os.path.join(ctx.tmp, "events")
    code, wanted, err = ctx.ccvm("--version", env={"CCVM_EVENTS": events})
    harness.assert_eq(code, 0, "exit code of ccvm --version (%r)" % err)
    kvm = [e["accel"] for e in harness.read_json_lines(events) if e.get("state") == "starting"][-1] == "kvm"
    root = root_of(ctx.image)
    archive, seen = tiny.initrd(ctx, ctx.image, tiny.compile_static(ctx, os.path.join(HERE, "q35.c"))), []
    for i in range(rounds):
        note("systemd on q35 %d of %d" % (i + 1, rounds))
        seen.append(boot(ctx.image, root, archive, wanted.decode().rstrip("\n"), kvm))
    return {name: summary([s[i] for s in seen]) for i, name in enumerate(("banner_s", "version_s"))}
