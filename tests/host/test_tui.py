"""ccvm-tui without guests: terminals it knows and does not know, sizes, keys, and how it leaves the terminal."""

import os
import signal

from harness import assert_eq, assert_in, test
from tmux import Tmux


def tui(ctx, **kw):
    return Tmux(ctx, [os.path.join(ctx.bin, "ccvm-tui")], **kw)


def ctl(ctx, *args, **kw):
    return ctx.run([os.path.join(ctx.bin, "ccvmctl"), *args], **kw)


def assert_left_clean(t):
    before, after = t.modes()
    assert_eq(after, before, "modes of the terminal line")
    assert_eq(t.flags(), dict.fromkeys(t.flags(), False) | {"cursor_flag": True}, "terminal's state after the end")


@test()
def test_no_terminal(ctx):
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvm-tui")])
    assert_eq((code, out), (1, b""), "exit code, stdout")
    assert_in(b"needs a terminal", err, "stderr")
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvm-tui"), "--help"])
    assert_eq((code, err), (0, b""), "exit code, stderr")
    assert_in(b"the next session that needs you", out, "help")
    assert_eq(ctx.run([os.path.join(ctx.bin, "ccvm-tui"), "--nonsense"])[0], 2, "exit code of wrong usage")


@test()
def test_unknown_terminal(ctx):
    """One that terminfo does not know is taken for an xterm, with a note."""
    t = tui(ctx, env={"TERM": "no-such-terminal"})
    t.wait_for("^TERM=no-such-terminal is unknown to terminfo: using xterm")
    t.keys("?")
    t.wait_for("┌─ keys")
    t.keys("Escape")
    t.wait_gone("┌─ keys")
    t.keys("q")
    assert_eq(t.exit_code(20), 0, "exit code")
    assert_left_clean(t)


@test()
def test_empty(ctx):
    t = tui(ctx, cols=80, rows=24)
    t.wait_for("0 sessions")
    t.wait_for("n starts a session here")
    t.keys("?")
    t.wait_for("┌─ keys")
    t.keys("Escape")
    t.wait_gone("┌─ keys")
    t.keys("n")
    t.wait_for("┌─ new session")
    t.wait_for("directory +" + ctx.workspace[:40])
    t.keys("Tab")
    t.send("näme")
    t.wait_for("name +näme")
    t.keys("BSpace", "BSpace", "BSpace")
    t.wait_for("name +n$|name +n +│")
    t.paste("pasted\x1b text")
    t.wait_for("name +npasted text")
    t.keys("Escape")
    t.wait_gone("┌─ new session")
    t.resize(40, 12)
    t.wait_for("^Enter type  Tab next waiting")
    t.keys("q")
    assert_eq(t.exit_code(20), 0, "exit code")
    assert_left_clean(t)


@test()
def test_directories(ctx):
    """Tab completes, C-n takes what was used before, Tab goes on where nothing is left to complete."""
    base = ctx.make_dir(os.path.join(ctx.dir, "places"))
    for name in ("frontend", "front-office", "backend"):
        ctx.make_dir(os.path.join(base, name))
    ctx.write(os.path.join(ctx.home, ".local", "state", "ccvm", "recent"), "/usr/share\n%s/backend\n" % base)
    t = tui(ctx, cols=120, rows=30)
    t.wait_for("0 sessions")
    t.keys("n")
    t.wait_for("^.* +/usr/share +│")
    t.keys("C-n", "C-n")
    t.wait_for(r"directory +\S*/places/backend ")
    t.keys("C-u")
    t.send(base + "/fr")
    t.wait_for("places/frontend")
    t.keys("Tab")
    t.wait_for(r"directory +\S*/places/front ")
    t.send("e")
    t.keys("Tab")
    t.wait_for(r"directory +\S*/places/frontend/ ")
    t.keys("Tab")
    t.send("named")
    t.wait_for(r"name +named ")
    t.keys("Escape")
    t.wait_gone("┌─ new session")
    t.keys("q")
    assert_eq(t.exit_code(20), 0, "exit code")


