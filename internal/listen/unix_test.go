package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// socketDir is short enough for sun_path; t.TempDir may not be.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gowsgi")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// leaveStale makes the socket of a server that died.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Mode().Perm()
}

func TestUnixListenAndClose(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	l := open(t, path, Options{})
	reach(t, l, "unix", path)
	if want := "http+unix://" + strings.ReplaceAll(path, "/", "%2F"); URL(l) != want {
		t.Errorf("URL %s, want %s", URL(l), want)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if exists(path) {
		t.Error("the socket's file is still there after Close")
	}
}

// The app may change the directory between Listen and Close.
func TestUnixRelativePath(t *testing.T) {
	dir := socketDir(t)
	t.Chdir(dir)
	l := open(t, "unix:s", Options{})
	t.Chdir("/")
	if Name(l) != "unix:"+filepath.Join(dir, "s") {
		t.Errorf("name %s", Name(l))
	}
	_ = l.Close()
	if exists(filepath.Join(dir, "s")) {
		t.Error("the socket's file is still there after Close")
	}
}

func TestUnixMode(t *testing.T) {
	tests := []struct {
		umask      int
		mode, want fs.FileMode
	}{
		{0o022, 0, 0o755},
		{0o022, 0o666, 0o666}, // wider than the umask, as asked
		{0o000, 0o600, 0o600},
		{0o077, 0o660, 0o660},
	}
	for _, tt := range tests {
		path := filepath.Join(socketDir(t), "s")
		old := syscall.Umask(tt.umask)
		l, err := Listen(Address{Network: "unix", Path: path}, Options{Mode: tt.mode})
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, path); got != tt.want {
			t.Errorf("umask %o, mode %o: socket has %o, want %o", tt.umask, tt.mode, got, tt.want)
		}
		_ = l.Close()
	}
}

// What bind alone leaves must not be wider than asked: between bind and chmod
// anybody could connect.
func TestUnixModeFromTheFirstMoment(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	old := syscall.Umask(0)
	mode := fs.FileMode(0o600)
	l, err := bindUnix(path, &mode)
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := modeOf(t, path); got != 0o600 {
		t.Errorf("bind made the socket with mode %o, want 600", got)
	}
}

// A socket that is to have another owner is nobody's before: the mode is about that owner's group.
func TestUnixNobodysAtFirst(t *testing.T) {
	o := Options{Mode: 0o666, Owner: &Owner{UID: -1, GID: -1}}
	path := filepath.Join(socketDir(t), "s")
	l, err := bindUnix(path, o.first())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := modeOf(t, path); got != 0 {
		t.Errorf("bind made the socket with mode %o, want 0", got)
	}
}

func TestUnixOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for _, test := range []struct {
		options  Options
		uid, gid uint32
		mode     fs.FileMode
	}{
		{Options{Mode: 0o660, Owner: &Owner{UID: 1, GID: 2}}, 1, 2, 0o660},
		{Options{Mode: 0o606, Owner: &Owner{UID: -1, GID: 2}}, 0, 2, 0o606},
		{Options{Owner: &Owner{UID: 1, GID: -1}}, 1, 0, 0o750}, // less the umask
	} {
		path := filepath.Join(socketDir(t), "s")
		old := syscall.Umask(0o027)
		l, err := Listen(Address{Network: "unix", Path: path}, test.options)
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != test.uid || st.Gid != test.gid || info.Mode().Perm() != test.mode {
			t.Errorf("%+v: the socket is %d's and %d's, mode %v", test.options, st.Uid, st.Gid, info.Mode())
		}
		if err := l.Close(); err != nil || exists(path) {
			t.Errorf("close: %v; the file is left: %t", err, exists(path))
		}
	}
}

// Whoever may write to the directory can put something else there before it gets its owner and mode.
func TestUnixExchanged(t *testing.T) {
	dir := socketDir(t)
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "s")
	if err := os.WriteFile(victim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Lstat(victim)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Mode: 0o666, Owner: &Owner{UID: 1, GID: 1}}
	for what, put := range map[string]func() error{
		"a link":      func() error { return os.Symlink(victim, path) },
		"a hard link": func() error { return os.Link(victim, path) },
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if _, err := o.finish(path); err == nil {
			t.Errorf("%s got an owner", what)
		}
		_ = os.Remove(path)
	}
	now, err := os.Lstat(victim)
	if err != nil || now.Mode() != before.Mode() || now.Sys().(*syscall.Stat_t).Uid != before.Sys().(*syscall.Stat_t).Uid {
		t.Errorf("the other file has %v now, %v", now.Mode(), err)
	}
	leaveStale(t, path) // a socket, with a mode of its own
	if _, err := o.finish(path); err == nil {
		t.Error("another socket got an owner")
	}
}

func TestUnixStaleIsReplaced(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	leaveStale(t, path)
	l := open(t, path, Options{Mode: 0o600})
	reach(t, l, "unix", path)
}

func TestUnixRefusals(t *testing.T) {
	dir := socketDir(t)
	live := filepath.Join(dir, "live")
	open(t, live, Options{})
	file := filepath.Join(dir, "file")
	link := filepath.Join(dir, "link")
	datagram := filepath.Join(dir, "datagram")
	if err := errors.Join(os.WriteFile(file, []byte("precious"), 0o600), os.Symlink(live, link)); err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenPacket("unixgram", datagram)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	tests := []struct{ path, want string }{
		{live, "in use: another process is listening on it (stop that one or choose another path)"},
		{datagram, "in use: another process is listening on it (stop that one or choose another path)"},
		{file, "the path exists and is not a socket (remove it or choose another path)"},
		{link, "the path exists and is not a socket (remove it or choose another path)"},
		{dir, "the path exists and is not a socket (remove it or choose another path)"},
		{dir + "/none/s", "the directory " + dir + "/none does not exist (create it or choose another path)"},
		{file + "/s", file + " is not a directory"},
	}
	for _, tt := range tests {
		before := exists(tt.path)
		_, err := Listen(Address{Network: "unix", Path: tt.path}, Options{})
		if want := "cannot listen on unix:" + tt.path + ": " + tt.want; err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
		if exists(tt.path) != before {
			t.Errorf("%s: existed %v, exists %v", tt.path, before, !before)
		}
	}
}

func TestUnixCloseLeavesAnothersSocket(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	first := open(t, path, Options{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := open(t, path, Options{})
	_ = first.Close()
	reach(t, second, "unix", path)
}

// TestUnixHammer starts many servers at once on the socket of a dead one:
// one of them gets it, and it is the one whom clients reach.
func TestUnixHammer(t *testing.T) {
	dir := socketDir(t)
	for range 20 {
		path := filepath.Join(dir, "s")
		leaveStale(t, path)
		var wg sync.WaitGroup
		var winner atomic.Pointer[net.Listener]
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				l, err := Listen(Address{Network: "unix", Path: path}, Options{Mode: 0o600})
				if err == nil && !winner.CompareAndSwap(nil, &l) {
					t.Error("two servers listen on one path")
					_ = l.Close()
				}
			}()
		}
		wg.Wait()
		if winner.Load() == nil {
			t.Fatal("nobody got the socket")
		}
		reach(t, *winner.Load(), "unix", path)
		_ = (*winner.Load()).Close()
	}
}
