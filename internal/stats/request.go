package stats

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Who sends the line "stack PID CORE" right after the connection was made gets that request's stack in
// place of the document; with HTTP it is GET /stack?pid=PID&core=CORE. uWSGI's clients say nothing
// and wait for their document, so the line is not waited for longer than it takes the kernel to bring what was
// sent at once. A client whose line comes late gets the document, which begins with "{" as no stack does, and
// may try again.

const (
	// requestTime is how long the server waits for the first byte.
	requestTime = 20 * time.Millisecond
	// requestMax is the longest line that can be meant.
	requestMax = 64
	// StackTime is how long it may take to read a stack. A worker process that does not answer takes all of it.
	StackTime = 4 * time.Second

	stackWord = "stack "
)

// request is the answer to a client that may have said something.
func (s *Server) request(c net.Conn, sent *bufio.Reader) ([]byte, error) {
	_ = c.SetReadDeadline(time.Now().Add(cmp.Or(s.wait, requestTime)))
	if _, err := sent.Peek(1); err != nil {
		return s.document()
	}
	_ = c.SetReadDeadline(time.Now().Add(clientTime))
	for i := range len(stackWord) {
		said, err := sent.Peek(i + 1)
		if err != nil || said[i] != stackWord[i] || s.Stack == nil {
			return s.document()
		}
	}
	line, err := sent.ReadSlice('\n')
	if err != nil { // it does not end, or is too long
		return nil, err
	}
	pid, core, _ := strings.Cut(strings.TrimSpace(string(line[len(stackWord):])), " ")
	return s.stackOf(c, pid, core), nil
}

// requestHTTP is the answer to a client that has to say something.
func (s *Server) requestHTTP(c net.Conn, sent *bufio.Reader) ([]byte, error) {
	r, err := http.ReadRequest(sent)
	if err != nil {
		return nil, err
	}
	if r.URL.Path == "/stack" && s.Stack != nil {
		query := r.URL.Query()
		return append([]byte(textHead), s.stackOf(c, query.Get("pid"), query.Get("core"))...), nil
	}
	text, err := s.document()
	return append([]byte(head), text...), err
}

// stackOf is the stack's text, or why there is none.
func (s *Server) stackOf(c net.Conn, pid, core string) []byte {
	p, err := strconv.Atoi(pid)
	n, err2 := strconv.Atoi(core)
	if err != nil || err2 != nil {
		return fmt.Appendf(nil, "no numbers: pid %q, core %q\n", pid, core)
	}
	if !s.stack.TryLock() {
		return []byte("another stack is being read, try again\n")
	}
	defer s.stack.Unlock()
	_ = c.SetDeadline(time.Now().Add(StackTime + clientTime))
	ctx, cancel := context.WithTimeout(s.context(), StackTime)
	defer cancel()
	return []byte(s.Stack(ctx, p, n))
}
