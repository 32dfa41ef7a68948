#!/usr/bin/env bash
# Does all the set-up and runs every test; says at the end what failed.
#   scripts/test.sh [STEP...]      only these steps, such as: lint unit blackbox
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/venv.sh
. "$ROOT/scripts/venv.sh"
# shellcheck source=scripts/peers.sh
. "$ROOT/scripts/peers.sh"
cd "$ROOT"

STEPS="shell clang_format lint unit build stages pyhost blackbox chaos race asan devmode pythons fuzz"

# Black box once more with each of these, where the machine has them.
OTHER_PYTHONS="3.12 3.13"

# Fuzzers that must exist, PACKAGE:NAME; others that are found run as well.
# `go test -fuzz NAME` says ok when there is no such fuzzer.
FUZZERS="internal/http1:FuzzHead internal/http1:FuzzChunked internal/listen:FuzzParse bridge:FuzzEnviron
bridge:FuzzPackedPairs bridge:FuzzPacketEnviron bridge:FuzzAnnouncement internal/uwsgi:FuzzPacket
internal/uwsgiconf:FuzzRead internal/static:FuzzResolve pyhost:FuzzHeaders pyhost:FuzzStatus"
# A count, not a time: go's fuzzer may take the end of a time for a failure ("context deadline exceeded").
FUZZ_TIME=40000x
# Those that write and read files of up to a megabyte do a fifth of that.
SLOW_FUZZERS="internal/uwsgiconf:FuzzRead"
SLOW_FUZZ_TIME=8000x

# set_up installs what the steps need and makes the environment for go.
set_up() {
	have shellcheck || ! can_apt || apt_install shellcheck
	have chromium || have chromium-browser || have google-chrome || ! can_apt || apt_install chromium
	ensure_packages
	find_go
	python_env
	ensure_venv "$ROOT/.venv" "$ROOT/requirements.txt"
	ensure_venv "$ROOT/build/dev-venv" "$ROOT/requirements-dev.txt"
	ensure_peers
	ensure_tool "$GOLANGCI_LINT"
}

# ensure_tool builds a Go program PATH@VERSION as build/tools/NAME@VERSION.
ensure_tool() {
	local name dir=$ROOT/build/tools
	name=$(basename "${1%@*}")
	[ ! -x "$dir/$name@${1##*@}" ] || return 0
	echo "building $1 ..." >&2
	env -u CGO_CPPFLAGS CGO_ENABLED=0 GOFLAGS='' GOBIN="$dir" go install "$1"
	mv "$dir/$name" "$dir/$name@${1##*@}"
}

