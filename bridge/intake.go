package bridge

import "time"

// pollBatch is how many changes one wait tells at most.
const pollBatch = 64

// change is what the poller says of a socket: it may be ready for a read or a write.
type change struct {
	fd  int
	hup bool // the client has closed its side, or there is an error
}

// intake is the server as its queue's [Source]. By one caller at a time, Interrupt aside.
type intake Server

// Wait implements [Source].
func (in *intake) Wait(block bool) { in.waited = in.poller.wait(&in.changes, block) }

// Interrupt implements [Source].
func (in *intake) Interrupt() { in.poller.interrupt() }

// Dispatch implements [Source]: it serves the connections that Wait has found.
func (in *intake) Dispatch() {
	if in.waited == 0 {
		return
	}
	changes, sockets := in.changes[:in.waited], in.changed[:in.waited]
	in.waited = 0
	in.mu.Lock()
	for i, change := range changes {
		if c := in.conns[change.fd]; c != nil {
			sockets[i] = c
		} else if d := in.doors[change.fd]; d != nil {
			sockets[i] = d
		}
	}
	in.mu.Unlock()
	for i, socket := range sockets {
		if socket != nil {
			socket.event(changes[i])
			sockets[i] = nil
		}
	}
}

// doze is Wait for d at most. False: that can't be had here.
func (in *intake) doze(d time.Duration) (ok bool) {
	in.waited, ok = in.poller.doze(&in.changes, d)
	return ok
}

func (in *intake) watch(fd int) error { return in.poller.add(fd) }
func (in *intake) unwatch(fd int)     { in.poller.remove(fd) }
