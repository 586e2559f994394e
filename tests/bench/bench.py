#!/usr/bin/env python3
"""make bench: starts and memory, as one JSON object on stdout. Nothing is asserted: timings of a shared machine are
compared within one run.

  cold_boot_s     from ccvm's start to the state `ready`
  running_s       from ccvm's start to the agent's start
  version_s       the whole of `ccvm --version` with the real claude
  pane_mb_s       what ccvm-term and tmux take in, of dense text, coloured words and `yes`, one after the other
  memory_kib      of each process while an idle shell runs: resident, proportional and private
"""

import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]
import harness  # noqa: E402
import pane  # noqa: E402
import procs  # noqa: E402

ROUNDS = int(os.environ.get("CCVM_BENCH_ROUNDS", "10"))


def note(text):
    print(text, file=sys.stderr, flush=True)


def summary(values):
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3),
            "max": round(max(values), 3), "n": len(values)}


def state_time(events, state):
    return next(e["since_start_ms"] / 1000 for e in events if e.get("event") == "state" and e["state"] == state)


def start_times(ctx):
    """Seconds to `ready` and to `running` of one cold start."""
    path = os.path.join(ctx.tmp, "events")
    if os.path.exists(path):
        os.unlink(path)
    code, _, err = ctx.ccvm("--shell", "-c", "true", env={"CCVM_EVENTS": path})
    harness.assert_eq(code, 0, "exit code of an empty shell (%r)" % err)
    events = harness.read_json_lines(path)
    return state_time(events, "ready"), state_time(events, "running")


def version_time(ctx):
    begin = time.monotonic()
    code, out, _ = ctx.ccvm("--version")
    harness.assert_eq((code, b"Claude Code" in out), (0, True), "claude --version")
    return time.monotonic() - begin


def smaps(pid):
    rows = {}
    for line in procs.read("/proc/%d/smaps_rollup" % pid).decode().splitlines()[1:]:
        name, value = line.split(":")
        rows[name] = int(value.split()[0])
    return {"rss": rows["Rss"], "pss": rows["Pss"], "private": rows["Private_Clean"] + rows["Private_Dirty"]}


def memory(ctx):
    """Of each process of one session whose agent is an idle shell."""
    p = ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "echo up; cat"], stdin=None)
    p.wait_for(rb"up", 180)
    result = {os.fsdecode(os.path.basename(procs.cmdline(q.pid)[0])): smaps(q.pid) for q in ctx.processes()}
    p.close_stdin()
    p.wait(60)
    return result


def main():
    run = harness.Run()
    ctx = harness.Context(run, 0)
    try:
        starts = []
        for i in range(ROUNDS):
            note("cold start %d of %d" % (i + 1, ROUNDS))
            starts.append(start_times(ctx))
        versions = []
        for i in range(ROUNDS):
            note("claude --version %d of %d" % (i + 1, ROUNDS))
            versions.append(version_time(ctx))
        qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True).stdout.splitlines()
        print(json.dumps({
            "cold_boot_s": summary([s[0] for s in starts]), "running_s": summary([s[1] for s in starts]),
            "version_s": summary(versions), "memory_kib": memory(ctx),
            "pane_mb_s": pane.rates(ctx), "cpus": os.cpu_count(),
            "kvm": os.access("/dev/kvm", os.W_OK), "qemu": qemu[0] if qemu else None, "load": os.getloadavg()[0],
        }, indent=2))
    finally:
        ctx.close()
        run.close()


main()
