"""The scripted API server (tools/apiserver) for one test, and what claude asked of it."""

import json
import os
import subprocess

import procs
from checks import tail, wait_until

PROGRAM = "tools/apiserver/apiserver.py"


class Api:
    """A running server. .url is its address for the host, .guest_url the one for a guest; .rules can be replaced while
    it runs. It belongs to the harness, not to the test user: its log has the keys it saw."""

    def __init__(self, ctx, rules=(), demo=False):
        import harness
        ctx.counter += 1
        base = os.path.join(ctx.private, "api%d" % ctx.counter)
        self.log, self.err, self.rules_path = base + ".log", base + ".err", base + ".rules"
        args = ["/usr/bin/python3", os.path.join(harness.REPO, PROGRAM), "--log", self.log,
                "--parent-pid", str(os.getpid())]
        if not demo:
            self.set_rules(rules)
            args += ["--rules", self.rules_path]
        with open(self.err, "wb") as err:
            self.popen = subprocess.Popen(args + ["--demo"] * demo, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=err, start_new_session=True,
                                          env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
        ctx.ignored.add(self.popen.pid)
        ctx.on_close(self.close)
        ctx.reporters.append(self.report)
        line = self.popen.stdout.readline().decode()
        if not line.startswith("listening "):
            raise AssertionError("the API server did not start: " + str(tail(procs.read(self.err) or b"")))
        self.port = int(line.rsplit(":", 1)[1])
        self.url = "http://127.0.0.1:%d" % self.port
        self.guest_url = "http://10.0.2.2:%d" % self.port

    def set_rules(self, rules):
        """Replace the script, also while claude runs."""
        with open(self.rules_path + ".new", "w", encoding="utf-8") as f:
            json.dump(list(rules), f)
        os.rename(self.rules_path + ".new", self.rules_path)

    def env(self, key="test-key-0123456789abcdefghij", guest=False):
        """Variables that lead claude here and nowhere else."""
        return {"ANTHROPIC_BASE_URL": self.guest_url if guest else self.url, "ANTHROPIC_API_KEY": key,
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1"}

    def requests(self, path=""):
        """All requests so far whose path has this part: objects with time, method, path, headers, body."""
        lines = (procs.read(self.log) or b"").split(b"\n")[:-1]
        return [r for r in map(json.loads, lines) if path in r["path"]]

    def messages(self):
        """The bodies of the requests for an answer of the agent (claude's side questions have no tools)."""
        return [r["body"] for r in self.requests("/v1/messages")
                if isinstance(r["body"], dict) and r["body"].get("tools") and "count_tokens" not in r["path"]]

    def wait_requests(self, n=1, timeout=60):
        """Wait for the n-th request for an answer; returns the bodies."""
        return wait_until(lambda: len(self.messages()) >= n and self.messages(), timeout, "%d requests of claude" % n)

    def keys(self):
        """Every credential seen, from x-api-key and authorization."""
        return {r["headers"][h] for r in self.requests() for h in ("x-api-key", "authorization") if h in r["headers"]}

    def last_context(self):
        """The whole text of the last request: system prompt, reminders (CLAUDE.md is in one), messages."""
        body = self.wait_requests()[-1]
        return "\n".join(texts({"system": body.get("system"), "messages": body["messages"]}))

    def last_system(self):
        """The last request's system prompt, with the system messages claude puts among the others."""
        body = self.wait_requests()[-1]
        return "\n".join(texts([body.get("system"), [m for m in body["messages"] if m.get("role") == "system"]]))

    def report(self):
        """Lines for a failure: the requests seen, without their bodies, and the server's own complaints."""
        seen = ["  %s %s" % (r["method"], r["path"]) for r in self.requests()[-10:]]
        head = ["API server: the last of %d requests" % len(self.requests())]
        return head + seen + tail(procs.read(self.err) or b"", 15)

    def close(self):
        self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.popen.stdout.close()


def texts(value):
    """All texts in a request: strings under "text" and "content"."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [t for v in value for t in texts(v)]
    if isinstance(value, dict):
        return [t for k in ("system", "messages", "text", "content") if k in value for t in texts(value[k])]
    return []
