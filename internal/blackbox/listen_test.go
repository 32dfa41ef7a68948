package blackbox

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// socketDir is short: a UNIX socket's path has at most about 100 bytes.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// listening starts apps/environ on the given addresses alone.
func listening(t *testing.T, v variant, args ...string) *server {
	t.Helper()
	return v.start(t, launch{Bare: true, Dir: appDir("environ"), Args: append(args,
		"--pythonpath", appDir("common"), "--module", "app", "--callable", v.attr)})
}

// Clause: "unix:/path or a path with a slash (mode by --chmod-socket …)".
func TestUnixSocket(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		dir := socketDir(t)
		for _, c := range []struct {
			address, path string
			args          []string
			mode          os.FileMode
		}{
			{"unix:" + dir + "/a.sock", "a.sock", nil, 0},
			{dir + "/b.sock", "b.sock", nil, 0},
			{dir + "/c.sock", "c.sock", []string{"--chmod-socket=660"}, 0o660},
			{dir + "/d.sock", "d.sock", []string{"--chmod-socket=0600"}, 0o600},
			{dir + "/e.sock", "e.sock", []string{"--chmod-socket=666"}, 0o666},
		} {
			t.Run(c.path, func(t *testing.T) {
				s := listening(t, v, append(c.args, "--http", c.address)...)
				path := filepath.Join(dir, c.path)
				info, err := os.Stat(path)
				if err != nil || info.Mode()&os.ModeSocket == 0 {
					t.Fatalf("%v, %v", info, err)
				}
				if c.mode != 0 && info.Mode().Perm() != c.mode {
					t.Errorf("mode %v, want %v", info.Mode().Perm(), c.mode)
				}
				cn := s.dialTo(t, "unix", path)
				for range 2 {
					cn.send(request("GET", "/over/unix?a=b", ""))
					var e env
					cn.response("GET").json(t, &e)
					e.want(t, "PATH_INFO", "/over/unix", "QUERY_STRING", "a=b", "HTTP_HOST", "test", "wsgi.url_scheme", "http")
					if e["SERVER_NAME"] == "" {
						t.Error("SERVER_NAME is empty")
					}
				}
				s.stop(t)
				if _, err := os.Stat(path); err == nil {
					t.Error("the socket stays behind")
				}
			})
		}
	})
}

// Clause: "stale socket replaced, live one refused". What is no socket is never replaced.
func TestUnixSocketInTheWay(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	s := listening(t, single, "--http", stale)
	c := s.dialTo(t, "unix", stale)
	c.send(request("GET", "/", ""))
	c.response("GET").wantStatus(t, 200)

	args := []string{"--virtualenv", venv, "--pythonpath", appDir("common"), "--module", "app", "--http"}
	command(t, appDir("environ"), nil, append(args, stale)...).wantLine(t, 1, stale)
	c.send(request("GET", "/", ""))
	c.response("GET").wantStatus(t, 200) // and the live one lives on

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, appDir("environ"), nil, append(args, file)...).wantLine(t, 1, file)
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file was replaced: %q", b)
	}
	// Of two addresses the second is bad: the first one's socket goes again.
	first := filepath.Join(dir, "first.sock")
	command(t, appDir("environ"), nil, append(args, first, "--http", file)...).wantLine(t, 1, file)
	if _, err := os.Stat(first); err == nil {
		t.Error("a half-started server's socket stays behind")
	}
}

// A server killed without mercy leaves a stale socket, and the next one starts.
func TestUnixSocketAfterKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "k.sock")
	s := listening(t, single, "--http", path)
	s.signal(t, syscall.SIGKILL)
	s.wantEnd(t, patience())
	again := listening(t, single, "--http", path)
	c := again.dialTo(t, "unix", path)
	c.send(request("GET", "/", ""))
	c.response("GET").wantStatus(t, 200)
}

// Clause: "--http/--http-socket (repeatable): :5000, host:port, [::1]:p, … :0 prints the real port".
func TestAddresses(t *testing.T) {
	t.Parallel()
	sock := filepath.Join(socketDir(t), "s.sock")
	s := listening(t, single, "--http", "127.0.0.1:0", "--http-socket", sock, "--http", "localhost:0")
	s.get(t, "/").wantStatus(t, 200)
	c := s.dialTo(t, "unix", sock)
	c.send(request("GET", "/", ""))
	c.response("GET").wantStatus(t, 200)
	if strings.HasSuffix(s.addr, ":0") {
		t.Errorf("the printed address is %s", s.addr)
	}
	s.log.wait(t, s.addr)
	s.stop(t)

	t.Run("all interfaces", func(t *testing.T) {
		s := listening(t, single, "--http", ":0")
		_, port, err := net.SplitHostPort(s.addr)
		if err != nil || port == "0" {
			t.Fatalf("address %q", s.addr)
		}
		// Loopback has more addresses than one.
		for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
			c := s.dialTo(t, "tcp", net.JoinHostPort(host, port))
			c.send(request("GET", "/", ""))
			c.response("GET").wantStatus(t, 200)
		}
	})
	t.Run("ipv6", func(t *testing.T) {
		l, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			t.Skipf("no IPv6 here: %v", err)
		}
		l.Close()
		s := listening(t, single, "--http", "[::1]:0")
		s.environ(t, request("GET", "/", "")).want(t, "REMOTE_ADDR", "::1")
	})
}

// Design 8: "HTTP listens on loopback unless an address says otherwise"; :5000 by default.
func TestDefaultAddress(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:5000")
	if err == nil {
		defer l.Close()
	} // else somebody else has it, which serves as well
	e := command(t, folder(t, "app.py", bare("application", "x")), nil, "--virtualenv", venv)
	e.wantLine(t, 1, "127.0.0.1:5000", "in use")
}
