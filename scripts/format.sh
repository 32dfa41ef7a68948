#!/usr/bin/env bash
# Formats Go and C in place, as scripts/test.sh wants them (run that first: it
# installs the formatters).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

find_go
python_env
"build/tools/golangci-lint@${GOLANGCI_LINT##*@}" fmt ./...
find pyhost testdata/seam -name '*.[ch]' -exec build/dev-venv/bin/clang-format -i {} +
