"""ccvm in a script: streams, exit codes, signals and arguments, with the guest's shell (and twice the real claude) in it."""

import json
import os
import random
import signal

import eventtable
from harness import (assert_eq, assert_in, assert_match, assert_not_in, assert_nothing_left, assert_true, each,
                     read_json_lines, test, wait_until)

STATES = ["created", "starting", "seeding", "ready", "running", "stopping", "ended"]


def ccvm(ctx, *args):
    return [os.path.join(ctx.bin, "ccvm"), *args]


def shell(ctx, script, *args):
    return ccvm(ctx, "--shell", "-c", script, *args)


def check_events(events, code):
    """All objects of one session, its states in the order of its life, its exit code in the last one."""
    eventtable.check(events)
    states = [e for e in events if e["event"] == "state"]
    assert_eq([e["state"] for e in states], STATES, "states")
    assert_eq((events[-1]["state"], events[-1].get("code")), ("ended", code), "last event")
    assert_eq(len({e["session"] for e in events if e["session"]}), 1, "sessions named in the events")
    assert_true(all(e["session"] for e in events[[e.get("state") for e in events].index("starting"):]), "events without their session, the last one too")
    times = [e["since_start_ms"] for e in events]
    assert_eq(times, sorted(times), "times of the events")


# -- streams -----------------------------------------------------------------------------------------------------------

@test(timeout=240)
def test_streams_and_events(ctx):
    data, errors = os.urandom(3 << 20), os.urandom(70_000) + bytes(range(256)) + b"\r\n\0end"
    ctx.write(os.path.join(ctx.workspace, "errors"), errors)
    path = os.path.join(ctx.home, "events")
    code, out, err = ctx.run(shell(ctx, "cat; cat errors >&2; exit 42"), stdin=data, env={"CCVM_EVENTS": path},
                             timeout=200)
    assert_eq(code, 42, "exit code")
    assert_eq(out, data, "3 MiB through stdin and stdout")
    assert_eq(err, errors, "stderr (and no progress in it: it is no terminal)")
    check_events(read_json_lines(path), 42)
    assert_nothing_left(ctx)


@test(timeout=240)
def test_progress_and_events_by_fd(ctx):
    read_end, write_end = os.pipe()
    master, slave = os.openpty()
    proc = ctx.spawn(["bash", "-c", 'exec 2>&%d "$@"' % slave, "bash", *shell(ctx, "printf out; printf err >&2; exit 7")],
                     env={"CCVM_EVENTS": str(write_end)}, pass_fds=(write_end, slave))
    os.close(write_end)
    os.close(slave)
    with open(read_end, "rb") as events, open(master, "rb", buffering=0) as terminal:
        lines = events.read().splitlines()
        shown = b""
        try:
            while data := terminal.read(65536):
                shown += data
        except OSError:  # EIO: the last writer of the terminal is gone
            pass
    assert_eq((proc.wait(180), proc.out, proc.err), (7, b"out", b""), "exit code, stdout, stderr beside the terminal")
    check_events([json.loads(line) for line in lines], 7)
    assert_match(rb"ccvm: starting the guest: \w+ \(\d+\.\d s\)", shown, "progress on the terminal")
    assert_true(shown.endswith(b"\r\x1b[Kerr"), "progress is wiped before the guest's first byte; the end is %r"
                % shown[-60:])


@test(timeout=300)
def test_stdin_kinds(ctx):
    data = os.urandom(300_000)
    path = ctx.write(os.path.join(ctx.home, "input"), data)
    kinds = {"null": ("</dev/null", "cat; exit 0", (0, b"", b"")),
             "closed": ("<&-", "cat; exit 1", (1, b"", b"")),
             "file": ("<" + path, "cat; exit 7", (7, data, b"")),
             "not read": ("<" + path, "exit 3", (3, b"", b""))}
    started = {name: ctx.spawn(["sh", "-c", 'exec "$@" ' + redirection, "sh", *shell(ctx, script)])
               for name, (redirection, script, _) in kinds.items()}
    for name, proc in started.items():
        assert_eq((proc.wait(240), proc.out, proc.err), kinds[name][2], "code, stdout, stderr with stdin: " + name)
    assert_nothing_left(ctx)