step_shell() {
	if have shellcheck; then
		shellcheck -x .ci/run scripts/*.sh
	else
		echo "skipped: no shellcheck; $(install_command shellcheck shellcheck)"
	fi
}

step_clang_format() {
	local file wrong=0
	for file in pyhost/*.[ch] pyhost/*/*.[ch] testdata/*/*.c; do
		build/dev-venv/bin/clang-format "$file" | diff -u "$file" - || wrong=1
	done
	[ $wrong = 0 ] || die "the C code is not formatted; run: scripts/format.sh"
}

# gofumpt, go vet, staticcheck and more: see .golangci.yml.
step_lint() {
	"build/tools/golangci-lint@${GOLANGCI_LINT##*@}" run --timeout 10m ./...
}

step_unit() {
	# The packages that are tested with a Python have steps of their own.
	local packages
	packages=$(go list ./... | grep -v -e /pyhost -e /internal/blackbox)
	# shellcheck disable=SC2086
	go test -race $packages
	# Once more with the pool of worker processes in place of the queue.
	GOWSGI_TEST_POOL=1 go test -race ./bridge
}

step_build() {
	scripts/build.sh
	bin/gowsgi --version
}

step_pyhost() {
	GOWSGI_VENV=$ROOT/.venv go test -count=1 ./pyhost/...
}

# blackbox BINARY VENV [flags of go test] runs the black-box tests: once in full,
# and with -short where the same tests run again under a checker.
blackbox() {
	GOWSGI_BIN=$1 GOWSGI_VENV=$2 go test -count=1 -timeout 30m "${@:3}" ./internal/blackbox
}

step_blackbox() {
	blackbox "$ROOT/bin/gowsgi" "$ROOT/.venv"
}

# What docs/reliability.md was written by, for a short time: its claims hold, but times and sizes are not judged.
step_chaos() {
	if [ "$(uname)" != Linux ]; then
		echo "skipped: worker processes work on Linux only"
		return
	fi
	CHAOS_TIME=3 GOWSGI_BIN=$ROOT/bin/gowsgi GOWSGI_VENV=$ROOT/.venv scripts/chaos.sh --no-write
}

# The program under test with the race detector and the strict check of what is passed to C.
step_race() {
	GOEXPERIMENT=cgocheck2 scripts/build.sh -o build/gowsgi-race -race
	go test -race -short -count=1 ./pyhost
	GORACE=halt_on_error=1 GOWSGI_SLOW=4 blackbox "$ROOT/build/gowsgi-race" "$ROOT/.venv" -short
}

# The C seam under the address sanitizer. With malloc instead of Python's own
# pools, each object has red zones. CPython keeps memory at exit, hence no leak check.
step_asan() {
	if [ "$(uname)" != Linux ]; then
		echo "skipped: go build -asan works on Linux only"
		return
	fi
	scripts/build.sh -o build/gowsgi-asan -asan
	export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:allocator_may_return_null=1 PYTHONMALLOC=malloc
	go test -asan -short -count=1 ./pyhost
	GOWSGI_SLOW=4 \
		blackbox "$ROOT/build/gowsgi-asan" "$ROOT/.venv" -short
}

# Python's own checks: allocator hooks, unclosed files, the GIL held where it must be.
step_devmode() {
	PYTHONDEVMODE=1 GOWSGI_SLOW=2 blackbox "$ROOT/bin/gowsgi" "$ROOT/.venv" -short
}

# What docs/stages.md was written by. Its figures are of no interest here.
step_stages() {
	STAGE_TIME=10x scripts/stages.sh --no-write
}

# find_minor prints an interpreter of version $1 (as 3.12), or fails.
find_minor() {
	local candidate
	for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python3; do
		# A shim may be there with nothing behind it.
		if "$candidate" -c '' 2>/dev/null; then
			"$candidate" -c 'import sys; print(sys.executable)'
			return
		fi
	done
	return 1
}

step_pythons() {
	local minor python wrong=0
	for minor in $OTHER_PYTHONS; do
		if python=$(find_minor "$minor"); then
			echo "-- Python $minor: $python"
			with_python "$python" || wrong=1
		else
			echo "-- Python $minor: skipped, not on this machine"
		fi
	done
	return $wrong
}

# with_python builds for interpreter $1 and runs the black-box tests with it.
# Joined by &&, as errexit is off where a caller looks at the outcome.
with_python() (
	PYTHON=$1
	python_env &&
		ensure_venv "$PYTHON_BUILD_DIR/venv" "$ROOT/requirements.txt" &&
		scripts/build.sh -o "$PYTHON_BUILD_DIR/gowsgi" &&
		blackbox "$PYTHON_BUILD_DIR/gowsgi" "$PYTHON_BUILD_DIR/venv" -short
)

# fuzzers prints PACKAGE:NAME for every fuzzer there is.
fuzzers() {
	local package
	for package in $(go list ./...); do
		go test -list '^Fuzz' "$package" | sed -n "s|^Fuzz|${package#github.com/gowsgi/gowsgi/}:Fuzz|p"
	done
}

step_fuzz() {
	local found fuzzer count
	found=$(fuzzers)
	for fuzzer in $FUZZERS; do
		grep -qx "$fuzzer" <<<"$found" || die "there is no fuzzer $fuzzer (scripts/test.sh names it)"
	done
	for fuzzer in $found; do
		echo "-- $fuzzer"
		count=$FUZZ_TIME
		[[ " $SLOW_FUZZERS " != *" $fuzzer "* ]] || count=$SLOW_FUZZ_TIME
		go test -run '^$' -fuzz "^${fuzzer#*:}\$" -fuzztime "$count" -fuzzminimizetime 10x "./${fuzzer%:*}"
	done
}

# run_step runs step $1 in a subshell and keeps its time and outcome.
run_step() {
	local start=$SECONDS outcome=ok
	printf '\n=== %s\n' "$1"
	# Not in an `if`: there, bash would ignore errexit inside the step.
	set +e
	(
		set -e
		"step_$1"
	)
	# shellcheck disable=SC2181
	[ $? = 0 ] || outcome=FAILED
	set -e
	[ $outcome = ok ] || failed="$failed $1"
	summary="$summary$(printf '%-14s %6s %4ds' "$1" "$outcome" $((SECONDS - start)))"$'\n'
	printf -- '--- %s: %s after %ds\n' "$1" "$outcome" $((SECONDS - start))
}

steps=("$@")
failed=
summary=
printf '=== set-up\n'
set_up
printf -- '--- set-up: ok after %ds\n' "$SECONDS"

[ $# -gt 0 ] || read -ra steps <<<"$STEPS"
for step in "${steps[@]}"; do
	[ "$(type -t "step_$step")" = function ] || die "no step '$step'; there are: $STEPS"
	run_step "$step"
done

printf '\n%s%-14s %6s %4ds\n' "$summary" "in all" "" "$SECONDS"
[ -z "$failed" ] || die "failed:$failed"
