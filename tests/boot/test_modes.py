"""What a guest sees of the host and what the host gets back, in both modes."""

import json
import os
import stat

from guestshell import GuestShell, quote
from harness import assert_eq, assert_nothing_left, assert_tree_same, each, fingerprint, test, wait_until

MMAP = """/usr/bin/python3 - <<'END'
import mmap, sqlite3
with open("mapped", "wb") as f:
    f.truncate(1 << 20)
with open("mapped", "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
    m[70000:70005] = b"mmap!"
db = sqlite3.connect("table.db")
db.execute("pragma journal_mode=wal")
db.execute("create table t (n integer)")
db.executemany("insert into t values (?)", [(n,) for n in range(1000)])
db.commit()
print(db.execute("select sum(n) from t").fetchone()[0], db.execute("pragma integrity_check").fetchone()[0])
db.close()
END"""


# Watches the current directory, and writes what it hears to a file elsewhere.
WATCH = """cat >/tmp/watch.py <<'END'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
fd = libc.inotify_init1(0)
os.listdir(".")
assert libc.inotify_add_watch(fd, b".", 0x30a) >= 0
print("watching", flush=True)
while True:
    data = os.read(fd, 65536)
    while data:
        _, mask, _, n = struct.unpack("iIII", data[:16])
        print("%x" % mask, data[16:16 + n].rstrip(b"\\0").decode(), flush=True)
        data = data[16 + n:]
END
/usr/bin/python3 /tmp/watch.py >/tmp/heard 2>&1 &
while ! grep -q watching /tmp/heard; do sleep 0.05; done"""


def read(*parts):
    with open(os.path.join(*parts), "rb") as f:
        return f.read()


def rewrite(path, data):
    """An editor's way: the same file, other content."""
    with open(path, "wb") as f:
        f.write(data)


def check_owner(ctx, *names):
    for name in names:
        st = os.lstat(os.path.join(ctx.workspace, name))
        assert_eq((name, st.st_uid, st.st_gid), (name, ctx.uid, ctx.gid), "owner on the host")


@test(timeout=400)
def test_watchers_hear_of_the_host(ctx):
    """inotify(7) in the guest: a file that the host writes, one that it makes, and one that it removes."""
    w = ctx.workspace
    for name in ("a", "b"):
        ctx.write(os.path.join(w, name), "x")
    g = GuestShell(ctx)
    g.do(WATCH)
    rewrite(os.path.join(w, "a"), b"yy")
    ctx.write(os.path.join(w, "new"), "x")
    os.unlink(os.path.join(w, "b"))
    wanted = {"2 a", "8 a", "100 new", "200 b"}
    wait_until(lambda: wanted <= set(g.do("cat /tmp/heard").split("\n")), 20, "events in the guest")
    assert_eq(g.do("ls; cat a"), "a\nnew\nyy", "the files")
    g.end()


