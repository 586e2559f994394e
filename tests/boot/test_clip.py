"""Image paste with real guests: real X and Wayland clipboards, the real claude, answered by the scripted API server."""

import os
import re

import claude_home
from api import Api
from clipboard import Wayland, X, convert, images_of, looks_same, png
from harness import (assert_eq, assert_in, assert_nothing_left, assert_true, each, procs, read_json_lines, test, wait_until)
from tmux import Tmux

KEY = "test-key-0123456789abcdefghij"
DISPLAYS = {"x": X, "wayland": Wayland}


def clip_events(path):
    return [e for e in read_json_lines(path) if e["event"] == "clip"]


def dismiss(t):
    """A dialog that claude shows when nothing is typed for a while: it would swallow keys."""
    if "auto mode your default" in t.screen():
        t.answer("auto mode your default", "Escape")
        t.send("what is this ")


def ask_about_picture(ctx, t, api, picture):
    """Ctrl+V into a claude on the screen, and the request its API server got for it."""
    t.send("what is this ")
    t.wait(lambda: "what is this" in t.screen() or dismiss(t), 60, "typed text")
    t.keys("C-v")
    t.wait_for(r"\[Image #1\]", 120)
    t.keys("Enter")
    t.wait_for("A-PICTURE", 120)
    [got] = images_of(api.wait_requests()[-1])
    assert_true(got == picture or looks_same(got, picture), "the picture that reached the API server (%d bytes, ours %d)" % (
        len(got), len(picture)))


@each(DISPLAYS)
@test(timeout=500)
def test_claude(ctx, display):
    """A 4-megapixel PNG in the host's clipboard, Ctrl+V in the real claude: the API server gets the picture."""
    picture = png(2000, 2000)
    clipboard = display(ctx)
    clipboard.set(picture, "image/png")
    api = Api(ctx, [{"match": "what is this", "text": "A-PICTURE"}])
    claude_home.write(ctx, KEY)
    events = os.path.join(ctx.dir, "events")
    ctx.write(events, b"")
    t = Tmux(ctx, [os.path.join(ctx.bin, "ccvm")], cols=100, rows=30,
             env={**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1", "CCVM_EVENTS": events, **clipboard.env})
    t.wait_for(r"^❯ ", 180)
    ask_about_picture(ctx, t, api, picture)
    [e] = clip_events(events)
    assert_eq((e["verdict"], e["type"], e["bytes"]), ("sent", "PNG", len(picture)), "event")
    t.send("/exit")
    t.wait_for("^❯ /exit")
    t.keys("Enter")
    assert_eq(t.exit_code(90), 0, "exit code")
    clipboard.close()
    assert_nothing_left(ctx)
