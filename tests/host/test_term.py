"""ccvm-term as a process: confined, replaced when it dies, and no more frames than it should send."""

import os
import struct
import time

import procs
import termwire
from harness import assert_eq, assert_in, assert_true, core_limit, open_files, test, wait_until


def start(ctx):
    t = termwire.Term(os.path.join(ctx.bin, "..", "libexec", "ccvm", "ccvm-term"), **ctx.user.ids())
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
