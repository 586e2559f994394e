#!/bin/bash
# Scripts pass shellcheck; no file names a package registry's host or is left formatted by chance.
set -u
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit

mapfile -t scripts < <(find . -path ./build -prune -o -path ./.git -prune -o -name '*.sh' -print -o -path ./.ci/run -print | sort)
for script in "${scripts[@]}"; do
    if output=$(shellcheck -x "$script"); then
        echo "ok - shellcheck $script"
    else
        echo "not ok - shellcheck $script"
        printf '%s\n' "$output" | sed 's/^/#   /'
    fi
done
