#!/usr/bin/env python3
"""A scripted stand-in for the Anthropic Messages API, on loopback.

The tests and the demo of `make run` need the real Claude Code to work without an account, so this program answers
what claude asks: POST /v1/messages (streamed or not) and POST /v1/messages/count_tokens. No model is behind it: a
list of rules maps the user's last words to an answer. Everything else claude may call gets a JSON 404.

A rule is a JSON object. The first one that fits is used:

  match      regular expression searched in the last user text (default: fits everything)
  system     regular expression searched in the system prompt as well
  times      the rule is used this often and then no more (an error that goes away: {"status": 529, "times": 1})
  text       the answer; {prompt} and {result} stand for the user's text and the last tool's output
  tool       {"name": "Bash", "input": {...}}: ask claude to use a tool; `then` is the text after its result
  steps      a list of {"text": …} or {"tool": …} (both in one step work too): one for each turn of a tool loop
  repeat     the text is sent this many times over (long answers)
  status     an HTTP error (401, 429, 500, 529, …) with `message` and `headers`. Without `times` it is sent with
             `x-should-retry: false`, since claude otherwise tries for minutes (401 as well)
  delay      seconds before the first byte;  pace: seconds between the pieces of a stream
  gate       the path of a file: nothing is sent before it is there
  hang       true: no answer at all until the client goes;  cut: true: the stream breaks off half way

Rules come from --rules FILE (read again whenever the file changes, so a test can replace them while claude runs) or
from the small --demo set. Each request becomes one JSON line in --log, headers and body included: keys of the test
are in there, so the file is made with mode 0600.
"""

import argparse
import gzip
import http.server
import json
import os
import re
import select
import signal
import socketserver
import sys
import threading
import time

MAX_BODY = 64 << 20
ERROR_TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
               404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error",
               500: "api_error", 529: "overloaded_error"}

DEFAULT_RULE = {"text": "This is ccvm's scripted API server: you said: {prompt}"}

NO_MODEL = ("No model is behind this answer: it comes from ccvm's scripted API server, so that you can try ccvm "
            "without an account. For the real Claude, leave this session and start `ccvm` with ANTHROPIC_API_KEY "
            "set, or start `ccvm` without it and use /login inside.")

DEMO_RULES = [
    {"match": r"(?i)\b(list|show|which|what)\b.*\b(files?|folder|directory|here)\b|^\s*(ls|dir)\s*$",
     "steps": [{"text": "I look at the project directory.",
                "tool": {"name": "Bash", "input": {"command": "ls -la", "description": "List the project's files"}}},
               {"text": "That is what `ls -la` printed inside the guest:\n\n```\n{result}\n```\n\n" + NO_MODEL}]},
    {"match": r"(?i)\b(where|kernel|uname|machine|guest|vm)\b",
     "steps": [{"tool": {"name": "Bash", "input": {"command": "uname -a", "description": "Show the guest's kernel"}}},
               {"text": "I run in a throw-away microVM. Its kernel says:\n\n```\n{result}\n```\n\n" + NO_MODEL}]},
    {"match": r"(?i)\bhelp\b|what can you do",
     "text": "Try `list the files` (one harmless command runs in the guest) or `where are you`. " + NO_MODEL},
    {"match": r"(?i)^\s*(hi|hello|hey|good (morning|evening))\b",
     "text": "Hello from ccvm's demo. Try `list the files` or `where are you`. " + NO_MODEL},
    {"text": "You said: {prompt}\n\n" + NO_MODEL},
]


# -- reading a request ------------------------------------------------------------------------------------------------

def text_of(content):
    """The text of a message's or a tool result's content: a string or a list of blocks."""
    if isinstance(content, str):
        return content
    return "\n".join(b.get("text", "") for b in content or [] if isinstance(b, dict) and b.get("type") == "text")


def user_texts(message):
    """What the user typed in one message. claude adds context of its own in <system-reminder> blocks: left out."""
    content = message.get("content")
    blocks = [content] if isinstance(content, str) else [
        b.get("text", "") for b in content or [] if isinstance(b, dict) and b.get("type") == "text"]
    stripped = (re.sub(r"<system-reminder>.*?</system-reminder>", "", b, flags=re.S).strip() for b in blocks)
    return [b for b in stripped if b]


def tool_results(message):
    content = message.get("content")
    if not isinstance(content, list):
        return []
    return [text_of(b.get("content")) for b in content if isinstance(b, dict) and b.get("type") == "tool_result"]


