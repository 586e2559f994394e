"""How fast a pane takes output: ccvm-term over its socket until it answers with a frame, and tmux until the program that
wrote is done. Both get the same bytes, in turns; the best of each counts, by the clock and by the processor time of ccvm-term's
processes and of the tmux server. ratio: ccvm-term / tmux."""

import os
import struct
import time

import procs
import termwire
from measure import cpu_seconds, note
from tmux import Tmux

COLS, ROWS, ROUNDS = 100, 30, 3
INPUTS = {
    "dense": b"The quick brown fox jumps over the lazy dog, again and again, until the line is full.\r\n" * 300000,
    "colour": b"".join(b"\x1b[3%dmword%d\x1b[0m " % (i % 8, i) if i % 9 else b"\r\n" for i in range(1000000)),
    "yes": b"y\r\n" * 4000000,
}


def term_took(ctx, data):
    """(seconds, processor seconds)"""
    t = termwire.Term(os.path.join(ctx.bin, "..", "libexec", "ccvm", "ccvm-term"))
    t.next_worker()
    t.send("w", struct.pack("<HH", COLS, ROWS))
    t.pull()
    pids = [t.pid, *(p.pid for p in procs.descendants(t.pid))]
    cpu, begin = cpu_seconds(pids), time.monotonic()
    for i in range(0, len(data), 32768):
        t.send("o", data[i:i + 32768])
    t.pull()
    took = time.monotonic() - begin, cpu_seconds(pids) - cpu
    t.close()
    return took


def tmux_took(ctx, path):
    script = r'read x; t=$(date +%s%N); cat "$0"; printf "\\ntook %s\\n" $(($(date +%s%N) - t)); sleep 1000'
    t = Tmux(ctx, ["bash", "-c", script, path], cols=COLS, rows=ROWS)
    cpu = cpu_seconds([t.server])
    t.keys("Enter")
    took = int(t.wait_for(r"^took (\d+)", 120)[1]) / 1e9, cpu_seconds([t.server]) - cpu
    t.close()
    return took


def best_rates(size, rounds):
    wall, cpu = (size / min(r[i] for r in rounds) / 1e6 for i in (0, 1))
    return {"mb_s": round(wall, 1), "mb_per_cpu_s": round(cpu, 1)}


def rates(ctx, rounds=ROUNDS):
    result = {}
    for name, data in INPUTS.items():
        note("pane: %s" % name)
        path = ctx.write(os.path.join(ctx.tmp, name), data)
        pairs = [(term_took(ctx, data), tmux_took(ctx, path)) for _ in range(rounds)]
        os.unlink(path)
        ours, theirs = (best_rates(len(data), [p[i] for p in pairs]) for i in (0, 1))
        result[name] = {"ccvm_term": ours, "tmux": theirs, "ratio": round(ours["mb_s"] / theirs["mb_s"], 2),
                        "cpu_ratio": round(ours["mb_per_cpu_s"] / theirs["mb_per_cpu_s"], 2)}
    return result
