package blackbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nginxApp is an app.py for the configurations of docs/nginx.md: it tells what it sees.
const nginxApp = `
import json, os

KEYS = ("SCRIPT_NAME", "PATH_INFO", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "wsgi.url_scheme")


def app(environ, start_response):
    if environ["PATH_INFO"] == "/upload":
        first = environ["wsgi.input"].readline()
        open(os.path.join(os.environ["SCRATCH"], "seen"), "wb").write(first)
        environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/stream":
        return stream(start_response)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({key: environ.get(key, "<absent>") for key in KEYS}).encode()]


def stream(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first"
    open(os.path.join(os.environ["SCRATCH"], "gate"), "rb", buffering=0).read()
    yield b"second"
`

// proxied is a gowsgi with nginxApp, and nginx in front.
type proxied struct {
	*server
	front *nginx
}

// startProxied starts gowsgi as docs/nginx.md says, but for addresses, and nginx with one of its configurations.
func startProxied(t *testing.T, conf, command string, replace ...string) *proxied {
	t.Helper()
	dir := socketDir(t)
	put(t, dir, "app.py", nginxApp)
	addresses := []string{docTCP, ownAddress(), docHTTP, ownAddress(), docSocket, filepath.Join(dir, "app.sock"), docUnix, filepath.Join(dir, "http.sock")}
	words := shellWords(t, strings.NewReplacer(addresses...).Replace(command))
	s := single.start(t, launch{Bare: true, Dir: dir, Args: words, Env: []string{"GOWSGI_HTTP=127.0.0.1:0"}})
	documented := nginxDocumented(t, conf)
	for i := 0; i < len(addresses); i += 2 {
		if strings.Contains(documented, addresses[i]) {
			replace = append(replace, addresses[i], addresses[i+1])
		}
	}
	front := startNginx(t, conf, replace...)
	return &proxied{s, front}
}

// see is the environ of a GET through nginx.
func (p *proxied) see(t *testing.T, target string, lines ...string) env {
	t.Helper()
	c := p.server.dialTo(t, "tcp", p.front.addr)
	defer c.Close()
	c.send(request("GET", target, "", lines...))
	r := c.response("GET")
	r.wantStatus(t, 200)
	var e env
	if err := json.Unmarshal(r.Body, &e); err != nil {
		t.Fatalf("%v: %q", err, r.Body)
	}
	return e
}

// end stops nginx first, so that what it keeps is not gowsgi's to answer for.
func (p *proxied) end(t *testing.T) {
	t.Helper()
	p.closeConns()
	p.front.stop(t)
	p.server.stop(t)
}

// Commands of docs/nginx.md.
const (
	onSocket     = "gowsgi --socket /run/app/app.sock --chmod-socket=660 app:app"
	onHTTP       = "gowsgi --http 127.0.0.1:5000 --trusted-proxy 127.0.0.1/32 app:app"
	onHTTPSocket = "gowsgi --http unix:/run/app/http.sock --trusted-proxy unix app:app"
)

// servesNginx tests a documented command together with the configuration that stands below it.
func servesNginx(conf string) func(*testing.T, string) {
	return func(t *testing.T, command string) {
		t.Parallel()
		if conf == "mounted" {
			p := startProxied(t, "uwsgi-unix", command)
			p.see(t, "/shop/x").want(t, "SCRIPT_NAME", "/shop", "PATH_INFO", "/x")
			p.end(t)
			return
		}
		p := startProxied(t, conf, command)
		p.see(t, "/a%20b?c=d", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Prefix: /evil").want(t,
			"SCRIPT_NAME", "", "PATH_INFO", "/a b", "HTTP_HOST", "test", "REMOTE_ADDR", "127.0.0.1", "wsgi.url_scheme", "http")
		p.end(t)
	}
}

// What a client sends as X-Forwarded-* gets by none of the documented configurations to the app as anything but a header.
func TestNginxForwarded(t *testing.T) {
	t.Parallel()
	for conf, command := range map[string]string{"uwsgi-unix": onSocket, "proxy-tcp": onHTTP, "proxy-unix": onHTTPSocket} {
		t.Run(conf, func(t *testing.T) {
			t.Parallel()
			p := startProxied(t, conf, command)
			for _, line := range append(forwarded, "X-Forwarded-Port: 666", "X-Forwarded-SSL: on", "UWSGI-SCHEME: https", "HTTPS: on", "Forwarded: for=6.6.6.6;proto=https") {
				p.see(t, "/x", line).want(t, "SCRIPT_NAME", "", "PATH_INFO", "/x", "HTTP_HOST", "test",
					"REMOTE_ADDR", "127.0.0.1", "wsgi.url_scheme", "http")
			}
			p.end(t)
		})
	}
}

// An app below a path, by both protocols.
func TestNginxSubpath(t *testing.T) {
	t.Parallel()
	for conf, command := range map[string]string{"subpath-uwsgi": onSocket, "subpath-proxy": onHTTPSocket} {
		t.Run(conf, func(t *testing.T) {
			t.Parallel()
			p := startProxied(t, conf, command)
			p.see(t, "/shop/cart/1?x=y").want(t, "SCRIPT_NAME", "/shop", "PATH_INFO", "/cart/1", "HTTP_HOST", "test")
			p.see(t, "/shop/").want(t, "SCRIPT_NAME", "/shop", "PATH_INFO", "/")
			c := p.server.dialTo(t, "tcp", p.front.addr)
			c.send(request("GET", "/shop", ""))
			if r := c.response("GET"); r.Status != 301 || !strings.HasSuffix(r.get("Location"), "/shop/") {
				t.Errorf("/shop: %s", r.Head)
			}
			p.end(t)
		})
	}
}

// nginx sends the files that are there, the app the rest.
func TestNginxStatic(t *testing.T) {
	t.Parallel()
	files := folder(t, "site.css", "body {}")
	p := startProxied(t, "static", onSocket, docStatic, files+"/")
	c := p.server.dialTo(t, "tcp", p.front.addr)
	c.send(request("GET", "/static/site.css", "", "Connection: close"))
	r := c.response("GET")
	r.want(t, 200, "body {}")
	if r.get("Cache-Control") != "max-age=3600" {
		t.Errorf("head %q", r.Head)
	}
	p.see(t, "/staticx").want(t, "PATH_INFO", "/staticx")
	p.end(t)
}

// Each piece of a body, and of a response, is on its way at once with the configuration for streams.
func TestNginxStreams(t *testing.T) {
	t.Parallel()
	nginxPath(t)
	p := startProxied(t, "streams", onSocket)
	g := p.gate(t, "gate")
	c := p.server.dialTo(t, "tcp", p.front.addr)
	c.send(request("GET", "/stream", ""))
	c.responseHead("GET")
	if got := c.nextChunk(); got != "first" {
		t.Fatalf("got %q", got)
	}
	c.silent()
	g.open(t)
	if got := c.nextChunk() + c.nextChunk(); got != "second" {
		t.Fatalf("got %q", got)
	}

	up := p.server.dialTo(t, "tcp", p.front.addr)
	line := strings.Repeat("x", 100_000) + "\n"
	up.send("POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 200002\r\n\r\n" + line)
	p.wrote(t, "seen", line)
	up.send(line)
	up.response("POST").wantStatus(t, 200)
	p.end(t)
}

// wrote waits until the app has written a file.
func (p *proxied) wrote(t *testing.T, name, text string) {
	t.Helper()
	eventually(t, name+" is written", func() bool {
		out, err := os.ReadFile(filepath.Join(p.scratch, name))
		return err == nil && string(out) == text
	})
}
