#!/bin/bash
# Whether a build can be done again: reprotest.sh [IMAGE-DIR]. Builds an image as the given one was built, with its time, and compares the
# bytes; without one, builds two. Needs what build.sh needs, and the same mirror state and tools for both: where the package lists of the
# two differ, that is said and is a failure of its own. Takes a build's time for each. Prints "ok - ..." or "not ok - ..." lines.
set -euo pipefail
export LC_ALL=C

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/ccvm-reprotest.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
failed=0

# result WHAT STATUS
result() {
    if (($2 == 0)); then printf 'ok - %s\n' "$1"; else printf 'not ok - %s\n' "$1"; failed=1; fi
}

# options MANIFEST: those of build.sh that made it.
options() {
    jq -r '(if .built_in.nix then "--nix" else empty end), (if .built_in.agent_sudo then empty else "--no-agent-sudo" end),
        (if .built_in.clipboard then empty else "--no-clipboard" end), (.extra_packages[] | "--extra-packages", .)' "$1"
}

# build_again FROM NAME
build_again() {
    local args time
    mapfile -t args < <(options "$1/manifest.json")
    time=$(date -u -d "$(jq -r .created "$1/manifest.json")" +%s)
    SOURCE_DATE_EPOCH=$time "$here/build.sh" --out "$work/$2" "${args[@]}"
}

first=${1:-$work/first}
if (($# == 0)); then
    "$here/build.sh" --out "$first"
    # Another second than the first build's, and another umask: what takes either from its surroundings differs.
    umask 027
fi
build_again "$first" second
status=0
diff <(jq -S .packages "$first/manifest.json") <(jq -S .packages "$work/second/manifest.json") || status=1
result 'the same packages' "$status"
for file in vmlinuz modules.cpio root.squashfs manifest.json; do
    status=0
    cmp "$first/$file" "$work/second/$file" || status=1
    result "$file has the same bytes" "$status"
done
if ((failed)) && command -v unsquashfs >/dev/null; then
    diff <(unsquashfs -lln "$first/root.squashfs") <(unsquashfs -lln "$work/second/root.squashfs") | head -n 20 | sed 's/^/#   /' || :
fi
exit "$failed"
