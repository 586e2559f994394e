#!/bin/bash
# Scripts pass shellcheck, sources are laid out, man pages pass mandoc and name what the option table names (all names: test_names.py).
set -u
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit

# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh

mapfile -t scripts < <(find . -path ./build -prune -o -path ./.git -prune -o -name '*.sh' -print -o -path ./.ci/run -print | sort)
for script in "${scripts[@]}"; do
    check "shellcheck $script" shellcheck -x "$script"
done

# What another version makes of the same rules differs here and there.
formatter=clang-format
command -v clang-format-14 >/dev/null && formatter=clang-format-14
case $("$formatter" --version) in
*' version 14.'*)
    mapfile -t sources < <(find src guest tests tools -name '*.c' -o -name '*.h' | sort)
    report 'layout of the sources (make format)' "$("$formatter" --dry-run "${sources[@]}" 2>&1 | grep -o '^[^:]*:[0-9]*' | sort -u)"
    ;;
*) skip 'layout of the sources' "it is checked with clang-format 14, here is $("$formatter" --version)" ;;
esac

pages=$(echo build/share/man/man*/*)
for page in $pages; do
    # The base system's pages may be missing here, so references to them cannot be looked up.
    report "mandoc $page" "$(mandoc -T lint -W style "$page" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db')"
    report "no mark of the build is left in $page" "$(grep -n '@[A-Z]*@' "$page" | grep -v '^1:')"
done

# names_missing FILE: the options and variables of `ccvm --ccvm-help` that the text of a page lacks.
names_missing() {
    local text name
    text=$(mandoc -T ascii "$1" | col -b)
    build/bin/ccvm --ccvm-help | sed -n 's/^  \([A-Za-z][A-Za-z._]*\) .*/\1/p' | while read -r name; do
        grep -qw -F -- "$name" <<<"$text" || printf '%s\n' "$name"
    done
}
report 'ccvm-config(5) names what the help names' "$(names_missing build/share/man/man5/ccvm-config.5)"
report 'the help names options' "$(build/bin/ccvm --ccvm-help | grep -q -w 'share.outputStyles' || echo none)"

# The example of the page is a configuration that works.
example=$(mktemp)
trap 'rm -f "$example"' EXIT
sed -n '/^\.Bd/,/^\.Ed/{/^\./d;p;}' man/ccvm-config.5.in >"$example"
report 'the example in ccvm-config(5)' "$(env -i CCVM_CONFIG="$example" build/bin/ccvmctl config show 2>&1 >/dev/null ||
    echo refused; grep -q writableCwd "$example" || echo empty)"

done_testing
