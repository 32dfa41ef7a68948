#!/usr/bin/env bash
# Does to gowsgi what happens to servers, under load: workers are killed, stopped, exchanged and made to leak, the
# front is killed, clients are slow. Writes docs/reliability.md, and fails when a claim in it does not hold.
#   scripts/chaos.sh [--no-write] [FAULT...]      only these faults, such as: kill reload; nothing is written then
# CHAOS_TIME is the seconds for each fault; below 30, times and sizes are not judged. GOWSGI_BIN is a program to
# take instead of building one, GOWSGI_VENV a virtual environment with requirements.txt in it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/venv.sh
. "$ROOT/scripts/venv.sh"

WORK=$ROOT/build/chaos
CHAOS_TIME=${CHAOS_TIME:-60}

# table runs the package scripts/chaos. Without cgo: it needs nothing but Go.
table() {
	CGO_ENABLED=0 go build -o "$WORK/chaos" ./scripts/chaos || return
	"$WORK/chaos" -gowsgi "$binary" -venv "$venv" -work "$WORK" -time "${CHAOS_TIME}s" "$@"
}

page() {
	cat <<END
# What happens when something happens

Written by \`./scripts/chaos.sh\`. $(date +%F), $(go env GOVERSION), Python $PYTHON_VERSION, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) CPUs
for server and clients together.

Each fault is done for $CHAOS_TIME seconds to a server of its own, which serves a Flask app over loopback, while clients ask all the time: 16 of them
(4 for the leak, 2 beside slow clients), each on one connection that is kept, with the next request as soon as the last one is answered.
Most requests are answered at once, some after 5 ms; some have a body. But for \`kill\`, they also stream 160 KB in pieces and upload 200 KB.

The client never asks again. A connection that is reset, refused, or closed without the announcement
\`Connection: close\` counts as a failure, and so does an answer that is late by 30 seconds, broken off, or another request's: each
request has a number that its answer must show. The app writes each number that it runs to a journal, so what has run twice, or was answered
without having run, is seen. gowsgi's log is read at the end.

When the front is killed (\`front\`), its connections break, of course: what failed then is listed, but not judged.

What is not claimed: a response that has begun when its worker is killed breaks off, and the client can tell. A response that does not
fit into the kernel's buffers (2.5 MB here) holds its thread until the client has read it: as many slow readers of such as there are threads
hold up all others.

END
	local outcome=0
	table || outcome=$?
	printf '\nLoad average of the machine at the end: %s. Others disturb the times, but nothing else.\n' "$(cut -d' ' -f1 /proc/loadavg)"
	return $outcome
}

[ "$(uname)" = Linux ] || die "worker processes need Linux"
write=yes
if [ "${1:-}" = --no-write ]; then
	write=no
	shift
fi
ensure_packages
find_go
python_env
cd "$ROOT"
mkdir -p "$WORK"
# Two descriptors for each of a thousand slow clients, and some more.
ulimit -n 4096 2>/dev/null || [ "$(ulimit -n)" -ge 4096 ] || die "at most $(ulimit -n) open files; raise the hard limit (ulimit -Hn) to 4096"
venv=${GOWSGI_VENV:-$ROOT/.venv}
[ -n "${GOWSGI_VENV:-}" ] || ensure_venv "$venv" "$ROOT/requirements.txt"
binary=${GOWSGI_BIN:-$ROOT/bin/gowsgi}
[ -n "${GOWSGI_BIN:-}" ] || scripts/build.sh

if [ $# -gt 0 ]; then
	table "$@"
elif [ $write = no ]; then
	page
else
	outcome=0
	page >"$WORK/reliability.md" || outcome=$?
	cp "$WORK/reliability.md" docs/reliability.md
	echo "wrote docs/reliability.md"
	exit $outcome
fi
