#!/usr/bin/env bash
# Does all the set-up on a fresh machine, then serves examples/flask_hello on
# port 5000. Further arguments go to gowsgi:
#   scripts/run.sh --threads 16
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/venv.sh
. "$ROOT/scripts/venv.sh"

ensure_packages
find_python
ensure_venv "$ROOT/.venv" "$ROOT/requirements.txt"
"$ROOT/scripts/build.sh"
cd "$ROOT"
GOWSGI_HTTP=${GOWSGI_HTTP:-:5000} exec bin/gowsgi --virtualenv "$ROOT/.venv" --chdir examples/flask_hello --module app --callable app "$@"
