#!/usr/bin/env python3
"""make bench: starts and memory, as one JSON object on stdout. Nothing is asserted: timings of a shared machine are
compared within one run. CCVM_BENCH_ROUNDS (10) starts of each kind take turns.

  ready_s, running_s   from ccvm's start to the state `ready` and to the agent's start, cold and from a template
  version_s            the whole of `ccvm --version` with the real claude, cold and from a template
  prompt_s             the whole of `ccvm -p` against the scripted API server, from a template
  ratio                template / cold, of the medians
  steps_ms             of the last start from a template: when each event came
  sessions             1, 4 and 8 idle shells at a time: private memory of all their processes, and what QEMU maps of the
                       template together (shared, one copy)
  memory_kib           of each process of one session: resident, proportional and private
  terminal             what ccvm-term costs: throughput beside tmux, key to frame, idle (term.py)
  disk                 starts with the encrypted disk and without, what it and a tmpfs write and read, a Nix build on each
                        (pooldisk.py)
  egress               the network (egress.py); null without root
"""

import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]
import egress  # noqa: E402
import harness  # noqa: E402
import pooldisk  # noqa: E402
import procs  # noqa: E402
import term  # noqa: E402
from api import Api  # noqa: E402

ROUNDS = int(os.environ.get("CCVM_BENCH_ROUNDS", "10"))
BOOTS = {"cold": "0", "template": "use"}
SESSIONS = (1, 4, 8)


def note(text):
    print(text, file=sys.stderr, flush=True)


def summary(values):
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3),
            "max": round(max(values), 3), "n": len(values)}


def timed(ctx, *args, env=None):
    """(seconds, events) of one run of ccvm that must succeed."""
    path = os.path.join(ctx.tmp, "events")
    if os.path.exists(path):
        os.unlink(path)
    begin = time.monotonic()
    code, _, err = ctx.ccvm(*args, env={"CCVM_EVENTS": path, **(env or {})})
    seconds = time.monotonic() - begin
    harness.assert_eq(code, 0, "exit code of ccvm %s (%r)" % (args, err))
    return seconds, harness.read_json_lines(path)


def state_time(events, state):
    return next(e["since_start_ms"] / 1000 for e in events if e.get("event") == "state" and e["state"] == state)


def steps(events):
    return {e.get("state") or e.get("stage"): e["since_start_ms"] for e in events if e["event"] in ("state", "progress")}


def starts(ctx, result):
    """Each kind in turn, so that what else the machine does falls on both alike."""
    seen = {name: {boot: [] for boot in BOOTS} for name in ("ready_s", "running_s", "version_s")}
    for i in range(ROUNDS):
        for boot, value in BOOTS.items():
            note("%s start %d of %d" % (boot, i + 1, ROUNDS))
            ctx.boot_env["CCVM_TEMPLATE"] = value
            seconds, events = timed(ctx, "--version")
            seen["version_s"][boot].append(seconds)
            seen["ready_s"][boot].append(state_time(events, "ready"))
            seen["running_s"][boot].append(state_time(events, "running"))
    for name, kinds in seen.items():
        result[name] = {boot: summary(values) for boot, values in kinds.items()}
    result["ratio"] = {n: round(result[n]["template"]["median"] / result[n]["cold"]["median"], 3) for n in seen}
    result["steps_ms"] = steps(events)


def prompts(ctx, result):
    api = Api(ctx, [{"match": "^hi$", "text": "hello"}])
    values = []
    for i in range(ROUNDS):
        note("ccvm -p %d of %d" % (i + 1, ROUNDS))
        values.append(timed(ctx, "-p", "hi", env=api.env(guest=True))[0])
    result["prompt_s"] = summary(values)


def smaps(pid):
    rows = {}
    for line in procs.read("/proc/%d/smaps_rollup" % pid).decode().splitlines()[1:]:
        name, value = line.split(":")
        rows[name] = int(value.split()[0])
    return {"rss": rows["Rss"], "pss": rows["Pss"], "private": rows["Private_Clean"] + rows["Private_Dirty"]}


def idle_shell(ctx):
    p = ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "echo up; cat"], stdin=None)
    p.wait_for(rb"up", 180)
    return p


def memory(ctx, result):
    """Of sessions whose agents are idle shells."""
    shells, result["sessions"] = [], {}
    for wanted in SESSIONS:
        note("memory of %d sessions" % wanted)
        while len(shells) < wanted:
            shells.append(idle_shell(ctx))
        each = {q.pid: (os.fsdecode(os.path.basename(procs.cmdline(q.pid)[0])), smaps(q.pid)) for q in ctx.processes()}
        if wanted == 1:
            result["memory_kib"] = dict(each.values())
        result["sessions"][wanted] = {"private_mib": sum(m["private"] for _, m in each.values()) // 1024,
                                      "proportional_mib": sum(m["pss"] for _, m in each.values()) // 1024}
    for p in shells:
        p.close_stdin()
        p.wait(60)
    private = {n: v["private_mib"] for n, v in result["sessions"].items()}
    result["private_mib_a_further_session"] = (private[SESSIONS[-1]] - private[1]) // (SESSIONS[-1] - 1)


def main():
    run = harness.Run()
    ctx = harness.Context(run, 0, "template")
    result = {"cpus": os.cpu_count(), "kvm": os.access("/dev/kvm", os.W_OK)}
    try:
        note("saving a guest")
        harness.assert_eq(run.make_template(600), None, "the template")
        starts(ctx, result)
        prompts(ctx, result)
        memory(ctx, result)
        result["terminal"] = term.run(ctx)
        result["disk"] = pooldisk.run(ctx, min(ROUNDS, 3))
        result["egress"] = egress.run(ctx)
        qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=False).stdout
        result["qemu"], result["load"] = qemu.split("\n", maxsplit=1)[0], os.getloadavg()[0]
        print(json.dumps(result, indent=2))
    finally:
        ctx.close()
        run.close()


main()
