#!/bin/bash
# Turns a fresh Debian tree into the guest's. mmdebstrap runs it as a hook with the tree as $1; it runs outside the
# tree, as root of mmdebstrap's namespace, and must touch nothing but the tree. Its own files and the unpacked Claude
# Code package are in $1/ccvm-build, the results for the host go to $1/ccvm-build/out. Lines that start with "ccvm: "
# become progress steps.
set -euo pipefail
export LC_ALL=C
umask 022

# A mistake here would empty folders of the host.
tree=${1:?}
[[ $tree != / && -d $tree/ccvm-build && -n ${MMDEBSTRAP_HOOK:-} ]] || exit 1
build=$tree/ccvm-build
out=$build/out
# shellcheck source=guest/image/tree/kernel.sh
. "$build/tree/kernel.sh"
# shellcheck source=guest/image/tree/nixconf.sh
. "$build/tree/nixconf.sh"
# settings: agent_sudo, nix, nix_substituters, nix_keys, claude_version
agent_sudo='' nix='' nix_substituters='' nix_keys='' claude_version=''
# shellcheck source=/dev/null
. "$build/settings"

say() { printf 'ccvm: %s\n' "$*" >&2; }
fail() { printf 'ccvm-error: %s\n' "$*" >&2; exit 1; }

# in_tree COMMAND...: runs a program of the tree.
in_tree() {
    chroot "$tree" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/tmp LC_ALL=C.UTF-8 "$@"
}

install_claude() {
    local got
    say "Claude Code: installing and trying it"
    install -d "$tree/usr/local/lib/claude-code"
    install -m 644 "$build/package/LICENSE.md" "$tree/usr/local/lib/claude-code/" 2>/dev/null || :
    mv -f "$build/package/claude" "$tree/usr/local/lib/claude-code/claude"
    chown 0:0 "$tree/usr/local/lib/claude-code/claude"
    chmod 755 "$tree/usr/local/lib/claude-code/claude"
    ln -sfn ../lib/claude-code/claude "$tree/usr/local/bin/claude"
    if [[ ! -e $tree/proc/self/exe ]]; then
        say "Claude Code: not tried, since /proc cannot be mounted here"
        return
    fi
    got=$(in_tree timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups claude --version 2>&1) ||
        fail "claude --version does not run in the tree: $got"
    [[ $got == "$claude_version "* ]] || fail "claude --version says '$got', the lock file says '$claude_version'"
}

make_users() {
    say "users, sudo and configuration"
    # sshd without PAM refuses an account whose password field starts with '!', so the agent's is '*': no password
    # matches it either.
    in_tree useradd --uid 1000 --user-group --create-home --shell /run/ccvm/bin/ccvm-launch \
        --comment 'Claude Code' --password '*' ccvm 2>/dev/null
    in_tree usermod --password '!*' --shell /bin/bash root
    # Empty on purpose: init puts the agent in when this run grants sudo. The number is fixed, so that it can be relied on.
    in_tree groupadd --gid 900 wheel
    grep -qx /run/ccvm/bin/ccvm-launch "$tree/etc/shells" ||
        printf '/run/ccvm/bin/ccvm-launch\n' >>"$tree/etc/shells"
    # What useradd made from /etc/skel is bash's; the agent's home starts with nothing but what zsh wants to exist.
    find "$tree/home/ccvm" -mindepth 1 -delete
    printf '# Settings of all shells are in /etc/zsh/zshrc.\n' >"$tree/home/ccvm/.zshrc"
    chown -R 1000:1000 "$tree/home/ccvm"
    chmod 755 "$tree/home/ccvm"
    # Nothing in the guest maps sub-ids.
    : >"$tree/etc/subuid"
    : >"$tree/etc/subgid"
    # Backups of the files above would tell nothing and differ from build to build.
    rm -f "$tree"/etc/{passwd,group,shadow,gshadow,subuid,subgid}-
}

set_up_sudo() {
    [[ $agent_sudo == true ]] || return 0
    ln -sfn ../../lib/cargo/bin/sudo "$tree/usr/local/bin/sudo"
    ln -sfn ../../lib/cargo/bin/visudo "$tree/usr/local/sbin/visudo"
    install -m 440 "$build/sudoers" "$tree/etc/sudoers-rs"
    install -m 440 "$build/sudoers" "$tree/etc/sudoers"
    in_tree /usr/local/sbin/visudo --check >/dev/null || fail "sudo-rs does not accept /etc/sudoers-rs"
}

