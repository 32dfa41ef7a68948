package accesslog

import (
	"os"
	"strconv"
	"time"
)

// Variable is one %(name) of --log-format.
type Variable struct {
	Name string
	Doc  string

	put     putFunc
	environ bool // reads Record.Vars, VarBytes or Environ
}

// putFunc appends a variable's value, safe within quotes; key is the KEY of
// var.KEY.
type putFunc func(dst []byte, f *Format, r *Record, key string) []byte

// Variables are all that --log-format knows besides var.KEY. The first
// group is uWSGI's, with uWSGI's meaning; what has no meaning here prints 0,
// so that formats written for uWSGI go on working.
func Variables() []Variable { return variables }

var variables = []Variable{
	{Name: "uri", Doc: "the request target as sent (REQUEST_URI)", put: text(func(r *Record) string { return r.URI })},
	{Name: "method", Doc: "REQUEST_METHOD", put: text(func(r *Record) string { return r.Method })},
	{Name: "user", Doc: "REMOTE_USER", put: text(func(r *Record) string { return r.User })},
	{Name: "addr", Doc: "REMOTE_ADDR", put: text(func(r *Record) string { return r.RemoteAddr })},
	{Name: "host", Doc: "the Host header", put: text(func(r *Record) string { return r.Host })},
	{Name: "proto", Doc: "SERVER_PROTOCOL", put: text(func(r *Record) string { return r.Proto })},
	{Name: "uagent", Doc: "the User-Agent header", put: text(func(r *Record) string { return r.UserAgent })},
	{Name: "referer", Doc: "the Referer header", put: text(func(r *Record) string { return r.Referer })},
	{Name: "status", Doc: "the response's status code", put: number(func(r *Record) int64 { return int64(r.Status) })},
	{Name: "rsize", Doc: "bytes of the response's body", put: number(func(r *Record) int64 { return r.BodyBytes })},
	{Name: "hsize", Doc: "bytes of the response's head", put: number(func(r *Record) int64 { return r.HeaderBytes })},
	{Name: "size", Doc: "rsize + hsize", put: number((*Record).size)},
	{Name: "cl", Doc: "the request's Content-Length; for a chunked body, the bytes read", put: number((*Record).bodyLength)},
	{Name: "micros", Doc: "response time in microseconds", put: number(func(r *Record) int64 { return max(r.Duration.Microseconds(), 0) })},
	{Name: "msecs", Doc: "response time in milliseconds", put: number(func(r *Record) int64 { return max(r.Duration.Milliseconds(), 0) })},
	{Name: "secs", Doc: "response time in seconds, with six decimals", put: putSecs},
	{Name: "tmsecs", Doc: "start of the request in milliseconds since 1970", put: number(func(r *Record) int64 { return r.Start.UnixMilli() })},
	{Name: "tmicros", Doc: "start of the request in microseconds since 1970", put: number(func(r *Record) int64 { return r.Start.UnixMicro() })},
	{Name: "time", Doc: "start of the request in seconds since 1970", put: number(func(r *Record) int64 { return r.Start.Unix() })},
	{Name: "ltime", Doc: "start of the request as Apache writes it, 22/Nov/2026:11:08:13 +0100", put: stamp(func(s *second) string { return s.clf })},
	{Name: "ftime", Doc: "as ltime", put: stamp(func(s *second) string { return s.clf })},
	{Name: "ctime", Doc: "start of the request as ctime(3) writes it", put: stamp(func(s *second) string { return s.ctime })},
	{Name: "epoch", Doc: "end of the request in seconds since 1970", put: number(func(r *Record) int64 { return r.end().Unix() })},
	{Name: "pid", Doc: "the process that ran the app", put: number(recordPID)},
	{Name: "wid", Doc: "the worker's number", put: number(func(r *Record) int64 { return int64(r.WorkerID) })},
	{Name: "core", Doc: "the thread's number, from 0 as in uWSGI", put: number(func(r *Record) int64 { return int64(r.core()) })},
	{Name: "vars", Doc: "number of environ entries made from the request", put: number(func(r *Record) int64 { return int64(r.Vars) }), environ: true},
	{Name: "pktsize", Doc: "the size of the request's packet of the uwsgi protocol; for HTTP, bytes of those entries, keys and values", put: number((*Record).packet), environ: true},
	{Name: "headers", Doc: "number of the response's header fields", put: number(func(r *Record) int64 { return int64(r.Headers) })},
	{Name: "vsz", Doc: "address space of the process in bytes, at most a second old", put: size(func(m *memory) int64 { return m.vsz.Load() })},
	{Name: "rss", Doc: "resident memory of the process in bytes, at most a second old", put: size(func(m *memory) int64 { return m.rss.Load() })},
	{Name: "vszM", Doc: "vsz in MiB", put: size(func(m *memory) int64 { return m.vsz.Load() >> 20 })},
	{Name: "rssM", Doc: "rss in MiB", put: size(func(m *memory) int64 { return m.rss.Load() >> 20 })},
	{Name: "werr", Doc: "write errors on the connection", put: number(func(r *Record) int64 { return int64(r.WriteErrors) })},
	{Name: "rerr", Doc: "read errors on the connection", put: number(func(r *Record) int64 { return int64(r.ReadErrors) })},
	{Name: "ioerr", Doc: "werr + rerr", put: number(func(r *Record) int64 { return int64(r.WriteErrors + r.ReadErrors) })},
	{Name: "switches", Doc: "0: there are no async switches", put: zero},
	{Name: "modifier1", Doc: "modifier1 of the uwsgi protocol; 0 for HTTP", put: number(func(r *Record) int64 { return int64(r.Modifier1) })},
	{Name: "modifier2", Doc: "modifier2 of the uwsgi protocol; 0 for HTTP", put: number(func(r *Record) int64 { return int64(r.Modifier2) })},

	{Name: "thread", Doc: "N of the thread gowsgi-N; 0 if no Python thread was needed (gowsgi's own)", put: number(func(r *Record) int64 { return int64(r.Thread) })},
	{Name: "queue_micros", Doc: "microseconds spent waiting for a thread (gowsgi's own)", put: number(func(r *Record) int64 { return max(r.QueueWait.Microseconds(), 0) })},
	{Name: "queue_ms", Doc: "milliseconds spent waiting for a thread (gowsgi's own)", put: number(func(r *Record) int64 { return max(r.QueueWait.Milliseconds(), 0) })},
}

