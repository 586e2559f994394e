#!/bin/bash
# The guest image: what is in it, and how its builder fails.
set -u
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit

guest/image/selftest.sh "$CCVM_TEST_IMAGE"
guest/image/failtest.sh --quick
