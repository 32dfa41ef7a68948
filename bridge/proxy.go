package bridge

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gowsgi/gowsgi/internal/http1"
)

// Proxies are the peers whose X-Forwarded-* fields are believed. Without any, the
// fields mean nothing to the server and reach the app as they came (it may have a
// ProxyFix of its own). With some, fields of other peers are forged: they are dropped.
type Proxies struct {
	prefixes []netip.Prefix
	unix     bool // peers on a UNIX socket
}

// ParseProxies reads networks in CIDR form, single addresses, and "unix".
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, text := range list {
		if text == "unix" {
			p.unix = true
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err2 := netip.ParseAddr(text)
			if err2 != nil {
				return p, fmt.Errorf("trusted proxy %q is neither a network such as 10.0.0.0/8, nor an address, nor \"unix\"", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96) // peers are compared unmapped
		}
		p.prefixes = append(p.prefixes, prefix.Masked())
	}
	return p, nil
}

func (p *Proxies) configured() bool { return p.unix || len(p.prefixes) > 0 }

// trustsPeer tells whether a connection's peer is one of them.
func (p *Proxies) trustsPeer(at *endpoint, unix bool) bool {
	if unix {
		return p.unix
	}
	return p.trustsAddr(at.remoteAddr)
}

func (p *Proxies) trustsAddr(text string) bool {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	return p.trusts(addr)
}

func (p *Proxies) trusts(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, prefix := range p.prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// forwarded are the fields, by what they tell.
const (
	forwardedFor = iota
	forwardedProto
	forwardedHost
	forwardedPort
	forwardedPrefix
	forwardedCount
)

var forwardedNames = [forwardedCount]string{
	"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
}

// apply reads a trusted peer's fields into at and h, and drops another's. It
// returns the path prefix that the proxy has taken off.
func (p *Proxies) apply(h *http1.Head, at *endpoint, unix bool) (prefix string) {
	if !p.configured() {
		return ""
	}
	if !p.trustsPeer(at, unix) {
		h.Fields = withoutForwarded(h.Fields)
		return ""
	}
	values := forwardedValues(h.Fields)
	if addr := p.client(values[forwardedFor]); addr != "" {
		at.remoteAddr, at.remotePort = addr, ""
	}
	if scheme := strings.ToLower(last(values[forwardedProto])); scheme == "http" || scheme == "https" {
		at.scheme = scheme
		at.serverPort = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	if host := last(values[forwardedHost]); validHost(host) {
		setHost(h, host)
		if _, port, ok := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":"); ok && isPort(port) {
			at.serverPort = port
		}
	}
	if port := last(values[forwardedPort]); isPort(port) {
		at.serverPort = port
	}
	return cleanPrefix(last(values[forwardedPrefix]))
}

// client is the last address of X-Forwarded-For that is not a trusted proxy's own: what
// stands before it, the client may have written.
func (p *Proxies) client(list string) string {
	for list != "" {
		comma := strings.LastIndexByte(list, ',')
		text := strings.TrimSpace(list[comma+1:])
		addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil {
			with, err := netip.ParseAddrPort(text)
			if err != nil {
				return ""
			}
			addr = with.Addr()
		}
		if addr = addr.Unmap(); comma < 0 || !p.trusts(addr) {
			return addr.String()
		}
		list = list[:comma]
	}
	return ""
}

func forwardedIndex(name []byte) int {
	if len(name) < len("X-Forwarded-For") || name[0]|0x20 != 'x' {
		return -1
	}
	for i, known := range forwardedNames {
		if equalFold(name, known) {
			return i
		}
	}
	return -1
}

// forwardedValues joins the values of each field, as one list.
func forwardedValues(fields []http1.Field) (values [forwardedCount]string) {
	for _, f := range fields {
		if i := forwardedIndex(f.Name); i >= 0 {
			if values[i] != "" {
				values[i] += ","
			}
			values[i] += string(f.Value)
		}
	}
	return values
}

func withoutForwarded(fields []http1.Field) []http1.Field {
	kept := fields[:0]
	for _, f := range fields {
		if forwardedIndex(f.Name) < 0 && !equalFold(f.Name, "Forwarded") {
			kept = append(kept, f)
		}
	}
	return kept
}

// last is the last item of a list: what the nearest proxy said.
func last(list string) string {
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}

// isPort: 1 to 65535.
func isPort(s string) bool {
	if s == "" {
		return false // as a rule: ParseUint's error would be allocated
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func validHost(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("/\\?#@\"<>,;", r)
	}) < 0
}

// setHost makes host what the environ calls HTTP_HOST.
func setHost(h *http1.Head, host string) { h.Authority = []byte(host) }

// cleanPrefix accepts a path without a trailing slash.
func cleanPrefix(s string) string {
	s = strings.TrimRight(s, "/")
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return ""
	}
	return s
}
