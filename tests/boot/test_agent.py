"""The real claude in a guest, answered by the scripted API server on the host's loopback."""

import os
import random
import re
import signal

import claude_home
import procs
from api import Api
from harness import (Skip, assert_eq, assert_in, assert_not_in, assert_nothing_left, assert_true, cmdline, core_limit,
                     descendants, environ, find_in_tree, open_files, test, wait_until)
from tmux import Tmux

KEY = "test-key-5ab1f0c2d97e4b68a3c1d0"
TCP_LISTEN = b"0A"
UNIX_ACCEPTS = 1 << 16


def ccvm(ctx):
    return os.path.join(ctx.bin, "ccvm")


# -- what the processes of a session look like from outside ------------------------------------------------------------

def parts(ctx, pid):
    """{"ccvm", "fs", "session", "net", "qemu": pid} of a running ccvm; exactly these processes, no helper beside them."""
    found = {"ccvm": pid}
    for p in descendants(pid):
        name = "qemu" if "qemu" in p.name else p.name.replace("ccvm-", "")
        assert_not_in(name, found, "processes of one session")
        found[name] = p.pid
    assert_eq(sorted(found), ["ccvm", "fs", "net", "qemu", "session"], "processes of one session")
    return found


def key_in(name, pid):
    """Where the process shows the key. ccvm-session lets no other process of its user look: only root can."""
    found = [name + " argv"] if any(KEY.encode() in a for a in cmdline(pid)) else []
    try:
        with open("/proc/%d/environ" % pid, "rb") as f:
            return found + ([name + " environment"] if KEY.encode() in f.read() else [])
    except PermissionError:
        assert_eq((name, os.getuid() != 0), ("session", True), "process whose environment cannot be read")
        return found


def socket_table(pid, name):
    """The rows of /proc/<pid>/net/<name>, split into words."""
    return [line.split() for line in (procs.read("/proc/%d/net/%s" % (pid, name)) or b"").splitlines()[1:]]


def listening(pid):
    """What the process accepts connections on: TCP addresses, paths of Unix sockets."""
    own = {int(m[1]) for m in (re.match(r"socket:\[(\d+)\]", t) for t in open_files(pid).values()) if m}
    assert_true(own, "sockets of process %d" % pid)
    tcp = [row[1].decode() for table in ("tcp", "tcp6") for row in socket_table(pid, table)
           if row[3] == TCP_LISTEN and int(row[9]) in own]
    unix = [row[7].decode() if len(row) > 7 else "unnamed" for row in socket_table(pid, "unix")
            if int(row[3], 16) & UNIX_ACCEPTS and int(row[6]) in own]
    return tcp + unix


def confinement(pid):
    """{(NoNewPrivs, Seccomp)} over all threads; ("1", "2") is no new privileges and a system call filter."""
    found = set()
    for task in os.listdir("/proc/%d/task" % pid):
        status = (procs.read("/proc/%d/task/%s/status" % (pid, task)) or b"").decode()
        found.add(tuple(re.search(r"^%s:\s*(\d)" % f, status, re.M)[1] for f in ("NoNewPrivs", "Seccomp")))
    return found


def check_running_session(ctx, pid):
    found = parts(ctx, pid)
    [run_dir] = ctx.session_dirs()
    assert_eq(sorted(os.listdir(os.path.join(run_dir, "seed")))[0:1], ["accept-env"], "first file of the seed")
    assert_eq(find_in_tree(KEY.encode(), ctx.runtime, ctx.cache, ctx.workspace, ctx.home, ctx.tmp), [],
              "files that hold the API key")
    assert_eq([w for name, p in found.items() for w in key_in(name, p)], [],
              "where processes show the API key (ccvm has wiped what the user gave to its environment)")
    for name, p in found.items():
        assert_eq(core_limit(p), (0, 0), "core limit of " + name)
        if name != "ccvm":
            want = [os.path.join(run_dir, "sock")] if name == "session" else []
            assert_eq(listening(p), want, "listening sockets of " + name)
    for name in ("fs", "net", "qemu"):
        assert_eq(confinement(found[name]), {("1", "2")}, "no new privileges and seccomp of " + name)
        # A QEMU before 8.2 that comes from a template loads a library of ours, from an fd.
        assert_in(environ(found[name]), [{}] + [{b"LD_PRELOAD": b"/proc/self/fd/12"}] * (name == "qemu"), "environment of " + name)


