#!/bin/bash
# What of the Nix files can be shown without nixpkgs: all of them parse; the home-manager module declares the options of the program's
# own table and writes a file that ccvm reads. With NIXPKGS_LIB=/path/to/nixpkgs/lib also by nixpkgs' own module system.
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

# suite NAME [ARGUMENT...]: everything of the module, by one evaluator.
suite() {
    local by=$1
    shift
    check "$by: options are those of the table" same_options "$@"
    check "$by: config.json holds what was set and nothing else" writes "$@"
    check "$by: wrong values and names are refused" refuses "$@"
    check "$by: agentSudo beside an allowlist warns" warns "$@"
    check "$by: the image is made with the image's options" image_goes_along "$@"
    check "$by: ccvm reads the file" program_reads "$@"
}

suite 'a small evaluator of our own'
if [[ -n ${NIXPKGS_LIB:-} ]]; then
    suite "nixpkgs' lib" --arg nixpkgsLib "$NIXPKGS_LIB"
else
    echo "skip - nixpkgs' own module system: NIXPKGS_LIB does not name nixpkgs' lib folder"
fi
