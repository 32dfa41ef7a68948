package blackbox

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// statsDoc is what the tests read of a stats document.
type statsDoc struct {
	ListenQueue       int `json:"listen_queue"`
	ListenQueueErrors int `json:"listen_queue_errors"`
	PID               int
	CWD               string
	Sockets           []struct{ Name, Proto string }
	Workers           []statsWorker
	Gowsgi            struct {
		Threads, Active, Blocked, Parked, Waiting, Taken, Connections int
		GILWait                                                       int64 `json:"gil_wait_us"`
		Leaving                                                       []statsWorker
	}
}

type statsWorker struct {
	ID, PID, Accepting, Requests, Exceptions int
	Status                                   string
	RSS, VSZ, TX                             int64
	DeltaRequests                            int   `json:"delta_requests"`
	RespawnCount                             int   `json:"respawn_count"`
	LastSpawn                                int64 `json:"last_spawn"`
	RunningTime                              int64 `json:"running_time"`
	AvgRT                                    int64 `json:"avg_rt"`
	Apps                                     []statsApp
	Cores                                    []statsCore
}

type statsApp struct {
	ID, Requests, Exceptions int
	Mountpoint               string
}

type statsCore struct {
	ID, Requests int
	WriteErrors  int `json:"write_errors"`
	ReadErrors   int `json:"read_errors"`
	InRequest    int `json:"in_request"`
	Vars         []string
	ReqInfo      map[string]int64 `json:"req_info"`
}

// dialStats connects to the stats server.
func (s *server) dialStats(t *testing.T) *conn {
	t.Helper()
	if path, ok := strings.CutPrefix(s.ready.Stats, "unix:"); ok {
		return s.dialTo(t, "unix", path)
	}
	return s.dialTo(t, "tcp", s.ready.Stats)
}

// statsText is one document.
func (s *server) statsText(t *testing.T) string {
	t.Helper()
	c := s.dialStats(t)
	defer c.Close()
	return c.rest()
}

func (s *server) stats(t *testing.T) (d statsDoc) {
	t.Helper()
	d = s.statsOfAll(t)
	if len(d.Workers) != 1 {
		t.Fatalf("%d workers", len(d.Workers))
	}
	return d
}

// statsOfAll is stats with any number of workers.
func (s *server) statsOfAll(t *testing.T) (d statsDoc) {
	t.Helper()
	if err := unmarshal([]byte(s.statsText(t)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// stack is what the stats server says to the line.
func (s *server) stack(t *testing.T, line string) string {
	t.Helper()
	c := s.dialStats(t)
	defer c.Close()
	c.send(line)
	return c.rest()
}

// running is the worker and the core that run a request.
func (d *statsDoc) running(t *testing.T) (pid, core int) {
	t.Helper()
	for _, w := range append(d.Workers, d.Gowsgi.Leaving...) {
		for _, c := range w.Cores {
			if c.InRequest == 1 {
				return w.PID, c.ID
			}
		}
	}
	t.Fatalf("nothing runs: %+v", d)
	return 0, 0
}

// served waits until the stats have n requests.
func (s *server) served(t *testing.T, n int) (d statsDoc) {
	t.Helper()
	if !soon(patience(), func() bool { d = s.stats(t); return d.Workers[0].Requests >= n }) {
		t.Fatalf("%d requests are counted, want %d", d.Workers[0].Requests, n)
	}
	return d
}

// Clause: "stats: one JSON document per TCP/UNIX connection". Its counts are exact.
func TestStats(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "errors", Args: []string{"--stats", "127.0.0.1:0", "--threads", "3"}})
		size := int64(0)
		for target, n := range map[string]int{"/ok": 7, "/nowhere": 2, "/raise?what=value": 3, "/raise-later?what=value": 1} {
			for range n {
				r := s.get(t, target)
				size += int64(len(r.Head) + len(r.Body)) // what frames a body is not counted
			}
		}
		s.do(t, "NONSENSE\r\n\r\n").wantStatus(t, 400)
		d := s.served(t, 13)
		w := d.Workers[0]
		if w.Requests != 13 || w.Exceptions != 4 || w.TX != size || w.Status != "idle" || w.Accepting != 1 {
			t.Errorf("got %+v, want 13 requests, 4 exceptions, %d bytes", w, size)
		}
		if d.PID != s.pid() || w.PID != s.python(t) || d.CWD != appDir("errors") {
			t.Errorf("pid %d, %d, cwd %s", d.PID, w.PID, d.CWD)
		}
		if w.ID != 1 || w.DeltaRequests != 13 || w.RespawnCount != 1 || w.LastSpawn < time.Now().Add(-time.Hour).Unix() || w.LastSpawn > time.Now().Unix() {
			t.Errorf("got %+v", w)
		}
		if w.RunningTime <= 0 || w.AvgRT != w.RunningTime/13 || w.RSS < 1<<20 && memory(t, s.pid(), "VmRSS") > 0 || w.VSZ < w.RSS {
			t.Errorf("got %+v", w)
		}
		if len(w.Apps) != 1 || w.Apps[0].Requests != 13 || w.Apps[0].Exceptions != 4 {
			t.Errorf("apps %+v", w.Apps)
		}
		sum := 0
		for _, c := range w.Cores {
			sum += c.Requests
			if c.InRequest != 0 || c.WriteErrors != 0 || c.ReadErrors != 0 || len(c.Vars) != 0 {
				t.Errorf("core %+v", c)
			}
		}
		if len(w.Cores) != 3 || sum != 13 {
			t.Errorf("%d cores with %d requests", len(w.Cores), sum)
		}
		if len(d.Sockets) != 1 || d.Sockets[0].Name != s.addr || d.Sockets[0].Proto != "http" {
			t.Errorf("sockets %+v", d.Sockets)
		}
		if g := d.Gowsgi; g.Threads != 3 || g.Taken != 13 || g.Waiting != 0 || d.ListenQueue != 0 || d.ListenQueueErrors != 0 {
			t.Errorf("got %+v", d)
		}
	})
}

