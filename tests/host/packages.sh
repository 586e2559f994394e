#!/bin/bash
# The Debian packages: built from the files git knows, in a place where nothing else lies; what is in them; installed, used by an ordinary
# user and purged. The system they are installed in is this one, with its packages and its dpkg, but /usr, /etc and /var are overlays of a
# mount namespace: what dpkg writes is in memory and goes with the namespace. New roots of Debian 12 and 13: mk/fresh.sh.
# shellcheck disable=SC2317 # the tests are called by name
set -u
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit
export LC_ALL=C.UTF-8

# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh

# -- in the namespace -------------------------------------------------------------------------------------------------

# make_overlays PACKAGES: below /mnt, a file system in memory, lower/D is the system's own directory and upper/D what differs from it. The
# packages are beside them. The programs' run directory is in memory too.
make_overlays() {
    local d
    mount -t tmpfs -o mode=0755 ccvm /mnt && cp "$1"/*.deb /mnt || return
    for d in usr etc var; do
        mkdir -p /mnt/{lower,upper,work}/$d && mount --bind /$d /mnt/lower/$d &&
            mount -t overlay -o lowerdir=/mnt/lower/$d,upperdir=/mnt/upper/$d,workdir=/mnt/work/$d overlay /$d || return
    done
    mount -t tmpfs -o mode=1777 ccvm /dev/shm && install -d -o "$user" -g "$user" -m 0700 /mnt/home
}

# An ordinary user: any that is not root will do.
user=65534
as_user() { setpriv --reuid=$user --regid=$user --clear-groups env -i -C /mnt/home HOME=/mnt/home PATH=/usr/bin:/bin "$@"; }

# What differs from the system itself, but for dpkg's own books and the index of the manual pages.
differs() {
    local path type
    (cd /mnt/upper && find . -mindepth 2 -printf '%P %y\n') | sort | while read -r path type; do
        [[ $path =~ ^var/(lib/dpkg/(status|available|lock|triggers|updates|info$)|log/dpkg\.log|cache/man/) ]] ||
            [[ $type == d && -d /mnt/lower/$path ]] || printf '%s %s\n' "$type" "$path"
    done
}

# A ccvm that is installed on this machine goes first, in the overlay, so that it is not taken for what these packages bring.
start_without() {
    dpkg --purge ccvm ccvm-guest-tools && differs >/mnt/before && ! as_user ccvm --ccvm-version
}
installs() { DEBIAN_FRONTEND=noninteractive dpkg --install /mnt/ccvm_*.deb /mnt/ccvm-guest-tools_*.deb; }

answers() {
    local version
    version=$(dpkg-query --show --showformat '${Version}' ccvm) && [[ $(as_user ccvm --ccvm-version) == "ccvm $version" ]] &&
        as_user ccvm --ccvm-help | grep -q -w writableCwd && as_user ccvmctl --help && as_user ccvm-tui --help
}
same_table() { diff nix/options.json <(as_user ccvmctl config table); }
# doctor looks for every program and file of its own; it ends with 1, since there is no image here.
finds_its_parts() {
    as_user ccvmctl doctor >/mnt/doctor
    cat /mnt/doctor
    grep -q '^ok  *programs' /mnt/doctor && grep -q '^ok  *qemu-features' /mnt/doctor && as_user ccvmctl image build --help | grep -q -- --nix
}
keeps_together() { ! dpkg --purge ccvm-guest-tools; }

# What the user made is the user's. The purge names it, and touches nothing of it.
purges() {
    as_user mkdir -p .cache/ccvm .config/ccvm && as_user touch .cache/ccvm/image .config/ccvm/config.json || return
    dpkg --purge ccvm ccvm-guest-tools >/mnt/purge 2>&1
    cat /mnt/purge
    grep -q 'rm -r [^ ]*/.cache/ccvm [^ ]*/.config/ccvm' /mnt/purge && [[ -e /mnt/home/.cache/ccvm/image && -e /mnt/home/.config/ccvm/config.json ]]
}
nothing_left() {
    ! dpkg-query --show ccvm ccvm-guest-tools && diff /mnt/before <(differs)
}

inside() {
    if ! make_overlays "$1"; then
        fail 'overlays of this system'
        return
    fi
    check 'dpkg installs them' eval 'start_without && installs'
    check 'an ordinary user runs the installed programs' answers
    check 'the installed option table is that of the tree' same_table
    check 'the installed programs find their parts, and QEMU' finds_its_parts
    check 'the guest programs stay while ccvm is there' keeps_together
    check "purge leaves users' own files, and names them" purges
    check 'purge leaves nothing else' nothing_left
}

if [[ ${1:-} == inside ]]; then
    inside "$2"
    done_testing
    exit
