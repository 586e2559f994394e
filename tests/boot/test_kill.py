"""kill -9 of one process of a session at a random moment: nothing stays behind, and the caller gets an error.

Each run has a runtime, temporary and workspace directory of its own, so that two can go on at a time. The moments are
drawn from a seed, which is printed; CCVM_TEST_SEED=<number> repeats them.
"""

import concurrent.futures
import os
import random
import signal
import sys
import time

import procs
from harness import (alive, assert_eq, assert_in, assert_nothing_left, assert_true, assert_tree_same, descendants,
                     fingerprint, read_json_lines, test, wait_until)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fs"))
import durable  # noqa: E402 (tests/fs/durable.py)

# comm of each process, cut by the kernel to 15 characters
NAMES = {"ccvm": "ccvm", "session": "ccvm-session", "net": "ccvm-net", "fs": "ccvm-fs", "qemu": "qemu-system-x86"}
# Moment of a kill: after this was seen, up to so many seconds. "stopping" is short: it is over soon.
MOMENTS = {"born": 0.4, "starting": 2.0, "seeding": 1.0, "ready": 0.5, "running": 0.3, "stopping": 0.1}
# Ten kills of each target; the later a moment, the dearer.
PLAN = ("born", "born", "starting", "starting", "starting", "seeding", "seeding", "ready", "running", "stopping")
# What an overlay's layer may be hard to remove by.
EDITS = 'mkdir -p made/dir && touch made/dir/file && chmod 0 made/dir made && '
SCRIPT = 'echo up; read word; echo "bye $word"; exit 7'
BOOT = 150


class Victim:
    """One session of its own, followed from outside: events and /proc."""

    def __init__(self, ctx, number, script=SCRIPT, files=None):
        top = ctx.make_dir(os.path.join(ctx.dir, "run%d" % number))
        self.workspace, self.tmp, self.home = (ctx.make_dir(os.path.join(top, d)) for d in ("project", "tmp", "home"))
        self.runtime = ctx.make_dir(os.path.join(ctx.runtime, str(number)), 0o700)
        ctx.write(os.path.join(self.workspace, "src/a.c"), "int a;\n")
        for name, text in (files or {}).items():
            ctx.write(os.path.join(self.workspace, name), text)
        self.events_path = os.path.join(top, "events")
        ctx.write(self.events_path, "")
        self.env = {"XDG_RUNTIME_DIR": self.runtime, "TMPDIR": self.tmp, "HOME": self.home, "CCVM_MEMORY": "1024",
                    "CCVM_EVENTS": self.events_path}
        self.before = [(d, fingerprint(d)) for d in (self.workspace, self.home)]
        self.seen, self.program = {}, os.path.join(ctx.bin, "ccvm")
        args = ["--read-only-cwd", "--shell", "-c", EDITS + script] if number % 2 and script == SCRIPT else ["--shell", "-c", script]
        self.proc = ctx.spawn([self.program, *args], stdin=None, env=self.env, cwd=self.workspace)
        self.look()

    def look(self):
        """Note every process of the session, as long as its parents show where it belongs."""
        every = procs.processes()
        for root in [self.proc.pid] + [p.pid for p in self.seen.values()]:
            for p in descendants(root, every):
                self.seen.setdefault(p.pid, p)

    def pid_of(self, target):
        """The target's pid, or None. A child between fork and exec still has its parent's name: it does not count."""
        if target == "ccvm":
            return self.proc.pid
        parent = self.proc.pid if target == "session" else self.pid_of("session")
        self.look()
        for p in descendants(parent) if parent else []:
            if p.ppid == parent and p.name == NAMES[target]:
                return p.pid
        return None

    def events(self):
        return read_json_lines(self.events_path)

    def has(self, state):
        return any(e["event"] == "state" and e["state"] == state for e in self.events())

    def notes(self, stage):
        return [e["text"] for e in self.events() if e["event"] == "note" and e["stage"] == stage]

    def wait_for(self, condition, timeout, what):
        """True once the condition holds; False when ccvm ended first."""
        return wait_until(lambda: condition() or self.proc.code is not None, timeout, what) and bool(condition())

    def reach(self, moment, target):
        """Bring the session to a moment; False when it ended before."""
        if moment == "stopping":
            if not self.wait_for(lambda: b"up\n" in self.proc.out, BOOT, "the agent"):
                return False
            self.say_bye()
        if moment == "running":
            return self.wait_for(lambda: b"up\n" in self.proc.out, BOOT, "the agent")
        return self.wait_for(lambda: self.pid_of(target) and (moment == "born" or self.has(moment)), BOOT,
                             "%s at %s" % (target, moment))

    def say_bye(self):
        self.proc.send(b"now\n")
        self.proc.close_stdin()

    def pause(self, seconds):
        """Let it run on for a while; it may end in it."""
        until = time.monotonic() + seconds
        self.wait_for(lambda: time.monotonic() >= until, seconds + 30, "the moment of the kill")

    def left(self):
        self.look()
        return [p for p in self.seen.values() if alive(p.pid)]

    def session_dirs(self):
        top = os.path.join(self.runtime, "ccvm")
        return os.listdir(top) if os.path.isdir(top) else []

    def check_nothing_left(self):
        # A guest that gets `stop` while it boots finishes its boot first, and an agent has 5 s to go.
        wait_until(lambda: assert_eq(self.left(), [], "processes left") is None, 40, "end of all processes")
        wait_until(lambda: assert_eq(self.session_dirs() + os.listdir(self.tmp), [], "left behind") is None, 10,
                   "removal of all files")
        for path, before in self.before:
            assert_tree_same(before, fingerprint(path), path)


