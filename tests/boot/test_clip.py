"""Image paste with real guests: real X and Wayland clipboards, the real claude, answered by the scripted API server."""

import json
import os
import re

import claude_home
from api import Api
from claude_pane import ClaudePane
from clipboard import Wayland, X, images_of, looks_same, png
from harness import assert_eq, assert_in, assert_nothing_left, assert_true, each, procs, test
from term_shell import TermShell, clip_events
from tmux import Tmux

KEY = "test-key-0123456789abcdefghij"
DISPLAYS = {"x": X, "wayland": Wayland}


def ask_about_picture(ctx, t, api, picture, toast=None):
    """Ctrl+V into a claude on the screen, and the request its API server got for it."""
    t.send("what is this ")
    t.wait_for("what is this", 60)
    t.keys("C-v")
    if toast:
        t.wait_for(toast, 120)
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
    api = Api(ctx, [{"text": "A-PICTURE"}])
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


# -- a shell in the guest, on a terminal: what a user types grants, what a program asks does not -------------------------

SECRET = "hunter2-the-password"
CRAFTED = [b"UTF8_STRING\n", b"STRING\n", b"COMPOUND_TEXT\n", b"text/plain\n", b"text/html\n", b"TARGETS \n", b"image/png\0\n",
           b"image/png\nUTF8_STRING\n", b"image/png $(touch /tmp/ccvm-pwned)\n", b"$(touch /tmp/ccvm-pwned)\n", b"`id`\n",
           b"-t UTF8_STRING\n", b"image/tiff\n", b"A" * (1 << 20) + b"\n", b"\n", b"\xff\xfe\n"]
ASK = """
import socket, sys
for i, line in enumerate(%r):
    s = socket.create_connection(("127.0.0.1", 9180), 30)
    s.settimeout(30)
    out = b""
    try:
        s.sendall(line)
        while data := s.recv(65536):
            out += data
    except ConnectionError:
        pass
    print(i, out)
""" % CRAFTED


XCLIP = "xclip -selection clipboard -o -t "


@each({"open": {}, "locked": {"CCVM_EGRESS_ALLOWLIST": "example.com"}})
@test(timeout=590)
def test_lease(ctx, env):
    """An image only after Ctrl+V, one for each; a list at any time; text never, however it is asked for."""
    picture, x = png(640, 480), X(ctx)
    texts = ("text/plain", "UTF8_STRING", "STRING", "COMPOUND_TEXT", "text/html")
    x.set_many({**{t: SECRET.encode() for t in texts}, "image/png": picture})
    sh = TermShell(ctx, {**x.env, **env})
    assert_eq(sh.run(XCLIP + "TARGETS")[:2], (0, b"TARGETS\nimage/png\n"), "list")
    assert_eq(sh.run("wl-paste --list-types")[:2], (0, b"image/png\n"), "list of wl-paste")
    assert_eq(sh.clip_events(), [], "events so far")
    code, out, err = sh.run(XCLIP + "image/png")
    assert_eq((code, out), (1, b""), "image without Ctrl+V")
    assert_in("nobody has pressed Ctrl+V", err, "reason")
    [e] = sh.clip_events()
    assert_eq((e["verdict"], e["type"], e["asked"]), ("refused", "PNG", True), "event")
    # Each is answered at once, also when it arrives while the session is about to wait for the next one.
    code, out, err = sh.run("for i in $(seq 60); do %simage/png 2>&1 & %simage/png 2>&1; wait; done | sort | uniq -c" % (XCLIP, XCLIP))
    assert_eq(re.findall(r"^ *(\d+) ccvm: (.*)", out.decode(), re.M), [("120", "nobody has pressed Ctrl+V in this session")], "answers to many")

    sh.press()
    code, out, err = sh.run(XCLIP + "image/png")
    assert_true(code == 0 and out == picture, "the very same bytes after Ctrl+V: %d, %d bytes, %s" % (code, len(out), err))
    assert_eq([e["verdict"] for e in sh.clip_events() if not e.get("asked")], ["sent"], "events")
    code, out, err = sh.run("wl-paste --type image/png")
    assert_eq((code, out), (1, b""), "second image of one Ctrl+V")
    assert_in("each Ctrl+V allows one image", err, "reason")
    sh.press()
    code, out, err = sh.run("wl-paste >a.png; c=$?; cat a.png; (exit $c)")
    assert_true(code == 0 and out == picture, "wl-paste: %d, %s" % (code, err))

    sh.press()
    for command in ("xclip -o", "xclip -selection clipboard -o", XCLIP + "UTF8_STRING", XCLIP + "STRING", XCLIP + "COMPOUND_TEXT", XCLIP + "text/html",
                    "wl-paste --no-newline --type text/plain", "wl-paste -t text", "wl-paste --primary", "xsel --clipboard --output",
                    "echo x | wl-copy", "echo x | xclip -selection clipboard", "wl-paste --watch cat"):
        assert_eq(sh.run(command)[:2], (1, b""), command)
    ctx.write(sh.path("ask.py"), ASK)
    code, out, err = sh.run("python3 ask.py")
    assert_eq(code, 0, "crafted requests: " + err)
    answers = out.decode().splitlines()
    assert_eq(len(answers), len(CRAFTED), "answers")
    for line in answers:
        assert_true(re.fullmatch(r"\d+ b'(no [ -~]*\\n)?'", line), "answer to a crafted request: " + line)
    assert_true(not os.path.exists("/tmp/ccvm-pwned"), "no command is run")
    sh.end()
    for name in os.listdir(ctx.workspace):
        if name.endswith((".out", ".err")):
            assert_true(SECRET.encode() not in procs.read(sh.path(name)), "text of the clipboard in " + name)
    x.close()
    assert_nothing_left(ctx)


