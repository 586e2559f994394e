#!/bin/bash
# Sees to it that the Debian packages for a purpose are there, on a fresh Debian 12 or 13 as well.
# Says nothing when nothing is missing, so that make can call it each time.
set -euo pipefail
export LC_ALL=C

program=${0##*/}

usage() {
    cat <<'END'
Usage: deps.sh [--missing] PURPOSE...

Installs what is missing for each purpose:
  build   compile ccvm
  image   build a guest image
  run     start guests
  check   run the tests
  bench   run the benchmarks, with what the tests need

  --missing   print the packages that are missing, one a line, and install nothing
  --help      print this text

Exit status: 0 all is there, 1 something is missing and could not be installed, 2 wrong usage.
END
}

# One line a need: purpose, Debian package, what else proves that it is there, what it is for.
# A proof is prog:NAME (a program on the path, whoever installed it), pc:NAME (a pkg-config module, asked only where
# there is no dpkg), file:PATH (may be a pattern), py:NAME (a module of /usr/bin/python3), or - for none. "@" in a
# package's name stands for the release's LLVM version, and a "?" after the purpose marks a need that can be gone
# without.
needs='
build  pkg-config              prog:pkg-config        finding the libraries
build  libc6-dev               file:/usr/lib*/libc.a  the static C library for the guest programs
build  libuv1-dev              pc:libuv               event loop
build  libssh-dev              pc:libssh              SSH client
build  libssl-dev              pc:libcrypto           checksums of images
check  libcjson-dev            pc:libcjson            JSON
build  libslirp-dev            pc:slirp               guest network
build  libglib2.0-dev          pc:glib-2.0            headers of libslirp
build  libxxhash-dev           pc:libxxhash           checksums of saved guests
build  libseccomp-dev          pc:libseccomp          system call filters
build  libc-ares-dev           pc:libcares            names, resolved on the host
build  libidn2-dev             pc:libidn2             names in other scripts
build  libvterm-dev            pc:vterm               terminal emulation
build  libcryptsetup-dev       pc:libcryptsetup       the encrypted disk, in the guest
build  libtermkey-dev          pc:termkey             reading keys
build  libncurses-dev          pc:ncursesw            terminal interface
image  mmdebstrap              prog:mmdebstrap        makes the Debian tree
image  squashfs-tools          prog:mksquashfs        packs it
image  debian-archive-keyring  file:/usr/share/keyrings/debian-archive-keyring.gpg  checks Debian packages
image  uidmap                  prog:newuidmap         builds without root
build  cpio                    prog:cpio              packs the guest programs
image  cpio                    prog:cpio              packs the kernel modules
image  zstd                    prog:zstd              kernel modules
image  xz-utils                prog:xz                kernel modules
image  kmod                    prog:modprobe          order of kernel modules
image  jq                      prog:jq                manifest and lock file
image  ca-certificates         file:/etc/ssl/certs/ca-certificates.crt  fetching Claude Code
image  npm                     prog:npm               fetching Claude Code (with node about 60 MB; one you have is used)
run    qemu-system-x86         prog:qemu-system-x86_64  the virtual machine
run    python3                 prog:python3           the scripted API server of make run
check  xxhash                  prog:xxhsum            checksums of spoilt templates
check  python3                 prog:python3           the scripted API server of the tests
check  python3-pytest          py:pytest              runs the tests
check  libcmocka-dev           pc:cmocka              unit tests
check  git                     prog:git               tests of the git configuration
check  iproute2                prog:ip                network namespaces of the tests
check  procps                  prog:pgrep             finding left processes
check  openssl                 prog:openssl           certificates of the test servers
check  tmux                    prog:tmux              driving full-screen programs
check  xvfb                    prog:Xvfb              an X clipboard for the tests
check  xclip                   prog:xclip             image paste on X
check  wl-clipboard            prog:wl-paste          image paste on Wayland
check  sway                    prog:sway              a Wayland clipboard for the tests, without a screen
check  screen                  prog:screen            ccvm-tui in it
check  xterm                   prog:xterm             ccvm-tui in it
check  xdotool                 prog:xdotool           keys for xterm and kitty
check  ncurses-term            file:/usr/share/terminfo/x/xterm-direct  ccvm-tui in it
check  foot                    prog:foot              ccvm-tui in it
check  wtype                   prog:wtype             keys for foot
check  kitty                   prog:kitty             ccvm-tui in it
check  imagemagick             file:/usr/bin/convert  images of other types
check  shellcheck              prog:shellcheck        checking the scripts
check  clang-format            prog:clang-format      layout of the sources
check  mandoc                  prog:mandoc            checking the man pages
check  nix-bin                 prog:nix-instantiate   evaluating the Nix files
check  cppcheck                prog:cppcheck          static analysis
check? build-essential          -                      building the Debian packages
check? debhelper                prog:dh                building the Debian packages
check? lintian                  prog:lintian           checking them
check  zsh                     prog:zsh               completions
check  fish                    prog:fish              completions
bench  openssh-client          prog:ssh               the way into the guest that ccvm is compared with
bench  squashfs-tools          prog:mksquashfs        its root file system
check? clang                   prog:clang             second compiler and fuzzing
check? libclang-rt-@-dev       -                      fuzzing run-time
'

die() {
    printf '%s: %s\n' "$program" "$1" >&2
    exit 1
}

# llvm_version: the version of LLVM behind this release's clang; nothing where it is not known.
llvm_version() {
    local VERSION_ID=
    # shellcheck source=/dev/null
    . /etc/os-release 2>/dev/null || :
    case $VERSION_ID in
        12) echo 14 ;;
        13) echo 19 ;;
    esac
}

