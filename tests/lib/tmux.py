"""Drives a full-screen program in a private tmux server, as the test user, and looks at what a user would see.

The program runs below a wrapper that does what a shell with job control does: a foreground process group of its own,
and the exit status noted. It also notes the terminal's modes before and after, changes nothing about them and keeps
the terminal open, so that a program which leaves it raw is found out (an interactive shell would repair that).
"""

import os
import re
import time

import procs
from checks import assert_true, show, wait_until

WRAPPER = r"""
import os, signal, subprocess, sys
base, argv = sys.argv[1], sys.argv[2:]
def note(name, data):
    with open(base + ".tmp", "wb") as f:
        f.write(data)
    os.rename(base + ".tmp", base + name)
modes = lambda: subprocess.run(["stty", "-a"], stdout=subprocess.PIPE).stdout
for sig in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT, signal.SIGQUIT):
    signal.signal(sig, signal.SIG_IGN)
note(".before", modes())
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    for sig in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(sig, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    finally:
        os._exit(127)
_, status = os.waitpid(pid, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
note(".after", modes())
stopped = os.WIFSTOPPED(status)
code = 128 + os.WSTOPSIG(status) if stopped else os.waitstatus_to_exitcode(status)
note(".code", b"%d" % (code if code >= 0 else 128 - code))
while True:
    signal.pause()
"""

FLAGS = "alternate_on cursor_flag insert_flag keypad_cursor_flag keypad_flag mouse_any_flag mouse_sgr_flag".split()


