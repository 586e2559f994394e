# shellcheck shell=bash
# check NAME COMMAND...: a test that passes when the command succeeds; what it prints explains a failure. For the scripts of
# tests/host, which source this.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then echo "ok - $name"; else
        echo "not ok - $name"
        printf '%s\n' "$output" | tail -n 20 | sed 's/^/#   /'
    fi
}
