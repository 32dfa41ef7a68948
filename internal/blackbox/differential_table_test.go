package blackbox

import "strings"

// comparedRequest is sent to uWSGI and to gowsgi, by HTTP and by the uwsgi protocol.
type comparedRequest struct {
	app, name string
	raw       string // {HOST} is the server's address

	onlyHTTP  bool
	onlyUWSGI bool
	modifier  byte     // of the packet
	set       []string // variables of the packet: see packet.set
	more      []string // further ones, in pairs
	empty     bool     // a packet without variables
}

// packet is the request by the uwsgi protocol, as nginx would send it.
func (r comparedRequest) packet() packet {
	p := packetOf(strings.ReplaceAll(r.raw, "{HOST}", "example.com")).set(r.set...)
	p.modifier = r.modifier
	for i := 0; i < len(r.more); i += 2 {
		p.vars = append(p.vars, [2]string{r.more[i], r.more[i+1]})
	}
	if r.empty {
		p.vars, p.body = nil, ""
	}
	return p
}

const plainEnv = "GET /env HTTP/1.1\r\nHost: {HOST}\r\n\r\n"

var comparedRequests = []comparedRequest{
	{app: "differential", name: "env: plain", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "env: query", raw: "GET /env?a=1&b=%20c&d HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "env: empty query", raw: "GET /env? HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "env: http/1.0", raw: "GET /env HTTP/1.0\r\n\r\n"},
	{app: "differential", name: "env: http/1.0 with host", raw: "GET /env HTTP/1.0\r\nHost: old.example\r\n\r\n"},
	{app: "differential", name: "env: headers", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-A: 1\r\nX-Mixed-CASE: v\r\nAccept: text/html, */*;q=0.1\r\nUser-Agent: test/1.0\r\nReferer: http://r.example/\r\nCookie: a=1; b=2\r\n\r\n"},
	{app: "differential", name: "env: empty header", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-Empty:\r\n\r\n"},
	{app: "differential", name: "env: spaces round a value", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-S: \t a  b \t\r\n\r\n"},
	{app: "differential", name: "env: latin-1", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-L: caf\xe9\r\n\r\n"},
	{app: "differential", name: "env: utf-8", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-U: \xe2\x82\xac\r\n\r\n"},
	{app: "differential", name: "env: header twice", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-A: 1\r\nX-B: z\r\nX-A: 2\r\n\r\n"},
	{app: "differential", name: "env: cookie twice", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n"},
	{app: "differential", name: "env: underscore", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX_Under: evil\r\nX-Only: good\r\n\r\n"},
	{app: "differential", name: "env: proxy header", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nProxy: http://evil\r\n\r\n"},
	{app: "differential", name: "env: forwarded proto", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n\r\n"},
	{app: "differential", name: "env: forwarded for", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"},
	{app: "differential", name: "env: forwarded ssl", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-SSL: on\r\n\r\n"},
	{app: "differential", name: "env: authorization", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n"},
	{app: "differential", name: "env: range", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nRange: bytes=0-3\r\nIf-None-Match: \"x\"\r\n\r\n"},
	{app: "differential", name: "env: connection close", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"},
	{app: "differential", name: "env: long header", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\nX-Long: " + strings.Repeat("0123456789", 300) + "\r\n\r\n"},
	{app: "differential", name: "env: body", raw: "POST /env HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2"},
	{app: "differential", name: "env: body without a type", raw: "POST /env HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc"},
	{app: "differential", name: "env: empty body", raw: "POST /env HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n"},
	{app: "differential", name: "env: DELETE", raw: "DELETE /env HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "env: OPTIONS", raw: "OPTIONS /env HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "env: PATCH", raw: "PATCH /env HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "env: PROPFIND", raw: "PROPFIND /env HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "env: HEAD", raw: "HEAD /env HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "env: absolute form", raw: "GET http://other.example/env?q=1 HTTP/1.1\r\nHost: {HOST}\r\n\r\n", onlyHTTP: true},
	{app: "differential", name: "path: not there", raw: "GET /nowhere HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "path: encoded", raw: "GET /%65nv HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "path: encoded slash", raw: "GET /a%2Fb HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "echo: form", raw: "POST /echo HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2"},
	{app: "differential", name: "echo: binary", raw: "POST /echo HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\n\x00\xff\r\n\x80"},
	{app: "differential", name: "echo: 9 KiB", raw: "POST /echo HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9000\r\n\r\n" + strings.Repeat("0123456789", 300) + "" + strings.Repeat("0123456789", 300) + "" + strings.Repeat("0123456789", 300) + ""},
	{app: "differential", name: "echo: nothing", raw: "POST /echo HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n"},
	{app: "differential", name: "echo: GET", raw: "GET /echo HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "echo: chunked", raw: "POST /echo HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", onlyHTTP: true},
	{app: "differential", name: "input: read", raw: "POST /input?ops=read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "input: read:3,read:3,read:9,read", raw: "POST /input?ops=read:3,read:3,read:9,read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "input: readline,readline,readline", raw: "POST /input?ops=readline,readline,readline HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "input: readline:2,readline:9,read", raw: "POST /input?ops=readline:2,readline:9,read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "input: readlines", raw: "POST /input?ops=readlines HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "input: iter", raw: "POST /input?ops=iter HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "input: read:0,readline:0,read", raw: "POST /input?ops=read:0,readline:0,read HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "input: readlines:3", raw: "POST /input?ops=readlines:3 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "input: read:-1", raw: "POST /input?ops=read:-1 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 13\r\n\r\none\ntwo\nthree"},
	{app: "differential", name: "status: 200 OK", raw: "GET /status?line=200+OK HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: 201 Created", raw: "GET /status?line=201+Created HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: 404 Not Found", raw: "GET /status?line=404+Not+Found HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: 299 Quite custom: (a)", raw: "GET /status?line=299+Quite+custom:+(a) HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: 418 I am a teapot", raw: "GET /status?line=418+I+am+a+teapot HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: 500 Internal Server Error", raw: "GET /status?line=500+Internal+Server+Error HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: 599 x", raw: "GET /status?line=599+x HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: OK", raw: "GET /status?line=OK HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: 200", raw: "GET /status?line=200 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "status: 2000 OK", raw: "GET /status?line=2000+OK HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "bodiless: 204 No Content", raw: "GET /bodiless?line=204+No+Content HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "bodiless: 304 Not Modified", raw: "GET /bodiless?line=304+Not+Modified HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "bodiless: 205 Reset Content", raw: "GET /bodiless?line=205+Reset+Content HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "bodiless: 200 OK", raw: "GET /bodiless?line=200+OK HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "headers", raw: "GET /headers HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "redirect", raw: "GET /redirect HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "length: 10", raw: "GET /length?is=10 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "length: 5", raw: "GET /length?is=5 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "length: 15", raw: "GET /length?is=15 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: list", raw: "GET /body?kind=list HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: tuple", raw: "GET /body?kind=tuple HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: one", raw: "GET /body?kind=one HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: empty", raw: "GET /body?kind=empty HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: empty-chunks", raw: "GET /body?kind=empty-chunks HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: generator", raw: "GET /body?kind=generator HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: iterator", raw: "GET /body?kind=iterator HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: closing", raw: "GET /body?kind=closing HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: big", raw: "GET /body?kind=big HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: many", raw: "GET /body?kind=many HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: binary", raw: "GET /body?kind=binary HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: bytes", raw: "GET /body?kind=bytes HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: str", raw: "GET /body?kind=str HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: str-later", raw: "GET /body?kind=str-later HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: None", raw: "GET /body?kind=None HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: int", raw: "GET /body?kind=int HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: HEAD of one", raw: "HEAD /body?kind=one HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: HEAD of a generator", raw: "HEAD /generator HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "body: generator to http/1.0", raw: "GET /generator HTTP/1.0\r\n\r\n"},
	{app: "differential", name: "generator", raw: "GET /generator HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "write", raw: "GET /write HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "replaced", raw: "GET /replaced HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "file", raw: "GET /file HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "filelike", raw: "GET /filelike HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "raise", raw: "GET /raise HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "raise-started", raw: "GET /raise-started HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "raise-later", raw: "GET /raise-later HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "exit", raw: "GET /exit HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "never", raw: "GET /never HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "twice", raw: "GET /twice HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "errors", raw: "GET /errors HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "argv", raw: "GET /argv HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "bad header: line break", raw: "GET /bad-header?value=a%0D%0AX-Injected:+1 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "bad header: control", raw: "GET /bad-header?value=a%01b HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "changed: first", raw: "GET /changed HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "differential", name: "changed: second", raw: "GET /changed HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: index", raw: "GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: template", raw: "GET /greet/Zo%C3%AB%20%26 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: session", raw: "GET /count HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: 404", raw: "GET /nowhere HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: 405", raw: "GET /flash HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: redirect", raw: "GET /redirect HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: blueprint", raw: "GET /blog/1 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: 418", raw: "GET /teapot HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: exception", raw: "GET /boom HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: static file", raw: "GET /static/site.css HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "flask_features", name: "flask: range", raw: "GET /static/site.css HTTP/1.1\r\nHost: {HOST}\r\nRange: bytes=0-3\r\n\r\n"},
	{app: "flask_features", name: "flask: json", raw: "POST /json?x=1 HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"k\": [1, null]}"},
	{app: "flask_features", name: "flask: form", raw: "POST /form?q=from-query HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&a=2"},

	{app: "static", name: "static: a file", raw: "GET /static/site.css HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: a page", raw: "GET /static/page.html HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: an unknown type", raw: "GET /static/data.unknown HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: HEAD", raw: "HEAD /static/site.css HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: a directory with an index", raw: "GET /static/sub/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: a directory without its slash", raw: "GET /static/sub HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: the root", raw: "GET /static/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: not there", raw: "GET /static/nothing.css HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: mapped to one file", raw: "GET /one.txt HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: not modified", raw: "GET /static/site.css HTTP/1.1\r\nHost: {HOST}\r\nIf-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT\r\n\r\n"},
	{app: "static", name: "static: modified", raw: "GET /static/site.css HTTP/1.1\r\nHost: {HOST}\r\nIf-Modified-Since: Fri, 01 Jan 1999 00:00:00 GMT\r\n\r\n"},
	{app: "static", name: "static: a range", raw: "GET /static/site.css HTTP/1.1\r\nHost: {HOST}\r\nRange: bytes=0-3\r\n\r\n"},
	{app: "static", name: "static: up and out", raw: "GET /static/../app.py HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: up and out, encoded", raw: "GET /static/%2e%2e/app.py HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: up and out, encoded slash", raw: "GET /static/..%2fapp.py HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: a name that begins so", raw: "GET /staticx HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: a query", raw: "GET /static/site.css?v=1 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: POST", raw: "POST /static/site.css HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},
	{app: "static", name: "static: the app", raw: "GET /env HTTP/1.1\r\nHost: {HOST}\r\n\r\n"},

	{app: "differential", name: "packet: mounted", raw: plainEnv, onlyUWSGI: true, set: []string{"SCRIPT_NAME", "/x", "PATH_INFO", "/env"}},
	{app: "differential", name: "packet: modifier 30", raw: plainEnv, onlyUWSGI: true, modifier: 30, set: []string{"SCRIPT_NAME", "/x", "PATH_INFO", "/x/env"}},
	{app: "differential", name: "packet: HTTPS on", raw: plainEnv, onlyUWSGI: true, set: []string{"HTTPS", "on"}},
	{app: "differential", name: "packet: HTTPS 1", raw: plainEnv, onlyUWSGI: true, set: []string{"HTTPS", "1"}},
	{app: "differential", name: "packet: HTTPS off", raw: plainEnv, onlyUWSGI: true, set: []string{"HTTPS", "off"}},
	{app: "differential", name: "packet: UWSGI_SCHEME", raw: plainEnv, onlyUWSGI: true, set: []string{"UWSGI_SCHEME", "https"}},
	{app: "differential", name: "packet: no SERVER_NAME", raw: plainEnv, onlyUWSGI: true, set: []string{"SERVER_NAME", ""}},
	{app: "differential", name: "packet: REMOTE_USER", raw: plainEnv, onlyUWSGI: true, set: []string{"REMOTE_USER", "somebody", "HTTP_AUTHORIZATION", "Basic x"}},
	{app: "differential", name: "packet: a variable of the user's", raw: plainEnv, onlyUWSGI: true, set: []string{"MY_VAR", "caf\xe9"}},
	{app: "differential", name: "packet: code of the client's", raw: plainEnv, onlyUWSGI: true, set: []string{"UWSGI_CHDIR", "/"}},
	{app: "differential", name: "packet: a header twice", raw: plainEnv, onlyUWSGI: true, more: []string{"HTTP_X_A", "1", "HTTP_X_A", "2"}},
	{app: "differential", name: "packet: modifier 5", raw: plainEnv, onlyUWSGI: true, modifier: 5},
	{app: "differential", name: "packet: no variables", raw: plainEnv, onlyUWSGI: true, empty: true},
}

// expected is a difference between the two, and why it is one.
type expected struct {
	request string // as "http NAME" or "uwsgi NAME"; a * at the start or the end is for any beginning or end
	what    string
	uwsgi   string
	gowsgi  string
	reason  string
}

// expectedDifferences is the whole list. What is not on it must be the same, and what is on it must differ.
var expectedDifferences = []expected{
	{"*", "environ uwsgi.node", "*", absent, "no key of gowsgi's claims to be uWSGI's; apps that need the module uwsgi have --uwsgi-module"},
	{"*", "environ uwsgi.version", "bytes:b'2.0.31'", absent, "no key of gowsgi's claims to be uWSGI's; apps that need the module uwsgi have --uwsgi-module"},
	{"*", "environ wsgi.input_terminated", absent, "bool:True", "chunked bodies end by themselves: an app may read to the end without a length"},
	{"*", "environ RAW_URI", absent, "*", "gunicorn's name for REQUEST_URI, which libraries look for as well"},
	{"*", "environ SERVER_SOFTWARE", absent, "*", "CGI's key; uWSGI leaves it out"},
	{"*", "header server", absent, "gowsgi", "RFC 9110, 10.2.4"},
	{"*", "header date", absent, "*", "RFC 9110, 6.6.1: a server with a clock sends it"},
	{"*", "header content-length", absent, "*", "PEP 3333: the length of a list of one chunk is known"},

	{"http *", "environ REMOTE_PORT", absent, "str:'CLIENTPORT'", "uWSGI's http has it, http-socket has not"},
	{"http *", "header transfer-encoding", absent, "chunked", "a body of unknown length is chunked, so that its end is told from a broken connection"},
	{"*", "header connection", absent, "close", "who closes says so; uWSGI closes after each answer and never says it"},

	{"http env: spaces round a value", "environ HTTP_X_S", "str:'\\t a  b \\t'", "str:'a  b'", "RFC 9112, 5.1: the space around is not the value's"},
	{"http env: header twice", "environ HTTP_X_A", "str:'1, 2'", "str:'1,2'", "joined by a comma alone, as CGI does; both are the same list"},
	{"http env: cookie twice", "environ HTTP_COOKIE", "str:'a=1, b=2'", "str:'a=1; b=2'", "RFC 9113, 8.2.3: cookies are joined by a semicolon; a comma makes one cookie of two"},
	{"http env: underscore", "environ HTTP_X_UNDER", "str:'evil'", absent, "X_Under would pass for X-Under, which a proxy may have checked"},
	{"*env: proxy header", "environ HTTP_PROXY", "str:'http://evil'", absent, "httpoxy (CVE-2016-5385)"},
	{"*env: forwarded proto", "environ wsgi.url_scheme", "str:'https'", "str:'http'", "uWSGI believes everybody; here only a --trusted-proxy is believed"},
	{"*env: forwarded ssl", "environ wsgi.url_scheme", "str:'https'", "str:'http'", "uWSGI believes everybody; here only a --trusted-proxy is believed, by X-Forwarded-Proto"},
	{"http env: absolute form", "status", "404 Not Found", "200 OK", "RFC 9112, 3.2.2: a server takes the absolute form; uWSGI makes all of it the path"},
	{"http echo: chunked", "body", "", "abcdefg", "uWSGI gives the app no chunked bodies"},
	{"http echo: chunked", "header x-length", "0", "7", "uWSGI gives the app no chunked bodies"},

	{"uwsgi *", "environ SCRIPT_NAME", absent, "str:''", "PEP 3333: nginx does not send it, and url_for of some frameworks needs it"},
	{"uwsgi packet: modifier 30", "status", "404 Not Found", "200 OK", "uWSGI says that 30 takes SCRIPT_NAME off PATH_INFO, but does so for Python 2 only"},
	{"uwsgi packet: UWSGI_SCHEME", "environ UWSGI_SCHEME", "str:'https'", absent, "what is for the server does not reach the app; wsgi.url_scheme has it"},
	{"uwsgi packet: no SERVER_NAME", "environ SERVER_NAME", "str:''", "*", "PEP 3333: SERVER_NAME is never empty; nginx without a server_name sends it so"},
	{"uwsgi packet: code of the client's", "environ UWSGI_CHDIR", "str:'/'", absent, "what has uWSGI load code is neither obeyed nor passed on"},

	{"*", "header etag", absent, "*", "static files have a tag that changes with them"},
	{"*", "header accept-ranges", absent, "bytes", "parts of static files can be asked for"},
	{"*static: a range", "status", "200 OK", "206 Partial Content", "uWSGI needs honour-range for it"},

	{"*input: readline:2,readline:9,read", "body", "[b'one\\n', b'two\\n', b'three']", "[b'on', b'e\\n', b'two\\nthree']", "uWSGI does not look at readline's size"},
	{"*input: read:0,readline:0,read", "body", "[b'one\\ntwo\\nthree', b'', b'']", "[b'', b'', b'one\\ntwo\\nthree']", "read(0) reads nothing; uWSGI takes 0 for no size"},
	{"*input: readlines:3", "body", "[[b'one\\n', b'two\\n', b'three']]", "[[b'one\\n']]", "uWSGI does not look at readlines' hint"},

	{"*status: OK", "status", noAnswer, "500 Internal Server Error", "a mistake of the app's is a 500 and a line in the log, not an empty reply"},
	{"*status: 200", "status", "200 OK", "500 Internal Server Error", "PEP 3333: a status has a reason; uWSGI makes one up for codes that it knows"},
	{"*status: 2000 OK", "status", noAnswer, "500 Internal Server Error", "a mistake of the app's is a 500 and a line in the log, not an empty reply"},
	{"*body: str", "status", "200 OK", "500 Internal Server Error", "PEP 3333: chunks are bytes; uWSGI sends the head and nothing else"},
	{"*body: str-later", "status", "200 OK", "500 Internal Server Error", "PEP 3333: chunks are bytes; uWSGI leaves the others out"},
	{"*body: None", "status", "200 OK", "500 Internal Server Error", "PEP 3333: an app returns an iterable; uWSGI sends the head and nothing else"},
	{"*body: int", "status", "200 OK", "500 Internal Server Error", "PEP 3333: an app returns an iterable; uWSGI sends the head and nothing else"},
	{"*replaced", "body", "", "replaced", "start_response with exc_info before the head has gone out replaces it, and the body follows"},
	{"*raise", "status", noAnswer, "500 Internal Server Error", "an exception is a 500, not an empty reply"},
	{"*raise-started", "status", "200 OK", "500 Internal Server Error", "no byte of the response has gone out yet, so it can be a 500"},
	{"*raise-later", "body", "some,", "broken off: some,", "the client can tell that the body is not whole"},
	{"*exit", "status", noAnswer, "500 Internal Server Error", "a request does not end the server: SystemExit is an exception as any other"},
	{"*never", "status", noAnswer, "500 Internal Server Error", "PEP 3333: start_response must be called; a 500 and a line in the log"},
	{"*twice", "status", "201 Created", "200 OK", "PEP 3333: a second call without exc_info raises; uWSGI takes it"},
	{"*bad header: line break", "status", "200 OK", "500 Internal Server Error", "uWSGI lets a value with a line break write headers of its own"},
	{"*bad header: control", "status", noAnswer, "500 Internal Server Error", "a mistake of the app's is a 500 and a line in the log, not an empty reply"},
	{"*argv", "body", "['uwsgi']", "['gowsgi']", "sys.argv[0] is the program's name"},
}
