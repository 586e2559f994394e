#!/bin/bash
# make check-fresh: in a new root of Debian 12 and one of Debian 13, made here, what a newcomer does.
#   fresh.sh packages [12|13]...   build the Debian packages, lintian, apt install, use as an ordinary user, purge
#   fresh.sh readme   [12|13]...   the README's commands (make run, make check) on a clean clone of HEAD; starts guests, takes over an hour
#   fresh.sh quick    [12|13]...   the same, with only a part of make check: FRESH_ONLY, groups or tests as tests/run.py names them, one
#                                  make check each (default: all that needs no guest, and one module that boots some)
# Needs root, mmdebstrap and Debian's mirror, which the roots take over from this system's apt. FRESH_DIR keeps the work and all output
# there, and a root that is already in it is used again; FRESH_WITH is a command to run each step in a root by (nice, flock).
# CCVM_TEST_BOOT goes on to make check.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8

say() { printf 'fresh: %s\n' "$*" >&2; }

passed=0
failed=0
count=0
# check NAME COMMAND...: one line for each test; what it printed explains a failure.
check() {
    local name=$1
    shift
    count=$((count + 1))
    local log=$work/$count.log
    if "$@" >"$log" 2>&1; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        tail -n 30 "$log" | sed 's/^/#   /'
        failed=$((failed + 1))
    fi
}

declare -A suites=([12]=bookworm [13]=trixie)

# sources SUITE: the mirrors of this system's apt, for another suite.
sources() {
    local mirror
    # shellcheck disable=SC2016 # apt's own variable
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | sort -u | head -n 1)
    printf 'deb %s %s main\n' "$mirror" "$1"
}

# in_root COMMAND...: as root in the new root. Without network namespaces: packages are fetched there. The root is changed by pivot_root,
# since in a chroot there are no user namespaces, and ordinary users build images in one.
# shellcheck disable=SC2016 # expanded by the inner shell
in_root() {
    # shellcheck disable=SC2086 # words
    ${FRESH_WITH:-} env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive TERM=xterm-256color unshare --mount --pid --fork --kill-child bash -c '
        set -e
        cd "$1"; shift
        mount --bind . . && cd "$PWD"
        mount --rbind /dev dev; mount --rbind /sys sys; mount -t proc proc proc; mount -t tmpfs -o mode=755 tmpfs run
        mkdir -p run/lock
        pivot_root . . && umount -l .
        cd /
        exec "$@"' in_root "$root" "$@"
}
as_user() { in_root runuser -u someone -- env -C /home/someone/project HOME=/home/someone USER=someone "$@"; }

make_root() {
    root=$work/root$1
    [[ ! -e $root/root/.made ]] || return 0
    mkdir -p "$root"
    mmdebstrap --quiet --variant=minbase --mode=root --include="ca-certificates,$2" "${suites[$1]}" "$root" \
        "$(sources "${suites[$1]}")" || return 1
    apt-config dump | grep '^Acquire::http' >"$root/etc/apt/apt.conf.d/99fresh" || :
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    trust_what_we_trust && touch "$root/root/.made"
}

# What this system's own registries need: its certificates, and npm's settings, for every user that is made.
trust_what_we_trust() {
    local conf
    find /usr/local/share/ca-certificates -name '*.crt' -exec install -Dm 0644 -t "$root/usr/local/share/ca-certificates" {} +
    in_root update-ca-certificates || return 1
    for conf in "$(npm config get globalconfig 2>/dev/null)" "$HOME/.npmrc"; do
        [[ ! -f $conf ]] || grep -v ^nodedir "$conf"
    done | install -m 0600 /dev/stdin "$root/root/.npmrc"
    cp "$root/root/.npmrc" "$root/etc/skel/.npmrc"
}

# A clean clone of HEAD.
clone_into() {
    rm -rf "$1"
    git clone --quiet --no-hardlinks . "$1" && git -C "$1" checkout --quiet --detach "$(git rev-parse HEAD)"
}