class Tmux:
    """One program in one pane. Ended with the test, or by close()."""

    def __init__(self, ctx, argv, cols=100, rows=30, env=None, cwd=None):
        self.ctx = ctx
        ctx.counter += 1
        self.base = os.path.join(ctx.make_dir(os.path.join(ctx.dir, "tmux%d" % ctx.counter), 0o700), "t")
        self.sock = self.base + ".sock"
        self.server = None
        ctx.on_close(self.close)
        term = (env or {}).get("TERM", "tmux-256color")
        # The program gets its variables through the server's environment: `-e` would show a key in an argv.
        self.tmux("start-server", ";", "set", "-g", "remain-on-exit", "on", ";", "set", "-g", "history-limit", "20000",
                  ";", "set", "-g", "status", "off", ";", "set", "-g", "escape-time", "0", ";", "set", "-s", "set-clipboard", "on",
                  ";", "set", "-g", "default-terminal", term,
                  ";", "new-session", "-d", "-x", str(cols), "-y", str(rows), "-c", cwd or ctx.workspace,
                  "/usr/bin/python3", "-c", WRAPPER, self.base, *argv, env=env)
        self.server = self.number("pid")
        ctx.ignored |= {self.server, self.number("pane_pid")}

    def tmux(self, *args, env=None, check=True):
        code, out, err = self.ctx.run(["tmux", "-S", self.sock, "-f", "/dev/null", *args], env=env, timeout=20)
        self.ctx.ran.pop()  # the screen says more than a list of tmux calls
        assert_true(code == 0 or not check, "tmux %s: %s" % (args[0], show(err)))
        return out.decode("utf-8", "replace")

    def get(self, name):
        """A tmux format variable of the pane: pane_title, alternate_on, cursor_x, …"""
        return self.tmux("display-message", "-p", "#{%s}" % name)[:-1]

    def number(self, name):
        return int(self.get(name) or 0)

    def send(self, text):
        """Type text, byte for byte."""
        self.tmux("send-keys", "-l", "--", text)

    def keys(self, *names):
        """Press keys by tmux's names: Enter, Escape, C-z, M-1, Up, F1, …"""
        self.tmux("send-keys", "--", *names)

    def place(self, text):
        """Row and column (from 0) of the last line with this text."""
        found = [(row, line.index(text)) for row, line in enumerate(self.screen().split("\n")) if text in line]
        assert_true(found, "%s is not on the screen" % show(text))
        return found[-1]

    def mouse(self, button, row, column, release=False):
        """What a terminal sends for the mouse (SGR 1006); button 32 is a move with the first one held."""
        self.send("\033[<%d;%d;%d%s" % (button, column + 1, row + 1, "m" if release else "M"))

    def paste(self, text):
        """Paste text, bracketed when the program asked for that."""
        self.tmux("set-buffer", "--", text, ";", "paste-buffer", "-p", "-d")

    def screen(self, attributes=False, history=False):
        """The screen's text; with attributes as escape sequences, with the scrolled-off lines before it. No-break
        spaces (claude has one behind its prompt sign) are given as spaces."""
        args = ["-e"] * attributes + ["-S", "-"] * history
        return self.tmux("capture-pane", "-p", *args).replace("\u00a0", " ")

    def wait_for(self, pattern, timeout=60, history=False):
        """Wait until the screen matches; returns the match. A failure shows the screen."""
        return self.wait(lambda: re.search(pattern, self.screen(history=history), re.M), timeout,
                         "screen with %s" % show(pattern))

    def wait_gone(self, pattern, timeout=60):
        self.wait(lambda: not re.search(pattern, self.screen(), re.M), timeout, "screen without %s" % show(pattern))

    def answer(self, dialog, *names, timeout=30):
        """Press keys until the dialog is gone: claude ignores keys that come right after one of its dialogs opened."""
        end = time.monotonic() + timeout
        self.wait_for(dialog, timeout)
        while True:
            self.keys(*names)
            try:
                return self.wait_gone(dialog, min(1, max(0.1, end - time.monotonic())))
            except AssertionError:
                if time.monotonic() > end:
                    raise

    def press_until(self, pattern, *names, timeout=30):
        """Press keys until the screen matches: ccvm-tui ignores keys that come right after its question was painted."""
        end = time.monotonic() + timeout
        while True:
            self.keys(*names)
            try:
                return self.wait_for(pattern, min(1, max(0.1, end - time.monotonic())))
            except AssertionError:
                if time.monotonic() > end:
                    raise

    def wait_quiet(self, seconds=1):
        """Wait until the screen has not changed for so long, or the program has ended."""
        seen = [self.screen(), time.monotonic()]

        def quiet():
            now = self.screen()
            if now != seen[0]:
                seen[:] = [now, time.monotonic()]
            return self.read(".code") or time.monotonic() - seen[1] > seconds
        self.wait(quiet, 60, "a screen that stands still")

    def wait(self, condition, timeout, what):
        try:
            return wait_until(condition, timeout, what)
        except AssertionError:
            lines = "\n  | ".join(re.sub(r"\n{3,}", "\n\n", self.screen().rstrip()).split("\n"))
            raise AssertionError("%s: not within %g s; the screen:\n  | %s" % (what, timeout, lines)) from None

    def resize(self, cols, rows):
        self.tmux("resize-window", "-x", str(cols), "-y", str(rows))

    def flags(self):
        """The terminal's modes as tmux sees them: alternate screen, mouse, cursor, keypad."""
        values = self.tmux("display-message", "-p", " ".join("#{%s}" % f for f in FLAGS)).split()
        return {f: v == "1" for f, v in zip(FLAGS, values)}

    def program(self):
        """The program's process, or None when it has ended."""
        pane = self.number("pane_pid")
        found = [p for p in procs.processes() if p.ppid == pane]
        return found[0] if found else None

    def read(self, suffix):
        data = procs.read(self.base + suffix)
        return None if data is None else data.decode()

    def exit_code(self, timeout=60):
        """The exit status as the shell gives it (128+N for signal N; 148 when the program was stopped by Ctrl+Z)."""
        return int(self.wait(lambda: self.read(".code"), timeout, "end of the program"))

    def modes(self):
        """The terminal line's modes (stty -a without the size) before the program and after its end."""
        texts = (self.read(".before"), self.read(".after"))
        return tuple(" ".join(re.sub(r"rows \d+; columns \d+;", "", t).split()) for t in texts)

    def close(self):
        """End the server. A stopped program would not hear of it, so all below it is killed first."""
        if self.server:
            procs.kill_all(p.pid for p in procs.descendants(self.server))
            self.tmux("kill-server", check=False)
            self.server = None
