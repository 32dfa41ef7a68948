package blackbox

import (
	"fmt"
	"os"
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

// crew is a server with worker processes.
type crew struct {
	*server
	known []process // every worker that the test has seen
	names int       // of gates, so far
}

// master is the shape with one process, unless the options say more.
var master = variant{shape: shape{name: "master", args: []string{"--master"}}, attr: "application"}

// startCrew serves apps/workers, or another app, by worker processes.
func startCrew(t *testing.T, l launch) *crew {
	t.Helper()
	c := launchCrew(t, l)
	c.awaitReady(t)
	c.workers()
	return c
}

// launchCrew returns while the app is still being imported.
func launchCrew(t *testing.T, l launch) *crew {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("worker processes need Linux")
	}
	if l.App == "" && !l.Bare {
		l.App = "workers"
	}
	c := &crew{}
	// Workers are no members of the front's group, and one that is stopped can't see that the
	// front is gone.
	t.Cleanup(func() {
		for _, p := range survivors(-1, c.known) {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	})
	c.server = master.launch(t, l)
	t.Cleanup(func() { c.workers() })
	return c
}

// workers are the processes there are now.
func (c *crew) workers() []process {
	var now []process
	for _, p := range descendants(c.pid()) {
		if p.parent != c.pid() {
			continue
		}
		now = append(now, p)
		if !slices.ContainsFunc(c.known, p.is) {
			c.known = append(c.known, p)
		}
	}
	return now
}

func (p process) is(o process) bool { return p.pid == o.pid && p.start == o.start }

// wantWorkers waits until n processes are there, all but the given ones.
func (c *crew) wantWorkers(t *testing.T, n int, gone ...int) {
	t.Helper()
	var now []process
	ok := soon(patience(), func() bool {
		now = c.workers()
		return len(now) == n && !slices.ContainsFunc(now, func(p process) bool { return slices.Contains(gone, p.pid) })
	})
	if !ok {
		t.Fatalf("the worker processes are %v, want %d without %v", now, n, gone)
	}
}

// finish asserts what server.stop does, but for a log that tells of crashes.
func (c *crew) finish(t *testing.T) {
	t.Helper()
	c.closeConns()
	c.settled(t)
	c.workers()
	c.signal(t, syscall.SIGTERM)
	c.wantEnd(t, 15*time.Second, 0)
	c.nothingLeft(t, c.known)
	c.frontIsSound(t)
}

// frontIsSound asserts that nothing of ours crashed.
func (c *crew) frontIsSound(t *testing.T) {
	t.Helper()
	text := c.log.String()
	for _, word := range []string{"panic", "fatal error:", "DATA RACE", "AddressSanitizer", "garbage collected without"} {
		if strings.Contains(text, word) {
			t.Errorf("server's stderr has %q", word)
		}
	}
}

// grown waits until the processes are old enough to count as having worked: after several that die
// younger, one after the other, their successor has to wait.
func (c *crew) grown(t *testing.T) {
	t.Helper()
	begun := time.Now() // the youngest is older
	eventually(t, "a second is over", func() bool { return time.Since(begun) > 1100*time.Millisecond })
}

// kill ends a worker from outside, at once.
func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("signal %v to worker %d: %v", sig, pid, err)
	}
}

// place waits until the app has reported where the named request is: a pid.
func (c *crew) place(t *testing.T, name string) (pid int) {
	t.Helper()
	eventually(t, name+" is at work", func() bool {
		for _, e := range c.events(t) {
			if text, ok := strings.CutPrefix(e, name+" in "); ok {
				pid, _ = strconv.Atoi(text)
				return true
			}
		}
		return false
	})
	return pid
}

// held is a request that waits at its gate.
type held struct {
	*conn
	*gate
	name string
	pid  int
}

