"""What every guest is hardened with, read back as the agent, and what it may and may not do: with root and without."""

import json
import os

from guestshell import GuestShell
from harness import assert_eq, assert_in, assert_match, assert_true, each, read_json_lines, test

LOCKED = {"CCVM_EGRESS_ALLOWLIST": "allowed.example"}
# path: what it must say
SETTINGS = {
    "kernel/kexec_load_disabled": "1", "kernel/kptr_restrict": "2", "kernel/dmesg_restrict": "1",
    "kernel/unprivileged_bpf_disabled": "1", "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/conf/default/rp_filter": "1", "fs/suid_dumpable": "0"}

# Attempts by system call: what the errors are.
ATTEMPTS = r"""/usr/bin/python3 - <<'END'
import ctypes, errno, json, os, resource
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *args):
    rc = libc.syscall(number, *args)
    return "works" if rc >= 0 else errno.errorcode[ctypes.get_errno()]

def opened(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
        return "works"
    except OSError as e:
        return errno.errorcode[e.errno]

attr = (ctypes.c_ulonglong * 16)(1 | 4 << 32, 4 | 1 << 32)  # BPF_MAP_TYPE_HASH, key, value, entries
print(json.dumps({
    "bpf": call(321, 0, attr, 128), "kexec_load": call(246, 0, 0, None, 0), "kexec_file_load": call(320, -1, -1, 0, None, 0),
    "dmesg": call(103, 3, ctypes.create_string_buffer(64), 64), "kmsg": opened("/dev/kmsg"), "mem": opened("/dev/mem"),
    "kcore": opened("/proc/kcore"), "init's environment": opened("/proc/1/environ"), "shadow": opened("/etc/shadow"),
    "host key": opened("/run/ccvm/ssh_host_key"), "seed": opened("/run/ccvm/seed"),
    "ports": sorted({opened("/dev/" + n) for n in os.listdir("/dev") if n.startswith("vport")}),
    "disks": sorted({opened("/dev/" + n) for n in os.listdir("/dev") if n.startswith("vd")}),
    "module": call(175, b"", 0, b""), "core limit": resource.getrlimit(resource.RLIMIT_CORE),
    "foreign processes": [p for p in os.listdir("/proc") if p.isdigit() and os.stat("/proc/" + p).st_uid != os.getuid()],
    "symbols": sorted({line.split()[0] for line in open("/proc/kallsyms")})[:2]}))
END"""
REFUSED = {"bpf": "EPERM", "kexec_load": "EPERM", "kexec_file_load": "EPERM", "dmesg": "EPERM", "kmsg": "EPERM", "mem": "EACCES",
           "kcore": "EACCES", "init's environment": "ENOENT", "shadow": "EACCES", "host key": "EACCES", "seed": "EACCES",
           "ports": ["EACCES"], "disks": ["EACCES"], "module": "EPERM", "core limit": [0, 0], "foreign processes": [],
           "symbols": ["0000000000000000"]}


@each({"open": {}, "with an allowlist": LOCKED})
@test(timeout=300)
def test_settings_and_attempts(ctx, env):
    g = GuestShell(ctx, env=env)
    got = {path: g.do("cat /proc/sys/" + path) for path in SETTINGS}
    assert_eq(got, SETTINGS, "kernel settings")
    # Only root may read this one; it is set in the same way, so without root the others speak for it.
    if not env:
        assert_eq(g.do("sudo cat /proc/sys/net/core/bpf_jit_harden"), "2", "bpf_jit_harden")
    assert_in("nohibernate", g.do("cat /proc/cmdline").split(), "kernel command line")
    assert_eq(g.run("cat /sys/power/disk")[1].strip() in (b"[disabled]", b"cat: /sys/power/disk: No such file or directory"), True,
              "hibernation is off")
    assert_eq(json.loads(g.do(ATTEMPTS)), REFUSED, "what the agent is refused without root")
    g.end()


