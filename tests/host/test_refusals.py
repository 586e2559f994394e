"""What ccvm refuses, and how: the documented exit code, the reason, and what the user can do. Nothing stays behind."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import time

import procs
from harness import (REPO, Skip, assert_eq, assert_in, assert_match, assert_not_in, assert_nothing_left, assert_true,
                     each, fingerprint, read_json_lines, show)

GUEST, POLICY, NO_AGENT = 125, 126, 127
QUICK = 20  # seconds: a refusal comes long before a guest could boot


def refuse(ctx, code, *parts, args=("--version",), env=None, cwd=None, timeout=QUICK):
    """Run ccvm: it must end with the code, say all the parts on stderr, nothing on stdout, and leave nothing."""
    cache = fingerprint(ctx.cache)
    got, out, err = ctx.ccvm(*args, env=env, cwd=cwd, timeout=timeout)
    text = err.decode("utf-8", "backslashreplace")
    assert_eq(got, code, "exit code (stderr: %s)" % show(text))
    assert_eq(out, b"", "stdout of a refusal")
    assert_true(text.startswith("ccvm: "), "stderr that begins with ccvm's name: " + show(text))
    for part in parts:
        assert_in(part, text, "stderr")
    if not env or "XDG_RUNTIME_DIR" not in env:
        assert_nothing_left(ctx, cache)
    return text


def as_root():
    if os.getuid() != 0:
        raise Skip("needs root: to mount a small file system, or to make a file of somebody else's")


def small_tmpfs(ctx, name, options):
    as_root()
    path = os.path.join(ctx.dir, name)
    os.mkdir(path)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "%s,uid=%d,gid=%d" % (options, ctx.uid, ctx.gid), "ccvm-test",
                           path], capture_output=True, check=False)
    if done.returncode:
        raise Skip("cannot mount a tmpfs here: " + done.stderr.decode("utf-8", "replace").strip())
    ctx.on_close(lambda: subprocess.run(["umount", "-l", path], check=True))
    return path


def copy_image(ctx):
    """An image of links to the real one's files, whose entries a test then replaces."""
    path = ctx.make_dir(os.path.join(ctx.dir, "image"))
    for name in os.listdir(ctx.image):
        os.symlink(os.path.join(ctx.image, name), os.path.join(path, name))
    return path


def replace(ctx, image, name, data):
    os.unlink(os.path.join(image, name))
    return ctx.write(os.path.join(image, name), data)


def program(ctx, name, source):
    """A C program for the test user: QEMU's jail starts programs, not scripts."""
    path = os.path.join(ctx.dir, name)
    ctx.write(path + ".c", "#include <poll.h>\n#include <signal.h>\n#include <stdio.h>\n#include <unistd.h>\nint main(void)\n{\n%s\n}\n" % source)
    subprocess.run([os.environ.get("CC") or "cc", "-Wall", "-o", path, path + ".c"], check=True)
    os.chmod(path, 0o755)
    return path


# -- QEMU -------------------------------------------------------------------------------------------------------------

def test_no_qemu(ctx):
    text = refuse(ctx, GUEST, "ccvm: error: image: QEMU is not installed", "apt-get install qemu-system-x86",
                  env={"PATH": ctx.make_dir(os.path.join(ctx.dir, "empty"))})
    assert_in("qemu-system-x86_64", text, "the program that was looked for")


def test_the_stage_is_named(ctx):
    refuse(ctx, POLICY, "ccvm: error: configuration: CCVM_BOOT_TIMEOUT=x", env={"CCVM_BOOT_TIMEOUT": "x"})


def test_qemu_named_but_missing(ctx):
    refuse(ctx, GUEST, "/nonexistent/qemu", "apt-get install qemu-system-x86", env={"CCVM_QEMU": "/nonexistent/qemu"})


def test_qemu_that_fails(ctx):
    qemu = program(ctx, "qemu", 'fputs("qemu: no more bits in the bit bucket\\n", stderr); return 3;')
    events = os.path.join(ctx.home, "events")
    refuse(ctx, GUEST, "QEMU ended with code 3", "no more bits in the bit bucket",
           env={"CCVM_QEMU": qemu, "CCVM_EVENTS": events})
    last = read_json_lines(events)[-1]
    assert_eq((last["event"], last["state"], last["code"], last["stage"]), ("state", "failed", GUEST, "boot"),
              "the last event")
    assert_in("no more bits in the bit bucket", last["qemu"], "QEMU's log in the last event")


