# shellcheck shell=bash
# Variables that are not set here are those of build.sh.
# shellcheck disable=SC2154,SC2034
# Messages, checks and child processes for the image scripts. Sourced, never run.

program=${0##*/}
quiet=0
job=            # process group of the long step that runs now
log=/dev/null   # where long steps write what they say
no_space=28     # status of a step that found the disk full (ENOSPC)
no_space_pattern='No space left on device|ENOSPC|not enough free space'

# step TEXT: one progress line with the seconds since the start.
step() {
    ((quiet)) || printf '[%4ds] %s\n' "$SECONDS" "$*" >&2
}

# warn TEXT: shown also with --quiet.
warn() {
    printf '%s: warning: %s\n' "$program" "$*" >&2
}

# die WHAT [REMEDY]: ends with 1. The clean-up is the EXIT trap's.
die() {
    printf '%s: error: %s\n' "$program" "$1" >&2
    if (($# > 1)); then
        printf '%s: what to do: %s\n' "$program" "$2" >&2
    fi
    exit 1
}

# die_usage WHAT: ends with 2.
die_usage() {
    printf '%s: %s\nTry "%s --help".\n' "$program" "$1" "$program" >&2
    exit 2
}

# show_log_tail: the last lines of the log, indented, control characters made visible.
show_log_tail() {
    [[ -s $log ]] || return 0
    printf '%s: last lines of the log:\n' "$program" >&2
    tail -n 15 "$log" | LC_ALL=C cat -v | cut -c1-300 | sed 's/^/    /' >&2
}

# need_programs PROGRAM:PACKAGE...: ends with a list of what is missing and the command that installs it.
need_programs() {
    local entry missing=() packages=()
    for entry in "$@"; do
        if ! command -v "${entry%%:*}" >/dev/null; then
            missing+=("${entry%%:*}")
            packages+=("${entry#*:}")
        fi
    done
    ((${#missing[@]} == 0)) || die "missing programs: ${missing[*]}" \
        "apt-get install --no-install-recommends $(printf '%s\n' "${packages[@]}" | sort -u | tr '\n' ' ')"
}

# free_mib PATH: free MiB of the file system that holds PATH or the nearest folder above it that exists.
free_mib() {
    local path=$1
    while [[ ! -e $path ]]; do path=$(dirname -- "$path"); done
    df --output=avail -B1M -- "$path" | tail -n 1 | tr -d ' '
}

# need_space PATH MIB WHAT: CCVM_IMAGE_SPACE_CHECK=0 skips it, for file systems that grow on demand.
need_space() {
    local have
    [[ ${CCVM_IMAGE_SPACE_CHECK:-1} != 0 ]] || return 0
    have=$(free_mib "$1")
    ((have >= $2)) || die "not enough disk space for $3: $1 has $have MiB free, $2 MiB are needed" \
        "free some space there, or choose another place ($4)"
}

# run_job COMMAND...: runs it in a process group of its own and waits, so that a signal to this script is handled at
# once and the whole step can be ended. Returns the command's status, or $no_space if the disk stayed full.
run_job() {
    local status=0 guarded=0 alive guard
    rm -f -- "$work/alive"
    mkfifo -m 600 -- "$work/alive"
    exec {alive}<>"$work/alive"
    set -m
    "$@" </dev/null {alive}>&- &
    job=$!
    guard_job "$job" <"$work/alive" {alive}>&- >/dev/null 2>&1 &
    guard=$!
    set +m
    wait "$job" || status=$?
    job=
    kill -TERM "$guard" 2>/dev/null || :
    wait "$guard" 2>/dev/null || guarded=$?
    ((guarded != no_space)) || status=$no_space
    exec {alive}>&-
    return "$status"
}

# guard_job PROCESS-GROUP: runs beside a step. Ends it if this script is killed outright (then the pipe on stdin has no
# writer left), and if it does not get on because a disk it writes to has been full for half a minute: apt has been seen
# to hang then.
guard_job() {
    local full=0 got path free
    set +e
    trap 'exit $((full >= 6 ? no_space : 0))' TERM
    while :; do
        read -r -t 5 _
        got=$?
        if ((got <= 128)); then
            end_group "$1"
            exit 0
        fi
        free=1
        for path in "$work" "$download" "$partial"; do
            [[ ! -e $path ]] || (($(free_mib "$path") > 0)) || free=0
        done
        ((full = free ? 0 : full + 1))
        if ((full >= 6)); then
            end_group "$1"
            exit "$no_space"
        fi
    done
}

# end_job: ends the step that runs, with patience, then without.
end_job() {
    [[ -n $job ]] || return 0
    end_group "$job"
    wait "$job" 2>/dev/null || :
    job=
}

# end_group PROCESS-GROUP
end_group() {
    local i
    kill -TERM -- "-$1" 2>/dev/null || :
    for ((i = 0; i < 50; i++)); do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$1" 2>/dev/null || :
}

# explain_log STATUS STEP PEER REMEDY: ends with the cause of a failed step if it is one of the usual ones. The status
# counts beside the log, since a full disk may not have taken the log's last lines.
explain_log() {
    if (($1 == no_space)) || grep -qE "$no_space_pattern" "$log"; then
        die "no disk space left while doing: $2" \
            "free some space in $work_base, in $out_parent and in $cache, or choose other places (--work, --out, XDG_CACHE_HOME)"
    fi
    if grep -qE 'Temporary failure resolving|Could not (resolve|connect)|Network is unreachable|Cannot initiate the connection|Connection (refused|timed out)|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|network request .* failed' "$log"; then
        show_log_tail
        die "no network: $3 cannot be reached while doing: $2" "$4"
    fi
}

# hash_file ALGORITHM FILE: the hash in hex.
hash_file() {
    local line
    line=$("${1}sum" <"$2")
    printf '%s\n' "${line%% *}"
}
