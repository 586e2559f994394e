#!/bin/bash
# The guest image: what is in it, and how its builder fails.
set -u
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit

# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh

include guest/image/selftest.sh "$CCVM_TEST_IMAGE"
include guest/image/failtest.sh --quick
done_testing
