"""How the kernel of an emulated guest comes up."""

import re

from guestshell import GuestShell
from harness import assert_eq, assert_true, each, test

# Each change of code, on the console and in the log, with the place (struct text_poke_loc begins with it: bytes behind _stext).
WORDS = "nokaslr ignore_loglevel tp_printk kprobe_event=p:change,text_poke_bp_batch,at=+0(%di):s32 trace_event=kprobes:*"
# Modules lie above it. Nobody runs a module's code while the kernel still links it.
KERNEL_BYTES = 0x10000000
STARTS = "smpboot: Booting Node 0 Processor"


def changes_in(log):
    """[(line's number, place)] of each change of code in the kernel's log."""
    return [(n, int(m[1])) for n, line in enumerate(log) for m in [re.search(r"change: .* at=(-?\d+)", line)] if m]


def boot_and_look(ctx, **env):
    ctx.use_hooks()
    return GuestShell(ctx, env={"CCVM_ACCEL": "tcg", "CCVM_CORES": "2", "CCVM_TEST_KERNEL_WORDS": WORDS, **env})


@test(timeout=400, boot="cold")
def test_code_changes_while_one_processor_runs(ctx):
    """QEMU's emulator can lose a change where another processor translates the same code at that moment: guest/init/cpus.c."""
    g = boot_and_look(ctx, CCVM_VM_DISK_SIZE="1")
    assert_eq(g.do("nproc"), "2", "processors")
    assert_eq(g.do("grep -cwE 'erms|fsrm' /proc/cpuinfo || true"), "0", "processors that are said to copy bytes fast")
    g.do("findmnt -n /scratch >/dev/null")
    log = g.do("sudo dmesg").split("\n")
    changes = changes_in(log)
    starts = [n for n, line in enumerate(log) if STARTS in line]
    assert_true([at for _, at in changes if 0 < at < KERNEL_BYTES], "changes of the kernel's own code are seen: %s" % changes[:5])
    assert_eq(len(starts), 1, "starts of the other processor: %r" % [log[n] for n in starts])
    assert_eq([log[n] for n, at in changes if n > starts[0] and at < KERNEL_BYTES], [], "what changed after that")
    g.end()


@each({"open": {}, "locked": {"CCVM_EGRESS_ALLOWLIST": "allowed.example", "CCVM_AGENT_SUDO": "1"}})
@test(timeout=400, boot="cold")
def test_first_connections_change_nothing(ctx, env):
    """The first packet of its kind has the kernel change the code it is in: guest/init/firstuse.c."""
    g = boot_and_look(ctx, CCVM_VM_DISK_SIZE="0", **env)
    g.do("echo before-the-first-connection | sudo tee /dev/kmsg")
    for address in "127.0.0.1", "[::1]", "198.18.0.1", "allowed.example", "refused.example":
        g.do("curl -sm 5 http://%s:9 || true" % address)
    log = g.do("sudo dmesg").split("\n")
    [mark] = [n for n, line in enumerate(log) if "before-the-first-connection" in line]
    assert_true(changes_in(log[:mark]), "changes are seen")
    assert_eq([log[mark + n] for n, _ in changes_in(log[mark:])], [], "what connections changed")
    g.end(quiet=not env)
