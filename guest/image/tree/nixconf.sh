# shellcheck shell=bash
# nix_conf SUBSTITUTERS KEYS: prints the guest's /etc/nix/nix.conf. Both are words separated by spaces, or empty: they are added to
# Nix's own. Signatures are required in any case.
nix_conf() {
    printf 'build-users-group = nixbld\nexperimental-features = nix-command flakes\n'
    printf '# The agent may build; trusted it is only in runs that give it root (the included file).\n'
    printf 'allowed-users = root ccvm\ntrusted-users = root\n'
    printf 'require-sigs = true\nsandbox = true\nsandbox-fallback = false\n'
    [[ -z $1 ]] || printf 'extra-substituters = %s\n' "$1"
    [[ -z $2 ]] || printf 'extra-trusted-public-keys = %s\n' "$2"
    printf '!include /run/ccvm/nix.conf\n'
}