build_packages() {
    clone_into "$root/src/ccvm"
    in_root bash -c 'cd /src/ccvm && apt-get -qq update && apt-get -qq --no-install-recommends build-dep . && dpkg-buildpackage -b -us -uc'
}
lint_packages() {
    in_root apt-get -qq install --no-install-recommends lintian
    # Names of the checks differ between releases, so an override of one may be unknown to the other.
    in_root bash -c 'cd /src && lintian --allow-root --fail-on error,warning,info --suppress-tags mismatched-override *.changes'
}
install_packages() {
    in_root useradd -m someone && in_root mkdir /home/someone/project && in_root chown someone /home/someone/project
    in_root bash -c 'apt-get -qq install --no-install-recommends /src/ccvm_*.deb /src/ccvm-guest-tools_*.deb'
}
answers() {
    [[ $(as_user ccvm --ccvm-version) == 'ccvm '[0-9]* ]] && as_user ccvmctl config show && as_user ccvmctl --help &&
        as_user ccvm-tui --help
}
# Without an image, a script gets 125 and the way out. The builder that is installed starts, and says what it lacks: npm is recommended
# only, and was left out.
says_what_is_missing() {
    local status=0
    as_user ccvm --version </dev/null || status=$?
    ((status == 125)) || return 1
    status=0
    as_user ccvmctl image build </dev/null >"$work/build" 2>&1 || status=$?
    cat "$work/build"
    ((status == 1)) && grep -q 'missing programs: npm' "$work/build" && grep -q 'what to do' "$work/build"
}
# In a terminal the first start asks, builds as this user, and goes on: with a real guest.
builds_on_first_use() {
    in_root apt-get -qq install --no-install-recommends npm || return 1
    as_user script -qec 'ccvm --version' /dev/null <<<y >"$work/first" || { cat "$work/first"; return 1; }
    cat "$work/first"
    grep -q 'Build it now' "$work/first" && grep -q 'packing root.squashfs' "$work/first" && grep -q '(Claude Code)' "$work/first" && as_user ccvmctl image info
}
# Everything up to QEMU's start needs an image; whether the QEMU that came along has the machine does not.
qemu_will_do() {
    as_user ccvmctl doctor >"$work/doctor" || :
    cat "$work/doctor"
    grep -q '^ok  *qemu-features' "$work/doctor" && grep -q '^ok  *programs' "$work/doctor"
}
purges() {
    in_root apt-get -qq purge ccvm ccvm-guest-tools | tee "$work/purge"
    grep -q '/.cache/ccvm' "$work/purge" || return 1
    ! find "$root/usr" "$root/etc" "$root/var/lib" -xdev -name '*ccvm*' ! -path '*/apt/*' | grep .
}

packages() {
    say "Debian $1: a new root"
    check "Debian $1: a new root" make_root "$1" build-essential,debhelper,fakeroot
    check "Debian $1: the packages are built from a clean clone" build_packages
    check "Debian $1: lintian has nothing to say" lint_packages
    check "Debian $1: apt installs them" install_packages
    check "Debian $1: the programs answer an ordinary user" answers
    check "Debian $1: what is missing is said" says_what_is_missing
    check "Debian $1: the first start builds the image, as an ordinary user" builds_on_first_use
    check "Debian $1: QEMU and programs are what they have to be" qemu_will_do
    check "Debian $1: nothing is left by purge, and the cache is named" purges
}

# readme RELEASE [TEST...]: make check as a whole, or each of the tests.
readme() {
    local release=$1 only
    shift
    say "Debian $release: a new root"
    check "Debian $release: a new root" make_root "$release" make,gcc,git
    clone_into "$root/src/ccvm"
    check "Debian $release: make run" in_root bash -c 'cd /src/ccvm && make run </dev/null'
    if (($# == 0)); then
        check "Debian $release: make check" in_root make -C /src/ccvm check ${CCVM_TEST_BOOT:+CCVM_TEST_BOOT=$CCVM_TEST_BOOT}
        return
    fi
    for only; do
        check "Debian $release: make check CHECK_ONLY=$only" in_root make -C /src/ccvm check "CHECK_ONLY=$only"
    done
}
# shellcheck disable=SC2086 # words
quick() { readme "$1" ${FRESH_ONLY:-unit fuzz host boot.test_template}; }

case ${1:-} in
    packages | readme | quick) what=$1 ;;
    *) echo 'usage: fresh.sh packages|readme|quick [12|13]...' >&2; exit 2 ;;
esac
shift
((EUID == 0)) || { say "needs root, for roots of its own"; exit 1; }
work=${FRESH_DIR:-$(mktemp -d /var/tmp/ccvm-fresh.XXXXXX)}
mkdir -p "$work"
[[ -n ${FRESH_DIR:-} ]] || trap 'rm -rf --one-file-system "$work"' EXIT
for release in "${@:-12 13}"; do
    for r in $release; do "$what" "$r"; done
done
echo "$passed passed, $failed failed"
((failed == 0))
