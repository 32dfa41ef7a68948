package blackbox

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOutOfDescriptors: connections for which no descriptor is left wait, also through a drain.
func TestOutOfDescriptors(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "signals", Args: []string{"--threads", "2"}})
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		few := uint64(len(open) + 6)
		if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: few, Max: few}, nil); err != nil {
			t.Fatal(err)
		}
		g := s.gate(t, "held")
		held := s.dial(t)
		held.send(request("GET", "/gate?name=held", ""))
		g.reached(t)
		var conns []*conn
		for range 40 {
			c := s.dial(t)
			c.send(request("GET", "/", "", "Connection: close"))
			conns = append(conns, c)
		}
		for _, c := range conns[:20] {
			c.response("GET").want(t, 200, "index")
		}
		s.signal(t, syscall.SIGTERM)
		g.open(t)
		held.response("GET").wantStatus(t, 200)
		for _, c := range conns[20:] {
			c.response("GET").want(t, 200, "index")
		}
		s.wantEnd(t, 10*time.Second, 0)
	})
}
