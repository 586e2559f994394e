"""The harness, the runner and the scripted API server themselves: a harness that cannot fail proves nothing."""

import http.client
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys

import eventtable
import procs
from api import Api
from checks import wait_until
from harness import (REPO, assert_eq, assert_in, assert_match, assert_not_in, assert_nothing_left, assert_true,
                     assert_tree_same, each, environ, find_in_procs, find_in_tree, fingerprint, limits, test)
from tap import Tap
from tmux import Tmux


def fails(fn, pattern):
    """The call must fail with a message that fits."""
    try:
        fn()
    except AssertionError as e:
        assert_match(pattern, str(e), "message")
        return
    raise AssertionError("the call passed, it had to fail with " + pattern)


# -- the harness ------------------------------------------------------------------------------------------------------

def test_user_and_directories(ctx):
    code, out, err = ctx.run(["sh", "-c", 'id -u; cd "$HOME" && pwd; stat -f -c %T "$XDG_RUNTIME_DIR"; '
                                          'stat -c "%a %u" "$XDG_RUNTIME_DIR"; '
                                          'touch a "$TMPDIR/b" "$XDG_CACHE_HOME/c"'])
    assert_eq((code, err), (0, b""), "exit code and stderr")
    assert_eq(out.decode().split(), [str(ctx.uid), ctx.home, "tmpfs", "700", str(ctx.uid)], "facts of the user")
    if os.getuid() == 0:
        assert_true(ctx.uid not in (0, 1000), "uid is neither root's nor the guest's")
        code, _, _ = ctx.run(["cat", "/etc/shadow"])
        assert_eq(code, 1, "exit code of reading a root file")


def test_event_table(ctx):
    common = {"event": "prompt", "schema": 1, "time_ms": 1, "since_start_ms": 0, "session": None, "name": "n"}
    good = [common, {**common, "event": "clip", "verdict": "sent", "bytes": 7}, {"event": "events-full", "schema": 1, "text": "x"}]
    assert_eq(eventtable.violations(good), [], "events of the table")
    for bad in ({**common, "event": "new"}, {**common, "more": 1}, {**common, "time_ms": "1"}, {"event": "prompt", "schema": 1}, {**common, "event": "clip"}):
        assert_true(eventtable.violations([bad]), "not of the table: %r" % bad)


def test_environment_is_clean(ctx):
    os.environ["CCVM_SELFTEST_LEAK"] = "1"
    _, out, _ = ctx.run(["env"], env={"EXTRA": "yes", "TERM": None})
    names = {line.split("=")[0] for line in out.decode().splitlines()}
    assert_in("EXTRA", names, "names")
    assert_not_in("TERM", names, "names")
    assert_not_in("CCVM_SELFTEST_LEAK", names, "names")


def test_bytes_and_codes(ctx):
    data = bytes(range(256)) * 4096 * 3
    code, out, err = ctx.run(["sh", "-c", "cat; echo apart >&2; exit 42"], stdin=data)
    assert_eq(code, 42, "exit code")
    assert_eq(out, data, "3 MiB through a pipe")
    assert_eq(err, b"apart\n", "stderr")
    assert_eq(ctx.run(["sh", "-c", "kill -TERM $$"])[0], -signal.SIGTERM, "code after a signal")


def test_timeout_kills_the_whole_session(ctx):
    fails(lambda: ctx.run(["sh", "-c", "echo begun; sleep 1000 & sleep 1000"], timeout=1), r"(?s)did not happen.*begun")
    assert_nothing_left(ctx, timeout=5)


def test_held_output_is_named(ctx):
    fails(lambda: ctx.run(["sh", "-c", "sleep 1000 & exit 3"], timeout=1), "ended with 3, but something still holds")


def test_daemons_are_found(ctx):
    proc = ctx.spawn(["sh", "-c", "setsid sh -c 'setsid sleep 1000 >/dev/null 2>&1 &' & wait"], stdin=None)
    proc.wait(10)
    wait_until(lambda: [p.name for p in ctx.processes()] == ["sleep"], 10, "the daemon to be seen")
    fails(lambda: assert_nothing_left(ctx, timeout=0.2), "sleep")
    procs.kill_all(p.pid for p in ctx.processes())
    assert_nothing_left(ctx)


def test_files_left_are_found(ctx):
    assert_nothing_left(ctx)
    before = fingerprint(ctx.cache)
    ctx.write(os.path.join(ctx.runtime, "ccvm", "one", "sock"), b"")
    fails(lambda: assert_nothing_left(ctx, timeout=0.2), "ccvm/one")
    ctx.run(["rm", "-r", os.path.join(ctx.runtime, "ccvm")])
    ctx.write(os.path.join(ctx.cache, "ccvm", "x"), b"")
    fails(lambda: assert_nothing_left(ctx, cache=before), r"new: +ccvm/x")


@each({"content": ["sh", "-c", "echo b >>f; touch -r g f"], "mode": ["chmod", "600", "f"], "time": ["touch", "f"],
       "new": ["touch", "new"], "gone": ["rm", "f"], "link": ["ln", "-sfn", "g", "l"],
       "made and removed": ["sh", "-c", "touch -d 2001-01-01 .; touch x; rm x"]})
