"""Saved guests: clones share no secret, hold no user data, and a damaged one costs
speed only."""

import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import pools
import procs
from guestshell import GuestShell
from harness import (assert_eq, assert_in, assert_nothing_left, assert_true, each, find_in_tree, read_json_lines, test,
                     wait_until)

CLONES = int(os.environ.get("CCVM_TEST_CLONES", "50"))

# Everything in a guest that must be its own. The output can only come from the guest: programs of the image make it.
UNIQUE = r"""/usr/bin/python3 - <<'END'
import json, os, random, secrets, subprocess, uuid

def out(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

os.chdir("/tmp")
out("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "k")
print(json.dumps({
    "urandom": open("/dev/urandom", "rb").read(16).hex(), "getrandom": os.urandom(16).hex(), "uuid": str(uuid.uuid4()),
    "kernel uuid": open("/proc/sys/kernel/random/uuid").read(), "python": random.random(), "secrets": secrets.token_hex(16),
    "openssl": out("openssl", "rand", "-hex", "16"), "boot id": open("/proc/sys/kernel/random/boot_id").read(),
    "machine id": open("/etc/machine-id").read(), "ssh key": open("k.pub").read(),
    "host key": out("sudo", "sha256sum", "/run/ccvm/ssh_host_key"),
    "temporary name": out("mktemp", "-u")}))
END"""

# Where there is an encrypted disk: of its key, and what is made of random numbers for it.
UNIQUE_POOL = r"""/usr/bin/python3 - <<'END'
import glob, hashlib, json, subprocess

def out(*argv):
    return subprocess.run(("sudo",) + argv, check=True, capture_output=True, text=True).stdout

table = out("dmsetup", "table", "--showkeys", "ccvm-scratch").split()
disk = [p.split("/")[3] for p in glob.glob("/sys/block/*/serial") if open(p).read().startswith("ccvm-scratch")][0]
header = out("cryptsetup", "luksDump", "/dev/" + disk)
assert len(table[4]) == 128 and table[3] == "aes-xts-plain64", "a key of 64 bytes"
assert "Keyslots:\nTokens:" in header.replace("\n  ", "\n"), "no key slot: " + header
print(json.dumps({
    "volume key": hashlib.sha256(table[4].encode()).hexdigest(), "LUKS id": out("cryptsetup", "luksUUID", "/dev/" + disk),
    "salt and digest": hashlib.sha256(header.split("Digests:")[1].encode()).hexdigest(),
    "file system id": out("blkid", "-s", "UUID", "-o", "value", "/dev/mapper/ccvm-scratch"),
    "size": out("blockdev", "--getsize64", "/dev/" + disk)}))
END"""


def starts(path):
    return [e["how"] for e in read_json_lines(path) if e["event"] == "state" and e["state"] == "starting"]


def notes(path):
    return [e["text"] for e in read_json_lines(path) if e["event"] == "note"]


LOCK = threading.Lock()


def events_dir(ctx):
    path = os.path.join(ctx.dir, "events")
    with LOCK:
        return path if os.path.isdir(path) else ctx.make_dir(path)


def run(ctx, script="echo fine", number=0, **env):
    """One session: (its stdout, path of its events)."""
    path = os.path.join(events_dir(ctx), "events%d" % number)
    ctx.write(path, "")
    code, out, err = ctx.ccvm("--shell", "-c", script, env={"CCVM_EVENTS": path, **env})
    assert_eq((code, err if not env else b""), (0, b""), "code and stderr")
    return out, path


def own_templates(ctx, copy=True):
    """A cache of this test's own, with or without a copy of the saved guest; its path."""
    shared = ctx.boot_env["CCVM_TEMPLATE_DIR"]
    own = ctx.make_dir(os.path.join(ctx.dir, "templates"), 0o700)
    ctx.boot_env["CCVM_TEMPLATE_DIR"] = own
    if copy:
        subprocess.run(["cp", "-a", "--sparse=always", shared + "/.", own], check=True)
    return own


