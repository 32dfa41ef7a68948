package smoke

import (
	"context"
	"sync"
)

// fleet is the server that requests go to: another one after a crash or a hang, so that one check's fault is not the
// next one's.
type fleet struct {
	program *Program

	mu      sync.Mutex
	current *Server
}

// acquire is the server for one request.
func (f *fleet) acquire(ctx context.Context) (*Server, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil {
		s, err := f.program.Start(ctx)
		if err != nil {
			return nil, err
		}
		f.current = s
	}
	f.current.users++
	return f.current, nil
}

// release ends a request's use of its server. A server that is spent gets no more, and is killed after its last one.
func (f *fleet) release(s *Server, spent bool) {
	f.mu.Lock()
	s.users--
	s.spent = s.spent || spent
	if s.spent && f.current == s {
		f.current = nil
	}
	last := s.spent && s.users == 0
	f.mu.Unlock()
	if last {
		s.End(0)
	}
}

// end ends the server that is left. No request uses one any more.
func (f *fleet) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current != nil {
		f.current.End(endGrace)
		f.current = nil
	}
}
