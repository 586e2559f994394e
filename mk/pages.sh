#!/bin/bash
# Prints what man pages and completions take from the programs' own tables, read from their help texts:
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

# The commands: usage TAB text. A usage may go on in the next line, deeper than the text.
commands() {
    "$bin/ccvmctl" --help | awk '
        /^  [a-z]/ { usage = substr($0, 3); next }
        /^        / && usage != "" { sub(/^ */, ""); usage = usage " " $0; next }
        /^      / && usage != "" { sub(/^ */, ""); print usage "\t" $0; usage = "" }'
}

# list MACRO: name TAB text to a tagged list.
list() {
    printf '.Bl -tag -width Ds\n'
    mdoc | while IFS=$'\t' read -r name text; do
        printf '.It %s \\&%s\n%s\n' "$1" "$name" "$text"
    done
    printf '.El\n'
}

# Usages hold brackets and bars, which are plain words for Li only when no macro is named like them.
command_list() {
    printf '.Bl -tag -width Ds\n'
    mdoc | while IFS=$'\t' read -r usage text; do
        printf '.It Xo\n.Li "%s"\n.Xc\n%s\n' "$usage" "$text"
    done
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
            @COMMANDS@) commands | command_list ;;
            @KEYS@) keys | list Ic ;;
            @OPTIONS@) "$bin/ccvmctl" config mdoc ;;
            *) printf '%s\n' "$line" ;;
        esac
    done <"$1" | sed '/^[^.].\{78\}/ { s/.\{1,76\} /&\n/g; s/ \n/\n/g }'
}

# words USAGE: the literal words of a usage: subcommands, values and flags; placeholders are in capitals.
words() {
    printf '%s\n' "${1//[] |[]/$'\n'}" | sed 's/\.\.\.$//' | grep -E '^(--)?[a-z][a-z-]*$' | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# One line for each command: name|words|S where it takes a session|text.
command_words() {
    commands | while IFS=$'\t' read -r usage text; do
        name=${usage%% *}
        session=
        if [[ $usage == *SESSION* ]]; then session=S; fi
        if [[ $usage == *DRY-RUN* ]]; then session=D; fi
        printf '%s|%s|%s|%s\n' "$name" "$(words "${usage//"$name "/}")" "$session" "$text"
    done
}

# completion SOURCE: a line with @CCVM@ becomes the lines "flag|text", one with @CCVMCTL@ those of command_words, each in single
# quotes (and so without one) between what stands before and after the mark.
completion() {
    local line rows row
    while IFS= read -r line; do
        case $line in
            *@CCVM@*) rows=$(flags | tr '\t' '|') ;;
            *@CCVMCTL@*) rows=$(command_words) ;;
            *) printf '%s\n' "$line"; continue ;;
        esac
        while IFS= read -r row; do
            printf "%s'%s'%s\n" "${line%%@*}" "${row//\'/}" "${line##*@}"
        done <<<"$rows"
    done <"$1"
}

what=$1
bin=$2
case $what in
    flags) flag_list ;;
    commands) commands | command_list ;;
    keys) keys | list Ic ;;
    page | completion) "$what" "$3" ;;
    *) echo "pages.sh: what is $what?" >&2; exit 2 ;;
esac