// The whole truth under load: no request is lost or counted twice by threads that count side by side.
func TestStatsUnderLoad(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--stats", "127.0.0.1:0", "--threads", "4"}})
		const clients, requests = 8, 200
		done := make(chan error, clients)
		for range clients {
			c := s.dial(t)
			go func() {
				var err error
				for i := 0; i < requests && err == nil; i++ {
					c.trySend(request("GET", "/", ""))
					_, err = c.tryResponse("GET")
				}
				done <- err
			}()
		}
		for range clients {
			for waiting := true; waiting; {
				select {
				case err := <-done:
					if err != nil {
						t.Fatal(err)
					}
					waiting = false
				default:
					s.stats(t)
				}
			}
		}
		if d := s.served(t, clients*requests); d.Workers[0].Requests != clients*requests {
			t.Errorf("%d requests, want %d", d.Workers[0].Requests, clients*requests)
		}
	})
}

// Figures are Go's: they come while the GIL is held for good, and show by whom.
func TestStatsWhilePythonIsStuck(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{
			"--stats", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--threads", "2", "--queue", "2",
		}})
		g := s.gate(t, "wedge")
		c := s.dial(t)
		begun := time.Now().Unix()
		c.send(request("GET", "/wedge?a=b", "", "Cookie: secret"))
		g.reached(t)
		s.event(t, "wedged")
		text := s.statsText(t)
		if strings.Contains(text, "secret") {
			t.Error("the stats show a cookie")
		}
		w := s.stats(t).Workers[0]
		i := slices.IndexFunc(w.Cores, func(c statsCore) bool { return c.InRequest == 1 })
		if i < 0 || w.Status != "busy" {
			t.Fatalf("nothing runs: %+v", w)
		}
		if vars := w.Cores[i].Vars; !slices.Contains(vars, "REQUEST_METHOD=GET") || !slices.Contains(vars, "REQUEST_URI=/wedge?a=b") {
			t.Errorf("vars %q", vars)
		}
		if start := w.Cores[i].ReqInfo["request_start"]; start < begun || start > time.Now().Unix() {
			t.Errorf("request_start %d", start)
		}
		pid, core := s.python(t), w.Cores[i].ID
		stack := s.stack(t, fmt.Sprintf("stack %d %d\n", pid, core))
		if !strings.HasPrefix(stack, "GET /wedge?a=b, ") || !strings.Contains(stack, "the GIL could not be had") {
			t.Errorf("the stack is %q", stack)
		}
		if s.readsStacksFor(stack) && !strings.Contains(stack, "in wedge") {
			t.Errorf("the stack is %q", stack)
		}
		// More requests than the other thread and the queue hold.
		var more []*conn
		for range 6 {
			c := s.dial(t)
			c.send(request("GET", "/", ""))
			more = append(more, c)
		}
		eventually(t, "the queue is full", func() bool {
			d := s.stats(t)
			return d.Gowsgi.Waiting >= 2 && d.ListenQueue >= d.Gowsgi.Waiting && d.ListenQueueErrors > 0
		})
		if n := s.metric(t, "gowsgi_waiting_requests", ""); n < 2 {
			t.Errorf("%v requests wait by the metrics", n)
		}
		g.open(t)
		c.response("GET").want(t, 200, "unwedged")
		refused := 0
		for _, c := range more {
			if r := c.response("GET"); r.Status == 503 {
				refused++
			}
		}
		eventually(t, "nothing runs", func() bool { return s.stats(t).Workers[0].Status == "idle" })
		d := s.stats(t)
		if d.Workers[0].Requests != 1+len(more)-refused || d.ListenQueueErrors != refused || refused == 0 {
			t.Errorf("%d refused; got %+v", refused, d)
		}
		eventually(t, "the metrics have those that were refused", func() bool {
			return s.metric(t, "gowsgi_requests_total", "5xx") == float64(refused)
		})
	})
}

