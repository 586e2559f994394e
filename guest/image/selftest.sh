#!/bin/bash
# Checks a built image: selftest.sh IMAGE-DIR. Prints TAP, `ok N - claim` or `not ok N - claim`; exit status 1 if
# a claim does not hold. Reads the image with unsquashfs, cpio and modinfo, not with what built it.
set -euo pipefail
export LC_ALL=C

if (($# != 1)) || [[ ! -d $1 ]]; then
    printf 'Usage: selftest.sh IMAGE-DIR\n' >&2
    exit 2
fi
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
image=$(cd -- "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
passed=0
failed=0

# check WHAT COMMAND...: one claim, made by the command's status. What the command prints is shown when it fails.
check() {
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf 'ok %d - %s\n' "$((passed + failed))" "$what"
    else
        failed=$((failed + 1))
        printf 'not ok %d - %s\n' "$((passed + failed))" "$what"
        [[ -z $said ]] || printf '%s\n' "$said" | head -n 10 | sed 's/^/#   /'
    fi
}

# same GOT EXPECTED
same() {
    [[ $1 == "$2" ]] || { printf 'got:      %s\nexpected: %s\n' "$1" "$2"; return 1; }
}

# nothing TEXT: holds if TEXT is empty.
nothing() {
    same "$1" ''
}

# below GOT LIMIT
below() {
    (($1 < $2)) || { printf '%s is not below %s\n' "$1" "$2"; return 1; }
}

manifest() { jq -r "$1" "$image/manifest.json"; }
lock() { jq -r "$1" "$here/claude.lock"; }

# --- the folder and its manifest ---
check 'the folder holds these files and no others' \
    same "$(cd "$image" && find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')" 'manifest.json modules.cpio root.squashfs vmlinuz '
check 'everybody may read the files' nothing "$(find "$image" -type f ! -perm -444)"
check 'manifest: schema 1' same "$(manifest .schema)" 1
check 'manifest: names exactly the other files' same "$(manifest '.files | keys | join(" ")')" 'modules.cpio root.squashfs vmlinuz'
all=
for name in vmlinuz modules.cpio root.squashfs; do
    hash=$(sha256sum <"$image/$name")
    hash=${hash%% *}
    all+="$hash  $name"$'\n'
    check "manifest: sha256 of $name" same "$(manifest ".files[\"$name\"].sha256")" "$hash"
    check "manifest: size of $name" same "$(manifest ".files[\"$name\"].size")" "$(stat -c %s "$image/$name")"
done
content=$(printf '%s' "$all" | sha256sum)
check 'manifest: the id is made from the content' same "$(manifest .id)" "debian13-${content:0:8}"
check 'manifest: the time is a UTC one' grep -qE '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$' <<<"$(manifest .created)"
check 'manifest: says what is built in' same "$(manifest '.built_in | map_values(type) | tojson')" \
    '{"agent_sudo":"boolean","clipboard":"boolean","nix":"boolean"}'
check 'manifest: the pinned version of Claude Code' same "$(manifest .claude_version)" "$(lock .version)"
check 'manifest: the pinned integrity' same "$(manifest .claude_integrity)" "$(lock .integrity)"
check 'root.squashfs is below 400 MB' below "$(stat -c %s "$image/root.squashfs")" 400000000
check 'modules.cpio is below 8 MB' below "$(stat -c %s "$image/modules.cpio")" 8000000
# kernel_of FILE: the version a bzImage gives itself (Linux, Documentation/arch/x86/boot.rst: magic, kernel_version).
kernel_of() {
    [[ $(tail -c +515 "$1" | head -c 4) == HdrS ]] || { echo 'no bzImage'; return; }
    local offset
    offset=$(od -An -v -tu2 -j526 -N2 "$1")
    tail -c +$((offset + 513)) "$1" | head -c 60 | cut -d' ' -f1 | head -n 1
}
check 'vmlinuz is the kernel of the manifest' same "$(kernel_of "$image/vmlinuz" 2>/dev/null | tr -d '\0')" "$(manifest .kernel_version)"

# --- boot modules ---
mkdir "$work/cpio"
check 'modules.cpio is an uncompressed newc archive' same "$(head -c 6 "$image/modules.cpio")" 070701
check 'modules.cpio holds only the modules folder' \
    nothing "$(cpio --quiet -t <"$image/modules.cpio" | grep -vE '^modules(/[A-Za-z0-9_-]+\.ko|/order)?$')"
(cd "$work/cpio" && cpio --quiet -id --no-absolute-filenames <"$image/modules.cpio")
modules=$work/cpio/modules
check 'modules/order names each module once and no other' \
    same "$(sort "$modules/order")" "$(cd "$modules" && find . -name '*.ko' -printf '%P\n' | sort)"
check 'everything in modules.cpio is an ELF file' \
    nothing "$(for file in "$modules"/*.ko; do [[ $(head -c 4 "$file") == $'\x7fELF' ]] || echo "$file"; done)"
check 'the modules are of the named kernel' \
    same "$(for file in "$modules"/*.ko; do modinfo -F vermagic "$file" | cut -d' ' -f1; done | sort -u)" "$(manifest .kernel_version)"

# unsquash: the whole tree; device nodes and owners need root and are looked at in the listing instead.
tree=$work/root
unsquashfs -no-progress -no-xattrs -ignore-errors -d "$tree" "$image/root.squashfs" >"$work/unsquashfs.log" 2>&1 || :
unsquashfs -lln "$image/root.squashfs" 2>/dev/null | sed -n 's# squashfs-root# #p' >"$work/listing"
kernel_tree=$tree/usr/lib/modules/$(manifest .kernel_version)

# load_order: what a module names as its dependencies must come before it in the order, or be built in.
load_order() {
    local file dependency loaded=' ' bad=0
    while IFS= read -r file; do
        for dependency in $(modinfo -F depends "$modules/$file" | tr ',' ' '); do
            [[ $loaded == *" ${dependency//-/_} "* ]] && continue
            grep -q "/${dependency//[-_]/[-_]}\.ko" "$kernel_tree/modules.builtin" && continue
            printf '%s needs %s, which is not loaded before it\n' "$file" "$dependency"
            bad=1
        done
        file=${file%.ko}
        loaded+="${file//-/_} "
    done <"$modules/order"
    return "$bad"
}
check 'modules/order: dependencies come first' load_order

# has_module NAME: loaded at boot or built in.
has_module() {
    grep -qxE "${1//_/[-_]}\.ko" "$modules/order" || grep -qE "/${1//_/[-_]}\.ko$" "$kernel_tree/modules.builtin"
}
for name in virtio virtio_ring virtio_mmio virtio_pci virtio_blk virtio_console virtio_net virtio_rng fuse \
    squashfs overlay; do
    check "at boot: $name" has_module "$name"
done

# --- the tree's modules ---
tree_closed() {
    local file dependency bad=0
    find "$kernel_tree" -name '*.ko' -printf '%f\n' | sed 's/\.ko$//; s/-/_/g' | sort >"$work/have"
    sed 's#.*/##; s/\.ko$//; s/-/_/g' "$kernel_tree/modules.builtin" | sort >>"$work/have"
    while IFS= read -r file; do
        for dependency in $(modinfo -F depends "$file" | tr ',' ' '); do
            grep -qx "${dependency//-/_}" "$work/have" && continue
            printf '%s needs %s\n' "${file##*/}" "$dependency"
            bad=1
        done
    done < <(find "$kernel_tree" -name '*.ko')
    return "$bad"
}
check 'modules in the tree need no module that is missing' tree_closed
check 'modules in the tree are not compressed' nothing "$(find "$kernel_tree" -name '*.ko.*')"
for name in nf_tables nft_ct nft_log nft_reject_inet nfnetlink_log nf_conntrack dm_mod dm_crypt xts chacha_generic adiantum \
    essiv ext4 zram fuse tun veth loop binfmt_misc; do
    check "modprobe finds $name" modprobe --dirname "$tree/usr" --config /dev/null --set-version "$(manifest .kernel_version)" --show-depends "$name"
done

# --- the tree ---
# entry PATH: "mode uid/gid" from the listing.
entry() { awk -v path="$1" '$NF == path || (index($0, " " path " -> ")) {print $1, $2; exit}' "$work/listing"; }
check 'the root folder is root'"'"'s, 0755' same "$(awk 'NR == 1 {print $1, $2}' "$work/listing")" 'drwxr-xr-x 0/0'
check 'no set-id file but sudo' \
    same "$(awk '$1 ~ /^-/ && $1 ~ /[sS]/ {print $1, $2, $NF}' "$work/listing")" \
    "$([[ $(manifest .built_in.agent_sudo) != true ]] || echo '-rwsr-xr-x 0/0 /usr/lib/cargo/bin/sudo')"
check 'nobody but root may write to what is root'"'"'s' \
    nothing "$(awk '$1 ~ /^[-d]/ && substr($1, 9, 1) == "w" && $1 !~ /t$/ {print $1, $2, $NF}' "$work/listing")"
check 'the agent'"'"'s home is the agent'"'"'s' same "$(entry /home/ccvm)" 'drwxr-xr-x 1000/1000'
for name in dev proc sys run tmp scratch; do
    check "the folder /$name is there" test -d "$tree/$name"
done
check 'claude is a program of root'"'"'s' same "$(entry /usr/local/lib/claude-code/claude)" '-rwxr-xr-x 0/0'
check 'claude is on the path' same "$(readlink "$tree/usr/local/bin/claude")" ../lib/claude-code/claude
version=$("$tree/usr/local/lib/claude-code/claude" --version 2>&1 </dev/null) || :
check 'claude --version is the pinned one' same "$version" "$(lock .version) (Claude Code)"
check 'claude does not update itself' \
    same "$(jq -r .env.DISABLE_AUTOUPDATER "$tree/etc/claude-code/managed-settings.json")" 1
# on_path PROGRAM: alternatives are links that only resolve inside the tree, so a link counts.
on_path() {
    [[ -x $tree/usr/bin/$1 || -L $tree/usr/bin/$1 || -x $tree/usr/sbin/$1 || -L $tree/usr/sbin/$1 ]]
}
for name in git ssh sshd rg fd fdfind jq curl less vim zsh python3 nft cryptsetup mkfs.ext4 modprobe ip ps tar apt-get; do
    check "program $name" on_path "$name"
done
for name in xterm-256color tmux-256color screen-256color xterm-kitty alacritty foot linux xterm-direct; do
    check "terminfo $name" compgen -G "$tree/usr/*/terminfo/${name:0:1}/$name"
done
check 'user ccvm' same "$(grep ^ccvm: "$tree/etc/passwd")" 'ccvm:x:1000:1000:Claude Code:/home/ccvm:/run/ccvm/bin/ccvm-launch'
check 'the login shell is a known one' grep -qx /run/ccvm/bin/ccvm-launch "$tree/etc/shells"
check 'sshd has its user' grep -q ^sshd: "$tree/etc/passwd"
check 'group wheel is empty' same "$(grep ^wheel: "$tree/etc/group")" 'wheel:x:900:'
if [[ -r $tree/etc/shadow ]]; then
    check 'nobody has a password' nothing "$(awk -F: '$2 !~ /^!?\*?$/ || $2 == "" {print $1}' "$tree/etc/shadow")"
    # sshd without PAM refuses an account whose field starts with "!".
    check 'sshd does not take ccvm for a locked account' same "$(awk -F: '$1 == "ccvm" {print $2}' "$tree/etc/shadow")" '*'
    check 'root is locked' same "$(awk -F: '$1 == "root" {print substr($2, 1, 1)}' "$tree/etc/shadow")" '!'
fi
if [[ $(manifest .built_in.agent_sudo) == true ]]; then
    check 'sudoers belongs to root, 0440' same "$(entry /etc/sudoers-rs)" '-r--r----- 0/0'
    check 'sudo lets root and wheel in, nobody else' \
        same "$(grep -vE '^(#|$)' "$tree/etc/sudoers-rs" 2>/dev/null | sort | tr '\n' ';')" \
        '%wheel ALL=(ALL:ALL) NOPASSWD: ALL;root ALL=(ALL:ALL) NOPASSWD: ALL;'
else
    check 'no sudo' nothing "$(find "$tree/usr" -name sudo -o -name sudo-rs)"
fi
if [[ $(manifest .built_in.nix) == true ]]; then
    check 'Nix: the store is empty' nothing "$(ls -A "$tree/nix/store")"
    check 'Nix: its configuration' same "$(grep -v '^#' "$tree/etc/nix/nix.conf" | grep -v '^extra-' | tr '\n' ';')" \
        "build-users-group = nixbld;experimental-features = nix-command flakes;allowed-users = root ccvm;trusted-users = root;$(
        )require-sigs = true;sandbox = true;sandbox-fallback = false;!include /run/ccvm/nix.conf;"
    check 'Nix: builders' same "$(grep -c '^nixbld[1-4]:x:3000[1-4]:30000:' "$tree/etc/passwd")" 4
else
    check 'no Nix' nothing "$(find "$tree/usr/bin" "$tree/nix" -maxdepth 1 -name 'nix*' 2>/dev/null)"
fi
check 'no SSH host key' nothing "$(find "$tree/etc/ssh" -name 'ssh_host_*')"
empty_file() {
    [[ -f $1 && ! -L $1 && ! -s $1 ]]
}
for name in machine-id resolv.conf fstab; do
    check "/etc/$name is empty" empty_file "$tree/etc/$name"
done
check 'the host name is ccvm' same "$(cat "$tree/etc/hostname")" ccvm
check 'no systemd and no udev' nothing "$(manifest '.packages | keys[]' | grep -xE 'systemd|systemd-sysv|udev|initramfs-tools|linux-base')"
check 'no manual pages, translations or package lists' \
    nothing "$(find "$tree/usr/share/man" "$tree/usr/share/locale" "$tree/var/lib/apt/lists" "$tree/var/cache/apt" -type f ! -name lock 2>/dev/null)"
check 'nothing is left of the build' nothing "$(find "$tree" -maxdepth 1 -name 'ccvm-build*'; find "$tree/boot" "$tree/tmp" -mindepth 1)"
check 'the manifest lists the installed packages' \
    same "$(awk '/^Package: /{p = $2} /^Version: /{print p "=" $2}' "$tree/var/lib/dpkg/status" | sort)" \
    "$(manifest '.packages | to_entries[] | select(.key | startswith("linux-image-") | not) | .key + "=" + .value' | sort)"

printf '1..%d\n# %d passed, %d failed\n' "$((passed + failed))" "$passed" "$failed"
((failed == 0))
