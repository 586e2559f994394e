#!/bin/bash
# Static analysis of the programs: gcc's analyzer and cppcheck. A finding is fixed, or named in `known` with the reason why it is none.
# What they find differs from version to version, so other versions than Debian 12's are said to be skipped.
set -u
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# file:function of findings that are none.
#   mem.c:strv_add   it takes a string that was put into the list for one that was lost when the list moved
known='src/base/mem.c:strv_add'

mapfile -t files < <(find src guest -name '*.c' | LC_ALL=C sort)
export work

# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh

# analyze FILE: gcc's findings as "file:function: text", one a line.
analyze() {
    local flags
    flags=$(pkg-config --cflags libuv libssh slirp libseccomp ncursesw libcares libidn2 vterm termkey)
    # shellcheck disable=SC2086 # several flags
    if ! gcc -std=c11 -D_GNU_SOURCE -O1 -Isrc -Iguest -DCCVM_VERSION='""' $flags -fanalyzer -fdiagnostics-plain-output \
        -c -o /dev/null "$1" >"$work/${1//\//_}.out" 2>&1; then
        echo "$1: does not compile"
    fi
    awk -v file="$1" '/In function/ { name = $0; sub(/.*In function /, "", name); gsub(/[^a-z0-9_]/, "", name) }
        /-Wanalyzer-/ { print file ":" name ": " $0 }' "$work/${1//\//_}.out"
}
export -f analyze

version=$(gcc -dumpversion)
if [[ ${version%%.*} == 12 ]]; then
    printf '%s\n' "${files[@]}" | LC_ALL=C xargs -P 2 -I{} bash -c 'analyze {}' >"$work/all"
    grep -v -F "$known" "$work/all" >"$work/new"
    report "gcc's analyzer, ${#files[@]} files" "$(<"$work/new")"
    # A finding that is gone leaves the list, so that it hides nothing later.
    printf '%s\n' "$known" | while read -r k; do grep -q -F "$k" "$work/all" || echo "$k"; done >"$work/stale"
    report 'every known finding of the analyzer is still found' "$(<"$work/stale")"
else
    skip "gcc's analyzer" "gcc is $version, the known findings are those of 12"
fi

version=$(cppcheck --version)
if [[ $version == 'Cppcheck 2.10'* ]]; then
    # view.c: this version cannot parse a compound literal in a conditional.
    cppcheck --std=c11 --language=c --enable=warning,portability,performance --quiet -j 2 -Isrc -Iguest -D_GNU_SOURCE \
        --library=tests/host/cppcheck.cfg --suppress=missingIncludeSystem --suppress=internalAstError:src/proto/view.c \
        --template='{file}:{line}: {id}: {message}' "${files[@]}" >"$work/cppcheck" 2>&1
    report "cppcheck, ${#files[@]} files" "$(<"$work/cppcheck")"
else
    skip cppcheck "it is $version, the suppressions are those of 2.10"
fi

done_testing
