#!/bin/bash
# Checks how build.sh and update-pin.sh fail, without building an image: failtest.sh [--quick]. Prints TAP, `ok N - claim`
# or `not ok N - claim`; exit status 1 if one does not hold. Root is needed for the tiny file systems; without it those cases are
# skipped and said to be.
set -euo pipefail
export LC_ALL=C

# --quick leaves out what unpacks a whole tree again, downloads, or waits on a full disk, and says so.
quick=0
[[ ${1:-} != --quick ]] || quick=1

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/ccvm-failtest.XXXXXX")
chmod 711 "$work"
passed=0
failed=0
skipped=0
mounts=()

clean_up() {
    local mount
    for mount in "${mounts[@]}"; do umount "$mount" 2>/dev/null || umount -l "$mount"; done
    rm -rf --one-file-system -- "$work"
}
trap clean_up EXIT

# result WHAT STATUS [DETAIL]
result() {
    if (($2 == 0)); then
        passed=$((passed + 1))
        printf 'ok %d - %s\n' "$((passed + failed + skipped))" "$1"
    else
        failed=$((failed + 1))
        printf 'not ok %d - %s\n' "$((passed + failed + skipped))" "$1"
        [[ -z ${3:-} ]] || printf '%s\n' "$3" | sed 's/^/#   /'
    fi
}

skip() {
    skipped=$((skipped + 1))
    printf 'ok %d - %s # SKIP %s\n' "$((passed + failed + skipped))" "$1" "$2"
}

# slow WHAT: whether a slow case is to run; says so when not.
slow() {
    ((quick)) || return 0
    skip "$1" 'left out by --quick'
    return 1
}

# begin: fresh folders for one case, and no leftover of the one before.
begin() {
    rm -rf --one-file-system -- "${work:?}"/{out,tmp,cache}
    mkdir -p "$work/out" "$work/cache/ccvm/downloads"
    mkdir -m 755 "$work/tmp"
    export XDG_CACHE_HOME=$work/cache
}

# expect WHAT STATUS: the last run's status and, for each further argument, a pattern its messages must have.
expect() {
    local what=$1 want=$2 pattern
    shift 2
    result "$what: exit status $want" "$((status != want))" "got $status; it said:
$(tail -n 20 "$work/said")"
    for pattern in "$@"; do
        if grep -qE -- "$pattern" "$work/said"; then
            result "$what: says '$pattern'" 0
        else
            result "$what: says '$pattern'" 1 "$(tail -n 20 "$work/said")"
        fi
    done
    nothing_left "$what"
}

# what_is_left: images, partial ones, work folders, partial downloads, mounts, processes.
what_is_left() {
    find "$work/out" "$work/tmp" -mindepth 1 ! -name keep | head -n 5
    find "$work/cache" -mindepth 1 ! -type d ! -name 'sha512-*.tgz' | head -n 5
    find "$work/cache/ccvm/downloads" -mindepth 1 -type d | head -n 5
    grep -F "$work/tmp/" /proc/mounts
    pgrep -af -- "$work/(tmp|out)/"
}

# nothing_left WHAT: processes that were signalled may take a moment to end on a busy machine.
nothing_left() {
    local left tries
    for ((tries = 0; tries < 100; tries++)); do
        left=$(what_is_left || :)
        [[ -n $left ]] || break
        read -rt 0.2 <> <(:) || :
    done
    result "$1: leaves nothing behind" "$([[ -z $left ]]; echo $?)" "$left"
}

# build ARGUMENT...: runs build.sh; sets status; its messages are in $work/said.
build() {
    status=0
    timeout 300 "$here/build.sh" --out "$work/out/image" --work "$work/tmp" "$@" >"$work/said" 2>&1 || status=$?
}

# fake_package FILE: a small package in place of the real one, and a lock file that pins it.
# Everything up to the root file system can be tried with it.
fake_package() {
    local hex
    mkdir -p "$work/fake/package"
    printf '#!/bin/sh\necho "0.0.1 (Claude Code)"\n' >"$work/fake/package/claude"
    chmod 755 "$work/fake/package/claude"
    tar -C "$work/fake" -czf "$work/fake.tgz" package
    hex=$(sha512sum <"$work/fake.tgz")
    cp "$work/fake.tgz" "$work/cache/ccvm/downloads/sha512-${hex%% *}.tgz"
    jq -n --arg integrity "sha512-$(hex_to_base64 "${hex%% *}")" \
        '{package: "@anthropic-ai/claude-code-linux-x64", version: "0.0.1", integrity: $integrity}' >"$work/fake.lock"
}

