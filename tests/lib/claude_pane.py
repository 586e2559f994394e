"""The real claude of a detached session at its prompt, in a pane of ccvm-tui or by ccvmctl attach."""

import os

from harness import assert_eq
from tmux import Tmux


class ClaudePane:
    """A detached session `api`, and ccvm-tui with the keys in its pane. .t is the terminal."""

    def __init__(self, ctx, env, around=()):
        self.start(ctx, env)
        self.show([*around, os.path.join(ctx.bin, "ccvm-tui")], env)
        self.t.wait_for(r"^1-api +LIVE")
        self.t.keys("Enter")
        self.t.wait_for("│❯ ")

    def start(self, ctx, env):
        self.ctx = ctx
        self.ctl("new", "--name", "api", "--wait", env=env)
        self.ctl("wait", "api", "--until", "idle", "--timeout", "200", env=env)

    def show(self, program, env):
        self.t = Tmux(self.ctx, program, env=env, cols=110, rows=30)

    def ctl(self, *args, env=None):
        code, _, err = self.ctx.run([os.path.join(self.ctx.bin, "ccvmctl"), *args], env=env, timeout=240)
        assert_eq(code, 0, "ccvmctl %s: %s" % (args[0], err))

    @staticmethod
    def toast(picture):
        """What the bottom line says of a picture that crossed."""
        return r"PNG %d KB → api" % ((len(picture) + 1023) // 1024)

    def end(self):
        self.ctl("stop", "--all")
        self.t.close()


class ClaudeAttached(ClaudePane):
    """The same without ccvm-tui: the whole terminal is the session's."""

    def __init__(self, ctx, env):
        self.start(ctx, env)
        self.show([os.path.join(ctx.bin, "ccvmctl"), "attach", "api"], env)
        self.t.wait_for("^❯ ")

    @staticmethod
    def toast(picture):
        return None