def test_tree_changes_show(ctx, change):
    ctx.run(["sh", "-c", "echo a >g; echo a >f; touch -r g f; ln -s f l; mkdir d; touch -d 2001-01-01 ."])
    before = fingerprint(ctx.workspace)
    assert_tree_same(before, fingerprint(ctx.workspace))
    assert_eq(ctx.run(change)[0], 0, "exit code of the change")
    fails(lambda: assert_tree_same(before, fingerprint(ctx.workspace)), r"(new|gone|changed): +")


def test_search_for_bytes(ctx):
    secret = b"key-" + os.urandom(8).hex().encode()
    path = ctx.write(os.path.join(ctx.home, "deep", "file"), b"x" * ((1 << 20) - 5) + secret + b"\0rest")
    assert_eq(find_in_tree(secret, ctx.home, ctx.runtime), [path], "files with the secret across a block's end")
    assert_eq(find_in_tree(secret[::-1], ctx.home), [], "files with other bytes")
    one = ctx.spawn(["sh", "-c", "echo up; read x", secret.decode()], stdin=None)
    two = ctx.spawn(["sh", "-c", "echo up; read x"], stdin=None, env={"KEY": secret.decode()})
    for p in (one, two):
        p.wait_for(b"up", 10)
    assert_eq(find_in_procs(secret, [one.pid, two.pid]), [(one.pid, "cmdline"), (two.pid, "environ")], "places")
    assert_eq(environ(two.pid)[b"KEY"], secret, "variable")
    assert_true("Max core file size" in limits(one.pid), "limits are read")


def test_spawn_talks(ctx):
    p = ctx.spawn(["sh", "-c", "trap 'echo got TERM; exit 7' TERM; read x; echo heard $x; "
                               "sleep 1000 >/dev/null 2>&1 & wait"],
                  stdin=None)
    p.send(b"hello\n")
    p.wait_for(rb"heard hello\n", 10)
    p.signal(signal.SIGTERM)
    p.close_stdin()
    assert_eq(p.wait(10), 7, "exit code")
    assert_in(b"got TERM", p.out, "output")


def test_failures_show_both_values(ctx):
    fails(lambda: assert_eq(b"a\x1b[31m", b"b", "bytes"), r"(?s)got: +b'a\\x1b\[31m'.*want: +b'b'")
    fails(lambda: assert_eq(b"x" * 9000 + b"1", b"x" * 9000 + b"2"), "first difference at 9000")
    try:
        assert_eq("x" * 10**6, "y")
    except AssertionError as e:
        assert_true(len(str(e)) < 3000, "the message is bounded")


# -- tmux -------------------------------------------------------------------------------------------------------------

def test_tmux_screen_keys_resize(ctx):
    t = Tmux(ctx, ["sh", "-c", 'trap "stty size" WINCH; stty size; while :; do read x && echo "<$x>"; done'], 80, 24)
    t.wait_for(r"^24 80$", 10)
    t.send("a b;c")
    t.keys("Enter")
    t.wait_for(r"^<a b;c>$", 10)
    t.resize(60, 20)
    t.wait_for(r"^20 60$", 10)
    t.keys("C-c")
    assert_eq(t.exit_code(10), 130, "exit code")


def test_tmux_sees_a_terminal_left_raw(ctx):
    good = Tmux(ctx, ["sh", "-c", "printf '\\033[?1049h\\033[?1000h'; read x; "
                                  "printf '\\033[?1049l\\033[?1000l'; exit 3"])
    wait_until(lambda: good.flags()["alternate_on"] and good.flags()["mouse_any_flag"], 10, "modes to be seen")
    good.keys("Enter")
    assert_eq(good.exit_code(10), 3, "exit code")
    assert_eq(*good.modes(), "terminal modes")
    assert_eq(good.flags()["alternate_on"], False, "alternate screen")
    bad = Tmux(ctx, ["sh", "-c", "stty raw -echo"])
    assert_eq(bad.exit_code(10), 0, "exit code")
    before, after = bad.modes()
    assert_true(" icanon" in before and "-icanon" in after, "the raw mode shows")


def test_tmux_sees_a_stopped_program(ctx):
    t = Tmux(ctx, ["sh", "-c", "echo up; exec cat"])
    t.wait_for("^up", 10)
    wait_until(lambda: t.program() and t.program().name == "cat", 10, "the program")
    t.keys("C-z")
    assert_eq(t.exit_code(10), 148, "what the shell says of a stopped program")


# -- the API server ---------------------------------------------------------------------------------------------------

def ask(api, text, stream=False, path="/v1/messages?beta=true", messages=None, **more):
    """(status, headers, parsed body or list of stream events) of one raw request."""
    body = {"model": "m-1", "max_tokens": 100, "stream": stream, "tools": [{"name": "Bash"}],
            "messages": messages or [{"role": "user", "content": text}], **more}
    conn = http.client.HTTPConnection("127.0.0.1", api.port, timeout=20)
    conn.request("POST", path, json.dumps(body), {"x-api-key": "k-123", "content-type": "application/json"})
    answer = conn.getresponse()
    data = answer.read()
    conn.close()
    if not answer.headers["content-type"].startswith("text/event-stream"):
        return answer.status, answer.headers, json.loads(data)
    events = re.findall(rb"event: (\S+)\ndata: (.*)\n\n", data)
    assert_eq(b"".join(b"event: %s\ndata: %s\n\n" % e for e in events), data, "the stream is made of events")
    for name, value in events:
        assert_eq(json.loads(value)["type"], name.decode(), "type inside an event")
    return answer.status, answer.headers, [json.loads(v) for _, v in events]


