package blackbox

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// statics makes a folder of static files, and one beside it that nobody may see.
func statics(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"public/site.css": "css of the site", "public/page.html": "<p>", "public/docs/index.html": "the index", "public/code.php": "<?php",
		"public/data.own": "own", "private/secret": "SECRET", "kept/assets/one.js": "one", "root/only.txt": "only",
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"in": "site.css", "out": "../private/secret", "dir": "../private", "abs": dir + "/private/secret", "all": "/"} {
		if err := os.Symlink(to, filepath.Join(dir, "public", link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "public/fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "types"), []byte("text/x-own own\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withStatics starts an app with those files.
func (v variant) withStatics(t *testing.T, args ...string) (s *server, dir string) {
	t.Helper()
	dir = statics(t)
	s = v.start(t, launch{App: "limits", Args: append([]string{
		"--static-map", "/s=" + dir + "/public", "--static-map", "/one=" + dir + "/public/site.css",
		"--static-map2", "/assets=" + dir + "/kept", "--check-static", dir + "/root", "--static-index", "index.html",
		"--static-skip-ext", ".php", "--mime-file", dir + "/types", "--add-header", "X-Frame-Options: DENY",
		"--static-expires", `\.css$ 100`, "--static-expires-type", "text/html=200",
	}, args...)})
	return s, dir
}

func TestStaticFiles(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, _ := v.withStatics(t)
		c := s.dial(t)
		for _, test := range []struct {
			target, body, kind, cache string
		}{
			{"/s/site.css", "css of the site", "text/css", "max-age=100"},
			{"/s/%73ite.css?v=1", "css of the site", "text/css", "max-age=100"},
			{"/one", "css of the site", "", "max-age=100"},
			{"/s/page.html", "<p>", "text/html", "max-age=200"},
			{"/s/docs/", "the index", "text/html", "max-age=200"},
			{"/s/docs", "the index", "text/html", "max-age=200"},
			{"/s/data.own", "own", "text/x-own", ""},
			{"/s/in", "css of the site", "", ""},
			{"/assets/one.js", "one", "javascript", ""},
			{"/only.txt", "only", "text/plain", ""},
		} {
			c.send(request("GET", test.target, ""))
			r := c.response("GET")
			r.want(t, 200, test.body)
			if test.kind != "" && !strings.Contains(r.get("Content-Type"), test.kind) || r.get("Cache-Control") != test.cache {
				t.Errorf("%s: %s", test.target, r.Head)
			}
			if r.get("X-Frame-Options") != "DENY" || r.get("ETag") == "" || r.get("Last-Modified") == "" {
				t.Errorf("%s: %s", test.target, r.Head)
			}
		}
		c.send(request("GET", "/", "")) // the app, on the same connection
		r := c.response("GET")
		r.want(t, 200, "index")
		if r.get("X-Frame-Options") != "DENY" {
			t.Errorf("the app's answer: %s", r.Head)
		}
		s.get(t, "/s/nothing").wantStatus(t, 404)
		s.get(t, "/s/code.php").wantStatus(t, 404)
		s.post(t, "/s/site.css", "x").wantStatus(t, 404)
		s.do(t, request("HEAD", "/s/site.css", "")).want(t, 200, "")
	})
}

func TestStaticConditions(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, _ := v.withStatics(t)
		tag := s.get(t, "/s/site.css").get("ETag")
		s.get(t, "/s/site.css", "If-None-Match: "+tag).want(t, 304, "")
		s.get(t, "/s/site.css", "If-Modified-Since: Sat, 28 Nov 2099 04:00:00 GMT").want(t, 304, "")
		s.get(t, "/s/site.css", "Range: bytes=0-2").want(t, 206, "css")
		s.get(t, "/s/site.css", "Range: bytes=0-2", "If-Range: "+tag).want(t, 206, "css")
		s.get(t, "/s/site.css", "Range: bytes=0-2", `If-Range: "x"`).want(t, 200, "css of the site")
		s.get(t, "/s/site.css", "Range: bytes=99-").wantStatus(t, 416)
		r := s.get(t, "/s/site.css", "Range: bytes=0-2,4-5")
		r.wantStatus(t, 206)
		if !strings.HasPrefix(r.get("Content-Type"), "multipart/byteranges") || !strings.Contains(string(r.Body), "\r\n\r\nof\r\n") {
			t.Errorf("%s%s", r.Head, r.Body)
		}
	})
}

