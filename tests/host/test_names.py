"""Options, flags, commands and keys stand in one table each; help, manual, Nix module, README and completions say the same."""

import importlib.util
import json
import os
import re

from harness import assert_eq, assert_in, assert_true, test
from tmux import Tmux

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUICK = 60


def said(ctx, program, *args, **kw):
    code, out, err = ctx.run([os.path.join(ctx.bin, program), *args], timeout=QUICK, **kw)
    assert_eq((code, err), (0, b""), "%s %s: exit code and stderr" % (program, " ".join(args)))
    return out.decode()


def table(ctx):
    return json.loads(said(ctx, "ccvmctl", "config", "table"))


def read(path):
    with open(os.path.join(REPO, path), encoding="utf-8") as f:
        return f.read()


def page(name):
    """The source of a built manual page; names in it stand in macros, so they can be told from words of the text."""
    return read("build/share/man/man%s/%s" % (name[-1], name))


def flags(ctx):
    return [f["name"] for f in table(ctx)["flags"]]


def commands(ctx):
    return re.findall(r"^  ([a-z]+)\b", said(ctx, "ccvmctl", "--help"), re.M)


def leaves(ctx):
    """The rows of ccvmctl's tables that run something."""
    def below(command):
        for c in command["commands"]:
            yield from below(c) if c["commands"] else [c]
    return list(below(json.loads(said(ctx, "ccvmctl", "help", "--json"))))


@test()
def test_options(ctx):
    """Names, in the order of the table, and defaults and variables with them."""
    options = table(ctx)["options"]
    names = [o["name"] for o in options]
    assert_true(len(names) > 30 and "share.outputStyles" in names, "the table is short: %s" % names)
    helped = re.findall(r"^  ([a-z]\w*(?:\.\w+)*) +\S", said(ctx, "ccvm", "--ccvm-help"), re.M)
    assert_eq(sorted(helped), sorted(names), "names in --ccvm-help")
    assert_eq(re.findall(r"^\.It Cm (\S+)$", page("ccvm-config.5"), re.M), names, "names in ccvm-config(5)")
    assert_eq([o["name"] for o in json.loads(read("nix/options.json"))["options"]], names, "names in nix/options.json")
    assert_eq(re.findall(r"^\| `([\w.]+)` \| .* \| .* \| .* \| [\w -]+ \|$", read("README.md"), re.M), names, "names in README.md")
    shown = json.loads(said(ctx, "ccvmctl", "config", "show", "--json", env={"CCVM_IMAGE": "/nonexistent"}))  # an image has options of its own
    assert_eq(list(shown), names, "names in ccvmctl config show")
    for o in options:
        if o["name"] not in ("memory", "cores"):  # what the host has too little of is lowered
            assert_eq(shown[o["name"]]["value"], o["default"], "default of " + o["name"])
    variables = [o["variable"] for o in options if "variable" in o] + [v["name"] for v in table(ctx)["variables"]]
    assert_eq(sorted(re.findall(r"^\.Ev (CCVM_\w+)$|^\.It Ev (CCVM_\w+)$", page("ccvm-config.5"), re.M), key=str),
              sorted(((v, "") if any(o.get("variable") == v for o in options) else ("", v) for v in variables), key=str),
              "variables in ccvm-config(5)")


@test()
def test_readme_table(ctx):
    """Of all columns, by the script that writes it."""
    spec = importlib.util.spec_from_file_location("readme_options", os.path.join(REPO, "tools/readme_options.py"))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert_eq(read("README.md"), script.with_table(read("README.md"), table(ctx)), "README.md (tools/readme_options.py writes the table)")


@test()
def test_flags(ctx):
    own = flags(ctx)
    assert_eq(sorted(re.findall(r"^  (--[\w-]+) +\S", said(ctx, "ccvm", "--ccvm-help"), re.M)), sorted(own), "flags in --ccvm-help")
    assert_eq(sorted("--" + f for f in re.findall(r"^\.It Fl -(\S+)$", page("ccvm.1"), re.M)), sorted(own), "flags in ccvm(1)")
    assert_eq(sorted(bash(ctx, "ccvm", "--")), sorted(own), "flags that bash completes")
    assert_eq(sorted(fish(ctx, "ccvm --")), sorted(own), "flags that fish completes")
    for flag in own:
        assert_in("'%s|" % flag, read("build/share/completions/_ccvm"), "flags that zsh completes")