def the_template(cache):
    found = [e.path for e in os.scandir(cache) if not e.name.startswith(".")]
    assert_eq(len(found), 1, "templates in %s" % os.listdir(cache))
    return found[0]


@test(timeout=1200, boot="template")
def test_clones_are_unique(ctx):
    def one(number):
        out, path = run(ctx, UNIQUE, number)
        assert_eq(starts(path), ["template"], "how guest %d started" % number)
        return json.loads(out)

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        seen = list(pool.map(one, range(CLONES)))
    for name in seen[0]:
        values = [s[name] for s in seen]
        assert_eq(len(set(values)), CLONES, "different values of `%s` among %s" % (name, values))
    assert_nothing_left(ctx)


@test(timeout=600, boot="template")
def test_clones_with_a_disk_are_unique(ctx):
    """From one template; its disk was of another size, which shows in nothing."""
    pools.use_templates(ctx)
    sizes = [1, 1, 2, 3]

    def one(number):
        out, path = run(ctx, UNIQUE_POOL, number, CCVM_VM_DISK_SIZE=str(sizes[number]))
        assert_eq(starts(path), ["template"], "how guest %d started" % number)
        return json.loads(out)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(one, range(len(sizes))))
    assert_eq([int(s.pop("size")) >> 30 for s in seen], sizes, "sizes of the disks, in GiB")
    for name in seen[0]:
        assert_eq(len({s[name] for s in seen}), len(sizes), "different values of `%s`" % name)
    # Without a disk it is another machine: no template of that shape is there.
    out, path = run(ctx, number=len(sizes))
    assert_eq((out, starts(path)), (b"fine\n", ["cold"]), "output, and how a guest without a disk started")
    assert_nothing_left(ctx)


@test(timeout=300, boot="template")
def test_two_at_the_same_instant(ctx):
    """Both are held right before their first instruction, and let go by two signals in a row."""
    paths = [os.path.join(events_dir(ctx), "events%d" % n) for n in (0, 1)]
    both = [ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", UNIQUE], env={"CCVM_EVENTS": p}) for p in paths]

    def qemus():
        found = [q.pid for q in ctx.processes() if q.name.startswith("qemu-system")]
        return found if len(found) == 2 else None
    held = wait_until(qemus, 30, "two QEMUs")
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(procs.process(pid).state == "T" for pid in held), 10, "both to stand still")
    for pid in held:
        os.kill(pid, signal.SIGCONT)
    for p in both:
        assert_eq(p.wait(120), 0, "code")
    first, second = (json.loads(p.out) for p in both)
    assert_eq([k for k in first if first[k] == second[k]], [], "what two clones of one instant share")
    assert_eq([starts(p) for p in paths], [["template"]] * 2, "how they started")


def guest_time(shell):
    """(host before, guest, host after), in seconds."""
    before = time.time()
    guest = float(shell.do("date +%s.%N"))
    return before, guest, time.time()


def assert_clock(shell, tolerance, what):
    before, guest, after = guest_time(shell)
    assert_true(before - tolerance <= guest <= after + tolerance,
                "%s: the guest says %f, the host %f to %f" % (what, guest, before, after))


@test(timeout=300, boot="template")
def test_sshd_is_of_this_session(ctx):
    """One waited in the template, with random numbers that all clones have. It is gone: who speaks to the host is a program that was
    started in this guest, as the same process."""
    g = GuestShell(ctx)
    rows = g.do("sudo sh -c 'for p in /proc/[0-9]*; do echo ${p#/proc/} $(readlink $p/exe) $(cat $p/comm); done'").split("\n")
    rows = [r for r in map(str.split, rows) if len(r) > 2]
    running = [(int(pid), program) for pid, program, *_ in rows]
    files = {int(pid) for pid, _, *name in rows if name and name[-1].startswith("ccvm-fs-")}  # these carry the workspace's
    [relay] = [pid for pid, program in running if program == dict(running)[1] and pid != 1 and pid not in files]
    servers = [(pid, program) for pid, program in running if "ssh" in program]
    assert_eq({program for _, program in servers}, {"/usr/lib/openssh/sshd-session"}, "programs of the SSH server")
    assert_true(min(servers)[0] < relay, "the first of %s was started before what carries its bytes, %d" % (servers, relay))
    g.end()


