"""From a key to its echo, with a real guest: through ccvm-tui, and through the same session's bare SSH channel.

A guest's terminal echoes (no program does), ccvm-tui shows its pane, and `ccvmctl attach`, which passes bytes as ssh would, is
attached to the same session. Keys are typed into one and the other in turns; a key counts from the write to our end of the
program's terminal to the byte read there. Both cross the same SSH channel, so the difference of the percentiles is what
ccvm-tui and ccvm-term add.

  alone            no other session
  with_3_flooding  three more sessions run `yes`, beside it in the list
  with_3_shown     the same, and all four are on the screen
"""

import itertools
import os
import random
import select
import time

from harness import assert_eq
from measure import Pty, note, percentiles

KEYS = 500          # of each kind, through each way
MARKS = b"#$^~&+"   # characters that neither ccvm-tui's own texts nor sequences of a terminal hold
DEADLINE_S = 30
A_LINE = 32         # keys, then back to the line's start: nothing wraps or scrolls
ECHO = "stty sane -icanon -isig -icrnl -echoctl; printf 'ready%s\\n' -to-echo; exec cat >/dev/null"


def ctl(ctx, *args):
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), *args], timeout=240)
    assert_eq(code, 0, "ccvmctl %s: %r" % (args[0], err))
    return out


def echo_s(way, other, mark):
    """Seconds from the key to its echo; what comes at the other terminal meanwhile is read and forgotten."""
    begin = time.monotonic()
    way.write(mark)
    while time.monotonic() - begin < DEADLINE_S:
        for p in select.select([way, other], [], [], DEADLINE_S)[0]:
            data = p.read()
            if p is way and mark in data:
                return time.monotonic() - begin
            assert data, "a terminal's program has ended: %r" % p.seen[-500:]
    raise AssertionError("no echo of a key within %d s; the end of what came: %r" % (DEADLINE_S, way.seen[-500:]))


def rest(ways, seconds):
    """A pause in which both terminals are read: the next key finds them idle, as from a fast typist."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for p in select.select(ways, [], [], left)[0]:
            p.read()


def mark_of(line, column):
    """Another one than the cell has from the lines before, on which this one is typed: ccvm-tui would not draw it again."""
    return MARKS[(line + column) % len(MARKS):][:1]


def in_turns(tui, bare, keys, lines):
    """What both took, and by how much. lines counts on from one call to the next."""
    times, ways = {"tui": [], "bare": []}, {"tui": (tui, bare), "bare": (bare, tui)}
    rng = random.Random(1)
    for i in range(2 * keys):
        name = ("tui", "bare")[i % 2]
        if i % A_LINE == 0:
            line = next(lines)
            bare.write(b"\r")
        rest((tui, bare), rng.uniform(0.03, 0.05))
        times[name].append(echo_s(*ways[name], mark_of(line, i % A_LINE)))
    result = {name: percentiles(values) for name, values in times.items()}
    result["added"] = {p: round(result["tui"][p] - result["bare"][p], 2) for p in ("p50", "p99")}
    return result


def run(ctx, keys=KEYS):
    """{state: {"tui": …, "bare": …, "added": …}}, all in milliseconds."""
    note("keys: a session that echoes")
    ctl(ctx, "new", "--shell", "--name", "echo", "--wait", "--", "-c", ECHO)
    tui = Pty(ctx, [os.path.join(ctx.bin, "ccvm-tui")], env={"CCVM_TUI_THEME": "mono"}, cols=120, rows=36)
    tui.wait_for(b"ready-to-echo")
    tui.write(b"\r")
    bare = Pty(ctx, [os.path.join(ctx.bin, "ccvmctl"), "attach", "echo"], cols=40, rows=20)  # smaller than the pane, which shows all of it then
    bare.wait_for(b"ready-to-echo")
    rest((tui, bare), 2)
    lines = itertools.count()
    note("keys: alone")
    result = {"alone": in_turns(tui, bare, keys, lines)}
    for i in range(3):
        note("keys: flood %d of 3" % (i + 1))
        ctl(ctx, "new", "--shell", "--name", "flood%d" % i, "--wait", "--", "-c", "yes")
    rest((tui, bare), 3)
    note("keys: with three that flood")
    result["with_3_flooding"] = in_turns(tui, bare, keys, lines)
    tui.write(b"\x1cs\x1cs")  # four panes
    rest((tui, bare), 3)
    note("keys: with three that flood, shown")
    result["with_3_shown"] = in_turns(tui, bare, keys, lines)
    tui.close()
    bare.close()
    ctl(ctx, "stop", "--all")
    return result
