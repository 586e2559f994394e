#!/bin/bash
# Prints what man pages and completions take from the programs' own tables:
#   pages.sh flags|commands|keys BIN    mdoc(7) lists for the pages
#   pages.sh page BIN SOURCE            a page, with each line @FLAGS@, @COMMANDS@, @KEYS@, @OPTIONS@ replaced by its list
#   pages.sh completion BIN SOURCE      a completion file, with its @WORDS@ replaced
# BIN is the directory of the built programs.
set -euo pipefail
export LC_ALL=C.UTF-8

# mdoc: makes lines of text safe: a backslash begins an escape there, a dot or quote at the start a request.
mdoc() {
    sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/"
}

# The flags: name TAB text.
flags() {
    "$bin/ccvm" --ccvm-help | sed -n 's/^  \(--[a-z-]*\)  *\(.*\)/\1\t\2/p'
}

# The keys: name TAB text, from the list at the end of the help.
keys() {
    "$bin/ccvm-tui" --help | sed -n '/^Keys /,$s/^  \([^ ][^ ]*\)  *\(.*\)/\1\t\2/p'
}

# list MACRO: name TAB text to a tagged list.
list() {
    printf '.Bl -tag -width Ds\n'
    mdoc | while IFS=$'\t' read -r name text; do
        printf '.It %s \\&%s\n%s\n' "$1" "$name" "$text"
    done
    printf '.El\n'
}

command_list() {
    printf '.Bl -tag -width Ds\n'
    "$bin/ccvmctl" help --mdoc
    printf '.El\n'
}

flag_list() { flags | sed 's/^-/Fl /' | while IFS=$'\t' read -r flag text; do
    printf '.It %s\n' "$flag"
    mdoc <<<"$text"
done | { printf '.Bl -tag -width Ds\n'; cat; printf '.El\n'; }; }

page() {
    local line
    while IFS= read -r line; do
        case $line in
            @FLAGS@) flag_list ;;
            @COMMANDS@) command_list ;;
            @KEYS@) keys | list Ic ;;
            @OPTIONS@) "$bin/ccvmctl" config mdoc ;;
            *) printf '%s\n' "$line" ;;
        esac
    done <"$1" | sed '/^[^.].\{78\}/ { s/.\{1,76\} /&\n/g; s/ \n/\n/g }'
}

# completion SOURCE: a line with @CCVM@ becomes the lines "flag|text", one with @CCVMCTL@ those of
# `ccvmctl help --words`, each in single quotes between what stands before and after the mark.
completion() {
    local line rows row quote="'\\''" # ends the quoted part, says one, begins again
    while IFS= read -r line; do
        case $line in
            *@CCVM@*) rows=$(flags | tr '\t' '|') ;;
            *@CCVMCTL@*) rows=$("$bin/ccvmctl" help --words) ;;
            *) printf '%s\n' "$line"; continue ;;
        esac
        while IFS= read -r row; do
            printf "%s'%s'%s\n" "${line%%@*}" "${row//\'/$quote}" "${line##*@}"
        done <<<"$rows"
    done <"$1"
}

what=$1
bin=$2
case $what in
    flags) flag_list ;;
    commands) command_list ;;
    keys) keys | list Ic ;;
    page | completion) "$what" "$3" ;;
    *) echo "pages.sh: what is $what?" >&2; exit 2 ;;
esac