@test(timeout=400, boot="template")
def test_clock(ctx):
    g = GuestShell(ctx)
    wait_until(lambda: assert_clock(g, 0.1, "after the start") is None, 5, "the right time after the start")
    # What a suspend does to a guest: its time has stood still. The session notices by its own timer.
    every = [p.pid for p in ctx.processes() if p.name in ("ccvm-session", "qemu-system-x86", "ccvm-net", "ccvm-fs")]
    assert_eq(len(every), 4, "processes of the session")
    for pid in every:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(60)
    for pid in reversed(every):
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: assert_clock(g, 0.1, "after a pause of a minute") is None, 2 + 10, "the right time")
    # The channel alone: only it can bring this clock back.
    g.do("sudo date -s 2001-02-03")
    assert_eq(g.do("date +%Y"), "2001", "the year in a guest whose clock was set")
    wait_until(lambda: abs(float(g.do("date +%s.%N")) - time.time()) < 2, 60, "the host's time in the guest")
    g.end(quiet=False)


@test(timeout=600, boot="cold")
def test_template_holds_nothing_of_a_session(ctx):
    """The first session of a machine makes one in the background: nothing of that session is in it."""
    cache = own_templates(ctx, copy=False)
    workspace = ctx.make_dir(os.path.join(ctx.dir, "workspace-ZebraCrossing"))
    ctx.write(os.path.join(workspace, "file"), "content-PurpleElephant\n")
    ctx.write(os.path.join(ctx.home, ".claude/CLAUDE.md"), "memory-OrangeWalrus\n")
    ctx.write(os.path.join(ctx.home, ".gitconfig"), "[user]\n\tname = gitname-GreenOtter\n")
    path = os.path.join(events_dir(ctx), "events")
    ctx.write(path, "")
    env = {"CCVM_EVENTS": path, "CCVM_TEMPLATE": "1", "ANTHROPIC_API_KEY": "key-SilverMongoose"}
    code, out, _ = ctx.ccvm("--shell", "-c", "cat file; echo $ANTHROPIC_API_KEY", env=env, cwd=workspace)
    assert_eq((code, out), (0, b"content-PurpleElephant\nkey-SilverMongoose\n"), "code and output")
    assert_eq(starts(path), ["cold"], "how the first one started")
    wait_until(lambda: [n for n in os.listdir(cache) if not n.startswith(".")], 300, "the template")
    wait_until(lambda: not [p for p in ctx.processes() if p.name == "ccvm-template"], 60, "the end of its maker")
    template = the_template(cache)
    assert_eq(sorted(n for n in os.listdir(template) if n != "checked"), ["meta", "ram", "state"], "files of a template")
    # The search can find: this is in every guest's memory.
    assert_true(find_in_tree(b"/run/ccvm/bin/ccvm-launch", template), "nothing of the guest's own is found either")
    for what in (b"ZebraCrossing", b"PurpleElephant", b"OrangeWalrus", b"GreenOtter", b"SilverMongoose",
                 ctx.user.name.encode() + b":"):
        assert_eq(find_in_tree(what, template), [], "places of %r in the template" % what)
    again, events = run(ctx, "cat /etc/hostname >/dev/null; echo fine", CCVM_TEMPLATE="use")
    assert_eq((again, starts(events)), (b"fine\n", ["template"]), "output, and how the next one started")
    assert_nothing_left(ctx)


def flip(path, at):
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))


def truncate(template):
    os.chmod(os.path.join(template, "ram"), 0o600)
    os.truncate(os.path.join(template, "ram"), 5 << 20)


