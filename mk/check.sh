#!/bin/bash
# All tests; the last line says `N passed, N failed`. Everything they need was installed and built before (Makefile).
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

CCVM_TEST_IMAGE=$(mk/image.sh)
export CCVM_TEST_IMAGE
exec tests/run.py "$@"
