package bridge

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// What is wrong with what a peer of Server.ProxyProtocol begins with.
var (
	errNoGreeting    = errors.New("it does not begin with the PROXY protocol")
	errGreetingLarge = errors.New("its PROXY header is larger than any should be")
	errGreetingLate  = errors.New("its PROXY header was not complete in time")
)

const (
	greetingLine  = 107          // version 1: the longest line, its end included
	greetingFixed = 16           // version 2: what comes before the part whose length it tells
	greetingMost  = 4<<10 - 1<<8 // the most of that part: with certificates in it, it is below 3 KiB
)

// greet takes the PROXY header that the connection begins with, and then what follows it. It does not wait.
func (c *conn) greet() {
	n, err := c.greeted()
	switch {
	case err != nil:
		c.ungreeted(err)
		c.close()
	case n == 0:
		go c.awaitGreeting()
	case c.in.empty():
		c.in.release()
		if !c.rest() {
			c.ready()
		}
	default:
		c.take()
	}
}

// awaitGreeting is greet for a header that is not all here.
func (c *conn) awaitGreeting() {
	defer c.recovered()
	by := deadline(c.s.Limits.Header)
	for {
		err := c.in.fillBy(by)
		if err == nil {
			var n int
			if n, err = c.greeted(); err == nil && n == 0 {
				continue
			}
		}
		switch {
		case err == nil && c.in.empty():
			c.in.release()
			if !c.rest() {
				c.ready()
			}
			return
		case err == nil:
			c.take()
			return
		case errors.Is(err, errTimeout):
			err = errGreetingLate
		}
		c.ungreeted(err)
		c.close()
		return
	}
}

// ungreeted tells the log. A client that left is not worth it.
func (c *conn) ungreeted(err error) {
	if err == errNoGreeting || err == errGreetingLarge || err == errGreetingLate || errors.As(err, new(*greetingError)) {
		c.s.complain("PROXY "+kindOf(err), "closed a connection of a peer that has to send a PROXY header (--proxy-protocol)",
			"reason", err, "remote", c.at.remoteAddr)
	}
}

// greetingError is a header that the library does not take.
type greetingError struct{ err error }

func (e *greetingError) Error() string { return "its PROXY header is malformed: " + e.err.Error() }

func kindOf(err error) string {
	if errors.As(err, new(*greetingError)) {
		return "malformed"
	}
	return err.Error()
}

// greeted takes the header if all of it is here; n is its size, 0 if not. From then on the client is whom it
// names. That goes for Server.Proxies, too: what a client says in X-Forwarded-*, a proxy that sends PROXY headers
// passes on as it came, so it is the client that must be trusted, and not the proxy.
func (c *conn) greeted() (n int, err error) {
	raw := c.in.bytes()
	if n, err = greetingSize(raw); err != nil || n == 0 || n > len(raw) {
		return 0, err
	}
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(raw[:n]), n))
	if err != nil {
		return 0, &greetingError{err}
	}
	c.in.skip(n)
	c.greeting = false
	if h.Command.IsLocal() {
		return n, nil // of the proxy itself: it asks whether we live
	}
	c.named(h)
	return n, nil
}

// named makes the client whom h names.
func (c *conn) named(h *proxyproto.Header) {
	c.unix, c.at.remoteAddr, c.at.remotePort = false, "", ""
	if from, ok := h.SourceAddr.(*net.TCPAddr); ok { // else a UNIX socket, of another machine perhaps
		addr, _ := netip.AddrFromSlice(from.IP)
		c.at.remoteAddr, c.at.remotePort = addr.Unmap().String(), strconv.Itoa(from.Port)
	}
	tlvs, err := h.TLVs()
	if err != nil {
		return // what follows the addresses is optional
	}
	if ssl, ok := tlvparse.FindSSL(tlvs); ok && ssl.ClientSSL() {
		c.at.scheme, c.at.serverPort = "https", "443"
	}
}

// greetingSize is the size of the header that raw begins with: more than raw has, or 0, if there is more to come.
func greetingSize(raw []byte) (n int, err error) {
	switch {
	case begins(raw, proxyproto.SIGV1):
		if n = bytes.IndexByte(raw[:min(len(raw), greetingLine)], '\n') + 1; n == 0 && len(raw) >= greetingLine {
			return 0, errGreetingLarge
		}
		return n, nil
	case !begins(raw, proxyproto.SIGV2):
		return 0, errNoGreeting
	case len(raw) < greetingFixed:
		return 0, nil
	}
	length := int(binary.BigEndian.Uint16(raw[greetingFixed-2:]))
	if length > greetingMost {
		return 0, errGreetingLarge
	}
	return greetingFixed + length, nil
}

// begins tells whether raw begins with what, as far as there is one of the two.
func begins(raw, what []byte) bool {
	n := min(len(raw), len(what))
	return bytes.Equal(raw[:n], what[:n])
}