@test(timeout=400)
def test_edits_land_on_the_host(ctx):
    w = ctx.workspace
    ctx.write(os.path.join(w, "old", "note"), "from the host\n")
    ctx.write(os.path.join(w, "script"), "#!/bin/sh\necho ran\n", 0o755)
    ctx.write(os.path.join(w, "private"), "x", 0o600)
    before_outside = fingerprint(ctx.home)
    disk = ctx.make_dir(os.path.join(ctx.runtime, "undo"))
    g = GuestShell(ctx, env={"CCVM_OVERLAY_DIR": disk})
    assert_eq(g.do("pwd; id -u; id -g; stat -c '%u %g' . private; cat old/note; ./script"),
              "%s\n%d\n%d\n%d %d\n%d %d\nfrom the host\nran" % (w, ctx.uid, ctx.gid, *(ctx.uid, ctx.gid) * 2),
              "the workspace in the guest")

    g.do("echo guest >new; echo more >>old/note; mkdir -p a/b c; echo moved >a/b/f; mv a/b/f c/g; mv a d; "
         "ln -s ../new c/link; ln new hard; chmod 750 new; chmod 711 script; rm private; touch -d 2001-02-03 d")
    assert_eq((read(w, "new"), read(w, "old", "note"), read(w, "c", "g")),
              (b"guest\n", b"from the host\nmore\n", b"moved\n"), "files written in the guest")
    assert_eq(sorted(os.listdir(w)), ["c", "d", "hard", "new", "old", "script"], "names on the host")
    assert_eq(os.readlink(os.path.join(w, "c", "link")), "../new", "symbolic link on the host")
    assert_eq(os.stat(os.path.join(w, "new")).st_nlink, 2, "links of new")
    assert_eq(stat.S_IMODE(os.stat(os.path.join(w, "new")).st_mode), 0o750, "mode of new")
    check_owner(ctx, "new", "d", "c/g", "c/link", "old/note")

    (journal,) = (os.path.join(disk, name) for name in os.listdir(disk))
    assert_eq(sorted(read(journal, n) for n in os.listdir(journal) if n != "list"), [b"from the host\n", b"x"], "what there was")
    rewrite(os.path.join(w, "new"), b"edited on the host, longer than before\n")
    assert_eq(g.do("cat new hard"), "\n".join(["edited on the host, longer than before"] * 2), "host edit in the guest")
    os.rename(os.path.join(w, "c", "g"), os.path.join(w, "d", "back"))
    ctx.write(os.path.join(w, "made-on-host"), "1")
    assert_eq(g.do("ls c d made-on-host"), "made-on-host\n\nc:\nlink\n\nd:\nb\nback", "host's renames in the guest")

    g.do("mkdir many; for i in {1..1000}; do echo $i >many/$i; done", 120)
    assert_eq({n: read(w, "many", n) for n in os.listdir(os.path.join(w, "many"))},
              {str(n): b"%d\n" % n for n in range(1, 1001)}, "1,000 files on the host")
    g.do("rm -r many")
    assert_eq(os.path.exists(os.path.join(w, "many")), False, "removed directory on the host")

    g.do("git init -q repo && cd repo && git config user.email a@example.org && git config user.name A && "
         "cp ../new . && git add -A && git commit -qm first && git fsck --strict && cd ..", 120)
    code, out, err = ctx.run(["git", "-C", os.path.join(w, "repo"), "log", "--format=%s %an"])
    assert_eq((code, out, err), (0, b"first A\n", b""), "git log on the host")
    check_owner(ctx, "repo/.git/HEAD", "repo/.git/index")

    assert_eq(g.do("chmod 4755 script && stat -c %a script"), "755", "mode after setting the set-user-id bit")
    assert_eq(g.do("perl -e 'sysopen(my $f, q(made), 0101, 04755) or exit 1' && stat -c %a made"), "755", "mode of a file made so")
    g.do("sudo chmod u+s script || true; sudo cp /usr/bin/true planted; sudo chown 0:0 planted; sudo chmod 4755 planted || true")
    assert_eq([n for n in os.listdir(w) if os.lstat(os.path.join(w, n)).st_mode & stat.S_ISUID], [], "files with the bit on the host")
    g.do("rm -f planted")
    assert_eq(g.do(MMAP.replace("wal", "delete"), 120),
              "499500 ok", "sqlite with a journal in the guest")

    assert_eq(g.run("echo not synced >last")[0], 0, "exit code of the last write")
    g.end(5)
    assert_eq(read(w, "last"), b"not synced\n", "what was written last")
    assert_tree_same(before_outside, fingerprint(ctx.home), "home on the host")
    assert_eq(os.listdir(disk), [], "what is left of the journal")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_shared_mappings(ctx):
    """Programs that map files shared and writable, as SQLite in WAL mode does."""
    w = ctx.workspace
    g = GuestShell(ctx)
    assert_eq(g.do(MMAP, 120), "499500 ok", "sqlite in the guest")
    assert_eq(read(w, "mapped")[70000:70005], b"mmap!", "bytes written through a mapping")
    code, out, err = ctx.run(["/usr/bin/python3", "-c", "import sqlite3; print(sqlite3.connect('table.db').execute("
                              "'select count(*), sum(n) from t').fetchone())"])
    assert_eq((code, out, err), (0, b"(1000, 499500)\n", b""), "the guest's table on the host")
    g.end(0)
    assert_nothing_left(ctx)


@each({"in memory": False, "on disk": True})
@test(timeout=300)
def test_overlay_leaves_the_host_alone(ctx, on_disk):
    w = ctx.workspace
    disk = ctx.make_dir(os.path.join(ctx.runtime, "layers"))
    env = {"CCVM_OVERLAY_DIR": disk} if on_disk else {}
    for n in range(20):
        ctx.write(os.path.join(w, "d%d" % (n % 3), "f%d" % n), "content %d\n" % n)
    ctx.write(os.path.join(w, "private"), "x", 0o600)
    os.symlink("d0/f0", os.path.join(w, "link"))
    before = fingerprint(ctx.dir)
    g = GuestShell(ctx, "--read-only-cwd", env=env)
    assert_eq(len(os.listdir(disk)), 2 * on_disk, "layer and journal on disk")
    g.do("echo edited >d0/f0; echo more >>private; rm d1/f1; rm -r d2; mv d1/f4 d0/moved; mkdir made; echo x >made/y; "
         "chmod 700 d0; ln -sf d1 link; touch -d 2001-02-03 d0/f3; git init -q .; sync")
    assert_eq(g.do("cat d0/f0 private d0/moved made/y; readlink link; ls; ls d1; stat -c '%a %u %g' d0"),
              "edited\nxmore\ncontent 4\nx\nd1\nd0\nd1\nlink\nmade\nprivate\nf10\nf13\nf16\nf19\nf7\n700 %d %d"
              % (ctx.uid, ctx.gid), "edits as the guest sees them")
    assert_eq(g.do("sudo -n sh -c 'echo y >private; rm -r d1; mv made d1'; cat private; ls d1"), "y\ny", "root's edits as the guest sees them")
    g.end(0)
    assert_tree_same(before, fingerprint(ctx.dir), "everything of the test user")
    assert_eq(os.listdir(disk), [], "what is left on disk")
    assert_nothing_left(ctx)


