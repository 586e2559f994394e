"""Keys, questions and pastes must not get lost in ccvm-tui with real guests: at several sizes and in several terminal types."""

import hashlib
import json
import os
import re
import signal
import time

import procs
from harness import assert_eq, assert_in, assert_nothing_left, assert_true, test, wait_until
from tmux import Tmux

# Each with a size from 40x12 to 400x120.
TERMINALS = {"xterm-256color": (40, 12), "xterm": (132, 43), "tmux-256color": (280, 30), "screen-256color": (400, 120)}


def ctl(ctx, *args, code=0, **kw):
    got, out, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), *args], timeout=kw.pop("timeout", 180), **kw)
    assert_eq(got, code, "ccvmctl %s: %s" % (" ".join(args), err.decode()))
    return out.decode()


def listed(ctx):
    return {s["name"]: s for s in json.loads(ctl(ctx, "ls", "--json"))}


def tui(ctx, term, **kw):
    cols, rows = TERMINALS[term]
    return Tmux(ctx, [os.path.join(ctx.bin, "ccvm-tui")], env={"TERM": term}, cols=cols, rows=rows, **kw)


def shells(ctx, *names):
    for name in names:
        ctl(ctx, "new", "--shell", "--name", name, "--read-only-cwd", "--wait")


def ends(ctx, t, how):
    """The first session ends, in one of the ways there are, with keys behind."""
    if how == "exit":
        t.send("exit 3\nxyxyxy\nqSxy")
        return
    pid = listed(ctx)["one"]["pid"]
    t.send("echo here\n")
    if how == "stop":
        ctx.spawn([os.path.join(ctx.bin, "ccvmctl"), "stop", "one"])
    else:
        os.kill(pid, signal.SIGKILL)
    for _ in range(40):  # like somebody who goes on typing
        t.send("xy")
        if re.search("after .*: Enter closes", t.screen(), re.M):
            break
        time.sleep(0.05)
    t.send("xyxyqS\nxy")


@test(timeout=600)
def test_keys_after_the_end(ctx):
    """Three sessions, the first ends while keys are typed into it: the others go on, the pane stays with the last screen and says how
    it ended; only Enter after a pause closes it, and R starts one like it."""
    shells(ctx, "two", "three")
    for term, how in zip(TERMINALS, ("exit", "stop", "kill", "exit")):
        shells(ctx, "one")
        t = tui(ctx, term)
        t.wait_for("3 sessions")
        others = [listed(ctx)[n]["id"] for n in ("two", "three")]
        t.keys("/")
        t.send("one")
        t.keys("Enter", "Enter")
        t.wait_for("then l: back to the list")
        t.send("echo last-$((40 + 2))\n")
        t.wait_for("last-42", 60)
        ends(ctx, t, how)
        t.wait_for("after .*: Enter closes", 90)
        assert_in("2 sessions  1 ended", t.screen(), "title with " + term)
        assert_in({"exit": "exit 3 after", "stop": "after", "kill": "killed after"}[how][:12], t.screen(), "how it ended, with " + term)
        assert_in("last-42", t.screen(), "the last screen, with " + term)
        assert_eq(sorted(listed(ctx)), ["three", "two"], "sessions after the keys, with " + term)
        t.answer(": Enter closes", "R") if how == "exit" else t.answer(": Enter closes", "Enter")
        if how == "exit":
            wait_until(lambda: listed(ctx).get("one", {}).get("state") == "running", 120, "one like it")
            t.wait_for("3 sessions", 30)
            t.wait_gone("1 ended")
            assert_eq((listed(ctx)["one"]["mode"], listed(ctx)["one"]["workspace"]), ("overlay", ctx.workspace), "what was started again")
            ctl(ctx, "stop", "one")
        assert_eq([listed(ctx)[n]["id"] for n in ("two", "three")], others, "the others, with " + term)
        t.keys("C-l")
        os.kill(t.program().pid, signal.SIGTERM)
        assert_eq(t.exit_code(20), 0, "exit code with " + term)
        t.close()
    ctl(ctx, "stop", "--all")
    assert_nothing_left(ctx)


