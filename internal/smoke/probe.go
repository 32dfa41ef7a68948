package smoke

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"sync"
)

// told is a line of the probe's: see pyhost/loader/gowsgi_probe.py.
type told struct {
	ID        string  `json:"id"`
	Thread    uint64  `json:"thread"`
	Done      bool    `json:"done"`
	Routes    []Route `json:"routes"` // of the first line, which has nothing else
	Traceback string  `json:"traceback"`
	Invalid   string  `json:"invalid"`
	Errors    string  `json:"errors"`
}

// account is what the probe says of one request.
type account struct {
	mu     sync.Mutex
	thread uint64 // 0: no thread has begun it
	told   told
	done   chan struct{} // closed when told is complete
}

func (a *account) at() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.thread
}

// accounts takes in what the probe says.
type accounts struct {
	mu     sync.Mutex
	next   int
	open   map[string]*account
	routes []Route
	loaded chan struct{} // closed when routes is there; it is nil without a map
	ended  chan struct{} // closed when nothing more comes
}

func newAccounts() *accounts {
	return &accounts{open: map[string]*account{}, loaded: make(chan struct{}), ended: make(chan struct{})}
}

// expect is to be called before a request with the number is sent.
func (a *accounts) expect() (number string, of *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	number, of = strconv.Itoa(a.next), &account{done: make(chan struct{})}
	a.open[number] = of
	return number, of
}

// read takes lines in until the probe is gone.
func (a *accounts) read(r io.Reader) {
	defer close(a.ended)
	lines := bufio.NewReader(r)
	for first := true; ; first = false {
		line, err := lines.ReadBytes('\n')
		var t told
		if err != nil || json.Unmarshal(line, &t) != nil {
			return
		}
		if first {
			a.routes = t.Routes
			close(a.loaded)
			continue
		}
		a.take(t)
	}
}

func (a *accounts) take(t told) {
	a.mu.Lock()
	of := a.open[t.ID]
	if t.Done {
		delete(a.open, t.ID)
	}
	a.mu.Unlock()
	if of == nil {
		return
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	if !t.Done {
		of.thread = t.Thread
		return
	}
	of.told = t
	close(of.done)
}
