package options

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// The Accept functions of the table. Each returns its value in the form the rest of the program reads.

func acceptModule(value string) (string, bool) {
	name, callable, named := strings.Cut(value, ":")
	if name == "" || named && callable == "" {
		return "", false
	}
	return value, !strings.Contains(name, "/") && !isPythonFile(name)
}

// isPythonFile leaves names that end in .wsgi out: project.wsgi is Django's module, and a file where there is no such
// module, which the loader sees.
func isPythonFile(name string) bool { return strings.HasSuffix(name, ".py") }

func acceptPair(value string) (string, bool) {
	return value, strings.Index(value, "=") > 0
}

func acceptPath(value string) (string, bool) {
	odd := strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == '?' || r == '#' || r == 0x7f })
	return value, value[0] == '/' && !odd
}

// acceptGet wants a path, with a query perhaps, and perhaps "=" and the status that is expected.
func acceptGet(value string) (string, bool) {
	odd := strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == '#' || r == 0x7f })
	return value, value[0] == '/' && !odd
}

func acceptGlob(value string) (string, bool) { return value, doublestar.ValidatePattern(value) }

// acceptPrefix also drops the trailing slash: SCRIPT_NAME has none, and is empty at the root (PEP 3333).
func acceptPrefix(value string) (string, bool) {
	_, ok := acceptPath(value)
	return strings.TrimRight(value, "/"), ok && !strings.Contains(strings.TrimRight(value, "/"), "//")
}

// acceptProxy takes a CIDR, a single address or "unix". netip refuses zones in prefixes, so fe80::1%eth0 is refused.
func acceptProxy(value string) (string, bool) {
	value = strings.TrimSpace(value)
	if value == "unix" || value == "" {
		return value, true
	}
	if prefix, err := netip.ParsePrefix(value); err == nil {
		return prefix.Masked().String(), true
	}
	addr, err := netip.ParseAddr(value)
	if err != nil || addr.Zone() != "" {
		return "", false
	}
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()).String(), true
}

// acceptAutoReload takes seconds, 0 for never, and what says yes or no.
func acceptAutoReload(value string) (string, bool) {
	if value == "auto" {
		return value, true
	}
	if every, ok := parseSeconds(value); ok {
		if every == 0 {
			return "0", true
		}
		return value, true
	}
	on, ok := parseBool(value)
	if on {
		return "auto", ok
	}
	return "0", ok
}

// acceptProcesses wants a number of processes, or auto.
func acceptProcesses(value string) (string, bool) {
	if value == "auto" {
		return value, true
	}
	n, err := strconv.Atoi(value)
	return value, err == nil && n >= 1 && n <= 128
}

// acceptFile refuses what uWSGI takes for an address: udp:host:port.
func acceptFile(value string) (string, bool) {
	return value, !strings.HasPrefix(value, "udp:")
}

// acceptAddress refuses a bare number; what else is wrong is seen where the sockets are made.
func acceptAddress(value string) (string, bool) {
	return value, strings.Trim(value, "0123456789") != ""
}

// acceptSocket takes what uWSGI takes for a socket's address: a word without a colon is a path.
func acceptSocket(value string) (string, bool) {
	if strings.ContainsAny(value, ":/") {
		return value, true
	}
	return "unix:" + value, strings.Trim(value, "0123456789") != ""
}

func acceptProtocol(value string) (string, bool) { return value, value == "uwsgi" || value == "http" }

// acceptPeer is acceptProxy, and all.
func acceptPeer(value string) (string, bool) {
	if strings.TrimSpace(value) == "all" {
		return "all", true
	}
	return acceptProxy(value)
}

// acceptMount wants a path and an app, and drops the path's trailing slashes: "/=app" is the root.
func acceptMount(value string) (string, bool) {
	prefix, app, ok := strings.Cut(value, "=")
	if prefix == "" || !ok || app == "" {
		return "", false
	}
	path, ok := acceptPrefix(prefix)
	if path == "" {
		path = "/"
	}
	return path + "=" + app, ok
}

func acceptStaticMap(value string) (string, bool) {
	mount, path, ok := strings.Cut(value, "=")
	return value, ok && path != "" && strings.HasPrefix(mount, "/")
}

func acceptUmask(value string) (string, bool) {
	n, err := strconv.ParseUint(value, 8, 16)
	return value, err == nil && n <= 0o777
}
