"""The encrypted disk: what it costs a start, what it reads and writes, what a Nix build costs on it; beside the same in memory."""

import json
import os
import re
import time

import harness
import pools
from guestshell import GuestShell
from measure import note

MIB = 256
# One line each: writing (until it is on the disk), then reading with nothing in the guest's page cache.
SPEED = r"""python3 - %s %d <<'END'
import json, os, sys, time
path, mib = sys.argv[1], int(sys.argv[2])
block = os.urandom(1 << 20)
begin = time.monotonic()
fd = os.open(path, os.O_RDWR | os.O_CREAT)
for _ in range(mib):
    os.write(fd, block)
os.fsync(fd)
wrote = time.monotonic() - begin
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
os.lseek(fd, 0, 0)
begin = time.monotonic()
while os.read(fd, 1 << 20):
    pass
print(json.dumps({"write_mb_s": round(mib * 1.048576 / wrote, 1), "read_mb_s": round(mib * 1.048576 / (time.monotonic() - begin), 1)}))
os.unlink(path)
END"""
FLAKE = """{ outputs = { self }: { packages.x86_64-linux.default = derivation { name = "bench"; system = "x86_64-linux"; builder = "/bin/sh";
  args = [ "-c" "i=0; while [ $i -lt 20000 ]; do echo line $i of a file that a build writes; i=$((i + 1)); done > $out" ]; }; }; }
"""


def ready_s(path):
    return next(e["since_start_ms"] / 1000 for e in harness.read_json_lines(path) if e.get("state") == "ready")


def nix_build_s(ctx, g):
    """None where the image has no Nix."""
    if g.run("command -v nix")[0] != 0:
        return None
    ctx.write(os.path.join(ctx.workspace, "flake/flake.nix"), FLAKE)
    g.do("nix store info", 120)  # the daemon and its database are there
    begin = time.monotonic()
    g.do("nix build --offline --no-link path:$PWD/flake 2>&1", 240)
    return round(time.monotonic() - begin, 2)


def start(ctx, size, way, **env):
    """(its shell, seconds to `ready` and to the first answer: what needs the disk waits for it there)"""
    events = ctx.write(os.path.join(ctx.tmp, "pool-events"), "")
    begin = time.monotonic()
    g = GuestShell(ctx, env={"CCVM_VM_DISK_SIZE": str(size), "CCVM_EVENTS": events, **env})
    took = {"ready_%s_s" % way: ready_s(events), "prompt_%s_s" % way: round(time.monotonic() - begin, 2)}
    os.unlink(events)
    return g, took


def one(ctx, size):
    cold, cold_took = start(ctx, size, "cold", CCVM_TEMPLATE="0")
    cold.end(quiet=False)
    g, took = start(ctx, size, "template")
    found = {**cold_took, **took, **json.loads(g.do(SPEED % ("/scratch/x" if size else "/dev/shm/x", MIB), 240)),
             "nix_build_s": nix_build_s(ctx, g)}
    g.end(quiet=False)
    return found


def run(ctx, rounds):
    """{"pool": …, "memory": …}, each with the best of a few rounds that take turns."""
    seen = {"pool": [], "memory": []}
    ctx.boot_env.update(CCVM_TEMPLATE="use")
    plain = ctx.boot_env["CCVM_TEMPLATE_DIR"]
    pools.use_templates(ctx)
    own = ctx.boot_env["CCVM_TEMPLATE_DIR"]
    for i in range(rounds):
        for name, directory, size in (("pool", own, 2), ("memory", plain, 0)):
            note("encrypted disk, %s, round %d of %d" % (name, i + 1, rounds))
            ctx.boot_env["CCVM_TEMPLATE_DIR"] = directory
            seen[name].append(one(ctx, size))
    ctx.boot_env["CCVM_TEMPLATE_DIR"] = plain
    best = {}
    for name, rows in seen.items():
        best[name] = {key: (max if re.search("mb_s", key) else min)(row[key] for row in rows) if rows[0][key] is not None else None
                      for key in rows[0]}
    return best
