// Package privilege gives root's rights up for good (--uid, --gid, --add-gid), and tells what is out of reach then.
package privilege

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Keep stands for a user or group that is to stay.
const Keep = -1

// Identity is a user with its groups, by number.
type Identity struct {
	Name     string // of the user, for people
	UID, GID int
	// Groups are the supplementary groups: those that were asked for and no others, as in uWSGI.
	Groups []int
}

// Find looks the user, the group and more groups up: names or numbers. Without a user it stays; without a group it is
// the user's own (uWSGI: root's). Errors name the option.
func Find(name, group string, more []string) (*Identity, error) {
	id := &Identity{UID: os.Geteuid(), GID: Keep}
	if name != "" {
		var err error
		if id.UID, id.GID, err = findUser(name); err != nil {
			return nil, fmt.Errorf("--uid %s: %w", name, err)
		}
		if id.GID == Keep && group == "" && id.UID != os.Geteuid() {
			return nil, fmt.Errorf("--uid %s: no user has this number, so that its group is not known; give --gid, too", name)
		}
	}
	if group != "" {
		var err error
		if id.GID, err = findGroup(group); err != nil {
			return nil, fmt.Errorf("--gid %s: %w", group, err)
		}
	}
	if id.GID == Keep || group == "" && id.UID != 0 && id.UID == os.Geteuid() { // who is that user already stays as it is
		id.GID = os.Getegid()
	}
	for _, name := range more {
		gid, err := findGroup(name)
		if err != nil {
			return nil, fmt.Errorf("--add-gid %s: %w", name, err)
		}
		id.Groups = append(id.Groups, gid)
	}
	id.Name = userName(id.UID)
	return id, nil
}

// Owner reads --chown-socket's "user", "user:group" or ":group", names or numbers. What is left out is Keep.
func Owner(text string) (uid, gid int, err error) {
	name, group, _ := strings.Cut(text, ":")
	uid, gid = Keep, Keep
	if name == "" && group == "" {
		return uid, gid, errors.New("want a user, user:group or :group")
	}
	if name != "" {
		if uid, _, err = findUser(name); err != nil {
			return uid, gid, err
		}
	}
	if group != "" {
		gid, err = findGroup(group)
	}
	return uid, gid, err
}

var (
	errNoUser  = errors.New("there is no such user")
	errNoGroup = errors.New("there is no such group")
)

// findUser gives the user's number, and its group's; Keep for a number that no user has.
func findUser(name string) (uid, gid int, err error) {
	if uid, ok := number(name); ok {
		if u, err := user.LookupId(name); err == nil {
			return uid, atoi(u.Gid), nil
		}
		return uid, Keep, nil
	}
	u, err := user.Lookup(name)
	if unknown := user.UnknownUserError(""); errors.As(err, &unknown) {
		err = errNoUser
	}
	if err != nil {
		return Keep, Keep, err
	}
	return atoi(u.Uid), atoi(u.Gid), nil
}

func findGroup(name string) (gid int, err error) {
	if gid, ok := number(name); ok {
		return gid, nil
	}
	g, err := user.LookupGroup(name)
	if unknown := user.UnknownGroupError(""); errors.As(err, &unknown) {
		err = errNoGroup
	}
	if err != nil {
		return Keep, err
	}
	return atoi(g.Gid), nil
}

// number leaves out the largest one, which means "stays" to the system.
func number(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return int(n), err == nil && n < 1<<32-1
}

func atoi(text string) int {
	n, _ := number(text)
	return n
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// Assume makes every thread of this process the identity's, and fails if there is a way back.
func (id *Identity) Assume() error {
	if os.Geteuid() != 0 {
		return id.already()
	}
	for _, step := range []struct {
		call string
		err  func() error
	}{
		{"setgroups", func() error { return syscall.Setgroups(id.Groups) }},
		{"setgid", func() error { return syscall.Setgid(id.GID) }},
		{"setuid", func() error { return syscall.Setuid(id.UID) }}, // for root: the real, effective and saved one
	} {
		if err := step.err(); err != nil {
			return fmt.Errorf("cannot become user %s with group %d: %s: %w (root needs CAP_SETUID and CAP_SETGID, which containers may lack)",
				id.Name, id.GID, step.call, err)
		}
	}
	if id.UID == 0 {
		return nil
	}
	if syscall.Setuid(0) == nil || id.GID != 0 && syscall.Setgid(0) == nil {
		return errors.New("root's rights have been given up, and could be had again; the server does not start like that")
	}
	return nil
}

// already tells whether there is nothing to do for a process that may not do it.
func (id *Identity) already() error {
	if id.UID != os.Geteuid() || id.UID != os.Getuid() {
		return fmt.Errorf("user %s can't become user %s; start gowsgi as root, or leave --uid out", userName(os.Geteuid()), id.Name)
	}
	member, err := os.Getgroups()
	if err != nil {
		return err
	}
	if id.GID != os.Getegid() {
		return fmt.Errorf("user %s can't become group %d; start gowsgi as root, or leave --gid out", id.Name, id.GID)
	}
	for _, gid := range id.Groups {
		if !slices.Contains(member, gid) && gid != id.GID {
			return fmt.Errorf("user %s can't become a member of group %d; start gowsgi as root, or leave --add-gid out", id.Name, gid)
		}
	}
	return nil
}