class Asked:
    """The parts of a Messages request that rules look at: .prompt, .system, .turn (tool results since the prompt)
    and .result (the last tool's output)."""

    def __init__(self, body):
        self.system = text_of(body.get("system"))
        self.prompt, self.result, self.turn = "", "", 0
        for message in reversed(body.get("messages") or []):
            if message.get("role") != "user":
                continue
            results = tool_results(message)
            if results:
                self.turn += 1
                self.result = self.result or results[-1]
                continue
            texts = user_texts(message)
            if texts:
                self.prompt = texts[-1]
                break


def side_answer(body, asked):
    """A harmless answer to claude's own questions beside the conversation (titles, topics, quota), or None.

    claude 2.1.330 in full screen asks for a session title this way, with a JSON schema and no tools, unless
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC is set. A schema gets an instance of itself."""
    schema = ((body.get("output_config") or {}).get("format") or body.get("output_format") or {}).get("schema")
    if schema and not body.get("tools"):
        return json.dumps(instance_of(schema))
    if not body.get("tools") and re.search(r"(?i)\b(title|topic|summar|branch name)", asked.system):
        return "ccvm test session"
    if body.get("max_tokens") == 1:
        return "ok"
    return None


def instance_of(schema):
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        return {name: instance_of(sub) for name, sub in (schema.get("properties") or {}).items()}
    return {"array": [], "boolean": False, "integer": 0, "number": 0, "null": None}.get(kind, "ccvm test session")


# -- the script -------------------------------------------------------------------------------------------------------

class Script:
    """The rules, and how often each was used. Safe to use from several threads."""

    def __init__(self, rules=None, path=None):
        self.lock = threading.Lock()
        self.path, self.stamp = path, None
        self.set(rules or [])
        self.reload()

    def set(self, rules):
        for rule in rules:
            for key in ("match", "system"):
                re.compile(rule.get(key, ""))
        self.rules, self.used = list(rules), [0] * len(rules)

    def reload(self):
        if not self.path:
            return
        st = os.stat(self.path)
        stamp = (st.st_ino, st.st_mtime_ns, st.st_size)
        if stamp != self.stamp:
            with open(self.path, encoding="utf-8") as f:
                self.set(json.load(f))
            self.stamp = stamp

    def choose(self, asked):
        with self.lock:
            self.reload()
            for n, rule in enumerate(self.rules):
                if "times" in rule and self.used[n] >= rule["times"]:
                    continue
                if re.search(rule.get("match", ""), asked.prompt) and re.search(rule.get("system", ""), asked.system):
                    self.used[n] += 1
                    return rule
        return DEFAULT_RULE


def content_for(rule, asked):
    """The content blocks a rule answers with in this turn of the tool loop."""
    steps = rule.get("steps")
    if not steps:
        steps = [{"tool": rule["tool"]}, {"text": rule.get("then", "{result}")}] if "tool" in rule else [rule]
    step = steps[min(asked.turn, len(steps) - 1)]
    blocks = []
    if "text" in step:
        text = step["text"].replace("{prompt}", asked.prompt).replace("{result}", asked.result.strip())
        blocks.append({"type": "text", "text": text * int(rule.get("repeat", 1))})
    if "tool" in step:
        blocks.append({"type": "tool_use", "id": "toolu_" + os.urandom(9).hex(), "name": step["tool"]["name"],
                       "input": step["tool"].get("input", {})})
    return blocks


# -- HTTP -------------------------------------------------------------------------------------------------------------

