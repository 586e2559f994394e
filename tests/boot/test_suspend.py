"""Ctrl+Z: ccvm goes to the background of its shell, and its session goes on."""

import os
import signal

import claude_home
import procs
from api import Api
from harness import assert_eq, assert_in, assert_nothing_left, test, wait_until
from tmux import Tmux

KEY = "test-key-0123456789abcdefghij"
NUMLOCK = "\033[122;133u"  # Ctrl+Z as a terminal in the kitty protocol sends it with NumLock on


def shell(ctx, env=None, cols=100):
    t = Tmux(ctx, ["bash", "--norc", "--noprofile", "-i"], cols=cols, rows=30, env={"PS1": "SHELL> ", **(env or {})})
    t.wait_for("^SHELL>")
    return t


def line(t, text):
    t.send(text)
    t.keys("Enter")


@test(timeout=300)
def test_claude(ctx):
    """By the key in two forms and by the signal; an answer that comes meanwhile is on the screen after fg."""
    api = Api(ctx, [{"match": "first", "text": "ANSWER-ONE", "delay": 5}, {"match": "second", "text": "ANSWER-TWO"}])
    claude_home.write(ctx, KEY, projects={ctx.workspace: {"hasTrustDialogAccepted": True}})
    t = shell(ctx, {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1", "PROGRAM": os.path.join(ctx.bin, "ccvm")})
    line(t, '"$PROGRAM"')
    t.wait_for("│❯ |^❯ ", 120)
    line(t, "first question")
    wait_until(lambda: api.messages(), 60, "the question")
    t.keys("C-z")
    t.wait_for(r"Stopped .*PROGRAM")
    line(t, "stty -a | grep -o -- '-\\?icanon'; echo shell-$((1 + 1))")
    t.wait_for("^icanon")
    t.wait_for("^shell-2")
    assert_eq(t.get("cursor_flag"), "1", "the cursor in the shell")
    code, out, _ = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "ls"])
    [sid] = [l.split()[0] for l in out.decode().splitlines() if "project" in l]
    wait_until(lambda: "ANSWER-ONE" in ctx.run([os.path.join(ctx.bin, "ccvmctl"), "capture", sid])[1].decode(), 60,
               "an answer while ccvm is stopped")
    t.tmux("resize-window", "-x", "80", "-y", "24")
    line(t, "fg")
    t.wait_for("ANSWER-ONE")
    t.wait_gone("^shell-2")
    line(t, "second question")
    t.wait_for("ANSWER-TWO")
    t.wait_for("^─{80}$")  # painted for the size of now
    t.send(NUMLOCK)
    t.wait_for("Stopped .*PROGRAM")
    line(t, "fg")
    t.wait_for("ANSWER-TWO")
    [pid] = [p.pid for p in procs.processes() if p.name == "ccvm" and p.uid == ctx.user.uid]
    os.kill(pid, signal.SIGTSTP)
    t.wait_for("Stopped .*PROGRAM")
    line(t, "kill %1; fg")
    t.wait_for("^SHELL>$", 60)
    line(t, "echo code-$?")
    t.wait_for(r"^code-1\d\d")
    line(t, "exit 0")
    assert_eq(t.exit_code(20), 0, "exit code of the shell")
    before, after = t.modes()
    assert_eq(after, before, "modes of the terminal line")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_shell(ctx):
    """With --shell, Ctrl+Z is for the guest's shell."""
    t = shell(ctx, {"PROGRAM": os.path.join(ctx.bin, "ccvm")})
    line(t, '"$PROGRAM" --shell')
    t.wait_for(r"project [#$%] ?$", 120)
    line(t, "sh -c 'echo sleeps; sleep 1000'")
    t.wait_for("^sleeps")
    t.keys("C-z")
    t.wait_for("suspended +sh -c")
    line(t, "jobs; kill %1; exit 7")
    t.wait_for("^SHELL>$", 60)
    line(t, "echo code-$?")
    t.wait_for("^code-7")
    line(t, "exit 0")
    assert_eq(t.exit_code(20), 0, "exit code of the shell")
    assert_in("SHELL> exit 0", t.screen(), "the shell's screen")
    assert_nothing_left(ctx)
