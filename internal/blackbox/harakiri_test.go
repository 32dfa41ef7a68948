package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// harakiri starts apps/harakiri with so much time for a request, and an access log that is easy to count.
func (v variant) harakiri(t *testing.T, seconds string, args ...string) *server {
	t.Helper()
	return v.start(t, launch{App: "harakiri", Args: append([]string{
		"--harakiri", seconds, "--log-format", "%(method) %(uri) is %(status)", "--health", "/health",
	}, args...)})
}

// wantLogged asserts the one line of the access log that the target has, once it is there.
func (s *server) wantLogged(t *testing.T, target string, status int) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^[A-Z]+ ` + regexp.QuoteMeta(target) + ` is (\d+)$`)
	var found [][]string
	eventually(t, target+" is logged", func() bool {
		found = line.FindAllStringSubmatch(s.log.String(), -1)
		return len(found) > 0
	})
	if len(found) != 1 || found[0][1] != fmt.Sprint(status) {
		t.Errorf("%s: logged %q, want %d once", target, found, status)
	}
}

// errorsLogged is how many records of level ERROR the log has that contain the text.
func (s *server) errorsLogged(text string) (n int) {
	for _, line := range strings.Split(s.log.String(), "\n") {
		if strings.Contains(line, " ERROR ") && strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// The client is answered at once, the log names request and place, and the thread serves on.
func TestHarakiri(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.harakiri(t, "0.4", "--threads", "1")
		for path, words := range map[string][]string{
			"/busy":       {"in is_busy", "in until", "thread=1"},
			"/naps":       {"in naps", "thread=1"},
			"/sleep?s=1":  {"in sleeps", "thread=1"},
			"/read?of=it": {}, // it ends as soon as the client is answered
		} {
			n, begun := s.log.len(), time.Now()
			c := s.dial(t)
			c.send("POST " + path + " HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\npart")
			r := c.response("POST")
			r.wantStatus(t, 504)
			if d := time.Since(begun); d < 400*time.Millisecond || d > within(3*time.Second) {
				t.Errorf("%s: answered after %v", path, d)
			}
			if r.get("Connection") != "close" {
				t.Errorf("%s: head %q", path, r.Head)
			}
			c.ended()
			s.log.waitSince(t, n, append(words, "harakiri: ", "POST "+path, "client=504")...)
			s.wantLogged(t, path, 504)
			s.get(t, "/compute").want(t, 200, "1999000 on gowsgi-1")
		}
		s.event(t, "busy got gowsgi.HarakiriError, an Exception: False")
		if s.eventCount(t, "slept") != 0 {
			t.Error("the app went on after its sleep")
		}
		if n := s.errorsLogged(""); n != 4 {
			t.Errorf("%d errors in the log:\n%s", n, s.log.tail(60))
		}
	})
}

// A response that has begun is cut so that the client can tell.
func TestHarakiriWithinResponse(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.harakiri(t, "0.4", "--threads", "2")
		for _, path := range []string{"/begun", "/begun?length=100", "/write", "/endless"} {
			c := s.dial(t)
			c.send(request("GET", path, ""))
			r := c.response("GET")
			if r.Status != 200 || r.Err == nil {
				t.Errorf("%s: %d, and the body ends well", path, r.Status)
			}
			c.Close()
			s.log.wait(t, `request="GET `+path+`"`, "client=\"cut off\"")
			s.wantLogged(t, path, 200)
		}
		s.event(t, "endless closed")
		c := s.dial(t)
		c.send("GET /begun?http=1.0 HTTP/1.0\r\n\r\n")
		if head := c.head(); !strings.Contains(head, " 200 ") {
			t.Errorf("head %q", head)
		}
		buf := make([]byte, 100)
		var err error
		for err == nil {
			_, err = c.r.Read(buf)
		}
		if err.Error() == "EOF" {
			t.Error("HTTP/1.0: the part looks like the whole")
		}
		for range 4 {
			s.get(t, "/compute").wantStatus(t, 200)
		}
	})
}

// An exception that comes late is not the next request's, however often the thread is used.
func TestHarakiriStaysInItsRequest(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.harakiri(t, "1", "--threads", "1")
		rounds := 8
		if testing.Short() {
			rounds = 3
		}
		for i := range rounds {
			// Some end just when they are overdue: the answer is one or the other.
			r := s.get(t, fmt.Sprintf("/sleep?s=%.2f", 0.98+float64(i)*0.02))
			if r.Status != 504 && string(r.Body) != "late" {
				t.Errorf("%d %q", r.Status, r.Body)
			}
			c := s.dial(t)
			for range 100 {
				c.send(request("GET", "/compute", ""))
				c.response("GET").want(t, 200, "1999000 on gowsgi-1")
			}
			c.Close()
		}
		if strings.Contains(s.log.String(), "raised an exception") {
			t.Errorf("log:\n%s", s.log.tail(30))
		}
	})
}

// Others don't notice.
func TestHarakiriOfNeighbour(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.harakiri(t, "1", "--threads", "4")
		stop := make(chan struct{})
		done := make(chan error, 3)
		for range 3 {
			c := s.dial(t)
			go func() {
				for {
					c.trySend(request("GET", "/compute", ""))
					r, err := c.tryResponse("GET")
					if err == nil && r.Status != 200 {
						err = fmt.Errorf("status %d", r.Status)
					}
					select {
					case <-stop:
						done <- err
						return
					default:
					}
					if err != nil {
						done <- err
						return
					}
				}
			}()
		}
		for range 2 {
			s.get(t, "/naps").wantStatus(t, 504)
			s.get(t, "/busy").wantStatus(t, 504)
		}
		close(stop)
		for range 3 {
			if err := <-done; err != nil {
				t.Errorf("a neighbour: %v", err)
			}
		}
	})
}

// A thread that does not come back is reported, and is of use again when it does.
func TestHarakiriInVain(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := v.harakiri(t, "0.3", "--harakiri-grace", "0.5", "--threads", "2", "--metrics", "127.0.0.1:0")
		s.get(t, "/stubborn").wantStatus(t, 504)
		s.event(t, "swallowed")
		s.log.wait(t, "is lost for now", "in is_stubborn")
		if n := s.metric(t, "gowsgi_harakiris_total", ""); n != 1 {
			t.Errorf("%v counted", n)
		}
		s.get(t, "/compute").wantStatus(t, 200)
		if err := os.WriteFile(filepath.Join(s.scratch, "release"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			s.get(t, "/compute").wantStatus(t, 200)
		}
		s.wantLogged(t, "/stubborn", 504)
		if n := s.eventCount(t, "swallowed"); n != 1 {
			t.Errorf("raised %d times", n)
		}
		if n := s.errorsLogged(""); n != 2 {
			t.Errorf("%d errors in the log", n)
		}
	})
}

// A close() has half of the grace to itself: one that hangs is ended then.
func TestHarakiriInClose(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.harakiri(t, "0.3", "--harakiri-grace", "2", "--threads", "1")
		c := s.dial(t)
		c.send(request("GET", "/hangs-in-close", ""))
		if head := c.head(); !strings.Contains(head, " 200 ") {
			t.Errorf("head %q", head)
		}
		c.Close() // so that it is in close() when it is overdue
		s.event(t, "close got HarakiriError")
		s.get(t, "/compute").wantStatus(t, 200)
		if n := s.errorsLogged("took too long"); n != 1 {
			t.Errorf("%d errors in the log", n)
		}
	})
}

// With the GIL stuck nothing of Python moves, but clients are answered and the log tells why.
func TestHarakiriWithoutGIL(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.harakiri(t, "0.3", "--threads", "2")
		c := s.dial(t)
		begun := time.Now()
		c.send(request("GET", "/wedge?s=5", ""))
		c.response("GET").wantStatus(t, 504)
		if d := time.Since(begun); d > within(3*time.Second) {
			t.Errorf("answered after %v", d)
		}
		s.get(t, "/health").wantStatus(t, 200)
		s.log.wait(t, "the GIL could not be had", `request="GET /wedge?s=5"`)
		if s.readsStacks() {
			s.log.wait(t, "in wedges")
		}
		eventually(t, "Python is back", func() bool { return s.get(t, "/").Status == 200 })
	})
}

// In time, and without the option, nothing happens.
func TestNoHarakiri(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.harakiri(t, "20")
		s.get(t, "/sleep?s=0.5").want(t, 200, "late")
		off := v.start(t, launch{App: "harakiri"})
		off.get(t, "/sleep?s=0.5").want(t, 200, "late")
		if n := s.errorsLogged("") + off.errorsLogged(""); n != 0 {
			t.Errorf("%d errors in the log", n)
		}
	})
}
