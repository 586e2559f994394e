#!/bin/bash
# The benchmarks; prints one JSON object.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

CCVM_TEST_IMAGE=$(mk/image.sh)
export CCVM_TEST_IMAGE
exec python3 tests/bench/bench.py "$@"