BAD_TOOLS = {"hangs": ("sleep 3600 & sleep 3600", "did not answer in time"), "dies": ("kill -9 $$", "was killed"),
             "sends a gigabyte": ("exec head -c 1000000000 /dev/zero", "more than 20 MiB"), "sends half": ("exec head -c 20000 picture", "truncated")}


@test(timeout=590)
def test_bad_tools(ctx):
    """Host tools that misbehave, one after another in one session: a reason each, and the next image comes as if nothing had been."""
    picture = png(640, 480)
    tools = ctx.make_dir(os.path.join(ctx.dir, "tools"))
    ctx.write(os.path.join(tools, "picture"), picture)
    ctx.write(os.path.join(tools, "xclip"), '#!/bin/sh\ncd %s\ncase "$*" in *TARGETS) echo image/png;; *) . ./does;; esac\n' % tools, 0o755)
    sh = TermShell(ctx, {"DISPLAY": ":77", "WAYLAND_DISPLAY": None, "PATH": tools + ":/usr/bin:/bin"})
    for n, (what, (script, reason)) in enumerate(BAD_TOOLS.items()):
        ctx.write(os.path.join(tools, "does"), script + "\n")
        sh.press()
        code, out, err = sh.run(XCLIP + "image/png")
        assert_eq((code, out), (1, b""), "an image of a tool that " + what)
        assert_in(reason, err, "reason, to the program in the guest")
        events = sh.clip_events()
        assert_eq(len(events), n + 1, "events")
        assert_in(reason, events[-1]["reason"], "reason, to the user")
    for p in procs.processes():
        status = procs.read("/proc/%d/status" % p.pid) or b""
        peak = re.search(rb"VmHWM:\s+(\d+)", status)
        if p.uid == ctx.uid and p.name in ("ccvm-session", "ccvm-clip") and peak:
            assert_true(int(peak[1]) < 200 * 1024, "memory of %s: %s KiB" % (p.name, peak[1].decode()))
        assert_true(p.uid != ctx.uid or b"3600" not in procs.cmdline(p.pid), "what a tool started has ended")
    ctx.write(os.path.join(tools, "does"), "exec cat picture\n")
    sh.press()
    code, out, err = sh.run(XCLIP + "image/png")
    assert_true(code == 0 and out == picture, "the very same bytes afterwards: %d, %d bytes, %s" % (code, len(out), err))
    sh.end()
    assert_nothing_left(ctx)


NO_DISPLAY = {"DISPLAY": None, "WAYLAND_DISPLAY": None}
KITTY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib", "kitty.py")


