"""Many real sessions: what sixteen idle ones cost, and fifty scripted runs, eight at a time."""

import concurrent.futures
import os
import time

import procs
from api import Api
from harness import assert_nothing_left
from keys import ctl
from measure import Pty, cpu_seconds, note

IDLE, IDLE_S = 16, 30
RUNS, AT_A_TIME, RUN_S = 50, 8, 600


def pids_by_kind(ctx):
    """{"qemu": pids, "ccvm": {name: pids}} of all that runs for the user."""
    found = {"qemu": [], "ccvm": {}}
    for q in ctx.processes():
        name = os.path.basename(procs.cmdline(q.pid)[0]).decode()
        if name.startswith("qemu-system"):
            found["qemu"].append(q.pid)
        elif name.startswith("ccvm"):
            found["ccvm"].setdefault(name, []).append(q.pid)
    return found


def idle(ctx, sessions=IDLE, seconds=IDLE_S):
    """Processor time, in percent of one core, of sessions whose shells wait at their prompts, with ccvm-tui on a terminal."""
    for i in range(sessions):
        note("idle session %d of %d" % (i + 1, sessions))
        ctl(ctx, "new", "--shell", "--name", "idle%d" % i, "--wait")
    tui = Pty(ctx, [os.path.join(ctx.bin, "ccvm-tui")])
    tui.wait_for(b"idle0")
    tui.drain(2, 30)
    note("idle: %d s" % seconds)
    kinds, end, before = pids_by_kind(ctx), time.monotonic() + seconds, {}
    groups = {**kinds["ccvm"], "qemu": kinds["qemu"]}
    before = {name: cpu_seconds(pids) for name, pids in groups.items()}
    begin = time.monotonic()
    while time.monotonic() < end:  # the terminal is read all the time
        tui.drain(end - time.monotonic(), end - time.monotonic())
    took = time.monotonic() - begin
    percent = {name: round(100 * (cpu_seconds(pids) - before[name]) / took, 3) for name, pids in groups.items()}
    assert kinds == pids_by_kind(ctx), "the same processes ran all the time"
    tui.close()
    ctl(ctx, "stop", "--all")
    qemu = percent.pop("qemu")
    return {"sessions": len(kinds["qemu"]), "seconds": round(took, 1), "ccvm_percent": round(sum(percent.values()), 2),
            "qemu_percent": qemu, "ccvm_percent_by_program": percent}


def scripted(ctx, runs=RUNS, at_a_time=AT_A_TIME):
    """`ccvm -p` with the real claude and the scripted API server: how many gave their own answer and 0, what is left."""
    api = Api(ctx, [{"match": "^question %d$" % i, "text": "answer %d of this run" % i} for i in range(runs)])
    env = api.env(guest=True)

    def one(i):
        try:
            got = ctx.ccvm("-p", "question %d" % i, env=env, timeout=RUN_S)
        except AssertionError as e:  # one that takes too long is a wrong one, not the end of the others
            got = (None, b"", str(e))
        if got != (0, b"answer %d of this run\n" % i, b""):
            note("run %d: %r" % (i, got))
        return got[:2] == (0, b"answer %d of this run\n" % i), bool(got[2])
    note("%d runs of ccvm -p, %d at a time" % (runs, at_a_time))
    begin = time.monotonic()
    pool = concurrent.futures.ThreadPoolExecutor(at_a_time)
    try:
        got = list(pool.map(one, range(runs)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # a signal's end does not wait for what runs: it is killed
    seconds = time.monotonic() - begin
    try:
        assert_nothing_left(ctx)
        left = []
    except AssertionError as e:
        left = str(e).split("\n")
    return {"runs": runs, "right": sum(r for r, _ in got), "said_on_stderr": sum(e for _, e in got), "left_behind": left,
            "left_behind_count": len(left), "seconds_all": round(seconds, 1)}
