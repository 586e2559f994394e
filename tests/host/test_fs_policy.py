"""What the options protect and hide keep a guest from, with the real git on a mounted ccvm-fs (tests/lib/fsmount.py)."""

import os
import random
import subprocess
import sys

from fsmount import Mount
from harness import assert_eq, assert_true, test

# A user who has git run nothing, and who may clone from directories.
GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "4", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "A",
       "GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "a@example.org", "GIT_CONFIG_KEY_2": "protocol.file.allow",
       "GIT_CONFIG_VALUE_2": "always", "GIT_CONFIG_KEY_3": "init.defaultBranch", "GIT_CONFIG_VALUE_3": "main"}


def shell(ctx, cwd, script):
    code, out, err = ctx.run(["sh", "-euc", script], cwd=cwd, env={**GIT, "GIT_TERMINAL_PROMPT": "0"})
    return code, (out + err).decode(errors="replace")


def must(ctx, cwd, *scripts):
    for script in scripts:
        code, out = shell(ctx, cwd, script)
        assert_eq(code, 0, "%s\n%s" % (script, out))


def refused(ctx, cwd, *scripts):
    for script in scripts:
        code, out = shell(ctx, cwd, script)
        assert_true(code != 0 and "ermitted" in out, "%s is refused: %d %s" % (script, code, out))


def repository(ctx, m):
    """One with a commit, made on the host, and a bare one to push to."""
    must(ctx, m.source, "git init -q", "echo a >a; git add a; git commit -qm a", "git init -q --bare up.git")


@test(timeout=200)
def test_daily_git_works(ctx):
    """With a repository of the host's, and with those that are made and removed in the guest."""
    m = Mount(ctx, rules=["protect-git"])
    repository(ctx, m)
    must(ctx, m.top,
         'git remote add origin "$PWD/up.git"', "git push -qu origin main", "git checkout -qb topic --track origin/main",
         "git config user.name B", "git config --unset user.name", "git branch -m topic other", "git config branch.other.description text",
         "git worktree add -q wt", "cd wt; echo b >b; git add b; git commit -qm b; git status",
         "git worktree move wt wt2", "git worktree remove wt2", "git sparse-checkout set --no-cone '/*'", "git sparse-checkout disable",
         'git submodule add -q "$PWD/up.git" sub', "cd sub; git status; git checkout -qb x", "git commit -qm sub", "git submodule update --init",
         "git clone -q up.git clone", "cd clone; git pull -q; echo c >c; git add c; git commit -qm c; git push -q",
         "git fetch -q; git gc -q; git stash; git maintenance run --task=gc", "git init -q new; cd new; git commit -q --allow-empty -m x",
         'git clone -q --recurse-submodules "file://$PWD/." deep', "git clone -q --bare . bare.git", "cp -a clone copy; cd copy; git status",
         "rm -rf clone copy new deep bare.git")
    assert_eq(m.close(), [], "refusals")


# What installs itself into a repository, as its own programs do it.
INSTALLERS = {
    "husky": ("git config core.hooksPath .husky/_", "core.hookspath"),
    "lefthook": ("echo '#!/bin/sh' >.git/hooks/pre-commit", "git runs its hooks"),
    "pre-commit": ("echo '#!/bin/sh' >hook; chmod +x hook; mv hook .git/hooks/pre-push", "git runs its hooks"),
    "git-lfs": ("git config --local filter.lfs.process 'git-lfs filter-process'", "filter.lfs.process"),
    "fsmonitor": ("git config core.fsmonitor x", "core.fsmonitor"),
    "sample": ("mv .git/hooks/pre-commit.sample .git/hooks/commit-msg", "git runs its hooks"),
}


@test(timeout=120)
def test_installers_are_refused(ctx):
    """Each with a line that says which path and why."""
    m = Mount(ctx, rules=["protect-git"])
    repository(ctx, m)
    for script, _ in INSTALLERS.values():
        refused(ctx, m.top, script)
    said = m.close()
    assert_eq(len(said), len(INSTALLERS), "lines: %s" % said)
    for (name, (_, why)), line in zip(INSTALLERS.items(), said):
        assert_true(line["option"] == "protect" and line["path"].startswith(".git/") and why in line["reason"], "%s: %s" % (name, line))
    must(ctx, m.source, "git config --list --local >list; ! grep -E 'hooks|lfs|fsmonitor' list")