# hex_to_base64 HEX
hex_to_base64() {
    local hex=$1 i
    for ((i = 0; i < ${#hex}; i += 2)); do printf '%b' "\\x${hex:i:2}"; done | base64 -w 0
}

# wait_for SECONDS PATTERN: waits until the run's messages have the pattern.
wait_for() {
    local i
    for ((i = 0; i < $1 * 10; i++)); do
        grep -qE -- "$2" "$work/said" && return 0
        sleep 0.1
    done
    return 1
}

# can_reach_npm: the cases that download are skipped where nothing can be downloaded.
can_reach_npm() {
    timeout 30 npm view @anthropic-ai/claude-code-linux-x64 version >/dev/null 2>&1
}

# --- usage ---
begin
status=0; "$here/build.sh" >"$work/said" 2>&1 || status=$?
expect 'no --out' 2 '--out DIR or --store DIR is needed'
begin
build --frobnicate
expect 'unknown option' 2 'unknown option: --frobnicate'
begin
build --level 99
expect 'bad level' 2 '--level must be'
begin
build --extra-packages 'git;reboot'
expect 'bad package name' 2 'takes names of Debian packages'
begin
mkdir "$work/out/image"
: >"$work/out/image/keep"
build
rm -r "$work/out/image/keep"
result 'a folder that is no image is not replaced: exit status 1' "$((status != 1))" "$(cat "$work/said")"
result 'a folder that is no image is not replaced: says so' "$(grep -q 'exists and is not an image' "$work/said"; echo $?)" "$(cat "$work/said")"

# --- lock file ---
begin
echo '{"package": 7}' >"$work/bad.lock"
build --lock "$work/bad.lock"
expect 'lock file without fields' 1 'is not a lock file' 'update-pin\.sh'
begin
jq '.integrity = "sha1-abc"' "$here/claude.lock" >"$work/bad.lock"
build --lock "$work/bad.lock"
expect 'lock file with a weak integrity' 1 'invalid integrity'
begin
build --lock "$work/nonexistent"
expect 'no lock file' 1 'cannot read the lock file'

# --- wrong checksum ---
# npm itself checks nothing against our lock file, so a stand-in for it is enough to bring the wrong bytes.
begin
mkdir -p "$work/bin"
printf '#!/bin/sh\necho "not what was pinned" >claude.tgz\n' >"$work/bin/npm"
chmod 755 "$work/bin/npm"
PATH=$work/bin:$PATH build
expect 'wrong checksum' 1 'expected sha512 [0-9a-f]{128}$' 'got      sha512 [0-9a-f]{128}$' 'nothing was installed' 'do not trust'
left=$(ls -A "$work/cache/ccvm/downloads")
result 'wrong checksum: the cache holds nothing' "${#left}"

# A damaged copy in the cache is not used, and is fetched again.
begin
lock_hex=$(jq -r .integrity "$here/claude.lock" | sed 's/^sha512-//' | base64 -d | od -An -v -tx1 | tr -d ' \n')
echo damaged >"$work/cache/ccvm/downloads/sha512-$lock_hex.tgz"
PATH=$work/bin:$PATH build
expect 'damaged cache' 1 'cached copy is damaged' 'wrong checksum'

# --- missing programs ---
begin
mkdir "$work/few"
for name in bash dirname basename df tail tr id cat sed grep mktemp mkdir mkfifo chmod rm sort date ls uname; do
    ln -s "$(command -v "$name")" "$work/few/$name"
done
status=0
PATH=$work/few "$BASH" "$here/build.sh" --out "$work/out/image" --work "$work/tmp" >"$work/said" 2>&1 || status=$?
expect 'missing programs' 1 'missing programs: .*mmdebstrap.*mksquashfs.*cpio' 'apt-get install .*kmod.*mmdebstrap.*squashfs-tools'
rm -r "$work/few"

# --- network ---
if unshare --user --map-root-user --net true 2>/dev/null || unshare --net true 2>/dev/null; then
    begin
    status=0
    unshare --map-root-user --net timeout 300 "$here/build.sh" --out "$work/out/image" --work "$work/tmp" >"$work/said" 2>&1 || status=$?
    expect 'no network for npm' 1 'no network: the npm registry cannot be reached' 'what to do'
else
    skip 'no network for npm' 'no network namespaces here'
fi
begin
fake_package
build --lock "$work/fake.lock" --mirror http://127.0.0.1:9/debian
expect 'a mirror that refuses' 1 'warning: no security updates' 'no network: the Debian mirror cannot be reached' '--mirror URL or CCVM_MIRROR'

# --- disk space ---
# tiny SIZE FOLDER: a file system of that size.
tiny() {
    mount -t tmpfs -o "size=$1,mode=755" tmpfs "$2"
    mounts+=("$2")
}
end_tiny() {
    umount "${mounts[-1]}"
    unset 'mounts[-1]'
}
mkdir -p "$work/try"
if ((EUID == 0)) && tiny 1m "$work/try" 2>/dev/null; then
    end_tiny
    begin
    tiny 100m "$work/tmp"
    build
    expect 'too little space to work' 1 'not enough disk space for building: .* has [0-9]+ MiB free, 2048 MiB are needed' '--work DIR'
    end_tiny
    begin
    tiny 100m "$work/out"
    build
    expect 'too little space for the image' 1 'not enough disk space for the image: ' '--out DIR'
    end_tiny
    # The check up front cannot know everything: the disk fills up later.
    begin
    fake_package
    tiny 20m "$work/tmp"
    CCVM_IMAGE_SPACE_CHECK=0 build --lock "$work/fake.lock"
    expect 'the work disk fills up' 1 'no disk space left while doing: building the root file system' 'free some space in'
    end_tiny
    if slow 'a disk that fills up during a step or a download'; then
        # A step that hangs on a full disk instead of failing is ended.
        begin
        fake_package
        printf '#!/bin/sh\nhead -c 100m /dev/zero >tmp/fill\nexec sleep 600\n' >"$work/bin/mmdebstrap"
        chmod 755 "$work/bin/mmdebstrap"
        tiny 20m "$work/tmp"
        CCVM_IMAGE_SPACE_CHECK=0 PATH=$work/bin:$PATH build --lock "$work/fake.lock"
        expect 'hanging on a full disk' 1 'no disk space left while doing: building the root file system'
        end_tiny
        rm "$work/bin/mmdebstrap"
        if can_reach_npm; then
            begin
            tiny 30m "$work/cache"
            CCVM_IMAGE_SPACE_CHECK=0 build
            expect 'the download fills the disk' 1 'no disk space left while doing: fetching Claude Code'
            end_tiny
        else
            skip 'the download fills the disk' 'npm cannot be reached'
        fi
    fi
else
    skip 'disk space' 'needs root'
fi

# --- signals ---
# interrupt SIGNAL STATUS: ends a build while mmdebstrap unpacks. The signal goes to the script alone, as kill sends it.
interrupt() {
    local pid
    begin
    fake_package
    : >"$work/said"
    # Background jobs of a script ignore SIGINT, unless they are started with job control.
    set -m
    "$here/build.sh" --out "$work/out/image" --work "$work/tmp" --lock "$work/fake.lock" >"$work/said" 2>&1 &
    pid=$!
    set +m
    if ! wait_for 120 'Debian: extracting'; then
        kill "$pid" 2>/dev/null || :
        wait "$pid" || :
        skip "SIG$1" 'mmdebstrap did not get so far'
        return
    fi
    kill -s "$1" "$pid"
    status=0
    wait "$pid" || status=$?
    expect "SIG$1 while unpacking" "$2" "ended by SIG$1"
}
interrupt TERM 143
if slow 'SIGINT, SIGHUP'; then
    interrupt INT 130
    interrupt HUP 129
fi

# After kill -9 the next build at the same place removes what was left.
if slow 'kill -9'; then
    begin
    fake_package
    : >"$work/said"
    set -m
    "$here/build.sh" --out "$work/out/image" --work "$work/tmp" --lock "$work/fake.lock" >"$work/said" 2>&1 &
    pid=$!
    set +m
    if wait_for 60 'Debian: reading'; then
        kill -KILL "$pid"
        wait "$pid" 2>/dev/null || :
        left_before=$(find "$work/out" "$work/tmp" -mindepth 1 -maxdepth 1 | wc -l)
        result 'kill -9: the case leaves something to remove' "$((left_before == 0))"
        for ((i = 0; i < 150; i++)); do pgrep -f -- "$work/(tmp|out)/" >/dev/null || break; sleep 0.1; done
        result 'kill -9: what the script had started ends too' "$((i == 150))" "$(pgrep -af -- "$work/(tmp|out)/" || :)"
        build --lock "$work/fake.lock" --mirror http://127.0.0.1:9/debian
        expect 'the build after a kill -9' 1 'no network'
    else
        kill "$pid" 2>/dev/null || :
        skip 'kill -9' 'mmdebstrap did not get so far'
    fi
fi

# --- the pin ---
if slow 'moving the pin'; then
    begin
    cp "$here/claude.lock" "$work/pin.lock"
    if can_reach_npm; then
        status=0
        CCVM_LOCK=$work/pin.lock "$here/update-pin.sh" 99999.0.0 >"$work/said" 2>&1 || status=$?
        expect 'pin to a version that is not there' 1 'npm knows no .*99999\.0\.0'
        result 'pin to a version that is not there: the lock file stays' "$(cmp -s "$here/claude.lock" "$work/pin.lock"; echo $?)"
        jq '.version = "0.0.1"' "$here/claude.lock" >"$work/pin.lock"
        status=0
        CCVM_LOCK=$work/pin.lock "$here/update-pin.sh" "$(jq -r .version "$here/claude.lock")" >"$work/said" 2>&1 || status=$?
        expect 'pin to the version of the lock file' 0 '0\.0\.1 -> '
        result 'pin to the version of the lock file: gives the same file' "$(cmp -s "$here/claude.lock" "$work/pin.lock"; echo $?)"
    else
        skip 'moving the pin' 'npm cannot be reached'
    fi
fi

printf '1..%d\n# %d passed, %d failed, %d skipped\n' "$((passed + failed + skipped))" "$passed" "$failed" "$skipped"
((failed == 0))
