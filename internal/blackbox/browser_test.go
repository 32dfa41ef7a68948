package blackbox

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// browser is a client with cookies that follows no redirect by itself.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
}

func (s *server) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	applies(t, s.shape)
	return &browser{t, "http://" + s.addr, &http.Client{
		Jar: jar, Transport: transport, Timeout: patience(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is an answer with its body read.
type page struct {
	*http.Response
	body string
}

func (b *browser) do(req *http.Request, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body strings.Builder
	if _, err := io.Copy(&body, resp.Body); err != nil {
		b.t.Fatal(err)
	}
	return page{resp, body.String()}
}

func (b *browser) get(path string, headers ...string) page {
	b.t.Helper()
	req, err := http.NewRequest("GET", b.base+path, nil)
	for i := 0; err == nil && i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return b.do(req, err)
}

// form posts fields, in pairs.
func (b *browser) form(path string, pairs ...string) page {
	b.t.Helper()
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return b.send("POST", path, "application/x-www-form-urlencoded", v.Encode())
}

func (b *browser) send(method, path, contentType, body string) page {
	b.t.Helper()
	req, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", contentType)
	}
	return b.do(req, err)
}

// want asserts status and text.
func (p page) want(t *testing.T, status int, words ...string) {
	t.Helper()
	if p.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d: %.300q", p.Request.Method, p.Request.URL, p.StatusCode, status, p.body)
	}
	for _, w := range words {
		if !strings.Contains(p.body, w) {
			t.Errorf("%s %s: body lacks %q: %.500q", p.Request.Method, p.Request.URL, w, p.body)
		}
	}
}

// wantRedirect asserts where an answer leads.
func (p page) wantRedirect(t *testing.T, status int, location string) {
	t.Helper()
	p.want(t, status)
	if got := p.Header.Get("Location"); got != location {
		t.Errorf("%s %s: Location %q, want %q", p.Request.Method, p.Request.URL, got, location)
	}
}