@each({"gives": True, "denies": False})
@test(timeout=590)
def test_terminal_clipboard(ctx, gives):
    """Without a display, a terminal that knows kitty's protocol is asked, for an open lease alone; no byte of its answer is input."""
    picture = png(640, 480)
    log = ctx.write(os.path.join(ctx.dir, "asked"), b"")
    file = ctx.write(os.path.join(ctx.dir, "picture.png"), picture)
    sh = TermShell(ctx, {**NO_DISPLAY, "TERM": "xterm-256color"}, ["/usr/bin/python3", KITTY, log, file if gives else "deny"])
    code, out, err = sh.run(XCLIP + "TARGETS")
    assert_eq((code, procs.read(log)), (1, b""), "without a lease the terminal is not asked")
    sh.press()
    assert_eq(sh.run(XCLIP + "TARGETS")[:2], (0, b"TARGETS\nimage/png\n"), "list")
    code, out, err = sh.run(XCLIP + "image/png")
    if gives:
        assert_true(code == 0 and out == picture, "the very same bytes: %d, %d bytes, %s" % (code, len(out), err))
    else:
        assert_eq((code, out), (1, b""), "image")
        assert_in("did not allow", err, "reason")
    assert_eq(procs.read(log), b".\nimage/png\n", "what the terminal was asked for")
    assert_eq(sh.clip_events()[-1]["verdict"], "sent" if gives else "refused", "event")
    assert_true("5522" not in sh.t.screen(history=True), "an answer of the terminal's as input")
    sh.end()
    assert_nothing_left(ctx)


@test(timeout=400)
def test_no_clipboard_at_all(ctx):
    """Without a display, in a terminal that does not answer: a reason, and what is typed meanwhile arrives."""
    sh = TermShell(ctx, NO_DISPLAY)
    sh.press()
    code, out, err = sh.run(XCLIP + "TARGETS")
    assert_eq((code, out), (1, b""), "list")
    assert_in("no display, and the terminal", err, "reason")
    assert_in("no display, and the terminal", sh.clip_events()[-1]["reason"], "reason, to the user")
    assert_eq(sh.run("echo typed")[1], b"typed\n", "the next command")
    sh.end()
    assert_nothing_left(ctx)


# A second sshd with the session's configuration, and ssh beside it in the guest: what this sshd would let a client of the host
# forward. In a scripted session nobody holds the bridge's port.
FORWARDS = r"""
cd /tmp && ssh-keygen -qt ed25519 -N '' -f k
printf '#!/bin/sh\nexec sudo /usr/sbin/sshd -i -f /run/ccvm/sshd_config -o AuthorizedKeysFile=/tmp/k.pub -o StrictModes=no\n' >through
chmod +x through
try() { # NAME OPTION ARGUMENT
    ssh -i k -o ProxyCommand=/tmp/through -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ExitOnForwardFailure=yes \
        -o BatchMode=yes -E "$1.log" -fN "$2" "$3" ccvm@guest </dev/null >/dev/null 2>&1
    echo "$1 $?"
}
through_port() { # NAME PORT: the first bytes that come out of a local end
    got=$(bash -c "exec 3<>/dev/tcp/127.0.0.1/$2; printf '\005\001\000' >&3; timeout 5 head -c 2 <&3 2>/dev/null | od -An -tx1")
    echo "$1 got ${got:-nothing} $(grep -c 'administratively prohibited' $1.log)"
}
try pinned -R 127.0.0.1:9180:127.0.0.1:1
try other-port -R 127.0.0.1:9181:127.0.0.1:1
try other-address -R 0.0.0.0:9180:127.0.0.1:1
try any-port -R 127.0.0.1:0:127.0.0.1:1
try socket -R /tmp/s:127.0.0.1:1
try local -L 7001:127.0.0.1:22
through_port local 7001
try dynamic -D 7002
bash -c "exec 3<>/dev/tcp/127.0.0.1/7002; printf '\005\001\000\005\001\000\001\177\000\000\001\000\026' >&3; timeout 5 head -c 3 <&3" >/dev/null
echo "dynamic refused $(grep -c 'administratively prohibited' dynamic.log)"
"""