MESSAGES = {"session": "ccvm-session died", "net": "ccvm-net was killed by signal 9", "fs": "ccvm-fs was killed by signal 9",
            "qemu": "QEMU was killed by signal 9"}
NO_NETWORK = "ccvm-net was killed by signal 9 (Killed): the guest no longer has a network"


def check_end(victim, target, state):
    """Exit code, output and message. state: the last one seen before the kill, None when ccvm had ended by itself."""
    code, out, err = victim.proc.wait(60), victim.proc.out, victim.proc.err.decode("utf-8", "backslashreplace")
    if state is None or code == 7 and (state == "stopping" or target == "net"):
        assert_eq((code, out), (7, b"up\nbye now\n"), "code and stdout of a session that went on")
        if target == "net" and state in ("seeding", "ready", "running"):
            assert_eq(victim.notes("network"), [NO_NETWORK], "notes about the network")
    elif target == "ccvm":
        assert_eq(code, -signal.SIGKILL, "code of the killed ccvm")
    else:
        assert_eq(code, 125, "code after the kill of " + target)
        assert_in(MESSAGES[target], err, "stderr after the kill of " + target)
        if target != "session":
            last = victim.events()[-1]
            assert_eq((last.get("state"), last.get("code")), ("failed", 125), "the last event")


def kill_one(ctx, number, target, moment, delay):
    """Returns the state it was killed in, None when it ended before."""
    victim = Victim(ctx, number)
    state = None
    if victim.reach(moment, target):
        victim.pause(delay)
        states = [e["state"] for e in victim.events() if e["event"] == "state"] or ["created"]
        pid = victim.pid_of(target)
        if pid and states[-1] not in ("ended", "failed"):
            state = states[-1]
            procs.kill_all([pid])
    if target == "net" and moment != "stopping":
        # Once the guest is ready it does without; before, the session fails.
        if victim.wait_for(lambda: b"up\n" in victim.proc.out, BOOT, "the agent, or the end"):
            assert_in("ready", [e.get("state") for e in victim.events()[:-1]], "events before the network went")
            victim.wait_for(lambda: victim.notes("network") == [NO_NETWORK], 30, "a note that ccvm-net ended")
            victim.say_bye()
        else:
            assert_true(state not in ("ready", "running"), "a session that survives ccvm-net from %s on" % state)
    check_end(victim, target, state)
    victim.check_nothing_left()
    return state