def test_api_default_answer(ctx):
    api = Api(ctx)
    status, _, body = ask(api, "hi")
    assert_eq((status, body["role"], body["stop_reason"]), (200, "assistant", "end_turn"), "answer")
    want = [{"type": "text", "text": "This is ccvm's scripted API server: you said: hi"}]
    assert_eq(body["content"], want, "content")
    assert_eq(api.keys(), {"k-123"}, "keys seen")
    assert_eq(os.stat(api.log).st_mode & 0o777, 0o600, "mode of the log, which has keys")
    reminded = [{"role": "user", "content": [{"type": "text", "text": "<system-reminder>\nx\n</system-reminder>"},
                                             {"type": "text", "text": "real"}]}, {"role": "system", "content": "env"}]
    body = ask(api, "", messages=reminded)[2]
    assert_in("you said: real", body["content"][0]["text"], "answer to the user's own text")
    assert_in("env", api.last_context(), "context of the last request")


def test_api_stream_order(ctx):
    api = Api(ctx, [{"text": "0123456789" * 20}])
    status, headers, events = ask(api, "go", stream=True)
    assert_eq((status, headers["content-type"]), (200, "text/event-stream; charset=utf-8"), "answer")
    kinds = [e["type"] for e in events]
    deltas = kinds.count("content_block_delta")
    assert_eq(kinds, ["message_start", "ping", "content_block_start"] + ["content_block_delta"] * deltas
              + ["content_block_stop", "message_delta", "message_stop"], "order of the events")
    text = "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta")
    assert_eq(text, "0123456789" * 20, "text")
    assert_eq(events[0]["message"]["content"], [], "content of the start")
    assert_eq(events[-2]["delta"]["stop_reason"], "end_turn", "stop reason")


def test_api_tool_round_trip(ctx):
    api = Api(ctx, [{"match": "^ls$", "tool": {"name": "Bash", "input": {"command": "ls"}}, "then": "saw {result}"}])
    _, _, events = ask(api, "ls", stream=True)
    start = next(e["content_block"] for e in events if e["type"] == "content_block_start")
    assert_eq((start["type"], start["name"], start["input"]), ("tool_use", "Bash", {}), "block of the tool")
    given = "".join(e["delta"]["partial_json"] for e in events if e["type"] == "content_block_delta")
    assert_eq(json.loads(given), {"command": "ls"}, "input of the tool")
    assert_eq(events[-2]["delta"]["stop_reason"], "tool_use", "stop reason")
    talk = [{"role": "user", "content": "ls"}, {"role": "assistant", "content": [start]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": start["id"],
                                          "content": [{"type": "text", "text": "a.txt\n"}]}]}]
    assert_eq(ask(api, "", messages=talk)[2]["content"][0]["text"], "saw a.txt", "text after the tool")
    talk += [{"role": "assistant", "content": "saw"}, {"role": "user", "content": "ls"}]
    assert_eq(ask(api, "", messages=talk)[2]["stop_reason"], "tool_use", "the loop begins anew with a new prompt")


def test_api_errors_and_new_rules(ctx):
    api = Api(ctx, [{"status": 529, "times": 1, "message": "busy"}, {"text": "fine"}])
    status, headers, body = ask(api, "x")
    want = {"type": "overloaded_error", "message": "busy"}
    assert_eq((status, body["type"], body["error"]), (529, "error", want), "error")
    assert_eq(headers["x-should-retry"], "true", "retry header of an error that goes away")
    assert_eq(ask(api, "x")[2]["content"][0]["text"], "fine", "answer after the error")
    api.set_rules([{"status": 401}])
    status, headers, body = ask(api, "x", stream=True)
    got = (status, body["error"]["type"], headers["x-should-retry"])
    assert_eq(got, (401, "authentication_error", "false"), "error")
    assert_eq(ask(api, "x", path="/v1/elsewhere")[0], 404, "status of an unknown path")
    assert_true(ask(api, "x", path="/v1/messages/count_tokens")[2]["input_tokens"] > 0, "tokens are counted")
    assert_eq(ask(api, "x", messages=5)[0], 400, "status of a bad request")


def test_api_side_questions(ctx):
    api = Api(ctx, [{"status": 500}])
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    _, _, body = ask(api, "x", tools=[], output_config={"format": {"type": "json_schema", "schema": schema}})
    assert_eq(json.loads(body["content"][0]["text"]), {"title": "ccvm test session"}, "title")
    assert_eq(api.messages(), [], "side questions are not the agent's requests")


def test_api_survives_rude_clients(ctx):
    api = Api(ctx, [{"match": "hang", "hang": True}, {"match": "long", "text": "y" * 100000, "pace": 0.05},
                    {"match": "cut", "cut": True, "text": "half of it"}])
    for text in ("hang", "long"):
        conn = http.client.HTTPConnection("127.0.0.1", api.port, timeout=20)
        body = {"stream": True, "messages": [{"role": "user", "content": text}]}
        conn.request("POST", "/v1/messages", json.dumps(body))
        api.requests()
        conn.close()
    try:
        ask(api, "cut", stream=True)
        raise AssertionError("a cut stream looked whole")
    except http.client.IncompleteRead:
        pass
    assert_eq(ask(api, "hi")[0], 200, "status after that")


