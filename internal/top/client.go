// Package top shows a server's stats in a terminal: workers, and the requests that run, with their Python
// stacks.
package top

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/gowsgi/gowsgi/internal/stats"
)

// Client asks a stats server. Use NewClient.
type Client struct {
	name             string // as it was given
	network, address string
	url              *url.URL // with HTTP; else nil
}

const (
	// answerTime is how long a document may take.
	answerTime = 5 * time.Second
	// answerMax is the most that is read of one.
	answerMax = 64 << 20
	// stackTries is how often a stack is asked for: the server does not wait for the question.
	stackTries = 5
)

// NewClient makes the client of a stats address: host:port, a path, or an http:// URL.
func NewClient(name string) (*Client, error) {
	c := &Client{name: name, network: "tcp", address: name}
	if path, ok := strings.CutPrefix(name, "unix:"); ok || !strings.Contains(name, "://") && strings.Contains(name, "/") {
		c.network, c.address = "unix", path
		return c, nil
	}
	if strings.Contains(name, "://") {
		u, err := url.Parse(name)
		if err != nil || u.Scheme != "http" || u.Host == "" {
			return nil, noAddress(name)
		}
		c.url = u
		return c, nil
	}
	if _, port, err := net.SplitHostPort(name); err != nil || port == "" {
		return nil, noAddress(name)
	}
	return c, nil
}

func noAddress(name string) error {
	return fmt.Errorf("%q is no stats address: host:port, the path of a UNIX socket, or http://host:port for --stats-http", name)
}

// Document is what the server is at.
func (c *Client) Document(ctx context.Context) (*stats.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	text, err := c.ask(ctx, "", "")
	if err != nil {
		return nil, c.explain(err)
	}
	d := new(stats.Document)
	if err := json.Unmarshal(text, d); err != nil || d.Workers == nil {
		return nil, fmt.Errorf("%s is no stats server: it answers %.60q", c.name, text)
	}
	return d, nil
}

var errNoStacks = errors.New("this server gives no stacks: it is uWSGI, or an older gowsgi")

// Stack is the Python stack of a request that a document shows.
func (c *Client) Stack(ctx context.Context, pid, core int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime+stats.StackTime)
	defer cancel()
	for range stackTries {
		text, err := c.ask(ctx, fmt.Sprintf("stack %d %d\n", pid, core), fmt.Sprintf("/stack?pid=%d&core=%d", pid, core))
		if err != nil {
			return "", c.explain(err)
		}
		if !bytes.HasPrefix(text, []byte("{")) { // a document: the line came too late
			return string(text), nil
		}
	}
	return "", errNoStacks
}

// ask sends the line, or with HTTP asks for the target, and returns the whole answer.
func (c *Client) ask(ctx context.Context, line, target string) ([]byte, error) {
	if c.url != nil {
		return c.get(ctx, target)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	if line != "" {
		if _, err := io.WriteString(conn, line); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(conn, answerMax))
}

func (c *Client) get(ctx context.Context, target string) ([]byte, error) {
	u := *c.url
	if target != "" {
		u.Path, u.RawQuery, _ = strings.Cut(target, "?")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Close = true
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(io.LimitReader(answer.Body, answerMax))
}

// explain says what is to be done about an error.
func (c *Client) explain(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: is gowsgi running, with --stats %s?", c.name, c.address)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no socket %s: is gowsgi running, with --stats %s?", c.address, c.address)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is another user's: %w", c.name, syscall.EACCES)
	case errors.As(err, &timeout) && timeout.Timeout():
		hint := ""
		if c.network == "tcp" && c.url == nil {
			hint = " (one with --stats-http is http://" + c.address + ")"
		}
		return fmt.Errorf("%s does not answer as a stats server does%s", c.name, hint)
	}
	return fmt.Errorf("%s: %w", c.name, err)
}
