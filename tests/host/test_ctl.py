"""ccvmctl's commands, all of them, as `ccvmctl help --json` lists them: help, wrong usage, JSON."""

import fcntl
import json
import os

from harness import assert_eq, assert_in, assert_true, test

QUICK = 60
NO_IMAGE = {"CCVM_IMAGE": "/nonexistent"}
# Operands of commands that need a session: there is none of this name.
NAMED = {"send": ["nobody", "text"], "keys": ["nobody", "a"], "rename": ["nobody", "other"], "egress allow": ["nobody", "a.example"],
         "egress deny": ["nobody", "a.example"], "egress check": ["nobody", "a.example"], "rm": ["nobody"], "image rm": ["nobody"]}
SESSION = ("capture", "wait", "events", "logs", "stop", "restart", "egress log", "egress rules", "egress watch")
REQUIRED = {"wait": ["--until", "idle"]}
# Commands that print without a session, and what kind of value it is; the others are run with guests (boot.test_tui, test_template).
PRINTS = {"ls": list, "doctor": list, "image list": list, "config show": dict, "config table": dict, "help": dict, "egress check": dict}


def ctl(ctx, *args, **kw):
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), *args], timeout=QUICK, **kw)
    return code, out.decode(), err.decode()


def table(ctx):
    """Every row of the tables, the root and those with subcommands among them."""
    def rows(command):
        yield command
        for c in command["commands"]:
            yield from rows(c)
    code, out, err = ctl(ctx, "help", "--json")
    assert_eq((code, err), (0, ""), "ccvmctl help --json")
    every = list(rows(json.loads(out)))
    assert_true(len(every) > 30 and {"", "ls", "egress allow", "config table"} <= {c["path"] for c in every}, "few rows: %d" % len(every))
    return every


def words(command):
    return command["path"].split()


def swapped(word):
    """A near miss: the last two letters in each other's place, or one too many."""
    return word[:-2] + word[-1] + word[-2] if len(word) > 2 and word[-1] != word[-2] else word + word[-1]


@test()
def test_help(ctx):
    """--help, -h and `help` of every row print the same: usage, and all options."""
    for c in table(ctx):
        first = ctl(ctx, *words(c), "--help")
        assert_eq((first[0], first[2]), (0, ""), "ccvmctl %s --help" % c["path"])
        assert_eq(ctl(ctx, *words(c), "-h"), first, "ccvmctl %s -h" % c["path"])
        assert_eq(ctl(ctx, "help", *words(c)), first, "ccvmctl help %s" % c["path"])
        assert_eq(first[1].split("\n")[0].rstrip(), "usage: ccvmctl " + c["usage"], "usage of " + c["path"])
        for o in c["options"]:
            name = ("-%s, " % o["letter"] if o["letter"] else "") + "--" + o["name"] + (" " + o["argument"] if o["argument"] else "")
            assert_in(name, first[1], "options of " + c["path"])
            assert_in(o["help"], first[1], "options of " + c["path"])
        for sub in c["commands"]:
            assert_in("  %-9s %s\n" % (sub["name"], sub["help"]), first[1], "commands of " + c["path"])


@test()
def test_aliases(ctx):
    aliases = [(words(c)[:-1] + [c["alias"]], c) for c in table(ctx) if c["alias"]]
    assert_true(aliases, "no command has an alias")
    for alias, c in aliases:
        assert_eq(ctl(ctx, *alias, "--help"), ctl(ctx, *words(c), "--help"), "ccvmctl " + " ".join(alias))


def refused(ctx, *args, says):
    """Wrong usage is 2, on stderr, as text and as JSON."""
    code, out, err = ctl(ctx, *args)
    assert_eq((code, out), (2, ""), "exit code and stdout of ccvmctl " + " ".join(args))
    assert_in(says, err.split("\n")[0], "what ccvmctl %s says" % " ".join(args))
    assert_in("usage: ccvmctl", err, "usage of ccvmctl " + " ".join(args))
    code, out, err = ctl(ctx, "--json", *args)
    said = json.loads(err)
    assert_eq((code, out, list(said), said["code"]), (2, "", ["error", "remedy", "code"], 2), "with --json: " + " ".join(args))
    assert_in(says, said["error"], "the error")
    assert_in("usage: ccvmctl", said["remedy"], "the remedy")


@test()
def test_unknown_options(ctx):
    """An option that no row has; and each that a row has, mistyped or cut short: the right one is named."""
    for c in table(ctx):
        refused(ctx, *words(c), "--nothing-like-it", says="unknown option --nothing-like-it")
        refused(ctx, *words(c), "-Z", says="unknown option -Z")
    for c in [c for c in table(ctx) if not c["commands"]]:
        for o in c["options"]:
            wrong = swapped(o["name"])
            refused(ctx, *words(c), "--" + wrong, says="unknown option --%s, did you mean --%s?" % (wrong, o["name"]))
    refused(ctx, "ls", "--jso", says="unknown option --jso, did you mean --json?")
    refused(ctx, "ls", "--json=3", says="option --json takes no value")
    refused(ctx, "wait", "x", "--until", says="option --until needs a value: waiting|idle")
    refused(ctx, "wait", "x", "-u", says="option --until needs a value")


@test()
def test_unknown_commands(ctx):
    for c in table(ctx):
        if c["path"]:
            wrong = [*words(c)[:-1], swapped(c["name"])]
            for args in (wrong, ["help", *wrong]):
                refused(ctx, *args, says="unknown command %s, did you mean %s?" % (wrong[-1], c["name"]))
        if c["commands"]:
            refused(ctx, *words(c), "nothing-like-it", says="unknown command nothing-like-it")
            code, out, err = ctl(ctx, *words(c))
            assert_eq((code, out, err.split("\n")[0]), (2, "", "usage: ccvmctl " + c["usage"]), "ccvmctl %s alone" % c["path"])