// hold sends a request for /gate, or another target with a gate, and waits until it is there.
func (c *crew) hold(t *testing.T, name, path string, pairs ...string) *held {
	t.Helper()
	h := &held{gate: c.gate(t, name), conn: c.dial(t), name: name}
	h.send(request("GET", query(path, append(pairs, "name", name)...), ""))
	h.reached(t)
	h.pid = c.place(t, name)
	return h
}

// letGo opens the gate, and asserts that the request ends well in its process.
func (h *held) letGo(t *testing.T) {
	t.Helper()
	h.gate.open(t)
	h.response("GET").want(t, 200, strconv.Itoa(h.pid))
}

// put writes a file that the app looks for.
func (c *crew) put(t *testing.T, name, text string) {
	t.Helper()
	temporary := filepath.Join(c.scratch, name+".new")
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, filepath.Join(c.scratch, name)); err != nil {
		t.Fatal(err)
	}
}

func (c *crew) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(c.scratch, name)); err != nil {
		t.Fatal(err)
	}
}

// countEvents is how many events begin so.
func (c *crew) countEvents(t *testing.T, prefix string) (n int) {
	t.Helper()
	for _, e := range c.events(t) {
		if strings.HasPrefix(e, prefix) {
			n++
		}
	}
	return n
}

// identity is the answer of /who.
type identity struct {
	PID          int
	Parent       int
	Generation   string
	Multithread  bool
	Multiprocess bool
}

func (c *crew) who(t *testing.T) (i identity) {
	t.Helper()
	c.get(t, "/who").json(t, &i)
	return i
}

// answers waits until requests are answered 200 again.
func (c *crew) answers(t *testing.T) {
	t.Helper()
	last := "no answer"
	ok := soon(patience(), func() bool {
		r, err := c.try("/", within(2*time.Second))
		if err != nil {
			last = err.Error()
			return false
		}
		last = r.Head
		return r.Status == 200 && string(r.Body) == "index"
	})
	if !ok {
		t.Fatalf("no request is answered 200 again; last: %s", last)
	}
}

// try sends one request on a connection of its own. It may come to nothing.
func (c *crew) try(target string, limit time.Duration) (*response, error) {
	k, err := c.tryDial(limit)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	k.trySend(request("GET", target, "", "Connection: close"))
	return k.tryResponse("GET")
}

// traffic sends requests all the time, until it is stopped.
type traffic struct {
	end  chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	answered int
	failed   []string
	seen     map[identity]int
}

// busy has requests for /who come on kept connections, and on fresh ones.
func (c *crew) busy(kept, fresh int) *traffic {
	f := &traffic{end: make(chan struct{}), seen: map[identity]int{}}
	for range kept {
		f.done.Go(func() {
			for f.goesOn() {
				if err := f.keep(c); err != nil {
					f.note(nil, err)
				}
			}
		})
	}
	for range fresh {
		f.done.Go(func() {
			for f.goesOn() {
				f.note(c.try("/who", within(60*time.Second)))
			}
		})
	}
	return f
}

// keep sends requests on one connection, until the server says that it is the last.
func (f *traffic) keep(c *crew) error {
	k, err := c.tryDial(within(60 * time.Second))
	if err != nil {
		return err
	}
	defer k.Close()
	for f.goesOn() {
		k.trySend(request("GET", "/who", ""))
		r, err := k.tryResponse("GET")
		if err != nil {
			return err
		}
		f.note(r, nil)
		if strings.EqualFold(r.get("Connection"), "close") {
			return nil
		}
	}
	return nil
}

func (c *crew) tryDial(limit time.Duration) (*conn, error) {
	n, err := dialer.Dial("tcp", c.addr)
	if err != nil {
		return nil, err
	}
	_ = n.SetDeadline(time.Now().Add(limit))
	return newConn(n), nil
}

func (f *traffic) goesOn() bool {
	select {
	case <-f.end:
		return false
	default:
		return true
	}
}