def test_qemu_that_is_killed(ctx):
    qemu = program(ctx, "qemu", "return kill(getpid(), SIGKILL);")
    refuse(ctx, GUEST, "QEMU was killed by signal 9", env={"CCVM_QEMU": qemu})


def test_qemu_that_paints_the_terminal(ctx):
    qemu = program(ctx, "qemu", r'fputs("\033]0;owned\007\033[2Jred\033[31m\r\x9b" "5m\n", stderr); return 1;')
    text = refuse(ctx, GUEST, "QEMU ended with code 1", "owned", env={"CCVM_QEMU": qemu})
    assert_eq(re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), [], "control characters in ccvm's message")


def test_qemu_script(ctx):
    """A script cannot run in QEMU's jail: said so, not just `permission denied`."""
    script = ctx.write(os.path.join(ctx.dir, "qemu"), "#!/bin/sh\nexec qemu-system-x86_64 \"$@\"\n", mode=0o755)
    refuse(ctx, GUEST, script, "not a script", env={"CCVM_QEMU": script})


def test_qemu_that_says_nothing(ctx):
    qemu = program(ctx, "qemu", "pause(); return 0;")
    refuse(ctx, GUEST, "boot: the guest said nothing for 2 seconds", "CCVM_BOOT_TIMEOUT",
           env={"CCVM_QEMU": qemu, "CCVM_BOOT_TIMEOUT": "2"})


def test_qemu_that_talks_nonsense(ctx):
    """On every channel it has, without an end: the session neither believes it nor waits for ever."""
    qemu = program(ctx, "qemu", """	static const char line[] = "{\\"type\\":\\"stage\\"}\\n\\0\\377[[[[\\n";

	signal(SIGPIPE, SIG_IGN);
	for (;;)
		for (int fd = 1; fd < 16; fd++)
			(void)!write(fd, line, sizeof(line));""")
    text = refuse(ctx, GUEST, env={"CCVM_QEMU": qemu})
    assert_match("QEMU sent a malformed QMP message|ccvm-net ended with code 1 before the guest was up", text, "stderr")


def says(fd, text):
    """A C statement that writes the text to an fd."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '\tif (write(%d, "%s", %d) < 0)\n\t\treturn 9;\n' % (fd, quoted, len(text))


QMP, CTL = 3, 5  # the fds QEMU gets (src/vm/qemu_args.h)
FAILED = '{"type":"failed","stage":"workspace","reason":"mount: no such share"}\n'


def test_guest_that_talks_on_after_its_failure(ctx):
    """Lines that follow do not take the failure back, nor put the end off."""
    qemu = program(ctx, "qemu", says(CTL, FAILED + '{"type":"report","ms":1}\n') + """	for (;;) {
		poll(NULL, 0, 20);
%s	}""" % says(CTL, '{"type":"report","ms":2}\n{"type":"parked"}\n'))
    refuse(ctx, GUEST, "workspace: mount: no such share", env={"CCVM_QEMU": qemu})


def test_guest_that_powers_off_and_says_why(ctx):
    """The reason counts, also when it is read after the news that the guest has gone."""
    shutdown = '{"QMP":{}}\n{"event":"SHUTDOWN","data":{"guest":true}}\n'
    qemu = program(ctx, "qemu", says(QMP, shutdown) + "\tpoll(NULL, 0, 20);\n" + says(CTL, FAILED) + "\treturn 0;")
    refuse(ctx, GUEST, "workspace: mount: no such share", env={"CCVM_QEMU": qemu})


def test_guest_that_powers_off(ctx):
    shutdown = '{"QMP":{}}\n{"event":"SHUTDOWN","data":{"guest":true}}\n'
    qemu = program(ctx, "qemu", says(QMP, shutdown) + "\treturn 0;")
    refuse(ctx, GUEST, "boot: the guest shut itself down", env={"CCVM_QEMU": qemu})


# -- the image --------------------------------------------------------------------------------------------------------

def test_no_image(ctx):
    refuse(ctx, GUEST, "no guest image", os.path.join(ctx.cache, "ccvm"), "ccvmctl image build",
           env={"CCVM_IMAGE": None})


def test_image_named_but_missing(ctx):
    refuse(ctx, GUEST, "CCVM_IMAGE", "/nonexistent/image", "unset it", env={"CCVM_IMAGE": "/nonexistent/image"})


def test_image_is_a_file(ctx):
    path = ctx.write(os.path.join(ctx.home, "image"), "no directory")
    refuse(ctx, GUEST, path, "ccvmctl image build", env={"CCVM_IMAGE": path})


def break_nothing(ctx, image, name):
    os.unlink(os.path.join(image, name))
    return ()


def truncate(ctx, image, name):
    with open(os.path.join(ctx.image, name), "rb") as f:
        replace(ctx, image, name, f.read(65536))
    return ("65536 bytes", "the manifest says %d" % os.stat(os.path.join(ctx.image, name)).st_size)


def unreadable(ctx, image, name):
    os.chmod(replace(ctx, image, name, b"x"), 0)
    return ()


def no_json(ctx, image, name):
    replace(ctx, image, name, '{"id": "x", "files": ')
    return ("not valid JSON",)


def no_files(ctx, image, name):
    replace(ctx, image, name, "[]")
    return ("does not list",)


def wrong_size(ctx, image, name):
    with open(os.path.join(ctx.image, name), encoding="utf-8") as f:
        manifest = json.load(f)
    manifest["files"]["root.squashfs"]["size"] += 1
    replace(ctx, image, name, json.dumps(manifest))
    return ("root.squashfs", "the manifest says")


def restate(ctx, image, name):
    """Let the manifest state the file's checksum as it is."""
    path = os.path.join(image, "manifest.json")
    with open(path, encoding="utf-8") as f:
        manifest = json.load(f)
    with open(os.path.join(image, name), "rb") as f:
        manifest["files"][name]["sha256"] = hashlib.sha256(f.read()).hexdigest()
    replace(ctx, image, "manifest.json", json.dumps(manifest))


