package uwsgi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// packet makes one of keys and values.
func packet(modifier byte, texts ...string) []byte {
	var data []byte
	for _, text := range texts {
		data = binary.LittleEndian.AppendUint16(data, uint16(len(text)))
		data = append(data, text...)
	}
	head := []byte{modifier, 0, 0, 0}
	binary.LittleEndian.PutUint16(head[1:], uint16(len(data)))
	return append(head, data...)
}

func (p *Packet) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", p.Modifier1)
	for _, v := range p.Vars {
		fmt.Fprintf(&b, " %s=%s", v.Key, v.Value)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	many := make([]string, 0, 2*MaxVars+2)
	for range MaxVars + 1 {
		many = append(many, "K", "")
	}
	for _, test := range []struct {
		name  string
		bytes []byte
		want  string
		err   error
	}{
		{name: "one", bytes: packet(0, "A", "1"), want: "0 A=1"},
		{name: "two, one empty, with a body behind", bytes: append(packet(30, "A", "", "B", "2"), "body"...), want: "30 A= B=2"},
		{name: "the last one empty", bytes: packet(0, "A", "1", "B", ""), want: "0 A=1 B="},
		{name: "bytes", bytes: packet(0, "A", "\x00\xff"), want: "0 A=\x00\xff"},
		{name: "as many as may be", bytes: packet(0, many[2:]...), want: "0" + strings.Repeat(" K=", MaxVars)},

		{name: "too many", bytes: packet(0, many...), err: ErrVars},
		{name: "empty", bytes: packet(0), err: ErrEmpty},
		{name: "no key", bytes: packet(0, "", "1"), err: ErrKey},
		{name: "a key without a value", bytes: packet(0, "A"), err: ErrCut},
		{name: "a key that is cut", bytes: []byte{0, 3, 0, 0, 5, 0, 'A'}, err: ErrCut},
		{name: "a length that is cut", bytes: []byte{0, 1, 0, 0, 5}, err: ErrCut},
		{name: "a value that is cut", bytes: []byte{0, 6, 0, 0, 1, 0, 'A', 9, 0, 'x'}, err: ErrCut},
		{name: "psgi", bytes: packet(5, "A", "1"), err: ErrModifier},
		{name: "ping", bytes: []byte{100, 0, 0, 0}, err: ErrModifier},
		{name: "too large", bytes: packet(0, "A", strings.Repeat("x", 9000)), err: ErrLarge},
		{name: "HTTP", bytes: []byte("GET / HTTP/1.1\r\n\r\n"), err: ErrHTTP},
		{name: "HTTP's first bytes", bytes: []byte("POST"), err: ErrHTTP},
		{name: "HTTP/2", bytes: []byte("PRI * HTTP/2.0\r\n"), err: ErrHTTP},
		{name: "TLS", bytes: []byte{0x16, 3, 1, 2, 0}, err: ErrTLS},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p Packet
			n, err := p.Parse(test.bytes, 8192)
			if err != nil || test.err != nil {
				if !errors.Is(err, test.err) || n != 0 {
					t.Errorf("got %d, %v; want %v", n, err, test.err)
				}
				return
			}
			if p.String() != test.want || n > len(test.bytes) {
				t.Errorf("got %d, %s; want %s", n, &p, test.want)
			}
			for cut := range n { // and from its beginning alone it wants more
				if n, err := p.Parse(test.bytes[:cut], 8192); n != 0 || err != nil {
					t.Errorf("of %d bytes: %d, %v", cut, n, err)
				}
			}
		})
	}
}

func TestGet(t *testing.T) {
	var p Packet
	if _, err := p.Parse(packet(0, "A", "1", "B", "", "A", "2"), 4096); err != nil {
		t.Fatal(err)
	}
	if string(p.Get("A")) != "2" || p.Get("B") == nil || p.Get("C") != nil {
		t.Errorf("%s", &p)
	}
}

func TestParseAllocates(t *testing.T) {
	var p Packet
	raw := packet(0, "REQUEST_METHOD", "GET", "PATH_INFO", "/", "HTTP_HOST", "localhost")
	if n := testing.AllocsPerRun(100, func() { _, _ = p.Parse(raw, MaxSize) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPacket: whatever comes, what is parsed lies inside of the bytes, in their order, and makes the same packet again.
func FuzzPacket(f *testing.F) {
	f.Add(packet(0, "A", "1", "B", ""))
	f.Add(packet(30, "SCRIPT_NAME", "/x", "PATH_INFO", "/x/y"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p Packet
		n, err := p.Parse(raw, MaxSize)
		if refusal := Error(""); err != nil && !errors.As(err, &refusal) {
			t.Fatalf("%v", err)
		}
		if n == 0 {
			return
		}
		var texts []string
		for _, v := range p.Vars {
			texts = append(texts, string(v.Key), string(v.Value))
		}
		again := packet(p.Modifier1, texts...)
		again[3] = p.Modifier2
		if !bytes.Equal(again, raw[:n]) {
			t.Errorf("%q became %q", raw[:n], again)
		}
	})
}
