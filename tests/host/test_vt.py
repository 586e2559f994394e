"""Conformance: what ccvm-term makes of each of vtcases' sequences beside what tmux makes of it: text, attributes, cursor."""

import os
import re
import struct
import subprocess

import termwire
import viewgrid
import vtcases
from harness import assert_eq, assert_true, test, wait_until
from tmux import Tmux

COLS, ROWS, BATCH = 20, 6, 15
# Waits until tmux has taken all of it: it answers in order. Then it stays, so that the screen does too.
FEED = r'stty raw -echo; cat "$0"; printf "\033[6n"; read -rsd R _; : > "$0.done"; exec sleep 1000'


def data(case):
    return case[1] if isinstance(case[1], bytes) else case[1].encode()


class Screen:
    def __init__(self, cells, cursor, modes):
        self.cells, self.cursor, self.modes = cells, (cursor[0], min(cursor[1], COLS - 1)), modes

    def __eq__(self, other):
        return (self.cells, self.cursor, self.modes) == (other.cells, other.cursor, other.modes)

    def __str__(self):
        return "%r cursor %d,%d %s %s" % (viewgrid.text(self.cells), *self.cursor, "+".join(sorted(self.modes)),
                                          viewgrid.styles(self.cells))


def ours(t, pieces):
    t.send("w", struct.pack("<HH", COLS, ROWS))
    for piece in pieces:
        t.send("o", piece)
    f = viewgrid.Frame(t.pull())
    return Screen(f.cells, f.cursor, f.modes)


def ccvm_screens(ctx, inputs):
    screens = []
    for pieces in inputs:
        t = termwire.Term(os.path.join(ctx.bin, "..", "libexec", "ccvm", "ccvm-term"), **ctx.user.ids())
        t.next_worker()
        screens.append(ours(t, pieces))
        t.close()
    return screens


def tmux_screens(ctx, cases):
    folder = ctx.make_dir(os.path.join(ctx.dir, "vt"), 0o700)
    t = Tmux(ctx, ["sleep", "1000"], cols=COLS, rows=ROWS)
    files = [ctx.write(os.path.join(folder, str(i)), data(case)) for i, case in enumerate(cases)]
    t.tmux("set", "-g", "base-index", "1")
    screens = []
    for at in range(0, len(cases), BATCH):
        numbers = range(at, min(at + BATCH, len(cases)))
        t.tmux(*[w for i in numbers for w in ("new-window", "-d", "-n", "w%d" % i, "bash", "-c", FEED, files[i], ";")][:-1])
        wait_until(lambda n=numbers: all(os.path.exists(files[i] + ".done") for i in n), 120, "tmux to take it")
        screens += [tmux_screen(t, i) for i in numbers]
        t.tmux(*[w for i in numbers for w in ("kill-window", "-t", "w%d" % i, ";")][:-1])
    t.close()
    return screens


def tmux_version():
    """(3, 5) for 3.5a."""
    out = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.search(r"(\d+)\.(\d+)", out).groups()))


def tmux_screen(t, i):
    target = ":w%d" % i
    head, _, rest = t.tmux("display-message", "-p", "-t", target, "#{cursor_y} #{cursor_x} #{cursor_flag} #{alternate_on}", ";",
                           "capture-pane", "-e", "-p", "-N", "-t", target).partition("\n")
    row, col, cursor, alternate = map(int, head.split())
    modes = {name for name, on in (("cursor", cursor), ("alternate", alternate)) if on}
    return Screen(viewgrid.Captured(rest, COLS, ROWS).cells, (row, col), modes)


@test(timeout=600)
def test_beside_tmux(ctx):
    cases = vtcases.CASES
    assert_true(len(cases) >= 120, "%d cases" % len(cases))
    assert_eq(len({c[0] for c in cases}), len(cases), "names")
    version = tmux_version()
    wrong = []
    for case, mine, theirs in zip(cases, ccvm_screens(ctx, [[data(c)] for c in cases]), tmux_screens(ctx, cases)):
        if (mine != theirs) != vtcases.differs(case, version):
            wrong.append("%s\n  %s\n  ccvm %s\n  tmux %s" % (
                case[0], "listed as different but is the same" if mine == theirs else repr(data(case)), mine, theirs))
    assert_true(not wrong, "%d of %d cases:\n%s" % (len(wrong), len(cases), "\n".join(wrong)))


@test(timeout=600)
def test_cut_anywhere(ctx):
    """A sequence that comes byte by byte does what it does in one piece."""
    cases = vtcases.CASES
    whole = ccvm_screens(ctx, [[data(c)] for c in cases])
    cut = ccvm_screens(ctx, [[data(c)[i:i + 1] for i in range(len(data(c)))] for c in cases])
    wrong = ["%s\n  %r\n  whole %s\n  cut   %s" % (c[0], data(c), a, b) for c, a, b in zip(cases, whole, cut)
             if (a != b) != (c[0] in vtcases.CUT_DIFFERS)]
    assert_true(not wrong, "%d of %d cases:\n%s" % (len(wrong), len(cases), "\n".join(wrong)))
