package bridge

import (
	"errors"
	"time"
)

// errNobody: a pool has no process.
var errNobody = errors.New("no worker process is left")

// job is a request in a queue: a [Call], or in a worker process one that lies in shared memory.
type job interface {
	Request
	// entry is the queue's own part of it.
	entry() *ticket
	// run takes it through w, to its end.
	run(s *seat, w Worker)
	requestLine() string
}

// ticket is what a queue keeps of a request.
type ticket struct {
	next job // under the queue's mutex

	pushed time.Time // into the queue
	begun  time.Time // taken by a worker
}

func (t *ticket) entry() *ticket { return t }

// fifo holds requests, the oldest first, linked through their tickets.
type fifo struct {
	head, tail job
	n          int
}

func (q *fifo) append(c job) {
	c.entry().next = nil
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.entry().next = c
	}
	q.tail = c
	q.n++
}

// pop takes the oldest request out of a queue that has one.
func (q *fifo) pop() job {
	c := q.head
	e := c.entry()
	if q.head = e.next; q.head == nil {
		q.tail = nil
	}
	e.next = nil
	q.n--
	return c
}

// putBack is for one that was popped: it goes where its age has it.
func (q *fifo) putBack(c job) {
	pushed := c.entry().pushed
	if q.head == nil || pushed.Before(q.head.entry().pushed) {
		c.entry().next = q.head
		q.head = c
		if q.tail == nil {
			q.tail = c
		}
		q.n++
		return
	}
	before := q.head
	for next := before.entry().next; next != nil && !pushed.Before(next.entry().pushed); next = next.entry().next {
		before = next
	}
	c.entry().next = before.entry().next
	before.entry().next = c
	if before == q.tail {
		q.tail = c
	}
	q.n++
}
