"""Who has root in the guest: agentSudo with and without an allowlist, and an image built without sudo. A dry run writes what
the guest would be told. tests/boot/test_egress.py has the same in real guests."""

import json
import os

from harness import assert_eq, assert_in, assert_not_in, each, test

ALLOW = {"CCVM_EGRESS_ALLOWLIST": "example.org 10.0.0.0/8"}
WARNING = "only the host's filter remains"


def seed(ctx, env):
    """The seed's files by name, and stderr."""
    code, out, err = ctx.ccvm("--version", env={"CCVM_DRYRUN": "1", **env})
    assert_eq(code, 0, "exit code of a dry run (%r)" % err)
    directory = os.path.join(out.decode().strip(), "seed")
    files = {}
    for name in os.listdir(directory):
        if os.path.isfile(os.path.join(directory, name)):
            with open(os.path.join(directory, name), "rb") as f:
                files[name] = f.read().decode("utf-8", "replace")
    return files, err.decode()


@each({"auto, open": ({}, "1"), "auto, locked": (ALLOW, "0"),
       "true, open": ({"agentSudo": True}, "1"), "true, locked": ({"agentSudo": True, **ALLOW}, "1"),
       "false, open": ({"agentSudo": False}, "0"), "false, locked": ({"agentSudo": False, **ALLOW}, "0"),
       "variable 0, open": ({"CCVM_AGENT_SUDO": "0"}, "0")})
def test_matrix(ctx, entry):
    given, wanted = entry
    config = {k: v for k, v in given.items() if k == "agentSudo"}
    ctx.write(os.path.join(ctx.home, ".config/ccvm/config.json"), json.dumps(config))
    files, err = seed(ctx, {k: v for k, v in given.items() if k != "agentSudo"})
    locked = "CCVM_EGRESS_ALLOWLIST" in given
    assert_eq(files["agent-sudo"].strip(), wanted, "agent-sudo")
    assert_eq("egress-enforce" in files, locked, "the marker of a locked guest")
    (assert_in if locked and wanted == "1" else assert_not_in)(WARNING, err, "the warning")
    assert_in("Root in this guest: " + ("yes" if wanted == "1" else "no"), files["claude-md"], "what the agent is told")
    if locked:
        assert_eq((files["egress-allow"], files["egress-ports"]), ("10.0.0.0/8\n", "443"), "what the guest's firewall is told")


@test(timeout=60)
def test_image_without_sudo(ctx):
    image = ctx.make_dir(os.path.join(ctx.dir, "image"))
    for name in os.listdir(ctx.image):
        os.symlink(os.path.join(ctx.image, name), os.path.join(image, name))
    with open(os.path.join(ctx.image, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    manifest["built_in"]["agent_sudo"] = False
    os.unlink(os.path.join(image, "manifest.json"))
    ctx.write(os.path.join(image, "manifest.json"), json.dumps(manifest))
    ctx.write(os.path.join(ctx.home, ".config/ccvm/config.json"), '{"agentSudo": true}')
    files, err = seed(ctx, {"CCVM_IMAGE": image})
    assert_eq(files["agent-sudo"].strip(), "0", "agent-sudo")
    assert_in("built without it", err, "the note")
    assert_in("Root in this guest: no", files["claude-md"], "what the agent is told")
