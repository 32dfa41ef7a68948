package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// exchange is a request and the body that answers it.
type exchange struct{ text, want string }

// kind makes requests of one kind: id is in the path, and in the answer.
type kind func(id int64) exchange

func get(path string) kind {
	return func(id int64) exchange {
		return exchange{fmt.Sprintf("GET /%s/%d HTTP/1.1\r\nHost: chaos\r\n\r\n", path, id), fmt.Sprint(id)}
	}
}

func post(size int) kind {
	body := strings.Repeat("b", size)
	return func(id int64) exchange {
		return exchange{
			fmt.Sprintf("POST /post/%d HTTP/1.1\r\nHost: chaos\r\nContent-Length: %d\r\n\r\n%s", id, size, body),
			fmt.Sprintf("%d %d", id, size),
		}
	}
}

func stream(id int64) exchange {
	e := get("stream")(id)
	e.want = fmt.Sprintf("%d %s %d", id, strings.Repeat("s", 160000), id)
	return e
}

// What the clients choose from by chance.
var (
	// whole: the app gives each answer in one piece, once it has all of the request. So an answer is
	// there, or none of it.
	whole = []kind{get("echo"), get("echo"), get("echo"), get("nap"), post(100)}
	// all has answers in pieces and bodies that the app reads from the wire besides.
	all   = slices.Concat(whole, whole, whole, []kind{stream, post(200_000)})
	leaks = []kind{get("leak")}
	fast  = []kind{get("echo")}
)

// load is what clients ask all the time.
type load struct {
	clients int
	pause   time.Duration // of each between two requests
	mix     []kind
}

// traffic is a load under way, or what came of it.
type traffic struct {
	address string
	load    load
	ids     *atomic.Int64 // the last one that was given to a request
	over    chan struct{}
	done    sync.WaitGroup

	// current is the request that each client waits for, 0 between two.
	current []atomic.Int64

	mu     sync.Mutex
	tally  map[outcome]int
	failed map[int64]outcome // requests that were not answered as they should be
	took   []time.Duration
}

// begin starts the load's clients. ids counts requests on.
func (l load) begin(address string, ids *atomic.Int64) *traffic {
	t := &traffic{
		address: address, load: l, ids: ids, over: make(chan struct{}),
		current: make([]atomic.Int64, l.clients),
		tally:   map[outcome]int{}, failed: map[int64]outcome{},
	}
	for i := range l.clients {
		t.done.Go(func() { t.ask(&t.current[i]) })
	}
	return t
}

// ask is the life of one client.
func (t *traffic) ask(current *atomic.Int64) {
	c := client{address: t.address}
	defer c.close()
	for {
		select {
		case <-t.over:
			return
		default:
		}
		id := t.ids.Add(1)
		q := t.load.mix[rand.IntN(len(t.load.mix))](id)
		current.Store(id)
		begun := time.Now()
		o := c.do(q)
		took := time.Since(begun)
		current.Store(0)
		t.note(id, o, took)
		if o == refused {
			time.Sleep(time.Millisecond) // or it would spin
		}
		time.Sleep(t.load.pause)
	}
}

func (t *traffic) note(id int64, o outcome, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally[o]++
	t.took = append(t.took, took)
	if o != ok {
		t.failed[id] = o
	}
}

// end has all clients end their requests.
func (t *traffic) end() {
	close(t.over)
	t.done.Wait()
}

// waiting is the request of each client, 0 for none.
func (t *traffic) waiting() []int64 {
	ids := make([]int64, len(t.current))
	for i := range ids {
		ids[i] = t.current[i].Load()
	}
	return ids
}

// still counts those that wait for the same request as then.
func (t *traffic) still(then []int64) (n int) {
	for i, id := range t.waiting() {
		if id != 0 && id == then[i] {
			n++
		}
	}
	return n
}

// percentile of a load that is over: 0.99 is the time that one request in a hundred exceeds.
func (t *traffic) percentile(p float64) time.Duration {
	if len(t.took) == 0 {
		return 0
	}
	slices.Sort(t.took)
	return t.took[min(int(p*float64(len(t.took))), len(t.took)-1)]
}