def test_api_ends_with_its_parent(ctx):
    parent = ctx.spawn(["sh", "-c", "read x"], stdin=None)
    server = subprocess.Popen([sys.executable, os.path.join(REPO, "tools/apiserver/apiserver.py"), "--demo",
                               "--parent-pid", str(parent.pid)], stdout=subprocess.PIPE)
    ctx.ignored.add(server.pid)
    assert_match(rb"^listening 127\.0\.0\.1:\d+\n$", server.stdout.readline(), "first line")
    parent.close_stdin()
    assert_eq(server.wait(20), 0, "exit code once the parent is gone")


# -- TAP -------------------------------------------------------------------------------------------

TAP = {
    "passed": ("1..1\nok 1 - a\n", [("a", True)], []),
    "plan at the end": ("ok 1 - a\nnot ok 2 - b\n1..2\n", [("a", True), ("b", False)], []),
    "skips": ("1..3\nok 1 - a # SKIP no tool\nok 2 # skip\nnot ok 3 # SKIP c\n",
              [("a", "no tool"), ("", "skip() in the test"), ("c", "skip() in the test")], []),
    "two groups of cmocka": ("1..1\nok 1 - a\n# ok - g\n1..2\nok 1 - b\nok 2 - c\n",
                             [("a", True), ("b", True), ("c", True)], []),
    "one is missing": ("1..2\nok 1 - a\n", [("a", True)], ["1 of 2 cases reported"]),
    "one too many": ("1..1\nok 1 - a\nok 2 - b\n", [("a", True), ("b", True)],
                     ["2 of 1 cases reported"]),
    "out of order": ("1..2\nok 1 - a\nok 3 - b\n", [("a", True), ("b", True)],
                     ["case 3 came where 2 was due"]),
    "no plan": ("ok 1 - a\n", [("a", True)], ["no plan, 1 cases reported"]),
    "nothing": ("", [], ["no plan, 0 cases reported"]),
    "an empty plan": ("1..0\n", [], ["0 of 0 cases reported"]),
    "given up": ("1..1\nok 1 - a\nBail out! no disk\n", [("a", True)], ["Bail out! no disk"]),
    "text that looks like it": ("1..1\nokay\nnot okay\nok 1 - a\n", [("a", True)], []),
}


@each(TAP)
def test_tap(ctx, case):
    output, cases, problems = case
    got = Tap(output)
    assert_eq([(c.name, c.verdict) for c in got.cases], cases, "cases")
    assert_eq(got.problems, problems, "problems")


def test_tap_keeps_what_explains(ctx):
    got = Tap("1..2\n0x1 != 0x2\nnot ok 1 - a\n# a.c:7: error\n# not ok - group\n"
              "ok 2 - b\n# of b\nlost\n")
    assert_eq([c.notes for c in got.cases], [["0x1 != 0x2", "# a.c:7: error"], []], "notes")
    assert_eq(got.rest, ["lost"], "lines after the last case")


def test_tap_of_scripts(ctx):
    def script(name, text):
        top = "#!/bin/bash\n. %s/tests/lib/check.sh\n" % REPO
        return ctx.write(os.path.join(ctx.home, name), top + text, 0o755)
    inner = script("inner", "check one true\nskip two 'no tool'\n"
                            "check three eval 'echo why; false'\ndone_testing\n")
    early = script("early", "pass one\nexit\n")
    outer = script("outer", "report empty ''\nreport full 'a finding'\n"
                            "include %s\ninclude %s\ndone_testing\n" % (inner, early))
    done = subprocess.run([outer], capture_output=True, text=True, check=False)
    assert_eq(done.stdout.splitlines(), [
        "ok 1 - empty", "not ok 2 - full", "#   a finding",
        "ok 3 - one", "ok 4 - two # SKIP no tool", "not ok 5 - three", "#   why",
        "ok 6 - one", "not ok 7 - all results of " + early, "#   1 came, planned: none",
        "1..7"], "output")
    assert_eq((done.returncode, done.stderr), (1, ""), "exit code and stderr")


# -- the runner: a tree with its files and with tests of its own -----------------------------------

