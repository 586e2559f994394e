"""ccvm-term as a process: confined, replaced when it dies, and no more frames than it should send."""

import os
import struct
import time

import procs
import termwire
import viewgrid
from harness import assert_eq, assert_in, assert_true, core_limit, each, open_files, test, wait_until


def start(ctx, *args, **kw):
    t = termwire.Term(os.path.join(ctx.bin, "..", "libexec", "ccvm", "ccvm-term"), *args, **ctx.user.ids(), **kw)
    ctx.on_close(t.close)
    t.next_worker()
    return t


def worker_pid(t):
    [pid] = [p.pid for p in procs.processes() if p.ppid == t.pid]
    return pid


@test()
def test_confinement(ctx):
    t = start(ctx)
    t.pull()
    pid = worker_pid(t)
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f)
    assert_eq((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), "no new privileges, seccomp")
    assert_eq(core_limit(pid), (0, 0), "core limit")
    if os.getuid() == 0: # it lets nobody else look
        found = open_files(pid)
        assert_eq(len(found) - (2 in found), 1, "files beside stderr: %s" % found)
        assert_eq(len([n for fd, n in found.items() if fd != 2 and n.startswith("socket:")]), 1, "its socket")


@test()
def test_frames(ctx):
    t = start(ctx)
    t.send("w", struct.pack("<HH", 40, 5))
    t.send("o", b"hello \x1b[1mworld")
    first = t.pull()
    assert_in(b"hello ", first, "first frame")
    assert_in(b"world", first, "first frame")
    t.send("o", b"\x1b[3;1Hthird row")
    second = t.pull(termwire.generation(first))
    assert_in(b"third row", second, "second frame")
    assert_true(b"hello" not in second, "unchanged rows stay away")
    t.send("o", b"\x1b[6n")
    assert_eq(t.take("i"), b"\x1b[3;10R", "answer to a query")


@test()
def test_synchronized_update_is_held_back(ctx):
    t = start(ctx)
    since = termwire.generation(t.pull())
    began = time.monotonic()
    t.send("o", b"\x1b[?2026hhalf")
    t.send("V", termwire.VIEWER + b"p" + struct.pack("<Q", since))
    t.send("o", b" done\x1b[?2026l")
    data = t.take("v")[4:]
    assert_in(b"half done", data, "frame")
    since = termwire.generation(data)
    t.send("o", b"\x1b[?2026hnever ended")
    data = t.pull(since)
    assert_in(b"never ended", data, "frame after the timeout")
    assert_true(time.monotonic() - began > 0.1, "the update was held back")


@test()
def test_a_flood_makes_no_flood_of_frames(ctx):
    t = start(ctx)
    data, frames, began = t.pull(), 0, time.monotonic()
    for _ in range(100):
        t.send("o", b"y\r\n" * 10000)
        t.send("V", termwire.VIEWER + b"p" + struct.pack("<Q", termwire.generation(data)))
        data = t.take("v")[4:]
        frames += 1
    took = time.monotonic() - began
    assert_true(frames <= took / 0.016 + 2, "%d frames in %.3f s" % (frames, took))


@test()
def test_a_worker_that_dies_is_replaced(ctx):
    t = start(ctx)
    t.send("o", b"before")
    t.pull()
    first = worker_pid(t)
    os.kill(first, 9)
    t.next_worker()
    assert_true(b"before" not in t.pull(), "a new worker knows nothing")
    assert_true(worker_pid(t) != first, "another process")
    t.send("o", b"after")
    assert_in(b"after", t.pull(), "frame")
    t.worker.close()
    t.worker = None
    assert_eq(t.popen.wait(20), 0, "exit code when the session is gone")


@test()
def test_malformed_frames_end_the_worker(ctx):
    t = start(ctx)
    first = worker_pid(t)
    t.worker.sendall(b"\xff\xff\xff\xff?")
    wait_until(lambda: not procs.alive(first), 20, "end of the worker")
    t.next_worker()
    t.pull()


def user_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        return int(f.read().rsplit(")", 1)[1].split()[11]) / os.sysconf("SC_CLK_TCK")


