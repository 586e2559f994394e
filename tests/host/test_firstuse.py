"""The first start without a guest image: when it asks, and what each answer does. tests/host/image.sh tests the builder."""

import os

from harness import assert_eq, assert_in, assert_not_in, assert_nothing_left, show, test
from tmux import Tmux

QUESTION = "Build it now"
FACTS = r"""#!/bin/sh
printf 'builder: %s\n' "$*"
printf 'key: %s%s%s\n' "${ANTHROPIC_API_KEY-none}" "${WORK_KEY-none}" "${MY_BANK-none}"
printf 'proxy: %s %s\n' "$https_proxy" "$npm_config_registry"
exit 1
"""


def start(ctx, **env):
    return Tmux(ctx, [os.path.join(ctx.bin, "ccvm"), "--version"], env={"CCVM_IMAGE": None, **env})


@test()
def test_scripts_are_not_asked(ctx):
    code, out, err = ctx.ccvm("--version", stdin=b"y\n", env={"CCVM_IMAGE": None}, timeout=30)
    assert_eq((code, out), (125, b""), "exit code, stdout (stderr: %s)" % show(err))
    assert_in(b"ccvmctl image build", err, "stderr")
    assert_not_in(QUESTION.encode(), err, "stderr")


@test()
def test_no(ctx):
    for answer in ("n", "nyet"):
        t = start(ctx)
        t.wait_for(QUESTION)
        t.send(answer)
        t.keys("Enter")
        assert_eq(t.exit_code(30), 125, "exit code after %s" % answer)
        assert_in("ccvmctl image build", t.screen(), "screen")
    assert_nothing_left(ctx)


@test()
def test_yes_builds(ctx):
    """The builder starts, with what it needs to know and without the key; here it fails at once, since its work folder is not there."""
    t = start(ctx, TMPDIR="/nonexistent")
    t.wait_for(QUESTION)
    t.keys("Enter")
    assert_eq(t.exit_code(60), 125, "exit code")
    assert_in("the work folder /nonexistent", t.screen(), "what the builder says")
    assert_in("no guest image was built", t.screen(), "what ccvm says")
    assert_nothing_left(ctx)


def installed_with_a_builder_that_tells(ctx):
    """A copy of the programs whose builder prints what it was given; the folder of the programs."""
    prefix = ctx.make_dir(os.path.join(ctx.dir, "prefix"))
    for name in ("ccvm", "ccvmctl"):
        with open(os.path.join(ctx.bin, name), "rb") as f:
            ctx.write(os.path.join(prefix, "bin", name), f.read(), 0o755)
    ctx.write(os.path.join(prefix, "share/ccvm/image/build.sh"), FACTS, 0o755)
    return os.path.join(prefix, "bin")


def environment(ctx):
    config = ctx.write(os.path.join(ctx.dir, "config.json"), '{"apiKeyVariable": "WORK_KEY"}')
    return {"CCVM_IMAGE": None, "CCVM_CONFIG": config, "ANTHROPIC_API_KEY": "not-a-key-1", "WORK_KEY": "not-a-key-2", "MY_BANK": "not-a-key-3",
            "https_proxy": "http://proxy.example", "npm_config_registry": "http://npm.example"}


@test()
def test_builder_has_no_key(ctx):
    """Neither claude's keys nor any other variable that it has no use for, through the first start."""
    t = Tmux(ctx, [os.path.join(installed_with_a_builder_that_tells(ctx), "ccvm")], env=environment(ctx))
    t.wait_for(QUESTION)
    t.send("y")
    t.keys("Enter")
    assert_eq(t.exit_code(60), 125, "exit code")
    assert_in("builder: --store %s" % os.path.join(ctx.cache, "ccvm/images"), t.screen().replace("\n", ""), "the builder's arguments")
    assert_in("key: nonenonenone", t.screen(), "the builder's environment")
    assert_in("proxy: http://proxy.example http://npm.example", t.screen(), "the builder's environment")
    assert_nothing_left(ctx)


@test()
def test_image_build_has_no_key(ctx):
    """The same for ccvmctl image build, into the cache and elsewhere."""
    program = os.path.join(installed_with_a_builder_that_tells(ctx), "ccvmctl")
    for more in ([], ["--out", os.path.join(ctx.dir, "out")]):
        code, out, err = ctx.run([program, "image", "build", *more], env=environment(ctx), timeout=30)
        assert_eq(code, 1, "exit code (%s)" % show(err))
        assert_in(b"key: nonenonenone\nproxy: http://proxy.example http://npm.example\n", out, "the builder's environment")
