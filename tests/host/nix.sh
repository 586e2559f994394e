#!/bin/bash
# What of the Nix files can be shown without nixpkgs: all of them parse; the home-manager module declares the options of the program's
# own table and writes a file that ccvm reads; the guest image's scripts are made as the options say. With
# NIXPKGS_LIB=/path/to/nixpkgs/lib also by nixpkgs' own lib and module system.
# shellcheck disable=SC2317 # the tests are called by name
set -u
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# No store and no daemon: nothing is built.
export NIX_REMOTE=dummy:// HOME=$work

# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh

parses() {
    local file
    for file in flake.nix nix/*.nix tests/nix/*.nix; do
        nix-instantiate --parse "$file" >/dev/null || return 1
    done
}
check 'all Nix files parse' parses

check 'nix/options.json is the option table (else: build/bin/ccvmctl config table >nix/options.json)' \
    diff nix/options.json <(build/bin/ccvmctl config table)

# home GIVEN [LIB]: the module's view of some values.
home() { nix-instantiate --eval --strict --json tests/nix/home.nix --arg given "$1" "${@:2}" 2>"$work/err" || { cat "$work/err" >&2; false; }; }

# given to the module, and what has to be in config.json.
cases() {
    cat <<'END'
{ enable = true; }	null
{ enable = true; memory = 2048; }	{"memory": 2048}
{ enable = true; memory = 4096; }	{"memory": 4096}
{ enable = true; share.plugins = true; agentSudo = null; }	{"share.plugins": true, "agentSudo": null}
{ enable = true; egressAllowlist = ["github.com" "*.npmjs.org"]; egressPorts = [80 443]; }	{"egressAllowlist": ["github.com", "*.npmjs.org"], "egressPorts": [80, 443]}
{ enable = true; tui.prefix = "C-a"; tui.theme = "dark"; acceleration = "tcg"; extraClaudeMd = "a\n\"b\""; }	{"tui.prefix": "C-a", "tui.theme": "dark", "acceleration": "tcg", "extraClaudeMd": "a\n\"b\""}
{ enable = true; extraPackages = ["hello"]; nix.enable = true; image = null; }	null
{ enable = false; memory = 2048; }	null
END
}

# compare ANSWER WANTED: whether the module writes that.
compare() {
    python3 - "$@" <<'END'
import json, sys
answer, wanted = json.load(open(sys.argv[1])), json.loads(sys.argv[2])
written = json.loads(answer["config"]) if answer["config"] else None
assert written == wanted, (written, wanted)
END
}

writes() {
    local given wanted
    while IFS=$'\t' read -r given wanted; do
        if ! { home "$given" "$@" >"$work/answer" && compare "$work/answer" "$wanted"; }; then
            echo "given: $given"
            return 1
        fi
    done < <(cases)
}

# The table and the module: names, defaults, texts.
same_options() {
    home '{ enable = true; }' "$@" >"$work/answer" && python3 - "$work/answer" <(build/bin/ccvmctl config table) <<'END'
import json, sys
module = json.load(open(sys.argv[1]))["options"]
table = {o["name"]: o for o in json.load(open(sys.argv[2]))["options"]}
assert set(module) == set(table), set(module) ^ set(table)
for name, o in table.items():
    assert module[name]["default"] == o["default"], (name, module[name]["default"], o["default"])
    assert o["text"] in module[name]["description"], name
END
}

refuses() {
    local given
    for given in '{ memory = "2048"; }' '{ memory = 16; }' '{ acceleration = "fast"; }' '{ memroy = 2048; }' '{ egressPorts = [70000]; }' \
        '{ share.everything = true; }' '{ writableCwd = null; }'; do
        if home "${given/#\{/{ enable = true;}" "$@" >/dev/null 2>&1; then echo "accepted: $given"; return 1; fi
    done
}

warns() {
    home '{ enable = true; agentSudo = true; egressAllowlist = ["github.com"]; }' "$@" | grep -q 'flush the guest' &&
        ! home '{ enable = true; egressAllowlist = ["github.com"]; }' "$@" | grep -q 'flush the guest'
}

image_goes_along() {
    home '{ enable = true; extraPackages = ["hello"]; }' "$@" | grep -q '"ccvm-with-image-of-claude-code-hello"' &&
        home '{ enable = true; image = null; }' "$@" | grep -q '"ccvm-with-none"'
}

# The file that the module writes is read by the real program, with these values.
program_reads() {
    home '{ enable = true; memory = 2048; share.plugins = true; egressPorts = [80 443]; tui.prefix = "C-a"; agentSudo = false; }' "$@" |
        python3 -c 'import json, sys; sys.stdout.write(json.load(sys.stdin)["config"])' >"$work/config.json" || return 1
    env -i HOME="$work" CCVM_CONFIG="$work/config.json" build/bin/ccvmctl config show --json >"$work/shown" || return 1
    python3 - "$work/shown" <<'END'
import json, sys
shown = {k: v["value"] for k, v in json.load(open(sys.argv[1])).items() if v["source"].startswith("file")}
wanted = {"memory": 2048, "share.plugins": True, "egressPorts": [80, 443], "tui.prefix": "C-a", "agentSudo": False}
assert shown == wanted, shown
END
}

# image GIVEN [LIB]: the scripts and files that the image's options make.
image() { nix-instantiate --eval --strict --json tests/nix/image.nix --arg given "$1" "${@:2}" 2>"$work/err" || { cat "$work/err" >&2; false; }; }
with_nix='{ nix = { enable = true; substituters = ["https://cache.example"]; trustedPublicKeys = ["k:v"]; }; }'

image_scripts() {
    local given part
    for given in '{ }' '{ agentSudo = false; clipboard = false; }' "$with_nix"; do
        image "$given" "$@" >"$work/image" || return 1
        for part in image root; do
            jq -r ".$part" "$work/image" >"$work/$part.sh" && bash -n "$work/$part.sh" &&
                shellcheck --shell bash --exclude SC2086,SC2154 "$work/$part.sh" || return 1
        done
    done
}

# The manifest is the Debian builder's: what a reader of one finds is in the other.
image_manifest() {
    image '{ agentSudo = false; }' "$@" | jq '.manifest + {id: 0, created: 0, files: {}, claude_integrity: 0}' >"$work/manifest" &&
        diff <(jq -S 'keys' "$CCVM_TEST_IMAGE/manifest.json") <(jq -S 'keys' "$work/manifest") &&
        jq -e '.built_in == {agent_sudo: false, clipboard: true, nix: false}' "$work/manifest"
}

# One flag for root: without it there is no sudo in the tree. Who is trusted by Nix is said at boot, by the same rule.
image_trust() {
    image '{ agentSudo = false; }' "$@" >"$work/image" || return 1
    ! jq -r '.root, .image, .tools[]' "$work/image" | grep sudo || return 1
    image "$with_nix" "$@" >"$work/image" && jq -r '.root, .image' "$work/image" >"$work/both" && jq -r .texts "$work/image" >"$work/texts" &&
        grep -q '/usr/local/bin/sudo m 4755 0 0' "$work/both" && grep -qx 'trusted-users = root' "$work/texts" &&
        grep -qx 'allowed-users = root ccvm' "$work/texts" && grep -qx '!include /run/ccvm/nix.conf' "$work/texts" &&
        grep -qx 'require-sigs = true' "$work/texts" && grep -q '^substituters = https://cache.nixos.org/ https://cache.example$' "$work/texts"
}

# The store's writable layer is ccvm-init's; the image brings the list of what is in the store, and keeps it from being collected.
image_store() {
    image "$with_nix" "$@" | jq -r .image >"$work/nix.sh" && image '{ }' "$@" | jq -r .image >"$work/plain.sh" &&
        grep -q 'nix-store --load-db' "$work/nix.sh" && grep -q 'nix/gcroots/ccvm-guest' "$work/nix.sh" && ! grep -q load-db "$work/plain.sh"
}

# What ccvm-pool is linked with is where the image's tree has it.
pool_libraries() {
    local name
    readelf -d build/guest/bin/ccvm-pool | grep -q 'RUNPATH.*\[/usr/lib/ccvm\]' || return 1
    image '{ }' "$@" | jq -r .root >"$work/root.sh" || return 1
    for name in $(readelf -d build/guest/bin/ccvm-pool | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'); do
        grep -q "/$name\b" "$work/root.sh" || { echo "$name is not in the tree"; return 1; }
    done
    grep -q "$(readelf -l build/guest/bin/ccvm-pool | sed -n 's#.*interpreter: /lib64/\(.*\)]#\1#p')" "$work/root.sh"
}

# suite NAME [ARGUMENT...]: everything that is evaluated, by one evaluator.
suite() {
    local by=$1
    shift
    check "$by: options are those of the table" same_options "$@"
    check "$by: config.json holds what was set and nothing else" writes "$@"
    check "$by: wrong values and names are refused" refuses "$@"
    check "$by: agentSudo beside an allowlist warns" warns "$@"
    check "$by: the image is made with the image's options" image_goes_along "$@"
    check "$by: ccvm reads the file" program_reads "$@"
    check "$by: the image's scripts are sound" image_scripts "$@"
    check "$by: the image's manifest is like the Debian image's" image_manifest "$@"
    check "$by: sudo and Nix's trust follow one flag" image_trust "$@"
    check "$by: the store is known to the guest's Nix" image_store "$@"
    check "$by: ccvm-pool finds its libraries" pool_libraries "$@"
}

suite 'a small evaluator of our own'
if [[ -n ${NIXPKGS_LIB:-} ]]; then
    suite "nixpkgs' lib" --arg nixpkgsLib "$NIXPKGS_LIB"
else
    skip "nixpkgs' own module system" "NIXPKGS_LIB does not name nixpkgs' lib folder"
fi

done_testing