@test(timeout=600)
def test_mouse(ctx):
    """In each terminal type, a report in each form a terminal has chooses in the list, is passed to a program that asked for the mouse, and
    is nothing else: no digit of it chooses a session, no letter of it is typed."""
    shells(ctx, "one", "two")
    for term in TERMINALS:
        t = tui(ctx, term)
        t.wait_for("2 sessions")
        for row, name in ((3, "two"), (1, "one")):
            t.mouse(0, row, 3)
            t.mouse(0, row, 3, release=True)
            t.wait_for(r"%d.%s +OVER" % (1 if name == "one" else 2, name))
            t.wait_for("│ OVERLAY %s" % name)
            t.wait_for("^Enter type")
        t.keys("1", "Enter")
        t.wait_for("then l: back to the list")
        t.send("clear; printf '\\033[?1002h\\033[?1006h%%s\\n' rea''dy-%s; cat -v\n" % term)
        t.wait_for("│ready-%s" % term)
        flat = lambda: re.sub(r"\n[^\n]*│", "", t.screen())
        row, column = 5, t.screen().split("\n")[1].index("│") + 4
        for i, report in enumerate(("\033[<0;%d;%dM" % (column + 1, row + 1), "\033[M %c%c" % (33 + column, 33 + row),
                                    "\033[32;%d;%dM" % (column + 1, row + 1))):
            t.send(report)
            t.send("\033[<0;%d;%dm" % (column + 1, row + 1))
            t.wait(lambda n=i: flat().count("[<0;4;4M^[[<0;4;4m") == n + 1, 30, "report %d with %s" % (i, term))
        t.send("\n\033[<0;1;1Mend\n")
        t.wait_for("│end")
        assert_eq(re.findall(r"\d+;\d+", flat().replace("[<0;4;4M^[[<0;4;4m", "")), [], "typed reports with " + term)
        t.keys("C-c")
        os.kill(t.program().pid, signal.SIGTERM)
        assert_eq(t.exit_code(20), 0, "exit code with " + term)
        t.close()
    ctl(ctx, "stop", "--all")
    assert_nothing_left(ctx)


# Takes a paste in brackets from its terminal and tells what came.
TAKE = r"""
import hashlib, os, sys, tty
tty.setraw(0)
os.write(1, b"\x1b[?2004h" + b"take-%s\r\n" % sys.argv[1].encode())
parts, tail = [], b""
while not tail.endswith(b"\x1b[201~"):
    parts.append(os.read(0, 1 << 20))
    tail = (tail + parts[-1])[-6:]
got = b"".join(parts)
os.write(1, b"\x1b[?2004l")
os.system("stty sane")
with open("taken.new", "w") as f:
    f.write("%s %d %s" % (got[:6] == b"\x1b[200~", len(got) - 12, hashlib.sha256(got[6:-6]).hexdigest()))
os.rename("taken.new", "taken-" + sys.argv[1])
"""


def peak_kib(pid):
    return int(re.search(rb"VmHWM:\s+(\d+)", procs.read("/proc/%d/status" % pid)).group(1))