DAMAGES = {
    "truncated": truncate,
    "a bit of the memory": lambda t: flip(os.path.join(t, "ram"), (16 << 20) + 77),
    "a bit of the state": lambda t: flip(os.path.join(t, "state"), 5000),
    "no state": lambda t: os.unlink(os.path.join(t, "state")),
    "no description": lambda t: os.truncate(os.path.join(t, "meta"), 0),
}


@each(DAMAGES)
@test(timeout=300, boot="template")
def test_damaged(ctx, damage):
    cache = own_templates(ctx)
    template = the_template(cache)
    damage(template)
    out, path = run(ctx, CCVM_TEMPLATE="use")
    assert_eq(out, b"fine\n", "output")
    assert_eq(starts(path)[-1], "cold", "how it started in the end")
    assert_true(any("unusable and was removed" in n for n in notes(path)), "a note says so: %s" % notes(path))
    assert_true(not os.path.exists(template), "the damaged one is gone")
    assert_nothing_left(ctx)


@test(timeout=300, boot="template")
def test_state_that_qemu_refuses(ctx):
    """Whole and with right checksums, but not what this QEMU can take: made by hand."""
    cache = own_templates(ctx)
    template = the_template(cache)
    state, meta = os.path.join(template, "state"), os.path.join(template, "meta")
    with open(state, "rb") as f:
        data = bytearray(f.read())
    data[4:8] = b"\xff\xff\xff\xff"  # the stream's version
    os.chmod(state, 0o600)
    with open(state, "wb") as f:
        f.write(data)
    with open(meta, encoding="ascii") as f:
        described = json.load(f)
    described["state_hash"] = xxh128(bytes(data))
    with open(meta, "w", encoding="ascii") as f:
        json.dump(described, f)
    out, path = run(ctx, CCVM_TEMPLATE="use")
    assert_eq((out, starts(path)), (b"fine\n", ["template", "cold"]), "output, and the two attempts")
    [told] = [e for e in read_json_lines(path) if "starting over" in e.get("text", "")]
    assert_true({"console", "qemu"} <= set(told), "the note has what the guest and QEMU said last: %s" % told)


def xxh128(data):
    done = subprocess.run(["xxhsum", "-H128"], input=data, capture_output=True, check=True)
    return done.stdout.split()[0].decode()


@test(timeout=300, boot="template")
def test_another_qemu(ctx):
    """A template belongs to the very QEMU that made it."""
    prefix = os.path.join(ctx.dir, "usr")
    other = os.path.join(prefix, "bin", "qemu-system-x86_64")
    os.makedirs(os.path.dirname(other))
    for name in ("lib", "share"):  # QEMU finds its modules beside itself
        os.symlink("/usr/" + name, os.path.join(prefix, name))
    shutil.copy(shutil.which("qemu-system-x86_64"), other)
    os.chmod(other, 0o755)
    out, path = run(ctx, CCVM_QEMU=other)
    assert_eq((out, starts(path)), (b"fine\n", ["cold"]), "output, and how it started")


@test(timeout=300, boot="template")
def test_deleted_during_a_start(ctx):
    cache = own_templates(ctx)
    template = the_template(cache)
    gone = threading.Event()

    def delete():
        wait_until(lambda: gone.is_set() or [q for q in ctx.processes() if q.name.startswith("qemu-system")], 60, "QEMU")
        shutil.rmtree(template, ignore_errors=True)
    deleter = threading.Thread(target=delete)
    deleter.start()
    try:
        out, path = run(ctx, CCVM_TEMPLATE="use")
    finally:
        gone.set()
        deleter.join()
    assert_eq((out, os.path.exists(template)), (b"fine\n", False), "output, and the template is gone")
    assert_in(starts(path), [["template"], ["template", "cold"]], "how it started")


