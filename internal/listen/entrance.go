package listen

import (
	"net"
	"strings"
)

// Entrance is a listener with what is spoken there.
type Entrance struct {
	net.Listener
	UWSGI bool // the uwsgi protocol, in place of HTTP
}

// Protocol is "http" or "uwsgi".
func (e Entrance) Protocol() string {
	if e.UWSGI {
		return "uwsgi"
	}
	return "http"
}

// URL is that of the listener, with the protocol's scheme: uwsgi://127.0.0.1:3031.
func (e Entrance) URL() string {
	address := URL(e.Listener)
	if e.UWSGI {
		return "uwsgi" + strings.TrimPrefix(address, "http")
	}
	return address
}
