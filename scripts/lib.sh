# shellcheck shell=bash
# Sourced by the other scripts: which Python, which Go, and what cgo needs to
# build one against the other. Works with bash 3.2 (macOS).

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/versions.sh
. "$ROOT/scripts/versions.sh"
# shellcheck source=scripts/packages.sh
. "$ROOT/scripts/packages.sh"

# die prints one line that says what to do and ends the script.
die() {
	printf 'gowsgi: %s\n' "$*" >&2
	exit 1
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# find_python sets PYTHON to the interpreter to build for: $PYTHON, else the
# active virtualenv's, else python3. It resolves shims (pyenv, asdf), which are
# slow to start, to the interpreter behind them.
find_python() {
	local python=${PYTHON:-}
	if [ -z "$python" ] && [ -n "${VIRTUAL_ENV:-}" ]; then
		python=$VIRTUAL_ENV/bin/python
	fi
	python=${python:-python3}
	have "$python" || die "no Python at '$python'; install Python 3.9 or newer, or set PYTHON to one"
	PYTHON=$("$python" -c 'import sys; print(sys.executable)') || die "'$python' does not run; set PYTHON to another"
	export PYTHON
}

# python_env sets PYTHON and what cgo needs to build against it. See
# scripts/libpython.py for the variables and for why there is a tag.
python_env() {
	find_python
	PYTHON_BUILD_DIR=$("$PYTHON" "$ROOT/scripts/libpython.py") || exit 1
	# shellcheck source=/dev/null
	. "$PYTHON_BUILD_DIR/env"
}

# version_at_least tells whether dotted version $1 is $2 or newer.
version_at_least() {
	local IFS=. i have want
	# shellcheck disable=SC2206
	have=($1) want=($2)
	for ((i = 0; i < 3; i++)); do
		if ((${have[i]:-0} != ${want[i]:-0})); then
			((${have[i]:-0} > ${want[i]:-0}))
			return
		fi
	done
}

# go_is_enough tells whether `$1` runs as a Go that go.mod accepts. From 1.21
# on, go fetches the version that go.mod names by itself, unless
# GOTOOLCHAIN=local forbids that.
go_is_enough() {
	local version
	version=$(cd "$ROOT" && "$1" env GOVERSION 2>/dev/null) || return 1
	version=${version#go}
	version_at_least "${version%%[!0-9.]*}" "$(sed -n 's/^go //p' "$ROOT/go.mod")"
}

# fetch_go sets GO to the pinned toolchain, which an older Go ($1) fetches and
# verifies as a module. Modules carry no file modes: newer Go makes the programs
# executable in the module cache, and so does this.
fetch_go() {
	local old=$1 name dir
	# / lies outside of any module; an old Go can't read our go.mod.
	name=$(cd / && "$old" env GOOS)-$(cd / && "$old" env GOARCH)
	dir=$(cd / && "$old" env GOPATH)
	dir=${GOMODCACHE:-${dir%%:*}/pkg/mod}/golang.org/toolchain@v0.0.1-go$GO_TOOLCHAIN.$name
	GO=$dir/bin/go
	if [ -x "$GO" ] && [ -e "$dir/.gowsgi-ready" ]; then
		return
	fi
	echo "fetching Go $GO_TOOLCHAIN ..." >&2
	(cd / && GO111MODULE=on GOFLAGS='' "$old" mod download "golang.org/toolchain@v0.0.1-go$GO_TOOLCHAIN.$name") ||
		die "$old could not fetch Go $GO_TOOLCHAIN; install Go $(sed -n 's/^go //p' "$ROOT/go.mod") or newer"
	chmod u+w "$dir"
	find "$dir/bin" "$dir/pkg/tool" -type f -exec chmod u+w,a+x {} +
	"$GO" version >/dev/null || die "$GO does not run; install Go by hand"
	: >"$dir/.gowsgi-ready"
}

# find_go puts a Go that go.mod accepts first on PATH.
find_go() {
	local candidate
	for candidate in go /usr/local/go/bin/go; do
		if have "$candidate" && go_is_enough "$candidate"; then
			PATH=$(dirname "$(command -v "$candidate")"):$PATH
			return
		fi
	done
	have go || die "no Go; $(install_command golang-go go)"
	fetch_go go
	PATH=$(dirname "$GO"):$PATH
	# The one just fetched, whatever go.mod or go.env would rather have.
	export GOTOOLCHAIN=local
}
