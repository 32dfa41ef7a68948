package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// open listens on s and closes at the test's end.
func open(t *testing.T, s string, o Options) net.Listener {
	t.Helper()
	l, err := Listen(parse(t, s), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func parse(t *testing.T, s string) Address {
	t.Helper()
	a, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// reach fails the test unless one byte travels from a client of addr to l. It
// passes over connections that closed at once: the question of a server that
// starts on the same path.
func reach(t *testing.T, l net.Listener, network, addr string) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for {
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		n, err := s.Read(b[:])
		_ = s.Close()
		if n == 1 && b[0] == 'x' {
			return
		}
		if err != io.EOF {
			t.Fatalf("read %q, %v", b[:n], err)
		}
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}

func TestListenAllInterfaces(t *testing.T) {
	l := open(t, ":0", Options{Backlog: 7})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if port == "0" {
		t.Fatalf("the listener's address %s has no real port", l.Addr())
	}
	reach(t, l, "tcp", "127.0.0.1:"+port)
	if hasIPv6() {
		reach(t, l, "tcp", "[::1]:"+port)
	}
}

func TestListenIPv4Only(t *testing.T) {
	l := open(t, "0.0.0.0:0", Options{})
	if host, port, _ := net.SplitHostPort(l.Addr().String()); host != "0.0.0.0" {
		t.Errorf("0.0.0.0 listens on %s", l.Addr())
	} else if hasIPv6() {
		if c, err := net.Dial("tcp", "[::1]:"+port); err == nil {
			_ = c.Close()
			t.Error("0.0.0.0 takes IPv6 connections")
		}
	}
}

func TestListenHost(t *testing.T) {
	l := open(t, "localhost:0", Options{})
	reach(t, l, "tcp", l.Addr().String())
}

func TestPortInUse(t *testing.T) {
	l := open(t, "127.0.0.1:0", Options{})
	_, err := Listen(parse(t, l.Addr().String()), Options{})
	want := "cannot listen on " + l.Addr().String() + ": address already in use (another server runs on that port; choose another with --http)"
	if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestPortInUseNamesTheOption(t *testing.T) {
	l := open(t, "127.0.0.1:0", Options{})
	_, err := Listen(parse(t, l.Addr().String()), Options{Option: "--stats"})
	if err == nil || !strings.Contains(err.Error(), "choose another with --stats)") {
		t.Errorf("error %v", err)
	}
}

func TestForeignAddress(t *testing.T) {
	_, err := Listen(parse(t, "192.0.2.1:80"), Options{}) // TEST-NET-1, RFC 5737
	want := "cannot listen on 192.0.2.1:80: this machine has no address 192.0.2.1 (:80 listens on all it has)"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

func TestExplain(t *testing.T) {
	tcp, unix := Address{Network: "tcp", Host: "h", Port: 80}, Address{Network: "unix", Path: "/d/s"}
	op := func(e error) error { return &net.OpError{Op: "listen", Net: "x", Err: os.NewSyscallError("bind", e)} }
	tests := []struct {
		addr Address
		err  error
		want string
	}{
		{tcp, op(syscall.EACCES), "cannot listen on h:80: permission denied (low ports need root or CAP_NET_BIND_SERVICE; choose a higher one with --http)"},
		{tcp, &net.DNSError{IsNotFound: true, Err: "no such host"}, `cannot listen on h:80: unknown host "h"`},
		{tcp, &net.DNSError{IsTimeout: true, Err: "i/o timeout"}, `cannot listen on h:80: host "h" could not be looked up: i/o timeout`},
		{tcp, context.DeadlineExceeded, `cannot listen on h:80: host "h" could not be looked up within 5s`},
		{tcp, op(syscall.EMFILE), "cannot listen on h:80: too many open files"},
		{unix, op(syscall.ENOENT), "cannot listen on unix:/d/s: the directory /d does not exist (create it or choose another path)"},
		{unix, op(syscall.ENOTDIR), "cannot listen on unix:/d/s: /d is not a directory"},
		{unix, op(syscall.EACCES), "cannot listen on unix:/d/s: permission denied (this user may not write to the directory /d)"},
		{unix, op(syscall.EROFS), "cannot listen on unix:/d/s: read-only file system"},
		{unix, op(syscall.EADDRINUSE), "cannot listen on unix:/d/s: something else was created at that path just now"},
	}
	for _, tt := range tests {
		got := explain(tt.addr, Options{}, tt.err)
		if got.Error() != tt.want {
			t.Errorf("explain(%v)\n got %s\nwant %s", tt.err, got, tt.want)
		}
		if !errors.Is(got, tt.err) {
			t.Errorf("explain(%v) lost its cause", tt.err)
		}
	}
}

func TestURL(t *testing.T) {
	tcp := func(ip string, port int, zone string) net.Addr {
		return &net.TCPAddr{IP: net.ParseIP(ip), Port: port, Zone: zone}
	}
	tests := []struct {
		addr      net.Addr
		url, name string
	}{
		{tcp("127.0.0.1", 5000, ""), "http://127.0.0.1:5000", "127.0.0.1:5000"},
		{tcp("0.0.0.0", 80, ""), "http://127.0.0.1:80", "0.0.0.0:80"},
		{tcp("::", 5000, ""), "http://127.0.0.1:5000", "[::]:5000"},
		{&net.TCPAddr{Port: 1}, "http://127.0.0.1:1", ":1"},
		{tcp("::1", 5000, ""), "http://[::1]:5000", "[::1]:5000"},
		{tcp("192.0.2.7", 80, ""), "http://192.0.2.7:80", "192.0.2.7:80"},
		{tcp("fe80::1", 80, "eth0"), "http://[fe80::1%25eth0]:80", "[fe80::1%eth0]:80"},
		{&net.UnixAddr{Name: "/run/a b.sock", Net: "unix"}, "http+unix://%2Frun%2Fa%20b.sock", "unix:/run/a b.sock"},
	}
	for _, tt := range tests {
		l := fakeListener{addr: tt.addr}
		if got := URL(l); got != tt.url {
			t.Errorf("URL(%v) = %s, want %s", tt.addr, got, tt.url)
		}
		if got := Name(l); got != tt.name {
			t.Errorf("Name(%v) = %s, want %s", tt.addr, got, tt.name)
		}
	}
}

type fakeListener struct {
	net.Listener
	addr net.Addr
}

func (l fakeListener) Addr() net.Addr { return l.addr }
