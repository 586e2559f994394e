"""A login shell in a guest (`ccvm --shell`) that stays open: one boot for many checks."""

import os
import re
import shlex

from checks import assert_eq

BOOT_TIMEOUT = 180


class GuestShell:
    """Commands go to the shell's standard input one by one; .proc is the ccvm that runs it."""

    def __init__(self, ctx, *args, env=None, cwd=None):
        self.proc = ctx.spawn([os.path.join(ctx.bin, "ccvm"), *args, "--shell"], stdin=None, env=env, cwd=cwd)
        self.count, self.seen = 0, 0
        self.do("true", BOOT_TIMEOUT)

    def run(self, command, timeout=60):
        """(exit code, stdout with stderr as bytes) of a command, which may have several lines and gets no input."""
        self.count += 1
        mark = "end-of-command-%d" % self.count
        self.proc.send(("{\n%s\n} </dev/null 2>&1\nprintf '%%s:%%d\\n' %s $?\n" % (command, mark)).encode(
            "utf-8", "surrogateescape"))
        m = self.proc.wait_for(re.escape(mark).encode() + rb":(\d+)\n", timeout)
        start, self.seen = self.seen, m.end()
        return int(m[1]), self.proc.out[start:m.start()]

    def do(self, command, timeout=60):
        """The command's output as text, trailing newlines removed; the command must succeed."""
        code, out = self.run(command, timeout)
        text = out.decode("utf-8", "surrogateescape").rstrip("\n")
        assert_eq((code, text if code else ""), (0, ""), "exit code in the guest, and output, of `%s`" % command)
        return text

    def end(self, code=0, timeout=60, quiet=True):
        """Leave the shell with a code, which must be ccvm's too; quiet: ccvm has said nothing all the time."""
        self.proc.send(b"exit %d\n" % code)
        self.proc.close_stdin()
        got = self.proc.wait(timeout)
        assert_eq((got, self.proc.err if quiet else b""), (code, b""), "exit code and stderr of ccvm")


quote = shlex.quote
