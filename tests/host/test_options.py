"""Options end to end, without a guest: the image's say, and what is checked before QEMU starts."""

import json
import os

from harness import assert_eq, assert_in, assert_nothing_left, each, show
from procs import read

QUICK = 20


def image_with(ctx, built_in=None, options=None):
    """An image of links to the real one's files, whose manifest has other build options."""
    path = os.path.join(ctx.dir, "image")
    if not os.path.isdir(path):
        ctx.make_dir(path)
        for name in os.listdir(ctx.image):
            if name != "manifest.json":
                os.symlink(os.path.join(ctx.image, name), os.path.join(path, name))
    with open(os.path.join(ctx.image, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    manifest["built_in"].update(built_in or {})
    manifest["options"] = options or {}
    ctx.write(os.path.join(path, "manifest.json"), json.dumps(manifest))
    return path


def seed_of(ctx, *args, **env):
    """({what a dry run left of mode and agent-sudo}, its stderr)."""
    code, out, err = ctx.ccvm(*args, env={"CCVM_DRYRUN": "1", **env}, timeout=QUICK)
    assert_eq(code, 0, "exit code (stderr: %s)" % show(err))
    run = out.decode().removesuffix("\n")
    found = {"mode": json.loads(read(os.path.join(run, "status.json")))["mode"], "agent-sudo": read(os.path.join(run, "seed", "agent-sudo"))}
    ctx.run([os.path.join(ctx.bin, "ccvmctl"), "rm", "--all"])
    return found, err.decode()


def config_show(ctx, **env):
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "config", "show", "--json"], env=env, timeout=QUICK)
    assert_eq(code, 0, "exit code of ccvmctl config show (stderr: %s)" % show(err))
    return json.loads(out)


# -- the image --------------------------------------------------------------------------------------------------------

def test_precedence(ctx):
    """Each later line adds a stronger source that says the opposite."""
    image = image_with(ctx, options={"writableCwd": False})
    config = os.path.join(ctx.home, ".config/ccvm/config.json")
    assert_eq(seed_of(ctx)[0]["mode"], "rw", "mode by default")
    env = {"CCVM_IMAGE": image}
    assert_eq(seed_of(ctx, **env)[0]["mode"], "overlay", "mode by the image")
    assert_eq(config_show(ctx, **env)["writableCwd"], {"value": False, "source": "image"}, "ccvmctl config show")
    ctx.write(config, '{"writableCwd": true}')
    assert_eq(seed_of(ctx, **env)[0]["mode"], "rw", "mode by the file")
    env["CCVM_WRITABLE_CWD"] = "0"
    assert_eq(seed_of(ctx, **env)[0]["mode"], "overlay", "mode by the variable")
    assert_eq(seed_of(ctx, "--writable-cwd", **env)[0]["mode"], "rw", "mode by the flag")
    assert_nothing_left(ctx)


def test_image_without_sudo(ctx):
    image = image_with(ctx, built_in={"agent_sudo": False})
    assert_eq(seed_of(ctx)[0]["agent-sudo"], b"1", "agent-sudo with an image that has it")
    for env, note in (({}, ""), ({"CCVM_AGENT_SUDO": "1"}, "agentSudo stays off: the image was built without it")):
        seed, err = seed_of(ctx, CCVM_IMAGE=image, **env)
        assert_eq(seed["agent-sudo"], b"0", "agent-sudo with %s" % env)
        assert_in(note, err, "stderr")
    shown = config_show(ctx, CCVM_IMAGE=image_with(ctx, built_in={"clipboard": False, "nix": True}))
    assert_eq((shown["clipboard.images"], shown["nix.enable"], shown["agentSudo"]["source"]),
              ({"value": False, "source": "image"}, {"value": True, "source": "image"}, "default"), "ccvmctl config show")


def test_image_with_a_bad_option(ctx):
    image = image_with(ctx, options={"memory": "much"})
    code, out, err = ctx.ccvm(env={"CCVM_IMAGE": image}, timeout=QUICK)
    assert_eq((code, out), (126, b""), "code and stdout (stderr: %s)" % show(err))
    for part in ("image: options of the image: memory: ", "ccvmctl image build"):
        assert_in(part, err.decode(), "stderr")
    assert_nothing_left(ctx)


# -- lockGuestMemory --------------------------------------------------------------------------------------------------

@each({"small limit": ("8388608", "8192 KiB"), "no limit to speak of": ("0", "0 KiB")})
def test_too_little_memory_may_be_locked(ctx, entry):
    """Refused before QEMU starts, which would only say `mlock failed`."""
    limit, shown = entry
    code, out, err = ctx.run(["prlimit", "--memlock=%s" % limit, os.path.join(ctx.bin, "ccvm"), "--version"],
                             env={"CCVM_MLOCK": "1", "CCVM_MEMORY": "1024", "CCVM_QEMU": "/nonexistent"}, timeout=QUICK)
    assert_eq((code, out), (126, b""), "code and stdout (stderr: %s)" % show(err))
    for part in ("lockGuestMemory", "1024 MiB", "RLIMIT_MEMLOCK is " + shown, "/etc/security/limits.d", "LimitMEMLOCK="):
        assert_in(part, err.decode(), "stderr")
    assert_nothing_left(ctx)


# -- persistClaudeProjects --------------------------------------------------------------------------------------------

@each({"a file": (lambda path, home: os.mknod(path, 0o755), "/projects: open it: Not a directory"),
       "a link to the login's folder": (lambda path, home: os.symlink(".", path), "holds your Claude login"),
       "a link to the home": (lambda path, home: os.symlink(home, path), "holds your Claude login"),
       "a link to nothing": (lambda path, home: os.symlink("/nonexistent", path), "persistClaudeProjects: use ")})
def test_projects_folder(ctx, entry):
    """What would be shared read-write with the guest is looked at first; a link may lead anywhere."""
    make, part = entry
    ctx.write(os.path.join(ctx.home, ".claude/.credentials.json"), "{}")
    make(os.path.join(ctx.home, ".claude/projects"), ctx.home)
    code, out, err = ctx.ccvm(env={"CCVM_PERSIST_PROJECTS": "1", "CCVM_DRYRUN": "1"}, timeout=QUICK)
    assert_eq((code, out), (126, b""), "code and stdout (stderr: %s)" % show(err))
    for text in (part, "set persistClaudeProjects to false"):
        assert_in(text, err.decode(), "stderr")
    assert_nothing_left(ctx)