@test(timeout=900)
def test_pastes(ctx):
    """Of any size, whole, in each terminal type; neither ccvm-session nor ccvm-term holds one of them; a program that does not read keeps
    neither keys of other sessions waiting nor its own in the wrong order."""
    ctx.write(os.path.join(ctx.workspace, "take.py"), TAKE)
    ctl(ctx, "new", "--shell", "--name", "one", "--wait")
    ctl(ctx, "new", "--shell", "--name", "two", "--wait")
    session = listed(ctx)["one"]["pid"]
    holders = [p.pid for p in procs.descendants(session) if p.name == "ccvm-term"] + [session]
    sizes = {"xterm-256color": (60 << 10, 64 << 10), "xterm": (16 << 20,), "tmux-256color": (1 << 20,), "screen-256color": ((64 << 10) + 1, 10)}
    for term, each in sizes.items():
        t = tui(ctx, term)
        t.wait_for("2 sessions")
        t.keys("1", "Enter")
        t.wait_for("then l: back to the list")
        for n in each:
            text = (("%07d é" % n) * (n // 10 + 1)).encode()[:n].decode("utf-8", "ignore").ljust(n // 1, "x")
            text = text.encode()[:n].decode("utf-8", "ignore")
            path = ctx.write(os.path.join(ctx.dir, "paste"), text)
            before = [peak_kib(p) for p in holders]
            t.send("python3 take.py %d\n" % n)
            t.wait_for("│take-%d$" % n, 60)
            t.tmux("load-buffer", path, ";", "paste-buffer", "-p", "-d")
            taken = os.path.join(ctx.workspace, "taken-%d" % n)
            t.wait(lambda p=taken: os.path.exists(p), 300, "a paste of %d bytes with %s" % (n, term))
            wanted = "True %d %s" % (len(text.encode()), hashlib.sha256(text.encode()).hexdigest())
            assert_eq(procs.read(taken).decode(), wanted, "what was taken of %d bytes with %s" % (n, term))
            os.unlink(path)
            grown = [b - a for a, b in zip(before, (peak_kib(p) for p in holders))]
            assert_true(all(g < 6 << 10 for g in grown), "KiB that ccvm-term and ccvm-session grew by, for %d bytes: %s" % (n, grown))
        if term == "tmux-256color":
            t.send("stty raw -echo; echo slee''ps; sleep 5; head -c 300000 | tail -c 4; stty sane\n")
            t.wait_for("│sleeps")
            path = ctx.write(os.path.join(ctx.dir, "paste"), "y" * 299996)
            t.tmux("load-buffer", path, ";", "paste-buffer", "-p", "-d")
            t.send("last")
            t.keys("C-\\", "2")
            t.wait_for("LIVE two")
            t.send("echo other-$((1 + 1))\n")
            t.wait_for("other-2")
            t.keys("C-\\", "1")
            t.wait_for("last", 90)
        os.kill(t.program().pid, signal.SIGTERM)
        assert_eq(t.exit_code(20), 0, "exit code with " + term)
        t.close()
    ctl(ctx, "stop", "--all")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_paste_into_attach(ctx):
    """A pasted byte is no detach key, and a large paste comes whole, raw as it is."""
    ctx.write(os.path.join(ctx.workspace, "take.py"), TAKE)
    ctl(ctx, "new", "--shell", "--name", "one", "--wait")
    t = attach(ctx, "one")
    for n, text in ((1, "a\x1cb"), (2, "x" * (1 << 20))):
        t.send("python3 take.py %d\n" % n)
        t.wait_for("^take-%d" % n, 60)
        path = ctx.write(os.path.join(ctx.dir, "paste"), text)
        t.tmux("load-buffer", path, ";", "paste-buffer", "-p", "-d")
        taken = os.path.join(ctx.workspace, "taken-%d" % n)
        t.wait(lambda p=taken: os.path.exists(p), 90, "the paste")
        assert_eq(procs.read(taken).decode(), "True %d %s" % (len(text), hashlib.sha256(text.encode()).hexdigest()), "what was taken")
        os.unlink(path)
    t.keys("C-\\")
    assert_eq(t.exit_code(20), 0, "exit code of attach")
    ctl(ctx, "stop", "--all")
    assert_nothing_left(ctx)


# Asks its terminal and keeps all that comes, until nothing has come for two seconds.
ASK = r"""
import os, select, sys, tty
tty.setraw(0)
for query in (b"\x1b[6n", b"\x1b[c", b"\x1b[>c", b"\x1b[>q", b"\x1b[5n", b"\x1bP$qr\x1b\\"):
    for byte in query:
        os.write(1, bytes([byte]))
got = b""
while select.select([0], [], [], 2)[0]:
    got += os.read(0, 4096)
os.system("stty sane")
with open("asked.new", "wb") as f:
    f.write(got)
os.rename("asked.new", "asked-" + sys.argv[1])
"""

ANSWERS = {"cursor": rb"\x1b\[\d+;\d+R", "DA1": rb"\x1b\[\?[\d;]+c", "DA2": rb"\x1b\[>[\d;]+c", "XTVERSION": rb"\x1bP>\|[^\x1b]*\x1b\\",
           "status": rb"\x1b\[0n", "DECRQSS": rb"\x1bP[01]\$r[^\x1b]*\x1b\\"}


def asked(ctx, name, run):
    """What a program in the guest is answered: each once; returns whose version it is."""
    run("python3 ask.py %s" % name)
    path = os.path.join(ctx.workspace, "asked-" + name)
    wait_until(lambda: os.path.exists(path), 90, "answers for " + name)
    got = procs.read(path)
    assert_eq({k: len(re.findall(v, got)) for k, v in ANSWERS.items()}, dict.fromkeys(ANSWERS, 1), "answers to %s: %r" % (name, got))
    return re.search(rb"P>\|(\w+)", got).group(1).decode()


def attach(ctx, name):
    t = Tmux(ctx, [os.path.join(ctx.bin, "ccvmctl"), "attach", name], cols=90, rows=20)
    t.wait_for("%", 60)
    return t


@test(timeout=400)
def test_one_answer(ctx):
    """Each query of a program is answered once: by the terminal of ccvm, by that of the first of two attached, by ours where there is none, or
    where the one that answered has left."""
    ctx.write(os.path.join(ctx.workspace, "ask.py"), ASK)
    t = Tmux(ctx, [os.path.join(ctx.bin, "ccvm"), "--shell"], cols=100, rows=30)
    t.wait_for("%", 240)
    type_it = lambda text: t.send(text + "\n")
    assert_eq(asked(ctx, "ccvm", type_it), "tmux", "who answers in ccvm")
    [sid] = [s["id"] for s in listed(ctx).values()]
    second = attach(ctx, sid)
    assert_eq(asked(ctx, "ccvm-and-attached", type_it), "tmux", "who answers beside an attached client")
    second.close()
    assert_eq(asked(ctx, "ccvm-again", type_it), "tmux", "who answers when it left")
    t.send("exit\n")
    assert_eq(t.exit_code(90), 0, "exit code")

    ctl(ctx, "new", "--shell", "--name", "d", "--wait")
    by_script = lambda text: ctl(ctx, "send", "--enter", "d", text)
    assert_eq(asked(ctx, "nobody", by_script), "ccvm", "who answers without a terminal")
    first, second = attach(ctx, "d"), attach(ctx, "d")
    assert_eq(asked(ctx, "two", by_script), "tmux", "who answers with two attached")
    first.keys("C-\\")
    assert_eq(first.exit_code(20), 0, "exit code of attach")
    assert_eq(asked(ctx, "second", by_script), "tmux", "who answers when the first has left")
    os.kill(second.program().pid, signal.SIGTERM)
    second.exit_code(20)
    assert_eq(asked(ctx, "left", by_script), "ccvm", "who answers when both have")
    t = tui(ctx, "xterm-256color")
    t.wait_for("1 session")
    assert_eq(asked(ctx, "tui", by_script), "ccvm", "who answers in ccvm-tui")
    os.kill(t.program().pid, signal.SIGTERM)
    ctl(ctx, "stop", "--all")
    assert_nothing_left(ctx)


RISKY = "\\033]52;c;c3RvbGVu\\007\\033Ptmux;\\033\\033]52;c;c3RvbGVu\\007\\033\\\\\\033_Gi=1;AA\\033\\\\\\033]1337;Copy=:c3RvbGVu\\007"
LEFT_ON = "\\033[?1049h\\033[?1003h\\033[?1006h\\033[?2004h\\033[?25l\\033=\\033[?1h\\033[4h\\033[31m\\033]2;guest\\007"


def pipes(ctx, name):
    """stdout is no terminal: every byte comes."""
    text = "\033]52;c;aGk=\007\033Pq\033\\ \x9b\xff"
    ctx.write(os.path.join(ctx.workspace, "raw"), text.encode("latin-1"))
    code, out, err = ctx.run([os.path.join(ctx.bin, "ccvm"), "--shell"], stdin=b"cat raw; exit\n", timeout=240)
    assert_in(text.encode("latin-1"), out, name)


@test(timeout=500)
def test_terminal_filter(ctx):
    """A guest's output reaches no clipboard unless the option allows it; modes that it left on are off, however ccvm, the session or attach end."""
    for env, kept in (({}, None), ({"CCVM_TERMINAL_FILTER": "0"}, "stolen")):
        for how in ("exit", "SIGKILL", "SIGTERM"):
            if kept and how != "exit":
                continue
            t = Tmux(ctx, [os.path.join(ctx.bin, "ccvm"), "--shell"], cols=100, rows=30, env=env)
            t.wait_for("%", 240)
            t.send("printf '%s'; echo wri''tten\n" % RISKY)
            t.wait_for("^.*written$")
            assert_eq((t.tmux("list-buffers", "-F", "#{buffer_sample}").split() or [None])[0], kept, "the terminal's clipboard with %s" % env)
            t.send("printf '%s'; echo no''w; sleep 1000\n" % LEFT_ON)
            t.wait_for("now")
            assert_true(t.flags()["mouse_any_flag"] and t.flags()["alternate_on"], "modes of the program")
            [session] = [s["pid"] for s in listed(ctx).values()]
            if how == "exit":
                t.keys("C-c")
                t.send("exit\n")
            elif how == "SIGKILL":
                os.kill(session, signal.SIGKILL)
            else:  # an interactive shell ignores it; the third one ends the session
                for _ in range(3):
                    os.kill(t.program().pid, signal.SIGTERM)
                    t.wait_quiet()
            t.exit_code(90)
            before, after = t.modes()
            assert_eq(after, before, "modes of the terminal line after " + how)
            assert_eq(t.flags(), dict.fromkeys(t.flags(), False) | {"cursor_flag": True}, "terminal's state after " + how)
            assert_true(t.get("pane_title") != "guest", "the title after " + how)
            t.close()
    ctl(ctx, "new", "--shell", "--name", "d", "--wait")
    t = attach(ctx, "d")
    t.send("printf '%s'; printf '%s'; echo no''w; sleep 1000\n" % (RISKY, LEFT_ON))
    t.wait_for("now")
    assert_eq(t.tmux("list-buffers", "-F", "#{buffer_sample}").strip(), "", "the terminal's clipboard after attach")
    t.keys("C-\\")
    assert_eq(t.exit_code(20), 0, "exit code of attach")
    assert_eq(t.flags(), dict.fromkeys(t.flags(), False) | {"cursor_flag": True}, "terminal's state after attach")
    ctl(ctx, "stop", "--all")
    pipes(ctx, "bytes in a pipe")
    assert_nothing_left(ctx)
