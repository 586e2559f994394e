"""The bench's own code: the table of figures, the choice of sections, a section that fails, what measures keys and processor time.
make bench itself is not run here: it takes long."""

import glob
import importlib
import itertools
import os
import subprocess
import sys
import types

from harness import REPO, assert_eq, assert_in, assert_match, assert_ne, assert_true, each, test, wait_until

QUICK = 180


def load(name):
    """A module of tests/bench; only in the test's own process, since its names are short."""
    path = os.path.join(REPO, "tests/bench")
    if path not in sys.path:
        sys.path.insert(0, path)
    return importlib.import_module(name)


def put(result, path, value):
    *folders, last = path.split(".")
    for name in folders:
        result = result.setdefault(name, {})
    result[last] = value


def result_with(figures, change):
    """A result in which each figure's value is the goal, changed: change(goal, +1 for better or -1 for worse)."""
    result = {}
    for _, (words, _, _), goal, places in figures.FIGURES:
        value = change(goal, -1 if words == "at most" else 1)
        for place in places:
            for path, number in zip((place,) if isinstance(place, str) else place, (value * 4, 4)):
                put(result, path, value if isinstance(place, str) else number)
    return result


@test(timeout=QUICK)
def test_figures(ctx):
    figures = load("figures")
    names = [name for name, *_ in figures.FIGURES]
    assert_eq(len(set(names)), len(names), "different names of %s" % names)

    def verdicts(result):
        return {f["met"] for f in figures.figures(result).values()}
    apart = [name for name in names if name not in ("version_template_s", "version_template_to_systemd_q35_ratio", "ready_template_to_cold_ratio")]

    def of(change):
        table = figures.figures(result_with(figures, change))
        return {table[n]["met"] for n in apart}
    assert_eq(of(lambda goal, better: goal), {True}, "values that are the goals")
    assert_eq(of(lambda goal, better: goal + 0.01 * better), {True}, "values that are better")
    assert_eq(of(lambda goal, better: goal - 0.01 * better), {False}, "values that are worse")
    assert_eq(verdicts({}), {None}, "a result of nothing")
    assert_eq(figures.figures({})["version_template_s"], {"value": None, "goal": "at most 1.5", "met": None}, "a figure of nothing")


@test(timeout=QUICK)
def test_figures_of_starts(ctx):
    """They share places, so each is looked at by itself; and the worst of several places counts."""
    figures = load("figures").figures

    def version(template, q35):
        return {"starts": {"version_s": {"template": {"median": template}}}, "systemd_q35": {"version_s": {"median": q35}}}
    good, bad = figures(version(1.5, 22.6)), figures(version(1.6, 22.6))
    assert_eq([good[n]["met"] for n in ("version_template_s", "version_template_to_systemd_q35_ratio")], [True, True], "1.5 s of 22.6 s")
    assert_eq([bad[n]["met"] for n in ("version_template_s", "version_template_to_systemd_q35_ratio")], [False, False], "1.6 s of 22.6 s")
    ready = {"starts": {"ready_s": {"template": {"median": 0.3}, "cold": {"median": 2.5}}}}
    assert_eq(figures(ready)["ready_template_to_cold_ratio"], {"value": 0.12, "goal": "at most 0.1", "met": False}, "0.3 s of 2.5 s")
    keys = {"keys": {"with_3_flooding": {"added": {"p99": 3}}, "with_3_shown": {"added": {"p99": 17}}}}
    assert_eq(figures(keys)["key_added_3_flooding_p99_ms"]["value"], 17, "the worse of two")
    net = {"egress": {"against_user_net": {"ratio_16000": 1.2, "ratio_16000_locked": 0.8}}}
    assert_eq(figures(net)["download_to_user_net_ratio"]["met"], False, "the worse of two, where more is better")


@test(timeout=QUICK)
def test_figures_are_made(ctx):
    """The names of the figures' places stand in the sources that make them."""
    bench, figures = load("bench"), load("figures")
    text = ""
    for path in glob.glob(os.path.join(REPO, "tests/bench/*.py")):
        if os.path.basename(path) != "figures.py":
            with open(path, encoding="utf-8") as f:
                text += f.read()
    for _, _, _, places in figures.FIGURES:
        for place in places:
            for path in (place,) if isinstance(place, str) else place:
                section, *names = path.split(".")
                assert_in(section, list(bench.SECTIONS), "sections")
                for name in names:
                    assert_true('"%s' % name.removeprefix("ratio_") in text or "_" + name.removeprefix("ratio_") in text,
                                "nothing makes %s of %s" % (name, path))


@test(timeout=QUICK)
def test_sections(ctx):
    bench = load("bench")
    with open(os.path.join(REPO, "docs/developing.md"), encoding="utf-8") as f:
        document = f.read()
    for name in bench.SECTIONS:
        assert_match(r"(?m)^  %s +\S" % name, bench.__doc__, "bench.py's own text")
        assert_match(r"(?m)^\| `%s` +\|" % name, document, "docs/developing.md")
    assert_eq(bench.wanted_sections(""), list(bench.SECTIONS), "all sections")
    assert_eq(bench.wanted_sections("egress,starts"), ["starts", "egress"], "two sections, in their order")
    done = subprocess.run([sys.executable, os.path.join(REPO, "tests/bench/bench.py")], env={"CCVM_BENCH_ONLY": "starts,nonsense", "PATH": os.environ["PATH"]},
                          capture_output=True, check=False)
    assert_eq((done.returncode, done.stdout), (2, b""), "code and stdout for a section that there is not")
    assert_in(b"no such section: nonsense", done.stderr, "stderr")


