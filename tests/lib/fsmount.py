"""ccvm-fs mounted on this machine by the guest's relay (tests/fs/fsmount.c)."""

import json
import os
import subprocess

from harness import Skip, assert_eq


class Mount:
    """A directory of the test user's, and where it is mounted."""

    def __init__(self, ctx, mode="rw", source=None, rules=()):
        build = os.path.dirname(ctx.bin)
        if os.getuid() != 0 or not os.path.exists("/dev/fuse"):
            raise Skip("mounting takes root and /dev/fuse")
        self.source = source or ctx.make_dir(os.path.join(ctx.dir, "exported"))
        point = os.path.join(ctx.dir, "mnt%d" % len(os.listdir(ctx.dir)))
        os.mkdir(point)
        self.proc = subprocess.Popen([os.path.join(build, "test/fs/fsmount"), point, str(ctx.uid), str(ctx.gid), os.path.join(build, "libexec/ccvm/ccvm-fs"),
                                      "w=%s:%s" % (self.source, mode), *rules], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ctx.on_close(self.close)
        ready = self.proc.stdout.readline().split()
        assert_eq(ready[:1], [b"ready"], "fsmount")
        self.server = int(ready[1])
        self.point = point
        self.top = os.path.join(point, "w")

    def close(self):
        """What was refused, as ccvm-fs tells the session."""
        out = b""
        if self.proc.poll() is None:
            out, _ = self.proc.communicate(b"\n", timeout=30)
        return [json.loads(line) for line in out.splitlines()]
