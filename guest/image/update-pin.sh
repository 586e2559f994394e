#!/bin/bash
# Moves the pin of Claude Code in claude.lock: update-pin.sh [VERSION], by default the latest that npm offers.
# The integrity is what npm's registry gives for that version; review the change before you commit it.
set -euo pipefail
export LC_ALL=C

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/image/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=guest/image/lib/claude.sh
. "$here/lib/claude.sh"

case ${1:-} in
    --help)
        printf 'Usage: update-pin.sh [VERSION]\n\nWrites version and integrity of Claude Code (default: the latest) to claude.lock.\n'
        exit 0
        ;;
    -*) die_usage "unknown option: $1" ;;
esac
(($# <= 1)) || die_usage "one version at most"
wanted=${1:-latest}
[[ $wanted =~ ^[0-9A-Za-z.+-]+$ ]] || die_usage "not a version: $wanted"

need_programs npm:npm jq:jq
lock_file=${CCVM_LOCK:-$here/claude.lock}
lock_read "$lock_file"
old=$lock_version
answer=$(npm view --json --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 \
    "$lock_package@$wanted" version dist.integrity) ||
    die "npm knows no $lock_package@$wanted, or cannot be reached" "check the version and the connection"
new=$(jq -r '.version? // empty' <<<"$answer")
integrity=$(jq -r '."dist.integrity"? // empty' <<<"$answer")
[[ -n $new && -n $integrity ]] || die "npm gave no integrity for $lock_package@$wanted" "name one exact version"
integrity_to_hex "$integrity" >/dev/null || die "npm returned an invalid integrity (must be sha512): $integrity"

jq -n --arg package "$lock_package" --arg version "$new" --arg integrity "$integrity" \
    '{package: $package, version: $version, integrity: $integrity}' >"$lock_file.new.$$"
mv -f -- "$lock_file.new.$$" "$lock_file"
printf '%s: %s -> %s\n' "$lock_package" "$old" "$new"
