package uwsgi

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pack is a packet of names and values.
func pack(modifier1 byte, pairs ...string) []byte {
	var block []byte
	for _, s := range pairs {
		block = binary.LittleEndian.AppendUint16(block, uint16(len(s)))
		block = append(block, s...)
	}
	return framed(modifier1, string(block))
}

// framed is a packet of anything.
func framed(modifier1 byte, block string) []byte {
	head := []byte{modifier1, byte(len(block)), byte(len(block) >> 8), 0}
	return append(head, block...)
}

// flat are a packet's variables as pack takes them.
func flat(p *Packet) (pairs []string) {
	for _, v := range p.Vars {
		pairs = append(pairs, string(v.Name), string(v.Value))
	}
	return pairs
}

func TestPacket(t *testing.T) {
	long := strings.Repeat("x", MaxSize-2-1-2)
	for name, pairs := range map[string][]string{
		"one":                   {"A", "b"},
		"an empty value":        {"A", "", "B", "2"},
		"an empty value at end": {"A", "1", "B", ""},
		"a name twice":          {"A", "1", "A", "2"},
		"any bytes":             {"A\x00\xff", "\r\n\x00\xff"},
		"the largest":           {"A", long},
	} {
		for _, modifier1 := range []byte{Python, ScriptName} {
			raw := pack(modifier1, pairs...)
			p := Packet{Vars: []Var{{Name: []byte("OLD")}}}
			n, err := p.Parse(append(slices.Clone(raw), "body"...), 0)
			if err != nil || n != len(raw) || p.Size != n-HeaderSize || p.Modifier1 != modifier1 {
				t.Errorf("%s: %d bytes, %v, %d; want %d", name, n, err, p.Size, len(raw))
			}
			if got := flat(&p); !slices.Equal(got, pairs) {
				t.Errorf("%s: got %.80q, want %.80q", name, got, pairs)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	many := make([]string, 0, 2*MaxVars+2)
	for i := range MaxVars + 1 {
		many = append(many, fmt.Sprintf("N%d", i), "")
	}
	if _, err := new(Packet).Parse(pack(0, many[:2*MaxVars]...), 0); err != nil {
		t.Errorf("%d variables: %v", MaxVars, err)
	}
	for name, test := range map[string]struct {
		raw  []byte
		want *Error
	}{
		"empty":                   {framed(0, ""), ErrEmpty},
		"half a length":           {framed(0, "\x01"), ErrLengths},
		"a name too long":         {framed(0, "\x09\x00A\x00\x00"), ErrLengths},
		"no value":                {framed(0, "\x01\x00A"), ErrLengths},
		"half a value's length":   {framed(0, "\x01\x00A\x01"), ErrLengths},
		"a value too long":        {framed(0, "\x01\x00A\x02\x00b"), ErrLengths},
		"the second pair":         {framed(0, "\x01\x00A\x01\x00b\x01\x00C\xff\xff"), ErrLengths},
		"no name":                 {pack(0, "A", "1", "", "2"), ErrNoName},
		"too many":                {pack(0, many...), ErrTooMany},
		"over the limit":          {pack(0, "A", strings.Repeat("x", 100)), ErrTooLarge},
		"the header is enough":    {[]byte{0, 0xff, 0xff, 0}, ErrTooLarge},
		"another language":        {pack(5, "A", "1"), ErrModifier},
		"ping":                    {[]byte{100, 0, 0, 0}, ErrModifier},
		"a response":              {[]byte{255, 1, 0, 0}, ErrModifier},
		"GET":                     {[]byte("GET / HTTP/1.1\r\n"), ErrHTTP},
		"POST":                    {[]byte("POST"), ErrHTTP},
		"get":                     {[]byte("get /"), ErrHTTP},
		"OPTIONS":                 {[]byte("OPTIONS *"), ErrHTTP},
		"HTTP/2":                  {[]byte("PRI * HTTP/2.0"), ErrHTTP},
		"TLS":                     {[]byte("\x16\x03\x01\x02\x00"), ErrTLS},
		"PROXY":                   {[]byte("PROXY TCP4"), ErrProxy},
		"PROXY, version 2":        {[]byte("\r\n\r\n\x00\r\nQUIT\n"), ErrProxy},
		"a letter, but no method": {[]byte("Hello"), ErrModifier},
	} {
		limit := 0
		if test.want == ErrTooLarge {
			limit = 100
		}
		var p Packet
		if n, err := p.Parse(test.raw, limit); err != test.want || n != 0 {
			t.Errorf("%s: %d, %v; want %v", name, n, err, test.want)
		}
		if strings.ContainsAny(test.want.Reason, "\n\r") || test.want.Error() == "" {
			t.Errorf("%s: %q is no line", name, test.want.Reason)
		}
	}
}

// TestPieces: how the bytes are cut changes nothing but that an error in the header comes early.
func TestPieces(t *testing.T) {
	raw := pack(ScriptName, "REQUEST_METHOD", "GET", "PATH_INFO", "/", "QUERY_STRING", "")
	var p Packet
	for i := range raw {
		n, err := p.Parse(raw[:i], 0)
		if n != 0 || err != nil || len(p.Vars) != 0 {
			t.Fatalf("%d bytes: %d, %v, %q", i, n, err, flat(&p))
		}
		if i >= HeaderSize && p.Size != len(raw)-HeaderSize {
			t.Errorf("%d bytes: Size %d", i, p.Size)
		}
	}
}

func TestModifierNames(t *testing.T) {
	if ModifierName(7) == "" || ModifierName(0) != "" || ModifierName(200) != "" {
		t.Error("the names are wrong")
	}
}

func TestAllocations(t *testing.T) {
	raw := nginx()
	var p Packet
	parse := func() {
		if n, err := p.Parse(raw, MaxSize); n != len(raw) || err != nil {
			t.Fatal(n, err)
		}
	}
	parse()
	if n := testing.AllocsPerRun(100, parse); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}

// nginx is a packet as nginx sends it.
func nginx() []byte {
	return pack(0,
		"QUERY_STRING", "q=1", "REQUEST_METHOD", "GET", "CONTENT_TYPE", "", "CONTENT_LENGTH", "", "REQUEST_URI", "/a?q=1",
		"PATH_INFO", "/a", "DOCUMENT_ROOT", "/usr/share/nginx/html", "SERVER_PROTOCOL", "HTTP/1.1", "REQUEST_SCHEME", "http",
		"REMOTE_ADDR", "127.0.0.1", "REMOTE_PORT", "40000", "SERVER_PORT", "80", "SERVER_NAME", "localhost",
		"HTTP_HOST", "localhost", "HTTP_USER_AGENT", "curl/8", "HTTP_ACCEPT", "*/*")
}

func BenchmarkPacket(b *testing.B) {
	raw := nginx()
	var p Packet
	b.ReportAllocs()
	for b.Loop() {
		if n, err := p.Parse(raw, MaxSize); n == 0 || err != nil {
			b.Fatal(n, err)
		}
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(nginx(), 0)
	f.Add(pack(30, "A", "", "B", "2"), 10)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 1)
	f.Add(framed(0, "\x01\x00A\x02\x00b"), 0)
	f.Add([]byte{0, 0, 0, 0}, 0)
	f.Fuzz(func(t *testing.T, raw []byte, limit int) {
		var p Packet
		n, err := p.Parse(raw, limit)
		switch {
		case err != nil:
			if n != 0 || err.Error() == "" {
				t.Fatalf("%d bytes and %v", n, err)
			}
			return
		case n == 0:
			if len(p.Vars) != 0 || len(raw) >= HeaderSize+p.Size && len(raw) >= HeaderSize {
				t.Fatalf("nothing of %d bytes, Size %d", len(raw), p.Size)
			}
			return
		}
		// What was read, written again, is what was there.
		again := pack(p.Modifier1, flat(&p)...)
		again[3] = p.Modifier2
		if n > len(raw) || !bytes.Equal(again, raw[:n]) {
			t.Fatalf("%q is %q", raw[:n], again)
		}
		if limit > 0 && p.Size > limit || len(p.Vars) > MaxVars || len(p.Vars) == 0 {
			t.Fatalf("size %d, %d variables", p.Size, len(p.Vars))
		}
		var q Packet
		if m, err := q.Parse(raw[:n-1], limit); m != 0 || err != nil {
			t.Fatalf("without its last byte: %d, %v", m, err)
		}
	})
}
