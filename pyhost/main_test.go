package pyhost

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/accesslog"
)

// patience is how long a test waits for what must come: long enough for a loaded
// machine under a sanitizer.
const patience = 60 * time.Second

// threadCount is the number of request threads.
const threadCount = 4

// site is testdata/app.py behind a front of its own. There is one, since a process can
// have one interpreter only: TestMain makes it, the tests read it.
var site struct {
	host    *Host
	queue   *bridge.Queue
	server  *bridge.Server
	served  chan error // what Serve returned, once a listener
	tcp     net.Addr
	unix    net.Addr // for fuzzers: a TCP port for each of their requests would soon be none
	journal journal

	// onWorker is called on the worker's own thread at the end of each request, while
	// the call is still valid. BenchmarkSeam is there.
	onWorker atomic.Pointer[func(*thread, *bridge.Call)]
}

func init() {
	// TestMain runs on the process's main thread, as Boot and Load want it. Workers of
	// the fuzzer are processes of their own and come this way, too.
	runtime.LockOSThread()
}

func TestMain(m *testing.M) {
	scratch, err := os.MkdirTemp("", "pyhost")
	if err == nil {
		err = serve(filepath.Join(scratch, "socket"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pyhost:", err)
		os.Exit(1)
	}
	main, endMain := context.WithCancel(context.Background())
	code := 0
	go func() {
		defer endMain()
		code = m.Run()
		if err := shutDown(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, "pyhost:", err)
			code = 1
		}
	}()
	site.host.Main(main) // Python's main thread stays here
	os.RemoveAll(scratch)
	os.Exit(code)
}

// serve boots Python and serves the app.
func serve(socket string) error {
	if err := os.Setenv("PYTHONDONTWRITEBYTECODE", "1"); err != nil {
		return err
	}
	executable, err := FindExecutable("", "", os.Getenv("PYTHON"), PythonVersion())
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(&site.journal, &slog.HandlerOptions{Level: slog.LevelDebug}))
	site.host, err = Boot(Config{
		Executable: executable, Argv: []string{"pyhost.test"}, Threads: threadCount, Software: "gowsgi/test", Log: log,
	})
	if err != nil {
		return err
	}
	if _, err := site.host.Load(SiteSpec{Apps: []AppSpec{{File: filepath.Join("testdata", "app.py"), Callable: "application"}}}); err != nil {
		return err
	}
	site.queue = &bridge.Queue{}
	site.server = &bridge.Server{
		Queue:         site.queue,
		Limits:        bridge.Limits{Head: 64 << 10, Header: patience, BodyIdle: patience, Send: patience, Idle: patience},
		Log:           log,
		Access:        accessed,
		AccessEnviron: true, // the record's environ is the call
	}
	if err := site.host.Start(site.queue); err != nil {
		return err
	}
	return listen(socket)
}

func listen(socket string) error {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	unix, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	site.tcp, site.unix = tcp.Addr(), unix.Addr()
	site.served = make(chan error, 2)
	for _, l := range []net.Listener{tcp, unix} {
		go func() { site.served <- site.server.Serve(l) }()
	}
	return nil
}

// accessed stands where the access log would: it runs on the worker's thread.
func accessed(r *accesslog.Record) {
	if f := site.onWorker.Load(); f != nil && r.Thread > 0 {
		(*f)(site.host.threads[r.Thread-1], r.Environ.(*bridge.Call))
	}
}

// shutDown ends all of it in order: nothing that a test left behind may keep it.
func shutDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := site.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("a connection does not end: %w; running: %v", err, site.queue.Running())
	}
	for range 2 {
		if err := <-site.served; err != nil {
			return err
		}
	}
	site.queue.Close()
	if err := site.host.Shutdown(ctx); err != nil {
		return fmt.Errorf("Python does not end: %w", err)
	}
	return nil
}