def changed(ctx, image, name):
    """One bit, in the middle: of the right size still."""
    with open(os.path.join(ctx.image, name), "rb") as f:
        data = bytearray(f.read())
    data[len(data) // 2] ^= 1
    replace(ctx, image, name, bytes(data))
    return ("does not match its checksum",)


@each({
    "root changed": ("root.squashfs", changed), "kernel changed": ("vmlinuz", changed), "modules changed": ("modules.cpio", changed),
    "manifest missing": ("manifest.json", break_nothing), "manifest unreadable": ("manifest.json", unreadable),
    "manifest cut short": ("manifest.json", no_json), "manifest without files": ("manifest.json", no_files),
    "manifest with a wrong size": ("manifest.json", wrong_size), "kernel missing": ("vmlinuz", break_nothing),
    "kernel unreadable": ("vmlinuz", unreadable), "modules missing": ("modules.cpio", break_nothing),
    "root missing": ("root.squashfs", break_nothing), "root cut short": ("root.squashfs", truncate),
    "kernel cut short": ("vmlinuz", truncate)})
def test_broken_image(ctx, entry):
    name, spoil = entry
    image = copy_image(ctx)
    parts = spoil(ctx, image, name)
    named = () if spoil in (no_files, wrong_size) else (name,)
    refuse(ctx, GUEST, "the guest image is unusable", "ccvmctl image build", *named, *parts, env={"CCVM_IMAGE": image})


@each({"nothing": (0, "QEMU ended with code 1"), "a header": (4096, "boot: ")})
def test_image_with_a_garbage_kernel(ctx, entry):
    """Of the right size, with nothing or only a header in it: QEMU, the guest's end or its silence tells."""
    keep, part = entry
    image = copy_image(ctx)
    with open(os.path.join(ctx.image, "vmlinuz"), "rb") as f:
        head = f.read(keep)
    size = os.stat(os.path.join(ctx.image, "vmlinuz")).st_size
    replace(ctx, image, "vmlinuz", head + bytes(size - keep))
    restate(ctx, image, "vmlinuz")
    refuse(ctx, GUEST, part, "last lines of" if not keep else "try again",
           env={"CCVM_IMAGE": image, "CCVM_BOOT_TIMEOUT": "10"}, timeout=60)


def test_image_with_a_garbage_root(ctx):
    """Of the right size: the guest detects and reports it."""
    image = copy_image(ctx)
    size = os.stat(os.path.join(ctx.image, "root.squashfs")).st_size
    with open(replace(ctx, image, "root.squashfs", b"rubbish"), "r+b") as f:
        f.truncate(size)
    restate(ctx, image, "root.squashfs")
    refuse(ctx, GUEST, "root: mount the image", "ccvmctl image build", env={"CCVM_IMAGE": image, "CCVM_MEMORY": "1024"},
           timeout=120)


# -- acceleration -----------------------------------------------------------------------------------------------------

def test_no_kvm(ctx):
    refuse(ctx, POLICY, "acceleration=kvm, but /nonexistent/kvm cannot be used", "modprobe", "auto or tcg",
           env={"CCVM_ACCEL": "kvm", "CCVM_KVM_DEV": "/nonexistent/kvm"})


def test_unreadable_kvm(ctx):
    device = ctx.write(os.path.join(ctx.home, "kvm"), "", mode=0)
    refuse(ctx, POLICY, device, "Permission denied", "group", env={"CCVM_ACCEL": "kvm", "CCVM_KVM_DEV": device})


# -- the run directory ------------------------------------------------------------------------------------------------

def test_runtime_dir_missing(ctx):
    refuse(ctx, GUEST, "/nonexistent/ccvm", "XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": "/nonexistent"})


