# shellcheck shell=bash
# For the scripts of tests/host, which source this: results in the Test Anything Protocol, as
# tests/run.py and `prove` read it. A script ends with done_testing, so that one that ends early is
# seen.
tap_count=0 tap_failed=0

# pass NAME; skip NAME REASON; fail NAME [TEXT]: the lines of TEXT explain it.
pass() { printf 'ok %d - %s\n' "$((++tap_count))" "$1"; }
skip() { printf 'ok %d - %s # SKIP %s\n' "$((++tap_count))" "$1" "$2"; }
fail() {
    printf 'not ok %d - %s\n' "$((++tap_count))" "$1"
    tap_failed=$((tap_failed + 1))
    [[ -z ${2:-} ]] || printf '%s\n' "$2" | sed 's/^/#   /'
}

# check NAME COMMAND...: passes when the command succeeds; the end of what it prints explains a
# failure.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        pass "$name"
    else
        fail "$name" "$(printf '%s\n' "$output" | tail -n 20)"
    fi
}

# report NAME FINDINGS: passes when there are none.
report() {
    if [[ -z $2 ]]; then pass "$1"; else fail "$1" "$(printf '%s\n' "$2" | head -n 40)"; fi
}

# include COMMAND...: the results of another script become part of this one's, and one more fails
# when they are not as many as it planned.
include() {
    local line planned=none seen=0
    while IFS= read -r line; do
        if [[ $line =~ ^(not )?ok\ ([0-9]+\ )?-\ (.*)$ ]]; then
            seen=$((seen + 1))
            printf '%sok %d - %s\n' "${BASH_REMATCH[1]}" "$((++tap_count))" "${BASH_REMATCH[3]}"
            [[ -z ${BASH_REMATCH[1]} ]] || tap_failed=$((tap_failed + 1))
        elif [[ $line =~ ^1\.\.([0-9]+) ]]; then
            planned=${BASH_REMATCH[1]}
        else
            printf '%s\n' "$line"
        fi
    done < <("$@" 2>&1)
    [[ $planned == "$seen" ]] || fail "all results of $*" "$seen came, planned: $planned"
}

done_testing() {
    printf '1..%d\n' "$tap_count"
    ((tap_failed == 0))
}