class Tree:
    """A tree, and places for what its runs make."""

    def __init__(self, ctx, files, more=""):
        """files: {path below tests/, or below build/: text}. more: lines for the end of
        conftest.py."""
        self.ctx = ctx
        self.top, self.tmp = os.path.join(ctx.dir, "tree"), os.path.join(ctx.dir, "disk")
        self.ram = ctx.runtime + "-ram"
        for path in (self.tmp, self.ram, os.path.join(self.top, "tests")):
            os.makedirs(path)
        ctx.on_close(lambda: shutil.rmtree(self.ram, ignore_errors=True))
        for name in ("pytest.ini", "tests/run.py", "tests/conftest.py"):
            shutil.copy(os.path.join(REPO, name), os.path.join(self.top, name))
        os.symlink(os.path.join(REPO, "tests/lib"), os.path.join(self.top, "tests/lib"))
        with open(os.path.join(self.top, "tests/conftest.py"), "a", encoding="utf-8") as f:
            f.write(more)
        for folder in ("unit", "fuzz", "host", "boot"):
            os.makedirs(os.path.join(self.top, "tests", folder))
        for name, text in files.items():
            path = os.path.join(self.top, name if name.startswith("build/") else "tests/" + name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(path, 0o755 if text.startswith("#!") else 0o644)

    def start(self, *args, env=None):
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("CCVM_", "PYTEST"))}
        mine |= {"CCVM_TEST_IMAGE": "", "TMPDIR": self.tmp, "XDG_RUNTIME_DIR": self.ram}
        argv = [sys.executable, os.path.join(self.top, "tests/run.py"), *args]
        self.process = subprocess.Popen(argv, env=mine | (env or {}), stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.ctx.ignored.add(self.process.pid)
        return self.process

    def run(self, *args, env=None):
        self.start(*args, env=env)
        return self.end()

    def end(self):
        """(exit code, output) of the run, of which nothing is left."""
        output = self.process.communicate()[0]
        if "# kept" not in output:
            self.assert_nothing_left(self.process)
        return self.process.returncode, output

    def assert_nothing_left(self, process):
        assert_eq((os.listdir(self.tmp), os.listdir(self.ram)), ([], []), "directories left")
        mark = "ccvm tests of %d " % process.pid
        users = [u.pw_name for u in pwd.getpwall() if u.pw_gecos.startswith(mark)]
        assert_eq(users, [], "users left")


def last_line(output):
    return output.rstrip("\n").split("\n")[-1]


def assert_ended(result, code, last):
    assert_eq((result[0], last_line(result[1])), (code, last), "exit code and last line")


def verdict(output, test):
    """What a run said of a test at once."""
    m = re.search(r"^%s (PASSED|FAILED|SKIPPED|ERROR)" % re.escape(test), output, re.M)
    return m[1] if m else None


def told(output, name):
    """The report of a failure at a run's end."""
    head = r"^_+ (?:ERROR at \w+ of |ERROR collecting )?%s _+\n" % re.escape(name)
    return "".join(re.findall(head + r"(.*?)(?=^_{4,}|^={4,}|\Z)", output, re.M | re.S))


def assert_told(output, texts):
    """texts: {test: a part of its failure's report}."""
    for name, part in texts.items():
        assert_in(part, told(output, name), "what was told of " + name)


def cmocka(*cases):
    return "const struct CMUnitTest tests[] = {%s};\n" % ", ".join(cases)


def program(text):
    return "#!/bin/sh\n" + text


SAMPLE = {
    "unit/good_test.c": cmocka("cmocka_unit_test(one)",
                               "cmocka_unit_test_setup_teardown(two, a, b)"),
    "build/test/unit/good_test": program('test "$CMOCKA_MESSAGE_OUTPUT" = TAP || exit 1\n'
                                         'echo "1..2"; echo "ok 1 - one"; echo "ok 2 - two"\n'),
    "unit/bad_test.c": "#define CASE(f) cmocka_unit_test_setup(f, a)\n"
                       + cmocka("CASE(one)", "CASE(two)", "CASE(three)"),
    "build/test/unit/bad_test": program('echo "1..2"; echo "0x1 != 0x2" >&2; '
                                        'echo "not ok 1 - one"; '
                                        'echo "ok 2 - two # SKIP no tool"; '
                                        'echo "1..1"; echo "not ok 1 # SKIP three"; exit 1\n'),
    "unit/crash_test.c": cmocka("cmocka_unit_test(one)", "cmocka_unit_test(two)"),
    "build/test/unit/crash_test": program('echo "1..2"; echo "ok 1 - one"; kill -SEGV $$\n'),
    "unit/late_test.c": cmocka("cmocka_unit_test(one)"),
    "build/test/unit/late_test": program('echo "1..1"; echo "ok 1 - one"; echo a leak; exit 23\n'),
    "unit/more_test.c": cmocka("cmocka_unit_test(one)"),
    "build/test/unit/more_test": program('echo "1..2"; echo "ok 1 - one"; '
                                         'echo "not ok 2 - unnamed"; exit 1\n'),
    "unit/hangs_test.c": cmocka("cmocka_unit_test(one)"),
    "build/test/unit/hangs_test": program('echo "1..1"; sleep 1000\n'),
    "unit/unbuilt_test.c": cmocka("cmocka_unit_test(one)"),
    "unit/empty_test.c": cmocka(),
    "fuzz/nothing.c": "", "build/test/fuzz/nothing": program(""),
    "fuzz/fine.c": "", "build/test/fuzz/fine": program('test "$(cat "$1")" = case\n'),
    "fuzz/corpus/fine/1": "case\n",
    "fuzz/wrong.c": "", "build/test/fuzz/wrong": program("echo overflow; exit 1\n"),
    "fuzz/corpus/wrong/1": "",
}


@test(timeout=60)
def test_runner_counts_programs(ctx):
    tree = Tree(ctx, SAMPLE, "programs.TIMEOUT = 2\n")
    code, out = tree.run("--only", "unit", "--only", "fuzz", "--jobs", "4")
    for name in ("unit/good_test.c::one", "unit/good_test.c::two", "unit/crash_test.c::one",
                 "unit/late_test.c::one", "unit/more_test.c::one", "fuzz/fine.c::fine"):
        assert_eq(verdict(out, "tests/" + name), "PASSED", name)
    assert_told(out, {
        "unit.bad_test.one": "0x1 != 0x2",
        "unit.crash_test.two": "the program was ended by signal 11; 1 of 2 cases reported",
        "unit.late_test": "the program ended with exit code 23\na leak",
        "unit.more_test.unnamed": "it gave no reason",
        "unit.hangs_test.one": "was killed: not done after 2 s; 0 of 1 cases",
        "unit.unbuilt_test.one": "unbuilt_test is not built",
        "tests/unit/empty_test.c": "names a case",
        "fuzz.nothing": "has no files",
        "fuzz.wrong": "exit code 1\noverflow"})
    skips = "\n  unit.bad_test.two: no tool\n  unit.bad_test.three: skip() in the test\n"
    assert_in(skips, out, "skips, as cmocka has them too")
    assert_ended((code, out), 1, "6 passed, 9 failed, 2 skipped")


@test(timeout=60)
def test_runner_takes_programs_from_elsewhere(ctx):
    tree = Tree(ctx, {"unit/good_test.c": SAMPLE["unit/good_test.c"],
                      "build/other/good_test": SAMPLE["build/test/unit/good_test"]})
    os.chdir(os.path.join(tree.top, "build"))
    assert_ended(tree.run("--no-system", "--unit", "other", "--jobs=2"), 0, "2 passed, 0 failed")


@test(timeout=60)
def test_runner_fails_when_nothing_ran(ctx):
    argv = [sys.executable, os.path.join(REPO, "tests/run.py"), "--only", "no.such.test"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert_ended((done.returncode, done.stdout), 1, "0 passed, 0 failed")
    assert_in("nothing matches no.such.test", done.stdout, "output")


PYTHON = {"host/test_a.py": r"""
import os, signal, subprocess
from harness import Skip, each, test

def test_fine(ctx):
    assert ctx.run(["id", "-u"])[1].decode().strip() == str(ctx.uid)

@each({"one": 1, "two words": 2, "a.b": 3})
def test_each(ctx, value):
    assert value < 3, "three"

@test(timeout=1)
def test_hangs(ctx):
    ctx.run(["sleep", "1000"], timeout=900)

@test(timeout=1)
def test_hangs_deaf(ctx):
    print("before it hung")
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGTERM])
    signal.pause()

@test(timeout=1)
def test_hangs_at_its_end(ctx):
    ctx.on_close(signal.pause)

def test_crashes(ctx):
    print("before\x1bthe end")
    os.kill(os.getpid(), signal.SIGSEGV)

def test_ends_the_process(ctx):
    os._exit(0)

def test_skips(ctx):
    raise Skip("no tool")

def test_fails_twice(ctx):
    ctx.on_close(lambda: 1 / 0)
    ctx.run(["sh", "-c", "echo of-the-program; sleep 1000 >/dev/null 2>&1 &"])
    raise AssertionError("as it must")

def test_cannot_clean_up(ctx):
    ctx.on_close(lambda: 1 / 0)

def leave(ctx, argv):
    with open(os.environ["PIDS"], "a") as f:
        f.write("%d " % subprocess.Popen(argv, start_new_session=True).pid)

def test_leaves_a_process(ctx):
    leave(ctx, ["sleep", "1000"])

def test_leaves_a_daemon(ctx):
    ctx.run(["sh", "-c", "setsid sh -c 'setsid sleep 1000 >/dev/null 2>&1 &'"])

def test_leaves_one_and_skips(ctx):
    leave(ctx, ["sleep", "1000"])
    raise Skip("after that")

def test_leaves_one_and_dies(ctx):
    leave(ctx, ["sleep", "1000"])
    os._exit(0)

def test_leaves_files(ctx):
    ctx.write(os.path.join(ctx.home, "deep", "file"), b"x")
    ctx.write(os.path.join(ctx.runtime, "file"), b"x")
""",
          "host/test_broken.py": "import no_such_module\n",
          "host/test_broken_too.py": "def test_x(ctx:\n"}


@test(timeout=90)
def test_runner_and_python_tests(ctx):
    """Each failure is reported with its reason and counted once; later tests run."""
    tree = Tree(ctx, PYTHON, "forked.GRACE = 2\n")
    pids = ctx.write(os.path.join(ctx.dir, "pids"), "")
    code, out = tree.run("--only", "host", env={"PIDS": pids})
    for name, want in {"fine": "PASSED", "each[one]": "PASSED", "each[two words]": "PASSED",
                       "each[a.b]": "FAILED", "skips": "SKIPPED", "leaves_files": "PASSED",
                       "leaves_one_and_skips": "SKIPPED"}.items():
        assert_eq(verdict(out, "tests/host/test_a.py::test_" + name), want, name)
    assert_told(out, {
        "test_hangs": "ran: sleep 1000 -> running",
        "test_hangs_at_its_end": "not done after 1 s",
        "test_ends_the_process": "process died: exit code 0",
        "test_cannot_clean_up": "ZeroDivisionError",
        "tests/host/test_broken.py": "No module named 'no_such_module'",
        "tests/host/test_broken_too.py": "SyntaxError"})
    for name, pattern in {
            "test_hangs": r"test_a.py:\d+: in test_hangs\n.*not done after 1 s",
            "test_hangs_deaf": "process was killed.*before it hung",
            "test_crashes": r"process died: signal 11.*before\\x1bthe end",
            "test_fails_twice": "as it must.*of-the-program",
            "test_leaves_a_process": "processes left differs.*sleep",
            "test_leaves_a_daemon": "processes left differs.*sleep"}.items():
        assert_match("(?s)" + pattern, told(out, name), "what was told of " + name)
    assert_in("\n  host.test_a.test_skips: no tool\n", out, "reason of the skip")
    with open(pids, encoding="ascii") as f:
        left = [int(pid) for pid in f.read().split()]
    assert_eq(len(left), 3, "processes that tests left")
    assert_eq([pid for pid in left if procs.alive(pid)], [], "those that are still there")
    failed = re.search(r"\nfailed:\n((?:  .*\n)*)", out)[1].splitlines()
    assert_eq(len(failed), len(set(failed)), "number of failed tests, and of their names")
    assert_ended((code, out), 1, "4 passed, 13 failed, 2 skipped")


@test(timeout=90)
def test_runner_chooses(ctx):
    """By name, by node id and by -k; what is not asked for is not even loaded."""
    tree = Tree(ctx, {**PYTHON, **SAMPLE})
    for args, last in {("--only", "host.test_a.test_fine"): "1 passed, 0 failed",
                       ("--only", "host.test_a.test_each[[]t*",
                        "--only", "unit.good_test"): "3 passed, 0 failed",
                       ("tests/host/test_a.py::test_each[one]",): "1 passed, 0 failed",
                       ("tests/host/test_a.py", "-k", "test_each and not b"): "2 passed, 0 failed",
                       ("tests/unit/good_test.c::two",): "1 passed, 0 failed",
                       ("--only", "host.test_a.test_skips"):
                       "0 passed, 0 failed, 1 skipped"}.items():
        assert_ended(tree.run(*args), int(last.startswith("0")), last)
    _, out = tree.run("--list")
    for name in ("host.test_a.test_each[two words]", "unit.bad_test.three", "fuzz.fine"):
        assert_in("\n%s\n" % name, "\n" + out, "list")
    assert_match(r"(?m)^host.test_broken: cannot be loaded: .*no_such_module", out, "list")
    assert_not_in("passed", out, "list")
    assert_eq(tree.run("--pdb")[0], 4, "exit code of what cannot work")


SCRIPTS = {
    "host/fine.sh": 'echo "ok 1 - one: it"; echo "ok 2 - two # SKIP no tool"; echo "1..2"\n',
    "host/bad.sh": 'echo "1..1"; echo "not ok 1 - one"; echo "#   why"; exit 1\n',
    "host/early.sh": 'echo "1..2"; echo "ok 1 - one"; exit 3\n',
    "host/unplanned.sh": 'echo "ok 1 - one"\n',
    "host/silent.sh": "exit 0\n",
    "host/dies.sh": 'echo "1..1"; echo "ok 1 - one"; kill -KILL $$\n',
}


@test(timeout=60)
def test_runner_and_scripts(ctx):
    files = {name: program(text) for name, text in SCRIPTS.items()}
    tree = Tree(ctx, {**files, "host/helper.sh": "exit 1\n"})
    code, out = tree.run("--only", "host")
    assert_eq(verdict(out, "tests/host/fine.sh::one: it"), "PASSED", "a check")
    assert_in("\n  host.fine: two: no tool\n", out, "skip")
    assert_told(out, {"host.bad: one": "why",
                      "host.early": "exit code 3; 1 of 2 cases",
                      "host.unplanned": "no plan",
                      "host.silent": "no plan",
                      "host.dies": "signal 9"})
    assert_ended((code, out), 1, "4 passed, 5 failed, 1 skipped")


BOOT = {"boot/test_b.py": """
from harness import test

@test(boot="cold")
def test_cold(ctx):
    assert ctx.boot_env["CCVM_TEMPLATE"] == "0"

@test(boot="template")
def test_template(ctx):
    assert ctx.boot_env["CCVM_TEMPLATE"] == "use"
""" + "".join('def test_%d(ctx):\n    print("start=" + ctx.boot_env["CCVM_TEMPLATE"])\n' % n
              for n in range(8))}


@test(timeout=60)
def test_runner_and_boots(ctx):
    """Half of the boots from a template; one that cannot be made is a failure of its own."""
    tree, seen = Tree(ctx, BOOT), {}
    for how in ("", "other", "cold", "template"):
        _, out = tree.run("--only", "boot", "-s", env={"CCVM_TEST_BOOT": how})
        seen[how] = re.findall(r"start=(\w+)", out)
        assert_told(out, {"boot.template": "no programs or no image"})
        assert_eq(last_line(out), "10 passed, 1 failed", "last line")
    assert_eq(set(seen[""]), {"0", "use"}, "ways to start")
    assert_eq([{"0": "use", "use": "0"}[x] for x in seen["other"]], seen[""], "the other way round")
    assert_eq((set(seen["cold"]), set(seen["template"])), ({"0"}, {"use"}), "ways asked for")


WAITS = {"host/test_w.py": """
import os, signal

def sign(name, text=""):
    path = os.path.join(os.environ["SIGNS"], name)
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)

def test_fine(ctx):
    pass

def test_waits(ctx):
    ctx.on_close(lambda: sign("closed"))
    ctx.run(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &"])
    sign("begun", " ".join(str(p.pid) for p in ctx.processes()) + " %d" % os.getpid())
    signal.pause()

def test_never(ctx):
    sign("never")
""", "unit/waits_test.c": cmocka("cmocka_unit_test(one)"),
         "build/test/unit/waits_test": program('echo $$ >"$SIGNS/new"; '
                                               'mv "$SIGNS/new" "$SIGNS/begun"; sleep 1000\n'),
         "unit/waits_too_test.c": cmocka("cmocka_unit_test(one)"),
         "build/test/unit/waits_too_test": program('touch "$SIGNS/never"\n')}


LOADS = """
import os, signal
os.mkdir(os.environ["SIGNS"] + "/new")
os.rename(os.environ["SIGNS"] + "/new", os.environ["SIGNS"] + "/begun")
signal.pause()
"""


def begin(ctx, *args, more=None):
    """A run that waits in the middle: (the tree, its directory of signs, processes that have to
    go)."""
    tree, signs = Tree(ctx, more or WAITS), os.path.join(ctx.dir, "signs")
    os.mkdir(signs, 0o755)
    tree.start(*args, env={"SIGNS": signs})
    begun = os.path.join(signs, "begun")
    wait_until(lambda: os.path.exists(begun), 30, "begin of the test")
    return tree, signs, [int(pid) for pid in (procs.read(begun) or b"").split()]


@each({"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM})
def test_runner_is_stopped(ctx, sig):
    """Everything is cleaned up, and the run has failed."""
    tree, signs, pids = begin(ctx, "--only", "host")
    assert_eq(len(pids), 2, "processes of the test")
    tree.process.send_signal(sig)
    code, out = tree.end()
    assert_ended((code, out), 1, "1 passed, 1 failed")
    assert_match(r"(?m)^!+ stopped by a signal !+$", out, "output")
    assert_eq([pid for pid in pids if procs.alive(pid)], [], "processes left")
    assert_eq(sorted(os.listdir(signs)), ["begun", "closed"], "what the tests did")


@test(timeout=60)
def test_runner_is_stopped_in_a_program(ctx):
    tree, signs, pids = begin(ctx, "--only", "unit")
    tree.process.send_signal(signal.SIGTERM)
    code, out = tree.end()
    assert_ended((code, out), 1, "0 passed, 1 failed")
    assert_eq([pid for pid in pids if procs.alive(pid)], [], "processes left")
    assert_eq(os.listdir(signs), ["begun"], "what the programs did")


@test(timeout=60)
def test_runner_is_stopped_while_it_loads(ctx):
    tree, signs, _ = begin(ctx, "--only", "host", more={**WAITS, "host/test_z.py": LOADS})
    tree.process.send_signal(signal.SIGTERM)
    code, out = tree.end()
    assert_eq(code, 1, "exit code")
    assert_match("^0 passed, [12] failed$", last_line(out), "last line")
    assert_eq(os.listdir(signs), ["begun"], "what the tests did")


@test(timeout=60)
def test_runner_is_killed(ctx):
    """The test that runs cleans up and ends, and the next run removes what the killed one left."""
    tree, signs, pids = begin(ctx, "--only", "host")
    tree.process.kill()
    tree.process.communicate()
    wait_until(lambda: not any(procs.alive(pid) for pid in pids), 20, "end of the test")
    assert_eq(sorted(os.listdir(signs)), ["begun", "closed"], "what the tests did")
    assert_true(os.listdir(tree.tmp) and os.listdir(tree.ram), "something was left to remove")
    killed = tree.process
    assert_ended(tree.run("--only", "host.test_w.test_fine"), 0, "1 passed, 0 failed")
    tree.assert_nothing_left(killed)


def test_runner_keeps_what_is_asked_for(ctx):
    tree = Tree(ctx, PYTHON)
    _, out = tree.run("--only", "host.test_a.test_leaves_files", env={"CCVM_TEST_KEEP": "1"})
    kept = re.findall(r"(?m)^# kept (.*)$", out)
    assert_eq(len(kept), 2, "directories that were kept")
    assert_true(os.path.exists(os.path.join(kept[0], "t1/home/deep/file")), "a test's file")
    assert_eq(last_line(out), "1 passed, 0 failed", "last line")


def test_runner_that_breaks_has_failed(ctx):
    """The last line alone must not look like a success."""
    more = "def pytest_runtest_logfinish():\n    raise KeyError('of pytest itself')\n"
    code, out = Tree(ctx, PYTHON, more).run("--only", "host.test_a.test_fine")
    assert_match("^[0-9]+ passed, [1-9][0-9]* failed", last_line(out), "last line")
    assert_true(code != 0, "exit code")


def test_runner_cannot_begin(ctx):
    more = "def no(*_):\n    raise RuntimeError('no user to be had')\nharness.User.__init__ = no\n"
    code, out = Tree(ctx, PYTHON, more).run("--only", "host.test_a.test_fine")
    assert_ended((code, out), 1, "0 passed, 1 failed")
    assert_in("no user to be had", out, "output")