fi

# -- the packages -----------------------------------------------------------------------------------------------------

if [[ ! -e /etc/debian_version ]]; then
    skip 'all of it' 'this is no Debian'
    done_testing
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# clean COMMAND...: without the environment of the caller, a make among them.
clean() { env -i HOME="$work" PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL="$LC_ALL" TMPDIR="$work" "$@"; }

copy_of_the_tree() {
    mkdir "$work/ccvm" && git -c safe.directory="$PWD" ls-files -z | tar -c --null --files-from=- | tar -xC "$work/ccvm"
}
builds() { copy_of_the_tree && (cd "$work/ccvm" && clean dpkg-buildpackage -b -us -uc) && ls "$work"/ccvm_*.deb "$work"/ccvm-guest-tools_*.deb; }
check 'the packages are built' builds

# Names of lintian's checks differ between releases, so an override of one may be unknown to the other.
lint() { clean lintian --allow-root --fail-on error,warning,info --suppress-tags mismatched-override "$work"/*.changes; }
check 'lintian has nothing to say' lint

# contents PACKAGE: lines of mode, owner, path, and of a link where it leads.
contents() {
    dpkg-deb --fsys-tarfile "$work/$1"_*.deb | tar -tv --numeric-owner | awk '{ print $1, $2, substr($6, 2) ($7 ? " " $7 " " $8 : "") }'
}

# The programs, manual pages and completions of each package.
wanted_of_ccvm() {
    printf -- '-rwxr-xr-x 0/0 /usr/%s\n' bin/{ccvm,ccvmctl,ccvm-tui} libexec/ccvm/ccvm-{session,net,term,clip,template} \
        share/ccvm/image/build.sh
    printf -- '-rw-r--r-- 0/0 /usr/share/%s\n' man/man1/{ccvm,ccvmctl,ccvm-tui}.1.gz man/man5/ccvm-config.5.gz \
        man/man7/ccvm-security.7.gz bash-completion/completions/ccvm zsh/vendor-completions/_ccvm fish/vendor_completions.d/ccvm.fish
    printf -- 'lrwxrwxrwx 0/0 /usr/share/%s -> %s\n' bash-completion/completions/ccvmctl ccvm bash-completion/completions/ccvm-tui ccvm \
        fish/vendor_completions.d/ccvmctl.fish ccvm.fish fish/vendor_completions.d/ccvm-tui.fish ccvm.fish
}
wanted_of_ccvm-guest-tools() {
    printf -- '-rw-r--r-- 0/0 /usr/%s\n' libexec/ccvm/guest.cpio share/man/man7/ccvm-guest.7.gz
}
holds() { contents "$1" >"$work/has" && ! "wanted_of_$1" | grep -v -x -F -f "$work/has"; }
check 'ccvm holds its programs, pages and completions' holds ccvm
check 'ccvm-guest-tools holds the guest programs and their page' holds ccvm-guest-tools

# Both together are what make install installs, with what Debian adds: other names of the changelog, and compressed texts.
are_the_installation() {
    diff <(PREFIX=/usr ZSHDIR=/usr/share/zsh/vendor-completions "$work/ccvm/mk/install.sh" list | grep -v /CHANGELOG.md | sort) \
        <(for package in ccvm ccvm-guest-tools; do contents "$package"; done | awk '!/^d/ { sub(/\.gz$/, "", $3); print $3 }' |
            grep -v -E '^/usr/share/(doc/[^/]*/(changelog(\.Debian)?|copyright)|lintian/overrides/ccvm)$' | sort)
}
check 'both together are what make install installs' are_the_installation

# Nothing is writable for others or runs as another user, and only what is a program can be run.
modes() {
    ! { contents ccvm; contents ccvm-guest-tools; } | grep -v -E \
        '^(drwxr-xr-x|-rw-r--r--|lrwxrwxrwx) 0/0 /|^-rwxr-xr-x 0/0 /usr/(bin/[^/]*|libexec/ccvm/ccvm-[a-z]*(\.so)?|share/ccvm/image/.*)$'
}
check 'modes and owners' modes

no_place_of_the_build() {
    local package
    for package in ccvm ccvm-guest-tools; do dpkg-deb -x "$work/$package"_*.deb "$work/unpacked" || return; done
    ! grep -r -l -F -e "$work" -e "$PWD" "$work/unpacked"
}
check 'no file names the place it was built in' no_place_of_the_build

if ((EUID != 0)); then
    skip 'dpkg installs and purges them' 'needs root'
    done_testing
    exit
fi
include unshare --mount --pid --fork --kill-child --mount-proc tests/host/packages.sh inside "$work"
done_testing