def test_runtime_dir_unwritable(ctx):
    path = ctx.make_dir(os.path.join(ctx.dir, "run"), 0o500)
    refuse(ctx, GUEST, path, "Permission denied", "set XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": path})


def test_run_directory_unwritable(ctx):
    path = ctx.make_dir(os.path.join(ctx.dir, "run"), 0o700)
    ctx.make_dir(os.path.join(path, "ccvm"), 0o500)
    refuse(ctx, GUEST, path, "Permission denied", "set XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": path})


def test_run_directory_of_somebody_else(ctx):
    as_root()
    path = ctx.make_dir(os.path.join(ctx.dir, "run"), 0o700)
    os.mkdir(os.path.join(path, "ccvm"))
    os.chmod(os.path.join(path, "ccvm"), 0o777)
    text = refuse(ctx, GUEST, path, "not a directory that you own", "set XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": path})
    assert_not_in("Success", text, "stderr")


def test_run_directory_is_a_link(ctx):
    path = ctx.make_dir(os.path.join(ctx.dir, "run"), 0o700)
    os.symlink(ctx.home, os.path.join(path, "ccvm"))
    refuse(ctx, GUEST, path, "not a directory that you own", "set XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": path})
    assert_eq(os.listdir(ctx.home), [], "the link's target")


def test_runtime_dir_too_long(ctx):
    path = ctx.make_dir(os.path.join(ctx.dir, "r" * 100))
    refuse(ctx, GUEST, "ccvm: error: run directory: ", "too long for a socket", "shorter", env={"XDG_RUNTIME_DIR": path})
    assert_eq(os.listdir(os.path.join(path, "ccvm")), [], "session directories left")


def test_runtime_dir_full(ctx):
    """A tmpfs of 64 KiB without a free page, and one whose last page goes to the first file."""
    path = small_tmpfs(ctx, "run", "size=64k,mode=0700")
    for size in (60 << 10, 32 << 10):
        fill = os.path.join(path, "fill")
        with open(fill, "wb") as f:
            f.write(bytes(size))
        refuse(ctx, GUEST, "No space left on device", "XDG_RUNTIME_DIR", env={"XDG_RUNTIME_DIR": path},
               args=("-p", "x" * 60000))
        assert_eq([e.name for e in os.scandir(os.path.join(path, "ccvm"))], [], "session directories left")


# -- the workspace ----------------------------------------------------------------------------------------------------

def test_workspace_deleted_before(ctx):
    gone = ctx.make_dir(os.path.join(ctx.home, "gone"))
    code, out, err = ctx.run(["sh", "-c", 'rmdir "$1" && exec ccvm --version', "sh", gone], cwd=gone, timeout=QUICK)
    assert_eq((code, out), (POLICY, b""), "code and stdout (stderr: %s)" % show(err))
    assert_in("no longer exists", err.decode(), "stderr")
    assert_in("change to an existing directory", err.decode(), "stderr")
    assert_nothing_left(ctx)