def test_overlay_by_variable(ctx):
    """Without a boot: the option's two spellings end in the same seed, whose effect the test above shows."""
    for variable, args, mode in (("0", [], "overlay"), ("0", ["--writable-cwd"], "rw"), ("1", [], "rw")):
        code, out, err = ctx.ccvm(*args, env={"CCVM_DRYRUN": "1", "CCVM_WRITABLE_CWD": variable})
        assert_eq((code, err), (0, b""), "exit code and stderr of the dry run")
        assert_eq(json.loads(read(out.decode().rstrip("\n"), "status.json"))["mode"], mode,
                  "mode with CCVM_WRITABLE_CWD=%s %s" % (variable, " ".join(args)))


@test(timeout=300)
def test_guest_sees_only_the_workspace(ctx):
    """One guest with an awkward workspace: its surroundings, its shell, its variables; then ccvmctl ends it."""
    above = ctx.make_dir(os.path.join(ctx.dir, "above"))
    w = ctx.make_dir(os.path.join(above, "-odd, \"name\" it's ü 日本 $HOME;x=1,readonly=on"))
    ctx.write(os.path.join(w, "here"), "inside\n")
    ctx.write(os.path.join(above, "beside", "secret"), "outside\n")
    ctx.write(os.path.join(ctx.home, "secret"), "outside\n")
    g = GuestShell(ctx, cwd=w, env={"CCVM_PASS_ENV": "LISTED", "LISTED": "a b\n'c'", "UNLISTED": "x", "CCVM_MEMORY": "1536",
                                    "ANTHROPIC_API_KEY": None})
    assert_eq(g.do("pwd; cat here; echo written >there"), w + "\ninside", "the workspace in the guest")
    assert_eq(read(w, "there"), b"written\n", "file on the host")

    assert_eq(g.do("ls -A " + quote(above)), os.path.basename(w), "what is beside the workspace")
    assert_eq(g.do("ls -A /home"), "ccvm", "/home in the guest")
    assert_eq(g.run("ls -d %s %s" % (quote(ctx.home), quote(ctx.runtime)))[0], 2, "code of listing the host's directories")
    assert_eq(g.do("sudo -n grep -rls outside / --include=secret --exclude-dir=proc --exclude-dir=sys; true", 120), "",
              "files of the host that root in the guest finds")
    mounts = [line.split()[:3] for line in g.do("cat /proc/mounts").splitlines()]
    shares = [(tag, kind) for tag, _, kind in mounts if kind in ("9p", "virtiofs", "fuse")]
    assert_eq(sorted(shares), [("ccvm", "fuse")], "shares of the host; the seed was read and is gone")
    assert_eq(g.run("ls /run/ccvm/seed")[0] != 0, True, "the agent may not look into the seed")

    assert_eq(g.do('printf "%s|%s|%s" "$LISTED" "${UNLISTED-none}" "${CCVM_PASS_ENV-none}"'), "a b\n'c'|none|none",
              "variables in the guest")
    assert_eq(g.do('echo $HOME $SHELL $USER $0; [[ -o login ]] && echo login; echo $PATH; command -v claude sudo git'),
              "/home/ccvm /bin/zsh ccvm -zsh\nlogin\n"
              "/run/ccvm/clip:/home/ccvm/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n"
              "/usr/local/bin/claude\n/usr/local/bin/sudo\n/usr/bin/git", "the shell's surroundings")
    assert_eq(g.do("find ~ ! -user $(id -u); find ~ ! -group $(id -g)"), "", "files of others in the agent's home")
    assert_eq(g.do("getent passwd $(id -u) $(id -un) | cut -d: -f1,3,4; getent group $(id -gn) | cut -d: -f3; "
                   "stat -c '%a %U %G' /etc/passwd /etc/group"),
              "ccvm:{0}:{1}\nccvm:{0}:{1}\n{1}\n644 root root\n644 root root".format(ctx.uid, ctx.gid), "the agent in the tables")
    assert_eq(g.do("sudo -n id -u"), "0", "sudo without a password")

    [session] = ctl_ls(ctx)
    assert_eq({k: session[k] for k in ("workspace", "name", "mode", "state", "memory_mib")},
              {"workspace": w, "name": os.path.basename(w), "mode": "rw", "state": "running", "memory_mib": 1536},
              "ccvmctl ls --json")
    assert_eq(os.path.basename(ctx.session_dirs()[0]), session["id"], "id")
    wait_until(lambda: 512 << 10 < ctl_ls(ctx)[0]["guest_memory_total_kib"] <= 1536 << 10, 60, "memory from the guest")

    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "stop", session["id"], "--json"])
    assert_eq((code, json.loads(out), err), (0, [{"id": session["id"], "name": session["name"]}], b""), "ccvmctl stop --json")
    assert_eq((g.proc.wait(30), g.proc.err), (143, b""), "exit code and stderr of the ccvm that was stopped")
    assert_eq(ctl_ls(ctx), [], "sessions after the stop")
    assert_nothing_left(ctx)


def ctl_ls(ctx):
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "ls", "--json"])
    assert_eq((code, err), (0, b""), "exit code and stderr of ccvmctl ls")
    return json.loads(out)
