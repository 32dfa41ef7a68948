package pyhost

import (
	"context"
	"strings"
	"testing"
	"time"
)

// raise raises HarakiriError on a request thread, whatever that is at. False: the app is not.
func raise(t *testing.T, seat int) (raised bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := site.host.Do(ctx, func() { raised = site.host.threads[seat].raise() }); err != nil {
		t.Fatal(err)
	}
	return raised
}

// seatOf waits for a request and tells which thread is at it.
func seatOf(t *testing.T, path string) int {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, r := range site.queue.Running() {
			if strings.Contains(r.Line, path) {
				return r.Worker
			}
		}
	}
	t.Fatalf("nobody is at %s", path)
	return 0
}

// The exception reaches the app's code, past `except Exception`.
func TestRaise(t *testing.T) {
	body := make(chan string, 1)
	go func() { body <- get(t, "/spin") }()
	seat := seatOf(t, "/spin")
	for end := time.Now().Add(patience); !raise(t, seat); { // it may not have called the app yet
		if time.Now().After(end) {
			t.Fatal("never raised")
		}
	}
	if b := <-body; b != "BaseException: gowsgi.HarakiriError" {
		t.Errorf("the app got %q", b)
	}
	for seat := range threadCount {
		if raise(t, seat) {
			t.Errorf("raised on thread %d, which has nothing to do", seat)
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
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		for seat := range threadCount {
			if raise(t, seat) {
				raised++
			}
		}
	}
	close(stop)
	total := 0
	for range clients {
		total += <-failed
	}
	if total > raised || raised == 0 {
		t.Errorf("raised %d times, %d requests failed", raised, total)
	}
	for range 100 {
		if b := get(t, "/hello"); b != "Hello, World!\n" {
			t.Errorf("body %q", b)
		}
	}
}
