"""Nix in the guest, without any network beyond this machine: builds, the store's place, caches and their keys, trust."""

import functools
import hashlib
import http.server
import os
import subprocess
import threading

from guestshell import GuestShell
from harness import REPO, assert_eq, assert_in, assert_match, assert_not_in, assert_true, each, test
from pools import PoolGuest, hits

MARKER = "NIX-MARKER-" + hashlib.sha256(b"of the Nix test").hexdigest()
# The builder is the sandbox's own shell. What it sees is part of what it writes. The marker is put together while it builds.
FLAKE = """{
  outputs = { self }: let
    make = name: derivation {
      inherit name;
      system = "x86_64-linux";
      builder = "/bin/sh";
      args = [ "-c" ''
        m=NIX-; for i in 1 2 3 4 5 6 7 8; do for k in 1 2 3 4 5 6 7 8; do echo "''${m}MARKER-%s"; done; done > $out
        if [ -e /run/ccvm ]; then echo "sees the guest"; else echo "sees its sandbox"; fi >> $out
        echo "user $UID" >> $out
      '' ];
    };
  in { packages.x86_64-linux = { default = make "first"; second = make "second"; third = make "third"; }; };
}
""" % MARKER.removeprefix("NIX-MARKER-")
LOCKED = {"CCVM_EGRESS_ALLOWLIST": "allowed.example"}
QUIET = "--option connect-timeout 1 --option download-attempts 1"


def flake(ctx, g):
    ctx.write(os.path.join(ctx.workspace, "flake/flake.nix"), FLAKE)
    code, _ = g.run("command -v nix")
    assert_eq(code, 0, "code of looking for nix (the test image must be built with --nix)")


def build(g, what="default", options="--offline"):
    """The store path, built by the agent."""
    path = g.do("nix build --no-link --print-out-paths path:$PWD/flake#%s %s %s 2>/tmp/said || cat /tmp/said" % (what, QUIET, options), 240)
    assert_match(r"\A/nix/store/[a-z0-9]{32}-[a-z]+\Z", path, "what the build of %s gave" % what)
    return path


def assert_built(g, path):
    text = g.do("cat " + path)
    assert_eq((text.count(MARKER), text.split("\n")[-2]), (64, "sees its sandbox"), "what was built")
    assert_not_in("user 0", text, "what was built")


@test(timeout=500)
def test_on_the_pool(ctx):
    g = PoolGuest(ctx)
    flake(ctx, g)
    path = build(g)
    assert_built(g, path)
    assert_eq(g.do("findmnt -no TARGET,FSTYPE -T %s" % path).split(), ["/nix/store", "overlay"], "where the path is")
    assert_eq(g.do("sudo df --output=source /run/ccvm/pool/nix/store | tail -1; sudo test -f /run/ccvm/pool/nix/store/%s && echo there"
                   % os.path.basename(path)).split("\n"), ["/dev/mapper/ccvm-scratch", "there"], "the upper layer")
    assert_eq(g.do("findmnt -no SOURCE /nix/builds"), "/dev/mapper/ccvm-scratch[/nix/builds]", "where builds are done")
    g.do("sync")
    with g.file() as f:
        assert_true(hits(b"ccvm-scratch", f), "what is in the file is found")
        assert_eq(hits(MARKER.encode(), f), False, "the built path in the host's file")
        status = g.status()
        assert_eq((status["pool"], status["nix"]), ("on", True), "pool and Nix in the status")
        assert_in("Nix with flakes is installed; its store is writable and on the encrypted disk", g.do("cat ~/.claude/CLAUDE.md"), "context")
        g.end()
        assert_eq(hits(MARKER.encode(), f), False, "the built path in the host's file, afterwards")


@test(timeout=400)
def test_in_memory(ctx):
    g = GuestShell(ctx)
    flake(ctx, g)
    path = build(g)
    assert_built(g, path)
    assert_eq(g.do("findmnt -no TARGET,FSTYPE -T %s" % path).split(), ["/nix/store", "overlay"], "where the path is")
    assert_eq(g.do("sudo df --output=fstype /run/ccvm/nix/store | tail -1"), "tmpfs", "the upper layer")
    assert_match(r"^\S+ root nixbld 1775$", g.do("stat -c '%n %U %G %a' /nix/store"), "owner and mode of the store")
    assert_eq(g.run("touch /nix/store/x")[0] != 0, True, "the agent cannot write into the store itself")
    g.end()


class Cache:
    """A signed binary cache in the workspace, made in a guest, served by the host."""

    def __init__(self, ctx, g):
        self.asked = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(handler, *_):
                self.asked.append(handler.path)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(
            Handler, directory=os.path.join(ctx.workspace, "cache")))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        ctx.on_close(self.server.shutdown)
        self.url = "http://10.0.2.2:%d" % self.server.server_address[1]
        g.do("nix key generate-secret --key-name test-1 >/tmp/secret; nix key convert-secret-to-public </tmp/secret >/tmp/public")
        self.key = g.do("cat /tmp/public")
        self.path = build(g)
        g.do("nix copy --to \"file://$PWD/cache?secret-key=/tmp/secret\" %s" % self.path, 240)
        self.forget(g)

    def forget(self, g):
        g.do("nix store delete %s" % self.path, 120)
        assert_eq(g.run("test -e " + self.path)[0], 1, "the path is gone")


