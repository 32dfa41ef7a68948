// Package devloop is what browsers get while code is written: the script that reloads pages, the events that it
// listens to, and the page of an app that can't be loaded.
package devloop

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	_ "embed"

	"github.com/gowsgi/gowsgi/bridge"
)

// Prefix is that of the paths that are not the app's.
const Prefix = "/__gowsgi__/"

//go:embed reload.js
var script []byte

// Site answers for the server. Its methods may be called from anywhere.
type Site struct {
	// Remote lets other machines see it all, too.
	Remote bool

	mu      sync.Mutex
	start   string // no other process's states are taken for this one's
	count   int    // of states
	failure *Failure
	changed chan struct{} // closed at the next state
}

// New makes the site of an app of which nothing is known yet.
func New(remote bool) *Site {
	return &Site{Remote: remote, start: strconv.FormatInt(time.Now().UnixNano(), 36), changed: make(chan struct{})}
}

// Loaded tells that the app was loaded: pages are to be loaded again.
func (s *Site) Loaded() { s.set(nil) }

// Failed tells why it was not.
func (s *Site) Failed(f *Failure) { s.set(f) }

func (s *Site) set(f *Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.failure = f
	close(s.changed)
	s.changed = make(chan struct{})
}

// state is what pages are told.
type state struct {
	ID      string   `json:"id"` // of the app as it is, or fails, now
	Failure *Failure `json:"failure"`
}

func (s *Site) state() (state, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return state{fmt.Sprintf("%s-%d", s.start, s.count), s.failure}, s.changed
}

// Dev is the site as the server wants it.
func (s *Site) Dev() *bridge.Dev {
	return &bridge.Dev{Prefix: Prefix, Answer: s.answer, Absent: s.absent, Script: s.script}
}

// sees tells whether the client may see what is wrong.
func (s *Site) sees(v *bridge.Visit) bool { return s.Remote || v.Local() }

// script is the URL of the script for a page of the app as it is now.
func (s *Site) script(v *bridge.Visit) string {
	if !s.sees(v) {
		return ""
	}
	now, _ := s.state()
	return Prefix + "reload.js?" + now.ID
}

func (s *Site) answer(v *bridge.Visit) *bridge.Page {
	const javascript, events = "text/javascript; charset=utf-8", "text/event-stream; charset=utf-8"
	switch {
	case !s.sees(v) || v.Method != "GET" && v.Method != "HEAD":
	case v.Path == Prefix+"reload.js":
		return &bridge.Page{Status: 200, Type: javascript, Body: script}
	case v.Path == Prefix+"events":
		return &bridge.Page{Status: 200, Type: events, Follow: s.events}
	}
	return &bridge.Page{Status: 404, Type: "text/plain; charset=utf-8", Body: []byte("Not Found\n")}
}

// aliveTime is how often a stream without events says that it is there: a client that has left without a word shows so.
const aliveTime = 15 * time.Second

// events tells one client of each state, the first at once.
func (s *Site) events(send func([]byte) error, left <-chan struct{}) {
	alive := time.NewTicker(aliveTime)
	defer alive.Stop()
	text := []byte("retry: 300\n\n")
	for {
		now, changed := s.state()
		data, err := json.Marshal(now)
		if err != nil {
			return
		}
		text = fmt.Appendf(text, "data: %s\n\n", data)
		for same := true; same; {
			if len(text) > 0 && send(text) != nil {
				return
			}
			text = text[:0]
			select {
			case <-changed:
				same = false
			case <-alive.C:
				text = append(text, ":\n\n"...)
			case <-left:
				return
			}
		}
	}
}

// absent is the page of an app that can't be loaded; nil for those who may not see it.
func (s *Site) absent(v *bridge.Visit) *bridge.Page {
	now, _ := s.state()
	if now.Failure == nil || !s.sees(v) {
		return nil
	}
	return now.Failure.page(v, Prefix+"reload.js?"+now.ID)
}
