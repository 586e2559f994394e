#!/bin/bash
# All tests, or those that CHECK_ONLY names (words for tests/run.py --only); the last line says `N passed, N failed`.
# Everything they need was installed and built before (Makefile).
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

CCVM_TEST_IMAGE=$(mk/image.sh)
export CCVM_TEST_IMAGE
for name in ${CHECK_ONLY:-}; do set -- "$@" --only "$name"; done
exec tests/run.py "$@"
