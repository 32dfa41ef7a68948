package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// fake is a server that reads a request's head, and does one thing.
type fake struct {
	net.Listener
	accepted atomic.Int64
}

func serveFake(t *testing.T, do func(net.Conn)) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{Listener: l}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.accepted.Add(1)
			all.Go(func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; do(conn) {
					for line := ""; line != "\r\n"; {
						if line, err = r.ReadString('\n'); err != nil {
							return
						}
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return f
}

func says(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

func saysAndCloses(text string) func(net.Conn) {
	return func(c net.Conn) {
		says(text)(c)
		c.Close()
	}
}

func resets(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

const (
	good   = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7"
	goodby = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n7"
)

// Each way in which a server can fail is told from the others, twice in a row.
func TestOutcomes(t *testing.T) {
	for _, test := range []struct {
		name          string
		do            func(net.Conn)
		first, second outcome
		connections   int64
	}{
		{"kept", says(good), ok, ok, 1},
		{"announced", saysAndCloses(goodby), ok, ok, 2},
		{"not announced", saysAndCloses(good), ok, closed, 1},
		{"closed", saysAndCloses(""), closed, closed, 2},
		{"reset", resets, reset, reset, 2},
		{"half a head", saysAndCloses(good[:17]), cut, cut, 2},
		{"half a body", saysAndCloses(good[:len(good)-1]), cut, cut, 2},
		{"no HTTP", saysAndCloses("hello\r\n\r\n"), malformed, malformed, 2},
		{"another's answer", says(strings.ReplaceAll(good, "7", "8")), wrong, wrong, 1},
		{"a status", says("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), "502", "502", 1},
		{"two answers", says(good + good), ok, extra, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := serveFake(t, test.do)
			c := client{address: f.Addr().String()}
			defer c.close()
			for i, want := range []outcome{test.first, test.second} {
				if o := c.do(get("echo")(7)); o != want {
					t.Errorf("request %d: %s, want %s", i+1, o, want)
				}
			}
			if n := f.accepted.Load(); n != test.connections {
				t.Errorf("%d connections, want %d", n, test.connections)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	f := serveFake(t, says(good))
	f.Close()
	c := client{address: f.Addr().String()}
	if o := c.do(get("echo")(7)); o != refused {
		t.Errorf("%s, want %s", o, refused)
	}
}