# proven PROOF: whether a need is met by something else than its Debian package. What lies in the sbin folders counts
# also where a user's path leaves them out.
proven() {
    case $1 in
        prog:*) PATH=$PATH:/usr/sbin:/sbin command -v "${1#prog:}" >/dev/null ;;
        file:*) compgen -G "${1#file:}" >/dev/null ;;
        py:*) /usr/bin/python3 -c "import ${1#py:}" 2>/dev/null ;;
        pc:*) ((!have_dpkg)) && pkg-config --exists "${1#pc:}" 2>/dev/null ;;
        *) return 1 ;;
    esac
}

# read_needs: the lines of the wanted purposes into packages, proofs, reasons and optional.
read_needs() {
    local purpose package proof reason wanted llvm
    packages=() proofs=() reasons=() optional=()
    llvm=$(llvm_version)
    while read -r purpose package proof reason; do
        [[ -n $purpose ]] || continue
        for wanted in "$@"; do
            [[ $wanted == "${purpose%\?}" ]] || continue
            [[ $package != *@* || -n $llvm ]] || continue
            packages+=("${package/@/$llvm}")
            proofs+=("$proof")
            reasons+=("$reason")
            if [[ $purpose == *\? ]]; then optional+=(1); else optional+=(0); fi
        done
    done <<<"$needs"
}

# find_missing: sets missing and why from the needs that neither a package nor another proof meets.
find_missing() {
    local i installed=' '
    missing=() why=() missing_optional=()
    if ((have_dpkg)); then
        installed=" $(dpkg-query --show --showformat '${Package}/${db:Status-Status} ' "${packages[@]}" 2>/dev/null || :)"
    fi
    for i in "${!packages[@]}"; do
        [[ $installed != *" ${packages[i]}/installed "* ]] || continue
        proven "${proofs[i]}" && continue
        [[ " ${missing[*]} ${missing_optional[*]} " != *" ${packages[i]} "* ]] || continue
        if ((optional[i])); then missing_optional+=("${packages[i]}"); else missing+=("${packages[i]}"); fi
        why+=("${packages[i]}: ${reasons[i]}")
    done
}

