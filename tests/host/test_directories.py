"""Options extraDirs, privateDirs, protect and hide as far as no guest is needed: what is refused, and what a guest is told."""

import json
import os

from harness import assert_eq, assert_in, assert_true

NEITHER = {"CCVM_DRYRUN": "1", "CCVM_IMAGE": "/nonexistent", "CCVM_QEMU": "/nonexistent"}


def configure(ctx, **options):
    ctx.write(os.path.join(ctx.home, ".config/ccvm/config.json"), json.dumps(options))


def start(ctx, *args):
    return ctx.ccvm(*args, env=NEITHER, timeout=20)


def refused(ctx, text, **options):
    configure(ctx, **options)
    code, out, err = start(ctx)
    assert_eq((code, out), (126, b""), "%s: %s" % (options, err))
    assert_in(text, err.decode(), str(options))


def seed(ctx, *args, **options):
    configure(ctx, **options)
    code, out, err = start(ctx, *args)
    assert_eq(code, 0, "exit code: %s" % err)
    directory = os.path.join(out.decode().removesuffix("\n"), "seed")

    def read(name):
        path = os.path.join(directory, name)
        return open(path, encoding="utf-8").read() if os.path.exists(path) else None
    return read


def test_extra_directories_are_judged(ctx):
    a = ctx.make_dir(os.path.join(ctx.dir, "a"))
    below = ctx.make_dir(os.path.join(a, "below"))
    os.symlink(a, os.path.join(ctx.dir, "link"))
    ctx.make_dir(os.path.join(ctx.home, ".ssh"))
    for path, text in ((ctx.home, "your"), ("/", "/"), ("/etc", "/etc"), (os.path.join(ctx.home, ".ssh"), "your SSH keys"),
                       (ctx.workspace, "share files"), (os.path.dirname(ctx.workspace), ""),
                       ("/nonexistent", "No such file"), ("relative", "invalid directory"), (a + "\n", "invalid directory")):
        refused(ctx, text, extraDirs=[path])
    for two in ([a, below], [below, a + ":rw"], [a, os.path.join(ctx.dir, "link")]):
        refused(ctx, "share files", extraDirs=two)
    refused(ctx, "more than 8", extraDirs=["/nonexistent%d" % i for i in range(9)])


def test_what_a_guest_is_told(ctx):
    a, b = ctx.make_dir(os.path.join(ctx.dir, "a")), ctx.make_dir(os.path.join(ctx.dir, "b c"))
    read = seed(ctx, extraDirs=[a, b + ":rw"], privateDirs=["./node_modules/", "a//target"], hide=[".env*"], protect=["git", "./Makefile"])
    assert_eq((read("extra-dirs"), read("private-dirs")), ("ro %s\nrw %s\n" % (a, b), "node_modules\na/target\n"), "the seed")
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "ls", "--json"])
    listed = json.loads(out)[0]
    assert_eq((listed["extra_dirs"], listed["private_dirs"], listed["hide"], listed["protect"]),
              ([a + ":ro", b + ":rw"], ["node_modules", "a/target"], [".env*"], ["git", "./Makefile"]), "ccvmctl ls --json")
    for text in ("git hooks of the project", "Read-only in the project: ./Makefile.", "Hidden from this machine in the project: .env*.",
                 "ro %s\nrw %s\n" % (a, b), "node_modules, a/target."):
        assert_in(text, read("claude-md"), "context")
    # Overlay mode: nothing on the host changes, so there is nothing to protect.
    read = seed(ctx, "--read-only-cwd", extraDirs=[a + ":rw"], protect=["git"])
    assert_eq(read("extra-dirs"), "ro %s\n" % a, "an extra directory in overlay mode")
    assert_true("git hooks" not in read("claude-md"), "context in overlay mode")
    read = seed(ctx, protect=[])
    assert_eq((read("extra-dirs"), read("private-dirs"), "git hooks" in read("claude-md")), (None, None, False), "nothing of it when unused")


def test_entries_are_checked(ctx):
    for option in ("protect", "hide", "privateDirs"):
        for entry in ("", ".", "/etc", "../x", "a/../../b", "a\tb"):
            refused(ctx, "config.json", **{option: [entry]})
    refused(ctx, "more than 32", privateDirs=["d%d" % i for i in range(33)])
