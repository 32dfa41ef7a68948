package blackbox

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wantEnd asserts that the process ends with the code, within the time.
func (s *server) wantEnd(t *testing.T, limit time.Duration, codes ...int) {
	t.Helper()
	s.stopped = true
	begun := time.Now()
	select {
	case <-s.exited:
	case <-time.After(within(limit)):
		t.Fatalf("still running after %v", within(limit))
	}
	got := s.cmd.ProcessState.ExitCode()
	for _, c := range codes {
		if got == c {
			return
		}
	}
	if len(codes) > 0 {
		t.Errorf("ended after %v: %v, want exit code %v", time.Since(begun), s.cmd.ProcessState, codes)
	}
}

// refuses waits until the server takes no new connection.
func (s *server) refuses(t *testing.T) {
	t.Helper()
	eventually(t, "new connections are refused", func() bool {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

// insist sends the signal until the process is gone: one that comes right after the first is the same order.
func (s *server) insist(t *testing.T, sig syscall.Signal) {
	t.Helper()
	eventually(t, "the server ends at once", func() bool {
		s.signal(t, sig)
		return !s.alive()
	})
}

// Clause: "TERM/INT drain then exit 0".
func TestDrain(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(sig.String(), func(t *testing.T) {
				s := v.start(t, launch{App: "signals", Args: []string{"--threads", "2", "--queue", "1"}})
				idle := s.dial(t)
				idle.send(request("GET", "/", ""))
				idle.response("GET").want(t, 200, "index")
				g1, g2 := s.gate(t, "one"), s.gate(t, "two")
				one, two := s.dial(t), s.dial(t)
				one.send(request("GET", "/gate?name=one", ""))
				two.send(request("GET", "/stream?name=two", ""))
				g1.reached(t)
				g2.reached(t)
				queued := s.queued(t)

				s.signal(t, sig)
				s.refuses(t)
				idle.ended() // there is nothing to wait for on it
				if !s.alive() {
					t.Fatal("the server ended with requests at work")
				}
				g2.open(t)
				two.response("GET").want(t, 200, "before after")
				g1.open(t)
				r := one.response("GET")
				r.want(t, 200, "one")
				if !strings.EqualFold(r.get("Connection"), "close") {
					t.Errorf("no Connection: close while draining: %q", r.Head)
				}
				receive(t, queued, "an answer from the queue").want(t, 200, "index")
				s.wantEnd(t, 10*time.Second, 0)
				s.wantEvents(t, "atexit ran")
			})
		}
	})
}

// Requests that were sent before the signal are answered, accepted or not, read or not.
func TestDrainLosesNothing(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		for range 5 {
			s := v.start(t, launch{App: "signals", Args: []string{"--threads", "2"}})
			var conns []*conn
			for range 30 {
				c := s.dial(t)
				c.send(request("GET", "/", ""))
				conns = append(conns, c)
			}
			s.signal(t, syscall.SIGTERM)
			for _, c := range conns {
				c.response("GET").want(t, 200, "index")
			}
			s.wantEnd(t, 10*time.Second, 0)
		}
	})
}

// queued has one request wait for a thread of a server with --queue 1 and all threads busy.
// It sends two: the one that is refused proves that the other one is in the queue.
func (s *server) queued(t *testing.T) <-chan *response {
	t.Helper()
	answers := make(chan *response, 2)
	for range 2 {
		c := s.dial(t)
		c.send(request("GET", "/", ""))
		go func() {
			r, err := c.tryResponse("GET")
			if err != nil {
				r = &response{Reason: err.Error()}
			}
			answers <- r
		}()
	}
	wantBusy(t, receive(t, answers, "a refusal"))
	return answers
}

func (s *server) wantEvents(t *testing.T, events ...string) {
	t.Helper()
	for _, e := range events {
		if n := s.eventCount(t, e); n != 1 {
			t.Errorf("%q was reported %d times, want once; all: %q", e, n, s.events(t))
		}
	}
}

// Nothing to wait for: the end comes at once.
func TestIdleServerEndsAtOnce(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			s := v.start(t, launch{App: "signals"})
			begun := time.Now()
			s.signal(t, sig)
			s.wantEnd(t, 10*time.Second, 0)
			if d := time.Since(begun); d > within(2*time.Second) {
				t.Errorf("%v: an idle server took %v to end", sig, d)
			}
			s.wantEvents(t, "atexit ran")
			s.log.wait(t, "atexit printed")
		}
	})
}

