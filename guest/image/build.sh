#!/bin/bash
# Builds a guest image: a Debian root file system with Claude Code in it, a kernel and its boot modules.
set -euo pipefail
export LC_ALL=C
umask 022

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/image/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=guest/image/lib/claude.sh
. "$here/lib/claude.sh"
# shellcheck source=guest/image/lib/rootfs.sh
. "$here/lib/rootfs.sh"
# shellcheck source=guest/image/lib/manifest.sh
. "$here/lib/manifest.sh"

builder_version=1
suite=trixie
release=13

out=
store=
work_base=${TMPDIR:-/var/tmp}
mirror=${CCVM_MIRROR:-}
security_mirror=${CCVM_SECURITY_MIRROR:-}
extra_packages=
agent_sudo=true
clipboard=true
nix=false
nix_substituters=
nix_keys=
level=${CCVM_IMAGE_LEVEL:-6}
lock_file=$here/claude.lock
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ccvm/downloads

work=       # our own folder for what is needed on the way
partial=    # the image as it grows, beside its final place
download=   # a download as it grows, in the cache
mode=

usage() {
    cat <<'END'
Usage: build.sh --out DIR [option...]
       build.sh --store DIR [option...]

  --out DIR               write the image to DIR, replacing an image that is there
  --store DIR             write the image to DIR/<image id> and let DIR/current point to it
  --work DIR              work directory (default $TMPDIR or /var/tmp; about 2 GiB)
  --mirror URL            Debian mirror, or a whole "deb ..." line (default: $CCVM_MIRROR, or mmdebstrap's choice)
  --security-mirror URL   with --mirror: where security updates come from (default: $CCVM_SECURITY_MIRROR, or nowhere)
  --extra-packages "A B"  more Debian packages; may be given several times
  --no-agent-sudo         build without sudo for the agent
  --no-clipboard          build without image paste
  --nix                   add Nix, its daemon and a writable /nix/store
  --nix-substituter URL   with --nix: an additional binary cache; may be repeated
  --nix-key NAME:KEY      with --nix: a public key that paths of those caches are signed with; may be given several times
  --lock FILE             the lock file that pins Claude Code
  --level N               zstd level of the root file system, 1-19 (default 6)
  --quiet                 print errors and warnings only
  --help                  print this text

Exit status: 0 built, 1 failed, 2 wrong usage, 128+n ended by signal n. Whatever ends it, no half image is left.
END
}

# value OPTION COUNT: ends unless OPTION was followed by a value.
value() {
    (($2 >= 2)) || die_usage "$1 needs a value"
}

parse_options() {
    while (($#)); do
        case $1 in
            --out) value "$1" $#; out=$2; shift ;;
            --store) value "$1" $#; store=$2; shift ;;
            --work) value "$1" $#; work_base=$2; shift ;;
            --mirror) value "$1" $#; mirror=$2; shift ;;
            --security-mirror) value "$1" $#; security_mirror=$2; shift ;;
            --extra-packages) value "$1" $#; extra_packages+=" $2"; shift ;;
            --lock) value "$1" $#; lock_file=$2; shift ;;
            --level) value "$1" $#; level=$2; shift ;;
            --no-agent-sudo) agent_sudo=false ;;
            --no-clipboard) clipboard=false ;;
            --nix) nix=true ;;
            --nix-substituter) value "$1" $#; nix_substituters+=" $2"; shift ;;
            --nix-key) value "$1" $#; nix_keys+=" $2"; shift ;;
            --quiet) quiet=1 ;;
            --help) usage; exit 0 ;;
            *) die_usage "unknown option: $1" ;;
        esac
        shift
    done
    [[ -n $out || -n $store ]] || die_usage "--out DIR or --store DIR is needed"
    [[ -z $out || -z $store ]] || die_usage "--out and --store exclude each other"
    [[ $level =~ ^([1-9]|1[0-9])$ ]] || die_usage "--level must be a number from 1 to 19"
    # Both become words of a line in nix.conf.
    [[ $nix_substituters =~ ^(\ [a-z0-9+]+://[][A-Za-z0-9._~:/?\&=%-]+)*$ ]] || die_usage "--nix-substituter takes a URL"
    [[ $nix_keys =~ ^(\ [A-Za-z0-9._-]+:[A-Za-z0-9+/=]+)*$ ]] || die_usage "--nix-key takes NAME:KEY"
    [[ $nix == true || -z $nix_substituters$nix_keys ]] || die_usage "--nix-substituter and --nix-key need --nix"
    [[ -z ${extra_packages//[a-z0-9.+: -]/} ]] || die_usage "--extra-packages takes names of Debian packages"
}

# choose_packages: sets packages.
choose_packages() {
    mapfile -t packages < <(sed 's/#.*//' "$here/packages.list" | tr -s ' \t' '\n' | grep . |
        if [[ $agent_sudo == true ]]; then cat; else grep -vx sudo-rs; fi)
    if [[ $nix == true ]]; then packages+=(nix-bin); fi
    local name
    for name in $extra_packages; do packages+=("$name"); done
}

# make_work: our folders. What dead builds left at the same places is removed first.
make_work() {
    [[ -d $work_base && -w $work_base ]] || die "cannot write to the work folder $work_base" "choose another with --work DIR"
    mkdir -p -- "$cache" || die "cannot make the download cache $cache" "set XDG_CACHE_HOME"
    out=${out%/}
    out_parent=${store:-$(dirname -- "$out")}
    mkdir -p -- "$out_parent" || die "cannot make $out_parent" "choose another place"
    [[ -w $out_parent ]] || die "cannot write to $out_parent" "choose another place"
    if [[ -n $out && -e $out && ! -f $out/manifest.json && -n $(ls -A -- "$out" 2>/dev/null || echo file) ]]; then
        die "$out exists and is not an image" "choose another --out, or remove it"
    fi
    out_parent=$(cd -- "$out_parent" && pwd)
    work_base=$(cd -- "$work_base" && pwd)
    partial=$out_parent/$(basename -- "${out:-image}").partial.$$
    remove_leftovers
    work=$(mktemp -d -- "$work_base/ccvm-image.$$.XXXXXX")
    # mmdebstrap's namespace root is another user and must get through to its own folder, and to nothing else.
    chmod 711 "$work"
    mkdir -m 711 "$work/tmp"
    mkdir "$partial"
}

# remove_leftovers: partial files of builds that were killed, known by the process id in their names.
remove_leftovers() {
    local path pid
    for path in "${partial%.*}".[0-9]* "$cache"/.partial.[0-9]* "$work_base"/ccvm-image.[0-9]*; do
        [[ -e $path && -O $path ]] || continue
        pid=${path##*/}
        pid=${pid##*partial.}
        pid=${pid##*ccvm-image.}
        pid=${pid%%.*}
        if [[ $pid =~ ^[0-9]+$ ]] && ! kill -0 "$pid" 2>/dev/null && [[ ! -d /proc/$pid ]]; then
            remove_tree "$path"
        fi
    done
}

# remove_tree PATH: also what belongs to the sub-ids of an unprivileged build. Never crosses into a mount.
remove_tree() {
    [[ -n $1 && -e $1 ]] || return 0
    rm -rf --one-file-system -- "$1" 2>/dev/null && return 0
    if ((EUID != 0)); then
        (cd / && mmdebstrap --unshare-helper rm -rf --one-file-system -- "$1"/tmp/mmdebstrap.*) >/dev/null 2>&1 || :
    fi
    rm -rf --one-file-system -- "$1" 2>/dev/null || warn "could not remove $1"
}

clean_up() {
    local status=$?
    # A child that is signalled right after its fork still has these traps; it must not remove what is its parent's.
    [[ $BASHPID == "$$" ]] || return 0
    trap '' INT TERM HUP
    trap - EXIT
    end_job
    remove_tree "$work"
    remove_tree "$partial"
    remove_tree "$download"
    exit "$status"
}

on_signal() {
    [[ $BASHPID == "$$" ]] || exit "$2"
    printf '%s: ended by SIG%s; nothing is left behind\n' "$program" "$1" >&2
    exit "$2"
}

# write_settings: what tree.sh has to know.
write_settings() {
    printf 'agent_sudo=%s\nnix=%s\nnix_substituters=%q\nnix_keys=%q\nclaude_version=%q\nexport SOURCE_DATE_EPOCH=%q\n' \
        "$agent_sudo" "$nix" "${nix_substituters# }" "${nix_keys# }" "$lock_version" "$SOURCE_DATE_EPOCH" >"$work/settings"
    tar -C "$here" -cf "$work/files.tar" --owner=0 --group=0 --mode='u+rwX,go=rX' --mtime="@$SOURCE_DATE_EPOCH" tree overlay modules.list sudoers \
        -C "$work" settings
    # dpkg has to know what not to unpack before the first package is installed.
    cp -- "$here/overlay/etc/dpkg/dpkg.cfg.d/ccvm" "$work/dpkg.cfg"
}

# finish: gives the image its final name. Signals wait for this moment to pass.
finish() {
    local old
    step "putting the image in place"
    sync -f "$partial/root.squashfs"
    trap '' INT TERM HUP
    [[ -z $store ]] || out=$out_parent/$image_id
    if [[ -e $out ]]; then
        old=$partial.old
        mv -T -- "$out" "$old"
        mv -T -- "$partial" "$out"
        rm -rf -- "$old"
    else
        mv -T -- "$partial" "$out"
    fi
    if [[ -n $store ]]; then
        ln -sfn -- "$image_id" "$out_parent/.current.$$"
        mv -T -- "$out_parent/.current.$$" "$out_parent/current"
    fi
}

main() {
    parse_options "$@"
    need_programs mmdebstrap:mmdebstrap mksquashfs:squashfs-tools cpio:cpio zstd:zstd xz:xz-utils modprobe:kmod \
        depmod:kmod jq:jq dpkg-deb:dpkg apt-get:apt
    [[ $(uname -m) == x86_64 ]] || die "images are for x86_64, this machine is $(uname -m)"
    lock_read "$lock_file"
    choose_packages
    choose_mode
    trap clean_up EXIT
    trap 'on_signal INT 130' INT
    trap 'on_signal TERM 143' TERM
    trap 'on_signal HUP 129' HUP
    make_work
    if [[ -n $mirror && $mirror != deb\ * && -z $security_mirror ]]; then
        warn "no security updates: --mirror without --security-mirror"
    fi
    need_space "$work" 2048 "building" "--work DIR"
    need_space "$partial" 450 "the image" "--out DIR"
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date +%s)}

    claude_fetch
    log=$work/claude.log
    local status=0
    run_job unpack_claude 2>"$log" || status=$?
    if ((status)); then
        explain_log "$status" "unpacking Claude Code" "" ""
        show_log_tail
        die "could not unpack $claude_tgz"
    fi
    write_settings
    rootfs_build
    mv -- "$work/vmlinuz" "$work/modules.cpio" "$partial/"
    chmod 644 "$partial"/*
    step "manifest"
    manifest_write
    finish
    step "image $image_id is in $out ($(du -sm -- "$out" | cut -f1) MiB)"
}

# unpack_claude: the npm package is a tar itself; mmdebstrap carries it into the tree.
unpack_claude() {
    gzip -dc -- "$claude_tgz" >"$work/claude.tar"
}

main "$@"
