"""The path of an image file, pasted or dropped: the guest gets a copy and the agent its path. Real guests, the real claude."""

import os
import re

import claude_home
from api import Api
from claude_pane import ClaudeAttached, ClaudePane
from clipboard import images_of, png
from harness import assert_eq, assert_nothing_left, assert_true, each, test, wait_until
from term_shell import TermShell, clip_events
from tmux import Tmux

KEY = "test-key-0123456789abcdefghij"
GUEST_PATH = r"/tmp/ccvm-paste-[0-9a-f]{16}\.%s"
SECRET = b"-----BEGIN OPENSSH PRIVATE KEY-----\nnot-for-guests\n"


def outside(ctx, name, data):
    """A file of the user's that no guest sees."""
    return ctx.write(os.path.join(ctx.home, "My Pictures", name), data)


def pasted(sh, text):
    """What a program in the guest that asked for brackets got for it, as one line."""
    sh.n += 1
    name = "pasted%d" % sh.n
    path = sh.path(name)
    sh.ctx.write(path + ".sh", "printf '\\033[?2004h'; echo \"ready $((%d))\"; IFS= read -r line; printf %%s \"$line\" >%s.tmp; mv %s.tmp %s\n" % (
        (sh.n,) + (name,) * 3))
    sh.t.send("sh ./%s.sh\n" % name)
    sh.t.wait_for("^ready %d$" % sh.n, 60)
    sh.t.paste(text)
    sh.t.send("]\n")
    wait_until(lambda: os.path.exists(path), 120, "the line that was pasted: " + text)
    with open(path, encoding="utf-8") as f:
        got = re.fullmatch("\033\\[200~(.*)\033\\[201~\\]", f.read())
    assert_true(got, "brackets and what was typed behind them")
    return got[1]


@each({"on": {}, "off": {"CCVM_CLIPBOARD_IMAGES": "0"}})
@test(timeout=590)
def test_shell(ctx, env):
    """Images outside of the workspace cross, by every way of writing a path; everything else stays as it was pasted."""
    picture, jpeg = png(640, 480), b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40 + b"\xff\xd9"
    path, photo = outside(ctx, "a b.png", picture), outside(ctx, "photo", jpeg)
    key, cut = outside(ctx, "id_rsa.png", SECRET), outside(ctx, "cut.png", picture[:-20])
    inside = ctx.write(os.path.join(ctx.workspace, "in.png"), picture)
    os.mkfifo(outside(ctx, "x", b"") + ".png")
    sh = TermShell(ctx, env)
    on = not env
    forms = [("'%s'" % path, "png"), (path.replace(" ", "\\ "), "png"), ("file://" + path.replace(" ", "%20"), "png"), (path, "png"),
             ("'%s' " % photo, "jpg")]
    for text, suffix in forms:
        got = pasted(sh, text)
        found = re.fullmatch(GUEST_PATH % suffix + " ?", got)
        assert_eq((bool(found), found is None and got == text), (on, not on), "a copy for %s: %s" % (text, got))
        if on:
            assert_eq(sh.run("cat " + got)[1], picture if suffix == "png" else jpeg, "bytes in the guest")
            assert_eq(sh.run("stat -c %a:%u " + got)[1].strip().decode(), "600:%d" % os.stat(path).st_uid, "owner")
    for text in (inside, "'%s' " % inside, key, cut, path + ".none", os.path.dirname(path) + "/x.png", "see '%s'" % path, "plain text"):
        assert_eq(pasted(sh, text), text, "a paste that stays")
    events = [(e["verdict"], e.get("type"), e.get("reason")) for e in sh.clip_events()]
    if on:
        assert_eq(events, [("sent", "PNG", None)] * 4 + [("sent", "JPEG", None), ("refused", "PNG", "the image is truncated")], "events")
    else:
        assert_eq({e[::2] for e in events}, {("refused", "image paste is turned off (clipboard.images)")}, "events")
    assert_eq(sh.run("ls /tmp | grep -c ccvm-paste")[1], b"5\n" if on else b"0\n", "files in the guest")
    assert_eq(sh.run("grep -rl not-for-gu[e]sts /tmp /home 2>/dev/null")[1], b"", "the key in the guest")
    sh.end()
    assert_nothing_left(ctx)


def see_picture(t, api, path, picture, toast=None):
    t.send("what is this ")
    t.wait_for("what is this", 60)
    t.paste("'%s'" % path)
    t.send(" really")
    t.wait_for(r"\[Image #1\] ?really", 120)
    if toast:
        t.wait_for(toast)
    t.keys("Enter")
    t.wait_for("A-PICTURE", 120)
    [got] = images_of(api.wait_requests()[-1])
    assert_true(got == picture, "the picture that reached the API server (%d bytes, ours %d)" % (len(got), len(picture)))


@test(timeout=500)
def test_claude(ctx):
    """A file dropped on a terminal that the real claude runs in: the API server gets the picture, and later keys come behind it."""
    picture = png(300, 200)
    path = outside(ctx, "a b.png", picture)
    api = Api(ctx, [{"text": "A-PICTURE"}])
    claude_home.write(ctx, KEY)
    events = ctx.write(os.path.join(ctx.dir, "events"), b"")
    t = Tmux(ctx, [os.path.join(ctx.bin, "ccvm")], env={**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1", "CCVM_EVENTS": events})
    t.wait_for(r"^❯ ", 180)
    see_picture(t, api, path, picture)
    assert_eq([(e["verdict"], e["type"], e["bytes"]) for e in clip_events(events)], [("sent", "PNG", len(picture))], "events")
    t.send("/exit")
    t.wait_for("^❯ /exit")
    t.keys("Enter")
    assert_eq(t.exit_code(90), 0, "exit code")
    assert_nothing_left(ctx)


@each({"ccvm-tui": ClaudePane, "attach": ClaudeAttached})
@test(timeout=500)
def test_detached(ctx, shown):
    """The same in a pane of ccvm-tui, whose bottom line says what crossed, and by ccvmctl attach."""
    picture = png(300, 200)
    path = outside(ctx, "a b.png", picture)
    api = Api(ctx, [{"text": "A-PICTURE"}])
    claude_home.write(ctx, KEY)
    env = {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1"}
    pane = shown(ctx, env)
    see_picture(pane.t, api, path, picture, toast=pane.toast(picture))
    pane.end()
    assert_nothing_left(ctx)