// Clause: "a second one exits at once".
func TestSecondSignal(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals"})
		g := s.gate(t, "held")
		c := s.dial(t)
		c.send(request("GET", "/gate?name=held", ""))
		g.reached(t)
		s.signal(t, syscall.SIGTERM)
		s.refuses(t)
		begun := time.Now()
		s.insist(t, syscall.SIGTERM)
		s.wantEnd(t, 10*time.Second, 1)
		if d := time.Since(begun); d > within(2*time.Second) {
			t.Errorf("the second signal took %v", d)
		}
	})
}

// timeout(1) signals its child and then the process group: that is one order. They are two signals here, as the kernel
// may make one of two that are the same.
func TestSignalTwice(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals"})
		g := s.gate(t, "held")
		c := s.dial(t)
		c.send(request("GET", "/gate?name=held", ""))
		g.reached(t)
		s.signal(t, syscall.SIGTERM)
		s.signal(t, syscall.SIGINT)
		s.refuses(t)
		g.open(t)
		c.response("GET").want(t, 200, "held")
		s.wantEnd(t, 10*time.Second, 0)
	})
}

// Clause: "--drain-timeout", "Nothing hangs at exit (deadline)".
func TestDrainTimeout(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals", Args: []string{"--drain-timeout", "300ms"}})
		g := s.gate(t, "held")
		c := s.dial(t)
		c.send(request("GET", "/gate?name=held", ""))
		g.reached(t)
		s.signal(t, syscall.SIGTERM)
		s.wantEnd(t, 20*time.Second)
	})
}

// What an app leaves running must not keep the server from ending.
func TestAppsThatDoNotEnd(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		for _, wants := range []string{"endless-thread", "endless-atexit", "endless-daemon", "failing-atexit"} {
			t.Run(wants, func(t *testing.T) {
				s := v.start(t, launch{App: "signals", Env: []string{"WANTS=" + wants}, Args: []string{"--drain-timeout", "1"}})
				s.get(t, "/").want(t, 200, "index")
				s.signal(t, syscall.SIGTERM)
				switch wants {
				case "endless-daemon", "failing-atexit":
					s.wantEnd(t, 25*time.Second, 0)
					s.wantEvents(t, "atexit ran")
				default:
					s.wantEnd(t, 25*time.Second)
				}
			})
		}
	})
}

// Clause: "Atexit handlers run"; threading waits for the app's threads first.
func TestShutdownOrder(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals", Env: []string{"WANTS=slow-thread"}})
		s.get(t, "/").want(t, 200, "index")
		s.signal(t, syscall.SIGTERM)
		s.wantEnd(t, 15*time.Second, 0)
		if got := strings.Join(s.events(t), ", "); got != "thread finished, atexit ran" {
			t.Errorf("events %q", got)
		}
	})
}

// An app may ask for its own end.
func TestAppSignalsItself(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals"})
		s.get(t, "/kill-self").want(t, 200, "sent")
		s.wantEnd(t, 10*time.Second, 0)
	})
}

// Clause: "QUIT prints every Python thread's stack with its request line and age to stderr
// and keeps running".
func TestQuitPrintsStacks(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals", Args: []string{"--threads", "3"}, Env: []string{"WANTS=background"}})
		g := s.gate(t, "held")
		c := s.dial(t)
		c.send(request("GET", "/gate?name=held&secret=%20", ""))
		g.reached(t)
		for range 2 {
			n := s.log.len()
			s.signal(t, syscall.SIGQUIT)
			s.log.waitSince(t, n, "GET /gate?name=held", "wait_at_the_gate", "probe.py", "app.py",
				"gowsgi-1", "gowsgi-2", "gowsgi-3", "waits_in_background")
			line := regexp.MustCompile(`.*GET /gate\?name=held.*`).FindString(s.log.since(n))
			if !regexp.MustCompile(`[0-9.]+ ?m?s`).MatchString(line) {
				t.Errorf("no age beside the request: %q", line)
			}
			s.get(t, "/").want(t, 200, "index")
		}
		g.open(t)
		c.response("GET").want(t, 200, "held")
	})
}