@test(timeout=QUICK)
def test_a_section_that_fails(ctx):
    """Its error is kept, what it started is ended, and the next one runs."""
    bench, started = load("bench"), []
    base = ctx.make_dir(os.path.join(ctx.dir, "base"))
    run = types.SimpleNamespace(user=ctx.user, bin=ctx.bin, hooked=None, image=None, base=base, ram=base, templates=base, cache=base)

    def bad(inner):
        started.append(inner.spawn(["sleep", "1000"], stdin=None))
        raise RuntimeError("broken on\npurpose")
    result = {"errors": {}, "section_seconds": {}}
    sections = {"bad": bad, "good": lambda inner: {"fine": True}}
    for number, name in enumerate(sections):
        bench.run_section(run, number, name, result, sections)
    assert_eq(result["errors"], {"bad": ["RuntimeError: broken on", "purpose"]}, "errors")
    assert_eq(result.get("good"), {"fine": True}, "the section after it")
    assert_true("bad" not in result, "no result of the section that failed")
    assert_true(started[0].code is not None, "what it started is ended")


# What comes at one terminal goes to both, by a pipe ($0 from the other, $1 to it).
ECHO_AT_BOTH = 'stty raw -echo; cat "$0" & printf ready-to-echo; exec %s'


def terminals(ctx, program='tee "$1"'):
    names = [os.path.join(ctx.tmp, n) for n in ("tui", "bare")]
    for name in names:
        os.mkfifo(name, 0o600)
        os.chown(name, ctx.uid, ctx.gid)
    ptys = [load("measure").Pty(ctx, ["sh", "-c", ECHO_AT_BOTH % program, *pair]) for pair in (names, names[::-1])]
    for p in ptys:
        p.wait_for(b"ready-to-echo")
    return dict(zip(("tui", "bare"), ptys))


@test(timeout=QUICK)
def test_keys_are_measured(ctx):
    keys = load("keys")
    lines = itertools.count()
    result = keys.in_turns(*terminals(ctx).values(), 40, lines)
    assert_eq({n: result[n]["n"] for n in ("tui", "bare")}, {"tui": 40, "bare": 40}, "keys of each way")
    assert_true(0 < result["tui"]["p50"] <= result["tui"]["p99"], "times of %s" % result)
    assert_eq(result["output_added"]["n"], 80, "echoes compared")
    assert_eq(next(lines), 3, "the line that comes next")


@test(timeout=QUICK)
def test_what_is_added(ctx):
    """2 ms of input; 1 ms of output, once 8; whatever the guest itself takes."""
    echoes = {"tui": [{"bare": (guest + 2) / 1000, "tui": (guest + 3) / 1000} for guest in range(10, 60)],
              "bare": [{"bare": guest / 1000, "tui": (guest + (8 if guest == 30 else 1)) / 1000} for guest in range(10, 60)]}
    result = load("keys").added(echoes)
    assert_eq((result["input_added"], result["output_added"]["p50"], result["output_added"]["p99"]), (2, 1, 8), "both parts")
    assert_eq(result["added"], {"p50": 3, "p99": 10}, "the sum")
    assert_eq((result["tui"]["p50"], result["bare"]["p50"]), (38, 35), "whole ways")


@test(timeout=QUICK)
def test_marks_differ(ctx):
    """No cell gets the character it has, also where one state follows another: it would not be drawn again."""
    keys, cells, lines = load("keys"), {}, itertools.count()
    for length in (keys.KEYS * 2,) * 3:
        for i in range(length):
            if i % keys.A_LINE == 0:
                line = next(lines)
            mark = keys.mark_of(line, i % keys.A_LINE)
            assert_ne(mark, cells.get(i % keys.A_LINE), "key %d of line %d" % (i, line))
            cells[i % keys.A_LINE] = mark


@test(timeout=QUICK)
def test_keys_without_an_echo(ctx):
    keys = load("keys")
    ways = terminals(ctx, "cat >/dev/null")
    keys.DEADLINE_S = 1
    try:
        keys.echoes_s("tui", ways, b"#")
    except AssertionError as e:
        assert_match("no echo of a key", str(e), "error")
    else:
        raise AssertionError("an echo was seen where there is none")


@test(timeout=QUICK)
def test_processor_time(ctx):
    """Busy and idle programs are distinguished."""
    cpu_seconds = load("measure").cpu_seconds
    busy, idle = ctx.spawn(["sh", "-c", "while :; do :; done"], stdin=None), ctx.spawn(["sleep", "100"], stdin=None)
    wait_until(lambda: cpu_seconds([busy.pid]) >= 0.2, 30, "processor time of a busy program")
    assert_true(cpu_seconds([idle.pid]) < 0.1, "an idle one has not: %g s" % cpu_seconds([idle.pid]))


@each({"dense": b"The quick brown fox\r\n" * 2000, "colour": b"\x1b[31mword\x1b[0m " * 2000})
@test(timeout=QUICK)
def test_pane_rates(ctx, data):
    """With the real ccvm-term and tmux, of little text."""
    pane = load("pane")
    pane.INPUTS = {"some": data}
    rates = pane.rates(ctx, 1)["some"]
    for who in ("ccvm_term", "tmux"):
        assert_true(rates[who]["mb_s"] > 0 and rates[who]["mb_per_cpu_s"] > 0, "rates of %s: %s" % (who, rates))
    assert_true(rates["ratio"] > 0 and rates["cpu_ratio"] > 0, "ratios of %s" % rates)
