#!/bin/bash
# make install and make uninstall: every file that belongs to ccvm, from one list, so that what is installed is also removed.
#   install.sh install|uninstall|list
# From the environment: DESTDIR, PREFIX (default /usr/local), ZSHDIR and PARTS (host, guest; default both).
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
umask 022

prefix=${PREFIX:-/usr/local}
parts=${PARTS:-host guest}
zsh=${ZSHDIR:-$prefix/share/zsh/site-functions}

# entries: lines of mode TAB source TAB destination; mode "link" makes a link to the source's text.
entries() {
    local f
    if [[ " $parts " == *' guest '* ]]; then
        printf '%s\t%s\t%s\n' 0644 build/libexec/ccvm/guest.cpio "$prefix/libexec/ccvm/guest.cpio" \
            0644 build/share/man/man7/ccvm-guest.7 "$prefix/share/man/man7/ccvm-guest.7"
    fi
    [[ " $parts " == *' host '* ]] || return 0
    for f in ccvm ccvmctl ccvm-tui; do
        printf '0755\tbuild/bin/%s\t%s\n' "$f" "$prefix/bin/$f"
    done
    for f in ccvm-session ccvm-net ccvm-fs ccvm-term ccvm-clip ccvm-template ccvm-ram.so; do
        printf '0755\tbuild/libexec/ccvm/%s\t%s\n' "$f" "$prefix/libexec/ccvm/$f"
    done
    for f in build/share/man/man*/*; do
        [[ $f == */ccvm-guest.7 ]] || printf '0644\t%s\t%s\n' "$f" "$prefix/${f#build/}"
    done
    # The image builder, without what only the project's own tests and releases use.
    find guest/image -type f ! -name failtest.sh ! -name reprotest.sh ! -name update-pin.sh | LC_ALL=C sort | while IFS= read -r f; do
        if [[ -x $f ]]; then printf 0755; else printf 0644; fi
        printf '\t%s\t%s\n' "$f" "$prefix/share/ccvm/${f#guest/}"
    done
    printf '%s\t%s\t%s\n' \
        0644 build/share/completions/ccvm.bash "$prefix/share/bash-completion/completions/ccvm" \
        link ccvm "$prefix/share/bash-completion/completions/ccvmctl" \
        link ccvm "$prefix/share/bash-completion/completions/ccvm-tui" \
        0644 build/share/completions/_ccvm "$zsh/_ccvm" \
        0644 build/share/completions/ccvm.fish "$prefix/share/fish/vendor_completions.d/ccvm.fish" \
        link ccvm.fish "$prefix/share/fish/vendor_completions.d/ccvmctl.fish" \
        link ccvm.fish "$prefix/share/fish/vendor_completions.d/ccvm-tui.fish"
    for f in README.md ARCHITECTURE.md CHANGELOG.md SECURITY.md docs/* docs/decisions/* docs/protocols/* docs/images/*.svg; do
        [[ ! -f $f ]] || printf '0644\t%s\t%s\n' "$f" "$prefix/share/doc/ccvm/$f"
    done
}

install_all() {
    local mode source target
    entries | while IFS=$'\t' read -r mode source target; do
        mkdir -p "${DESTDIR:-}${target%/*}"
        if [[ $mode == link ]]; then
            ln -sfn "$source" "${DESTDIR:-}$target"
        else
            install -m "$mode" "$source" "${DESTDIR:-}$target"
        fi
    done
}

# The files, and then of the directories those that are ours alone or were left empty.
uninstall_all() {
    local target directory
    entries | cut -f 3 | while IFS= read -r target; do
        rm -f "${DESTDIR:-}$target"
        directory=${target%/*}
        while [[ $directory == "$prefix"/* ]]; do
            rmdir "${DESTDIR:-}$directory" 2>/dev/null || break
            directory=${directory%/*}
        done
    done
}

case ${1:-} in
    install) install_all ;;
    uninstall) uninstall_all ;;
    list) entries | cut -f 3 ;;
    *) echo 'usage: install.sh install|uninstall|list' >&2; exit 2 ;;
esac
