"""Many sessions, one after the other and four at a time: each gives its own answer, and nothing stays behind."""

import concurrent.futures
import hashlib
import json
import os
import signal

import procs
from harness import (assert_eq, assert_nothing_left, assert_tree_same, assert_true, fingerprint, read_json_lines, test,
                     wait_until)

# Its output can only come from a guest that got this run's argument: the host never computes it.
SCRIPT = 'printf %s "$1" | sha256sum | cut -d" " -f1; echo "to stderr" >&2; exit $2'
CODES = (0, 1, 7, 42)


STATES = ["created", "starting", "seeding", "ready", "running", "stopping", "ended"]


def told_of_a_new_start(path, number, seen):
    """The stderr of a start that began anew, which the busier an emulating computer is, the less rare it is; b"" of any other. Its
    console is shown: such a crash or stall has a reason."""
    notes = [e for e in read_json_lines(path) if e["event"] == "note" and "starting over" in e["text"]]
    for note in notes:
        print("# run %d: %s" % (number, json.dumps(note)), flush=True)
    again = [i for i, state in enumerate(seen) if state == "starting"][-1] - 1
    assert_eq(seen[:1] + seen[again + 1:], STATES, "states of run %d, without those of earlier attempts" % number)
    assert_eq(seen.count("starting"), 1 + len(notes), "attempts of run %d, each but the last with a note" % number)
    return b"".join(b"ccvm: %s: %s\n" % (n["stage"].encode(), n["text"].encode()) for n in notes)


def run_one(ctx, events, number):
    """One session; returns its id, and how often it was started over."""
    word, code = "wörd %d of this run" % number, CODES[number % len(CODES)]
    path = os.path.join(events, "%d.jsonl" % number)
    got = ctx.ccvm("--shell", "-c", SCRIPT, "sh", word, str(code), env={"CCVM_EVENTS": path, "CCVM_MEMORY": "1024"})
    seen = [e for e in read_json_lines(path) if e["event"] == "state"]
    told = told_of_a_new_start(path, number, [e["state"] for e in seen])
    assert_eq(got, (code, hashlib.sha256(word.encode()).hexdigest().encode() + b"\n", told + b"to stderr\n"),
              "code, stdout and stderr of run %d" % number)
    assert_eq(seen[-1]["code"], code, "the code in the last event of run %d" % number)
    return seen[1]["session"], told.count(b"\n")


class Untouched:
    """What must look the same afterwards: the workspace, the home directory, the cache."""

    def __init__(self, ctx):
        ctx.write(os.path.join(ctx.workspace, "src/main.c"), "int main(void) { return 0; }\n")
        ctx.write(os.path.join(ctx.workspace, "run.sh"), "#!/bin/sh\n", mode=0o755)
        ctx.write(os.path.join(ctx.home, ".gitconfig"), "[user]\n\tname = Test\n")
        self.ctx = ctx
        self.events = ctx.make_dir(os.path.join(ctx.dir, "events"))
        self.before = {d: fingerprint(d) for d in (ctx.workspace, ctx.home)}
        self.cache = fingerprint(ctx.cache)

    def check(self):
        assert_nothing_left(self.ctx, self.cache)
        for path, before in self.before.items():
            assert_tree_same(before, fingerprint(path), path)


@test(timeout=900)
def test_twenty_in_a_row(ctx):
    untouched = Untouched(ctx)
    ids, again = [], 0
    for number in range(20):
        sid, attempts = run_one(ctx, untouched.events, number)
        ids.append(sid)
        again += attempts
        # At once, not only at the end: when ccvm has ended its session's directory is gone.
        assert_eq(ctx.session_dirs(), [], "session directories after run %d" % number)
    assert_true(again <= 1, "%d starts began anew" % again)
    assert_eq(len(set(ids)), len(ids), "different session ids among %s" % ids)
    untouched.check()


@test(timeout=600)
def test_four_at_a_time(ctx):
    untouched = Untouched(ctx)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: run_one(ctx, untouched.events, number), range(8)))
    ids = [sid for sid, _ in done]
    assert_true(sum(again for _, again in done) <= 1, "starts that began anew: %s" % done)
    assert_eq(len(set(ids)), len(ids), "different session ids among %s" % ids)
    untouched.check()


@test(timeout=400)
def test_stalled_boot_is_started_over(ctx):
    """A guest that says nothing is ended, and another one started. QEMU is held by a signal."""
    path = os.path.join(ctx.make_dir(os.path.join(ctx.dir, "events")), "stall.jsonl")
    p = ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "echo fine"], env={"CCVM_EVENTS": path})
    qemu = wait_until(lambda: [q.pid for q in ctx.processes() if b"qemu" in procs.cmdline(q.pid)[0]], 30, "QEMU")[0]
    os.kill(qemu, signal.SIGSTOP)

    def told():
        return any("starting over" in e.get("text", "") for e in read_json_lines(path))
    wait_until(told, 90, "the event of a stalled boot")
    assert_eq((p.wait(180), p.out), (0, b"fine\n"), "code and output after a stalled boot")
    assert_nothing_left(ctx)


@test(timeout=400)
def test_watchers_survive_a_stalled_boot(ctx):
    """Who watches, and what was decided, holds for the ccvm-net of the next attempt too."""
    path = os.path.join(ctx.make_dir(os.path.join(ctx.dir, "events")), "stall.jsonl")
    command = "curl -sm 5 https://held.example; echo held-$?; curl -sm 5 https://denied.example; echo denied-$?"
    p = ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", command],
                  env={"CCVM_EVENTS": path, "CCVM_EGRESS_ALLOWLIST": "allowed.example"})
    qemu = wait_until(lambda: [q.pid for q in ctx.processes() if b"qemu" in procs.cmdline(q.pid)[0]], 30, "QEMU")[0]
    os.kill(qemu, signal.SIGSTOP)
    ccvmctl = os.path.join(ctx.bin, "ccvmctl")
    [sid] = wait_until(lambda: {e["session"] for e in read_json_lines(path) if e.get("session")}, 30, "the session's id")
    watch = ctx.spawn([ccvmctl, "egress", "watch", sid, "--json"])
    assert_eq(ctx.run([ccvmctl, "egress", "deny", sid, "denied.example"])[0], 0, "deny")
    wait_until(lambda: any("starting over" in e.get("text", "") for e in read_json_lines(path)), 90, "the event of a stalled boot")
    watch.wait_for(rb'egress-question.*held\.example', 180)
    # 28: the name waited until curl gave up; 7: refused at once, by the decision and not for want of one
    assert_eq((p.wait(180), p.out), (0, b"held-28\ndenied-7\n"), "code and output")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_a_frozen_guest_is_told_of(ctx):
    """While the agent runs nothing may be started over, but it is reported, once, and the session goes on."""
    path = os.path.join(ctx.make_dir(os.path.join(ctx.dir, "events")), "frozen.jsonl")
    p = ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "echo up; read word; echo $word"], stdin=None,
                  env={"CCVM_EVENTS": path})
    p.wait_for(rb"up\n", 180)
    qemu = [q.pid for q in ctx.processes() if b"qemu" in procs.cmdline(q.pid)[0]][0]
    os.kill(qemu, signal.SIGSTOP)

    def told():
        return [e for e in read_json_lines(path) if "no sign of life" in e.get("text", "")]
    wait_until(told, 120, "the note about a frozen guest")
    os.kill(qemu, signal.SIGCONT)
    p.send(b"on\n")
    assert_eq((p.wait(60), p.out), (0, b"up\non\n"), "code and output")
    assert_eq(len(told()), 1, "notes about the frozen guest")