# What each way to root gives: (command, with sudo, without).
WAYS = {
    "sudo": ("sudo -n id -u", (0, "0"), None),
    "sudo as another user": ("sudo -n -u nobody id -un", (0, "nobody"), None),
    "su": ("su -c 'id -u' </dev/null", None, None),
    "su to nobody": ("su -s /bin/sh nobody -c 'id -u' </dev/null", None, None),
    "a set-id shell": ("cp /bin/dash /tmp/sh && chmod u+s,g+s /tmp/sh && /tmp/sh -pc 'id -u' | grep -x 0", None, None),
}


@each({"open": {}, "with an allowlist": LOCKED, "taken away": {"CCVM_AGENT_SUDO": "0"}})
@test(timeout=300)
def test_ways_to_root(ctx, env):
    g = GuestShell(ctx, env=env)
    for name, (command, with_sudo, without) in WAYS.items():
        code, out = g.run(command)
        wanted = without if env else with_sudo
        if wanted:
            assert_eq((code, out.decode().strip()), wanted, name)
        else:
            assert_true(code != 0 and b"0" not in out.split(), "%s is refused: %d %r" % (name, code, out))
    assert_eq(g.do("id -Gn").split().count("wheel"), 0 if env else 1, "membership in wheel")
    assert_eq(g.do("find / -xdev -type f -perm /6000 -not -path '/tmp/*' 2>/dev/null; true"), "/usr/lib/cargo/bin/sudo", "set-id programs")
    if not env:
        assert_match(r"(?m)^root:!", g.do("sudo cat /etc/shadow"), "root's password field")
        assert_eq(g.run("sudo find /run/ccvm/seed -mindepth 1"), (0, b"/run/ccvm/seed/share\n"), "what root finds of the seed")
        assert_eq(g.do("sudo find / -xdev -perm /6000 -type f -not -path '/tmp/*'"), "/usr/lib/cargo/bin/sudo", "set-id programs, as root")
    g.end()


@test(timeout=300)
def test_mounts(ctx):
    """What the guest mounts of the host's, and what anybody may write to, gives no set-id program and no device."""
    g = GuestShell(ctx)
    rows = [line.split() for line in g.do("findmnt -rno TARGET,FSTYPE,OPTIONS").split("\n")]
    shares = [r for r in rows if r[1].startswith("fuse")]
    assert_eq([r[0] for r in shares], [ctx.workspace], "mounts of the host's")
    for target, kind, options in rows:
        if kind in ("fuse", "ext4") or target in ("/tmp", "/dev/shm", "/run", "/proc", "/sys"):
            assert_true({"nosuid", "nodev"} <= set(options.split(",")), "%s is mounted %s" % (target, options))
    assert_in("hidepid=invisible", [r for r in rows if r[0] == "/proc"][0][2].split(","), "options of /proc")
    g.end()


@test(timeout=300)
def test_core(ctx):
    """A crash leaves nothing."""
    g = GuestShell(ctx)
    g.run("mkdir /tmp/crash; cd /tmp/crash; ulimit -c unlimited; sh -c 'kill -SEGV $$'")
    assert_eq(g.do("ls -A /tmp/crash; cd; ulimit -Hc"), "0", "what a crash left, and the limit")
    g.end()


@test(timeout=300)
def test_out_of_memory(ctx):
    """The process that the kernel ends is named, and an agent that dies of it is no riddle."""
    events = ctx.write(os.path.join(ctx.dir, "events"), "")
    code, _, err = ctx.ccvm("--shell", "-c", "exec -a hungry /usr/bin/python3 -c 'x = []\nwhile True: x.append(b\"x\" * (8 << 20))'",
                            env={"CCVM_EVENTS": events, "CCVM_MEMORY": "768"})
    assert_eq(code, 137, "code (stderr: %r)" % err)
    found = [e for e in read_json_lines(events) if e["event"] == "out-of-memory"]
    assert_true(found, "an event says so: stderr %r" % err)
    assert_eq(found[0]["process"], "python3", "the process's name")
    assert_true(found[0]["kib"] > 300 << 10, "its memory: %s" % found)
    assert_in(b"ran out of memory", err, "stderr")
