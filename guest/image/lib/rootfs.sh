# shellcheck shell=bash
# Variables that are not set here are those of build.sh.
# shellcheck disable=SC2154,SC2034
# The root file system: how mmdebstrap can run here, and the run itself. Sourced.

# choose_mode: sets mode. As root, mmdebstrap's unshare mode gives mount and pid namespaces of their own; where a
# container forbids that, a plain chroot remains. Without root, user namespaces with sub-ids are the only way.
choose_mode() {
    local why
    if ((EUID == 0)); then
        if unshare --mount --pid --ipc --uts --fork mount -t proc proc /proc >/dev/null 2>&1; then
            mode=unshare
        else
            mode=root
        fi
        return
    fi
    command -v newuidmap >/dev/null || die "newuidmap is missing, which building without root needs" \
        "apt-get install uidmap, or build as root"
    local user
    user=$(id -un)
    if ! grep -qE "^($user|$EUID):" /etc/subuid || ! grep -qE "^($user|$EUID):" /etc/subgid; then
        die "user $user has no sub-ids in /etc/subuid and /etc/subgid, which building without root needs" \
            "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $user, or build as root"
    fi
    why=$(cd / && mmdebstrap --unshare-helper true 2>&1) || {
        printf '%s\n' "$why" | LC_ALL=C cat -v | tail -n 3 >&2
        die "user namespaces do not work for $user" \
            "sysctl kernel.unprivileged_userns_clone=1 (Debian) or kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), or build as root"
    }
    mode=unshare
}

# sources: the apt source lines, one a line; none when mmdebstrap's own choice is to be used.
sources() {
    local url=$mirror signed
    [[ -n $url ]] || return 0
    if [[ $url == deb\ * ]]; then
        printf '%s\n' "$url"
        return
    fi
    signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
    printf 'deb %s %s %s main\n' "$signed" "$url" "$suite" "$signed" "$url" "$suite-updates"
    [[ -z $security_mirror ]] || printf 'deb %s %s %s main\n' "$signed" "$security_mirror" "$suite-security"
}

# rootfs_build: $work/claude.tar and $work/files.tar go in; root.squashfs, vmlinuz, modules.cpio and packages.txt come
# out in $partial and $work.
rootfs_build() {
    log=$work/rootfs.log
    local status=0
    run_job rootfs_pipeline || status=$?
    if ((status)); then
        explain_log "$status" "building the root file system" "the Debian mirror" \
            "check the connection; another mirror is chosen with --mirror URL or CCVM_MIRROR"
        show_log_tail
        die "the root file system could not be built" "see the lines above"
    fi
}

# rootfs_pipeline: the tree goes from mmdebstrap to mksquashfs as a tar stream, so that ownership is right without root
# and the tree is never on disk twice.
# mmdebstrap's shell, not this one, expands the hooks.
# shellcheck disable=SC2016
rootfs_pipeline() {
    local args=() line status=0 pack=(mksquashfs)
    set +e
    set -o pipefail
    cd -- "$work" || exit 1
    while IFS= read -r line; do args+=("$line"); done < <(sources)
    export TMPDIR=$work/tmp
    # From a tar stream, mksquashfs gives the root folder to whoever runs it, whatever -root-uid says (4.5.1).
    if ((EUID != 0)); then pack=(unshare --map-root-user mksquashfs); fi
    {
        mmdebstrap --mode="$mode" --variant=apt --format=tar --architectures=amd64 \
            --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
            --aptopt='Acquire::Retries "2"' --aptopt='Acquire::http::Timeout "30"' \
            --extract-hook='upload dpkg.cfg /etc/dpkg/dpkg.cfg.d/ccvm' \
            --include="$(IFS=,; printf '%s' "${packages[*]}")" \
            --customize-hook='mkdir -m 700 "$1/ccvm-build" "$1/ccvm-build/out"' \
            --customize-hook='tar-in files.tar /ccvm-build' \
            --customize-hook='tar-in claude.tar /ccvm-build' \
            --customize-hook='"$1/ccvm-build/tree/tree.sh" "$1"' \
            --customize-hook='download /ccvm-build/out/vmlinuz vmlinuz' \
            --customize-hook='download /ccvm-build/out/modules.cpio modules.cpio' \
            --customize-hook='download /ccvm-build/out/info.json info.json' \
            --customize-hook='rm -rf "$1/ccvm-build"' \
            "$suite" - "${args[@]}" 2>&3 3>&- |
            "${pack[@]}" - "$partial/root.squashfs" -tar -comp zstd -Xcompression-level "$level" -b 128K \
                -noappend -no-xattrs -no-progress -root-mode 755 -root-uid 0 -root-gid 0 >"$work/mksquashfs.log" 2>&1 3>&-
    } 3>&1 1>&2 | follow_log || status=$?
    cat "$work/mksquashfs.log" >>"$log"
    return "$status"
}

# follow_log: keeps all that mmdebstrap says and shows its stages as steps. Fails with $no_space if that was said.
follow_log() {
    local line status=0
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log" 2>/dev/null
        if [[ $line =~ $no_space_pattern ]]; then status=$no_space; fi
        case $line in
            'I: running apt-get update'*) step "Debian: reading the package lists" ;;
            'I: downloading packages'*) step "Debian: downloading the essential packages" ;;
            'I: extracting archives'*) step "Debian: extracting" ;;
            'I: installing essential'*) step "Debian: installing the essential packages" ;;
            'I: installing remaining'*) step "Debian: downloading and installing ${#packages[@]} packages and what they need" ;;
            'I: creating tarball'*) step "packing root.squashfs (zstd level $level)" ;;
            'ccvm: '*) step "${line#ccvm: }" ;;
        esac
    done
    return "$status"
}