def test_workspace_deleted_while_it_runs(ctx):
    """The guest keeps the directory, as a process on the host would: the session goes on and ends as it should."""
    project = ctx.make_dir(os.path.join(ctx.home, "project"))
    proc = ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c",
                      "echo up; read x; ls -d . >/dev/null; echo data >new; echo wrote $?; exit 7"], stdin=None,
                     cwd=project, env={"CCVM_MEMORY": "1024"})
    proc.wait_for(rb"up\n", 120)
    shutil.rmtree(project)
    proc.send(b"go\n")
    assert_eq(proc.wait(60), 7, "exit code (stderr: %s)" % show(proc.err))
    assert_match(rb"^up\nwrote [12]\n$", proc.out, "stdout")
    assert_true(not os.path.exists(project), "the directory is back")
    assert_nothing_left(ctx)


def test_workspace_full(ctx):
    """The guest's fsync fails as on the host, and nothing hangs. Data that was never synced is reported at the end."""
    path = small_tmpfs(ctx, "small", "size=1m,mode=0755")
    script = "dd if=/dev/zero of=big bs=64k count=64 conv=fsync; echo dd $?; rm big; echo more >after; cat after"
    code, out, err = ctx.ccvm("--shell", "-c", script, cwd=path, env={"CCVM_MEMORY": "1024"})
    assert_eq((code, out), (0, b"dd 1\nmore\n"), "code and stdout (stderr: %s)" % show(err))
    assert_in(b"No space left on device", err, "stderr of dd")
    assert_eq(procs.read(os.path.join(path, "after")), b"more\n", "what was written when there was room again")
    assert_nothing_left(ctx)


def test_workspace_full_and_nobody_asked(ctx):
    """A write fails at once, synced or not; what a program left in a mapping fails at the end."""
    path = small_tmpfs(ctx, "small", "size=1m,mode=0755")
    map_all = "import mmap; f = open('mapped', 'w+b'); f.truncate(4 << 20); m = mmap.mmap(f.fileno(), 0); m[:] = b'x' * (4 << 20)"
    code, out, err = ctx.ccvm("--shell", "-c", "head -c 4m /dev/zero >big; echo $?; rm big; /usr/bin/python3 -c \"%s\"; echo $?" % map_all, cwd=path,
                              env={"CCVM_MEMORY": "1024"})
    assert_eq((code, out), (0, b"1\n0\n"), "code and stdout (stderr: %s)" % show(err))
    assert_in(b"head: error writing", err, "stderr")
    assert_in(b"not everything the agent wrote is on the host: No space left on device", err, "stderr")
    assert_nothing_left(ctx)


@each({"root": "/", "usr": "/usr", "below usr": "/usr/share", "etc": "/etc", "proc": "/proc", "tmp": "/tmp",
       "home": "/home"})
def test_workspace_of_the_system(ctx, path):
    refuse(ctx, POLICY, "the workspace " + path, "start ccvm in a project directory", cwd=path)


def test_workspace_holds_the_login(ctx):
    ctx.write(os.path.join(ctx.home, ".claude", ".credentials.json"), "{}")
    for path in (ctx.home, os.path.join(ctx.home, ".claude")):
        refuse(ctx, POLICY, "holds your Claude login", "start ccvm in a project directory", cwd=path)


def test_workspace_holds_the_run_directory(ctx):
    runtime = ctx.make_dir(os.path.join(ctx.workspace, "run"), 0o700)
    for path in (ctx.workspace, runtime):
        refuse(ctx, POLICY, "ccvm's run directory", "start ccvm in a project directory", cwd=path, env={"XDG_RUNTIME_DIR": runtime})


# -- configuration and policy -----------------------------------------------------------------------------------------

@each({
    "memory": ({"CCVM_MEMORY": "lots"}, "CCVM_MEMORY"), "too little memory": ({"CCVM_MEMORY": "16"}, "512"),
    "acceleration": ({"CCVM_ACCEL": "warp"}, "CCVM_ACCEL"),
    "a boolean": ({"CCVM_WRITABLE_CWD": "maybe"}, "CCVM_WRITABLE_CWD"),
    "boot timeout": ({"CCVM_BOOT_TIMEOUT": "soon"}, "CCVM_BOOT_TIMEOUT"),
    "boot timeout of nothing": ({"CCVM_BOOT_TIMEOUT": "0"}, "86400"),
    "credential in passEnv": ({"CCVM_PASS_ENV": "ANTHROPIC_AUTH_TOKEN"}, "ANTHROPIC_AUTH_TOKEN"),
    "an allowlist with a scheme": ({"CCVM_EGRESS_ALLOWLIST": "https://example.org"}, "without a scheme"),
    "a pool of no size": ({"CCVM_VM_DISK_SIZE": "many"}, "CCVM_VM_DISK_SIZE")})