func (f *traffic) note(r *response, err error) {
	var i identity
	switch {
	case err != nil:
	case r.Status != 200:
		err = fmt.Errorf("status %d: %.200q", r.Status, r.Head)
	default:
		err = unmarshal(r.Body, &i)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.failed = append(f.failed, err.Error())
		return
	}
	f.answered++
	f.seen[i]++
}

// times is how many requests a process of the generation has answered.
func (f *traffic) times(generation string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, times := range f.seen {
		if i.Generation == generation {
			n += times
		}
	}
	return n
}

// stop ends it, and asserts that no request failed.
func (f *traffic) stop(t *testing.T) {
	t.Helper()
	close(f.end)
	f.done.Wait()
	if len(f.failed) > 0 {
		t.Errorf("%d requests failed, %d did not; first: %s", len(f.failed), f.answered, f.failed[0])
	}
	if f.answered == 0 {
		t.Error("no request was answered")
	}
}

// Who serves: processes that are not the front, and know whether they are alone.
func TestMasterProcesses(t *testing.T) {
	t.Parallel()
	for _, f := range []struct {
		name  string
		args  []string
		count int
	}{
		{"master", nil, 1},
		{"-p 2", []string{"-p", "2", "--threads", "1"}, 2},
		{"--processes 3", []string{"--processes", "3"}, 3},
		{"--workers auto", []string{"--workers", "auto"}, runtime.NumCPU()},
	} {
		t.Run(f.name, func(t *testing.T) {
			c := startCrew(t, launch{Args: f.args})
			c.wantWorkers(t, f.count)
			i := c.who(t)
			if i.Multiprocess != (f.count > 1) {
				t.Errorf("wsgi.multiprocess is %v with %d processes", i.Multiprocess, f.count)
			}
			if want := !slices.Contains(f.args, "--threads"); i.Multithread != want {
				t.Errorf("wsgi.multithread is %v, want %v", i.Multithread, want)
			}
			if i.PID == c.pid() || i.Parent != c.pid() {
				t.Errorf("pid %d under %d answers; the front is %d", i.PID, i.Parent, c.pid())
			}
			if c.ready.PID != c.pid() {
				t.Errorf("the ready line has pid %d, the front is %d", c.ready.PID, c.pid())
			}
			// Slow requests at once are at work in all of them.
			var slow []*held
			seen := map[int]bool{}
			for n := range f.count {
				h := c.hold(t, fmt.Sprintf("slow-%d", n), "/gate")
				slow = append(slow, h)
				seen[h.pid] = true
			}
			if len(seen) != f.count || seen[c.pid()] {
				t.Errorf("requests at once were in %v; the front is %d", seen, c.pid())
			}
			for _, h := range slow {
				h.letGo(t)
			}
			c.stop(t)
		})
	}
}

// The front has no Python in it.
func TestMasterFrontHasNoPython(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2"}})
	if n := c.countEvents(t, fmt.Sprintf("importing %d", c.pid())); n != 0 {
		t.Error("the front imported the app")
	}
	if n := c.countEvents(t, "imported "); n != 2 {
		t.Errorf("the app was imported %d times, want 2", n)
	}
	c.stop(t)
	if n := c.countEvents(t, "atexit "); n != 2 {
		t.Errorf("atexit functions ran %d times, want 2", n)
	}
}

// What requests need of the app's folder is not lost on the way to another process.
func TestMasterEnvironment(t *testing.T) {
	t.Parallel()
	dir := folder(t, "sub/app.py", strings.ReplaceAll(bare("application", "TEXT"), "b'TEXT'", "__import__('os').environ['BB'].encode()"))
	c := startCrew(t, launch{Bare: true, Dir: dir, Args: []string{
		"--http", "127.0.0.1:0", "-p", "2", "--chdir", "sub", "--env", "BB=set", "--wsgi-file", "app.py",
	}})
	c.get(t, "/").want(t, 200, "set")
	c.stop(t)
}
