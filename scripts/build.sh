#!/usr/bin/env bash
# Installs what a build needs and builds bin/gowsgi for the chosen Python ($PYTHON, else the active
# virtualenv's, else python3).
#   scripts/build.sh [-o FILE] [flags of go build, such as -race or -asan]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

output=$ROOT/bin/gowsgi
if [ "${1:-}" = -o ]; then
	[ $# -ge 2 ] || die "-o needs a file name"
	case $2 in
	/*) output=$2 ;;
	*) output=$PWD/$2 ;;
	esac
	shift 2
fi

ensure_packages
find_go
python_env
cd "$ROOT"
version=$(git describe --tags --match 'v*' --dirty 2>/dev/null || echo dev)
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# -buildvcs=false: the commit is given here, and go would refuse to build in a
# work tree that belongs to another user.
# urfave_cli_no_docs: no generator of manual pages in the program.
go build -buildvcs=false -trimpath -tags urfave_cli_no_docs \
	-ldflags "-X main.version=$version -X main.commit=$commit -X main.pythonExecutable=$PYTHON" \
	-o "$output" "$@" ./cmd/gowsgi