// text escapes a value; an empty one prints "-", as in uWSGI.
func text(get func(*Record) string) putFunc {
	return func(dst []byte, _ *Format, r *Record, _ string) []byte { return appendText(dst, get(r)) }
}

func appendText(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	return appendEscaped(dst, s)
}

func number(get func(*Record) int64) putFunc {
	return func(dst []byte, _ *Format, r *Record, _ string) []byte {
		return strconv.AppendInt(dst, get(r), 10)
	}
}

func stamp(get func(*second) string) putFunc {
	return func(dst []byte, f *Format, r *Record, _ string) []byte {
		return append(dst, get(f.clock.at(r.Start))...)
	}
}

func size(get func(*memory) int64) putFunc {
	return func(dst []byte, f *Format, r *Record, _ string) []byte {
		return strconv.AppendInt(dst, get(f.memory.at(r.end())), 10)
	}
}

func zero(dst []byte, _ *Format, _ *Record, _ string) []byte { return append(dst, '0') }

func putSecs(dst []byte, _ *Format, r *Record, _ string) []byte {
	return appendDecimals(dst, r.Duration.Microseconds(), 6)
}

func putEnviron(dst []byte, _ *Format, r *Record, key string) []byte {
	if r.Environ == nil {
		return append(dst, '-')
	}
	value, _ := r.Environ.Lookup(key)
	return appendText(dst, value)
}

func putLogVar(dst []byte, _ *Format, r *Record, key string) []byte {
	if r.LogVars == nil {
		return append(dst, '-')
	}
	value, _ := r.LogVars.LogVar(key)
	return appendText(dst, value)
}

var ownPID = int64(os.Getpid())

func recordPID(r *Record) int64 {
	if r.PID == 0 {
		return ownPID
	}
	return int64(r.PID)
}

// appendDecimals appends n / 10^places with all its places.
func appendDecimals(dst []byte, n int64, places int) []byte {
	if n < 0 {
		n = 0 // never begun, or a clock that was set back
	}
	unit := int64(1)
	for range places {
		unit *= 10
	}
	dst = strconv.AppendInt(dst, n/unit, 10)
	dst = append(dst, '.')
	for n %= unit; unit > 1; n %= unit {
		unit /= 10
		dst = append(dst, byte('0'+n/unit))
	}
	return dst
}

// appendMS appends d in milliseconds with the given number of decimals, 0 to 3.
func appendMS(dst []byte, d time.Duration, places int) []byte {
	n := d.Microseconds()
	for i := 3; i > places; i-- {
		n /= 10
	}
	return appendDecimals(dst, n, places)
}
