package bridge

import (
	"fmt"
	"strings"
)

// Added are headers that go with every response of the app, and with static files; not with the server's own
// refusals. The zero value is none. They stand behind the app's, which keeps its own of the same name.
type Added struct {
	lines        []byte
	count        int
	date, server bool // the server's own are not wanted
}

// ParseAdded reads "Name: value" lines. What frames a response or is between two hops is the server's alone.
func ParseAdded(list []string) (Added, error) {
	var a Added
	for _, text := range list {
		name, value, ok := strings.Cut(text, ":")
		value = strings.Trim(value, " \t")
		switch {
		case !ok || !isName(name):
			return Added{}, fmt.Errorf("add-header %q: want a name and a value, as in 'X-Frame-Options: DENY'", text)
		case strings.IndexFunc(value, isControl) >= 0:
			return Added{}, fmt.Errorf("add-header %q: a value has no control characters", text)
		case isFraming(name):
			return Added{}, fmt.Errorf("add-header %q: %s is the server's to send", text, name)
		}
		a.date = a.date || strings.EqualFold(name, "Date")
		a.server = a.server || strings.EqualFold(name, "Server")
		a.count++
		a.lines = append(a.lines, name+": "+value+"\r\n"...)
	}
	return a, nil
}

func isName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}) < 0
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// isFraming: RFC 9110, section 7.6.1, and what tells a body's length.
func isFraming(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade",
		"content-length", "content-range":
		return true
	}
	return false
}

// appendOwn appends Server and Date, if nobody else has sent them, and the added headers.
func (a *Added) appendOwn(dst []byte, server, date bool) []byte {
	if !server && !a.server {
		dst = append(dst, "Server: gowsgi\r\n"...)
	}
	if !date && !a.date {
		dst = appendDateField(dst)
	}
	return append(dst, a.lines...)
}
