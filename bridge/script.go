package bridge

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strconv"
	"strings"
)

// withScript is w, with Dev's script in the app's pages.
func (c *Call) withScript(w Runner) Runner {
	dev := c.conn.s.Dev
	if dev == nil || dev.Script == nil {
		return w
	}
	v := c.visit()
	if v.Method != "GET" && v.Method != "HEAD" || !c.navigates() {
		return w
	}
	url := dev.Script(v)
	if url == "" {
		return w
	}
	return &scripted{Runner: w, url: url, bare: c.isHead}
}

// navigates tells whether the answer may be a page of its own: not a piece that a script puts into one.
func (c *Call) navigates() bool {
	if dest, ok := c.Lookup("HTTP_SEC_FETCH_DEST"); ok && !slices.Contains([]string{"document", "iframe", "frame"}, dest) {
		return false
	}
	_, xhr := c.Lookup("HTTP_X_REQUESTED_WITH")
	_, part := c.Lookup("HTTP_RANGE")
	return !xhr && !part
}

// scripted is a Runner whose pages of HTML get a script. Nothing is held back for that: a response that comes in one
// piece gets it before its </body>, any other at its end, where browsers take it too.
type scripted struct {
	Runner
	url  string
	bare bool // HEAD: the head is that of GET, as far as it can be told

	tag   []byte // still to be put in; nil: nothing is
	left  int64  // how much of the app's body comes before; -1: it is known at the end only
	reply Reply
	body  []byte
}

// Begin implements [Runner].
func (s *scripted) Begin(r Request) Event { return s.pass(s.Runner.Begin(r)) }

// Next implements [Runner].
func (s *scripted) Next() Event { return s.pass(s.Runner.Next()) }

// Abort implements [Runner].
func (s *scripted) Abort() Event {
	event := s.Runner.Abort()
	s.reply = *s.Runner.Reply()
	return event
}

// Reply implements [Runner].
func (s *scripted) Reply() *Reply { return &s.reply }

func (s *scripted) pass(event Event) Event {
	s.reply = *s.Runner.Reply()
	if s.reply.Head && event != EventLost {
		s.begin(event)
	}
	if s.tag != nil {
		s.put(event)
	}
	return event
}

// pageHead is what the headers say of a response.
type pageHead struct {
	html, other bool // other: it must stay as it is
	gzip        bool
	length      int64 // -1: not told
	policies    []string
}

func readPage(status int, headers []byte) pageHead {
	p := pageHead{length: -1, other: status < 200 || status == 204 || status == 205 || status == 206 || status == 304}
	for name, value := range packedPairs(headers) {
		text := strings.ToLower(string(value))
		switch strings.ToLower(string(name)) {
		case "content-type":
			kind, _, _ := strings.Cut(text, ";")
			p.html = strings.TrimSpace(kind) == "text/html" && !strings.Contains(text, "utf-16") && !strings.Contains(text, "utf-32")
		case "content-length":
			p.length = parseLength(value)
		case "content-encoding":
			p.gzip = text == "gzip"
			p.other = p.other || !p.gzip && text != "identity"
		case "content-disposition":
			p.other = p.other || strings.HasPrefix(strings.TrimSpace(text), "attachment")
		case "content-security-policy":
			p.policies = append(p.policies, string(value))
		case "content-range", "content-md5", "digest", "content-digest", "repr-digest":
			p.other = true
		}
	}
	return p
}

// begin decides, with the head, whether the script can be put in, and where.
func (s *scripted) begin(event Event) {
	r := &s.reply
	p := readPage(statusCode(r.Status), r.Headers)
	nonce, may := policy(p.policies)
	total := p.length
	if total < 0 {
		total = r.Total
	}
	if !p.html || p.other || !may || total == 0 {
		return
	}
	tag := scriptTag(s.url, nonce)
	if p.gzip {
		s.repack(event, tag)
		return
	}
	if p.length >= 0 {
		s.announce(p.length + int64(len(tag)))
	}
	if r.Total >= 0 {
		r.Total += int64(len(tag))
	}
	s.left = total
	if !s.bare {
		s.tag = tag
	}
}

// announce changes the length that the head tells; -1: it tells none.
func (s *scripted) announce(length int64) {
	var headers []byte
	for name, value := range packedPairs(s.reply.Headers) {
		if !equalFold(name, "Content-Length") {
			headers = appendPair(headers, name, value)
		} else if length >= 0 {
			headers = appendPair(headers, name, strconv.FormatInt(length, 10))
		}
	}
	s.reply.Headers = headers
}

// unpackMax is the longest compressed page that gets a script.
const unpackMax = 8 << 20

