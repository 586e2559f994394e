"""ccvm-tui and ccvmctl with real guests: the real claude, answered by the scripted API server on the host's loopback."""

import json
import os
import re
import signal
import time

import claude_home
import hostile
import procs
from api import Api, texts
from harness import assert_eq, assert_in, assert_nothing_left, assert_true, test, wait_until
from tmux import Tmux

KEY = "test-key-0123456789abcdefghij"
QUESTION = "Do you want to create"


def ctl(ctx, *args, code=0, **kw):
    got, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), *args], timeout=kw.pop("timeout", 180), **kw)
    assert_eq(got, code, "ccvmctl %s: %s" % (" ".join(args), err.decode()))
    return out.decode()


def tui(ctx, env, **kw):
    return Tmux(ctx, [os.path.join(ctx.bin, "ccvm-tui")], env=env, **kw)


def listed(ctx):
    return {s["name"]: s for s in json.loads(ctl(ctx, "ls", "--json"))}


def pane(t):
    """What stands right of the list, without the header, whose ages move on."""
    return [re.sub(r"^.*?│", "", line).rstrip() for line in t.screen().split("\n")[2:-2]]


def still_pane(t):
    """pane(), once it has not changed for two seconds: claude's spinner turns several times a second, also while its Stop hook runs."""
    seen = [pane(t), time.monotonic()]

    def still():
        now = pane(t)
        if now != seen[0]:
            seen[:] = [now, time.monotonic()]
        return time.monotonic() - seen[1] > 2

    t.wait(still, 60, "the pane stands still")
    return seen[0]


