// Package listen turns what the user wrote after --http into sockets, and
// tells the outside world about them: the URL, the ready line, the pidfile.
//
// Everything here runs at start and at exit, never in a request. Errors are
// single lines meant for the user; they carry no program prefix.
package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// Address is one place to listen on. The zero value is not valid; Parse makes
// valid ones.
type Address struct {
	// Network is "tcp" or "unix".
	Network string
	// Host is a name, an IPv4 or an IPv6 address without brackets (a zone may
	// follow it). Empty means all interfaces. Only for tcp.
	Host string
	// Port is 0 to 65535; 0 lets the kernel choose a free one. Only for tcp.
	Port int
	// Path is the socket's file, cleaned, relative to the directory in which
	// Listen is called. Only for unix.
	Path string
}

// maxPath is what the kernel's sun_path holds less the terminating NUL: 107
// bytes on Linux, 103 on macOS. Go would pass one more, unterminated.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// examplePort stands in hints for an address whose port is missing.
const examplePort = "5000"

// String is the address as the user would write it; Parse reads it back.
func (a Address) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Path
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// Parse reads `:5000`, `host:port`, `[::1]:port`, `unix:/path`, or anything
// with a slash in it, and `app.sock` (a UNIX path). Port 0 means any free port. uWSGI takes
// each other word for the name of a UNIX socket; here it is an error which
// says what was probably meant.
func Parse(s string) (Address, error) {
	switch {
	case s == "":
		return Address{}, errors.New("address is empty (write :5000, host:port, [::1]:5000 or unix:/path)")
	case strings.ContainsFunc(s, unicode.IsControl):
		return Address{}, fmt.Errorf("address %q has a control character in it", s)
	case strings.HasPrefix(s, "unix:"):
		return parseUnix(s, strings.TrimPrefix(s[len("unix:"):], "//"))
	case strings.Contains(s, "://"):
		return Address{}, schemeError(s)
	case strings.Contains(s, "/"):
		return parsePath(s)
	case strings.ContainsAny(s, " ;#"):
		return Address{}, fmt.Errorf("address %q has a blank or a comment in it", s)
	case !strings.Contains(s, ":") && (strings.HasSuffix(s, ".sock") || strings.HasSuffix(s, ".socket")):
		return parseUnix(s, s) // as uWSGI, which takes every word without a colon for one
	}
	return parseTCP(s)
}

