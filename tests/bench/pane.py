"""How fast a pane takes output: ccvm-term over its socket until it answers with a frame, and tmux until the program that
wrote is done. Both get the same bytes, in turns."""

import os
import struct
import time

import termwire
from tmux import Tmux

COLS, ROWS, ROUNDS = 100, 30, 3
INPUTS = {
    "dense": b"The quick brown fox jumps over the lazy dog, again and again, until the line is full.\r\n" * 300000,
    "colour": b"".join(b"\x1b[3%dmword%d\x1b[0m " % (i % 8, i) if i % 9 else b"\r\n" for i in range(1000000)),
    "yes": b"y\r\n" * 4000000,
}


def term_rate(ctx, data):
    t = termwire.Term(os.path.join(ctx.bin, "..", "libexec", "ccvm", "ccvm-term"))
    t.next_worker()
    t.send("w", struct.pack("<HH", COLS, ROWS))
    t.pull()
    begin = time.monotonic()
    for i in range(0, len(data), 32768):
        t.send("o", data[i:i + 32768])
    t.pull()
    took = time.monotonic() - begin
    t.close()
    return len(data) / took / 1e6


def tmux_rate(ctx, path):
    script = 'read x; t=$(date +%s%N); cat "$0"; echo "took $(($(date +%s%N) - t))"; sleep 1000'
    t = Tmux(ctx, ["bash", "-c", script, path], cols=COLS, rows=ROWS)
    t.keys("Enter")
    took = int(t.wait_for(r"^took (\d+)", 120)[1]) / 1e9
    t.close()
    return os.path.getsize(path) / took / 1e6


def rates(ctx):
    result = {}
    for name, data in INPUTS.items():
        path = ctx.write(os.path.join(ctx.tmp, name), data)
        pairs = [(term_rate(ctx, data), tmux_rate(ctx, path)) for _ in range(ROUNDS)]
        os.unlink(path)
        result[name] = {"ccvm_term": round(max(p[0] for p in pairs), 1), "tmux": round(max(p[1] for p in pairs), 1)}
        result[name]["ratio"] = round(result[name]["ccvm_term"] / result[name]["tmux"], 2)
    return result