// Clause: "traversal and symlink attacks on static-map".
func TestStaticAttacks(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, dir := v.withStatics(t)
		for _, target := range []string{
			"/s/../private/secret", "/s/..%2fprivate/secret", "/s/%2e%2e/private/secret", "/s/%2e%2e%2fprivate%2fsecret", "/s/.%2e/private/secret",
			"/s/docs/../../private/secret", "/s//../private/secret", "/s/..\\private\\secret", "/s/..%5cprivate/secret", "/s/..%00/private/secret",
			"/s/%252e%252e/private/secret", "/s/..;/private/secret", "/s/..%c0%afprivate/secret", "/s" + dir + "/private/secret", "/s/" + dir + "/private/secret",
			"/../private/secret", "/..%2fprivate/secret", "//private/secret", "/only.txt/../../private/secret", "/assets/../../private/secret",
			"/s../private/secret", "/s%2f..%2fprivate%2fsecret", "/s/out", "/s/dir/secret", "/s/abs", "/s/all" + dir + "/private/secret", "/s/all/etc/passwd",
			"/s/fifo", "/s/site.css%00.html", "/s/site.css/", "/s/site.css/x", "/s", "/s/", "/site.css/../s/out",
		} {
			r := s.get(t, target)
			if strings.Contains(string(r.Body), "SECRET") || strings.Contains(string(r.Body), "root:") {
				t.Errorf("%s: %s%s", target, r.Head, r.Body)
			}
			if r.Status != 404 {
				t.Errorf("%s: %d, want the app's 404", target, r.Status)
			}
		}
		s.get(t, "/s/site.css").want(t, 200, "css of the site")
	})
}

func TestStaticSafe(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		dir := statics(t)
		s := v.start(t, launch{App: "limits", Args: []string{"--static-map", "/s=" + dir + "/public", "--static-safe", dir + "/private"}})
		for _, target := range []string{"/s/out", "/s/dir/secret", "/s/abs"} {
			s.get(t, target).want(t, 200, "SECRET")
		}
		s.get(t, "/s/all/etc/passwd").wantStatus(t, 404)
	})
}

// A client that does not read holds no Python thread, also not the only one.
func TestStaticSlowReader(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s, dir := v.withStatics(t, "--threads", "1")
		const size = 32 << 20
		if err := os.WriteFile(filepath.Join(dir, "public/big"), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
		var slow []*conn
		for range 5 {
			c := s.dial(t)
			c.send("GET /s/big HTTP/1.0\r\n\r\n")
			c.responseHead("GET")
			slow = append(slow, c)
		}
		for range 5 {
			s.get(t, "/").want(t, 200, "index")
		}
		if n, err := io.Copy(io.Discard, slow[0].r); n != size || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		for _, c := range slow[1:] {
			c.reset()
		}
		s.get(t, "/").want(t, 200, "index")
	})
}

func TestStaticFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: memory is not measured")
	}
	inTurn(t, plain, func(t *testing.T, v variant) {
		s, dir := v.withStatics(t)
		const size = 256 << 20
		if err := os.WriteFile(filepath.Join(dir, "public/big"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, "public/big"), size); err != nil {
			t.Fatal(err)
		}
		s.get(t, "/s/site.css").wantStatus(t, 200)
		s.peak(t, func() {
			for _, fields := range []string{"", "", "Range: bytes=0-99999999,100000000-268435455\r\n", "Range: bytes=1-\r\n"} {
				c := s.dial(t)
				c.send("GET /s/big HTTP/1.0\r\n" + fields + "\r\n")
				c.responseHead("GET")
				if n, err := io.Copy(io.Discard, c.r); n < size-1 || err != nil {
					t.Errorf("%q: %d bytes, %v", fields, n, err)
				}
			}
		})
	})
}