@test(timeout=900)
def test_one_of_the_processes(ctx):
    seed = int(os.environ.get("CCVM_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    rng = random.Random(seed)
    print("CCVM_TEST_SEED=%d" % seed)
    cache = fingerprint(ctx.cache)
    plan = [(target, moment, rng.uniform(0, MOMENTS[moment])) for target in NAMES for moment in PLAN]
    rng.shuffle(plan)
    # Every other run is in overlay mode, and makes directories that only ccvm-fs may open: it is killed in both.
    plan += [("fs", "running", 0.1), ("fs", "running", 0.2)]

    def one(number):
        target, moment, delay = plan[number]
        what = "run %d: %s killed %.3f s after %s" % (number, target, delay, moment)
        try:
            start = time.monotonic()
            state = kill_one(ctx, number, target, moment, delay)
            print("%s, in state %s, all over in %.1f s" % (what, state, time.monotonic() - start))
            return state is not None
        except Exception as e:
            raise AssertionError("%s: %s" % (what, e)) from e

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        killed = sum(pool.map(one, range(len(plan))))
    # The few that ended before they could be killed are the ones that were stopping.
    assert_true(killed >= len(plan) - len(NAMES), "%d of %d kills that hit" % (killed, len(plan)))
    assert_nothing_left(ctx, cache)


def kill_a_writer(ctx, number, target, delay):
    """Returns how many steps of tests/fs/durable.py were synced when target was killed."""
    with open(durable.__file__, encoding="utf-8") as f:
        victim = Victim(ctx, number, "exec python3 -u durable.py .", {"durable.py": f.read()})
    assert_true(victim.wait_for(lambda: victim.proc.out.count(b"\n") > 1, BOOT, "the writer"), "a writer that runs")
    victim.pause(delay)
    victim.before = victim.before[1:]  # the workspace is written
    procs.kill_all([victim.pid_of(target)])
    victim.proc.wait(60)
    victim.check_nothing_left()
    last = victim.proc.out.rsplit(b"\n", 2)[-2]  # a line that is whole
    assert_eq(durable.judge(victim.workspace, int(last)), [], "the workspace after step %d" % int(last))
    return int(last)


@test(timeout=3000)
def test_synced_files_stay(ctx):
    """What was synced by the agent is on the host after a kill -9. CCVM_TEST_KILLS: how many, 3 without."""
    seed = int(os.environ.get("CCVM_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    rng = random.Random(seed)
    print("CCVM_TEST_SEED=%d" % seed)
    for number in range(int(os.environ.get("CCVM_TEST_KILLS") or 3)):
        target, delay = ("fs", "qemu", "session")[number % 3], rng.uniform(0, 3)
        what = "run %d: %s killed %.3f s after the first steps" % (number, target, delay)
        try:
            print("%s, after %d of them" % (what, kill_a_writer(ctx, number, target, delay)))
        except Exception as e:
            raise AssertionError("%s: %s" % (what, e)) from e


@test(timeout=300)
def test_next_start_cleans_up(ctx):
    """When ccvm and its session die together, the next start removes the directory."""
    victim = Victim(ctx, 0)
    assert_true(victim.reach("running", "session"), "a running session")
    os.kill(victim.proc.pid, signal.SIGSTOP)
    procs.kill_all([victim.pid_of("session")])
    wait_until(lambda: assert_eq(victim.left(), [], "processes left") is None, 20, "end of QEMU and ccvm-net")
    procs.kill_all([victim.proc.pid])
    assert_eq(victim.proc.wait(20), -signal.SIGKILL, "code of the killed ccvm")
    assert_eq(len(victim.session_dirs()), 1, "directories of the dead session")
    got = ctx.run([victim.program, "--version"], env={**victim.env, "CCVM_IMAGE": "/nonexistent"}, cwd=victim.workspace)
    assert_eq(got[0], 125, "code without an image")
    victim.check_nothing_left()


@test(timeout=300)
def test_cleaning_spares_the_living(ctx):
    """A start that removes what dead sessions left does not touch a living one, even one that stands still."""
    victim = Victim(ctx, 0)
    assert_true(victim.reach("running", "session"), "a running session")
    session = victim.pid_of("session")
    os.kill(session, signal.SIGSTOP)
    try:
        before = victim.session_dirs()
        got = ctx.run([victim.program, "--version"], env={**victim.env, "CCVM_IMAGE": "/nonexistent"},
                      cwd=victim.workspace)
        assert_eq(got[0], 125, "code without an image")
        assert_eq(victim.session_dirs(), before, "session directories after another start")
    finally:
        os.kill(session, signal.SIGCONT)
    victim.say_bye()
    assert_eq((victim.proc.wait(60), victim.proc.out), (7, b"up\nbye now\n"), "code and stdout of the living session")
    victim.check_nothing_left()