// Clients that fail show where uWSGI shows them.
func TestStatsErrors(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "limits", Args: []string{"--stats", "127.0.0.1:0"}})
		c := s.dial(t)
		c.send(request("GET", "/endless?id=e", ""))
		c.responseHead("GET")
		c.reset()
		c = s.dial(t)
		c.send("POST /read?id=r HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nsome")
		eventually(t, "the app reads", func() bool {
			return slices.ContainsFunc(s.stats(t).Workers[0].Cores, func(c statsCore) bool {
				return slices.Contains(c.Vars, "REQUEST_METHOD=POST")
			})
		})
		c.Close()
		d := s.served(t, 2)
		write, read := 0, 0
		for _, c := range d.Workers[0].Cores {
			write += c.WriteErrors
			read += c.ReadErrors
		}
		if write < 1 || write > 2 || read != 1 {
			t.Errorf("%d write errors, %d read errors", write, read)
		}
	})
}

// Clause: "the JSON has every key of uWSGI's with the same type".
func TestStatsLikeUWSGI(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile(filepath.Join(repo, "internal", "stats", "testdata", "uwsgi.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := single.start(t, launch{App: "limits", Args: []string{"--stats-server", "127.0.0.1:0"}})
	s.get(t, "/").want(t, 200, "index")
	var theirs, ours any
	if err := json.Unmarshal(example, &theirs); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(s.statsText(t)), &ours); err != nil {
		t.Fatal(err)
	}
	wantLike(t, "", theirs, ours)
}

// wantLike wants what theirs has in ours, with the same types.
func wantLike(t *testing.T, path string, theirs, ours any) {
	t.Helper()
	if a, b := fmt.Sprintf("%T", theirs), fmt.Sprintf("%T", ours); a != b {
		t.Errorf("%s is %s, want %s", path, b, a)
		return
	}
	switch theirs := theirs.(type) {
	case map[string]any:
		for key, value := range theirs {
			wantLike(t, path+"."+key, value, ours.(map[string]any)[key])
		}
	case []any:
		ours := ours.([]any)
		if len(theirs) > 0 && len(ours) == 0 {
			t.Errorf("%s is empty", path)
		}
		for i := range min(len(theirs), len(ours)) {
			wantLike(t, fmt.Sprintf("%s[%d]", path, i), theirs[i], ours[i])
		}
	}
}

// Clause: "stats-http prefixes an HTTP/1.0 header".
func TestStatsHTTP(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "limits", Args: []string{"--stats", "127.0.0.1:0", "--stats-http"}})
	c := s.dialStats(t)
	c.silent() // as uWSGI, it waits for a request
	c.send("GET /any HTTP/1.0\r\n\r\n")
	r := c.response("GET")
	if !strings.HasPrefix(r.Head, "HTTP/1.0 200 OK\r\n") || r.get("Connection") != "close" || r.get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("head %q", r.Head)
	}
	var d statsDoc
	r.json(t, &d)
	if d.PID != s.pid() {
		t.Errorf("pid %d", d.PID)
	}
}

