"""ccvmctl doctor: what is well is ok, each thing that can be missing is found, named and has a remedy."""

import json
import os
import subprocess

from harness import Skip, assert_eq, assert_in, assert_match, assert_nothing_left, assert_true, each, fingerprint, show

CHECKS = ["config", "user", "programs", "image", "qemu", "qemu-features", "kvm", "landlock", "run-dir", "run-dir-space",
          "cache-space", "memlock", "open-files", "terminal", "clipboard"]
NO_DISPLAY = {"WAYLAND_DISPLAY": None, "DISPLAY": None}


def doctor(ctx, env=None, before=()):
    """({check: its object}, exit code). The text form must say the same."""
    argv = [*before, os.path.join(ctx.bin, "ccvmctl"), "doctor"]
    code, out, err = ctx.run([*argv, "--json"], env=env, timeout=60)
    assert_eq(err, b"", "stderr")
    found = json.loads(out)
    assert_eq([f["check"] for f in found], CHECKS, "checks")
    for f in found:
        assert_in(f["status"], ("ok", "note", "problem"), "status of " + f["check"])
        assert_true(f["text"], "text of " + f["check"])
        assert_true(f["remedy"] or f["status"] == "ok" or "unknown" in f["text"], "remedy: %s" % show(f))
    assert_eq(code, 1 if any(f["status"] == "problem" for f in found) else 0, "exit code with %s" % show(found))
    again, text, err = ctx.run(argv, env=env, timeout=60)
    assert_eq((again, err), (code, b""), "exit code and stderr without --json")
    lines = [line.split() for line in text.decode().splitlines() if not line.startswith(" ")]
    assert_eq([line[:2] for line in lines], [[f["status"], f["check"]] for f in found], "status and check in the text")
    return {f["check"]: f for f in found}, code


def empty_dir(ctx, *links):
    """A directory for PATH that has these programs alone."""
    path = os.path.join(ctx.dir, "path")
    ctx.make_dir(path)
    for name in links:
        os.symlink("/usr/bin/" + name, os.path.join(path, name))
    return path


def expect(ctx, check, status, *parts, env=None, before=()):
    found, code = doctor(ctx, env, before)
    assert_eq(found[check]["status"], status, "status of %s (%s)" % (check, show(found[check]["text"])))
    for part in parts:
        assert_in(part, "%(text)s → %(remedy)s" % found[check], "text and remedy of " + check)
    assert_eq(code, 1 if status == "problem" else code, "exit code")
    return found


def test_nothing_is_missing(ctx):
    before = fingerprint(ctx.dir)
    kvm = ctx.write(os.path.join(ctx.runtime, "kvm"), "", 0o600)
    found, code = doctor(ctx, {"CCVM_KVM_DEV": kvm, **NO_DISPLAY})
    assert_eq([f["check"] for f in found.values() if f["status"] == "problem"], [], "problems: %s" % show(found))
    assert_eq(code, 0, "exit code")
    for check in ("config", "user", "programs", "image", "qemu", "qemu-features", "kvm", "run-dir", "memlock", "terminal"):
        assert_eq(found[check]["status"], "ok", "status of %s (%s)" % (check, show(found[check]["text"])))
    with open(os.path.join(ctx.image, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    for part in (manifest["id"], manifest["claude_version"], "days old", ctx.image):
        assert_in(part, found["image"]["text"], "text of image")
    version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True).stdout
    assert_in(" ".join(found["qemu"]["text"].split(",")[0].split()[:2]), version.replace("emulator version ", ""), "QEMU's version")
    assert_eq(fingerprint(ctx.dir), before, "everything of the user, which doctor only looks at")
    assert_nothing_left(ctx)


def test_wrong_usage(ctx):
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "doctor", "--jsno"])
    assert_eq((code, out), (2, b""), "code and stdout")
    assert_in(b"doctor [--json]", err, "stderr")


# -- the guest's parts ------------------------------------------------------------------------------------------------

def test_no_qemu(ctx):
    found = expect(ctx, "qemu", "problem", "QEMU is not installed", "apt-get install qemu-system-x86",
                   env={"PATH": empty_dir(ctx)})
    assert_eq(found["qemu-features"]["status"], "note", "features of no QEMU")


@each({"no QEMU": ("echo Hello", "not a QEMU"), "too old": ("echo 'QEMU emulator version 6.2.0'", "is QEMU 6.2; ccvm needs 7.2"),
       "fails": ("exit 3", "not a QEMU")})
def test_wrong_qemu(ctx, entry):
    script, part = entry
    qemu = ctx.write(os.path.join(ctx.dir, "qemu"), "#!/bin/sh\n%s\n" % script, 0o755)
    expect(ctx, "qemu", "problem", part, qemu, "CCVM_QEMU", env={"CCVM_QEMU": qemu})