// Clauses: "log-4xx/5xx/slow, disable-logging".
func TestLogFilters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		args      []string
		has, hasn []string
	}{
		{"4xx", []string{"--log-4xx"}, []string{"GET /nowhere", `"- - -" 400`}, []string{"GET /ok?fine", "GET /raise"}},
		{"5xx", []string{"--log-5xx"}, []string{`"GET /raise?what=value HTTP/1.1" 500`}, []string{"GET /ok?fine", "GET /nowhere"}},
		{"slow", []string{"--log-slow", "60000"}, nil, []string{"GET /ok?fine", "GET /nowhere", "HTTP/1.1\" 500"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := single.start(t, launch{App: "errors", Args: append(test.args, "--disable-logging")})
			for _, raw := range []string{request("GET", "/ok?fine", ""), request("GET", "/nowhere", ""), request("GET", "/raise?what=value", ""), "NONSENSE\r\n\r\n"} {
				s.do(t, raw)
			}
			s.stop(t)
			log := s.log.String()
			for _, want := range test.has {
				if !strings.Contains(log, want) {
					t.Errorf("%q is not in\n%s", want, log)
				}
			}
			for _, not := range test.hasn {
				for line := range strings.SplitSeq(log, "\n") {
					if strings.Contains(line, not) && !strings.Contains(line, "request=") {
						t.Errorf("%q is in\n%s", not, line)
					}
				}
			}
		})
	}
}

// TestLogSlow: a request that took its time is logged, another is not.
func TestLogSlow(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "limits", Args: []string{"--disable-logging", "--log-slow", "200", "--log-date", "%Y/%m/%d"}})
	g := s.gate(t, "slow")
	c := s.dial(t)
	c.send(request("GET", "/gate?name=slow", ""))
	g.reached(t)
	s.get(t, "/?fast").want(t, 200, "index")
	c.silent() // some of the time
	for range 4 {
		c.silent()
	}
	g.open(t)
	c.response("GET").want(t, 200, "slow")
	s.stop(t)
	log := s.log.String()
	if !strings.Contains(log, "GET /gate?name=slow") || strings.Contains(log, "/?fast") {
		t.Errorf("log:\n%s", log)
	}
}

func TestStaticMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--add-header", "nothing"}, `--add-header "nothing": want a name and a value, as in 'X-Frame-Options: DENY'`},
		{[]string{"--add-header", "Upgrade: x"}, `--add-header "Upgrade: x": Upgrade is the server's to send`},
		{[]string{"--static-map", "/n=/dev/null"}, "--static-map /dev/null: want a directory or a regular file"},
		{[]string{"--check-static", "/dev/null"}, "--check-static /dev/null: want a directory"},
		{[]string{"--static-expires", "css"}, `--static-expires css: want a regular expression and seconds, as in '\.css$ 3600'`},
		{[]string{"--static-expires-type", "css=1"}, "--static-expires-type css=1: want a type and seconds, as in text/css=3600"},
		{[]string{"--static-index", "a/b"}, "--static-index a/b: want the name of a file, such as index.html"},
		{[]string{"--mime-file", dir + "/none"}, "--mime-file " + dir + "/none: no such file or directory"},
		{[]string{"--log-date", "%Q"}, `--log-date "%Q": `},
		{[]string{"--log-date", "a%nb"}, `--log-date "a%nb": a time in the log has no line breaks`},
	} {
		command(t, dir, nil, append(test.args, "app:application")...).want(t, 2, test.want)
	}
}