# Ways to have git of the host run something, given .git of the user's. All are refused.
WAYS = [
    "echo '[core]' >>.git/config", ": >.git/config", "truncate -s 0 .git/config", "ln .git/config again", "ln x .git/config.worktree",
    "ln -s ../x .git/config.worktree", "ln -s x .git/commondir", "echo ../x >.git/commondir", "echo '* filter=x' >.git/info/attributes",
    "rm .git/hooks/kept", "chmod +x .git/hooks/kept", "mv .git/hooks gone", "touch .git/hooks/kept", "mkdir .git/hooks/d",
    # a directory that becomes git's, in any order and by any name
    "mkdir -p e/objects e/refs e/hooks; echo x >e/hooks/post-checkout; echo 'ref: refs/heads/x' >e/HEAD",
    "mkdir -p f/objects f/hooks; echo x >f/hooks/pre-push; echo x >f/HEAD; mkdir f/refs",
    "mkdir -p g/objects g/refs; git config -f g/config core.pager x; ln -s refs/heads/x g/HEAD",
    "mkdir -p h/objects h/refs/x; git config -f h/config alias.x '!y'; mkdir h/worktrees",
    "mkdir -p i/refs i/objects; ln -s ../x i/config; : >y; mv y i/HEAD",
    "mkdir -p j/refs j/HEAD j/hooks; : >j/hooks/x; mkdir tmp; mv tmp j/objects",
    # a linked worktree's, which leads elsewhere
    "mkdir -p k/l; : >k/l/HEAD; echo ../.. >k/l/commondir", "mkdir -p n; echo ../.. >n/commondir; : >n/HEAD",
    "mkdir -p o; : >o/HEAD; ln -s x o/commondir",
    # what is one stays one, so that it cannot be put back with other content
    "mv .git/HEAD x2", "rm -r .git/refs", "mv .git/objects away",
]


@test(timeout=200)
def test_ways_around(ctx):
    m = Mount(ctx, rules=["protect-git"])
    repository(ctx, m)
    ctx.write(os.path.join(m.source, ".git/hooks/kept"), "mine")
    ctx.write(os.path.join(m.source, "x"), "[core]\n\tfsmonitor = x\n")
    refused(ctx, m.top, *WAYS)
    refused(ctx, m.top, "mv x .git/config", "mv x .git/config.worktree")
    # A bare repository of the project, and one that the workspace itself is, are no different.
    refused(ctx, m.top, "git -C up.git config core.fsmonitor x", "echo x >up.git/hooks/post-receive")
    # Moving keeps what it is; the name does not matter.
    must(ctx, m.top, "mv .git other")
    refused(ctx, m.top, "git --git-dir=other config core.fsmonitor x", "echo x >other/hooks/pre-commit", "mv other/HEAD HEAD")
    must(ctx, m.top, "mv other .git", "git status", "cat .git/hooks/kept")


@test(timeout=120)
def test_submodules_stay_in_the_project(ctx):
    """core.worktree leads git on the host to where it writes: not through a link, nor to another place by moving."""
    m = Mount(ctx, rules=["protect-git"])
    repository(ctx, m)
    must(ctx, m.top, 'git push -q "$PWD/up.git" main', 'git submodule add -q "$PWD/up.git" sub', 'git submodule add -q "$PWD/up.git" deep/er', "git commit -qm s")
    refused(ctx, m.top, "cd .git/modules/sub; git config core.worktree ../../../other", "cd .git/modules/sub; git config core.worktree /tmp",
            "git config core.worktree sub", "mv .git g", "mv .git/modules m", "mv .git/modules/sub x", "mkdir n; mv .git n/.git",
            "rm -rf sub; ln -s /tmp sub", "ln -s /tmp l; mv -T l sub", "rm -rf deep; ln -s /tmp deep", "mkdir d; ln -s /tmp d/er; mv d deep",
            "mkdir deep; ln -s /tmp deep/er")
    # Nor where the link is there first.
    must(ctx, m.top, "ln -s /tmp later")
    refused(ctx, m.top, "mkdir -p .git/modules/later/objects .git/modules/later/refs; : >.git/modules/later/HEAD; cd .git/modules; "
            "git config -f c core.worktree ../../../later; mv c later/config")
    must(ctx, m.top, "rmdir deep; git checkout -q .; git submodule update -q --init; git -C deep/er status; git status")
    refused(ctx, m.top, "git mv deep/er moved")