def rough_tokens(value):
    return max(1, len(json.dumps(value)) // 4)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "ccvm-apiserver"
    sys_version = ""
    timeout = 600

    def log_message(self, *_):
        """The request log is a JSON file (Server.record); nothing goes to standard error."""

    def do_HEAD(self):
        self.record(None)
        self.reply(200, None)

    def do_GET(self):
        self.record(None)
        self.refuse(404, "ccvm's scripted API server has no %s" % self.path)

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    def do_POST(self):
        raw = self.body()
        if raw is None:
            return self.refuse(413, "the body is too large")
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = None
        self.record(body if body is not None else raw.decode("utf-8", "backslashreplace"))
        path = self.path.split("?")[0]
        if path not in ("/v1/messages", "/v1/messages/count_tokens"):
            return self.refuse(404, "ccvm's scripted API server has no %s" % self.path)
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            return self.refuse(400, "the body is not a Messages request")
        if path.endswith("count_tokens"):
            return self.reply(200, {"input_tokens": rough_tokens(body)})
        return self.messages(body)

    def body(self):
        """The request's body, or None when it is too large. Handles chunked and gzip bodies."""
        raw = b""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while True:
                size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
                if len(raw) + size > MAX_BODY:
                    return None
                raw += self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
        else:
            length = int(self.headers.get("Content-Length") or 0)
            if length > MAX_BODY:
                self.close_connection = True
                return None
            raw = self.rfile.read(length)
        return gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw

    def record(self, body):
        self.server.record({"time": time.time(), "method": self.command, "path": self.path,
                            "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})

    def reply(self, status, value, headers=None):
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("request-id", "req_" + os.urandom(9).hex())
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, message, headers=None):
        self.reply(status, {"type": "error", "error": {"type": ERROR_TYPES.get(status, "api_error"),
                                                       "message": message}}, headers)

    def messages(self, body):
        asked = Asked(body)
        side = side_answer(body, asked)
        rule = {"text": side} if side is not None else self.server.script.choose(asked)
        if rule.get("hang"):
            self.close_connection = True
            self.rfile.read(1)  # returns when the client goes
            return
        if rule.get("delay"):
            self.server.stopping.wait(rule["delay"])
        while "gate" in rule and not os.path.exists(rule["gate"]) and not self.server.stopping.wait(0.05):
            pass
        if "status" in rule:
            retry = "true" if "times" in rule else "false"
            headers = {"x-should-retry": retry, **rule.get("headers", {})}
            return self.refuse(rule["status"], rule.get("message", "scripted error"), headers)
        blocks = [{"type": "text", "text": side}] if side is not None else content_for(rule, asked)
        message = {"id": "msg_" + os.urandom(9).hex(), "type": "message", "role": "assistant",
                   "model": body.get("model") or "scripted", "content": blocks, "stop_sequence": None,
                   "stop_reason": "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn",
                   "usage": {"input_tokens": rough_tokens(body), "output_tokens": rough_tokens(blocks),
                             "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}}
        if not body.get("stream"):
            return self.reply(200, message)
        return self.stream(message, rule)

    def stream(self, message, rule):
        self.send_response(200)
        self.send_header("request-id", "req_" + os.urandom(9).hex())
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = list(stream_events(message))
        if rule.get("cut"):
            events = events[:len(events) // 2]
        for event in events:
            data = b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode())
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            if rule.get("pace") and event["type"] == "content_block_delta":
                self.server.stopping.wait(rule["pace"])
        if rule.get("cut"):
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")


def stream_events(message):
    """The events of a streamed message, in the order the API sends them. The usage of the start counts no output."""
    start = dict(message, content=[], stop_reason=None, usage=dict(message["usage"], output_tokens=1))
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty, whole = dict(block, text=""), block["text"]
            kind, key = "text_delta", "text"
        else:
            empty, whole = dict(block, input={}), json.dumps(block["input"])
            kind, key = "input_json_delta", "partial_json"
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        size = max(12, len(whole) // 200)
        for at in range(0, len(whole), size):
            yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, key: whole[at:at + size]}}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
           "usage": {"output_tokens": message["usage"]["output_tokens"]}}
    yield {"type": "message_stop"}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address, script, log=None):
        self.script, self.stopping, self.log_lock = script, threading.Event(), threading.Lock()
        self.log = None
        if log:
            fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self.log = os.fdopen(fd, "w", encoding="utf-8")
        super().__init__(address, Handler)

    def server_bind(self):
        """HTTPServer's own would look the address up in DNS, which may hang where there is no network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def record(self, entry):
        if self.log:
            with self.log_lock:
                self.log.write(json.dumps(entry) + "\n")
                self.log.flush()

    def handle_error(self, request, client_address):
        """Clients that go away are normal here; anything else is a defect and is shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def follow_parent(pid, stop):
    """Call stop() when the process pid is gone: a server must not outlive a test run that was killed."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return stop()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.poll()
    return stop()


def main():
    ap = argparse.ArgumentParser(description="scripted stand-in for the Anthropic Messages API, for tests and demos",
                                 epilog="The rules are described at the top of this file.")
    ap.add_argument("--port", type=int, default=0, help="0 (default) picks a free one; it is printed")
    ap.add_argument("--bind", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    ap.add_argument("--rules", help="JSON file with the list of rules")
    ap.add_argument("--demo", action="store_true", help="use the built-in rules of the demo")
    ap.add_argument("--log", help="file that gets each request as one JSON line")
    ap.add_argument("--parent-pid", type=int, help="end when this process is gone")
    args = ap.parse_args()
    if args.demo and args.rules:
        ap.error("--demo and --rules exclude each other")
    try:
        server = Server((args.bind, args.port), Script(DEMO_RULES if args.demo else [], args.rules), args.log)
    except (OSError, ValueError, re.error) as e:
        sys.exit("apiserver: %s" % e)

    def stop(*_):
        server.stopping.set()
        threading.Thread(target=server.shutdown, daemon=True).start()

    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, stop)
    if args.parent_pid:
        threading.Thread(target=follow_parent, args=(args.parent_pid, stop), daemon=True).start()
    print("listening %s:%d" % server.server_address[:2], flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
