"""KVM that is there and does not run guests: a session goes on emulated, says why, and the next one does not try again."""

import os
import stat
import subprocess

from harness import Skip, assert_eq, assert_in, assert_match, assert_nothing_left, each, read_json_lines, test

NOTE = b"QEMU could not start the guest with KVM; the guest is emulated, which is slow: starting over"


def accels(events):
    return [e["accel"] for e in read_json_lines(events) if e["event"] == "state" and e["state"] == "starting"]


def device(ctx):
    """What ccvm takes for a device that can be used. QEMU opens /dev/kvm itself, which the test's user may not."""
    if os.path.exists("/dev/kvm") and stat.S_IMODE(os.stat("/dev/kvm").st_mode) & 0o006 == 0o006:
        raise Skip("everybody may use /dev/kvm here")
    return ctx.write(os.path.join(ctx.home, "kvm"), "")


def run(ctx, **env):
    events = os.path.join(ctx.tmp, "events")
    code, out, err = ctx.ccvm("--shell", "-c", "echo fine", env={"CCVM_KVM_DEV": device(ctx), "CCVM_EVENTS": events, **env})
    seen = accels(events)
    os.unlink(events)
    return code, out, err, seen


@test(timeout=400)
def test_it_cannot_be_started(ctx):
    code, out, err, seen = run(ctx)
    assert_eq((code, out, seen), (0, b"fine\n", ["kvm", "tcg"]), "code, output, and how each attempt ran (%r)" % err)
    assert_in(NOTE, err, "the note")
    assert_eq(run(ctx), (0, b"fine\n", b"", ["tcg"]), "the next start, which knows")
    path = os.path.join(ctx.cache, "ccvm", "kvm-failed")
    code, out, _ = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "doctor"], env={"CCVM_KVM_DEV": device(ctx)})
    assert_match(r"note +kvm .* could not start the guest with KVM; they are emulated", out.decode(), "what doctor says")
    assert_in("remove " + path, out.decode(), "how to try again")
    os.unlink(path)
    assert_eq(run(ctx)[3], ["kvm", "tcg"], "after the record is gone")
    assert_nothing_left(ctx)


@test(timeout=400)
def test_the_user_insists(ctx):
    code, out, err, seen = run(ctx, CCVM_ACCEL="kvm")
    assert_eq((code, out, seen), (125, b"", ["kvm"]), "code, output, attempts")
    assert_in(b"with KVM: it ended with code 1", err, "the error")
    assert_eq(os.path.exists(os.path.join(ctx.cache, "ccvm", "kvm-failed")), False, "a record of what was never compared")
    assert_nothing_left(ctx)


@test(timeout=600)
def test_a_template_without_kvm(ctx):
    cache = ctx.make_dir(os.path.join(ctx.dir, "templates"), 0o700)
    warm = [os.path.join(ctx.bin, "ccvmctl"), "image", "warm"]
    code, _, err = ctx.run(warm, timeout=500, env={"CCVM_KVM_DEV": device(ctx), "CCVM_TEMPLATE_DIR": cache})
    assert_eq(code, 0, "exit code (%r)" % err)
    assert_in(b"trying again without KVM", err, "the note")
    env = {"CCVM_TEMPLATE_DIR": cache, "CCVM_TEMPLATE": "use"}
    code, out, err, seen = run(ctx, **env)
    assert_eq((code, out, err, seen), (0, b"fine\n", b"", ["tcg"]), "a start from it")


# As the user, who may use a /dev/kvm that only these processes see.
WITH_KVM = 'mount --bind "$1" /dev/kvm && shift && exec setpriv --reuid "$1" --regid "$2" --clear-groups -- "${@:3}"'


@each({"auto": "auto", "kvm": "kvm"})
@test(timeout=400)
def test_this_machines_own(ctx, choice):
    """Whatever this machine's KVM can do (in a virtual machine, maybe not run a guest): auto gives the right result, and kvm
    that or an error that says what happened, soon."""
    if os.geteuid() != 0 or not os.path.exists("/dev/kvm"):
        raise Skip("no /dev/kvm" if os.geteuid() == 0 else "needs root, for a /dev/kvm that the test's user may use")
    node, events = os.path.join(ctx.dir, "kvm"), os.path.join(ctx.tmp, "events")
    os.mknod(node, stat.S_IFCHR | 0o600, os.stat("/dev/kvm").st_rdev)
    os.chmod(node, 0o666)
    done = subprocess.run(["unshare", "--mount", "bash", "-c", WITH_KVM, "bash", node, str(ctx.uid), str(ctx.gid),
                           os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "echo fine"], stdin=subprocess.DEVNULL, capture_output=True,
                          cwd=ctx.workspace, env=ctx.env({"CCVM_ACCEL": choice, "CCVM_EVENTS": events}), timeout=300, check=False)
    seen = accels(events)
    os.unlink(events)
    if done.returncode == 0:
        assert_eq(done.stdout, b"fine\n", "output")
        assert_in(seen, [["kvm"]] if choice == "kvm" else [["kvm"], ["kvm", "tcg"]], "how each attempt ran")
    else:
        assert_eq((choice, done.returncode, seen), ("kvm", 125, ["kvm"]), "choice, code and attempts (%r)" % done.stderr)
        assert_match(r"(KVM stopped the guest with an internal error|with KVM: it .*)\n.*acceleration tcg", done.stderr.decode(), "the error")
    assert_nothing_left(ctx)
