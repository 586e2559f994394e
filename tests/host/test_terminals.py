"""ccvm-tui in real terminals: the list is shown, a key switches the view, and quitting gives the terminal back."""

import os
import re

import procs
from checks import wait_until
from clipboard import Wayland, X
from harness import assert_eq, assert_true, each, test
from tmux import WRAPPER, Tmux


def tui(ctx):
    return os.path.join(ctx.bin, "ccvm-tui")


class Window:
    """A terminal program on a display. shot() is what it says that its window shows."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.dir = ctx.make_dir(os.path.join(ctx.dir, "window"), 0o700)
        self.base, self.dump = os.path.join(self.dir, "t"), os.path.join(self.dir, "shot")
        self.argv = ["/usr/bin/python3", "-c", WRAPPER, self.base, tui(ctx)]

    def read(self, suffix):
        return (procs.read(self.base + suffix) or b"").decode()

    def wait_for(self, pattern, there=True):
        seen = [""]

        def look():
            seen[0] = self.shot()
            return bool(re.search(pattern, seen[0])) == there
        try:
            wait_until(look, 60, "window")
        except AssertionError as e:
            raise AssertionError("%s: window %s %r shows\n%s\n%s" % (e, "with" if there else "without", pattern, seen[0],
                                                                    self.program.err[-1000:])) from None


class Xterm(Window):
    def __init__(self, ctx):
        super().__init__(ctx)
        self.x = X(ctx, "1000x700")
        resources = {"printerCommand": "cat >%s.new; mv %s.new %s" % (self.dump, self.dump, self.dump), "printAttributes": "0",
                     "VT100.translations": "#override <Key>F12: print()"}
        self.program = self.x.start(["xterm", "-fn", "fixed", "-u8", "-geometry", "90x24+0+0",
                                     *[a for k, v in resources.items() for a in ("-xrm", "XTerm*%s: %s" % (k, v))], "-e", *self.argv],
                                    **self.x.env)

    def key(self, name):
        code, _, err = self.ctx.run(["xdotool", "mousemove", "50", "50", "key", name], env=self.x.env)
        assert_eq(code, 0, "xdotool: %s" % err)

    def shot(self):
        if os.path.exists(self.dump):
            os.unlink(self.dump)
        self.key("F12")
        try:
            wait_until(lambda: os.path.exists(self.dump), 5, "what xterm prints")
        except AssertionError:
            return ""  # the window is not there yet
        return procs.read(self.dump).decode("utf-8", "replace")


class Foot(Window):
    def __init__(self, ctx):
        super().__init__(ctx)
        self.way = Wayland(ctx)
        conf = ctx.write(os.path.join(self.dir, "foot.ini"), "[main]\ninitial-window-size-chars=90x24\n[key-bindings]\n"
                         "pipe-visible=[sh -c \"cat >%s.new; mv %s.new %s\"] F12\n" % (self.dump, self.dump, self.dump))
        self.program = self.way.start(["foot", "-c", conf, *self.argv], **self.way.env, LC_ALL="C.UTF-8")

    def key(self, name):
        # wtype brings a keyboard of its own: the terminal has to have taken its layout before a key counts.
        code, _, err = self.ctx.run(["wtype", "-s", "300", "-k", name, "-s", "300"], env=self.way.env)
        assert_eq(code, 0, "wtype: %s" % err)

    shot = Xterm.shot


class Kitty(Window):
    def __init__(self, ctx):
        super().__init__(ctx)
        self.x, self.socket = X(ctx, "1000x700"), "unix:" + self.dump
        self.program = self.x.start(["kitty", "--config", "NONE", "-o", "allow_remote_control=socket-only", "--listen-on", self.socket,
                                     *self.argv], **self.x.env, LIBGL_ALWAYS_SOFTWARE="1", LC_ALL="C.UTF-8")

    key = Xterm.key

    def shot(self):
        code, out, _ = self.ctx.run(["kitty", "@", "--to", self.socket, "get-text"], env={"LC_ALL": "C.UTF-8"})
        return out.decode("utf-8", "replace") if code == 0 else ""


@each({"xterm": Xterm, "foot": Foot, "kitty": Kitty})
@test(timeout=300)
def test_window(ctx, terminal):
    w = terminal(ctx)
    w.wait_for("0 sessions")
    w.wait_for("no sessions")
    w.key("question")
    w.wait_for("┌─ keys")
    w.key("Escape")
    w.wait_for("┌─ keys", there=False)
    w.key("q")
    wait_until(lambda: w.read(".code"), 60, "end of ccvm-tui")
    assert_eq(w.read(".code"), "0", "exit code")
    w.wait_for("sessions", there=False)
    assert_true(w.read(".before"), "modes of the terminal line")
    assert_eq(w.read(".after"), w.read(".before"), "modes of the terminal line")


def switch_and_quit(t):
    t.wait_for("0 sessions")
    t.wait_for("no sessions")
    t.keys("?")
    t.wait_for("the next session that needs you")
    t.keys("Escape")
    t.wait_gone("the next session that needs you")
    t.keys("q")


@test(timeout=200)
def test_screen(ctx):
    """GNU screen keeps an Escape to itself while a program has the mouse: ccvm-tui does without it there."""
    sockets = ctx.make_dir(os.path.join(ctx.dir, "screen"), 0o700)
    t = Tmux(ctx, ["screen", "-U", "-c", "/dev/null", "sh", "-c", '"$0"; echo $? >"$1"', tui(ctx), sockets + "/code"],
             cols=100, rows=30, env={"SCREENDIR": sockets})
    switch_and_quit(t)
    assert_eq((t.exit_code(30), procs.read(sockets + "/code")), (0, b"0\n"), "exit codes of screen and of ccvm-tui")
    before, after = t.modes()
    assert_eq(after, before, "modes of the terminal line")


@each({"linux": {"TERM": "linux"}, "vt100": {"TERM": "vt100"}, "xterm": {"TERM": "xterm"}, "screen": {"TERM": "screen"},
       "NO_COLOR": {"NO_COLOR": "1"}, "256 colours": {"TERM": "xterm-256color"}, "direct colour": {"TERM": "xterm-direct"}})
@test(timeout=120)
def test_terminal_types(ctx, env):
    t = Tmux(ctx, [tui(ctx)], cols=100, rows=30, env=env)
    switch_and_quit(t)
    assert_eq(t.exit_code(30), 0, "exit code")
    before, after = t.modes()
    assert_eq(after, before, "modes of the terminal line")
    assert_eq(t.flags(), dict.fromkeys(t.flags(), False) | {"cursor_flag": True}, "terminal's state after the end")
