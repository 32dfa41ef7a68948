package bridge

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"strconv"

	"github.com/pires/go-proxyproto"
)

// The PROXY protocol: a load balancer says, before anything else, whose connection it passes on. Only connections from peers in
// Server.ProxyProtocol begin so, and all of theirs: were it optional, a client that the balancer lets through untouched could
// say who it is by itself.

var errAnnouncement = errors.New("the connection does not begin with a header of the PROXY protocol, or with a malformed one")

const (
	announcement1Max  = 107 // bytes of a line of version 1
	announcement2Head = 16  // bytes of version 2 before its addresses
	announcement2Max  = 4096
)

var announcement2 = []byte("\r\n\r\n\x00\r\nQUIT\n")

// readAnnouncement reads the header, and makes its client the connection's peer. The address that trusted proxies are
// known by is that one from here on: who has announced it stays in the log of the balancer.
func (c *conn) readAnnouncement() error {
	by := deadline(c.s.Limits.Header)
	for {
		n, err := announcementSize(c.in.bytes())
		if err == nil && n > 0 {
			err = c.announced(c.in.bytes()[:n])
		}
		switch {
		case err != nil:
			c.s.garbled.tell(c.s, c.at.remoteAddr, err)
			return err
		case n > 0:
			c.in.skip(n)
			c.unannounced = false
			return nil
		}
		if err := c.in.fillBy(by); err != nil {
			return err
		}
	}
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
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(header)))
	if err != nil {
		return errAnnouncement
	}
	if h.Command.IsLocal() { // the balancer itself, to see whether we live
		return nil
	}
	if client, ok := h.SourceAddr.(*net.TCPAddr); ok { // else of a UNIX socket, or unknown: the peer stays
		addr := client.AddrPort()
		c.at.remoteAddr = addr.Addr().Unmap().String()
		c.at.remotePort = strconv.Itoa(int(addr.Port()))
	}
	return nil
}
