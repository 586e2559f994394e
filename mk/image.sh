#!/bin/bash
# Prints the directory of a guest image, building one first when there is none. Used by make run, check and bench.
# An ordinary user's image goes where ccvm looks for it (the cache); root's into build/, readable by everyone, for the
# ordinary user who then runs the guest.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

if [[ -n ${CCVM_IMAGE:-} ]]; then
    printf '%s\n' "$CCVM_IMAGE"
    exit 0
fi
if ((EUID == 0)); then
    image=$PWD/build/image
    if [[ ! -e $image/manifest.json ]]; then
        echo "ccvm: there is no guest image yet; building one (a few minutes, once)" >&2
        # With Nix, which 4 % of its size are: the tests need one image then, not two.
        build/bin/ccvmctl image build --nix --out "$image" >&2
        chmod -R a+rX "$image"
    fi
    printf '%s\n' "$image"
    exit 0
fi
if ! build/bin/ccvmctl image info >/dev/null 2>&1; then
    echo "ccvm: there is no guest image yet; building one (a few minutes, once)" >&2
    build/bin/ccvmctl image build >&2
fi
build/bin/ccvmctl image info --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["path"])'
