// Package accesslog writes one line a request: the default line for people,
// JSON, or the user's --log-format in uWSGI's variables. Values are always
// escaped, so that a request can't forge a line or a JSON member; uWSGI
// writes them as they come.
//
// Lines, and those of the application log, go through one Writer, which never
// makes a request wait for the sink.
package accesslog

import "time"

// Record is what is known of one request at its end. The caller fills it and
// may reuse it: Append keeps no part of it, so strings may point into a
// connection's buffers. Unknown values stay zero.
type Record struct {
	// Start is when the request's head was complete; Duration counts from
	// there to the response's last byte. QueueWait is the part of Duration
	// before a Python thread took the request.
	Start               time.Time
	Duration, QueueWait time.Duration

	// Of the request line and headers, as sent.
	Method, URI, Proto       string
	Host, UserAgent, Referer string
	// RemoteAddr is REMOTE_ADDR, empty for a UNIX socket's peer. User is
	// REMOTE_USER, which only a proxy or middleware could have set.
	RemoteAddr, User string

	// Status is what went out; 0 if the client left before.
	Status int
	// HeaderBytes and BodyBytes are the response's as sent, Headers the number
	// of its header fields.
	HeaderBytes, BodyBytes int64
	Headers                int
	// ContentLength is the request's, negative if it had none (chunked);
	// RequestBytes is how much of the body was read.
	ContentLength, RequestBytes int64

	// Vars and VarBytes are the number of environ entries made from the
	// request and the size of their keys and values. Fill them, and Environ,
	// only if Format.NeedsEnviron.
	Vars     int
	VarBytes int64
	// Environ answers %(var.KEY); nil answers "-".
	Environ Environ
	// LogVars answers %(name) of a variable that the app has set; nil answers "-".
	LogVars LogVars

	// Thread is N of the request thread gowsgi-N; 0 for a request that Go
	// answered without Python.
	Thread int
	// WorkerID is the worker process's number, 1 in a single process; PID its
	// process, 0 for this one.
	WorkerID, PID int

	// Modifier1 and Modifier2 are those of a request of the uwsgi protocol; HTTP has none.
	Modifier1, Modifier2 int
	// PacketBytes is the size of its packet's variables, 0 for HTTP.
	PacketBytes int64

	// WriteErrors and ReadErrors count failures on the connection: a client
	// that left shows here.
	WriteErrors, ReadErrors int
}

// Environ looks up one environ entry. It is called only during Append.
type Environ interface {
	Lookup(key string) (value string, ok bool)
}

// LogVars looks up a variable that the app has set. It is called only during Append.
type LogVars interface {
	LogVar(name string) (value string, ok bool)
}

// Size is what the response took on the wire.
func (r *Record) size() int64 { return r.HeaderBytes + r.BodyBytes }

// bodyLength is uWSGI's "cl", made useful for chunked bodies.
func (r *Record) bodyLength() int64 {
	if r.ContentLength < 0 {
		return r.RequestBytes
	}
	return r.ContentLength
}

// packet is uWSGI's "pktsize", for HTTP what the environ has in its place.
func (r *Record) packet() int64 {
	if r.PacketBytes > 0 {
		return r.PacketBytes
	}
	return r.VarBytes
}

// core is uWSGI's number of the thread, which counts from 0.
func (r *Record) core() int { return max(r.Thread-1, 0) }

// end is the time that lines carry: lines of one log should not go back in time.
func (r *Record) end() time.Time { return r.Start.Add(r.Duration) }
