package bridge

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// The PROXY protocol: a load balancer says, before anything else, whose connection it passes on. Only connections from peers in
// Server.ProxyProtocol begin so, and all of theirs: were it optional, a client that the balancer lets through untouched could
// say who it is by itself.

var (
	errAnnouncement     = errors.New("the connection does not begin with a header of the PROXY protocol, or with a malformed one")
	errAnnouncementLate = errors.New("the header of the PROXY protocol was not complete in time")
)

const (
	announcement1Max  = 107 // bytes of a line of version 1
	announcement2Head = 16  // bytes of version 2 before its addresses
	announcement2Max  = 4096
	// announcement2Proxy is version and command of a connection that is passed on.
	announcement2Proxy = 0x21
)

var announcement2 = []byte("\r\n\r\n\x00\r\nQUIT\n")

// announce takes the header that the connection begins with, if all of it is here, and what follows. What else there may be to
// wait for is left to the poller: a balancer passes connections on before their clients have anything to say.
func (c *conn) announce() {
	switch n, err := c.takeAnnouncement(); {
	case err != nil:
		go c.unlike(err)
	case n == 0:
		go c.awaitAnnouncement()
	default:
		c.afterAnnouncement()
	}
}

// awaitAnnouncement is announce for a header that comes in pieces.
func (c *conn) awaitAnnouncement() {
	defer c.recovered()
	by := deadline(c.s.Limits.Header)
	for {
		err := c.in.fillBy(by)
		if errors.Is(err, errTimeout) {
			c.unlike(errAnnouncementLate)
			return
		}
		if err != nil { // the client left
			c.close()
			return
		}
		switch n, err := c.takeAnnouncement(); {
		case err != nil:
			c.unlike(err)
			return
		case n > 0:
			c.afterAnnouncement()
			return
		}
	}
}

func (c *conn) afterAnnouncement() {
	if !c.in.empty() {
		c.take()
		return
	}
	c.in.release()
	if !c.rest() {
		c.ready()
	}
}

// unlike ends a connection that is not as it has to be. The log may wait for its reader.
func (c *conn) unlike(err error) {
	c.s.garbled.tell(c.s, c.at.remoteAddr, err)
	c.close()
}

// takeAnnouncement takes the header, and makes its client the connection's peer. n is 0 while it is not all here. The address
// that trusted proxies are known by is that one from here on: what a client says in X-Forwarded-*, a balancer passes on as it
// came, so that the balancer is trusted says nothing about it.
func (c *conn) takeAnnouncement() (n int, err error) {
	if n, err = announcementSize(c.in.bytes()); err != nil || n == 0 {
		return 0, err
	}
	if err = c.announced(c.in.bytes()[:n]); err != nil {
		return 0, err
	}
	c.in.skip(n)
	c.unannounced = false
	return n, nil
}

// announcementSize is the header's length, or 0 while it is not all here.
func announcementSize(buf []byte) (int, error) {
	switch {
	case len(buf) >= announcement2Head && bytes.HasPrefix(buf, announcement2):
		n := announcement2Head + int(binary.BigEndian.Uint16(buf[14:]))
		switch {
		case n > announcement2Max:
			return 0, errAnnouncement
		case n > len(buf):
			return 0, nil
		}
		return n, nil
	case bytes.HasPrefix(announcement2, buf[:min(len(buf), len(announcement2))]):
		return 0, nil
	case !bytes.HasPrefix([]byte("PROXY "), buf[:min(len(buf), len("PROXY "))]):
		return 0, errAnnouncement
	}
	end := bytes.Index(buf[:min(len(buf), announcement1Max)], []byte("\r\n"))
	if end < 0 && len(buf) >= announcement1Max {
		return 0, errAnnouncement
	}
	if end < 0 {
		return 0, nil
	}
	return end + 2, nil
}

// announced takes a whole header.
func (c *conn) announced(header []byte) error {
	if len(header) >= announcement2Head && bytes.HasPrefix(header, announcement2) && header[12] == announcement2Proxy && header[13] == 0 {
		return nil // UNSPEC: the balancer can't say, and the peer is the real one (the specification's section 2.2)
	}
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(header)))
	if err != nil {
		return errAnnouncement
	}
	if h.Command.IsLocal() { // the balancer itself, to see whether we live
		return nil
	}
	c.unix, c.at.remoteAddr, c.at.remotePort = false, "", ""
	if client, ok := h.SourceAddr.(interface{ AddrPort() netip.AddrPort }); ok { // else of a UNIX socket, perhaps on another machine
		addr := client.AddrPort()
		c.at.remoteAddr = addr.Addr().Unmap().String()
		c.at.remotePort = strconv.Itoa(int(addr.Port()))
	}
	tlvs, err := h.TLVs()
	if err != nil {
		return errAnnouncement
	}
	if ssl, ok := tlvparse.FindSSL(tlvs); ok && ssl.ClientSSL() {
		c.at.scheme, c.at.serverPort = "https", "443"
	}
	return nil
}
