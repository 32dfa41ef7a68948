package pyhost

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
)

// raise raises HarakiriError on a request thread, whatever that is at. False: it is not in the app.
func raise(t *testing.T, seat int, closingToo bool) (raised bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := site.host.Do(ctx, func() { raised = site.host.threads[seat].raise(closingToo) }); err != nil {
		t.Fatal(err)
	}
	return raised
}

// seatOf waits for a request and tells which thread is at it.
func seatOf(t *testing.T, path string) int {
	t.Helper()
	return runningAt(t, path).Worker
}

// runningAt waits for a request.
func runningAt(t *testing.T, path string) bridge.Running {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, r := range site.queue.Running() {
			if strings.Contains(r.Line, path) {
				return r
			}
		}
	}
	t.Fatalf("nobody is at %s", path)
	return bridge.Running{}
}

// One request's stack: with the GIL, without it, and when it is over.
func TestStackOfRequest(t *testing.T) {
	body := make(chan string, 1)
	go func() { body <- get(t, "/spin") }()
	r := runningAt(t, "/spin")
	for end := time.Now().Add(patience); ; { // it may not have called the app yet
		stack := site.host.Stack(t.Context(), r)
		if strings.HasPrefix(stack, "GET /spin, ") && strings.Contains(stack, "app.py") && strings.Count(stack, "Thread ") == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the stack is %q", stack)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if stack := site.host.Stack(ended, r); !strings.HasPrefix(stack, "GET /spin, ") || !strings.Contains(stack, "the GIL could not be had") {
		t.Errorf("the stack is %q", stack)
	}
	for end := time.Now().Add(patience); !raise(t, r.Worker, false) && time.Now().Before(end); {
	}
	<-body
	for end := time.Now().Add(patience); !r.Ended(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the request does not end")
		}
	}
	if stack := site.host.Stack(t.Context(), r); !strings.HasSuffix(stack, "\nthe request has just ended\n") {
		t.Errorf("the stack is %q", stack)
	}
}

// The exception reaches the app's code, past `except Exception`.
func TestRaise(t *testing.T) {
	body := make(chan string, 1)
	go func() { body <- get(t, "/spin") }()
	seat := seatOf(t, "/spin")
	for end := time.Now().Add(patience); !raise(t, seat, false); { // it may not have called the app yet
		if time.Now().After(end) {
			t.Fatal("never raised")
		}
	}
	if b := <-body; b != "BaseException: gowsgi.HarakiriError" {
		t.Errorf("the app got %q", b)
	}
	for seat := range threadCount {
		if raise(t, seat, true) {
			t.Errorf("raised on thread %d, which has nothing to do", seat)
		}
	}
}

// raiseAtLast raises HarakiriError in a request that gives "some" and then runs no more Python code, but
// for its close(). It ends when the other path has been asked for.
func raiseAtLast(t *testing.T, path, ender string) {
	t.Helper()
	c := dial(t, site.tcp)
	send(t, c, request("GET", path, ""))
	seat := seatOf(t, path)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	some := make([]byte, len("some"))
	if _, err := io.ReadFull(r.Body, some); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !raise(t, seat, true); { // until the app_iter is asked for more
		if time.Now().After(end) {
			t.Fatal("never raised")
		}
	}
	get(t, ender)
	if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
		t.Errorf("%s: %q, %v behind the last chunk", path, rest, err)
	}
}

// What is raised too late for its request ends with it: each thread's next one goes well.
func TestRaiseTooLate(t *testing.T) {
	for path, ender := range map[string]string{"/fed": "/end-feed", "/lingers-in-c": "/release"} {
		raiseAtLast(t, path, ender)
		answers := make(chan string, threadCount)
		for range threadCount { // they wait for each other, so each has a thread of its own
			c := dial(t, site.tcp)
			send(t, c, request("GET", "/meet", ""))
			go func() {
				raw, err := io.ReadAll(c)
				answers <- fmt.Sprintf("%s, %v", raw, err)
			}()
		}
		for range threadCount {
			if a := <-answers; !strings.HasSuffix(a, "\r\n\r\nmet, <nil>") {
				t.Fatalf("after %s the next request got %q", path, a)
			}
		}
	}
}

// Nor does it disturb close().
func TestRaiseTooLateForClose(t *testing.T) {
	raiseAtLast(t, "/fed?closes", "/end-feed")
	if came := get(t, "/closing"); came != "returned None" {
		t.Errorf("close(): %s", came)
	}
}

// close() is left in peace, unless it is meant.
func TestRaiseInClose(t *testing.T) {
	for _, test := range []struct {
		closingToo bool
		want       string
	}{{false, "returned None"}, {true, "HarakiriError: "}} {
		body := make(chan string, 1)
		go func() { body <- exchange(t, site.tcp, request("GET", "/lingers", "")).body }()
		if s := get(t, "/closing"); s != "begun" {
			t.Fatalf("close(): %s", s)
		}
		if raised := raise(t, seatOf(t, "/lingers"), test.closingToo); raised != test.closingToo {
			t.Errorf("raised %v, want %v", raised, test.closingToo)
		}
		get(t, "/release")
		if came := get(t, "/closing"); came != test.want {
			t.Errorf("close(): %s, want %s", came, test.want)
		}
		if b := <-body; !strings.HasSuffix(b, "\r\n0\r\n\r\n") {
			t.Errorf("body %q", b)
		}
	}
}

// At any moment of a request: each exception ends one request at most, the one it was raised in.
func TestRaiseAtAnyTime(t *testing.T) {
	const clients = threadCount
	stop := make(chan struct{})
	failed := make(chan int, clients)
	for range clients {
		go func() {
			n := 0
			for {
				select {
				case <-stop:
					failed <- n
					return
				default:
				}
				for _, path := range []string{"/hello", "/steps", "/closes"} {
					a := exchange(t, site.tcp, request("GET", path, ""))
					// An answer that has begun is cut: there is a head, but not all of the body.
					if !strings.HasPrefix(a.head, "HTTP/1.1 200") || path == "/steps" && !strings.HasSuffix(a.body, "\r\n0\r\n\r\n") {
						n++
					}
				}
			}
		}()
	}
	raised := 0
	for end := time.Now().Add(patience); raised < 50 && time.Now().Before(end); {
		for seat := range threadCount {
			if raise(t, seat, true) {
				raised++
			}
		}
	}
	close(stop)
	total := 0
	for range clients {
		total += <-failed
	}
	if total > raised || raised < 50 {
		t.Errorf("raised %d times, %d requests failed", raised, total)
	}
	for range 100 {
		if b := get(t, "/hello"); b != "Hello, World!\n" {
			t.Errorf("body %q", b)
		}
	}
}