def test_bad_option(ctx, entry):
    env, part = entry
    refuse(ctx, POLICY, part, env=env)


def test_pool_in_memory(ctx):
    """The encrypted disk is there to save memory."""
    refuse(ctx, POLICY, ctx.runtime, "is in memory", "CCVM_SCRATCH_DIR",
           env={"CCVM_VM_DISK_SIZE": "1", "CCVM_SCRATCH_DIR": ctx.runtime})


def test_pool_without_a_place(ctx):
    readonly = ctx.make_dir(os.path.join(ctx.dir, "readonly"), 0o500)
    refuse(ctx, POLICY, readonly, "CCVM_SCRATCH_DIR", env={"CCVM_VM_DISK_SIZE": "1", "CCVM_SCRATCH_DIR": readonly})
    refuse(ctx, POLICY, "not an absolute path", env={"CCVM_VM_DISK_SIZE": "1", "CCVM_SCRATCH_DIR": "scratch"})
    refuse(ctx, POLICY, "/proc/none", env={"CCVM_VM_DISK_SIZE": "1", "CCVM_SCRATCH_DIR": "/proc/none"})


def test_bad_config_file(ctx):
    path = ctx.write(os.path.join(ctx.home, ".config/ccvm/config.json"), '{\n  "memry": 2048\n}\n')
    refuse(ctx, POLICY, path, "2", "memry", "memory")


def test_events_target(ctx):
    refuse(ctx, POLICY, "CCVM_EVENTS", "/nonexistent/events", env={"CCVM_EVENTS": "/nonexistent/events"})
    refuse(ctx, POLICY, "CCVM_EVENTS", "a writable file outside", env={"CCVM_EVENTS": "/proc/version"})


def test_root(ctx):
    as_root()
    env = {**ctx.env(), "CCVM_DRYRUN": "1"}
    ccvm = os.path.join(ctx.bin, "ccvm")
    done = subprocess.run([ccvm, "--version"], env=env, cwd=ctx.workspace, capture_output=True, timeout=QUICK,
                          stdin=subprocess.DEVNULL, check=False)
    assert_eq((done.returncode, done.stdout), (POLICY, b""), "code and stdout as root")
    assert_in(b"refusing to run as root", done.stderr, "stderr")
    assert_in(b"CCVM_ALLOW_ROOT=1", done.stderr, "stderr")
    assert_eq(ctx.session_dirs(), [], "session directories")


def test_root_allowed(ctx):
    as_root()
    runtime = os.path.join(ctx.private, "run")
    os.mkdir(runtime, 0o700)
    project = os.path.join(ctx.private, "project")
    os.mkdir(project)
    env = {**ctx.env(), "CCVM_ALLOW_ROOT": "1", "XDG_RUNTIME_DIR": runtime, "CCVM_MEMORY": "1024"}
    done = subprocess.run([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "id -u; exit 7"], env=env, cwd=project,
                          capture_output=True, timeout=180, stdin=subprocess.DEVNULL, check=False)
    # Root on the host is not root in the guest.
    assert_eq((done.returncode, done.stdout), (7, b"1000\n"), "code and stdout (stderr: %s)" % show(done.stderr))
    assert_eq(os.listdir(os.path.join(runtime, "ccvm")), [], "session directories left")


# -- an image without claude ------------------------------------------------------------------------------------------

def test_no_claude_in_the_image(ctx):
    """The guest's launcher, in a root that holds nothing else: 127 and the name of what is missing."""
    as_root()
    launch = os.path.join(REPO, "build/guest/bin/ccvm-launch")
    assert_true(os.path.exists(launch), "%s: not built (make guest)" % launch)
    root = os.path.join(ctx.private, "root")
    for path, data in (("run/ccvm/launch/workdir", "/"), ("run/ccvm/launch/shell", "0"), ("run/ccvm/launch/claude-args", "")):
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="ascii") as f:
            f.write(data)
    shutil.copy(launch, os.path.join(root, "launch"))
    done = subprocess.run(["/usr/sbin/chroot", root, "/launch"], capture_output=True, stdin=subprocess.DEVNULL, timeout=QUICK,
                          check=False, env={})
    assert_eq((done.returncode, done.stdout), (NO_AGENT, b""), "code and stdout (stderr: %s)" % show(done.stderr))
    assert_in(b"/usr/local/bin/claude cannot be started in the guest: No such file or directory", done.stderr, "stderr")


