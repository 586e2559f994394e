#!/usr/bin/env python3
"""What ccvm-term costs, without guests: `tests/bench/term.py` prints one JSON object; make bench has the same in its own.

  pane        what ccvm-term and tmux take in, of dense text, coloured words and `yes`, one after the other (pane.py)
  echo_ms     from a key given to ccvm-term to the frame that shows it, over its socket; the program is this one and echoes at
              once. "bare" is the same bytes through a socket pair and `cat`. Alone, and while three others are flooded.
              ccvm-session and ccvm-tui are not in it.
  idle        CPU, in percent of one core, of 16 ccvm-terms (workers and their starters) and of a ccvm-tui without sessions
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]
import harness  # noqa: E402
import pane  # noqa: E402
import procs  # noqa: E402
import termwire  # noqa: E402
from measure import cpu_seconds, note, percentiles  # noqa: E402
from tmux import Tmux  # noqa: E402

KEYS, TERMS, IDLE_S = 300, 16, 10
FLOOD = b"The quick brown fox jumps over the lazy dog, again and again.\r\n" * 500


def open_term(ctx):
    t = termwire.Term(os.path.join(ctx.bin, "..", "libexec", "ccvm", "ccvm-term"))
    t.next_worker()
    t.pull()
    return t


def echo_times(ctx):
    t, times = open_term(ctx), []
    since = termwire.generation(t.pull())
    for i in range(KEYS):
        time.sleep(0.03)  # as from a fast typist: each key finds it idle
        begin = time.monotonic()
        t.send("V", termwire.VIEWER + b"p" + struct.pack("<Q", since))
        t.send("V", termwire.VIEWER + b"k" + struct.pack("<BI", 0, 97 + i % 26))
        t.send("o", t.take("i"))
        since = termwire.generation(t.take("v")[4:])
        times.append(time.monotonic() - begin)
    t.close()
    return times


def bare_times():
    mine, theirs = socket.socketpair()
    cat, times = subprocess.Popen(["cat"], stdin=theirs, stdout=theirs), []
    for _ in range(KEYS):
        time.sleep(0.03)
        begin = time.monotonic()
        for _ in range(2):  # key and echo
            mine.sendall(b"x" * 16)
            mine.recv(100)
        times.append(time.monotonic() - begin)
    cat.kill()
    cat.wait()
    return times


class Flood:
    """A ccvm-term with as much output as it takes, and a viewer that pulls each frame."""

    def __init__(self, ctx):
        self.term, self.over = open_term(ctx), False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        since = 0
        while not self.over:
            self.term.send("o", FLOOD)
            since = termwire.generation(self.term.pull(since))

    def close(self):
        self.over = True
        self.thread.join()
        self.term.close()


def echo(ctx):
    note("ccvm-term: keys")
    result = {"bare": percentiles(bare_times()), "alone": percentiles(echo_times(ctx))}
    floods = [Flood(ctx) for _ in range(3)]
    result["with_3_flooded"] = percentiles(echo_times(ctx))
    for f in floods:
        f.close()
    return result


def percent(pids):
    before = cpu_seconds(pids)
    time.sleep(IDLE_S)
    return round(100 * (cpu_seconds(pids) - before) / IDLE_S, 2)


def idle(ctx):
    note("ccvm-term: idle")
    terms = [open_term(ctx) for _ in range(TERMS)]
    for t in terms:  # each has a screen, and a viewer that waits for the next frame
        t.send("o", FLOOD[:2000])
        t.send("V", termwire.VIEWER + b"p" + struct.pack("<Q", termwire.generation(t.pull())))
    pids = [p for t in terms for p in [t.pid, *(q.pid for q in procs.descendants(t.pid))]]
    tui = Tmux(ctx, [os.path.join(ctx.bin, "ccvm-tui")], env={"TERM": "tmux-256color"})
    tui.wait_for(r"\S", 60)
    time.sleep(2)
    result = {"16_terms_percent": percent(set(pids)), "tui_percent": percent([tui.program().pid]), "seconds": IDLE_S}
    tui.close()
    for t in terms:
        t.close()
    return result


def run(ctx):
    return {"pane": pane.rates(ctx), "echo_ms": echo(ctx), "idle": idle(ctx)}


def main():
    whole = harness.Run()
    ctx = harness.Context(whole, 0, "template")
    try:
        print(json.dumps({"cpus": os.cpu_count(), "load": os.getloadavg()[0], **run(ctx)}, indent=2))
    finally:
        ctx.close()
        whole.close()


if __name__ == "__main__":
    main()