@test()
def test_wrong_operands(ctx):
    for args, says in ((("ls", "x"), "unexpected argument x"), (("stop",), "needs a session"), (("stop", "--all", "x"), "--all takes no"),
                       (("rm",), "needs a dry run"), (("wait", "x"), "wait needs --until"), (("rename", "x"), "rename needs more: SESSION NAME"),
                       (("wait", "x", "--until", "happy"), "invalid state happy"), (("capture", "x", "--history", "-1"), "invalid number"),
                       (("wait", "x", "--until", "idle", "-t", "1x"), "invalid number of seconds 1x"), (("new", "prompt"), "follow --"),
                       (("egress", "allow", "x", "a.example", "--once", "--always"), "only one of"), (("config", "show", "x"), "unexpected")):
        refused(ctx, *args, says=says)


@test()
def test_json(ctx):
    """Every command that prints has --json. What it prints is JSON, and so is an error, which is all that stderr says."""
    for c in table(ctx):
        names = [o["name"] for o in c["options"]]
        assert_eq("json" in names, not c["commands"], "--json of " + c["path"])
        operands = NAMED.get(c["path"], ["nobody"] if c["path"] in SESSION else None)
        if operands is None:
            continue
        # Options stand anywhere but in text.
        for args in (["--json", *words(c), *REQUIRED.get(c["path"], []), *operands], [*words(c), *operands[:1], "-j", *operands[1:], *REQUIRED.get(c["path"], [])]):
            code, out, err = ctl(ctx, *args)
            said = json.loads(err)
            assert_eq((code, out, list(said), said["code"]), (1, "[]\n" if c["path"] in ("stop", "rm", "image rm") else "", ["error", "remedy", "code"], 1),
                      "ccvmctl " + " ".join(args))
            assert_in("nobody", said["error"], "the error")
            assert_true(said["remedy"] or c["path"] == "rm", "no remedy: %s" % said)
    for path, kind in PRINTS.items():
        code, out, err = ctl(ctx, *path.split(), *(["a.example"] if path == "egress check" else []), "--json")
        assert_true(code in (0, 1) and isinstance(json.loads(out), kind), "%s: %s %s" % (path, out, err))
    for path in ("new", "image info"):
        code, out, err = ctl(ctx, *path.split(), "--json", env=NO_IMAGE)
        assert_eq((code, out), (1, ""), path)
        assert_in("IMAGE names", json.loads(err.rstrip("\n").split("\n")[-1])["error"], path)


@test()
def test_full_disk(ctx):
    """What was printed and went nowhere is a failure."""
    for args in ("ls --json", "config table", "help"):
        command = "exec %s %s >/dev/full" % (os.path.join(ctx.bin, "ccvmctl"), args)
        code, _, err = ctx.run(["/bin/sh", "-c", command], timeout=QUICK)
        assert_eq(code, 1, "exit code of ccvmctl " + args)
        assert_in("write to stdout: No space left", err.decode(), "stderr of ccvmctl " + args)


@test()
def test_operands(ctx):
    """-- ends the options; what follows the first word of a text is text; POSIXLY_CORRECT changes nothing."""
    for args in (["keys", "nobody", "--json", "a"], ["keys", "--json", "--", "nobody", "a"], ["rename", "--json", "nobody", "--", "-x"],
                 ["send", "nobody", "--json", "ls", "-la", "--nothing"], ["send", "nobody", "--json", "--", "-la"]):
        code, out, err = ctl(ctx, *args, env={"POSIXLY_CORRECT": "1"})
        assert_eq((code, out), (1, ""), "ccvmctl " + " ".join(args))
        assert_eq(json.loads(err)["error"], "no such session: nobody", "ccvmctl " + " ".join(args))
    err = ctl(ctx, "send", "nobody", "ls", "-la", "--json")[2]
    assert_true(err.startswith("ccvmctl: error: no such session: nobody"), "the text's --json is none of ours: " + err)
    code, out, err = ctl(ctx, "stop", "--", "--json")
    assert_eq((code, out), (1, ""), "stop of a session with such a name")
    assert_in("no such session: --json", err, "stderr")


@test()
def test_image_build_knows_the_builder(ctx):
    """The builder's options stand in our table, too, with the same words."""
    script = os.path.join(os.path.dirname(ctx.bin), "share/ccvm/image/build.sh")
    code, out, _ = ctx.run([os.path.realpath(script), "--help"], timeout=QUICK)
    assert_eq(code, 0, "build.sh --help")
    theirs = [line.split()[0] for line in out.decode().split("\n") if line.startswith("  --")]
    ours = ["--" + o["name"] for c in table(ctx) if c["path"] == "image build" for o in c["options"]]
    assert_eq(sorted(ours), sorted(theirs + ["--json"]), "options")


@test()
def test_row_of_one_just_made(ctx):
    """A session whose directory is there and whose status is not: a row that scripts can read, without an age."""
    base = os.path.join(ctx.runtime, "ccvm")
    for path in (base, os.path.join(base, "babeli")):
        ctx.make_dir(path, 0o700)
    fd = os.open(os.path.join(base, "babeli"), os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        rows = json.loads(ctl(ctx, "ls", "--json")[1])
        assert_eq(rows, [{"id": "babeli", "name": "babeli", "state": "created", "spare": False}], "its row")
        code, out, err = ctl(ctx, "ls")
        assert_eq((code, err), (0, ""), "ccvmctl ls")
        assert_eq(out.split("\n")[1].split(), ["babeli", "created", "-", "-", "-", "babeli", "-"], "no age before it says when it began")
    finally:
        os.close(fd)