@test(timeout=120)
def test_open_files_do_not_change_it(ctx):
    """A descriptor from before, and another name, are no way in either."""
    m = Mount(ctx, rules=["protect-git"])
    repository(ctx, m)
    code, out, err = ctx.run([sys.executable, "-c", """
import ctypes, os
def no(f, *a):
    try:
        f(*a)
    except PermissionError:
        return
    raise SystemExit("%s%s is not refused" % (f.__name__, a))
fd = os.open("new", os.O_RDWR | os.O_CREAT, 0o644)
os.write(fd, b"[core]\\n")
os.rename("new", ".git/config")
no(os.write, fd, b"fsmonitor = x\\n")
no(os.ftruncate, fd, 0)
no(os.posix_fallocate, fd, 0, 100)
with open("bad", "w") as f: f.write("fsmonitor = x\\n")
no(os.copy_file_range, os.open("bad", os.O_RDONLY), fd, 14)
no(os.open, "/proc/self/fd/%d" % fd, os.O_WRONLY)
os.mkdir("d"); os.mkdir("d/objects"); os.mkdir("d/refs")
late = os.open("d/config", os.O_RDWR | os.O_CREAT, 0o644)
os.link("d/config", "again")
no(os.mknod, "d/HEAD", 0o100644)
os.unlink("again")
os.mknod("d/HEAD", 0o100644)
no(os.write, late, b"x")
tmp = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)
libc = ctypes.CDLL(None, use_errno=True)  # os.link does not follow
at = libc.linkat(-100, b"/proc/self/fd/%d" % tmp, -100, b".git/config.worktree", 0x400)
assert (at, ctypes.get_errno()) == (-1, 1), (at, ctypes.get_errno())
"""], cwd=m.top)
    assert_eq((code, out + err), (0, b""), "script")
    with open(os.path.join(m.source, ".git/config"), encoding="ascii") as f:
        assert_eq(f.read(), "[core]\n", "what was renamed")


@test(timeout=120)
def test_what_the_user_configured(ctx):
    """Hooks and included files that the user's own configuration names inside the project are the agent's no more."""
    m = Mount(ctx, source=None, rules=[])
    m.close()
    repository(ctx, m)
    must(ctx, m.source, "git config core.hooksPath tools/hooks", "git config include.path ../team.gitconfig", "git config alias.st status",
         "mkdir -p tools/hooks; echo x >tools/hooks/pre-commit; echo >team.gitconfig")
    m = Mount(ctx, source=m.source, rules=["protect-git"])
    refused(ctx, m.top, "echo x >>tools/hooks/pre-commit", "echo x >tools/hooks/pre-push", "mv tools t", "echo x >>team.gitconfig", "rm team.gitconfig")
    must(ctx, m.top, "echo x >tools/other", "git config user.name B", "git config --unset alias.st", "git status")


@test(timeout=120)
def test_listed_paths(ctx):
    m = Mount(ctx, rules=["protect=./Makefile", "protect=src/generated", "protect=*.lock"])
    must(ctx, m.source, "mkdir -p src/generated deep; echo a >Makefile; echo a >src/generated/a; echo a >deep/x.lock; echo a >deep/Makefile")
    refused(ctx, m.top, "echo b >Makefile", "rm Makefile", "mv Makefile x", "ln Makefile x", "echo b >src/generated/b", "rm src/generated/a",
            "mv src s", "echo >deep/x.lock", "echo >deep/y.lock", "chmod 600 Makefile", ": >x; mv x Makefile", "mkdir src2; mv -T src2 src")
    must(ctx, m.top, "echo b >deep/Makefile", "echo b >src/b", "cat Makefile src/generated/a deep/x.lock", "mv deep d")
    assert_eq({line["option"] for line in m.close()}, {"protect"}, "the option that is named")


