"""The encrypted disk: its data, its key, its end, and what is done when it cannot be had. What the host sees of a disk is
read from QEMU's own fd: the file has no name."""

import hashlib
import os
import shutil
import signal
import subprocess

from harness import (Skip, assert_eq, assert_in, assert_match, assert_nothing_left, assert_true, each, find_in_memory,
                     find_in_procs, find_in_tree, read_json_lines, test, wait_until)
from pools import PoolGuest, files_of, hits, sessions, use_templates

MARKER = b"MARKER-" + hashlib.sha256(b"of the test").hexdigest().encode()
# The key leaves the guest inverted, so that no process of the host gets it by being asked for it.
KEY = r"""sudo python3 -c '
import subprocess
table = subprocess.run(["dmsetup", "table", "--showkeys", "ccvm-scratch"], capture_output=True, text=True, check=True).stdout
print(bytes(b ^ 255 for b in bytes.fromhex(table.split()[4])).hex())'"""
MIB = 1 << 20


def disks_in_cache(ctx):
    """Names in the folder for disks, but for the notes about the image, which are there anyway."""
    return [n for n in os.listdir(os.path.join(ctx.cache, "ccvm")) if n != "checked"]


def inverted_key(g):
    key = bytes.fromhex(g.do(KEY))
    assert_eq((len(key), len(set(key)) > 16), (64, True), "length of the key, and that it is none of zeros")
    return key


@test(timeout=400)
def test_data_and_key(ctx):
    """Neither is anywhere on the host, while the guest runs and after."""
    g = PoolGuest(ctx)
    assert_match(r"ext4 \S*nosuid\S*nodev|ext4 \S*nodev\S*nosuid", g.do("findmnt -no FSTYPE,OPTIONS /scratch"), "mount of /scratch")
    assert_eq(g.do("stat -c '%u %a' /scratch"), "%d 755" % ctx.uid, "owner and mode of /scratch")
    # The marker is put together in the guest: our own command line is in its memory.
    g.do("python3 -c 'import hashlib; h = b\"MARKER-\" + hashlib.sha256(b\"of the test\").hexdigest().encode()\n"
         "open(\"/scratch/marker\", \"wb\").write(h * 100000)' && sync && cat /scratch/marker | wc -c")
    assert_true(g.allocated() > 7 * MIB, "the file on the host grew: %d" % g.allocated())
    with g.file() as f:
        f.seek(0)
        assert_eq(f.read(6), b"LUKS\xba\xbe", "how the file begins")
        assert_true(hits(b"ccvm-scratch", f), "what is there is found")  # the label
        assert_eq(hits(MARKER, f), False, "the marker in the file, while the guest runs")
        inverted = inverted_key(g)
        assert_eq(hits(bytes(255 - b for b in inverted), f), False, "the key in the file")
        status = g.status()
        assert_eq((status["pool"], status["pool_size_mib"]), ("on", 1024), "pool in the status")
        assert_true(status["pool_used_kib"] > 6900 and 900 << 10 < status["pool_total_kib"] < 1 << 20, "figures: %s" % status)
        key = bytes(255 - b for b in inverted)
        assert_eq(find_in_tree(key, ctx.runtime, ctx.cache, ctx.home, ctx.tmp), [], "files with the key")
        pids = [p.pid for p in ctx.processes()]
        assert_eq(find_in_procs(key, pids) + find_in_procs(key.hex().encode(), pids), [], "arguments, environments with the key")
        if os.getuid() == 0:
            del status
            assert_eq([p for p in pids for what in (key, key.hex().encode()) if find_in_memory(what, p)], [], "processes with the key")
        g.end()
        assert_eq(hits(MARKER, f), False, "the marker in the file, afterwards")
        assert_eq(os.fstat(f.fileno()).st_nlink, 0, "names of the file")
    assert_nothing_left(ctx)
    assert_eq(disks_in_cache(ctx), [], "files in the cache")


@test(timeout=300)
def test_there_for_the_first_command(ctx):
    """The disk is made beside the boot; the agent's first command finds it, and the Nix store on it."""
    path = ctx.write(os.path.join(ctx.dir, "events"), "")
    use_templates(ctx)
    # Shell builtins only: nothing is waited for.
    script = "while read -r a b; do case $b in /scratch\\ *|/nix/store\\ *) echo $a $b;; esac; done </proc/mounts"
    code, out, err = ctx.ccvm("--shell", "-c", script, env={"CCVM_VM_DISK_SIZE": "1", "CCVM_EVENTS": path}, timeout=240)
    assert_eq((code, err), (0, b""), "code, stderr")
    assert_match(r"(?m)^/dev/mapper/ccvm-scratch /scratch ext4 ", out.decode(), "the first mounts that were seen")
    assert_match(r"(?m)^overlay /nix/store \S+ \S*upperdir=/run/ccvm/pool/nix/store", out.decode(), "the store")
    stages = [e["stage"] for e in read_json_lines(path) if e["event"] == "progress"]
    assert_true(stages.index("beside") < stages.index("pool") < stages.index("store"), "stages: %s" % stages)
    assert_nothing_left(ctx)


