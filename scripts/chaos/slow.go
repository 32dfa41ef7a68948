package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// slowness is a way of clients to take their time.
type slowness struct {
	request string // sent at once
	drop    string // then sent byte by byte, without an end
	reads   bool   // or the answer is read, a little at a time
}

// beat is the time between two bytes, or two pieces of an answer; sip is such a piece.
const (
	beat = time.Second
	sip  = 256
	// window is the client's receive buffer: what lies there does not burden the server.
	window = 4 << 10
)

// crowd is many slow clients. One that is refused or cut comes again.
type crowd struct {
	end  context.CancelFunc
	done sync.WaitGroup
	cuts atomic.Int64 // connections that the server ended, or did not take
}

// gather returns when all are at it: the first piece has come, or the first byte is sent. Those that
// wait in vain it does not wait for.
func gather(address string, n int, way slowness) *crowd {
	ctx, cancel := context.WithCancel(context.Background())
	c := &crowd{end: cancel}
	var there sync.WaitGroup
	there.Add(n)
	for range n {
		c.done.Go(func() {
			arrive := sync.OnceFunc(there.Done)
			defer arrive()
			for ctx.Err() == nil {
				way.dawdle(ctx, address, arrive)
				if ctx.Err() == nil {
					c.cuts.Add(1)
				}
			}
		})
	}
	all := make(chan struct{})
	go func() { there.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(patience):
	}
	return c
}

func (c *crowd) leave() {
	c.end()
	c.done.Wait()
}

// dawdle is one connection, from its start to its end.
func (w slowness) dawdle(ctx context.Context, address string, begun func()) {
	d := net.Dialer{Control: narrow}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		pause(ctx)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_, err = io.WriteString(conn, w.request)
	for piece := make([]byte, sip); err == nil; {
		if w.reads {
			_, err = io.ReadFull(conn, piece)
		} else {
			_, err = io.WriteString(conn, w.drop)
		}
		begun()
		if !pause(ctx) {
			return
		}
	}
}

// narrow makes the receive buffer small, which has to be before the connection is made.
func narrow(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window)
	})
	if err != nil {
		return err
	}
	return failed
}

// pause waits for a beat; false: it is over.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(beat):
		return true
	}
}

// The slow clients.
func slowReader(bytes int) slowness {
	return slowness{request: fmt.Sprintf("GET /large?bytes=%d HTTP/1.1\r\nHost: chaos\r\n\r\n", bytes), reads: true}
}

var (
	slowHead = slowness{request: "GET /echo/0 HTTP/1.1\r\nHost: chaos\r\nX-Slow: ", drop: "x"}
	// A body of up to 64 KiB is read before the app starts.
	slowBody = slowness{request: "POST /post/0 HTTP/1.1\r\nHost: chaos\r\nContent-Length: 60000\r\n\r\n", drop: "x"}
)
