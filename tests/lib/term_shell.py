"""A shell in a guest on a terminal, and the session's events about images."""

import os

from harness import assert_eq, procs, read_json_lines, wait_until
from tmux import Tmux


def clip_events(path):
    return [e for e in read_json_lines(path) if e["event"] == "clip"]


class TermShell:
    """A shell in a guest on a terminal. Commands are scripts in the workspace, their outputs files there."""

    def __init__(self, ctx, env, around=()):
        self.ctx, self.n = ctx, 0
        self.events = os.path.join(ctx.dir, "events")
        ctx.write(self.events, b"")
        self.t = Tmux(ctx, [*around, os.path.join(ctx.bin, "ccvm"), "--shell"], env={"CCVM_EVENTS": self.events, **env})
        wait_until(lambda: self.ran("true") is not None, 240, "a shell in the guest")

    def path(self, name):
        return os.path.join(self.ctx.workspace, name)

    def ran(self, script):
        self.n += 1
        name = "run%d" % self.n
        self.ctx.write(self.path(name), "{\n%s\n} >%s.out 2>%s.err\necho $? >%s.tmp\nmv %s.tmp %s.code\n" % ((script,) + (name,) * 5))
        self.t.send("sh ./%s\n" % name)
        wait_until(lambda: os.path.exists(self.path(name + ".code")), 150, "end of `%s`" % script[:60])
        return name

    def run(self, script):
        """(exit code, stdout, stderr)"""
        name = self.ran(script)
        return (int(procs.read(self.path(name + ".code"))), procs.read(self.path(name + ".out")),
                procs.read(self.path(name + ".err")).decode())

    def press(self):
        """Ctrl+V, which means \"the next one as it is\" to the shell."""
        self.t.keys("C-v", "x", "C-u")

    def clip_events(self):
        return clip_events(self.events)

    def end(self):
        self.t.send("exit 0\n")
        assert_eq(self.t.exit_code(90), 0, "exit code")
