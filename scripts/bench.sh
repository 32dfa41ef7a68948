#!/usr/bin/env bash
# Does all the set-up, measures gowsgi and its peers, and writes docs/benchmarks.md and
# docs/benchmarks.svg. See --help; two builds against each other, for one workload:
#   scripts/bench.sh --gowsgi old=/tmp/gowsgi --gowsgi new=bin/gowsgi --only gowsgi --workload hello
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/venv.sh
. "$ROOT/scripts/venv.sh"

VENV=$ROOT/build/bench-venv
WORK=$ROOT/build/bench

# says tells whether option $1 is among the other arguments, as two words or one.
says() {
	local option=$1 word
	shift
	for word in "$@"; do
		case $word in
		"$option" | "$option"=*) return 0 ;;
		esac
	done
	return 1
}

# bench runs the package scripts/bench; it needs nothing but Python itself.
bench() {
	PYTHONPATH=$ROOT/scripts PYTHONDONTWRITEBYTECODE=1 exec "$PYTHON" -m bench "$@"
}

# ensure_load installs wrk, and what bjoern is built with.
ensure_load() {
	have wrk || { can_apt && apt_install wrk; } || die "no wrk; $(install_command wrk wrk)"
	[ -e /usr/include/ev.h ] || { can_apt && apt_install libev-dev; } ||
		echo "no libev, so bjoern may not build; $(install_command libev-dev libev)" >&2
}

# install_peers installs each peer by itself. What pip says of one that fails stays in a file
# for the report.
install_peers() {
	local line log whole=yes
	cmp -s "$ROOT/requirements-bench.txt" "$VENV/.peers-stamp" && return
	while read -r line; do
		case $line in '' | '#'*) continue ;; esac
		log=$WORK/install-$(tr '[:upper:]' '[:lower:]' <<<"${line%%==*}").log
		echo "installing $line ..." >&2
		if "$VENV/bin/python" -m pip install --disable-pip-version-check \
			-c "$ROOT/requirements.txt" "$line" </dev/null >"$log" 2>&1; then
			rm "$log"
		else
			echo "pip could not install $line; see ${log#"$ROOT/"}" >&2
			whole=no
		fi
	done <"$ROOT/requirements-bench.txt"
	[ $whole = no ] || cp "$ROOT/requirements-bench.txt" "$VENV/.peers-stamp"
}

if says --help "$@" || says -h "$@"; then
	find_python
	bench "$@"
fi
ensure_packages
find_python
ensure_load
mkdir -p "$WORK"
ensure_venv "$VENV" "$ROOT/requirements.txt"
install_peers
says --gowsgi "$@" || "$ROOT/scripts/build.sh"
bench "$@"
