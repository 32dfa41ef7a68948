package bridge

import "time"

// Tally is what has come of requests since the start.
type Tally struct {
	Requests uint64
	// Statuses counts them by the first digit of their status; 0 is for those that got no
	// answer, or one with another digit.
	Statuses    [6]uint64
	Exceptions  uint64        // requests in which the app, or close(), raised
	WriteErrors uint64        // requests whose response the client did not take whole
	ReadErrors  uint64        // requests whose body did not come whole
	Harakiris   uint64        // requests that Limits.Harakiri has ended, no errors of the client's
	Bytes       uint64        // of responses, heads included and framing not
	Time        time.Duration // the sum of the times on a thread
}

// Add adds what another one has.
func (t *Tally) Add(u *Tally) {
	t.Requests += u.Requests
	for class, n := range u.Statuses {
		t.Statuses[class] += n
	}
	t.Exceptions += u.Exceptions
	t.WriteErrors += u.WriteErrors
	t.ReadErrors += u.ReadErrors
	t.Harakiris += u.Harakiris
	t.Bytes += u.Bytes
	t.Time += u.Time
}

func (t *Tally) count(status, bytes int) {
	class := status / 100
	if class >= len(t.Statuses) {
		class = 0
	}
	t.Requests++
	t.Statuses[class]++
	t.Bytes += uint64(bytes)
}

// ran counts a request that a thread has run, until now. One that is overdue counts once its client
// knows: its thread may never come back.
func (t *Tally) ran(c *Call, now time.Time) {
	r := &c.response
	t.count(r.status, r.headBytes)
	t.Bytes += uint64(r.sent)
	t.Time += now.Sub(c.begun)
	if r.fate.Load() == fateOverdue {
		t.Harakiris++
		return // what failed since did so for that
	}
	if r.raised {
		t.Exceptions++
	}
	if r.failed != nil {
		t.WriteErrors++
	}
	switch errorOf(c.conn.body) {
	case ErrBodyTimeout, ErrBodyMalformed, errGone:
		t.ReadErrors++
	}
}

// countUnserved counts a request that was answered, if at all, without a thread.
func (s *Server) countUnserved(status, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unserved.count(status, bytes)
}

// Snapshot is what a server is at, and what it has done since the start. Making one runs no
// Python and does not wait for the GIL. A request is among the figures a moment after its
// answer.
type Snapshot struct {
	Queue       Stats
	Crews       []Crew // by number
	Leaving     []Crew // worker processes that end what they have: their numbers are others' already
	Unserved    Tally  // of the requests that no thread ran: refused, waited too long, left
	Connections int
	Draining    bool // no new connections are taken
}

// Thread is a request thread at one moment.
type Thread struct {
	Tally   Tally
	Request *RequestInfo // what it runs; nil: nothing
}

// RequestInfo tells of a request that runs.
type RequestInfo struct {
	Method, URI, Proto string
	RemoteAddr         string // "" for a UNIX socket's peer
	Begun              time.Time
}

// Served is what the threads have done together.
func (s *Snapshot) Served() (sum Tally) {
	for i := range s.Crews {
		served := s.Crews[i].Served()
		sum.Add(&served)
	}
	return sum
}

// Snapshot looks at the server. From any goroutine.
func (s *Server) Snapshot() Snapshot {
	snapshot := Snapshot{Queue: s.Queue.Stats(), Draining: s.draining.Load()}
	snapshot.Crews, snapshot.Leaving = s.Queue.crews()
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot.Unserved = s.unserved
	snapshot.Connections = len(s.conns)
	return snapshot
}

func looks(seats []*seat) []Thread {
	threads := make([]Thread, len(seats))
	for i, s := range seats {
		threads[i] = s.look()
	}
	return threads
}

func (s *seat) look() Thread {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := Thread{Tally: s.tally}
	if c, _ := s.call.(*Call); c != nil {
		e := &c.environ
		t.Request = &RequestInfo{
			Method:     string(e.method.of(e.buf)),
			URI:        string(e.uri.of(e.buf)),
			Proto:      string(e.proto.of(e.buf)),
			RemoteAddr: c.at.remoteAddr,
			Begun:      c.begun,
		}
	}
	return t
}
