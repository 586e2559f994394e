"""`ccvmctl egress check` without a session: what a start in this directory would allow."""

import json
import os

from harness import assert_eq, assert_in, each, test

LIST = "good.example *.wild.example 10.0.0.0/8 2001:db8::1"
LOCKED = {"CCVM_EGRESS_ALLOWLIST": LIST, "CCVM_EGRESS_PORTS": "443 8080"}
NO = {"CCVM_HOST_LOOPBACK": "0"}


def check(ctx, target, *args, **env):
    return ctx.run([os.path.join(ctx.bin, "ccvmctl"), "egress", "check", target, *args], env=env, timeout=60)


# environment, target: exit code, what is printed
@each({
    "open": ({}, "evil.example", 0, "evil.example:443: allowed, egress is open"),
    "listed": (LOCKED, "good.example", 0, "good.example:443: allowed"),
    "as it is typed": (LOCKED, "GOOD.example.:8080", 0, "good.example:8080: allowed"),
    "not listed": (LOCKED, "evil.example", 1, "evil.example:443: not listed"),
    "below a wildcard": (LOCKED, "a.wild.example", 0, "a.wild.example:443: allowed"),
    "the wildcard's domain": (LOCKED, "wild.example", 1, "wild.example:443: not listed"),
    "another port": (LOCKED, "good.example:22", 1, "good.example:22: port not listed"),
    "the API": (LOCKED, "api.anthropic.com", 0, "api.anthropic.com:443: allowed"),
    "in a network": (LOCKED, "10.1.2.3:8080", 0, "10.1.2.3:8080: allowed"),
    "in no network": (LOCKED, "11.1.2.3", 1, "11.1.2.3:443: not listed"),
    "IPv6": (LOCKED, "[2001:db8::1]:443", 0, "2001:db8::1:443: allowed"),
    "the host's loopback": ({}, "10.0.2.2:3000", 0, "10.0.2.2:3000: allowed, egress is open"),
    "no loopback, open": (NO, "10.0.2.2:3000", 1, "10.0.2.2:3000: hostLoopback is false"),
    "metadata, open": ({}, "169.254.169.254:80", 1,
                       "169.254.169.254:80: a link-local or metadata address, and linkLocal is off"),
    "metadata, opened": ({"CCVM_LINK_LOCAL": "1"}, "169.254.169.254:80", 0, "169.254.169.254:80: allowed, egress is open"),
    "metadata, listed": ({"CCVM_EGRESS_ALLOWLIST": "168.63.129.16"}, "168.63.129.16", 1,
                         "168.63.129.16:443: a link-local or metadata address, and linkLocal is off"),
    "the host, no loopback": (NO, "127.0.0.1:443", 1, "127.0.0.1:443: an address of the host, and hostLoopback is off"),
    "no loopback, listed": ({**NO, "CCVM_EGRESS_ALLOWLIST": "10.0.2.2"}, "10.0.2.2", 1, "10.0.2.2:443: hostLoopback is false"),
})
@test()
def test_check(ctx, entry):
    env, target, code, said = entry
    got, out, err = check(ctx, target, **env)
    assert_eq((got, out.decode().strip(), err), (code, said, b""), "answer")
    got, out, err = check(ctx, target, "--json", **env)
    row = json.loads(out)
    assert_eq((got, row["allowed"], list(row)), (code, code == 0, ["name", "port", "allowed", "reason"]), "as JSON")
    assert_in(row["reason"], said, "the reason")


@test()
def test_the_config_file_counts(ctx):
    path = os.path.join(ctx.home, ".config", "ccvm", "config.json")
    ctx.write(path, '{"egressAllowlist": ["good.example"]}\n')
    assert_eq([check(ctx, t)[0] for t in ("good.example", "evil.example")], [0, 1], "by the file")
    os.unlink(path)
    ctx.write(path, '{"egressAllowlist": ["a b"]}\n')
    code, out, err = check(ctx, "good.example")
    assert_eq((code, out), (126, b""), "exit code on a configuration that is not valid")
    assert_in(b"config.json:1", err, "where")


@each({"a wildcard": ("*.a.example", 1), "a network": ("10.0.0.0/8", 1), "nothing": ("a b", 126)})
@test()
def test_no_target(ctx, entry):
    target, code = entry
    got, out, err = check(ctx, target, **LOCKED)
    assert_eq((got, out), (code, b""), "exit code and output")
    assert_in(b"ccvmctl", err, "a message")
