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
    assert_in("is not the directory any more", err.decode(), "stderr")
    assert_in("one", ctl(ctx, "ls")[1].decode(), "the sessions")
    exchange(sub, link)
    code, out, err = ctl(ctx, "restart", "--wait", "one")
    assert_eq(code, 0, "code (stderr: %s)" % show(err))
    ctl(ctx, "stop", "one")
    wait_until(lambda: "one" not in ctl(ctx, "ls")[1].decode(), 60, "end of the session")
    assert_nothing_left(ctx)