@test(timeout=600)
def test_four_guests(ctx):
    """Two with the real claude, two with shells: switch, answer a question from the list, watch the states go by, kill the
    TUI, start it again: same sessions, same screens."""
    write = {"name": "Write", "input": {"file_path": os.path.join(ctx.workspace, "made.txt"), "content": "by claude\n"}}
    api = Api(ctx, [{"match": "make a file", "tool": write, "then": "FILE-MADE"}, {"match": "second", "text": "ANSWER-TWO", "delay": 4}])
    other = ctx.make_dir(os.path.join(ctx.dir, "other"))
    projects = {d: {"hasTrustDialogAccepted": True} for d in (ctx.workspace, other)}
    claude_home.write(ctx, KEY, projects=projects)
    env = {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1"}
    ctl(ctx, "new", "--name", "one", "--wait", env=env)
    ctl(ctx, "new", "--name", "two", "--read-only-cwd", "--wait", env=env, cwd=other)
    for name in ("one", "two"):
        ctl(ctx, "wait", name, "--until", "idle", "--timeout", "120")
    ctl(ctx, "new", "--shell", "--name", "three", "--wait")
    ctl(ctx, "new", "--shell", "--name", "four", "--read-only-cwd", "--wait", cwd=other)
    ctl(ctx, "send", "--enter", "three", "echo shell-$((1 + 2))")
    ctl(ctx, "send", "--enter", "four", "echo shell-$((2 + 2))")
    assert_eq({n: (s["mode"], s["agent"], s["detached"]) for n, s in listed(ctx).items()},
              {"one": ("rw", "idle", True), "two": ("overlay", "idle", True), "three": ("rw", "unknown", True),
               "four": ("overlay", "unknown", True)}, "ls --json")
    events = ctx.spawn([os.path.join(ctx.bin, "ccvmctl"), "events", "one", "--json"])

    t = tui(ctx, env, cols=110, rows=30)
    t.wait_for(r"^1-one +LIVE")
    t.wait_for(r"^2-two +OVER")
    t.keys("Enter")
    t.wait_for("│❯ ")
    t.send("make a file")
    t.wait_for("❯ make a file")
    t.keys("Enter")
    t.keys("M-2")
    t.wait_for("OVERLAY two")
    t.wait_for(r"^1\?one .*\n  waiting", 90)
    assert_in("1 needs you", t.screen(), "title bar")
    t.send("second question")
    t.wait_for("❯ second question")
    t.keys("Enter")
    ctl(ctx, "wait", "two", "--until", "working", "--timeout", "60")
    t.wait_for("ANSWER-TWO", 90)
    t.keys("C-\\", "l")
    t.wait_for("Tab next waiting")
    t.keys("Tab", "a")
    t.wait_for("┌─ one ─")
    t.wait_for(QUESTION)
    assert_true(not os.path.exists(os.path.join(ctx.workspace, "made.txt")), "no file before the answer")
    t.answer(QUESTION, "Enter")
    t.wait_for("FILE-MADE", 90)
    with open(os.path.join(ctx.workspace, "made.txt"), encoding="utf-8") as f:
        assert_eq(f.read(), "by claude\n", "file on the host")
    t.keys("C-\\")
    t.wait_gone("┌─ one ─")
    ctl(ctx, "wait", "one", "--until", "idle", "--timeout", "60")
    seen = [json.loads(line) for line in events.out.decode().splitlines()]
    states = [e["agent"] for e in seen if e["event"] == "agent"]
    assert_eq((states[-1], "waiting" in states, "working" in states), ("idle", True, True), "states went by: %s" % states)
    assert_eq(len([e for e in seen if e["event"] == "prompt"]), 1, "prompts that the hook reported")

    t.keys("s", "s")
    for name in ("LIVE one", "OVERLAY two", "LIVE three", "OVERLAY four"):
        t.wait_for(name)
    for text in ("FILE-MADE", "ANSWER-TWO", "shell-3", "shell-4"):
        t.wait_for(text, 30)
    t.keys("s", "1")
    t.wait_gone("OVERLAY four")
    t.wait_for("─{70}", 30)  # claude has painted for the width of one pane

    t.wait_for(r"^1-one +LIVE")
    before = still_pane(t)
    os.kill(t.program().pid, signal.SIGKILL)
    t.exit_code(20)
    t.close()
    t = tui(ctx, env, cols=110, rows=30)
    t.wait_for(r"^1-one +LIVE")
    t.wait(lambda: pane(t) == before, 20, "the same screen as before:\n%s" % "\n".join(before))
    t.keys("2")
    t.wait_for("ANSWER-TWO")
    t.keys("q")
    t.answer("┌─ quit", "l")
    assert_eq(t.exit_code(20), 0, "exit code")
    before, after = t.modes()
    assert_eq(after, before, "modes of the terminal line")
    assert_eq(sorted(listed(ctx)), ["four", "one", "three", "two"], "sessions after the TUI's end")
    ctl(ctx, "stop", "--all")
    assert_nothing_left(ctx)


@test(timeout=500)
def test_warm_spare(ctx):
    """Kept in no list, taken by a new session as the form is, not by another; gone with the TUI, also one that was killed."""
    api = Api(ctx, [])
    claude_home.write(ctx, KEY, projects={ctx.workspace: {"hasTrustDialogAccepted": True}})
    ctx.write(os.path.join(ctx.home, ".config", "ccvm", "config.json"), '{"tui": {"warmSpare": true}}')
    env = {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1"}
    spares = lambda: [s["id"] for s in json.loads(ctl(ctx, "ls", "--json")) if s["spare"] and s["state"] == "running"]
    others = lambda: sorted(s["name"] for s in json.loads(ctl(ctx, "ls", "--json")) if not s["spare"])

    t = tui(ctx, env, cols=110, rows=30)
    t.wait_for("0 sessions  spare ready", 200)
    [first] = spares()
    ctl(ctx, "wait", first, "--until", "idle", "--timeout", "120")
    t.keys("n")
    t.wait_for("┌─ new session")
    t.keys("Enter")
    t.wait_for(r"^1.project +LIVE")
    t.wait_for("│❯ ")
    assert_eq([(s["id"], s["spare"]) for s in listed(ctx).values() if s["name"] == "project"], [(first, False)], "the session that is new")
    second = wait_until(spares, 200, "the next spare")

    t.keys("n")
    t.wait_for("┌─ new session")
    t.keys("Tab")
    t.send("own")
    t.keys("Tab", "Space")
    t.wait_for("mode +overlay")
    t.keys("Enter")
    t.wait_for(r"^\d.own +OVER", 120)
    assert_eq((spares(), others()), (second, ["own", "project"]), "the spare is left, and the others")

    os.kill(t.program().pid, signal.SIGKILL)
    t.exit_code(20)
    t.close()
    wait_until(lambda: not spares() and others() == ["own", "project"], 90, "the end of the spare alone")
    t = tui(ctx, env, cols=110, rows=30)
    t.wait_for("2 sessions.* spare ready", 200)
    t.keys("q")
    t.answer("┌─ quit", "l")
    assert_eq(t.exit_code(20), 0, "exit code")
    wait_until(lambda: not spares() and others() == ["own", "project"], 90, "the end of the spare alone")
    ctl(ctx, "stop", "--all")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_rows_are_true(ctx):
    """Mode, memory, denials and the pool of a row are what the guest really has."""
    ctl(ctx, "new", "--shell", "--name", "live", "--wait", env={"CCVM_EGRESS_ALLOWLIST": "allowed.example"})
    ctl(ctx, "new", "--shell", "--name", "over", "--read-only-cwd", "--wait", env={"CCVM_VM_DISK_SIZE": "1"})
    for name in ("live", "over"):
        ctl(ctx, "send", "--enter", name, "touch by-%s; awk '/MemTotal|MemAvailable/{print $1 $2}' /proc/meminfo; echo touched-$((1+1))" % name)
        wait_until(lambda: "touched-2" in ctl(ctx, "capture", name), 60, "output of " + name)
    assert_eq((os.path.exists(os.path.join(ctx.workspace, "by-live")), os.path.exists(os.path.join(ctx.workspace, "by-over"))),
              (True, False), "which mode writes to the host")
    assert_eq({n: s["mode"] for n, s in listed(ctx).items()}, {"live": "rw", "over": "overlay"}, "modes")

    text = ctl(ctx, "capture", "over")
    total_kib, available = (int(re.search(n + r":(\d+)", text).group(1)) for n in ("MemTotal", "MemAvailable"))
    near = lambda s: abs(s["guest_memory_used_kib"] - (total_kib - available)) < 40 << 10
    wait_until(lambda: near(listed(ctx)["over"]), 30, "memory of the row near %d KiB" % (total_kib - available))
    assert_eq(listed(ctx)["over"]["guest_memory_total_kib"], total_kib, "memory in all")

    ctl(ctx, "send", "--enter", "live", "for h in a b c b; do curl -sm 20 https://$h.denied.example; done; echo tried-$((2+2))")
    wait_until(lambda: "tried-4" in ctl(ctx, "capture", "live"), 90, "attempts")
    row = wait_until(lambda: listed(ctx)["live"]["egress_refused"] >= 4 and listed(ctx)["live"], 30, "refusals")
    assert_eq((row["egress"], row["egress_refused"], row["egress_last_refused"]), ("locked", 4, "b.denied.example"), "refusals")
    ctl(ctx, "send", "--enter", "over", "head -c 300000000 /dev/zero >/scratch/x; sync; stat -fc 'blocks %b %f %S' /scratch")
    used = lambda: re.search(r"^blocks (\d+) (\d+) (\d+)$", ctl(ctx, "capture", "over"), re.M)
    blocks, free, size = (int(n) for n in wait_until(used, 90, "what the guest says of its disk").groups())
    pool = {"pool": "on", "pool_total_kib": blocks * size >> 10, "pool_used_kib": (blocks - free) * size >> 10}
    figures = lambda: {k: listed(ctx)["over"][k] for k in pool}
    try:
        wait_until(lambda: figures() == pool, 30, "the pool's figures")
    except AssertionError:
        assert_eq(figures(), pool, "the pool's figures in the list, and in the guest")

    t = tui(ctx, {}, cols=130, rows=20)
    t.wait_for(r"LIVE live · running .*egress locked 4 refused b\.denied\.example .*RAM \d+/%dM" % (total_kib // 1024))
    t.keys("2")
    used, total = (pool[k] // 1024 for k in ("pool_used_kib", "pool_total_kib"))
    bar = round(5 * used / total)
    t.wait_for(r"OVERLAY over · running .*RAM \d+/%dM .* pool \[%s%s\] %d/%dM" % (total_kib // 1024, "#" * bar, r"\." * (5 - bar), used, total))
    t.wait_for(r"^2>over +OVER")
    t.keys("q")
    t.answer("┌─ quit", "S")
    assert_eq(t.exit_code(90), 0, "exit code")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_states_do_not_flap(ctx):
    """A new session at its prompt is idle; one answer, and one prompt that is a list with a question, are told as what they were."""
    run = {"name": "Bash", "input": {"command": "touch made.txt; for i in $(seq 1 20); do sleep 1; done", "description": "Wait"}}
    api = Api(ctx, [{"match": "hello", "text": "HELLO-BACK", "delay": 2}, {"match": "sleep", "tool": run, "then": "SLEPT"}])
    claude_home.write(ctx, KEY, projects={ctx.workspace: {"hasTrustDialogAccepted": True}})
    env = {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1"}
    ctl(ctx, "new", "--name", "one", "--wait", env=env)
    events = ctx.spawn([os.path.join(ctx.bin, "ccvmctl"), "events", "one", "--json"])
    ctl(ctx, "wait", "one", "--until", "idle", "--timeout", "120")
    assert_eq(listed(ctx)["one"]["agent"], "idle", "a fresh prompt")

    def states():
        return [e["agent"] for e in map(json.loads, events.out.decode().splitlines()) if e["event"] == "agent"]

    fresh = len(states())
    ctl(ctx, "send", "--enter", "one", "hello")
    wait_until(lambda: "HELLO-BACK" in ctl(ctx, "capture", "one"), 60, "the answer")
    ctl(ctx, "wait", "one", "--until", "idle", "--timeout", "60")
    time.sleep(5)
    assert_eq(states()[fresh:], ["working", "idle"], "states of one answer: %s" % events.out.decode())
    ctl(ctx, "send", "--enter", "one", "1. create made.txt\n2. run sleep 60")
    ctl(ctx, "wait", "one", "--until", "waiting", "--timeout", "60")
    ctl(ctx, "keys", "one", "Enter")
    ctl(ctx, "wait", "one", "--until", "working", "--timeout", "30")
    wait_until(lambda: "SLEPT" in ctl(ctx, "capture", "one"), 90, "the end of the run")
    ctl(ctx, "wait", "one", "--until", "idle", "--timeout", "60")
    time.sleep(5)
    assert_eq(states()[fresh + 2:], ["working", "waiting", "working", "idle"], "states of a list and its question: %s" % events.out.decode())
    ctl(ctx, "stop", "one")
    assert_nothing_left(ctx)


LONG = {
    "twenty lines": "\n".join("line %d of twenty" % i for i in range(1, 21)) + "\nsay it",
    "two KiB": "word " * 420 + "say it",
    "200 KiB": "a long line of text\n" * 10000 + "say it",
    "every kind of character": "umlauts äöü, 日本語, emoji 👩‍💻, $HOME `date` \"quoted\" 'so' \\n and\n\nsay it",
}


@test(timeout=300)
def test_send_and_wait(ctx):
    """What send pastes is one prompt whatever its size; send --wait and wait --since know the new answer from the old one."""
    api = Api(ctx, [{"match": "say it", "text": "SAID", "delay": 1}, {"match": "say the next", "text": "THE-NEXT", "delay": 3}])
    claude_home.write(ctx, KEY, projects={ctx.workspace: {"hasTrustDialogAccepted": True}})
    env = {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1"}
    ctl(ctx, "new", "--name", "one", "--wait", env=env)
    ctl(ctx, "wait", "one", "--until", "idle", "--timeout", "120")
    for what, text in LONG.items():
        before = len(api.messages())
        done = json.loads(ctl(ctx, "send", "--wait", "--timeout", "120", "--json", "one", "-", stdin=text.encode()))
        assert_eq((done["name"], done["agent"]), ("one", "idle"), "send --wait of " + what)
        said = ["\n".join(texts(m["messages"])) for m in api.messages()[before:]]
        assert_true(any(text in t for t in said), "one request with %s, whole: %s" % (what, [t[-300:] for t in said]))
        assert_in("SAID", ctl(ctx, "capture", "one"), "the screen after send --wait of " + what)
    sent = json.loads(ctl(ctx, "send", "--enter", "--json", "one", "say the next"))
    ctl(ctx, "wait", "one", "--until", "idle", "--since", str(sent["time_ms"]), "--timeout", "60")
    assert_in("THE-NEXT", ctl(ctx, "capture", "one"), "the screen after wait --since")
    for bad in (("wait", "one", "--until", "idle", "--since", "yesterday"), ("send", "--wait", "--timeout", "soon", "one", "x")):
        ctl(ctx, *bad, code=2)
    ctl(ctx, "stop", "one")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_scripted_screen(ctx):
    """new, send, keys, capture, wait, rename, events, attach, with --json what they print; and a ccvm-term that dies."""
    made = json.loads(ctl(ctx, "new", "--shell", "--json", "--name", "sh", "--wait", env={"CCVM_TUI_HISTORY": "40"}))
    assert_eq(made, {"id": listed(ctx)["sh"]["id"], "name": "sh"}, "new --json")
    assert_eq(json.loads(ctl(ctx, "wait", "sh", "--until", "running", "--json")), {**made, "until": "running"}, "wait --json")
    sent = json.loads(ctl(ctx, "send", "--json", "sh", "true --json"))
    assert_eq((abs(sent.pop("time_ms") - time.time() * 1000) < 60000, sent), (True, made), "send --json")
    assert_eq(json.loads(ctl(ctx, "keys", "sh", "Enter", "--json")), made, "keys --json")
    logged = json.loads(ctl(ctx, "logs", "sh", "--json"))
    assert_eq((logged["id"], logged["log"], logged["text"]), (made["id"], "console", ctl(ctx, "logs", "sh")), "logs --json")
    wait_until(lambda: "true --json" in json.loads(ctl(ctx, "capture", "--json", "sh"))["text"], 30, "what was typed, in capture --json")
    ctl(ctx, "send", "--enter", "sh", "printf '\\033[1;31mred\\033[0m %s\\n' $((6 * 7)); seq 1 50")
    wait_until(lambda: re.search(r"^50$", ctl(ctx, "capture", "sh"), re.M), 30, "output")
    assert_in("red 42", ctl(ctx, "capture", "sh", "--history", "100"), "history")
    assert_in("\033[0;1;31mred\033[0m 42", ctl(ctx, "capture", "sh", "--history", "100", "--ansi"), "history with colours")
    ctl(ctx, "send", "--enter", "sh", "seq 1000 1099")
    wait_until(lambda: re.search(r"^1099$", ctl(ctx, "capture", "sh"), re.M), 30, "more output")
    kept = ctl(ctx, "capture", "sh", "--history", "100").split("\n")
    assert_eq(("1037" in kept, "1036" in kept), (True, False), "tui.history: the prompt, 23 lines of the screen, 40 above it: %s" % kept)
    ctl(ctx, "send", "sh", "echo ab")
    ctl(ctx, "keys", "sh", "Left", "Left", "X", "C-e", "y", "Enter")
    wait_until(lambda: re.search(r"^Xaby$", ctl(ctx, "capture", "sh"), re.M), 30, "edited line")
    ctl(ctx, "keys", "sh", "NoSuchKey", code=1)
    ctl(ctx, "wait", "sh", "--until", "waiting", "--timeout", "0", code=1)

    assert_eq(json.loads(ctl(ctx, "rename", "sh", "new name", "--json")), {**made, "name": "new name"}, "rename --json")
    ctl(ctx, "rename", "new name", "a\nb", code=1)
    assert_eq(list(listed(ctx)), ["new name"], "names")
    assert_eq(ctl(ctx, "ls", "--names").split("\n"), [made["id"], "new name", ""], "ls --names")

    t = Tmux(ctx, [os.path.join(ctx.bin, "ccvmctl"), "attach", "new name"], cols=90, rows=20)
    t.wait_for("^Xaby")
    t.send("stty size")
    t.keys("Enter")
    t.wait_for("^20 90")
    t.keys("C-\\")
    assert_eq(t.exit_code(20), 0, "exit code of attach")
    before, after = t.modes()
    assert_eq(after, before, "modes of the terminal line")
    for prefix, sent in (("C-\\", "\033[92;133u"), ("C-\\", "\033[27;5;92~"), ("M-x", "\033x"), ("F12", "\033[24~")):
        ctx.write(os.path.join(ctx.home, ".config/ccvm/config.json"), json.dumps({"tui": {"prefix": prefix}}))
        t = Tmux(ctx, [os.path.join(ctx.bin, "ccvmctl"), "attach", "new name"], cols=90, rows=20)
        t.wait_for("^20 90")
        t.send(sent)
        print("attach is to end by %s, sent as %r" % (prefix, sent))
        assert_eq(t.exit_code(20), 0, "exit code of attach")

    [(sid, pid)] = [(s["id"], s["pid"]) for s in listed(ctx).values()]
    terms = [p for p in procs.processes() if p.name == "ccvm-term"]  # also those of sessions that others run on this computer
    workers = [p for p in terms if any(q.pid == p.ppid and q.ppid == pid for q in terms)]
    assert_eq(len(workers), 1, "workers of ccvm-term")
    events = ctx.spawn([os.path.join(ctx.bin, "ccvmctl"), "events", sid, "--json"])
    os.kill(workers[0].pid, signal.SIGKILL)
    events.wait_for(rb'"stage":"screen"', 20)
    ctl(ctx, "send", "--enter", "new name", "echo back-$((40 + 2))")
    wait_until(lambda: "back-42" in ctl(ctx, "capture", "new name"), 30, "screen of the next worker")
    ctl(ctx, "send", "--enter", "new name", "exit 3")
    ctl(ctx, "wait", sid, "--until", "ended", "--timeout", "60")
    assert_eq(events.wait(30), 0, "exit code of events")
    assert_in(b'"state":"ended"', events.out, "last event")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_size_is_given_back(ctx):
    """Who leaves gives the size back to who was there before: the pane, another terminal, and the pane again."""
    ctl(ctx, "new", "--shell", "--name", "sh", "--wait")

    def size():
        shown = json.loads(ctl(ctx, "capture", "sh", "--json"))
        return shown["cols"], shown["rows"]

    t = tui(ctx, {}, cols=110, rows=30)
    t.wait_for(r"^1.sh +LIVE")
    t.keys("Enter")
    t.wait_for("│.* %", 30)
    pane = size()
    assert_true(70 < pane[0] < 110, "the pane's columns: %d" % pane[0])
    attached = []
    for cols in (60, 50):
        attached.append(Tmux(ctx, [os.path.join(ctx.bin, "ccvmctl"), "attach", "sh"], cols=cols, rows=15))
        wait_until(lambda: size() == (cols, 15), 30, "the size of the terminal that attached")
    attached[0].keys("C-\\")
    assert_eq(attached[0].exit_code(20), 0, "exit code of attach")
    time.sleep(1)
    assert_eq(size(), (50, 15), "the size when one leaves that did not decide it")
    attached[1].keys("C-\\")
    assert_eq(attached[1].exit_code(20), 0, "exit code of attach")
    wait_until(lambda: size() == pane, 30, "the pane's size again")
    t.send("stty size")
    t.keys("Enter")
    t.wait_for("│%d %d" % (pane[1], pane[0]), 30)
    t.keys("C-\\", "q")
    t.answer("┌─ quit", "S")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_tui_starts_and_stops(ctx):
    """The new-session dialog, egress in row and panel, looking back and searching, rename, and stop with its question."""
    t = tui(ctx, {}, cols=110, rows=30)
    t.wait_for("0 sessions")
    t.keys("n")
    t.wait_for("┌─ new session")
    t.keys("Tab")
    t.send("shell")
    t.keys("Tab", "Space", "Tab", "Tab", "Tab", "Tab")
    t.send("allowed.example")
    t.keys("Tab")
    t.send("--shell")
    t.wait_for("arguments +--shell")
    t.wait_for("mode +overlay")
    t.keys("Enter")
    t.wait_for(r"^1>shell +OVER", 120)
    t.wait_for("OVERLAY shell · running .*egress locked")
    t.keys("Enter")
    t.wait_for("│.* %", 30)
    t.send("seq 1000 1200; curl -sm 10 https://denied.example; echo code-$?")
    t.keys("Enter")
    t.wait_for(r"│code-\d", 60)
    t.wait_for(r"locked 1 refused denied.example", 30)

    t.keys("C-\\", "[")
    t.wait_for("v V select  y copy")
    t.send("?")
    t.send("1042")
    t.keys("Enter")
    t.wait_for("│1042$")
    path = os.path.join(ctx.workspace, "saved.txt")
    for wanted in ("wrote 10 bytes to", "choose another name"):
        t.keys("V", "Down", "w")
        t.wait_for("^write to file:")
        t.send(path)
        t.keys("Enter")
        t.wait_for(wanted)
        t.keys("V", "Up")
    with open(path, encoding="ascii") as f:
        assert_eq(f.read(), "1042\n1043\n", "what was saved")
    t.keys("}")
    t.wait_for("refused: denied.example")
    t.keys("q")
    t.wait_for(r"│code-\d")
    row, column = t.place("code-")
    t.mouse(0, row, column)
    t.mouse(32, row, column + 2)
    t.mouse(32, row, column + 3)
    t.mouse(0, row, column + 3, release=True)
    t.wait_for("copied 4 bytes")
    assert_eq(t.tmux("show-buffer"), "code", "the terminal's clipboard")

    t.keys("C-\\", "g")
    t.wait_for(r"denied.example:443 +\dx|denied.example:443", 20)
    t.press_until("allow denied.example:443 for this session", "a")
    t.keys("Escape")
    t.wait_gone("┌─ egress")  # a key that follows too closely makes another one of both
    rules = ctl(ctx, "egress", "rules", "shell")
    assert_in("denied.example", rules, "rules after allow")

    t.keys("C-\\", "r")
    t.wait_for("┌─ new name")
    t.send("-two")
    t.keys("Enter")
    t.wait_for(r"^1>shell-two")
    before = listed(ctx)["shell-two"]
    t.keys("C-\\", "R")
    t.answer("End shell-two and start one like it", "y")
    t.wait(lambda: listed(ctx).get("shell-two", before)["id"] != before["id"], 60, "another session of that name")
    t.wait(lambda: listed(ctx)["shell-two"]["state"] == "running", 120, "its start")
    after = listed(ctx)["shell-two"]
    assert_eq([after[k] for k in ("workspace", "mode", "egress", "memory_mib")], [before[k] for k in ("workspace", "mode", "egress", "memory_mib")],
              "the restarted session")
    assert_in("allowed.example", ctl(ctx, "egress", "rules", "shell-two"), "rules of the restarted session")
    t.wait_gone("1 ended")  # the new one has the pane, and with it the keys
    t.keys("C-\\", "x")
    t.answer("everything it changed is lost", "n")
    t.keys("C-\\", "x")
    t.answer("everything it changed is lost", "y")
    t.wait_for("0 sessions  1 ended", 60)
    t.keys("C-\\", "q")
    assert_eq(t.exit_code(20), 0, "exit code")
    assert_nothing_left(ctx)


# Writes what is hostile to its terminal and keeps what the terminal types back until the last question is answered, which is asked
# again as long as it is not: the screen may have been replaced meanwhile.
SPEAK = r"""
import os, select, sys, threading, tty
END, ASK = b"\x1b[?3133;0$y", b"\x18\x1b\\\x1b[?3133$p"
got = b""
def listen():
    global got
    while END not in got:
        got += os.read(0, 4096)
tty.setraw(0)
listener = threading.Thread(target=listen)
listener.start()
data = open("hostile.bin", "rb").read()
for i in range(0, len(data), 1000):
    os.write(1, data[i:i + 1000])
while listener.is_alive():
    os.write(1, ASK)
    listener.join(1)
os.write(1, b"\x1bc")
os.system("stty sane")
open("typed.new", "wb").write(got)
os.rename("typed.new", "typed.bin")
"""


def lasting(ctx):
    """{pid: name} of what runs for the user and has to stay: all but the replaceable workers of ccvm-term."""
    found = {p.pid: p.name for p in ctx.processes() if p.name.startswith(("ccvm", "qemu"))}
    return {p.pid: p.name for p in ctx.processes() if p.pid in found and not (p.name == "ccvm-term" and found.get(p.ppid) == "ccvm-term")}


@test(timeout=400)
def test_hostile_output(ctx):
    """What has broken other terminals, and random sequences with resizes, shown by ccvm-tui: its terminal gets only what ccvm-tui writes
    by itself, the program is typed nothing but answers of the closed list, and nothing ends. A bell of another session is told, by name."""
    ctx.write(os.path.join(ctx.home, ".config", "ccvm", "config.json"), '{"tui": {"notify": "desktop"}}')
    ctx.write(os.path.join(ctx.workspace, "hostile.bin"), hostile.bytes_of_all())
    ctx.write(os.path.join(ctx.workspace, "speak.py"), SPEAK)
    typed, output = os.path.join(ctx.workspace, "typed.bin"), os.path.join(ctx.make_dir(os.path.join(ctx.dir, "output"), 0o700), "bytes")
    ctl(ctx, "new", "--shell", "--name", "loud", "--wait")
    ctl(ctx, "new", "--shell", "--name", "quiet", "--wait")
    t = tui(ctx, {}, cols=100, rows=30)
    t.tmux("pipe-pane", "cat >" + output)
    t.wait_for(r"^1>loud")
    t.wait_for(r"^2>quiet")
    t.keys("1", "Enter")
    before = lasting(ctx)
    t.send("python3 speak.py; echo code-$?\n")
    sizes = [(40, 12), (120, 36), (80, 24), (61, 17), (100, 30)]
    for i in range(1000):
        t.resize(*sizes[i % len(sizes)])
        try:
            wait_until(lambda: os.path.exists(typed), 1, "what was typed")
            break
        except AssertionError:
            continue
    t.resize(100, 30)
    t.wait_for("code-0", 60)
    with open(typed, "rb") as f:
        answers = f.read()
    assert_in(b"\x1bP>|ccvm\x1b\\", answers, "answers")
    assert_true(hostile.ANSWERS.fullmatch(answers), "only answers of the list were typed: %r" % answers[hostile.ANSWERS.match(answers).end():][:200])
    t.send("echo alive-$((6 * 7))\n")
    t.wait_for("alive-42")
    assert_eq(lasting(ctx), before, "processes")
    assert_eq(hostile.BAD.findall(ctl(ctx, "capture", "loud", "--history", "1000")), [], "controls in the captured text")
    text = ctl(ctx, "capture", "loud", "--history", "1000", "--ansi")
    assert_eq(hostile.BAD.findall(hostile.STYLES.sub("", text)), [], "what is neither text, attribute nor link in the captured text")

    with open(output, "rb") as f:
        oscs, bells = hostile.own_output(f.read())
    assert_eq((set(oscs) - {"2;ccvm"}, bells), (set(), 0), "titles, notifications, bells while the session is looked at")
    ctl(ctx, "send", "--enter", "quiet", "printf '\\a\\a\\033]9;buy this\\a'")
    t.wait_for("^2!quiet")
    told = lambda: hostile.own_output(open(output, "rb").read())
    wait_until(lambda: told()[1], 20, "a bell")
    assert_eq((set(told()[0]) - {"2;ccvm"}, told()[1]), ({"9;ccvm: quiet needs you", "2;ccvm: 1 waiting"}, 1), "what the terminal is told")
    t.keys("C-\\", "q")
    t.answer("┌─ quit", "S")
    assert_eq(t.exit_code(90), 0, "exit code")
    t.close()
    assert_nothing_left(ctx)
