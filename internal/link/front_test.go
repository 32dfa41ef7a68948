package link

import (
	"math"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestFrontDoesNotWait: a worker may fill, or have others block on, whatever it has inherited. The front offers
// requests and rings all the same.
func TestFrontDoesNotWait(t *testing.T) {
	f, err := NewFront(Size{Slots: 1, Request: pageSize})
	if err != nil {
		t.Skip(err) // not Linux
	}
	full := uint64(math.MaxUint64 - 1) // the most that an eventfd counts
	for _, file := range f.Files()[1:] {
		if _, err := unix.Write(int(file.Fd()), (*[8]byte)(unsafe.Pointer(&full))[:]); err != nil {
			t.Fatal(err)
		}
	}
	f.nap.Store(1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Offer(0, nil, nil, false)
		f.Ring()
	}()
	select {
	case <-done:
		f.Close()
	case <-time.After(patience):
		t.Fatal("the front waits for the worker")
	}
}

// TestInterrupt: it ends the Wait under way, or the next one.
func TestInterrupt(t *testing.T) {
	f, err := NewFront(Size{Slots: 1, Request: pageSize})
	if err != nil {
		t.Skip(err) // not Linux
	}
	defer f.Close()
	w := &Worker{memory: f.memory}
	for range 1000 {
		back := make(chan struct{})
		go func() {
			w.Wait()
			close(back)
		}()
		w.Interrupt()
		select {
		case <-back:
		case <-time.After(patience):
			t.Fatal("the worker waits on")
		}
	}
}
