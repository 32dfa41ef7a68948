#!/usr/bin/env bash
# Runs go with the cgo environment of the chosen Python:
#   scripts/go.sh test ./pyhost/
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

find_go
python_env
exec go "$@"
