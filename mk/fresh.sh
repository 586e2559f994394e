#!/bin/bash
# make check-fresh: in a new root of Debian 12 and one of Debian 13, made here, what a newcomer does.
#   fresh.sh packages [12|13]...   build the Debian packages, lintian, apt install, use as an ordinary user, purge
#   fresh.sh readme   [12|13]...   the README's commands (make run, make check) on a clean clone of HEAD; starts guests, takes an hour
# Needs root, mmdebstrap and Debian's mirror, which the roots take over from this system's apt. FRESH_DIR keeps the work there.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8

say() { printf 'fresh: %s\n' "$*" >&2; }

passed=0
failed=0
# check NAME COMMAND...: one line for each test; what it printed explains a failure.
check() {
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        tail -n 30 "$work/log" | sed 's/^/#   /'
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

# in_root COMMAND...: as root in the new root. Without network namespaces: packages are fetched there.
# shellcheck disable=SC2016 # expanded by the inner shell
in_root() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        unshare --mount --pid --fork --kill-child bash -c '
        root=$1; shift
        mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/run" || exit 1
        mkdir -p "$root/run/lock"
        exec chroot "$root" "$@"' in_root "$root" "$@"
}
as_user() { in_root runuser -u someone -- env -C /home/someone/project "$@"; }

make_root() {
    root=$work/root$1
    mkdir -p "$root"
    mmdebstrap --quiet --variant=minbase --mode=root --include="ca-certificates,$2" "${suites[$1]}" "$root" \
        "$(sources "${suites[$1]}")" || return 1
    apt-config dump | grep '^Acquire::http' >"$root/etc/apt/apt.conf.d/99fresh" || :
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
}

# A clean copy of HEAD, as a clone has it.
clone_into() {
    mkdir -p "$1"
    git archive HEAD | tar -xC "$1"
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
# Without an image, a script gets 125 and the way out. The builder that is installed starts, and says what it lacks: in a changed root
# there are no user namespaces for anybody.
says_what_is_missing() {
    local status=0
    as_user ccvm --version </dev/null || status=$?
    ((status == 125)) || return 1
    status=0
    as_user ccvmctl image build </dev/null >"$work/build" 2>&1 || status=$?
    cat "$work/build"
    ((status == 1)) && grep -q 'what to do' "$work/build"
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
    check "Debian $1: QEMU and programs are what they have to be" qemu_will_do
    check "Debian $1: nothing is left by purge, and the cache is named" purges
}

readme() {
    local conf
    say "Debian $1: a new root"
    check "Debian $1: a new root" make_root "$1" make,gcc,git
    clone_into "$root/src/ccvm"
    # Claude Code comes from npm's registry, with this system's settings.
    for conf in /etc/npmrc /root/.npmrc; do
        [[ ! -f $conf ]] || install -D -m 0600 "$conf" "$root$conf"
    done
    check "Debian $1: make run" in_root bash -c 'cd /src/ccvm && make run </dev/null'
    check "Debian $1: make check" in_root bash -c 'cd /src/ccvm && make check'
}

case ${1:-} in
    packages | readme) what=$1 ;;
    *) echo 'usage: fresh.sh packages|readme [12|13]...' >&2; exit 2 ;;
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
