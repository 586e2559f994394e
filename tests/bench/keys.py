"""From a key to its echo, with a real guest: through ccvm-tui, and through the same session's bare SSH channel.

A guest's terminal echoes (no program does), ccvm-tui shows its pane, and `ccvmctl attach`, which passes bytes as ssh would, is
attached to the same session. Keys are typed into one and the other in turns, and each one's echo comes to both terminals, over
the same SSH channel. What ccvm-tui and ccvm-term add:

  tui, bare     from the write of a key to its echo at the same terminal
  output_added  how much later a key's echo comes to ccvm-tui's terminal than to the other, of each key
  input_added   how much later a key typed into ccvm-tui comes to the bare terminal than one typed there, of the medians
  added         the sum. (Not the difference of the two ways' percentiles: with guests that flood, a guest's own echo takes 100 ms at
                p99, and two such tails differ by 20 ms either way from run to run.)

States:

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


def echoes_s(way, ways, mark):
    """{name: seconds} from the key, typed into the way of that name, to its echo at each."""
    seen, begin = {}, time.monotonic()
    ways[way].write(mark)
    while time.monotonic() - begin < DEADLINE_S:
        for p in select.select(list(ways.values()), [], [], DEADLINE_S)[0]:
            data, name = p.read(), next(n for n in ways if ways[n] is p)
            assert data, "a terminal's program has ended: %r" % p.seen[-500:]
            if mark in data:
                seen.setdefault(name, time.monotonic() - begin)
        if len(seen) == len(ways):
            return seen
    raise AssertionError("no echo of a key within %d s; what came, at its end: %s" % (DEADLINE_S, {n: ways[n].seen[-500:] for n in ways}))


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
    echoes, ways = {"tui": [], "bare": []}, {"tui": tui, "bare": bare}
    rng = random.Random(1)
    for i in range(2 * keys):
        name = ("tui", "bare")[i % 2]
        if i % A_LINE == 0:
            line = next(lines)
            bare.write(b"\r")
        rest((tui, bare), rng.uniform(0.03, 0.05))
        echoes[name].append(echoes_s(name, ways, mark_of(line, i % A_LINE)))
    return added(echoes)


def added(echoes):
    """Of {where it was typed: [{where it came: seconds}]}."""
    result = {name: percentiles(e[name] for e in each) for name, each in echoes.items()}
    result["output_added"] = percentiles(e["tui"] - e["bare"] for each in echoes.values() for e in each)
    to_bare = {name: percentiles(e["bare"] for e in each)["p50"] for name, each in echoes.items()}
    result["input_added"] = round(to_bare["tui"] - to_bare["bare"], 2)
    result["added"] = {p: round(result["output_added"][p] + result["input_added"], 2) for p in ("p50", "p99")}
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
