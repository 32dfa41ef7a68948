package pyhost

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestThreadCPU: another thread sees what this one has computed, until its end.
func TestThreadCPU(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it can't be told here")
	}
	states := make(chan *runState)
	var over atomic.Bool
	go func() {
		runtime.LockOSThread() // and with it the thread ends
		states <- thisThread()
		for !over.Load() {
		}
	}()
	state := <-states
	defer state.close()
	first, known := state.cpu()
	if !known {
		t.Fatal("unknown")
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		now, _ := state.cpu()
		if now >= first+time.Millisecond {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v after %v", now, first)
		}
	}
	over.Store(true)
	for {
		if _, known := state.cpu(); !known {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("known after the thread's end")
		}
	}
}
