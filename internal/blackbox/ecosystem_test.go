package blackbox

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Clause: "asyncio in a view, subprocess, multiprocessing (spawn), logging, signal.signal
// at import, sqlite3, ssl, ctypes, NumPy all work inside a served app (tests)".
var ecosystem = []struct{ name, target, want string }{
	{"asyncio", "/asyncio", `{"other thread": true, "child": ["out", 3]}`},
	{"asyncio in the background", "/asyncio-background", `"slept"`},
	{"subprocess", "/subprocess", `{"echo": "through cat", "code": 3, "terminated": -15, "system": 4, "popen": "popen", "prefix": true}`},
	{"threads", "/thread-pool", `328350`},
	{"fork", "/fork", `[0, 7]`},
	{"sqlite3", "/sqlite", `90`},
	{"ctypes", "/ctypes", `{"sorted": [1, 2, 3, 4, 5], "pid": true}`},
	{"numpy", "/numpy", `{"solved": true, "sorted": 0, "mean": 1.0}`},
	{"broken pipe", "/broken-pipe", `["pipe", "socket"]`},
	{"main thread only", "/main-thread-only", `"ValueError"`},
	{"request to oneself", "/self", `328350`},
}

func TestEcosystem(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "ecosystem", KeepThreads: 2 * runtime.NumCPU(), KeepFDs: 6})
		for _, e := range ecosystem {
			t.Run(e.name, func(t *testing.T) {
				for range 2 {
					c := s.dial(t)
					c.send("GET " + e.target + " HTTP/1.1\r\nHost: " + s.addr + "\r\n\r\n")
					c.response("GET").want(t, 200, e.want)
					c.Close()
				}
			})
		}
		t.Run("logging", func(t *testing.T) {
			s.get(t, "/logging?name=n").wantStatus(t, 200)
			s.log.wait(t, "info n", "caught n", "ZeroDivisionError", "from a thread")
		})
		t.Run("recursion", func(t *testing.T) {
			var outcomes []string
			s.get(t, "/recursion").json(t, &outcomes)
			if len(outcomes) != 6 || outcomes[0] != "RecursionError" || outcomes[1] != "RecursionError" {
				t.Errorf("outcomes %q", outcomes)
			}
		})
		t.Run("ssl", func(t *testing.T) { testSSL(t, s) })
		t.Run("child state", func(t *testing.T) { testChildState(t, s) })
		t.Run("faulthandler", func(t *testing.T) { testFaulthandler(t, s) })
	})
}

func testSSL(t *testing.T, s *server) {
	peer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("over TLS"))
	}))
	defer peer.Close()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: peer.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(s.scratch, "ca.pem"), cert, 0o600); err != nil {
		t.Fatal(err)
	}
	s.get(t, query("/ssl", "url", peer.URL)).want(t, 200, `"over TLS"`)
}

// A child gets no listener and no connection of ours, and no blocked or ignored signal.
func testChildState(t *testing.T, s *server) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no /proc here")
	}
	var got struct {
		Descriptors int
		Blocked     uint64
		Ignored     []string
	}
	s.get(t, "/child-state").json(t, &got)
	// As many as a child of this test has: what we inherited ourselves is not the server's fault.
	ours, err := exec.Command("sh", "-c", "ls /proc/self/fd | wc -l").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := strconv.Atoi(strings.TrimSpace(string(ours))); got.Descriptors > n || got.Blocked != 0 {
		t.Errorf("a child inherits %+v; one of this test has %d descriptors", got, n)
	}
	for _, fatal := range []string{"SIGTERM", "SIGINT", "SIGHUP", "SIGCHLD", "SIGPIPE", "SIGQUIT"} {
		if slices.Contains(got.Ignored, fatal) && !ignoredHere(fatal) {
			t.Errorf("a child ignores %s", fatal)
		}
	}
}

// ignoredHere tells whether this process was itself started with the signal ignored (nohup).
func ignoredHere(name string) bool { return name == "SIGHUP" && os.Getppid() == 1 }

// faulthandler's handlers live beside Go's; design 7: none may lack SA_ONSTACK.
func testFaulthandler(t *testing.T, s *server) {
	n := s.log.len()
	if err := syscall.Kill(s.python(t), syscall.SIGXCPU); err != nil {
		t.Fatal(err)
	}
	s.log.waitSince(t, n, "most recent call first")
	s.get(t, "/").want(t, 200, "index")
}

// Child processes of each start method; a tracker and a fork server stay until the end.
func TestMultiprocessing(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "ecosystem", KeepChildren: 2, KeepFDs: 8, KeepThreads: 2 * runtime.NumCPU()})
		for _, method := range []string{"spawn", "forkserver"} {
			r := s.get(t, "/multiprocessing?method="+method)
			r.wantStatus(t, 200)
			var got map[string]any
			if err := json.Unmarshal(r.Body, &got); err != nil {
				t.Fatal(err)
			}
			// Design 7: else multiprocessing would start gowsgi again.
			if name, _ := got["executable"].(string); got["exit"] != 0.0 || got["other pid"] != true ||
				!strings.HasPrefix(name, "python") || len(got["squares"].([]any)) != 5 {
				t.Errorf("%s: %v", method, got)
			}
		}
		s.get(t, "/process-pool").want(t, 200, "[0, 1, 4, 9]")
	})
}

// Several at a time: forks and children while other threads compute and log.
func TestEcosystemConcurrently(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "ecosystem", KeepThreads: 2 * runtime.NumCPU(), KeepFDs: 6})
		targets := []string{"/subprocess", "/fork", "/numpy", "/logging?name=c", "/sqlite", "/asyncio", "/ctypes", "/recursion"}
		var wg sync.WaitGroup
		for _, target := range targets {
			c := s.dial(t)
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 5 {
					c.trySend(request("GET", target, ""))
					r, err := c.tryResponse("GET")
					if err != nil || r.Status != 200 {
						t.Errorf("%s: %v %v", target, err, r)
						return
					}
				}
			}()
		}
		wg.Wait()
	})
}

// A crash of the process is an end and not a hang (issue 3 adds who restarts it).
func TestSegfaultEndsTheProcess(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		if v.name != "single" {
			t.Skip("where workers crash, the process stays")
		}
		s := v.start(t, launch{App: "ecosystem"})
		s.dial(t).send(request("GET", "/segfault", ""))
		s.wantEnd(t, 15*time.Second)
		s = v.start(t, launch{App: "ecosystem"})
		s.signal(t, syscall.SIGSEGV)
		s.wantEnd(t, 15*time.Second)
	})
}