@test()
def test_commands(ctx):
    every = commands(ctx)
    assert_true(len(every) > 12 and "egress" in every, "the help names few commands: %s" % every)
    assert_eq(list(dict.fromkeys(re.findall(r'^\.Li "([a-z]+)', page("ccvmctl.1"), re.M))), every, "commands in ccvmctl(1)")
    assert_eq(re.findall(r'^\.Li "([a-z]+(?: [a-z]+)*)', page("ccvmctl.1"), re.M), [c["path"] for c in leaves(ctx)], "and those below")
    assert_eq(sorted(bash(ctx, "ccvmctl", "")), sorted(every), "commands that bash completes")
    assert_eq(sorted(bash(ctx, "ccvmctl", "-")), ["--help", "--version"], "options that bash completes")
    assert_eq(sorted(set(fish(ctx, "ccvmctl "))), sorted(every), "commands that fish completes")
    assert_eq(sorted(bash(ctx, "ccvmctl", "image", "")), ["build", "info", "list", "rm", "warm"], "bash: ccvmctl image")
    assert_eq(bash(ctx, "ccvmctl", "--json", "image", "i"), ["info"], "bash: ccvmctl --json image")
    assert_eq(bash(ctx, "ccvmctl", "wait", "x", "--un"), ["--until"], "bash: ccvmctl wait")
    assert_eq(sorted(bash(ctx, "ccvmctl", "wait", "x", "--until", "w")), ["waiting", "working"], "bash: values")
    assert_eq(sorted(fish(ctx, "ccvmctl wait x --until w")), ["waiting", "working"], "fish: values")
    assert_eq(bash(ctx, "ccvmctl", "new", "--", "--"), [], "bash, after --")
    assert_eq(sorted(fish(ctx, "ccvmctl config t")), ["table"], "fish: ccvmctl config")


@test()
def test_flags_of_commands(ctx):
    """Of each command of ccvmctl and each below; and ccvm-tui's own, which has no table."""
    wanted = {c["path"]: ["--" + o["name"] for o in c["options"]] for c in leaves(ctx)}
    assert_true(sum(map(len, wanted.values())) > 60, "few flags: %s" % wanted)
    items = re.split(r'^\.Li "', page("ccvmctl.1").split(".Sh COMMANDS")[1].split(".Ss Images")[0], flags=re.M)[1:]
    manual = {re.match(r"[a-z]+(?: [a-z]+)*", i).group(0): re.findall(r"^\.It (?:Fl . , )?Fl -([a-z-]+)", i, re.M) for i in items}
    zsh = read("build/share/completions/_ccvm")
    for command, names in wanted.items():
        assert_eq(["--" + n for n in manual[command]] + ["--help"], names, "ccvmctl(1): " + command)
        assert_eq(sorted(bash(ctx, "ccvmctl", *command.split(), "--")), sorted(names), "bash: ccvmctl %s" % command)
        for name in names:
            assert_in("'%s|o|%s|" % (command, name), zsh, "zsh: ccvmctl %s" % command)
    for command in ("ls", "wait", "egress allow"):  # fish takes its time
        assert_eq(sorted(set(fish(ctx, "ccvmctl %s --" % command))), sorted(wanted[command]), "fish: ccvmctl %s" % command)
    assert_eq(re.findall(r"^\.Op Fl -(\S+) \| -(\S+)", page("ccvm-tui.1"), re.M), [("help", "version")], "ccvm-tui(1)")
    assert_eq(sorted(fish(ctx, "ccvm-tui --")), ["--help", "--version"], "fish: ccvm-tui")
    assert_in("complete -W '--help --version' ccvm-tui", read("build/share/completions/ccvm.bash"), "bash: ccvm-tui")


@test()
def test_keys(ctx):
    keys = re.findall(r"^  (\S+) +\S", said(ctx, "ccvm-tui", "--help").split("Keys ")[1], re.M)
    assert_true(len(keys) > 15 and "Tab" in keys, "the help names few keys: %s" % keys)
    assert_eq(re.findall(r"^\.It Ic \\&(\S+)$", page("ccvm-tui.1"), re.M), keys, "keys in ccvm-tui(1)")


# -- completions, by the real shells -----------------------------------------------------------------------------------