// ParseMode reads the value of --chmod-socket: three octal digits, or, as in
// uWSGI, nothing or "1" for 666.
func ParseMode(s string) (fs.FileMode, error) {
	if s == "" || s == "1" {
		return 0o666, nil
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || len(s) != 3 || n == 0 {
		return 0, fmt.Errorf("socket mode %q is not three octal digits such as 660", s)
	}
	return fs.FileMode(n), nil
}

// guess is a hint to s, if s is an address at all.
func guess(s string) string {
	if _, err := Parse(s); err != nil {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", s)
}

// schemeError refuses a URL. It names the address inside it where there is one.
func schemeError(s string) error {
	_, rest, _ := strings.Cut(s, "://")
	rest, _, _ = strings.Cut(rest, "/")
	return fmt.Errorf("address %q is a URL, not host:port%s", s, guess(rest))
}

// parsePath takes a word with a slash for a path, unless what stands before
// the slash is a complete TCP address: nobody means a directory "localhost:80".
func parsePath(s string) (Address, error) {
	host, _, _ := strings.Cut(s, "/")
	if a, err := parseTCP(host); err == nil {
		return Address{}, fmt.Errorf("address %q has a path after the port%s", s, guess(a.String()))
	}
	return parseUnix(s, s)
}

// parseUnix checks the path of a UNIX socket; s is the whole text, for errors.
func parseUnix(s, path string) (Address, error) {
	switch base := path[strings.LastIndexByte(path, '/')+1:]; {
	case path == "":
		return Address{}, fmt.Errorf("address %q has no path (write unix:/path)", s)
	case base == "", base == ".", base == "..":
		return Address{}, fmt.Errorf("address %q names a directory, not a socket", s)
	}
	path = filepath.Clean(path)
	if path[0] == '@' {
		// An abstract socket has no file, so no mode could guard it.
		return Address{}, fmt.Errorf("address %q is an abstract socket, which anybody on this machine could reach (write unix:/path)", s)
	}
	if len(path) > maxPath {
		return Address{}, fmt.Errorf("address %q is too long for a UNIX socket: %d bytes, the system takes %d (choose a shorter path)", s, len(path), maxPath)
	}
	return Address{Network: "unix", Path: path}, nil
}

func parseTCP(s string) (Address, error) {
	host, port, err := splitHostPort(s)
	if err != nil {
		return Address{}, err
	}
	n, err := parsePort(s, port)
	if err != nil {
		return Address{}, err
	}
	if err := checkHost(s, host, port); err != nil {
		return Address{}, err
	}
	return Address{Network: "tcp", Host: host, Port: n}, nil
}

// splitHostPort cuts at the port's colon and takes IPv6's brackets off. Unlike
// net.SplitHostPort it says what the user should have written.
func splitHostPort(s string) (host, port string, err error) {
	if strings.HasPrefix(s, "[") {
		return splitBrackets(s)
	}
	switch strings.Count(s, ":") {
	case 0:
		return "", "", noColonError(s)
	case 1:
		host, port, _ = strings.Cut(s, ":")
		return host, port, nil
	}
	return "", "", bareIPv6Error(s)
}

func splitBrackets(s string) (host, port string, err error) {
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return "", "", fmt.Errorf("address %q has no closing bracket", s)
	}
	host, rest := s[1:end], s[end+1:]
	if rest == "" {
		return "", "", fmt.Errorf("address %q has no port%s", s, guess(s+":"+examplePort))
	}
	if rest[0] != ':' {
		return "", "", fmt.Errorf("address %q has something other than a colon after the bracket", s)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() {
		return "", "", fmt.Errorf("address %q: brackets are for IPv6, and %q is no IPv6 address", s, host)
	}
	return host, rest[1:], nil
}

// noColonError guesses at a bare word: a number is a port, any other is a host.
func noColonError(s string) error {
	if isDigits(s) {
		return fmt.Errorf("address %q is only a number%s", s, guess(":"+s))
	}
	return fmt.Errorf("address %q has no port%s", s, guess(s+":"+examplePort))
}

func bareIPv6Error(s string) error {
	// "::1:5000" is an IPv6 address by itself, yet its writer meant a port.
	i := strings.LastIndexByte(s, ':')
	if ip, err := netip.ParseAddr(s[:i]); err == nil && ip.Is6() && isDigits(s[i+1:]) {
		return fmt.Errorf("address %q: IPv6 needs brackets%s", s, guess("["+s[:i]+"]:"+s[i+1:]))
	}
	if ip, err := netip.ParseAddr(s); err == nil && ip.Is6() {
		return fmt.Errorf("address %q: IPv6 needs brackets and a port%s", s, guess("["+s+"]:"+examplePort))
	}
	return fmt.Errorf("address %q has too many colons (write host:port, or [::1]:port for IPv6)", s)
}

func parsePort(s, port string) (int, error) {
	switch {
	case port == "":
		return 0, fmt.Errorf("address %q has no port%s", s, guess(s+examplePort))
	case !isDigits(port):
		return 0, fmt.Errorf("address %q: port %q is not a number", s, port)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n > 65535 {
		return 0, fmt.Errorf("address %q: port %s is above 65535", s, port)
	}
	return n, nil
}

// checkHost refuses what can't be a host. Whether a name exists is Listen's
// question.
func checkHost(s, host, port string) error {
	if host == "*" {
		return fmt.Errorf("address %q: all interfaces are written without a star%s", s, guess(":"+port))
	}
	if strings.Contains(host, ":") {
		return nil // splitBrackets has checked it
	}
	if i := strings.IndexFunc(host, notHostRune); i >= 0 {
		return fmt.Errorf("address %q: %q can't stand in a host name", s, host[i:i+1])
	}
	if host != "" && strings.Trim(host, "0123456789.") == "" {
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Errorf("address %q: %q is no IPv4 address", s, host)
		}
	}
	return nil
}

// notHostRune leaves letters, digits, dots, hyphens, and the underscore that
// container networks put into names.
func notHostRune(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return r != '.' && r != '-' && r != '_'
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
