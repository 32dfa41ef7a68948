package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// outcome is what a client saw of one request. What is no constant here is a status: "502".
type outcome string

const (
	ok        outcome = "ok"
	refused   outcome = "refused"      // nobody listens
	undialled outcome = "not dialled"  // the connection came to nothing for another reason
	reset     outcome = "reset"        // before the first byte of the answer
	closed    outcome = "closed"       // in order, without an answer, though the connection was to be kept
	cut       outcome = "cut"          // in the midst of the answer
	malformed outcome = "malformed"    // no HTTP, or a head that breaks off in a line
	late      outcome = "late"         // no answer within patience
	extra     outcome = "extra bytes"  // that nobody had asked for
	wrong     outcome = "wrong answer" // another request's, or half of one
)

// patience is how long a client waits for an answer.
const patience = 30 * time.Second

// client is one connection, which is kept as long as the server does not announce its end.
// It never tries a request again.
type client struct {
	address string
	conn    net.Conn
	r       *bufio.Reader
}

// do sends a request and tells what came of it.
func (c *client) do(q exchange) outcome {
	if c.conn == nil {
		if o := c.dial(); o != ok {
			return o
		}
	}
	if c.r.Buffered() > 0 {
		c.close()
		return extra
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	// The answer to a request that could not be sent whole may be there all the same.
	_, writeErr := io.WriteString(c.conn, q.text)
	o, keep := c.answer(q.want)
	if !keep {
		c.close()
	}
	if writeErr != nil && o == ok {
		return reset
	}
	return o
}

func (c *client) dial() outcome {
	conn, err := net.DialTimeout("tcp", c.address, patience)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return refused
	case err != nil:
		return undialled
	}
	c.conn, c.r = conn, bufio.NewReaderSize(conn, 16<<10)
	return ok
}

// answer reads one response. keep: another request may follow.
func (c *client) answer(want string) (o outcome, keep bool) {
	if _, err := c.r.Peek(1); err != nil {
		return lost(err), false
	}
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return broken(err), false
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return broken(err), false
	}
	switch {
	case response.StatusCode != http.StatusOK:
		o = outcome(fmt.Sprint(response.StatusCode))
	case string(body) != want:
		o = wrong
	default:
		o = ok
	}
	return o, !response.Close
}

// lost is how a connection ended before there was an answer.
func lost(err error) outcome {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return late
	case errors.Is(err, io.EOF):
		return closed
	}
	return reset
}

// broken is how an answer ended that had begun.
func broken(err error) outcome {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return late
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return cut
	}
	return malformed
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn, c.r = nil, nil
	}
}
