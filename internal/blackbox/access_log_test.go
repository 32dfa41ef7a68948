package blackbox

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// ask has a server log something and returns its whole log, the server being stopped: the
// access log is written asynchronously and complete at the end.
func ask(t *testing.T, args []string, raws ...string) string {
	t.Helper()
	s := single.start(t, launch{App: "limits", Args: args})
	for _, raw := range raws {
		c := s.dial(t)
		c.send(raw)
		c.response(strings.SplitN(raw, " ", 2)[0])
		c.Close()
	}
	s.stop(t)
	return s.log.String()
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	log := ask(t, nil, request("GET", "/?a=b", ""), request("GET", "/nowhere", ""), request("HEAD", "/", ""), "NONSENSE\r\n\r\n")
	for _, want := range []string{`GET /\?a=b.* 200 `, `GET /nowhere.* 404 `, `HEAD /.* 200 `} {
		if n := len(regexp.MustCompile(want).FindAllString(log, -1)); n != 1 {
			t.Errorf("%s matches %d lines of\n%s", want, n, log)
		}
	}
}

// Clause: "--disable-logging".
func TestDisableLogging(t *testing.T) {
	t.Parallel()
	log := ask(t, []string{"--disable-logging"}, request("GET", "/?unlogged", ""))
	if strings.Contains(log, "unlogged") {
		t.Errorf("the request is logged:\n%s", log)
	}
	// Errors are no access log.
	s := single.start(t, launch{App: "errors", Args: []string{"--disable-logging"}})
	s.get(t, "/raise?what=value").wantCrash(t)
	s.log.wait(t, "ValueError", "GET /raise?what=value")
}

// Clause: "--log-json": every line of the log is an object.
func TestLogJSON(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "errors", Args: []string{"--log-json"}})
	s.get(t, "/ok?q=\"\\", "User-Agent: quo\"te\\ caf\xe9", "Referer: http://r/").want(t, 200, "ok")
	s.get(t, "/raise?what=surrogates").wantCrash(t)
	s.get(t, "/raise?what=chained").wantCrash(t)
	s.get(t, "/errors?name=json").want(t, 200, "logged")
	s.stop(t)
	access, traceback, app := false, false, false
	for _, line := range strings.Split(strings.TrimSuffix(s.log.String(), "\n"), "\n") {
		var doc map[string]any
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Errorf("no JSON object: %v: %q", err, line)
			continue
		}
		if status, ok := doc["status"]; ok && status == 200.0 && strings.Contains(line, "/ok") {
			access = true
		}
		traceback = traceback || strings.Contains(line, "ValueError: the effect") && strings.Contains(line, "/raise?what=chained")
		app = app || strings.Contains(line, "json line one")
	}
	if !access || !traceback || !app {
		t.Errorf("access line %v, traceback with request line %v, wsgi.errors %v in\n%s", access, traceback, app, s.log.tail(40))
	}
}

// Clause: "--log-format (uWSGI's variables, values escaped)".
func TestLogFormat(t *testing.T) {
	t.Parallel()
	format := `<%(method)|%(uri)|%(proto)|%(status)|%(addr)|%(rsize)|%(host)|%(uagent)|%(referer)|%(user)|%(cl)>`
	log := ask(t, []string{"--log-format", format},
		request("GET", "/?x=1", "", "User-Agent: agent/1", "Referer: http://r/"),
		request("POST", "/read?id=l", "12345"))
	if want := `<GET|/?x=1|HTTP/1.1|200|127.0.0.1|`; !strings.Contains(log, want) {
		t.Errorf("no %s in\n%s", want, log)
	}
	if want := `|test|agent/1|http://r/|`; !strings.Contains(log, want) {
		t.Errorf("no %s in\n%s", want, log)
	}
	if want := `<POST|/read?id=l|`; !strings.Contains(log, want) {
		t.Errorf("no %s in\n%s", want, log)
	}
	if !regexp.MustCompile(`<POST.*\|5>`).MatchString(log) {
		t.Errorf("no content length in\n%s", log)
	}
}

// What a client sends can't end a line of the log, begin one, or steer a terminal.
func TestLogEscapes(t *testing.T) {
	t.Parallel()
	evil := []string{"User-Agent: \x80\x9b31m\"quote\" back\\slash caf\xe9", "Referer: a\tb"}
	for _, args := range [][]string{nil, {"--log-format", `"%(uagent)" "%(referer)" %(uri)`}, {"--log-json"}} {
		log := ask(t, args, request("GET", "/?\"q\"\\", "", evil...), request("GET", "/%0aforged%1b[31m", "", evil...))
		for _, line := range strings.Split(log, "\n") {
			if strings.HasPrefix(line, "forged") {
				t.Errorf("%q: a forged line: %q", args, line)
			}
			for _, r := range line {
				if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r == '\ufffd' {
					t.Errorf("%q: unescaped byte %q in line %q", args, r, line)
					break
				}
			}
		}
		if len(args) == 2 && !regexp.MustCompile(`^"[^"\\]*(\\.[^"\\]*)*" "`).MatchString(lineWith(log, "quote")) {
			t.Errorf("a quote in a value ends the quoted field: %q", lineWith(log, "quote"))
		}
	}
}

func lineWith(text, word string) string {
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}

// Each request is logged once, also what was refused, under load and at the end.
func TestAccessLogIsComplete(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "limits"})
	const requests = 3000
	c := s.dial(t)
	go func() {
		for range requests {
			c.trySend(request("GET", "/?counted", ""))
		}
	}()
	for range requests {
		c.response("GET").want(t, 200, "index")
	}
	s.stop(t)
	if n := strings.Count(s.log.String(), "/?counted"); n != requests {
		t.Errorf("%d lines for %d requests", n, requests)
	}
}

// Who reads the log may leave; the server stays.
func TestLogReaderLeaves(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := single.start(t, launch{App: "errors", Stderr: w})
	w.Close()
	r.Close()
	for range 50 {
		s.get(t, "/ok").want(t, 200, "ok")
		s.get(t, "/raise?what=value").wantCrash(t)
		s.get(t, "/errors?name=unheard").want(t, 200, "logged")
	}
}