@test(timeout=120)
def test_hidden(ctx):
    m = Mount(ctx, rules=["hide=.env*", "hide=conf/secret", "hide=private/"])
    must(ctx, m.source, "mkdir -p conf/secret sub private; echo s >.env; echo s >.env.local; echo s >conf/secret/key; echo s >sub/.env; echo a >conf/a; echo a >private/p")
    must(ctx, m.top, "out=$(ls -a . sub conf); ! echo \"$out\" | grep -E 'env|secret|private'",
         "! cat .env; ! cat sub/.env.local; ! stat conf/secret; ! ls private; ! cat conf/secret/key", "test ! -e .env", "cat conf/a",
         "! rm .env; ! ln .env x; ! mv .env x; ! rmdir sub; test ! -e x", "mv sub sub2; test ! -e sub2/.env")
    refused(ctx, m.top, "echo >.env", "mkdir conf/secret", "ln -s a .envrc", "mv conf c", ": >x; mv x .env")
    must(ctx, m.source, "grep -q s .env conf/secret/key sub2/.env private/p")


@test()
def test_hidden_stays_hidden_when_the_host_changes_it(ctx):
    m = Mount(ctx, rules=["hide=.env"])
    must(ctx, m.top, "ls -a")
    ctx.write(os.path.join(m.source, ".env"), "secret")
    ctx.write(os.path.join(m.source, "plain"), "x")
    must(ctx, m.top, "cat plain; test ! -e .env; ! ls -a | grep env")
    os.rename(os.path.join(m.source, "plain"), os.path.join(m.source, ".env"))
    must(ctx, m.top, "test ! -e .env; ! ls -a | grep env")


SPACES = bytes.maketrans(b"\r\t", b"  ")


def mutate(r, text):
    """A configuration near to one that git reads."""
    pieces = [b"[core]", b"[a \"b\"]", b"[a.B]", b"\n", b"\r\n", b"\r", b" ", b"\t", b"=", b"\"", b"\\", b"\\\n", b"#", b";", b"[", b"]", b"key", b"K-1",
              b"value", b"\\n", b"\\t", b"\\\"", b"\xef\xbb\xbf", b"\xc3\xa4", b".", b"_"]
    out = bytearray(text)
    for _ in range(r.randrange(1, 8)):
        at = r.randrange(len(out) + 1)
        out[at:at + r.randrange(3)] = r.choice(pieces)
    return bytes(out)


@test(timeout=300)
def test_keys_are_read_as_git_reads_them(ctx):
    tool = os.path.join(os.path.dirname(ctx.bin), "test/fs/gitconfig")
    texts = [b"[core]\n\tbare = false # x\n[remote \"o\"]\n\turl = \"a b\" c\n", b"[a \"b\\\"c\"]\nk = 1 \\\n 2\n[D.e]f\n", b"\xef\xbb\xbf[x]y=z;\nq\n"]
    path, r = os.path.join(ctx.dir, "config"), random.Random(4)
    for i in range(1500):
        text = mutate(r, mutate(r, r.choice(texts)))
        with open(path, "wb") as f:
            f.write(text)
        ours = subprocess.run([tool, path], stdout=subprocess.PIPE, check=False)
        theirs = subprocess.run(["git", "config", "--list", "-z", "--no-includes", "--file", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if theirs.returncode:
            assert_true(ours.returncode, "%d: git does not read %r" % (i, text))
        else:
            # Some versions of git turn white space in values into spaces.
            assert_eq((ours.returncode, ours.stdout.translate(SPACES)), (0, theirs.stdout.translate(SPACES)), "%d: %r" % (i, text))


def ways(ctx, m, seed):
    here = ctx.make_dir(os.path.join(m.source, str(seed)))
    return ctx.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fs/ways.py"), os.path.join(m.top, str(seed)), here,
                    str(seed), "2500"], timeout=120)


@test(timeout=400)
def test_random_ways(ctx):
    """None of some thousand operations has git run something; without protection some soon have."""
    m = Mount(ctx, rules=["protect-git"])
    for seed in (1, 2, 3):
        code, out, err = ways(ctx, m, seed)
        assert_eq((code, err), (0, b""), "seed %d: %s" % (seed, out.decode()))
    m.close()
    code, out, err = ways(ctx, Mount(ctx, source=ctx.make_dir(os.path.join(ctx.dir, "open"))), 1)
    assert_eq((code, err), (1, b""), "without protection: %s" % out.decode())