@each({"cannot be made": "/proc/no-such-directory", "full": None})
@test(timeout=400, boot="cold")
def test_cache_that_cannot_be_written(ctx, path):
    cache = path or os.path.join(ctx.dir, "full")
    if not path:
        ctx.make_dir(cache, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700,uid=%d" % ctx.uid, "tmpfs", cache], check=True)
        ctx.closers.append(lambda: subprocess.run(["umount", cache], check=False))
    out, events = run(ctx, CCVM_TEMPLATE="1", CCVM_TEMPLATE_DIR=cache)
    assert_eq((out, starts(events)), (b"fine\n", ["cold"]), "output, and how it started")
    wait_until(lambda: not [p for p in ctx.processes() if p.name == "ccvm-template"], 300, "the end of the maker")
    if not path:
        assert_eq([n for n in os.listdir(cache) if n != ".lock"], [], "what is left in the full cache")
        # Told to do so in the foreground, it says what is wrong.
        code, _, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "image", "warm"], env={"CCVM_TEMPLATE_DIR": cache}, timeout=300)
        assert_eq(code, 1, "code of image warm (stderr: %r)" % err)
        assert_in(b"No space left on device", err, "stderr of image warm")
    assert_nothing_left(ctx)


@test(timeout=600, boot="cold")
def test_two_first_starts(ctx):
    """Both boot cold; one of them makes the template, the other leaves it at that."""
    cache = own_templates(ctx, copy=False)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda n: run(ctx, "echo %d" % n, n, CCVM_TEMPLATE="1"), (0, 1)))
    assert_eq([out for out, _ in both], [b"0\n", b"1\n"], "outputs")
    assert_eq([starts(path) for _, path in both], [["cold"], ["cold"]], "how they started")
    wait_until(lambda: not [p for p in ctx.processes() if p.name == "ccvm-template"], 300, "the end of the maker")
    the_template(cache)
    assert_eq(sorted(n for n in os.listdir(cache) if n.startswith(".")), [".lock"], "what else is there")


@test(timeout=400, boot="template")
def test_memory_is_shared(ctx):
    """Sessions map one copy of the template's memory, the cache's own file, and none of them can change it."""
    shells = [GuestShell(ctx) for _ in range(2)]
    inodes = []
    for q in ctx.processes():
        if q.name.startswith("qemu-system"):
            found = [m.split() for m in procs.read("/proc/%d/maps" % q.pid).decode().splitlines() if m.endswith("/ram")]
            assert_eq({m[1][3] for m in found}, {"p"}, "how QEMU %d maps the template's memory" % q.pid)
            inodes.append({m[4] for m in found}.pop())
            flags = [open_flags(q.pid, fd) for fd in os.listdir("/proc/%d/fd" % q.pid) if os.readlink("/proc/%d/fd/%s" % (q.pid, fd)).endswith("/ram")]
            assert_eq({f & os.O_ACCMODE for f in flags}, {os.O_RDONLY}, "how QEMU %d has it open" % q.pid)
    assert_eq((len(inodes), len(set(inodes))), (2, 1), "copies of the memory")
    # The first may go first.
    shells[0].end()
    assert_eq(shells[1].do("echo still; cat /proc/sys/kernel/random/uuid | wc -c"), "still\n37", "the other goes on")
    shells[1].end()
    assert_nothing_left(ctx)


# Each start of a program, on the console; a session has only its own there, not those of the template.
PROGRAMS = "ignore_loglevel tp_printk trace_event=sched:sched_process_exec"
RUN_AHEAD = {
    "two processors": ("2", 2),
    "one processor": ("1", 1),
}