@each({"microvm": ("-machine", "pc", "the microvm machine"), "stream": ("-netdev", "user", "-netdev stream"),
       "seccomp": ("-sandbox", "", "seccomp")})
def test_qemu_that_lacks_something(ctx, entry):
    """The real QEMU, but for its answer to one question."""
    option, answer, part = entry
    code = 1 if option == "-sandbox" else 0
    qemu = ctx.write(os.path.join(ctx.dir, "qemu"), "#!/bin/sh\n[ \"$1\" = %s ] && { echo '%s'; exit %d; }\n"
                     "exec /usr/bin/qemu-system-x86_64 \"$@\"\n" % (option, answer, code), 0o755)
    expect(ctx, "qemu-features", "problem", part, env={"CCVM_QEMU": qemu})
    # What is not asked for is not missed.
    if option in ("-machine", "-sandbox"):
        expect(ctx, "qemu-features", "ok", env={"CCVM_QEMU": qemu, "CCVM_MACHINE": "q35", "CCVM_QEMU_SANDBOX": "0"})


def test_no_image(ctx):
    expect(ctx, "image", "problem", "no guest image", "ccvmctl image build", env={"CCVM_IMAGE": None})


def test_broken_image(ctx):
    path = ctx.make_dir(os.path.join(ctx.dir, "image"))
    ctx.write(os.path.join(path, "manifest.json"), '{"id": ')
    expect(ctx, "image", "problem", "not valid JSON", "ccvmctl image build", env={"CCVM_IMAGE": path})


def test_old_image(ctx):
    path = ctx.make_dir(os.path.join(ctx.dir, "image"))
    with open(os.path.join(ctx.image, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    for name in os.listdir(ctx.image):
        if name != "manifest.json":
            os.symlink(os.path.join(ctx.image, name), os.path.join(path, name))
    for created, part in (("2024-01-01T00:00:00Z", "days old"), ("yesterday", "unknown age")):
        ctx.write(os.path.join(path, "manifest.json"), json.dumps({**manifest, "created": created}))
        expect(ctx, "image", "note", part, "ccvmctl image build", env={"CCVM_IMAGE": path})


# -- configuration ----------------------------------------------------------------------------------------------------

def test_bad_config(ctx):
    path = ctx.write(os.path.join(ctx.home, ".config/ccvm/config.json"), '{\n  "memry": 2048\n}\n')
    expect(ctx, "config", "problem", path + ":2", "memry", "memory")


def test_bad_variable(ctx):
    expect(ctx, "config", "problem", "CCVM_MEMORY", env={"CCVM_MEMORY": "lots"})
    expect(ctx, "config", "note", "CCVM_MEMROY", "CCVM_MEMORY", env={"CCVM_MEMROY": "1024"})


# -- the computer -----------------------------------------------------------------------------------------------------

def test_no_kvm(ctx):
    env = {"CCVM_KVM_DEV": "/nonexistent/kvm"}
    expect(ctx, "kvm", "note", "/nonexistent/kvm", "No such file", "emulated", "modprobe", env=env)
    expect(ctx, "kvm", "problem", "acceleration=kvm", "modprobe", env={**env, "CCVM_ACCEL": "kvm"})
    expect(ctx, "kvm", "ok", "not used", env={**env, "CCVM_ACCEL": "tcg"})


def test_kvm_of_others(ctx):
    device = ctx.write(os.path.join(ctx.home, "kvm"), "", mode=0)
    expect(ctx, "kvm", "note", device, "Permission denied", "usermod -aG kvm", env={"CCVM_KVM_DEV": device})


def test_run_directory(ctx):
    expect(ctx, "run-dir", "problem", "/nonexistent/ccvm", "XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": "/nonexistent"})
    long = ctx.make_dir(os.path.join(ctx.runtime, "r" * 100))
    expect(ctx, "run-dir", "problem", "too long", "XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": long})


def test_run_directory_on_disk(ctx):
    done = subprocess.run(["stat", "-f", "-c", "%T", ctx.home], capture_output=True, text=True, check=True)
    if done.stdout.strip() in ("tmpfs", "ramfs"):
        raise Skip("the tests' directory is itself on tmpfs")
    expect(ctx, "run-dir", "note", "not on tmpfs", "XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": ctx.home})