# as_root COMMAND...: directly, or through sudo.
as_root() {
    if ((EUID == 0)); then "$@"; else sudo -- "$@"; fi
}

# apt_get ARGUMENT...: shows what apt is about to do and how far it is; the whole of what it says only if it fails.
apt_get() {
    local status=0 all
    all=$(mktemp)
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" 2>&1 |
        tee "$all" | { grep --line-buffered -E '^(Need to get|Fetched|[0-9]+ upgraded|E: |Err:)' || :; } |
        sed -u 's/^/  /' >&2 || status=$?
    ((status == 0)) || tail -n 20 "$all" >&2
    rm -f "$all"
    return "$status"
}

# known PACKAGE...: whether apt's lists know a version of each.
known() {
    local package
    for package in "$@"; do
        apt-cache show --quiet=1 "$package" >/dev/null 2>&1 || return 1
    done
}

# install PACKAGE...: the lists are read anew only where they do not know a package or are outdated.
install() {
    if known "$@" && apt_get install --no-install-recommends "$@"; then return 0; fi
    printf '%s: reading the package lists\n' "$program" >&2
    apt_get update || return 1
    apt_get install --no-install-recommends "$@"
}

# can_install: whether apt-get can be run as root; otherwise cannot says why.
can_install() {
    cannot=
    ((EUID != 0)) || return 0
    if ! command -v sudo >/dev/null; then
        cannot='not root and no sudo'
    elif ! sudo -n true 2>/dev/null && [[ ! -t 0 ]]; then
        cannot='sudo asks for a password and there is no terminal'
    fi
    [[ -z $cannot ]]
}

install_missing() {
    local all=("${missing[@]}" "${missing_optional[@]}")
    if ! can_install; then
        ((${#missing[@]} > 0)) || return 0
        printf '%s: missing for %s:\n' "$program" "$*" >&2
        printf '  %s\n' "${why[@]}" >&2
        die "$cannot; as root: apt-get install --no-install-recommends ${all[*]}"
    fi
    printf '%s: installing for %s:\n' "$program" "$*" >&2
    printf '  %s\n' "${why[@]}" >&2
    if ((${#missing[@]} > 0)); then
        install "${missing[@]}" ||
            die "apt-get could not install ${missing[*]} (see above); check the network and /etc/apt, then try again"
    fi
    local package
    for package in "${missing_optional[@]}"; do
        install "$package" || printf '%s: going on without %s\n' "$program" "$package" >&2
    done
}

main() {
    local only_list=0 purposes=() purpose
    for purpose in "$@"; do
        case $purpose in
            --missing) only_list=1 ;;
            --help) usage; exit 0 ;;
            build | image | run | check | bench) purposes+=("$purpose") ;;
            *) printf '%s: unknown purpose: %s\n' "$program" "$purpose" >&2; usage >&2; exit 2 ;;
        esac
    done
    ((${#purposes[@]} > 0)) || { usage >&2; exit 2; }

    have_dpkg=0
    if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then have_dpkg=1; fi
    read_needs "${purposes[@]}"
    find_missing
    if ((only_list)); then
        ((${#missing[@]} + ${#missing_optional[@]} == 0)) || printf '%s\n' "${missing[@]}" "${missing_optional[@]}" | grep .
        exit 0
    fi
    if ((${#missing[@]} + ${#missing_optional[@]} == 0)); then exit 0; fi
    if ((!have_dpkg)); then
        ((${#missing[@]} > 0)) || exit 0
        printf '%s: this is no Debian, so nothing is installed; please install what these Debian packages hold:\n' "$program" >&2
        printf '  %s\n' "${why[@]}" >&2
        exit 1
    fi
    install_missing "${purposes[@]}"
    find_missing
    ((${#missing[@]} == 0)) || die "still missing after the installation: ${missing[*]}"
}

main "$@"
