#!/bin/bash
# make install, make uninstall, and that two builds in different places give the same bytes.
set -u
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit
top=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh

installs() { DESTDIR=$work/root PREFIX=/usr mk/install.sh install; }
check 'everything of the list can be installed' installs

lists_what_is_there() {
    diff <(PREFIX=/usr mk/install.sh list | sort) <(cd "$work/root" && find . ! -type d -printf '/%P\n' | sort)
}
check 'what is installed is what the list names' lists_what_is_there

# The programs find each other below any prefix: the session, the image builder, the pages.
runs_from_there() {
    local bin=$work/root/usr/bin
    "$bin/ccvm" --ccvm-version && "$bin/ccvmctl" image build --help | grep -q -- --extra-packages || return 1
    # doctor ends with 1 where something is missing, as an image is here.
    env -i PATH="$PATH" HOME="$work" XDG_RUNTIME_DIR="$work" "$bin/ccvmctl" doctor >"$work/doctor"
    grep '^ok *programs' "$work/doctor" || { cat "$work/doctor"; return 1; }
}
check 'installed programs find each other' runs_from_there

pages_are_there() {
    local page
    for page in ccvm.1 ccvm-tui.1 ccvmctl.1 ccvm-config.5 ccvm-guest.7 ccvm-security.7; do
        mandoc -T ascii "$work/root/usr/share/man/man${page##*.}/$page" | col -b | grep -q ^NAME || { echo "$page"; return 1; }
    done
}
check 'all manual pages are installed' pages_are_there

no_place_of_the_build() {
    ! grep -r -l -F -e "$top" -e "$work" "$work/root"
}
check 'nothing that is installed names the place it was built in' no_place_of_the_build

removes_all() {
    touch "$work/root/usr/bin/another"
    DESTDIR=$work/root PREFIX=/usr mk/install.sh uninstall
    diff <(echo ./usr/bin/another) <(cd "$work/root" && find . ! -type d)  &&
        [[ ! -e $work/root/usr/share && ! -e $work/root/usr/libexec ]]
}
check 'uninstall removes all of it, and nothing else' removes_all

# Two builds of the same source, under names of different length: one program of the host and those of the guest. The rest is made by
# the same rules.
targets=(build/libexec/ccvm/ccvm-term build/libexec/ccvm/guest.cpio)
build_in() {
    mkdir -p "$work/$1" && tar -c Makefile CHANGELOG.md mk src guest man completions | tar -xC "$work/$1" &&
        make -s -C "$work/$1" "${targets[@]}"
}
same_bytes() {
    local t
    for t in "${targets[@]}"; do
        cmp "$work/one/$t" "$work/quite-another/$t" || return 1
    done
}
check 'a build in one place' build_in one
check 'a build in another place' build_in quite-another
check 'both gave the same bytes' same_bytes

done_testing
