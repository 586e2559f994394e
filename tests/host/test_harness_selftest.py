"""The harness, the runner and the scripted API server themselves: a harness that cannot fail proves nothing."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys

import procs
from api import Api
from checks import wait_until
from harness import (REPO, assert_eq, assert_in, assert_match, assert_not_in, assert_nothing_left, assert_true,
                     assert_tree_same, each, environ, find_in_procs, find_in_tree, fingerprint, limits, test)
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


# -- the runner -------------------------------------------------------------------------------------------------------

SAMPLE = {
    "unit/good": '#!/bin/sh\necho "1..2"; echo "ok 1 - one"; echo "ok 2 - two"\n',
    "unit/bad": '#!/bin/sh\necho "1..2"; echo "0x1 != 0x2" >&2; echo "not ok 1 - one"; '
                'echo "ok 2 - two # SKIP no tool"; '
                'echo "1..1"; echo "not ok 1 # SKIP three"; exit 1\n',
    "unit/crash": '#!/bin/sh\necho "1..2"; echo "ok 1 - one"; kill -SEGV $$\n',
    "fuzz/nothing": "#!/bin/sh\n",
}


@test(timeout=60)
def test_runner_counts_programs(ctx):
    for name, text in SAMPLE.items():
        ctx.write(os.path.join(ctx.home, name), text, 0o755)
    done = subprocess.run([sys.executable, os.path.join(REPO, "tests/run.py"), "--only", "unit", "--only", "fuzz",
                           "--unit", os.path.join(ctx.home, "unit"), "--fuzz", os.path.join(ctx.home, "fuzz")],
                          capture_output=True, text=True, check=False)
    assert_in("ok - unit.good.two\n", done.stdout, "output")
    assert_match(r"not ok - unit\.bad\.one\n +0x1 != 0x2", done.stdout, "failure with its reason")
    assert_in("skip - unit.bad.two: no tool", done.stdout, "skip")
    assert_in("skip - unit.bad.three: skip() in the test", done.stdout, "skip as cmocka prints it")
    assert_match(r"not ok - unit\.crash .*\n +was ended by signal 11, 1 of 2 cases", done.stdout, "crash")
    assert_match(r"not ok - fuzz\.nothing\n.*has no files", done.stdout, "fuzz target without a corpus")
    assert_eq(done.stdout.splitlines()[-1], "3 passed, 3 failed, 2 skipped", "last line")
    assert_eq(done.returncode, 1, "exit code")


@test(timeout=60)
def test_runner_fails_when_nothing_ran(ctx):
    done = subprocess.run([sys.executable, os.path.join(REPO, "tests/run.py"), "--only", "no.such.test"],
                          capture_output=True, text=True, check=False)
    assert_eq((done.returncode, done.stdout.splitlines()[-1]), (1, "0 passed, 0 failed"), "exit code and last line")
