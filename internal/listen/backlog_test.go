package listen

import (
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gowsgi/gowsgi/internal/leak"
)

func TestBacklog(t *testing.T) {
	l := open(t, "127.0.0.1:0", Options{Backlog: 7})
	if waiting, limit := Backlog(l); runtime.GOOS == "linux" && (waiting != 0 || limit != 7) {
		t.Errorf("%d of %d wait, want 0 of 7", waiting, limit)
	}
	for range 2 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if runtime.GOOS == "linux" && !leak.Settles(func() bool { waiting, _ := Backlog(l); return waiting == 2 }) {
		waiting, _ := Backlog(l)
		t.Errorf("%d wait, want 2", waiting)
	}
	_ = l.Close()
	unix := open(t, filepath.Join(socketDir(t), "s"), Options{})
	for _, l := range []net.Listener{l, unix, fakeListener{}} {
		if waiting, limit := Backlog(l); waiting != 0 || limit != 0 {
			t.Errorf("%T: %d of %d", l, waiting, limit)
		}
	}
}
