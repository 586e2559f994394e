"""Which directory a guest gets, when names are exchanged meanwhile, and what stays whole in it."""

import ctypes
import os
import threading

from harness import assert_eq, assert_in, assert_not_in, assert_nothing_left, assert_true, show, test, wait_until

AT_FDCWD, RENAME_EXCHANGE = -100, 2
SECRET = "PRIVATE-OchreLapwing"


def ctl(ctx, *args, cwd=None, timeout=240):
    return ctx.run([os.path.join(ctx.bin, "ccvmctl"), *args], cwd=cwd or ctx.home, timeout=timeout)


def make_sub(ctx):
    """The project `sub` in the workspace of another agent, and the user's keys."""
    sub = ctx.make_dir(os.path.join(ctx.workspace, "sub"))
    ctx.write(os.path.join(sub, "mine"), "mine\n")
    ctx.write(os.path.join(ctx.home, ".ssh/id"), SECRET + "\n")
    link = sub + ".x"
    os.symlink(os.path.join(ctx.home, ".ssh"), link)
    os.lchown(link, ctx.uid, ctx.gid)
    return sub, link


def exchange(a, b):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


@test(timeout=600)
def test_names_exchanged_while_starting(ctx):
    """An agent in the parent directory goes on exchanging the project and a link to the keys. What was opened once is what the
    guest gets; a start that cannot tell where it is any more is refused."""
    sub, link = make_sub(ctx)
    fd = os.open(sub, os.O_PATH | os.O_DIRECTORY)
    stop = threading.Event()

    def flip():
        while not stop.is_set():
            exchange(sub, link)

    thread = threading.Thread(target=flip, daemon=True)
    thread.start()
    seen = []
    try:
        for _ in range(5):
            code, out, err = ctx.ccvm("--shell", "-c", "ls -A; cat * 2>/dev/null", cwd="/proc/self/fd/%d" % fd, pass_fds=(fd,), timeout=240)
            assert_not_in(SECRET.encode(), out, "what the guest saw")
            assert_true(code in (0, 126), "code %d (stderr: %s)" % (code, show(err)))
            seen.append(out if code == 0 else None)
    finally:
        stop.set()
        thread.join()
        os.close(fd)
    assert_eq({s for s in seen if s is not None}, {b"mine\nmine\n"}, "what the guests saw")
    assert_nothing_left(ctx)


@test(timeout=600)
def test_restart_after_an_exchange(ctx):
    """`mv sub sub.x; ln -s ~/.ssh sub`, then a restart: refused, and the session goes on."""
    sub, link = make_sub(ctx)
    code, out, err = ctl(ctx, "new", "--name", "one", "--shell", "--wait", cwd=sub)
    assert_eq(code, 0, "code (stderr: %s)" % show(err))
    exchange(sub, link)
    code, out, err = ctl(ctx, "restart", "one")
    assert_eq(code, 126, "code (stderr: %s)" % show(err))
    assert_in("is no longer the directory", err.decode(), "stderr")
    assert_in("one", ctl(ctx, "ls")[1].decode(), "the sessions")
    exchange(sub, link)
    code, out, err = ctl(ctx, "restart", "--wait", "one")
    assert_eq(code, 0, "code (stderr: %s)" % show(err))
    ctl(ctx, "stop", "one")
    wait_until(lambda: "one" not in ctl(ctx, "ls")[1].decode(), 60, "end of the session")
    assert_nothing_left(ctx)


# -- appends ----------------------------------------------------------------------------------------------------------

APPEND = "i=0; while [ $i -lt %d ]; do echo \"%s $i\" >>%s || echo failed; i=$((i + 1)); done"
KEPT = "exec 5>>%s; i=0; while [ $i -lt %d ]; do echo \"%s $i\" >&5 || echo failed; i=$((i + 1)); done"


def check_lines(ctx, name, writers):
    """Every writer's lines are there, each once and in order."""
    with open(os.path.join(ctx.workspace, name), encoding="ascii") as f:
        lines = f.read().splitlines()
    for writer, count in writers.items():
        assert_eq([line for line in lines if line.split(" ")[0] == writer], ["%s %d" % (writer, i) for i in range(count)],
                  "lines of %s in %s" % (writer, name))
    assert_eq(len(lines), sum(writers.values()), "lines of " + name)


@test(timeout=400)
def test_appends_of_processes(ctx):
    """Opened anew for each line, held open, to a file that was there and to a new one; two and five processes."""
    ctx.write(os.path.join(ctx.workspace, "old"), "")
    script = "\n".join(
        ["(%s) &" % (APPEND % (100, w, "log")) for w in "ab"] + ["wait"] +
        ["(%s) &" % (APPEND % (60, w, "old")) for w in "abcde"] + ["wait"] +
        ["(%s) &" % (KEPT % ("held", 100, w)) for w in "abc"] + ["wait"])
    code, out, err = ctx.ccvm("--shell", "-c", script, timeout=300)
    assert_eq((code, out), (0, b""), "code and stdout (stderr: %s)" % show(err))
    check_lines(ctx, "log", {"a": 100, "b": 100})
    check_lines(ctx, "old", {w: 60 for w in "abcde"})
    check_lines(ctx, "held", {w: 100 for w in "abc"})
    assert_nothing_left(ctx)


@test(timeout=500)
def test_appends_of_guests_and_host(ctx):
    """Two guests and the host, at the same time."""
    go = "while [ ! -e go ]; do sleep 0.05; done; "
    guests = [ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "touch here-%s; %s%s" % (w, go, APPEND % (150, w, "log"))])
              for w in ("one", "two")]
    wait_until(lambda: all(os.path.exists(os.path.join(ctx.workspace, "here-" + w)) for w in ("one", "two")), 240, "both guests")
    ctx.write(os.path.join(ctx.workspace, "go"), "")
    code, out, err = ctx.run(["sh", "-c", APPEND % (3000, "host", "log")], timeout=120)
    assert_eq((code, out), (0, b""), "code and stdout on the host (stderr: %s)" % show(err))
    for g in guests:
        assert_eq((g.wait(240), g.out), (0, b""), "code and stdout (stderr: %s)" % show(g.err))
    check_lines(ctx, "log", {"one": 150, "two": 150, "host": 3000})
    assert_nothing_left(ctx)