@test(timeout=400)
def test_forwards(ctx):
    """The one pinned remote forward, and no other: not another port or address, no socket, nothing local or dynamic."""
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", FORWARDS], timeout=300)
    assert_eq((code, out.decode().splitlines()),
              (0, ["pinned 0", "other-port 255", "other-address 255", "any-port 255", "socket 255", "local 0", "local got nothing 1", "dynamic 0",
                   "dynamic refused 1"]), "what sshd let pass; stderr: %s" % err.decode()[-500:])
    assert_nothing_left(ctx)


def image_without_bridge(ctx):
    """The image as one built with --no-clipboard."""
    path = ctx.make_dir(os.path.join(ctx.dir, "image"))
    for name in os.listdir(ctx.image):
        if name != "manifest.json":
            os.symlink(os.path.join(ctx.image, name), os.path.join(path, name))
    with open(os.path.join(ctx.image, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    manifest["built_in"]["clipboard"] = False
    ctx.write(os.path.join(path, "manifest.json"), json.dumps(manifest))
    return {"CCVM_IMAGE": path}


def switched_off(ctx):
    ctx.write(os.path.join(ctx.home, ".config", "ccvm", "config.json"), '{"clipboard": {"images": false}}')
    return {}


@each({"variable": lambda ctx: {"CCVM_CLIPBOARD_IMAGES": "0"}, "file": switched_off, "image": image_without_bridge})
@test(timeout=400)
def test_off(ctx, off):
    """Turned off three ways: no stand-ins, no port, no forward allowed, and a reason for who presses the key."""
    x = X(ctx)
    x.set(png(20, 20), "image/png")
    sh = TermShell(ctx, {**x.env, **off(ctx)})
    sh.press()
    code, out, err = sh.run("command -v xclip wl-paste; python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 9180))'")
    assert_eq((code, out), (1, b""), "stand-ins and port")
    assert_in("refused", err, "connection to the port")
    assert_eq(sh.run("sudo grep -i -e forwarding -e permitlisten /run/ccvm/sshd_config | sort")[1].decode().splitlines(),
              ["AllowAgentForwarding no", "AllowStreamLocalForwarding no", "AllowTcpForwarding no", "X11Forwarding no"], "sshd")
    assert_eq([(e["verdict"], e["reason"]) for e in sh.clip_events()],
              [("refused", "image paste is turned off (clipboard.images)")], "events")
    sh.end()
    sh.t.wait_for("no image was pasted: image paste is turned off", 20)
    x.close()
    assert_nothing_left(ctx)


@test(timeout=500)
def test_tui(ctx):
    """Ctrl+V in a pane of ccvm-tui: the picture reaches the API server, and the bottom line says what crossed."""
    picture, x = png(2000, 2000), X(ctx)
    x.set(picture, "image/png")
    api = Api(ctx, [{"text": "A-PICTURE"}])
    claude_home.write(ctx, KEY)
    env = {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1", **x.env}
    pane = ClaudePane(ctx, env)
    ask_about_picture(ctx, pane.t, api, picture, toast=pane.toast(picture))
    pane.end()
    x.close()
    assert_nothing_left(ctx)


@test(timeout=500)
def test_terminal_clipboard_tui(ctx):
    """Without a display ccvm-tui asks its terminal: the picture reaches the API server, what is typed meanwhile arrives, no byte of the answer does."""
    picture = png(640, 480)
    log = ctx.write(os.path.join(ctx.dir, "asked"), b"")
    file = ctx.write(os.path.join(ctx.dir, "picture.png"), picture)
    api = Api(ctx, [{"text": "A-PICTURE"}])
    claude_home.write(ctx, KEY)
    env = {**api.env(KEY, guest=True), "CCVM_SHARE_CONFIG": "1", **NO_DISPLAY, "TERM": "xterm-256color"}
    pane = ClaudePane(ctx, env, ["/usr/bin/python3", KITTY, log, file])
    assert_eq(procs.read(log), b"", "without Ctrl+V the terminal is not asked")
    ask_about_picture(ctx, pane.t, api, picture, toast=pane.toast(picture))
    assert_eq(procs.read(log), b".\nimage/png\n", "what the terminal was asked for")
    pane.t.send("and then")
    pane.t.wait_for("❯ and then", 60)
    assert_true("5522" not in pane.t.screen(history=True), "an answer of the terminal's as input")
    pane.end()
    assert_nothing_left(ctx)
