package bridge

import (
	"errors"
	"sync"
	"time"
)

var (
	// ErrQueueFull: as many requests wait as the queue may hold.
	ErrQueueFull = errors.New("the queue is full")
	// ErrQueueClosed: the server is past taking requests.
	ErrQueueClosed = errors.New("the queue is closed")
)

// Queue holds the requests that wait for a Python thread, oldest first. Its zero
// value holds any number; set Limit before use.
type Queue struct {
	// Limit is how many requests may wait, those that run not counted; 0: no limit.
	Limit int

	mu     sync.Mutex
	head   *Call // the oldest; linked through Call.next
	tail   *Call
	n      int
	parked []*seat // threads without work; the last to park is woken first: its caches are warm
	seats  []*seat
	closed bool
	wg     sync.WaitGroup
}

// seat is one worker's place at the queue.
type seat struct {
	id   int
	wake chan struct{} // holds one wake-up

	// call is what the worker runs, for whoever wants to look: mu keeps it from
	// being reused meanwhile.
	mu   sync.Mutex
	call *Call

	// out is where the worker puts heads and small bodies together. Its own.
	out []byte
}

// Push hands c to the worker that will take it, oldest first. After a nil error c
// belongs to the queue.
func (q *Queue) Push(c *Call) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrQueueClosed
	}
	if q.Limit > 0 && q.n >= q.Limit && len(q.parked) == 0 {
		q.mu.Unlock()
		return ErrQueueFull
	}
	q.append(c)
	var s *seat
	if last := len(q.parked) - 1; last >= 0 {
		s = q.parked[last]
		q.parked = q.parked[:last]
	}
	q.mu.Unlock()
	if s != nil {
		s.wake <- struct{}{}
	}
	return nil
}

// Remove takes c back. False: a worker has it, or had it.
func (q *Queue) Remove(c *Call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !c.queued {
		return false
	}
	q.unlink(c)
	return true
}

// Expired takes back the oldest request if it was pushed before t, else nil.
func (q *Queue) Expired(t time.Time) *Call {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.head
	if c == nil || !c.pushed.Before(t) {
		return nil
	}
	q.unlink(c)
	return c
}

// Waiting is the number of requests that no worker has taken yet.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// Close lets the workers end what they run and what waits, then leave. It does
// not wait for them.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	parked := q.parked
	q.parked = nil
	q.mu.Unlock()
	for _, s := range parked {
		s.wake <- struct{}{}
	}
}

// Work runs requests on w until the queue is closed and empty. The calling
// goroutine is w's: locked to its OS thread. seated is called once w has its place:
// the number that Running gives is that of the calls of Work, from 0.
func (q *Queue) Work(w Worker, seated func()) {
	s := q.sit()
	seated()
	for c := q.take(s, w); c != nil; c = q.take(s, w) {
		c.run(s, w)
	}
}

func (q *Queue) sit() *seat {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := &seat{id: len(q.seats), wake: make(chan struct{}, 1)}
	q.seats = append(q.seats, s)
	return s
}

// take waits for a request; nil when there will be none.
func (q *Queue) take(s *seat, w Worker) *Call {
	for {
		q.mu.Lock()
		c, closed := q.head, q.closed
		if c != nil {
			q.unlink(c)
		} else if !closed {
			q.parked = append(q.parked, s)
		}
		q.mu.Unlock()
		if c != nil || closed {
			if closed && c == nil {
				w.Idle()
			}
			return c
		}
		w.Idle()
		<-s.wake
	}
}

func (q *Queue) append(c *Call) {
	c.queued, c.next, c.prev = true, nil, q.tail
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
	q.n++
}

func (q *Queue) unlink(c *Call) {
	if c.prev == nil {
		q.head = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		q.tail = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.queued, c.next, c.prev = false, nil, nil
	q.n--
}

// Running is a request that a worker has at the moment, for stack dumps and status.
type Running struct {
	Worker int
	Line   string // "GET /path HTTP/1.1"
	Age    time.Duration
}

// Running lists what the workers are at. Workers that wait are left out.
func (q *Queue) Running() []Running {
	q.mu.Lock()
	seats := q.seats
	q.mu.Unlock()
	var running []Running
	for _, s := range seats {
		s.mu.Lock()
		if c := s.call; c != nil {
			running = append(running, Running{Worker: s.id, Line: c.requestLine(), Age: time.Since(c.begun)})
		}
		s.mu.Unlock()
	}
	return running
}