@test(timeout=400)
def test_prompt(ctx):
    gate = os.path.join(ctx.private, "gate")
    answer = "Grüße from the script: 4 711 — done."
    api = Api(ctx, [{"match": "^hi$", "text": answer, "gate": gate}])
    proc = ctx.spawn([ccvm(ctx), "-p", "hi"], env=api.env(KEY, guest=True))
    wait_until(lambda: api.messages() or proc.code is not None, 180, "claude's request")
    assert_eq((proc.code, proc.out, proc.err), (None, b"", b""), "code, stdout, stderr while the answer is held back")
    check_running_session(ctx, proc.pid)
    with open(gate, "wb"):
        pass
    assert_eq((proc.wait(120), proc.out, proc.err), (0, answer.encode() + b"\n", b""), "exit code, stdout, stderr")
    assert_eq(api.keys(), {KEY}, "keys the API server saw")
    assert_nothing_left(ctx)
    assert_eq(find_in_tree(KEY.encode(), ctx.runtime, ctx.cache, ctx.workspace, ctx.home, ctx.tmp), [],
              "files that hold the API key after the end")


def main_screen(t):
    """The main screen, also while the alternate one is shown."""
    return t.tmux("capture-pane", "-p", *["-a"] * t.flags()["alternate_on"], check=False)


def is_framed(t, cols):
    """The prompt between its two rules, which are as long as the window is wide; nothing is longer than that."""
    lines = t.screen().split("\n")
    at = [n for n, line in enumerate(lines) if line.startswith("❯ ")]
    return bool(at) and max(map(len, lines)) <= cols and all(
        0 <= at[-1] + d < len(lines) and lines[at[-1] + d] == "─" * cols for d in (-1, 1))


@test(timeout=400)
def test_full_screen(ctx):
    api = Api(ctx, [{"match": "first", "text": "ANSWER-ONE"}, {"match": "second", "text": "ANSWER-TWO"}])
    claude_home.write(ctx, KEY)
    t = Tmux(ctx, [ccvm(ctx)], cols=100, rows=30, env={**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1"})
    t.wait_for(r"^❯ ", 180)
    t.wait(lambda: is_framed(t, 100), 60, "prompt as wide as the window")
    t.send("first question")
    t.wait_for("^❯ first question")
    t.keys("Enter")
    t.wait_for("^● ANSWER-ONE", 120)
    t.resize(72, 20)
    t.wait(lambda: is_framed(t, 72), 60, "repaint at the new size")
    t.send("second question")
    t.wait_for("^❯ second question")
    t.keys("Enter")
    t.wait_for("^● ANSWER-TWO", 120)
    t.send("/exit")
    t.wait_for("^❯ /exit")
    t.keys("Enter")
    assert_eq(t.exit_code(90), 0, "exit code")
    assert_eq(t.flags(), dict.fromkeys(t.flags(), False) | {"cursor_flag": True}, "terminal's state after the end")
    before, after = t.modes()
    assert_eq(after, before, "modes of the terminal line")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_terminal_closed(ctx):
    api = Api(ctx)
    claude_home.write(ctx, KEY)
    t = Tmux(ctx, [ccvm(ctx)], env={**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1"})
    t.wait_for(r"^❯ ", 180)
    assert_eq(len(ctx.session_dirs()), 1, "sessions")
    pid = t.program().pid
    t.tmux("kill-pane")
    wait_until(lambda: not procs.alive(pid), 60, "end of ccvm")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_key_stays_nowhere(ctx):
    """Once the agent has its API key, no process of ccvm's on the host has it any more, in its memory or its environment. QEMU has it:
    it is the guest."""
    if os.geteuid() != 0:
        raise Skip("reading other processes' memory needs root")
    key = "sk-ant-" + "".join(random.choice("abcdefghjkmnpqrstuvwxyz") for _ in range(90))
    proc = ctx.spawn([ccvm(ctx), "--shell", "-c", "echo ${#ANTHROPIC_API_KEY}; sleep 1000"], stdin=None,
                     env={"ANTHROPIC_API_KEY": key, "LARGE": "x" * 100000, "CCVM_PASS_ENV": "LARGE"})
    wait_until(lambda: b"97\n" in proc.out, 180, "the key's length from the guest")
    ours = {name: pid for name, pid in parts(ctx, proc.popen.pid).items() if name != "qemu"}
    assert_eq(sorted(ours), ["ccvm", "fs", "net", "session"], "processes")
    # Parts of it: a copy that was overwritten in part is a copy.
    found = [(name, part) for name, pid in ours.items() for part in ("start", "end")
             if procs.find_in_memory((key[10:40] if part == "start" else key[60:]).encode(), pid)]
    assert_eq(found, [], "processes that hold a part of the key")
    assert_eq(procs.find_in_procs(key[10:40].encode(), list(ours.values())), [], "arguments and environments")
    proc.signal(signal.SIGTERM)
    assert_eq(proc.wait(60), 143, "exit code")
    assert_nothing_left(ctx)
