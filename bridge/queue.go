package bridge

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/cpu"
)

var (
	// ErrQueueFull: as many requests wait as the queue may hold.
	ErrQueueFull = errors.New("the queue is full")
	// ErrQueueClosed: the server is past taking requests.
	ErrQueueClosed = errors.New("the queue is closed")
)

// Queue holds the requests that wait for a Python thread, oldest first, and decides
// which threads are awake to take them (scheduler.go). Its zero value holds any
// number; set its fields before use.
type Queue struct {
	// Limit is how many requests may wait, those that run not counted; 0: no limit.
	Limit int
	// Outgrown is called, at most once in ten seconds, when requests have waited for a
	// second while every thread was taken. It must not block. nil: nothing.
	Outgrown func(Stats)

	mu     sync.Mutex
	source Source
	fifo
	full   uint64 // how often Push gave ErrQueueFull
	seats  []*seat
	begun  time.Time // when the first worker came
	closed bool

	scheduler
}

// seat is one worker's place at the queue. The scheduler's fields are guarded by the
// queue's mutex.
type seat struct {
	id     int
	worker Worker

	state seatState
	since time.Time // when its request was taken

	// The monitor's own: the since at its last glance, whether the thread ran then, and the
	// since of a request that it was seen asleep at.
	seen  time.Time
	ran   bool
	slept time.Time
	// What the thread had computed when its request was first seen, and then at the last glance.
	clocked     time.Time // the since of that request
	first, last time.Duration

	// call is what the worker runs, for whoever wants to look: mu keeps it from
	// being reused meanwhile. tally is what it has done, written when call goes.
	mu    sync.Mutex
	call  job
	tally Tally
	runs  uint64 // how many there have been

	// remote is the slot that it stands for, in front of worker processes; else nil.
	remote *remote

	// out is where the worker puts heads and small bodies together. Its own.
	out []byte

	_ cpu.CacheLinePad // what follows in memory may be the seat of another thread
}

// Source is where requests come from when nobody pushes them. A thread without a request asks
// it by itself: whoever finds a request can run it, and nobody has to be woken.
type Source interface {
	// Wait finds out who has something to say. block: it waits until somebody has, or until
	// Interrupt. By one caller at a time, as Dispatch.
	Wait(block bool)
	// Dispatch serves those whom Wait has found, as far as that needs no waiting: it pushes
	// their requests. The caller may have the GIL.
	Dispatch()
	// Interrupt ends the Wait under way, or the next one. From any goroutine.
	Interrupt()
}

// attach gives the queue its source. False: it has one.
func (q *Queue) attach(s Source) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.source != nil {
		return false
	}
	q.source = s
	q.begin()
	q.kick()
	return true
}

// Push hands c to the worker that will take it, oldest first. After a nil error c
// belongs to the queue.
func (q *Queue) Push(c *Call) error { return q.push(c) }

func (q *Queue) push(c job) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrQueueClosed
	}
	if q.Limit > 0 && q.n-q.free() >= q.Limit { // free threads take one each, at the latest after a look
		q.full++
		q.mu.Unlock()
		return ErrQueueFull
	}
	q.append(c)
	w := q.pushed()
	q.mu.Unlock()
	w.up(q)
	return nil
}

// Expired takes back the oldest request if it was pushed before t, else nil.
func (q *Queue) Expired(t time.Time) *Call {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == nil || !q.head.entry().pushed.Before(t) {
		return nil
	}
	return q.pop().(*Call)
}

// Close lets the workers end what they run and what waits, then leave. It does
// not wait for them.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for w := q.next(); w.seat != nil; w = q.next() {
		w.up(q)
	}
	q.kick()
	if q.source != nil {
		q.source.Interrupt() // the monitor may be in it
	}
}

// Work runs requests on w until the queue is closed and empty. The calling
// goroutine is w's: locked to its OS thread. seated is called once w has its place:
// the number that Running gives is that of the calls of Work, from 0.
func (q *Queue) Work(w Worker, seated func()) {
	s := q.sit(w)
	seated()
	for c := q.take(s); c != nil; c = q.take(s) {
		c.run(s, w)
	}
}

func (q *Queue) sit(w Worker) *seat {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := &seat{id: len(q.seats), worker: w}
	if q.begun.IsZero() {
		q.begun = time.Now()
	}
	// A copy: Running reads the old one without the mutex.
	q.seats = append(q.seats[:len(q.seats):len(q.seats)], s)
	q.seated(s)
	return s
}

// take waits for a request; nil when there will be none.
func (q *Queue) take(s *seat) job {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unstick(s)
	for {
		if q.head == nil && q.mayPoll() {
			q.poll(1)
		}
		switch {
		case q.head != nil && !q.surplus(s):
			c := q.pop()
			q.took(s, c.entry())
			return c
		case q.head != nil:
			q.sleep(s)
		case q.closed:
			q.park(s)
			q.mu.Unlock()
			s.worker.Idle()
			q.mu.Lock()
			return nil
		case q.mayPoll():
			q.lead(s)
		default:
			q.sleep(s)
		}
	}
}

// sleep parks s until it is woken.
func (q *Queue) sleep(s *seat) {
	q.park(s)
	q.mu.Unlock()
	s.worker.Park()
	q.mu.Lock()
}

// Stats is the queue's state.
type Stats struct {
	Threads int // request threads
	Active  int // awake and moving: as a rule the one that has the GIL
	Blocked int // awake, but held by one request for long: I/O, or a long computation
	Parked  int // asleep, without work
	Waiting int // requests that no thread has taken

	Full      uint64        // requests refused since the start, for Limit of them waited
	Taken     uint64        // requests taken since the start
	WaitTotal time.Duration // the sum of their times in the queue
	GILWait   time.Duration // the sum of the threads' waits for the GIL between requests
}

// Stats tells the queue's state.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	st := Stats{
		Threads:   len(q.seats),
		Blocked:   q.stuck,
		Active:    q.awake - q.stuck,
		Parked:    len(q.seats) - q.awake,
		Waiting:   q.n,
		Full:      q.full,
		Taken:     q.taken,
		WaitTotal: q.waited,
	}
	for _, s := range q.seats {
		st.GILWait += s.worker.GILWait()
	}
	return st
}

// ready: its threads are this process's.
func (q *Queue) ready() bool { return true }

// Running is a request that a worker has at the moment, for stack dumps and status.
type Running struct {
	Worker int
	Line   string // "GET /path"
	Age    time.Duration

	seat *seat
	run  uint64
}

// Ended tells whether the thread has come back from the request. It does not block, and may be
// called with the GIL.
func (r *Running) Ended() bool {
	r.seat.mu.Lock()
	defer r.seat.mu.Unlock()
	return r.seat.call == nil || r.seat.runs != r.run
}

// Running lists what the workers are at. Workers that wait are left out.
func (q *Queue) Running() []Running { return running(q.places()) }

// running describes the seat's call. The caller has the seat's mutex.
func (s *seat) running(c job) Running {
	return Running{Worker: s.id, Line: c.requestLine(), Age: time.Since(c.entry().begun), seat: s, run: s.runs}
}

// places are the seats there are: not to be changed.
func (q *Queue) places() []*seat {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.seats
}