@test()
def test_keys_of_the_user(ctx):
    path = os.path.join(ctx.home, ".config", "ccvm", "config.json")
    ctx.write(path, '{\n  "tui": {"keys": ["help=F5", "quit=F10"], "theme": "light"}\n}\n')
    t = tui(ctx)
    t.wait_for("0 sessions")
    t.keys("F5")
    t.wait_for("F5 +help")
    t.keys("Escape")
    t.wait_gone("F5 +help")
    t.keys("F10")
    assert_eq(t.exit_code(20), 0, "exit code")
    t.close()
    for wrong, said in (("fly=F5", 'config.json:2'), ("help=Nokey", "tui.keys")):
        os.unlink(path)
        ctx.write(path, '{\n  "tui": {"keys": ["%s"]}\n}\n' % wrong)
        t = tui(ctx)
        assert_eq(t.exit_code(20), 126, "exit code with " + wrong)
        assert_in(said, t.screen(), "message")
        assert_in(wrong, t.screen(), "message")
        t.close()


@test()
def test_failed_start_is_told(ctx):
    t = tui(ctx, cols=100, rows=24, env={"CCVM_IMAGE": "/nonexistent"})
    t.wait_for("0 sessions")
    t.keys("n")
    t.wait_for("┌─ new session")
    t.keys("Enter")
    t.wait_for("image", 30)
    t.keys("q")
    assert_eq(t.exit_code(20), 0, "exit code")


@test()
def test_terminals(ctx):
    """Without colour, in old and in new terminal types: the frame is there and nothing stays behind."""
    for env in ({"NO_COLOR": "1"}, {"TERM": "vt100"}, {"TERM": "linux"}, {"TERM": "screen"}, {"TERM": "xterm"}):
        t = tui(ctx, cols=60, rows=16, env=env)
        t.wait_for("0 sessions")
        t.wait_for("no sessions")
        t.keys("q")
        assert_eq(t.exit_code(20), 0, "exit code with %s" % env)
        before, after = t.modes()
        assert_eq(after, before, "modes of the terminal line with %s" % env)
        t.close()


@test()
def test_signals(ctx):
    for sig in (signal.SIGTERM, signal.SIGHUP):
        t = tui(ctx)
        t.wait_for("0 sessions")
        os.kill(t.program().pid, sig)
        assert_eq(t.exit_code(20), 0, "exit code after %s" % sig.name)
        assert_left_clean(t)
        t.close()


@test()
def test_wrong_prefix_names_the_line(ctx):
    ctx.write(os.path.join(ctx.home, ".config", "ccvm", "config.json"), '{\n  "tui": {\n    "prefix": "nonsense"\n  }\n}\n')
    t = tui(ctx)
    assert_eq(t.exit_code(20), 126, "exit code")
    assert_in("config.json:3", t.screen(), "message")


@test()
def test_ctl_usage(ctx):
    """Wrong usage is 2 and says the usage; a session that is not there is 1 with a remedy. None of them asks anything."""
    for args in (("new", "--nonsense"), ("attach",), ("send", "x"), ("keys", "x"), ("capture",), ("capture", "x", "--history", "a"),
                 ("wait", "x"), ("wait", "x", "--until", "happy"), ("rename", "x"), ("restart",), ("restart", "--wait"), ("restart", "a", "b"), ("events",), ("logs",)):
        code, out, err = ctl(ctx, *args)
        assert_eq((code, out), (2, b""), "exit code, stdout of %s" % " ".join(args))
        assert_in(b"usage: ccvmctl " + args[0].encode(), err, "stderr")
    for args in (("send", "x", "y"), ("keys", "x", "a"), ("capture", "x"), ("wait", "x", "--until", "idle"), ("rename", "x", "y"), ("restart", "x"),
                 ("events", "x"), ("logs", "x")):
        code, out, err = ctl(ctx, *args)
        assert_eq((code, out), (1, b""), "exit code, stdout of %s" % " ".join(args))
        assert_in(b"no such session: x", err, "stderr")
        assert_in(b"ccvmctl ls", err, "remedy")
    assert_in(b"attach needs a terminal", ctl(ctx, "attach", "x")[2], "stderr of attach")
    code, out, err = ctl(ctx, "new", env={"CCVM_IMAGE": "/nonexistent"})
    assert_eq((code, out), (1, b""), "exit code, stdout of a start that fails")
    assert_in(b"image", err, "stderr")
    assert_eq(ctx.session_dirs(), [], "sessions left")
