# shellcheck shell=bash
# Variables that are not set here are those of build.sh.
# shellcheck disable=SC2154,SC2034
# The pinned Claude Code package: reading the lock file, fetching, checking. Sourced.

# lock_read FILE: sets lock_package, lock_version, lock_integrity and lock_hex (the same hash in hex).
lock_read() {
    local file=$1 fields
    [[ -r $file ]] || die "cannot read the lock file $file" "restore guest/image/claude.lock"
    fields=$(jq -er '[.package, .version, .integrity] | map(strings) | select(length == 3) | .[]' "$file" 2>/dev/null) ||
        die "$file is not a lock file: it needs the strings package, version and integrity" \
            "restore it, or write a new one with guest/image/update-pin.sh"
    { read -r lock_package && read -r lock_version && read -r lock_integrity; } <<<"$fields"
    [[ $lock_package =~ ^@?[a-z0-9._/-]+$ && $lock_version =~ ^[0-9]+(\.[0-9]+)+[0-9A-Za-z.+-]*$ ]] ||
        die "$file names no usable package: '$lock_package' '$lock_version'" "run guest/image/update-pin.sh"
    lock_hex=$(integrity_to_hex "$lock_integrity") ||
        die "$file: invalid integrity (must be sha512): '$lock_integrity'" "run guest/image/update-pin.sh"
}

# integrity_to_hex sha512-BASE64: the hash in hex; fails on any other form.
integrity_to_hex() {
    local hex
    [[ $1 =~ ^sha512-([A-Za-z0-9+/]{86}==)$ ]] || return 1
    hex=$(base64 -d <<<"${BASH_REMATCH[1]}" | od -An -v -tx1 | tr -d ' \n')
    [[ ${#hex} == 128 ]] && printf '%s\n' "$hex"
}

# claude_fetch: leaves the checked package in the download cache and its path in claude_tgz.
# The cache is addressed by content, and what it holds is checked again at each use.
claude_fetch() {
    local got status=0
    claude_tgz=$cache/sha512-$lock_hex.tgz
    if [[ -f $claude_tgz ]]; then
        step "Claude Code $lock_version: checking the copy in the cache"
        [[ $(hash_file sha512 "$claude_tgz") != "$lock_hex" ]] || return 0
        warn "the cached copy is damaged; it is fetched again"
        rm -f -- "$claude_tgz"
    fi
    need_programs npm:npm
    need_space "$cache" 200 "the download of Claude Code" "XDG_CACHE_HOME"
    step "Claude Code $lock_version: fetching from npm (about 175 MB)"
    download=$cache/.partial.$$
    log=$work/npm.log
    mkdir -p -- "$download"
    run_job npm_pack >"$log" 2>&1 || status=$?
    if ((status)); then
        if grep -qE 'E404|ETARGET|notarget' "$log"; then
            die "npm has no $lock_package version $lock_version" "move the pin: guest/image/update-pin.sh"
        fi
        explain_log "$status" "fetching Claude Code" "the npm registry" \
            "check the connection and npm's configuration (npm config get registry), then build again"
        show_log_tail
        die "npm could not fetch $lock_package $lock_version" "see the lines above; npm's own configuration is used"
    fi
    got=("$download"/*.tgz)
    [[ -f ${got[0]} ]] || die "npm pack left no package in $download" "update npm"
    step "Claude Code $lock_version: checking sha512"
    local sum
    sum=$(hash_file sha512 "${got[0]}")
    if [[ $sum != "$lock_hex" ]]; then
        printf '%s: expected sha512 %s\n%s: got      sha512 %s\n' \
            "$program" "$lock_hex" "$program" "$sum" >&2
        die "wrong checksum: $lock_package $lock_version is not what the lock file $lock_file pins; nothing was installed" \
            "if you did not change the pin, do not trust the download; a new pin is set by guest/image/update-pin.sh"
    fi
    mv -f -- "${got[0]}" "$claude_tgz"
    rm -rf -- "$download"
    download=
}

# npm_pack: npm keeps a copy of all it fetches; here that goes to a folder that is thrown away.
npm_pack() {
    cd -- "$download" && npm pack --loglevel=error --cache "$download/npm" --ignore-scripts \
        --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 \
        "$lock_package@$lock_version"
}
