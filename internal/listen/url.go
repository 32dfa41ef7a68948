package listen

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
)

// URL is where a client on this machine reaches the listener.
//
// For TCP it is a plain http URL. All interfaces become 127.0.0.1, which every
// client can dial (0.0.0.0 and [::] are no destinations).
//
// For a UNIX socket it is http+unix://%2Fabsolute%2Fpath, the form that Python's
// requests-unixsocket, httpie and Docker's clients take; unescape its host part
// for `curl --unix-socket`.
func URL(l net.Listener) string {
	switch a := l.Addr().(type) {
	case *net.TCPAddr:
		return "http://" + urlHost(a.AddrPort())
	case *net.UnixAddr:
		return "http+unix://" + url.PathEscape(socketPath(l, a))
	}
	return l.Addr().Network() + ":" + l.Addr().String()
}

// Name is the listener as the user would write it after --http, with the real
// port; for log lines.
func Name(l net.Listener) string {
	if a, ok := l.Addr().(*net.UnixAddr); ok {
		return "unix:" + socketPath(l, a)
	}
	return l.Addr().String()
}

func urlHost(a netip.AddrPort) string {
	ip := a.Addr().Unmap()
	if !ip.IsValid() || ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	host := ip.String()
	if ip.Is6() {
		host = ip.WithZone("").String()
		if z := ip.Zone(); z != "" {
			host += "%25" + url.PathEscape(z) // RFC 6874
		}
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(a.Port()))
}

// socketPath prefers the path made absolute in Listen: the current directory
// may have changed since.
func socketPath(l net.Listener, a *net.UnixAddr) string {
	if u, ok := l.(*unixListener); ok {
		return u.path
	}
	if abs, err := filepath.Abs(a.Name); err == nil {
		return abs
	}
	return a.Name
}