BASH = r"""
source "$1"; shift
function_of=$(complete -p "$1" | sed 's/.*-F \([^ ]*\).*/\1/')
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"$function_of" "$1" "${@: -1}" "${@: -2:1}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def copy(ctx, name):
    """A completion file where the test's user can read it, wherever the checkout is."""
    return ctx.write(os.path.join(ctx.dir, name), read("build/share/completions/" + name))


def bash(ctx, *words, before=""):
    code, out, err = ctx.run(["bash", "--norc", "-c", before + BASH, "bash", copy(ctx, "ccvm.bash"), *words], timeout=QUICK)
    assert_eq((code, err), (0, b""), "bash: exit code and stderr")
    return [w for w in out.decode().split("\n") if w]


def fish(ctx, line, before=""):
    script = "source %s; %s; complete -C '%s'" % (copy(ctx, "ccvm.fish"), before, line)
    code, out, err = ctx.run(["fish", "--no-config", "-c", script], timeout=QUICK)
    assert_eq((code, err), (0, b""), "fish: exit code and stderr")
    words = [w.split("\t")[0] for w in out.decode().split("\n") if w]
    return [w for w in words if w.startswith(line.rsplit(" ", 1)[-1])]  # from 4.0 on it adds what has the letters elsewhere


SESSIONS = """ccvmctl() { [ "$*" = "ls --names" ] && printf '%s\\n' kabola 'api server' mirofe backend; }
"""


@test()
def test_sessions_by_name(ctx):
    """Ids and names, one with a space too, where a session is wanted."""
    assert_eq(sorted(bash(ctx, "ccvmctl", "stop", "", before=SESSIONS)), ["api\\ server", "backend", "kabola", "mirofe"], "bash")
    assert_eq(bash(ctx, "ccvmctl", "attach", "api\\ s", before=SESSIONS), ["api\\ server"], "bash, a name that was begun")
    assert_eq(bash(ctx, "ccvmctl", "wait", "ba", before=SESSIONS), ["backend"], "bash, another command")
    assert_eq(bash(ctx, "ccvmctl", "wait", "--until", "wo", before=SESSIONS), ["working"], "bash, an option's word")
    stand_in = "function ccvmctl; printf '%s\\n' kabola 'api server' mirofe backend; end"
    assert_eq(fish(ctx, "ccvmctl stop a", stand_in), ["api server"], "fish")


@test()
def test_claude_goes_through(ctx):
    """What completes claude completes ccvm; after -- nothing of ccvm's own is offered."""
    mine = "_of_claude() { COMPREPLY=(--resume --read-nothing \"word0=${COMP_WORDS[0]}\"); }; complete -F _of_claude claude\n"
    assert_eq(sorted(bash(ctx, "ccvm", "--re", before=mine)), ["--read-nothing", "--read-only-cwd", "--resume", "word0=claude"], "bash")
    assert_eq(bash(ctx, "ccvm", "--", "--re"), [], "bash, after --")
    assert_eq(sorted(fish(ctx, "ccvm --re", "complete -c claude -l resume")), ["--read-only-cwd", "--resume"], "fish")


@test()
def test_zsh(ctx):
    """In a real zsh: a command, a subcommand's word, a flag, and claude's own."""
    directory = ctx.make_dir(os.path.join(ctx.dir, "zfunc"))
    ctx.write(os.path.join(directory, "_ccvm"), read("build/share/completions/_ccvm"))
    ctx.write(os.path.join(directory, "_claude"), "#compdef claude\ncompadd -- --resume-from-$words[1]\n")
    ctx.write(os.path.join(ctx.home, ".zshrc"), "fpath=(%s $fpath)\nautoload -U compinit; compinit -u -D\nPS1='> '\n" % directory)
    t = Tmux(ctx, ["zsh", "-i"], cols=100, rows=24)
    for typed, wanted in (("ccvmctl eg", "ccvmctl egress"), ("ccvmctl config ta", "ccvmctl config table"),
                          ("ccvmctl egress allow --al", "ccvmctl egress allow --always"), ("ccvmctl wait --until wo", "ccvmctl wait --until working"), ("ccvm --read", "ccvm --read-only-cwd"),
                          ("ccvm --res", "ccvm --resume-from-claude"), ("ccvm-tui --v", "ccvm-tui --version")):
        t.wait_for("^> *$")
        t.send(typed)
        t.keys("Tab")
        t.wait_for("^> %s *$" % re.escape(wanted))
        t.keys("C-u")
    t.keys("C-d")
    t.exit_code(20)
