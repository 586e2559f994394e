"""The README's commands that manage sessions, with real guests, and its picture.

With CCVM_SCREENSHOT=FILE what is on the screen at the end is written there; tools/screenshot.py draws it (docs/developing.md)."""

import json
import os

import claude_home
from api import Api
from harness import assert_eq, assert_in, assert_nothing_left, test
from tmux import Tmux

KEY = "test-key-0123456789abcdefghij"


def ctl(ctx, *args, **kw):
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), *args], timeout=240, **kw)
    assert_eq(code, 0, "ccvmctl %s: %s" % (" ".join(args), err.decode()))
    return out.decode()


@test(timeout=600)
def test_commands_and_picture(ctx):
    """Two projects, one live and asking, one in overlay mode behind an allowlist; both on one screen, then ended."""
    write = {"name": "Write", "input": {"file_path": os.path.join(ctx.workspace, "notes.txt"), "content": "done\n"}}
    api = Api(ctx, [{"match": "write the notes", "tool": write, "then": "The notes are written."},
                    {"match": "list", "text": "There are three tests: parse, format and round-trip. All of them pass."}])
    other = ctx.make_dir(os.path.join(ctx.dir, "parser"))
    claude_home.write(ctx, KEY, projects={d: {"hasTrustDialogAccepted": True} for d in (ctx.workspace, other)})
    env = {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1"}
    assert_eq(json.loads(ctl(ctx, "ls", "--json")), [], "sessions before")
    ctl(ctx, "new", "--name", "api", "--wait", "--", "write the notes", env=env)
    ctl(ctx, "new", "--name", "parser", "--read-only-cwd", "--wait", "--", "list the tests", cwd=other,
        env={**env, "CCVM_EGRESS_ALLOWLIST": "github.com 10.0.2.2", "CCVM_EGRESS_PORTS": "443 %d" % api.port})
    ctl(ctx, "wait", "api", "--until", "waiting", "--timeout", "180")
    ctl(ctx, "wait", "parser", "--until", "idle", "--timeout", "180")
    listed = ctl(ctx, "ls")
    assert_in("api", listed, "ccvmctl ls")
    assert_in("parser", listed, "ccvmctl ls")
    assert_in("github.com", ctl(ctx, "egress", "rules", "parser"), "ccvmctl egress rules")
    ctl(ctx, "egress", "allow", "parser", "crates.io")
    assert_in("crates.io", ctl(ctx, "egress", "rules", "parser"), "ccvmctl egress rules, after allow")
    ctl(ctx, "egress", "log", "parser")
    cold = next(s["how"] for s in json.loads(ctl(ctx, "ls", "--json")) if s["name"] == "api") == "cold"
    assert_in("early mounts" if cold else "", ctl(ctx, "logs", "api"), "ccvmctl logs")

    t = Tmux(ctx, [os.path.join(ctx.bin, "ccvm-tui")], env={**env, "COLORTERM": "truecolor"}, cols=150, rows=32)
    t.wait_for(r"^1[?-]api +LIVE")
    t.wait_for(r"^2[?-]parser +OVER")
    t.keys("s")
    t.wait_for("Do you want to create")
    t.wait_for("round-trip")
    if os.environ.get("CCVM_SCREENSHOT"):
        t.wait_gone("│─ *│")  # what was wrapped before claude drew itself anew in the pane's width
        t.wait_gone("Stop hook")
        with open(os.environ["CCVM_SCREENSHOT"], "w", encoding="utf-8") as f:
            f.write(t.tmux("capture-pane", "-e", "-p", "-N").replace("\u00a0", " "))
    t.keys("q")
    t.answer("┌─ quit", "Enter")
    assert_eq(t.exit_code(30), 0, "exit code of ccvm-tui")
    ctl(ctx, "stop", "api", "parser")
    assert_eq(json.loads(ctl(ctx, "ls", "--json")), [], "sessions after")
    assert_nothing_left(ctx)