// QUIT while the GIL is never released must not take the server down.
func TestQuitWhileWedged(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--health", "/healthz"}})
		g := s.gate(t, "wedge")
		c := s.dial(t)
		c.send(request("GET", "/wedge", ""))
		g.reached(t)
		n := s.log.len()
		s.signal(t, syscall.SIGQUIT)
		s.log.waitSince(t, n, "/wedge")
		s.get(t, "/healthz").wantStatus(t, 200)
		g.open(t)
		c.response("GET").want(t, 200, "unwedged")
		s.get(t, "/").want(t, 200, "index")
	})
}

// Clause: "signal.signal at import": handlers are kept, run, and harm nobody. TERM and INT
// remain the server's, whatever the app wants with them.
func TestAppSignalHandlers(t *testing.T) {
	alone(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals", Env: []string{"WANTS=handlers own-term"}})
		var got map[string]string
		s.get(t, "/handlers").json(t, &got)
		for _, name := range []string{"SIGALRM", "SIGUSR1"} {
			if !strings.Contains(got[name], "lambda") {
				t.Errorf("%s is %s", name, got[name])
			}
		}
		s.get(t, "/alarm").want(t, 200, "set")
		s.event(t, "handler SIGALRM")
		s.signal(t, syscall.SIGWINCH)
		s.event(t, "handler SIGWINCH")
		s.signal(t, syscall.SIGUSR1)
		s.event(t, "handler SIGUSR1")
		s.get(t, "/").want(t, 200, "index")
		if strings.Contains(s.log.String(), "INFO stats") {
			t.Error("the app's signal had the server log its stats")
		}
		s.signal(t, syscall.SIGTERM)
		s.wantEnd(t, 10*time.Second, 0)
	})
}

func TestIgnoredInterruptStillDrains(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals", Env: []string{"WANTS=own-term"}})
		s.signal(t, syscall.SIGINT)
		s.wantEnd(t, 10*time.Second, 0)
	})
}

// Clause: "once the app is imported and the port listens": nothing is said before. And a
// TERM in the middle of the import is obeyed, with nothing left behind.
func TestSignalDuringImport(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		for _, ends := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "ready")
			s := v.launch(t, launch{App: "signals", Env: []string{"WANTS=import-gate"}, Args: []string{"--ready-file", path}})
			g := s.gate(t, "import")
			g.reached(t)
			if _, err := os.Stat(path); err == nil {
				t.Error("the ready file is there during the import")
			}
			select {
			case line := <-s.readyLine:
				t.Errorf("ready during the import: %q", line)
			default:
			}
			if ends {
				s.signal(t, syscall.SIGTERM)
				s.wantEnd(t, 15*time.Second)
				continue
			}
			g.open(t)
			s.awaitReady(t)
			s.get(t, "/").want(t, 200, "index")
			s.stop(t)
		}
	})
}

// Signals that mean nothing to us don't end the server.
func TestOtherSignals(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals"})
		for _, sig := range []syscall.Signal{syscall.SIGPIPE, syscall.SIGCHLD, syscall.SIGWINCH, syscall.SIGURG} {
			s.signal(t, sig)
			s.get(t, "/").want(t, 200, "index")
		}
	})
}

// Starts and stops in a row, some in the middle of traffic: none may hang or crash.
func TestStartAndStop(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		rounds := 12
		if testing.Short() {
			rounds = 4
		}
		for i := range rounds {
			s := v.start(t, launch{App: "signals"})
			stop := make(chan struct{})
			done := make(chan struct{})
			if i%2 == 0 {
				close(done)
			} else {
				c := s.dial(t)
				go func() {
					defer close(done)
					for {
						c.trySend(request("GET", "/", ""))
						if _, err := c.tryResponse("GET"); err != nil {
							return
						}
						select {
						case <-stop:
							return
						default:
						}
					}
				}()
				s.get(t, "/").want(t, 200, "index")
			}
			s.signal(t, syscall.SIGTERM)
			s.wantEnd(t, 10*time.Second, 0)
			close(stop)
			<-done
			s.noCrash(t)
		}
	})
}
