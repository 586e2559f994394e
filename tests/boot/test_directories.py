"""What options keep the agent from in the project, and which further directories it has: protect, hide, extraDirs and privateDirs."""

import json
import os
import subprocess

from guestshell import GuestShell
from harness import assert_eq, assert_in, assert_nothing_left, test


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as f:
        return f.read()


@test(timeout=400)
def test_directories(ctx):
    w, extra, shared = ctx.workspace, ctx.make_dir(os.path.join(ctx.dir, "extra")), ctx.make_dir(os.path.join(ctx.dir, "shared"))
    ctx.write(os.path.join(w, ".env"), "secret")
    ctx.write(os.path.join(w, "node_modules/host"), "of the host")
    ctx.write(os.path.join(extra, "data"), "given\n")
    os.symlink("/etc/ssh", os.path.join(w, "link"))
    code, _, err = ctx.run(["git", "init", "-q", w])
    assert_eq((code, err), (0, b""), "git init")
    ctx.write(os.path.join(ctx.home, ".config/ccvm/config.json"), json.dumps({
        "hide": [".env*"], "extraDirs": [extra, shared + ":rw"], "privateDirs": ["node_modules", "target", "link", "no/parent"]}))
    g = GuestShell(ctx)
    # privateDirs: nothing crosses; what an earlier guest left does not lead into this one's system
    assert_eq(g.do("ls node_modules; echo mine >node_modules/a; echo mine >target/a; cat node_modules/a target/a; stat -c %u node_modules target; "
                   "grep -c ' /etc/ssh ' /proc/self/mounts || true"), "mine\nmine\n%d\n%d\n0" % (ctx.uid, ctx.uid), "private directories")
    assert_eq((os.listdir(os.path.join(w, "node_modules")), os.listdir(os.path.join(w, "target"))), (["host"], []), "the host's")
    # hide
    assert_eq(g.do("ls -A; cat .env 2>&1 || true"), ".git\nlink\nnode_modules\ntarget\ncat: .env: No such file or directory", "what is hidden")
    # extraDirs
    assert_eq(g.do("cat %s/data; sh -c 'echo x >%s/data' 2>/dev/null || echo no; echo back >%s/f; echo done" % (extra, extra, shared)), "given\nno\ndone", "further directories")
    assert_eq((read(extra, "data"), read(shared, "f")), ("given\n", "back\n"), "on the host")
    # protect, with its line to the user
    assert_eq(g.do("git config core.fsmonitor x 2>/dev/null || echo no; git config user.name A && echo yes; sh -c 'echo x >.git/hooks/pre-commit' 2>/dev/null || echo no"), "no\nyes\nno", "git")
    assert_in("A", read(w, ".git/config"), "what may be set")
    assert_in("hidden from this machine in the project: .env*", g.do("cat ~/.claude/CLAUDE.md").lower(), "what the agent is told")
    g.end(quiet=False)
    err = g.proc.err.decode()
    assert_in("may not change .git/config: core.fsmonitor may run a command", err, "the line to the user")
    assert_in("(option protect)", err, "the option")
    assert_eq(sorted(os.listdir(w)), [".env", ".git", "link", "node_modules"], "what is left: not the mount point that was made")
    assert_eq(subprocess.run(["git", "-C", w, "config", "--file", os.path.join(w, ".git/config"), "core.fsmonitor"], check=False).returncode, 1, "fsmonitor")
    assert_nothing_left(ctx)


@test(timeout=400)
def test_private_directories_on_the_disk(ctx):
    """In overlay mode, and with a disk, on which they are."""
    w = ctx.workspace
    ctx.write(os.path.join(w, "target/host"), "of the host")
    ctx.write(os.path.join(w, ".env"), "secret")
    ctx.write(os.path.join(ctx.home, ".config/ccvm/config.json"), json.dumps({"privateDirs": ["target", "new"], "hide": [".env"], "vmDiskSize": 1}))
    g = GuestShell(ctx, "--read-only-cwd")
    assert_eq(g.do("ls target new; echo x >target/a; echo y >new/a; cat target/a new/a; stat -c %U target new | sort -u | grep -c .; ls -A"),
              "new:\n\ntarget:\nx\ny\n1\nnew\ntarget", "private directories")
    assert_eq(g.do("stat -c %d target new /scratch | sort -u | wc -l"), "1", "file systems of them and of /scratch")
    g.end()
    assert_eq((sorted(os.listdir(w)), os.listdir(os.path.join(w, "target"))), ([".env", "target"], ["host"]), "the host's")
    assert_nothing_left(ctx)
