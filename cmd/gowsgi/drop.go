package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gowsgi/gowsgi/internal/listen"
	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/internal/privilege"
)

// What a server that is started as root gives away, in this order: sockets, logs and pidfile are made as root, some of
// them for others (--chown-socket); then the process becomes --uid's, before any of the app's code runs. Worker
// processes are born as that user.

// identify looks up who the process is to become. It also sets --umask, before any file is made.
func (s *site) identify() (err error) {
	c := s.config
	if c.Umask != "" {
		mask, err := strconv.ParseUint(c.Umask, 8, 16)
		if err != nil {
			return err // the options' table has seen to the form
		}
		syscall.Umask(int(mask))
	}
	switch {
	case c.UID == "" && c.GID == "" && len(c.AddGID) == 0:
	case c.Check && os.Geteuid() != 0: // on a machine that is not the server, as a rule
		s.log.Warn("--uid, --gid and --add-gid need root: the app is imported as the user that checks it")
	default:
		s.identity, err = privilege.Find(c.UID, c.GID, c.AddGID)
	}
	return err
}

// socketOwner is --chown-socket; nil leaves the owner.
func socketOwner(config *options.Config) (*listen.Owner, error) {
	if config.SocketOwner == "" {
		return nil, nil
	}
	uid, gid, err := privilege.Owner(config.SocketOwner)
	if err != nil {
		return nil, fmt.Errorf("--chown-socket %s: %w", config.SocketOwner, err)
	}
	return &listen.Owner{UID: uid, GID: gid}, nil
}

// ownOwner is the owner of what is the server's user's alone: figures and orders. nil leaves it.
func (s *site) ownOwner() *listen.Owner {
	if s.identity == nil || s.identity.UID == os.Geteuid() && s.identity.GID == os.Getegid() {
		return nil
	}
	return &listen.Owner{UID: s.identity.UID, GID: s.identity.GID}
}

// need is a file that the app can't be served without.
type need struct {
	what, path string
}

// drop has the process become --uid's, with all of its threads and for good.
func (s *site) drop() error {
	if s.identity == nil {
		return nil
	}
	if err := s.logfile.Give(s.identity.UID, s.identity.GID); err != nil {
		return fmt.Errorf("--logto %s: %w", s.config.LogTo, err)
	}
	needs := s.needs() // while they can be found
	if err := s.identity.Assume(); err != nil {
		return err
	}
	who := s.identity.Name
	for _, n := range needs {
		if at := privilege.Barred(n.path); at != "" {
			verb := "read"
			if at != n.path {
				verb = "enter"
			}
			return fmt.Errorf("%s %s: user %s may not %s %s (change its mode or owner, or use another place)", n.what, n.path, who, verb, at)
		}
	}
	if err := s.announcer.Check(); err != nil {
		return fmt.Errorf("as user %s: %w", who, err)
	}
	groups := fmt.Sprint(append([]int{s.identity.GID}, s.identity.Groups...))
	s.log.Info("the process is this user's from now on", "user", who, "uid", s.identity.UID, "groups", groups)
	return nil
}

// needs are the paths without which no app is loaded, links resolved, too: what is there as root may be out of a
// user's reach.
func (s *site) needs() (needs []need) {
	add := func(what, path string) {
		path, err := filepath.Abs(path)
		if err != nil {
			return
		}
		needs = append(needs, need{what, path})
		if resolved, err := filepath.EvalSymlinks(path); err == nil && resolved != path {
			needs = append(needs, need{what, resolved})
		}
	}
	if program, err := os.Executable(); err == nil {
		add("gowsgi", program)
	}
	if library := libpython(); library != "" {
		add("libpython", library)
	}
	if venv := cmp.Or(s.config.Virtualenv, os.Getenv("VIRTUAL_ENV")); venv != "" {
		add("the virtual environment", venv)
		add("the virtual environment's", filepath.Join(venv, "bin", "python"))
	} else if pythonExecutable != "" {
		add("Python", pythonExecutable)
	}
	if s.config.Dir != "" {
		add("--chdir", ".")
	} else {
		add("the working directory", ".")
	}
	if s.config.File != "" {
		add("--wsgi-file", s.config.File)
	}
	return needs
}

// libpython is the file that Python's code is mapped from; "" when it is in the program itself.
func libpython() string {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return ""
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if at := strings.IndexByte(lines.Text(), '/'); at >= 0 && strings.HasPrefix(filepath.Base(lines.Text()[at:]), "libpython") {
			return lines.Text()[at:]
		}
	}
	return ""
}

// left tells of a file that can't be removed: after --uid, the directory may not be the process's to change. The next
// start replaces it.
func (s *site) left(err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("a file is left behind", "error", err)
	}
}