@test(timeout=300)
def test_daemon_comes_with_its_first_client(ctx):
    """Also after it ended; a client of one that cannot start gets an error each time."""
    g = GuestShell(ctx)
    daemons = "sudo pgrep -cx nix-daemon; true"
    assert_eq(g.do(daemons), "0", "daemons at first")
    assert_eq([g.do("nix store info --json | jq -c .url", 120) for _ in range(2)], ['"daemon"'] * 2, "the store, asked twice")
    assert_eq(g.do(daemons), "1", "daemons then")
    g.do("sudo pkill -x nix-daemon; sudo cp /etc/nix/nix.conf /tmp/good; echo spoiled | sudo tee /tmp/bad && "
         "sudo mount --bind /tmp/bad /run/ccvm/nix.conf")
    # The client reads this file too; here it does not.
    code, out = g.run("NIX_CONF_DIR=/var/empty nix --extra-experimental-features nix-command store info", 120)
    assert_eq((code, g.do(daemons)), (1, "0"), "a daemon that cannot start: %r" % out)
    assert_eq(g.do("sudo grep -c 'syntax error' /var/log/nix-daemon.log"), "1", "starts of it")
    g.do("sudo umount /run/ccvm/nix.conf && nix store info", 120)
    g.end()


@test(timeout=500)
def test_cache(ctx):
    """Used with its key, refused without; the agent is trusted, since it has root."""
    g = GuestShell(ctx)
    flake(ctx, g)
    cache = Cache(ctx, g)
    ask = "nix build --no-link %s %s --option substituters %s" % (cache.path, QUIET, cache.url)
    code, out = g.run(ask, 240)
    assert_eq((code != 0, g.run("test -e " + cache.path)[0]), (True, 1), "refused without its key: %r" % out)
    assert_true(any(p.endswith(".narinfo") for p in cache.asked), "the cache was asked: %s" % cache.asked)
    assert_in(b"not signed by any of the keys", out, "what nix says")
    g.do(ask + " --option trusted-public-keys " + cache.key, 240)
    assert_built(g, cache.path)
    assert_true(any("/nar/" in p for p in cache.asked), "it came from the cache: %s" % cache.asked)
    g.end()


def with_settings(ctx, g, substituters, keys):
    """The guest as one whose image was built with --nix-substituter and --nix-key: the builder's own text of nix.conf, and a daemon
    that has not read it yet."""
    done = subprocess.run(["bash", "-c", '. "$0"; nix_conf "$1" "$2"', os.path.join(REPO, "guest/image/tree/nixconf.sh"),
                           substituters, keys], capture_output=True, text=True, timeout=20, check=True)
    ctx.write(os.path.join(ctx.workspace, "nix.conf"), done.stdout)
    g.do("sudo cp nix.conf /tmp/nix.conf && sudo mount --bind /tmp/nix.conf /etc/nix/nix.conf && { sudo pkill -x nix-daemon; true; }")


@test(timeout=500)
def test_image_settings(ctx):
    """nix.substituters and nix.trustedPublicKeys of the image: what it names is fetched, as long as the signature is of a known key."""
    g = GuestShell(ctx)
    flake(ctx, g)
    cache = Cache(ctx, g)
    ask = "nix build --no-link %s %s" % (cache.path, QUIET)
    with_settings(ctx, g, cache.url, "")
    code, out = g.run(ask, 240)
    assert_eq((code != 0, g.run("test -e " + cache.path)[0]), (True, 1), "refused without its key: %r" % out)
    assert_in(b"not signed by any of the keys", out, "what nix says")
    with_settings(ctx, g, cache.url, cache.key)
    g.do(ask, 240)
    assert_built(g, cache.path)
    assert_true(any("/nar/" in p for p in cache.asked), "it came from the cache: %s" % cache.asked)
    g.end()


# What a trusted user may ask of the daemon, and what each gives: (trusted, not).
HOOK = "#!/bin/sh\nid -u >/tmp/hooked\n"


@each({"with root": ({}, True), "with an allowlist": (LOCKED, False), "without root": ({"CCVM_AGENT_SUDO": "0"}, False)})
@test(timeout=600)
def test_trust(ctx, entry):
    env, trusted = entry
    g = GuestShell(ctx, env=env)
    flake(ctx, g)
    ctx.write(os.path.join(ctx.workspace, "hook"), HOOK, 0o755)
    offline = "--offline" if trusted else ""  # an untrusted user cannot switch caches off; they are not there either
    assert_eq(g.do("nix store info --json | jq -c .trusted", 120), "1" if trusted else "0", "whether the daemon trusts the agent")
    build(g, options="%s --option post-build-hook $PWD/hook" % offline)
    assert_eq(g.run("cat /tmp/hooked")[:2], (0, b"0\n") if trusted else (1, b"cat: /tmp/hooked: No such file or directory\n"),
              "what a post-build hook did")
    # An unsigned cache that is said to need no signatures.
    path = build(g, "second", offline)
    g.do("nix copy --to file://$PWD/unsigned %s && nix store delete %s" % (path, path), 240)
    asked = g.run("nix build --no-link %s %s --option substituters \"file://$PWD/unsigned?trusted=true\"" % (path, QUIET), 240)
    there = g.run("test -e " + path)[0] == 0
    assert_eq((asked[0] == 0, there), (trusted, trusted), "an unsigned cache: %r" % (asked,))
    if not trusted:
        code, out = g.run("nix copy --from file://$PWD/unsigned --no-check-sigs %s" % path, 240)
        assert_eq((code != 0, g.run("test -e " + path)[0]), (True, 1), "an unsigned path that is pushed: %r" % out)
        # Out of the sandbox, or as root.
        third = build(g, "third", "--option sandbox false --option build-users-group ''")
        assert_built(g, third)
        assert_in("not a trusted user", g.do("cat ~/.claude/CLAUDE.md"), "context")
        assert_eq(g.run("touch /etc/nix/nix.conf /run/ccvm/nix.conf")[0], 1, "writing the daemon's configuration")
    g.end()