@test(timeout=300)
def test_a_turn_that_never_ends_is_ended(ctx):
    """Combining characters, each looked up behind all before: the time goes with the square of their number."""
    log = os.path.join(ctx.dir, "term.log")
    with open(log, "wb") as f:
        t = start(ctx, stderr=f)
    first = worker_pid(t)
    t.worker.settimeout(None)
    t.send("o", b"e" + b"\xcc\x81\x0f" * 2500000)
    wait_until(lambda: not procs.alive(first), 200, "the end of the worker")
    t.next_worker()
    t.send("o", b"after")
    assert_in(b"after", t.pull(), "frame of the next worker")
    with open(log, "rb") as f:
        assert_in(b"ended by Virtual timer expired; it restarts", f.read(), "note in the log")


@test(timeout=300)
def test_the_limit_is_one_of_a_turn_not_of_a_life(ctx):
    t = start(ctx)
    first, end = worker_pid(t), time.monotonic() + 240
    since = termwire.generation(t.pull())
    while user_seconds(first) < 6 and time.monotonic() < end:
        t.send("o", b"\x1b[31mx\x1b[32my\x1b[0m" * 50000)
        since = termwire.generation(t.pull(since))
    assert_true(user_seconds(first) >= 6, "it computed for longer than a turn may")
    assert_eq(worker_pid(t), first, "the worker that is still the same")


@test()
def test_links_go_with_the_rows(ctx):
    t = start(ctx)
    t.send("o", b"see \x1b]8;id=1;https://example.org/a\x1b\\here\x1b]8;;\x1b\\ or \x1b]8;;javascript:alert(1)\x07not\x1b]8;;\x07")
    data = t.pull()
    links = viewgrid.Frame(data).links
    assert_eq({at: uri for at, uri in links.items()}, {(0, c): "https://example.org/a" for c in range(4, 8)}, "links")
    assert_true(b"javascript" not in data, "a link that runs something is none")
    t.send("o", b"\r\nplain")
    assert_true(b"example.org" not in t.pull(termwire.generation(data)), "unchanged rows' links stay away")
    t.send("V", termwire.VIEWER + b"l" + struct.pack("<QH", 0, 10))
    assert_in(b"https://example.org/a", t.take("v"), "history")


@each({"none": 0, "few": 25, "as by default": 10000, "more": 22000})
@test(timeout=200)
def test_history_of_a_chosen_length(ctx, lines):
    """The option tui.history: so many lines above the screen, and the memory that they take when all are full."""
    t = start(ctx, str(lines))
    first = worker_pid(t)
    t.send("w", struct.pack("<HH", 1000, 24))
    line = b"x" * 999 + b"\r\n"
    for _ in range(lines // 100 + 2):
        t.send("o", line * 100)
    f = viewgrid.Frame(t.pull())
    assert_eq((f.top - f.first, worker_pid(t)), (lines, first), "lines that are kept, and the worker that keeps them")


@each({"too many": ("100001",), "no number": ("10k",), "negative": ("-1",), "two": ("1", "2")})
@test()
def test_history_out_of_bounds(ctx, args):
    code, _, err = ctx.run(["bash", "-c", 'exec "$0" "$@" 3<>/dev/null', os.path.join(ctx.bin, "..", "libexec", "ccvm", "ccvm-term"), *args])
    assert_eq(code, 2, "exit code")
    assert_in(b"at most 100000", err, "why")


@test()
def test_one_that_attaches_in_the_middle(ctx):
    """In the middle of a flood, a sequence and a character: the same whole state as one who was there."""
    t = start(ctx)
    since = termwire.generation(t.pull())
    for i in range(300):
        t.send("o", b"\x1b[3%dmline %d \xe4\xb8\xad\x1b[0m\r\n" % (i % 8, i) * 50)
        if i % 10 == 0:
            since = termwire.generation(t.pull(since))
    t.send("o", b"\x1b]2;title\x07\x1b[?25l\x1b[5;7H\xe4\xb8")
    t.send("V", b"\x02\0\0\0p" + struct.pack("<Q", 0))
    late = viewgrid.Frame(t.take("v")[4:])
    whole = viewgrid.Frame(t.pull())
    assert_eq((late.cells, late.cursor, late.modes, late.title, late.top, late.first),
              (whole.cells, whole.cursor, whole.modes, whole.title, whole.top, whole.first), "state")
    assert_eq((late.cursor, late.title, "cursor" in late.modes), ((4, 6), "title", False), "state")
    assert_eq((late.top, late.top - late.first), (15001 - 24, 10000), "lines that went up, and that are kept")
    t.send("o", b"\xadx")
    assert_in("中x", viewgrid.text(viewgrid.Frame(t.pull()).cells), "the character that was cut")