// repack puts the tag into a compressed page that is here in one piece. Others stay as they are.
func (s *scripted) repack(event Event, tag []byte) {
	r := &s.reply
	if s.bare { // how long the page would be, only GET can tell
		s.announce(-1)
		r.Total = -1
		return
	}
	if event != EventDone { // not whole
		return
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(r.Body))
	if err != nil {
		return
	}
	text, err := io.ReadAll(io.LimitReader(unpacker, unpackMax+1))
	if err != nil || len(text) > unpackMax {
		return
	}
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	_, _ = packer.Write(insert(nil, text, tag)) // a buffer takes all
	_ = packer.Close()
	r.Body = packed.Bytes()
	s.announce(int64(len(r.Body)))
	if r.Total >= 0 {
		r.Total = int64(len(r.Body))
	}
}

// put puts the tag into the reply when its place is there.
func (s *scripted) put(event Event) {
	r := &s.reply
	n := int64(len(r.Body))
	last := event == EventDone || event == EventError && (r.Head || n > 0) // --dev's own page of an exception
	switch {
	case event == EventFile && s.left >= 0:
		r.Length = min(r.Length, s.left)
		s.left -= r.Length
	case event == EventFile: // its end is the response's
	case r.Head && (last && s.left < 0 || n == s.left): // all of it
		s.body = insert(s.body[:0], r.Body, s.tag)
		r.Body, s.tag = s.body, nil
	case last && s.left < 0:
		s.body = append(append(s.body[:0], r.Body...), s.tag...)
		r.Body, s.tag = s.body, nil
	case (last || event == EventChunk) && s.left >= 0 && n >= s.left:
		// What the app gives beyond its own length stays too much.
		s.body = append(append(append(s.body[:0], r.Body[:s.left]...), s.tag...), r.Body[s.left:]...)
		r.Body, s.tag = s.body, nil
	case event == EventChunk && s.left >= 0:
		s.left -= n
	case event == EventError || event == EventLost:
		s.tag = nil
	}
}

// insert appends text with the tag before its last </body>, or at its end.
func insert(dst, text, tag []byte) []byte {
	at := len(text)
	for i := len(text) - len("</body"); i >= 0; i-- {
		if text[i] == '<' && equalFold(text[i:i+len("</body")], "</body") {
			at = i
			break
		}
	}
	return append(append(append(dst, text[:at]...), tag...), text[at:]...)
}

// scriptTag is the script as an element. url has no quotes.
func scriptTag(url, nonce string) []byte {
	tag := `<script src="` + url + `" async`
	if nonce != "" {
		tag += ` nonce="` + nonce + `"`
	}
	return []byte(tag + "></script>")
}

// policy tells whether the page's Content-Security-Policies let a script of this server run and connect to it, and
// the nonce that it needs for that, if any.
func policy(headers []string) (nonce string, ok bool) {
	for _, p := range strings.Split(strings.Join(headers, ","), ",") {
		directives := map[string][]string{}
		for _, d := range strings.Split(p, ";") {
			if words := strings.Fields(d); len(words) > 0 && directives[strings.ToLower(words[0])] == nil {
				directives[strings.ToLower(words[0])] = words
			}
		}
		first := func(names ...string) []string {
			for _, name := range names {
				if d := directives[name]; d != nil {
					return d[1:]
				}
			}
			return []string{"'self'"}
		}
		if d := directives["sandbox"]; d != nil && !(slices.Contains(d, "allow-scripts") && slices.Contains(d, "allow-same-origin")) {
			return "", false
		}
		if !allows(first("connect-src", "default-src")) {
			return "", false
		}
		scripts := first("script-src-elem", "script-src", "default-src")
		at := slices.IndexFunc(scripts, func(w string) bool { return strings.HasPrefix(strings.ToLower(w), "'nonce-") })
		switch {
		case at >= 0:
			own := strings.TrimSuffix(scripts[at][len("'nonce-"):], "'")
			if nonce != "" && nonce != own || own == "" || strings.ContainsFunc(own, notNonce) {
				return "", false
			}
			nonce = own
		case slices.Contains(scripts, "'strict-dynamic'") || !allows(scripts):
			return "", false
		}
	}
	return nonce, true
}

// notNonce: RFC 4648's alphabets, and nothing that could end an attribute.
func notNonce(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+/=-_", r)
}

// allows tells whether sources have what is served here among them.
func allows(sources []string) bool {
	return slices.ContainsFunc(sources, func(source string) bool {
		return strings.EqualFold(source, "'self'") || source == "*" || strings.EqualFold(source, "http:")
	})
}