@test(timeout=300)
def test_workspace_in_scratch(ctx):
    """A host's own /scratch is a place to work in as any other: the disk does not cover it."""
    if os.getuid() != 0:
        raise Skip("root makes the directory")
    made = not os.path.isdir("/scratch")
    if made:
        os.mkdir("/scratch", 0o755)
    own = ctx.make_dir("/scratch/ccvm-test-%d" % os.getpid())
    try:
        ctx.write(os.path.join(own, "file"), "of the host\n")
        use_templates(ctx)
        code, out, err = ctx.ccvm("--shell", "-c", "cat file; echo of the guest >back; findmnt -no FSTYPE /scratch", cwd=own,
                                  env={"CCVM_VM_DISK_SIZE": "1"}, timeout=240)
        assert_eq((code, out, err), (0, b"of the host\next4\n", b""), "code, output")
        with open(os.path.join(own, "back"), encoding="ascii") as f:
            assert_eq(f.read(), "of the guest\n", "what the guest wrote")
    finally:
        shutil.rmtree(own, ignore_errors=True)
        if made:
            os.rmdir("/scratch")


@each({"the session": "session", "qemu": "qemu"})
@test(timeout=300)
def test_killed(ctx, which):
    g = PoolGuest(ctx)
    g.do("dd if=/dev/urandom of=/scratch/data bs=1M count=20 status=none; sync")
    assert_eq(disks_in_cache(ctx), [], "names of the file while it is in use")
    with g.file() as f:
        inode = os.fstat(f.fileno()).st_ino
    os.kill(getattr(g, which), signal.SIGKILL)
    assert_eq(g.proc.wait(60), 125, "code of ccvm")
    assert_nothing_left(ctx)
    held = [p.pid for p in ctx.processes() if files_of(p.pid)]
    assert_eq((held, disks_in_cache(ctx)), ([], []), "who holds file %d, and what has a name" % inode)


@test(timeout=300)
def test_leftovers(ctx):
    """Of a session that was killed between making its file and unlinking it."""
    cache = os.path.join(ctx.cache, "ccvm")
    left, other = ctx.write(os.path.join(cache, "vmdisk-0123456789abcdef.img"), "x"), ctx.write(os.path.join(cache, "vmdisk.img"), "x")
    PoolGuest(ctx).end()
    assert_eq((os.path.exists(left), os.path.exists(other)), (False, True), "the leftover, and what only looks like one")


@test(timeout=300)
def test_keys_differ(ctx):
    """Two sessions at a time, from one template where this test starts from one."""
    guests = [PoolGuest(ctx), PoolGuest(ctx)]
    keys = {hashlib.sha256(inverted_key(g)).hexdigest() for g in guests}
    uuids = {g.do("sudo cryptsetup luksUUID $(sudo dmsetup deps -o blkdevname ccvm-scratch | sed 's,.*(\\(.*\\)).*,/dev/\\1,')")
             for g in guests}
    for g in guests:
        g.end()
    assert_eq((len(keys), len(uuids)), (2, 2), "different keys and ids of two sessions")


def write_until_full(g, name):
    """MiB that fitted."""
    code, out = g.run("dd if=/dev/urandom of=%s bs=1M conv=fsync 2>&1" % name, timeout=240)
    assert_eq((code, b"No space left on device" in out), (1, True), "code of dd, and that the disk was full: %r" % out)
    return int(g.do("stat -c %%s %s" % name)) / MIB


def keep_a_file(g):
    """What must still be whole afterwards."""
    return g.do("dd if=/dev/urandom of=/scratch/kept bs=1M count=20 conv=fsync status=none; sha256sum </scratch/kept")


def assert_whole(g, kept):
    assert_eq(g.do("sync; sudo sh -c 'echo 3 >/proc/sys/vm/drop_caches'; sha256sum </scratch/kept", timeout=120), kept, "what was written before")
    assert_eq(g.do("dmesg 2>/dev/null || sudo dmesg | grep -ciE 'ext4-fs error|i/o error'; true").strip() or "0", "0", "errors of the file system")
    assert_eq(g.do("echo more >/scratch/more && sync && cat /scratch/more"), "more", "writing goes on")


@test(timeout=400)
def test_full(ctx):
    ctx.use_hooks()
    g = PoolGuest(ctx, CCVM_TEST_DISK_BYTES=str(160 * MIB))
    kept = keep_a_file(g)
    fitted = write_until_full(g, "/scratch/big")
    assert_true(100 < fitted < 140, "what fitted: %s MiB" % fitted)
    assert_eq([e["percent"] for e in g.saw("filling") and wait_until(lambda: len(g.events()) == 2 and g.events(), 30, "both marks")],
              [80, 95], "events")
    assert_eq(g.status()["pool"], "on", "state of the pool")
    g.do("rm /scratch/big")
    assert_whole(g, kept)
    g.end()