@each({"too little": ("2m", "problem"), "not much": ("32m", "note")})
def test_space(ctx, entry):
    size, status = entry
    if os.getuid() != 0:
        raise Skip("needs root: to mount a small file system")
    path = os.path.join(ctx.dir, "small")
    os.mkdir(path)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%s,mode=0700,uid=%d,gid=%d" % (size, ctx.uid, ctx.gid),
                           "ccvm-test", path], capture_output=True, check=False)
    if done.returncode:
        raise Skip("cannot mount a tmpfs here: " + done.stderr.decode("utf-8", "replace").strip())
    ctx.on_close(lambda: subprocess.run(["umount", "-l", path], check=True))
    env = {"XDG_RUNTIME_DIR": path, "XDG_CACHE_HOME": path}
    found = expect(ctx, "run-dir-space", status, "MiB free", "XDG_RUNTIME_DIR", env=env)
    assert_eq(found["cache-space"]["status"], "note", "status of cache-space")
    assert_in("XDG_CACHE_HOME", found["cache-space"]["remedy"], "remedy of cache-space")


def test_memlock(ctx):
    env = {"CCVM_MLOCK": "1", "CCVM_MEMORY": "512", "CCVM_CORES": "1"}
    before = ["prlimit", "--memlock=8388608"]
    expect(ctx, "memlock", "problem", "512 MiB", "RLIMIT_MEMLOCK is 8192 KiB", "limits.d", env=env, before=before)
    expect(ctx, "memlock", "ok", "off", before=before)


def test_open_files(ctx):
    for limit, status in (("100", "problem"), ("256", "note"), ("1024", "ok")):
        expect(ctx, "open-files", status, limit, env={}, before=["prlimit", "--nofile=" + limit])


# -- the terminal and the clipboard -----------------------------------------------------------------------------------

@each({"unset": (None, "note", "TERM is not set"), "empty": ("", "note", "TERM is not set"),
       "unknown": ("no-such-terminal", "note", "TERM=no-such-terminal is not in"), "hostile": ("\x1b[2J", "note", "not in"),
       "dumb": ("dumb", "note", "no colours"), "plain": ("xterm", "ok", "8 colours"),
       "256": ("xterm-256color", "ok", "256 colours")})
def test_terminal(ctx, entry):
    term, status, part = entry
    expect(ctx, "terminal", status, part, env={"TERM": term})
    text = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "doctor"], env={"TERM": term})[1]
    assert_true(b"\x1b" not in text, "an escape sequence of TERM in the text")


def test_truecolor(ctx):
    """A terminal that has 24-bit colour, with and without the description that says how."""
    env = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    source = ctx.write(os.path.join(ctx.home, "direct"), "xterm-direct|test,\n\tcolors#0x1000000, pairs#0x7fff,\n")
    if not os.path.exists("/usr/share/terminfo/x/xterm-direct"):  # ncurses-term
        expect(ctx, "terminal", "note", "256 colours", "xterm-direct", "ncurses-term", env=env)
    code, _, err = ctx.run(["tic", "-x", "-o", os.path.join(ctx.home, "terminfo"), source])
    assert_eq(code, 0, "exit code of tic (%s)" % show(err))
    expect(ctx, "terminal", "ok", "24-bit", env={**env, "TERMINFO_DIRS": os.path.join(ctx.home, "terminfo") + ":"})


def test_clipboard(ctx):
    path = empty_dir(ctx, "qemu-system-x86_64")
    expect(ctx, "clipboard", "note", "neither WAYLAND_DISPLAY nor DISPLAY", env=NO_DISPLAY)
    for display, tool, package in (("WAYLAND_DISPLAY", "wl-paste", "wl-clipboard"), ("DISPLAY", "xclip", "xclip")):
        env = {**NO_DISPLAY, display: ":0", "PATH": path}
        expect(ctx, "clipboard", "note", "there is no " + tool, "apt-get install " + package, env=env)
        ctx.write(os.path.join(path, tool), "#!/bin/sh\n", 0o755)
        expect(ctx, "clipboard", "ok", os.path.join(path, tool), env=env)
    expect(ctx, "clipboard", "ok", "off", env={**NO_DISPLAY, "CCVM_CLIPBOARD_IMAGES": "0"})


def test_root(ctx):
    if os.getuid() != 0:
        raise Skip("needs root")
    for allow, status in (({}, "problem"), ({"CCVM_ALLOW_ROOT": "1"}, "note")):
        done = subprocess.run([os.path.join(ctx.bin, "ccvmctl"), "doctor", "--json"], env={**ctx.env(), **allow,
                              "XDG_RUNTIME_DIR": ctx.private}, capture_output=True, check=False)
        [user] = [f for f in json.loads(done.stdout) if f["check"] == "user"]
        assert_eq(user["status"], status, "status of user as root")
        assert_match("CCVM_ALLOW_ROOT=1|ordinary user", user["remedy"], "remedy")
