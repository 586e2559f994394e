"""Paths that an agent could have replaced. Dry runs: what opens these files does so before a guest starts."""

import os

from harness import assert_eq, assert_in, assert_not_in, assert_nothing_left, each, show

POLICY = 126


def dry(ctx, cwd=None, **env):
    return ctx.ccvm(env={"CCVM_DRYRUN": "1", **env}, cwd=cwd or ctx.workspace, timeout=60)


def refused(ctx, what, cwd=None, **env):
    code, out, err = dry(ctx, cwd, **env)
    assert_eq((code, out), (POLICY, b""), "code and stdout (stderr: %s)" % show(err))
    assert_in(what, err.decode(), "stderr")
    assert_nothing_left(ctx)


def as_user(ctx, path, target):
    """The agent's link: on the host it belongs to the user."""
    os.symlink(target, path)
    os.lchown(path, ctx.user.uid, ctx.user.gid)


def remove_dry(ctx, out):
    ctx.run([os.path.join(ctx.bin, "ccvmctl"), "rm", os.path.basename(out.decode().strip())], timeout=60)


# -- what is written --------------------------------------------------------------------------------------------------

def test_events_through_a_link(ctx):
    """The README's old example: the second session of the same command line wrote to ~/.bashrc."""
    bashrc = os.path.join(ctx.home, ".bashrc")
    ctx.write(bashrc, "# mine\n")
    as_user(ctx, os.path.join(ctx.workspace, "events.jsonl"), os.path.relpath(bashrc, ctx.workspace))
    refused(ctx, "is in the project", CCVM_EVENTS="events.jsonl")
    refused(ctx, "symbolic link", cwd=ctx.make_dir(os.path.join(ctx.workspace, "sub")), CCVM_EVENTS="../events.jsonl")
    assert_eq(open(bashrc, encoding="ascii").read(), "# mine\n", "~/.bashrc")


def in_project(ctx, elsewhere):
    return "logs/e.jsonl"


def absolute_in_project(ctx, elsewhere):
    return os.path.join(ctx.workspace, "e.jsonl")


def by_dots(ctx, elsewhere):
    return "../%s/logs/e.jsonl" % os.path.basename(ctx.workspace)


def through_directory(ctx, elsewhere):
    as_user(ctx, os.path.join(elsewhere, "dir"), os.path.join(ctx.home, ".config"))
    return os.path.join(elsewhere, "dir", "e.jsonl")


def dangling(ctx, elsewhere):
    as_user(ctx, os.path.join(elsewhere, "dangling"), os.path.join(ctx.home, "autostart"))
    return os.path.join(elsewhere, "dangling")


def hard_link(ctx, elsewhere):
    ctx.write(os.path.join(elsewhere, "one"), "")
    os.link(os.path.join(elsewhere, "one"), os.path.join(elsewhere, "two"))
    return os.path.join(elsewhere, "two")


def fifo(ctx, elsewhere):
    path = os.path.join(elsewhere, "fifo")
    os.mkfifo(path)
    os.chown(path, ctx.user.uid, ctx.user.gid)
    return path


def kernels_link(ctx, elsewhere):
    return "/proc/self/cwd/e.jsonl"


@each({"in the project": (in_project, "is in the project"), "by its absolute path": (absolute_in_project, "is in the project"),
       "by dots": (by_dots, "is in the project"), "through a linked directory": (through_directory, "symbolic link"),
       "a link to nothing": (dangling, "symbolic link"), "a hard link": (hard_link, "more than one name"),
       "a FIFO": (fifo, "CCVM_EVENTS"), "a link of the kernel's": (kernels_link, "CCVM_EVENTS")})
def test_events_refused(ctx, entry):
    make, what = entry
    elsewhere = ctx.make_dir(os.path.join(ctx.home, "elsewhere"))
    ctx.make_dir(os.path.join(ctx.workspace, "logs"))
    ctx.make_dir(os.path.join(ctx.home, ".config"))
    refused(ctx, what, CCVM_EVENTS=make(ctx, elsewhere))
    assert_eq(os.listdir(os.path.join(ctx.home, ".config")), [], "what was made behind the link")
    assert_eq(os.path.exists(os.path.join(ctx.home, "autostart")), False, "what was made behind the link")


def test_events_elsewhere(ctx):
    """What everybody may use goes on working: a file, the same file again, an fd by its number and by its name."""
    path = os.path.join(ctx.home, "e.jsonl")
    for _ in range(2):
        code, out, err = dry(ctx, CCVM_EVENTS=path)
        assert_eq(code, 0, "code (stderr: %s)" % show(err))
        remove_dry(ctx, out)
    assert_eq(open(path, encoding="utf-8").read().count('"state":"ended"'), 2, "ends in the file")
    code, out, err = dry(ctx, CCVM_EVENTS="/dev/fd/2")
    assert_eq(code, 0, "code (stderr: %s)" % show(err))
    remove_dry(ctx, out)
    assert_in('"state":"ended"', err.decode(), "events on stderr")


