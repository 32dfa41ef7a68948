#!/usr/bin/env bash
# Measures what a request costs, stage by stage, without sockets' or other processes' noise,
# and writes docs/stages.md: Go benchmarks with their allocations, and a count of the
# instructions of the C seam under callgrind.
#   scripts/stages.sh [--no-write]
# STAGE_TIME, as in go test -benchtime, makes it shorter.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

WORK=$ROOT/build/stages
REQUESTS=2000

# Functions of the seam to list, with what they do.
FUNCTIONS='ph_begin|a whole request, the app included
ph_environ_new|the environ
start_response_call|start_response: checks and packs status and headers
answer|looks at the iterable, hands out its bytes, close()
ph_input_new|wsgi.input
ph_errors_new|wsgi.errors
ph_start_response_new|the start_response object'

# stages runs the Go benchmarks: PACKAGE BENCHMARKS.
stages() {
	go test -run '^$' -bench "$2" -benchtime "${STAGE_TIME:-1s}" -count 3 "./$1" |
		awk '/^Benchmark/ {
			name = $1; sub(/^Benchmark/, "", name); sub(/-[0-9]+$/, "", name)
			for (i = 3; i < NF; i++) if ($(i + 1) == "ns/op") ns = $i; else if ($(i + 1) == "allocs/op") allocs = $i
			if (!(name in best)) order[++n] = name
			if (!(name in best) || ns < best[name]) best[name] = ns
			count[name] = allocs
		}
		END { for (i = 1; i <= n; i++) printf "| %s | %.2f µs | %s |\n", order[i], best[order[i]] / 1000, count[order[i]] }'
}

# build_seam compiles the seam without Go. Functions are not inlined, so that each is counted.
build_seam() {
	mkdir -p "$WORK"
	# shellcheck disable=SC2046,SC2086
	gcc -std=gnu11 -O2 -g -fno-inline -I "$ROOT/pyhost" "$ROOT/testdata/seam/seam.c" "$ROOT"/pyhost/ph_*.c \
		${CGO_CPPFLAGS:-} $(pkg-config --cflags --libs python3) -o "$WORK/seam"
}

count_instructions() {
	(cd "$ROOT/testdata/seam" && PYTHONDONTWRITEBYTECODE=1 valgrind --tool=callgrind --instr-atstart=no \
		--callgrind-out-file="$WORK/callgrind.out" "$WORK/seam" "$REQUESTS") >"$WORK/log" 2>&1 ||
		die "callgrind failed; see build/stages/log"
	callgrind_annotate --inclusive=yes --threshold=100 "$WORK/callgrind.out" >"$WORK/inclusive" 2>>"$WORK/log"
}

# instructions prints those of function $1, per request, callees included.
instructions() {
	awk -v name="ph_[a-z_]*[.]c:$1(\\\\.[a-z.0-9]+)?( |$)" -v requests="$REQUESTS" '
		$0 ~ name { gsub(",", "", $1); if ($1 + 0 > most) most = $1 + 0 }
		END { printf "%d", most / requests }' "$WORK/inclusive"
}

seam_table() {
	local name what
	while IFS='|' read -r name what; do
		echo "| \`$name\` | $what | $(instructions "$name") |"
	done <<<"$FUNCTIONS"
}

page() {
	cat <<END
# What a request costs, by stage

Written by \`./scripts/stages.sh\`. $(date +%F), $(go env GOVERSION), Python $PYTHON_VERSION, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1).

## Go

The best of three runs of a second. The first two rows parse and pack a head; \`Run\` writes a response for a worker that
costs nothing; \`Queue\` is the way through the queue to another thread and back; \`KeepAlive\` is a whole exchange on a
loopback connection, both sides' system calls included; \`Seam\` is the environ, the app's call and its response in C.

| benchmark | time | allocations |
|---|---:|---:|
$(stages bridge 'Environ|Prepare|Run|Queue|KeepAlive')
$(stages pyhost Seam)

## The C seam

Instructions per request, callees included: $REQUESTS requests of a browser (19 environ entries) to an app that says hello, counted
by callgrind after a warm-up, with functions not inlined. The app itself is in \`ph_begin\` and in no other row.

| function |  | instructions |
|---|---|---:|
$(seam_table)
END
}

have valgrind || { can_apt && apt_install valgrind; } || die "no valgrind; $(install_command valgrind valgrind)"
find_go
python_env
cd "$ROOT"
build_seam
count_instructions
if [ "${1:-}" = --no-write ]; then
	page
else
	page >"$WORK/stages.md"
	cp "$WORK/stages.md" docs/stages.md
	echo "wrote docs/stages.md"
fi