# -- dry run ----------------------------------------------------------------------------------------------------------

ALWAYS = {"authorized_keys", "ssh_host_key", "ssh_host_key.pub", "entropy", "clock", "workdir",
          "shell", "host-uid", "host-gid", "claude-args", "accept-env", "agent-sudo", "accel"}
NEITHER = {"CCVM_DRYRUN": "1", "CCVM_IMAGE": "/nonexistent", "CCVM_QEMU": "/nonexistent"}


def dry_run(ctx, *args, **env):
    """The files of the seed, {name: bytes}, and the mode; the directory is removed again."""
    start = time.monotonic()
    code, out, err = ctx.ccvm(*args, env={**NEITHER, **env}, timeout=QUICK)
    took = time.monotonic() - start
    assert_eq(code, 0, "exit code (stderr: %s)" % show(err))
    path = out.decode().removesuffix("\n")
    assert_eq(ctx.session_dirs(), [path], "the printed directory")
    seed = os.path.join(path, "seed")
    found = {n: procs.read(os.path.join(seed, n)) for n in os.listdir(seed)}
    assert_eq(os.stat(path).st_mode & 0o777, 0o700, "mode of the directory")
    found["mode"] = json.loads(procs.read(os.path.join(path, "status.json")))["mode"].encode()
    shutil.rmtree(path)
    assert_nothing_left(ctx)
    assert_true(took < 5, "a dry run in well under a guest's boot: %.2f s" % took)
    return found


def test_dry_run(ctx):
    args = ["-p", "two words", "", "ünï\ncode", "*"]
    seed = dry_run(ctx, *args, CCVM_SHARE_GIT_CONFIG="0", CCVM_CLAUDE_MD="", CCVM_CLIPBOARD_IMAGES="0")
    assert_eq(ALWAYS - seed.keys(), set(), "files of the seed that are missing")
    assert_eq(seed["workdir"], ctx.workspace.encode(), "workdir")
    assert_eq((seed["mode"], seed["shell"]), (b"rw", b"0"), "mode and shell")
    assert_eq((int(seed["host-uid"]), int(seed["host-gid"])), (ctx.uid, ctx.gid), "uid and gid")
    assert_eq(seed["claude-args"], b"".join(a.encode() + b"\0" for a in args), "claude-args")
    assert_eq(len(seed["entropy"]), 64, "size of entropy")
    assert_true(abs(int(seed["clock"]) / 1e9 - time.time()) < 60, "clock")
    assert_in(b"PRIVATE KEY", seed["ssh_host_key"], "host key")
    assert_in(seed["ssh_host_key.pub"].split()[1], seed["ssh_host_key.pub"], "public host key")
    assert_not_in(seed["authorized_keys"].split()[1], seed["ssh_host_key.pub"], "two different keys")


def test_dry_runs_differ(ctx):
    a, b = dry_run(ctx), dry_run(ctx)
    for name in ("entropy", "authorized_keys", "ssh_host_key"):
        assert_true(a[name] != b[name], name + " is new for each run")


def test_dry_run_of_the_other_modes(ctx):
    seed = dry_run(ctx, "--shell", "--read-only-cwd")
    assert_eq((seed["mode"], seed["shell"], seed["claude-args"]), (b"overlay", b"1", b""), "mode, shell, claude-args")


def test_dry_run_says_the_acceleration(ctx):
    device = ctx.write(os.path.join(ctx.home, "kvm"), "", mode=0o600)
    cases = (("tcg", device, b"tcg tcg max,-erms,-fsrm\n"), ("auto", "/nonexistent/kvm", b"auto tcg max,-erms,-fsrm\n"),
             ("auto", device, b"auto kvm max\n"), ("kvm", device, b"kvm kvm host\n"))
    for choice, kvm, want in cases:
        seed = dry_run(ctx, CCVM_ACCEL=choice, CCVM_KVM_DEV=kvm)
        assert_eq(seed["accel"], want, "seed/accel for %s with %s" % (choice, kvm))


def test_dry_run_holds_no_key(ctx):
    secret = "sk-ant-test-0123456789-not-in-any-file"
    seed = dry_run(ctx, "-p", "hi", ANTHROPIC_API_KEY=secret)
    assert_eq([n for n, data in seed.items() if data and secret.encode() in data], [], "files with the API key")