# -- what is run ------------------------------------------------------------------------------------------------------

def test_programs_of_the_project(ctx):
    """An activated virtual environment, npm run and direnv put directories of the project into PATH. What the agent leaves there by the
    name of git, a clipboard tool or QEMU is not run on the host."""
    mark = os.path.join(ctx.tmp, "ran")
    for name in ("git", "xclip", "wl-paste", "qemu-system-x86_64", "npm", "mmdebstrap"):
        ctx.write(os.path.join(ctx.workspace, ".venv/bin", name), "#!/bin/sh\necho %s >>%s\n" % (name, mark), 0o755)
    ctx.write(os.path.join(ctx.home, ".gitconfig"), "[user]\n\tname = Harmless\n")
    path = "%s/.venv/bin:%s:/usr/local/bin:/usr/bin:/bin" % (ctx.workspace, ctx.bin)
    code, out, err = dry(ctx, PATH=path)
    assert_eq(code, 0, "code (stderr: %s)" % show(err))
    assert_in("Harmless", open(os.path.join(out.decode().strip(), "seed/gitconfig"), encoding="utf-8").read(), "what the real git read")
    remove_dry(ctx, out)
    ctx.run([os.path.join(ctx.bin, "ccvmctl"), "doctor"], cwd=ctx.workspace, env={"PATH": path}, timeout=120)
    assert_eq(os.path.exists(mark), False, "programs of the project that were run")


# -- what is read -----------------------------------------------------------------------------------------------------

def test_context_through_a_link(ctx):
    """CCVM_CLAUDE_MD's text goes into the guest."""
    ctx.write(os.path.join(ctx.home, "key"), "PRIVATE-CedarHeron\n")
    as_user(ctx, os.path.join(ctx.workspace, "notes.md"), os.path.join(ctx.home, "key"))
    as_user(ctx, os.path.join(ctx.workspace, "docs"), ctx.home)
    for name in ("notes.md", "docs/key"):
        refused(ctx, "symbolic link", CCVM_CLAUDE_MD=name)
    ctx.write(os.path.join(ctx.workspace, "plain.md"), "plain\n")
    code, out, err = dry(ctx, CCVM_CLAUDE_MD="plain.md")
    assert_eq(code, 0, "code (stderr: %s)" % show(err))
    remove_dry(ctx, out)


def test_config_in_the_project(ctx):
    """The agent could lower what holds the next session."""
    ctx.write(os.path.join(ctx.workspace, "ccvm.json"), "{}")
    for name in ("ccvm.json", os.path.join(ctx.workspace, "ccvm.json")):
        refused(ctx, "ccvm's configuration", CCVM_CONFIG=name)
    ctx.write(os.path.join(ctx.home, "own.json"), "{}")
    as_user(ctx, os.path.join(ctx.home, "link.json"), "own.json")
    refused(ctx, "symbolic link", CCVM_CONFIG=os.path.join(ctx.home, "link.json"))
    code, out, err = dry(ctx, CCVM_CONFIG=os.path.join(ctx.home, "own.json"))
    assert_eq(code, 0, "code (stderr: %s)" % show(err))
    remove_dry(ctx, out)


def test_usual_config_may_be_a_link(ctx):
    ctx.write(os.path.join(ctx.home, "dotfiles/ccvm.json"), '{"memory": 1234}')
    ctx.write(os.path.join(ctx.home, ".config/ccvm/other"), "")
    as_user(ctx, os.path.join(ctx.home, ".config/ccvm/config.json"), "../../dotfiles/ccvm.json")
    code, out, err = dry(ctx)
    assert_eq(code, 0, "code (stderr: %s)" % show(err))
    assert_in('"memory_mib":1234,', open(os.path.join(out.decode().strip(), "status.json"), encoding="utf-8").read(), "the option")
    remove_dry(ctx, out)
    refused(ctx, "ccvm's configuration", cwd=os.path.join(ctx.home, "dotfiles"))


# -- the workspace ----------------------------------------------------------------------------------------------------

@each({"the cache": ".cache", "ccvm's cache": ".cache/ccvm", "the configuration": ".config", "SSH keys": ".ssh", "the home": "",
       "claude's directory": ".claude"})
def test_workspaces_that_hold_the_users(ctx, name):
    """Also with the login elsewhere."""
    elsewhere = ctx.make_dir(os.path.join(ctx.dir, "login"))
    ctx.write(os.path.join(elsewhere, ".credentials.json"), "{}")
    path = os.path.join(ctx.home, name)
    ctx.write(os.path.join(path, "something"), "")
    code, out, err = dry(ctx, path, CLAUDE_CONFIG_DIR=elsewhere, XDG_CACHE_HOME=None)
    assert_eq((code, out), (POLICY, b""), "code and stdout (stderr: %s)" % show(err))
    assert_in("which must not reach a guest", err.decode(), "stderr")
    assert_not_in("cannot", err.decode(), "stderr")
    assert_nothing_left(ctx)
