"""How long starts take, and what sessions hold in memory."""

import os
import time

import harness
import procs
from api import Api
from measure import note, summary

ROUNDS = int(os.environ.get("CCVM_BENCH_ROUNDS", "10"))
BOOTS = {"cold": "0", "template": "use"}
SESSIONS = (1, 4, 8)
MEASURES = ("ready_s", "running_s", "version_s")


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


def accel(ctx):
    """The acceleration of a session, once it has fallen back from what does not work here."""
    return [e["accel"] for e in timed(ctx, "--shell", "-c", "true")[1] if e.get("state") == "starting"][-1]


def state_time(events, state):
    return next(e["since_start_ms"] / 1000 for e in events if e.get("event") == "state" and e["state"] == state)


def steps(events):
    return {e.get("state") or e.get("stage"): e["since_start_ms"] for e in events if e["event"] in ("state", "progress")}


def starts(ctx):
    """Each kind in turn, so that what else the machine does falls on both alike."""
    seen = {name: {boot: [] for boot in BOOTS} for name in MEASURES}
    for i in range(ROUNDS):
        for boot, value in BOOTS.items():
            note("%s start %d of %d" % (boot, i + 1, ROUNDS))
            ctx.boot_env["CCVM_TEMPLATE"] = value
            seconds, events = timed(ctx, "--version")
            seen["version_s"][boot].append(seconds)
            seen["ready_s"][boot].append(state_time(events, "ready"))
            seen["running_s"][boot].append(state_time(events, "running"))
    result = {name: {boot: summary(values) for boot, values in kinds.items()} for name, kinds in seen.items()}
    result["ratio"] = {n: round(result[n]["template"]["median"] / result[n]["cold"]["median"], 3) for n in seen}
    result["steps_ms"] = steps(events)
    return result


def prompts(ctx):
    api = Api(ctx, [{"match": "^hi$", "text": "hello"}])
    values = []
    for i in range(ROUNDS):
        note("ccvm -p %d of %d" % (i + 1, ROUNDS))
        values.append(timed(ctx, "-p", "hi", env=api.env(guest=True))[0])
    return summary(values)


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


def memory(ctx):
    """Of sessions whose agents are idle shells."""
    shells, result = [], {"sessions": {}}
    for wanted in SESSIONS:
        note("memory of %d sessions" % wanted)
        while len(shells) < wanted:
            shells.append(idle_shell(ctx))
        each = {q.pid: (os.fsdecode(os.path.basename(procs.cmdline(q.pid)[0])), smaps(q.pid)) for q in ctx.processes()}
        if wanted == 1:
            result["one_session_kib"] = dict(each.values())
        result["sessions"][str(wanted)] = {"private_mib": sum(m["private"] for _, m in each.values()) // 1024,
                                           "proportional_mib": sum(m["pss"] for _, m in each.values()) // 1024}
    for p in shells:
        p.close_stdin()
        p.wait(60)
    private = {n: v["private_mib"] for n, v in result["sessions"].items()}
    # What one session alone maps counts as its own, however many could share it: so not from the first one.
    few, many = SESSIONS[-2:]
    result["private_mib_a_further_session"] = (private[str(many)] - private[str(few)]) // (many - few)
    return result