# strip_privileges: no set-id program but sudo. dpkg gets an override as well, so that an upgrade in a guest does not bring one back.
strip_privileges() {
    local path name
    while IFS= read -r path; do
        name=${path#"$tree"}
        [[ $name != /usr/lib/cargo/bin/sudo ]] || continue
        chmod ug-s "$path"
        in_tree dpkg-statoverride --add root root "$(stat -c %a "$path")" "$name"
    done < <(find "$tree" -xdev -path "$tree/proc" -prune -o -path "$tree/sys" -prune -o -type f -perm /6000 -print)
    chown 0:0 "$tree"/usr/bin/{chage,expiry,ssh-agent} "$tree/usr/sbin/unix_chkpwd"
    [[ -z $(find "$tree/usr" -xdev -type f -perm /6000 ! -path "$tree/usr/lib/cargo/bin/sudo") ]] ||
        fail "a set-id program was left"
    if command -v getcap >/dev/null && [[ -n $(getcap -r "$tree/usr" 2>/dev/null) ]]; then
        fail "a program with file capabilities was left"
    fi
}

write_configuration() {
    cp -a --no-preserve=ownership "$build/overlay/." "$tree/"
    printf 'ccvm\n' >"$tree/etc/hostname"
    printf '127.0.0.1 localhost ccvm\n::1 localhost ip6-localhost ip6-loopback\n' >"$tree/etc/hosts"
    : >"$tree/etc/fstab"
    rm -f "$tree/etc/resolv.conf"
    : >"$tree/etc/resolv.conf"
    : >"$tree/etc/machine-id"
    chmod 644 "$tree"/etc/{hostname,hosts,fstab,resolv.conf,machine-id}
    # Host keys come with each run's seed; moduli serve a key exchange that is not offered.
    rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/ssh/moduli"
    rm -f "$tree"/etc/update-motd.d/* "$tree/etc/motd"
    ln -sfn fdfind "$tree/usr/bin/fd"
    install -d "$tree/scratch" "$tree/mnt"
}

# set_up_nix: Debian's nix-bin is the program alone; users, folders and configuration are its installer's part.
set_up_nix() {
    [[ $nix == true ]] || return 0
    local i
    say "Nix: builders and configuration"
    install -d -m 755 "$tree/nix" "$tree/nix/store" "$tree/etc/nix"
    in_tree groupadd --gid 30000 nixbld
    for i in 1 2 3 4; do
        in_tree useradd --uid $((30000 + i)) --gid nixbld --groups nixbld --no-create-home --home-dir /var/empty \
            --shell /usr/sbin/nologin --comment "Nix builder $i" --password '!*' "nixbld$i" 2>/dev/null
    done
    rm -f "$tree"/etc/{passwd,group,shadow,gshadow,subuid,subgid}-
    nix_conf "$nix_substituters" "$nix_keys" >"$tree/etc/nix/nix.conf"
    chmod 644 "$tree/etc/nix/nix.conf"
}

# tidy: what a build leaves behind and nobody reads.
tidy() {
    rm -rf "${tree:?}"/{boot,var/log,var/cache/ldconfig,etc/systemd,etc/init.d,usr/share/bash-completion,usr/lib/systemd} \
        "${tree:?}"/etc/rc?.d "${tree:?}"/var/cache/debconf/*-old "${tree:?}"/var/lib/dpkg/*-old
    install -d "$tree/var/log" "$tree/boot"
    # The essential packages were first unpacked by hand, without dpkg's path-exclude.
    rm -rf "${tree:?}"/usr/share/{man,info,locale,lintian,bug,groff,doc-base}
    find "$tree/usr/share/doc" -type f ! -name copyright -delete
    find "$tree/usr/share/doc" -xtype l -delete
    find "$tree/usr/share/doc" -mindepth 1 -depth -type d -empty -delete
    find "$tree/usr" -xdev -name __pycache__ -type d -prune -exec rm -rf {} +
}

# shellcheck disable=SC2016  # dpkg-query expands the format
write_info() {
    in_tree dpkg-query --show --showformat '${Package}\t${Version}\n' | jq -Rn --arg kernel "$kernel" \
        --arg package "$kernel_package" --arg version "$kernel_package_version" \
        '{kernel: $kernel, kernel_package: $package, kernel_package_version: $version,
          packages: [inputs | split("\t") | {(.[0]): .[1]}] | add}' >"$out/info.json"
}

install_claude
make_users
set_up_sudo
write_configuration
set_up_nix
strip_privileges
kernel_install
tidy
write_info