@each(RUN_AHEAD)
@test(timeout=400, boot="template")
def test_programs_run_ahead(ctx, entry):
    """An emulated guest runs what comes next on its other processor while somebody logs in, so that it is translated: guest/init/ahead.c."""
    cores, times = entry
    ctx.use_hooks()
    env = {"CCVM_ACCEL": "tcg", "CCVM_CORES": cores, "CCVM_TEST_KERNEL_WORDS": PROGRAMS, "CCVM_TEMPLATE_DIR": os.path.join(ctx.cache, "programs"),
           "ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    code, _, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "image", "warm"], env=env, timeout=300)
    assert_eq(code, 0, "exit code of image warm: %r" % err)
    for program, *argv in (["/bin/zsh", "--shell"], ["/usr/local/bin/claude", "-p", "wait"]):
        events = os.path.join(events_dir(ctx), program.replace("/", "-"))
        p = ctx.spawn([os.path.join(ctx.bin, "ccvm"), *argv], stdin=None, env={**env, "CCVM_EVENTS": events})
        wait_until(lambda: os.path.exists(events) and [e for e in read_json_lines(events) if e.get("state") == "running"], 120, "the agent")
        assert_eq(starts(events), ["template"], "ways of starting")
        [run_dir] = ctx.session_dirs()

        def started():
            with open(os.path.join(run_dir, "console.log"), errors="replace") as f:
                return f.read().count("filename=%s " % program)
        wait_until(lambda: started() >= times, 60, "%d starts of %s" % (times, program))
        assert_eq(started(), times, "starts of %s" % program)
        os.kill(p.pid, signal.SIGTERM)
        p.wait(60)
        assert_nothing_left(ctx)


def open_flags(pid, fd):
    line = next(n for n in procs.read("/proc/%d/fdinfo/%s" % (pid, fd)).decode().splitlines() if n.startswith("flags:"))
    return int(line.split()[1], 8)


def note_of(path):
    """What vm/checked.c would note of the file."""
    st = os.stat(path)
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        boot = f.read().strip()
    times = ["%d.%09d" % divmod(ns, 10**9) for ns in (st.st_mtime_ns, st.st_ctime_ns)]
    return " ".join([boot, str(st.st_dev), str(st.st_ino), str(st.st_size), *times]) + "\n"


def a_hole(path):
    """The offset of a page of zeros, which no guest that starts has looked at."""
    with open(path, "rb") as f:
        return os.lseek(f.fileno(), 64 << 20, os.SEEK_HOLE)


@test(timeout=300, boot="template")
def test_memory_is_checked_once(ctx):
    """The first start reads it all and notes that; the next ones believe the note as long as it is of the file as it is."""
    template = the_template(own_templates(ctx))
    ram, note = (os.path.join(template, n) for n in ("ram", "checked"))
    if os.path.exists(note):  # of the one that was copied
        os.unlink(note)
    aged = lambda: time.time() - os.stat(ram).st_ctime > 4  # noqa: E731 - a change that is near is not noted
    wait_until(aged, 30, "the file to be older")
    for _ in range(2):
        assert_eq(starts(run(ctx, CCVM_TEMPLATE="use")[1]), ["template"], "how it started")
        with open(note, encoding="ascii") as f:
            assert_eq(f.read(), note_of(ram), "the note")
    # With a false note the memory is not read.
    flip(ram, a_hole(ram))
    wait_until(aged, 30, "the file to be older")
    ctx.write(note, note_of(ram))
    assert_eq(starts(run(ctx, CCVM_TEMPLATE="use")[1]), ["template"], "how it started with a note of the changed file")
    os.unlink(note)
    path = run(ctx, CCVM_TEMPLATE="use")[1]
    assert_true(any("unusable and was removed" in n for n in notes(path)), "without it the change is noticed: %s" % notes(path))
    assert_nothing_left(ctx)


@test(timeout=300, boot="template")
def test_image_commands(ctx):
    cache = own_templates(ctx)
    ctl = os.path.join(ctx.bin, "ccvmctl")
    code, out, err = ctx.run([ctl, "image", "warm", "--json"])
    assert_eq((code, json.loads(out)), (0, {"result": "present"}), "image warm (stderr: %r)" % err)
    code, out, _ = ctx.run([ctl, "image", "info", "--json"])
    listed = json.loads(out)["templates"]
    assert_eq((code, len(listed), listed[0]["key"], listed[0]["memory_mib"]),
              (0, 1, os.path.basename(the_template(cache)), 1024), "image info")
    code, out, _ = ctx.run([ctl, "image", "info"])
    assert_in(b"saved guests: 1, ", out, "image info for people")