@test(timeout=400)
def test_discard(ctx):
    """What is deleted in the guest is free on the host."""
    g = PoolGuest(ctx)
    g.do("dd if=/dev/urandom of=/scratch/big bs=1M count=150 conv=fsync status=none", timeout=120)
    assert_true(g.allocated() > 150 * MIB, "on the host: %d" % g.allocated())
    g.do("rm /scratch/big; sync")
    wait_until(lambda: g.allocated() < 30 * MIB, 60, "the space to be free again")
    g.end()


def small_disk(ctx, mib):
    if os.getuid() != 0:
        raise Skip("needs root, to mount a small file system")
    path = ctx.make_dir(os.path.join(ctx.dir, "small"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm,mode=0700,uid=%d,gid=%d" % (mib, ctx.uid, ctx.gid), "tmpfs", path], check=True)
    ctx.on_close(lambda: subprocess.run(["umount", "-l", path], check=True))
    return path


@test(timeout=400)
def test_host_disk_full(ctx):
    """The guest knows the free space: its writers get ENOSPC as on a disk of that size."""
    g = PoolGuest(ctx, CCVM_SCRATCH_DIR=small_disk(ctx, 200), CCVM_SCRATCH_ALLOW_TMPFS="1")
    assert_in("has room for", " ".join(e["text"] for e in g.events("note")), "notes")
    kept = keep_a_file(g)
    fitted = write_until_full(g, "/scratch/big")
    assert_true(100 < fitted < 200, "what fitted: %s MiB" % fitted)
    g.saw("host disk low")
    assert_eq(g.status()["pool_host_low"], True, "the status says so")
    assert_eq(g.events("state")[-1]["state"], "running", "state")
    assert_eq([e for e in g.events() if e["what"] == "host disk full"], [], "stops of the guest")
    g.do("rm /scratch/big")
    assert_whole(g, kept)
    g.end(quiet=False)


@test(timeout=400)
def test_host_disk_filled_by_others(ctx):
    """Faster than the guest can be notified: it stops at the write that does not fit, and continues without loss."""
    small = small_disk(ctx, 200)
    g = PoolGuest(ctx, CCVM_SCRATCH_DIR=small, CCVM_SCRATCH_ALLOW_TMPFS="1")
    kept = keep_a_file(g)
    filler = os.path.join(small, "filler")
    with open(filler, "wb") as f:
        try:
            while f.write(bytes(MIB)):
                f.flush()
        except OSError:
            pass
    g.proc.send(b"yes 0123456789abcde | head -c 60M >/scratch/big; sync; echo all-written\n")
    g.saw("host disk full")
    assert_eq(g.status()["pool_host_low"], True, "the status says so")
    os.unlink(filler)
    g.proc.wait_for(b"all-written\n", 120)
    g.seen = len(g.proc.out)
    g.saw("host disk has space again")
    # The writer may have got ENOSPC in time; what it wrote until then is whole.
    size, got = g.do("sudo sh -c 'echo 3 >/proc/sys/vm/drop_caches'; stat -c %s /scratch/big; sha256sum </scratch/big").split("\n")
    assert_true(int(size) > MIB, "what was written: %s" % size)
    assert_eq(got, hashlib.sha256((b"0123456789abcde\n" * (4 * MIB))[:int(size)]).hexdigest() + "  -", "the data")
    g.do("rm /scratch/big")
    assert_whole(g, kept)
    g.end(quiet=False)


FAILURES = {
    "no disk": ("0", "no disk with serial ccvm-scratch"),
    "LUKS refuses": ("65536", "ccvm-pool ended with code 1: "),
    "mkfs fails": (str(MIB + 16384), "mkfs.ext4 ended with code 1"),
}


@each(FAILURES)
@test(timeout=300, boot="cold")
def test_fails_open(ctx, entry):
    size, reason = entry
    ctx.use_hooks()
    g = PoolGuest(ctx, CCVM_TEST_DISK_BYTES=size)
    status = g.status()
    assert_eq((status["state"], status["pool"]), ("running", "failed"), "state, and the pool's")
    assert_in(reason, status["pool_reason"], "reason in the status")
    assert_in(reason, " ".join(e["text"] for e in g.events("note")), "notes")
    assert_eq(g.do("echo x >/scratch/x && df --output=fstype /scratch | tail -1"), "overlay", "/scratch, in memory")
    g.end(quiet=False)
    assert_nothing_left(ctx)


def test_none(ctx):
    """Nothing of it without the option."""
    events = ctx.write(os.path.join(ctx.dir, "events"), "")
    code, out, err = ctx.ccvm("--shell", "-c", "ls /dev/mapper /sys/block 2>/dev/null; cat /sys/block/*/serial", env={"CCVM_EVENTS": events})
    assert_eq((code, b"ccvm-scratch" in out, err), (0, False, b""), "code, a disk (%r), stderr" % out)
    assert_eq((disks_in_cache(ctx), sessions(ctx)), ([], []), "disks, sessions left")
