// Package stats answers as uWSGI's stats server does: whoever connects is given one JSON
// document, and then the connection's end. It runs no Python and does not wait for the GIL.
package stats

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Server gives documents away. Set its fields before Serve and leave them.
type Server struct {
	// Document makes what one connection is given.
	Document func() ([]byte, error)
	// HTTP puts a header before the document, once the client has sent a request. Any
	// request will do.
	HTTP bool
	// Stack is the Python stack of a request that a document shows: as text, by the worker's pid and the
	// core's id. It is read for one client at a time.
	Stack func(ctx context.Context, pid, core int) string

	// wait is how long a client may take to say something, without HTTP. 0 is requestTime; tests have more.
	wait time.Duration

	mu     sync.Mutex
	making singleflight.Group // of a document: who comes meanwhile gets the same one
	stack  sync.Mutex         // held while one is read
	ctx    context.Context    // what a stack is read under, once one has been asked for
	stop   context.CancelFunc
	closed bool
	open   map[io.Closer]struct{} // listeners and connections
	ended  sync.WaitGroup         // done with each of them
}

const (
	// clientTime is what a client has for all of it; uWSGI's socket-timeout.
	clientTime = 4 * time.Second
	// lingerTime is what it has to close its own side.
	lingerTime = 500 * time.Millisecond
	// clientBytes is the most that is read of what it sends.
	clientBytes = 64 << 10
	// clientsMax bounds the connections at a time; others wait in the kernel. A silent one keeps its place until it
	// closes, for half a second at most (lingerTime), or with HTTP for clientTime: dozens of those must not hold others
	// up. What one costs is a descriptor and a goroutine.
	clientsMax = 256
	// acceptPause follows a failure, as a rule that no descriptor is left.
	acceptPause = 100 * time.Millisecond
)

// head is uWSGI's: pages of any origin may read the document.
const (
	head = "HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n\r\n"
	// textHead is that of a stack, which is for no page.
	textHead = "HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
)

// Serve answers l's connections until l or the server is closed. l is closed then.
func (s *Server) Serve(l net.Listener) {
	defer l.Close()
	if !s.enter(l) {
		return
	}
	defer s.leave(l)
	places := make(chan struct{}, clientsMax)
	for {
		places <- struct{}{}
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			<-places
			time.Sleep(acceptPause)
			continue
		case !s.enter(c):
			c.Close()
			return
		}
		go func() {
			defer s.leave(c)
			defer func() { <-places }()
			s.answer(c)
		}()
	}
}

// Close ends every Serve, and the connections under way. It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	if s.stop != nil {
		s.stop()
	}
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.ended.Wait()
	return nil
}

// context ends with the server.
func (s *Server) context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		s.ctx, s.stop = context.WithCancel(context.Background())
	}
	if s.closed {
		s.stop()
	}
	return s.ctx
}

// enter makes c one of those that Close closes. False: the server is closed.
func (s *Server) enter(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.open == nil {
		s.open = map[io.Closer]struct{}{}
	}
	s.open[c] = struct{}{}
	s.ended.Add(1)
	return true
}

func (s *Server) leave(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.ended.Done()
}

// document makes one, for all who ask for it meanwhile. It may ask worker processes, and wait for them.
func (s *Server) document() ([]byte, error) {
	text, err, _ := s.making.Do("", func() (any, error) { return s.Document() })
	document, _ := text.([]byte)
	return document, err
}

func (s *Server) answer(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(clientTime))
	sent := bufio.NewReaderSize(io.LimitReader(c, clientBytes), requestMax)
	asked := s.request
	if s.HTTP {
		asked = s.requestHTTP
	}
	answer, err := asked(c, sent)
	if err != nil {
		return
	}
	if _, err := c.Write(answer); err != nil {
		return
	}
	// A close with bytes unread would be a reset, and the client might lose the document.
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.Copy(io.Discard, sent)
	}
}