@test(timeout=240)
def test_stdout_closed_early(ctx):
    code, out, err = ctx.run(["bash", "-c", '"$@" | head -c 10; exit "${PIPESTATUS[0]}"', "bash",
                              *shell(ctx, "yes; echo still here >&2")], timeout=200)
    assert_eq((code, out, err), (128 + signal.SIGPIPE, b"y\n" * 5, b""), "code, stdout, stderr")
    assert_nothing_left(ctx)


# -- signals -----------------------------------------------------------------------------------------------------------

@test(timeout=300)
def test_signals_to_the_agent(ctx):
    trap = ctx.spawn(shell(ctx, "trap 'echo got INT' INT; trap 'echo got TERM; exit 9' TERM; echo up; "
                                "while :; do sleep 0.1; done"), stdin=None)
    fatal = {sig: ctx.spawn(shell(ctx, "echo up; exec sleep 1000"), stdin=None)
             for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    trap.wait_for(b"up\n", 240)
    trap.signal(signal.SIGINT)
    trap.wait_for(b"got INT\n", 60)
    trap.signal(signal.SIGTERM)
    assert_eq((trap.wait(60), trap.out, trap.err), (9, b"up\ngot INT\ngot TERM\n", b""), "code and output of the traps")
    for sig, proc in fatal.items():
        proc.wait_for(b"up\n", 240)
        proc.signal(sig)
    for sig, proc in fatal.items():
        assert_eq((proc.wait(60), proc.out, proc.err), (128 + sig, b"up\n", b""), "code and output after %s" % sig.name)
    assert_nothing_left(ctx)


def taken(pid):
    """Whether the process has no signal pending that was sent to it (proc(5))."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return "ShdPnd:\t0000000000000000" in f.read()


@each({"TERM": (signal.SIGTERM, False), "HUP": (signal.SIGHUP, False), "a stream of TERM": (signal.SIGTERM, True)})
def test_second_signal_ends_it(ctx, entry):
    """The agent has ended, but a child of root's holds its output and cares for no signal."""
    sig, more = entry
    proc = ctx.spawn(shell(ctx, "sudo sh -c 'trap : TERM HUP INT; echo up; while :; do sleep 100; done' & exit 0"))
    wait_until(lambda: b"up" in proc.out, 120, "root's child")
    def tell():
        proc.signal(sig)
        wait_until(lambda: proc.code is not None or taken(proc.popen.pid), 30, "the signal's delivery")
    tell()
    assert_eq(proc.code, None, "code before the second signal")
    if more:  # a stream of them must not begin the agent's time anew each time
        wait_until(lambda: proc.code is not None or tell(), 60, "the end in a stream of signals")
    else:
        tell()
    assert_eq((proc.wait(60), proc.out), (128 + sig, b"up\n"), "code and stdout (stderr: %s)" % proc.err)
    assert_nothing_left(ctx)


@each({"starting": signal.SIGINT, "seeding": signal.SIGTERM})
def test_signal_before_the_agent(ctx, sig):
    state = {signal.SIGINT: "starting", signal.SIGTERM: "seeding"}[sig]
    path = os.path.join(ctx.home, "events")
    proc = ctx.spawn(shell(ctx, "echo up"), env={"CCVM_EVENTS": path})
    wait_until(lambda: state in [e.get("state") for e in read_json_lines(path)], 120, "state " + state)
    proc.signal(sig)
    assert_eq((proc.wait(30), proc.out, proc.err), (128 + sig, b"", b""), "code, stdout, stderr")
    assert_eq([e.get("code") for e in read_json_lines(path)[-1:]], [128 + sig], "code in the last event")
    assert_nothing_left(ctx)


# -- arguments ---------------------------------------------------------------------------------------------------------

def awkward_arguments():
    """Fixed ones, then 4,000 made of bytes that some layer may take for its own: quotes, blanks, globs, not UTF-8."""
    fixed = ["", " ", "a b", "\n", "two\nlines\n", "\t", "'", '"', "`id`", "$HOME", "${x:?}", "\\", "\\n", "*", "?", "[a]",
             "{1,2}", "~", "~root", "-", "--help", "-p", "!!", "#no comment", "a;b", "a&&b", "a|b", ">x", "<x", "(", "%s%n",
             "\x1b[31m", "\x7f", "äöü €", "日本語", "👩‍💻", "e\u0301", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\x80 \xfe",
             "x" * 100_000, "", ""]
    rng = random.Random(20260)
    alphabet = b" \n\t'\"`$\\*?[]{}()<>|&;~!#%=-,.:/aZ0\x01\x1b\x7f\x80\xc3\xa4\xff"
    made = [bytes(rng.choice(alphabet) for _ in range(rng.randrange(12))) for _ in range(4000)]
    return [os.fsencode(a) if isinstance(a, str) else a for a in fixed] + made


@test(timeout=240)
def test_arguments_arrive_exactly(ctx):
    args = awkward_arguments()
    own = {b"--shell", b"--ccvm-debug", b"--ccvm-help", b"--ccvm-version", b"--writable-cwd", b"--read-only-cwd", b"--"}
    assert_true(not own & set(args), "the arguments hold none of ccvm's own")
    args += [b"--", b"--ccvm-help", b"--shell", b"--", b"--read-only-cwd"]  # from the first -- on all is the agent's
    code, out, err = ctx.run(shell(ctx, 'printf "%s\\0" "$0" "$#"; for a; do printf "%s\\0" "$a"; done', "name", *args),
                             timeout=200)
    assert_eq((code, err), (0, b""), "exit code and stderr")
    assert_eq(out, b"".join(a + b"\0" for a in [b"name", b"%d" % len(args)] + args), "arguments in the guest")


DRY = {"nothing": ([], [], "rw"), "claude's": (["-p", "--version", "hi"], ["-p", "--version", "hi"], "rw"),
       "own ones between": (["-p", "--read-only-cwd", "", "--ccvm-debugx", "--ccvm-hel"],
                            ["-p", "", "--ccvm-debugx", "--ccvm-hel"], "overlay"),
       "after --": (["--writable-cwd", "--", "--read-only-cwd"], ["--", "--read-only-cwd"], "rw"),
       "the last one counts": (["--read-only-cwd", "--writable-cwd"], [], "rw")}


def test_only_own_flags_are_taken(ctx):
    for name, (given, left, mode) in DRY.items():
        code, out, err = ctx.ccvm(*given, env={"CCVM_DRYRUN": "1"})
        assert_eq((code, err), (0, b""), "exit code and stderr of the dry run with " + name)
        seed = os.path.join(out.decode().rstrip("\n"), "seed")
        with open(os.path.join(seed, "claude-args"), "rb") as f:
            assert_eq(f.read(), b"".join(a.encode() + b"\0" for a in left), "arguments left with " + name)
        with open(os.path.join(seed, "..", "status.json"), encoding="utf-8") as f:
            assert_eq(json.load(f)["mode"], mode, "mode with " + name)


def test_own_help_and_version_start_nothing(ctx):
    env = {"CCVM_IMAGE": "/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent", "CCVM_EVENTS": os.path.join(ctx.home, "e")}
    code, out, err = ctx.ccvm("--ccvm-help", env=env)
    assert_eq((code, err), (0, b""), "exit code and stderr of --ccvm-help")
    for flag in ("--shell", "--ccvm-debug", "--writable-cwd", "--read-only-cwd", "--ccvm-help", "--ccvm-version"):
        assert_in(flag, out.decode(), "own help")
    code, out, err = ctx.ccvm("-p", "--ccvm-version", env=env)
    assert_eq((code, err), (0, b""), "exit code and stderr of --ccvm-version")
    assert_match(rb"\Accvm \d+\.\d+\S*\n\Z", out, "own version")
    assert_eq(os.path.exists(env["CCVM_EVENTS"]), False, "events of a session")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_help_and_version_of_claude(ctx):
    with open(os.path.join(ctx.image, "manifest.json"), encoding="utf-8") as f:
        version = json.load(f)["claude_version"]
    started = {flag: ctx.spawn(ccvm(ctx, flag)) for flag in ("--version", "--help")}
    codes = {flag: (proc.wait(240), proc.err) for flag, proc in started.items()}
    assert_eq(codes, dict.fromkeys(started, (0, b"")), "exit codes and stderr")
    assert_eq(started["--version"].out, b"%s (Claude Code)\n" % version.encode(), "claude --version")
    assert_match(rb"\AUsage: claude ", started["--help"].out, "claude --help")
    assert_not_in(b"--ccvm", started["--help"].out, "claude --help")