// A UNIX socket is for this user alone, whatever --chmod-socket says of the others, and gone at the end.
func TestFiguresOnUnixSockets(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	stats, metrics := filepath.Join(dir, "stats.sock"), filepath.Join(dir, "metrics.sock")
	s := single.start(t, launch{App: "limits", Args: []string{"--stats", stats, "--metrics", "unix:" + metrics, "--chmod-socket=666"}})
	s.get(t, "/").want(t, 200, "index")
	s.served(t, 1)
	eventually(t, "the metrics have the request", func() bool { return s.metric(t, "gowsgi_requests_total", "2xx") == 1 })
	for _, path := range []string{stats, metrics} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode(); mode.Perm() != 0o600 || mode&os.ModeSocket == 0 {
			t.Errorf("%s: mode %v", path, mode)
		}
	}
	s.stop(t)
	for _, path := range []string{stats, metrics} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s stays behind", path)
		}
	}
}

// They answer until the drain's end.
func TestFiguresWhileDraining(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "limits", Args: []string{"--stats", "127.0.0.1:0", "--metrics", "127.0.0.1:0"}})
	g := s.gate(t, "held")
	c := s.dial(t)
	c.send(request("GET", "/gate?name=held", ""))
	g.reached(t)
	s.signal(t, syscall.SIGTERM)
	eventually(t, "no more connections are taken", func() bool { return s.stats(t).Workers[0].Accepting == 0 })
	if n := s.metric(t, "gowsgi_connections", ""); n != 1 {
		t.Errorf("%v connections", n)
	}
	g.open(t)
	c.response("GET").want(t, 200, "held")
	s.wantEnd(t, patience(), 0)
	for _, addr := range []string{s.ready.Stats, strings.TrimSuffix(strings.TrimPrefix(s.ready.Metrics, "http://"), "/metrics")} {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("%s is still listened on", addr)
		}
	}
}

// Clause: "refuse what can't be": one clear line, before the app is imported.
func TestFiguresRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t, "app.py", "raise Exception('imported')\n")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	left := filepath.Join(socketDir(t), "left.sock")
	for _, option := range []string{"--stats", "--metrics"} {
		for address, words := range map[string][]string{
			"9191":                {"9191", `did you mean ":9191"?`},
			"localhost":           {"localhost", "no port"},
			"http://127.0.0.1:80": {"URL"},
			"unix:":               {"no path"},
			"@abstract/x":         {"abstract"},
			taken:                 {taken, "in use"},
			"/nonexistent/x.sock": {"/nonexistent"},
			"192.0.2.1:0":         {"192.0.2.1"},
		} {
			e := command(t, dir, nil, "--http", left, "--wsgi-file", "app.py", "--virtualenv", venv, option, address)
			e.wantLine(t, 1, words...)
			if _, err := os.Stat(left); err == nil {
				t.Errorf("%s %s: a half-started server's socket stays behind", option, address)
			}
		}
		command(t, dir, nil, "--http", "127.0.0.1:0", "--wsgi-file", "app.py", "--virtualenv", venv, option, taken).
			wantLine(t, 1, "choose another with "+option)
	}
	// One address for two purposes.
	command(t, dir, nil, "--http", left, "--wsgi-file", "app.py", "--virtualenv", venv, "--stats", left).wantLine(t, 1, left, "in use")
}

// What a browser does with the stats of a server that is not for browsers is not our problem; ours is to
// go on. The same for one that says nothing, or leaves.
func TestStatsOddClients(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "limits", Args: []string{"--stats", "127.0.0.1:0"}})
	for range 40 {
		c := s.dialStats(t)
		c.trySend("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
		c.reset()
		s.dialStats(t) // closed at the end
	}
	if r, err := http.Get("http://" + s.ready.Stats); err == nil {
		r.Body.Close()
		t.Errorf("net/http takes it for an answer: %s", r.Status)
	}
	s.get(t, "/").want(t, 200, "index")
	if d := s.served(t, 1); d.Workers[0].Requests != 1 {
		t.Errorf("%d requests", d.Workers[0].Requests)
	}
}
