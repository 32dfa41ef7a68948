package blackbox

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// mounted serves testdata/apps/mounts with --mount for each of the words.
func mounted(t *testing.T, v variant, words []string, args ...string) *server {
	t.Helper()
	args = append([]string{"--http", "127.0.0.1:0"}, args...)
	for _, word := range words {
		args = append(args, "--mount", word)
	}
	return v.start(t, launch{App: "mounts", Args: args, Bare: true})
}

// Several apps in one server: each request is for the one with the longest prefix at a slash.
func TestMount(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := mounted(t, v, []string{"/a=app", "/a/b=app:nested", "/c/=app:create()"})
		if want := "/a=app:application, /a/b=app:nested, /c=app:create()"; s.ready.App != want {
			t.Errorf("app %q, want %q", s.ready.App, want)
		}
		for target, want := range map[string]string{
			"/a":          "main|/a||",
			"/a/":         "main|/a|/|",
			"/a/x?y=/a/b": "main|/a|/x|y=/a/b",
			"/a/bc":       "main|/a|/bc|",
			"/a/b":        "nested|/a/b||",
			"/a/b/b":      "nested|/a/b|/b|",
			"/a%2fb/x":    "nested|/a/b|/x|",
			"/c/a":        "made|/c|/a|",
		} {
			if r := s.get(t, target); string(r.Body) != want {
				t.Errorf("%s: %q, want %q", target, r.Body, want)
			}
		}
		for _, target := range []string{"/", "/ab", "/A", "/x/a", "//a"} {
			t.Run(target, func(t *testing.T) { s.get(t, target).wantStatus(t, 404) })
		}
	})
}

// A main app has what no other one is mounted at. --script-name is its own.
func TestMountBesideMain(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		for _, test := range []struct {
			words []string
			args  []string
			want  map[string]string
		}{
			{[]string{"/a=app:nested"}, []string{"--module", "app"}, map[string]string{"/x": "main||/x|", "/ab": "main||/ab|", "/a/x": "nested|/a|/x|"}},
			{[]string{"/=app:application", "/a=app:nested"}, nil, map[string]string{"/x": "main||/x|", "/a": "nested|/a||"}},
			{
				[]string{"/a=app:nested"},
				[]string{"--wsgi-file", "app.py", "--script-name", "/s"},
				map[string]string{"/s/a": "main|/s|/a|", "/a/s": "nested|/a|/s|", "/x": ""},
			},
		} {
			s := mounted(t, v, test.words, test.args...)
			for target, want := range test.want {
				r := s.get(t, target)
				if want == "" {
					r.wantStatus(t, 404)
				} else if string(r.Body) != want {
					t.Errorf("%v %s: %q, want %q", test.words, target, r.Body, want)
				}
			}
		}
	})
}

// Two Flask apps in files of one name, each with URLs of its own.
func TestMountFlask(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		s := mounted(t, v, []string{"/one=one/app.py", "/two=two/app.py:app"}, "--stats", "127.0.0.1:0")
		b := s.browser(t)
		for _, name := range []string{"one", "two"} {
			var seen struct{ Name, Script, Path, Deep, Static, Root string }
			p := b.get("/" + name + "/")
			p.want(t, 200)
			if err := json.Unmarshal([]byte(p.body), &seen); err != nil {
				t.Fatal(err)
			}
			root := "/" + name
			if seen.Name != name || seen.Script != root || seen.Path != "/" || seen.Deep != root+"/deep/x%20y" ||
				seen.Static != root+"/static/a.css" || seen.Root != appDir("mounts")+root {
				t.Errorf("%s: %+v", name, seen)
			}
			b.get(root).wantRedirect(t, 308, "http://"+s.addr+root+"/")
			b.get(root+"/back").wantRedirect(t, 302, root+"/")
			b.get(root+"/deep/a/b").want(t, 200, `"word":"a/b"`, "http://"+s.addr+root+"/deep/a/b")
			b.get(root+"/raise").want(t, 500)
			s.log.wait(t, "ValueError: "+name)
		}
		b.get("/").want(t, 404)
		b.get("/three/").want(t, 404)
		apps := s.stats(t).Workers[0].Apps
		if len(apps) != 2 || apps[0].Mountpoint != "/one" || apps[1].Mountpoint != "/two" || apps[1].ID != 1 {
			t.Errorf("stats list %+v", apps)
		}
	})
}

// One app that can't be loaded is no server: its error says which.
func TestMountFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		words []string
		code  int
		want  []string
	}{
		{[]string{"/a=app", "/b=broken.py"}, 22, []string{"--mount /b=broken.py: ", "Traceback", "ValueError: not today"}},
		{[]string{"/a=broken", "/b=app"}, 22, []string{"--mount /a=broken: ", "ValueError: not today"}},
		{[]string{"/b=nowhere"}, 22, []string{`--mount /b=nowhere: no module named "nowhere"`}},
		{[]string{"/b=app:nope"}, 22, []string{`--mount /b=app:nope: app has no "nope"`}},
		{[]string{"/b=app", "/b/=app:nested"}, 2, []string{"--mount /b=app:nested: there is an app at /b already: app"}},
		{[]string{"b=app"}, 2, []string{"want a path that starts with / and an app"}},
	} {
		for _, s := range shapes {
			args := append([]string{"--http", "127.0.0.1:0", "--virtualenv", venv}, s.args...)
			for _, word := range test.words {
				args = append(args, "--mount", word)
			}
			e := command(t, appDir("mounts"), nil, args...)
			e.want(t, test.code, test.want...)
		}
	}
}

// routes and smoke know each app's URLs with its prefix.
func TestMountRoutes(t *testing.T) {
	t.Parallel()
	args := []string{"--virtualenv", venv, "--mount", "/one=one/app.py", "--mount", "/plain=app"}
	e := command(t, appDir("mounts"), nil, append([]string{"routes"}, args...)...)
	e.want(t, 0)
	for _, want := range []string{"/one/deep/<path:word>", "/one/raise", "/plain/"} {
		if !strings.Contains(e.stdout, want) {
			t.Errorf("routes lack %s:\n%s", want, e.stdout)
		}
	}
	e = command(t, appDir("mounts"), nil, append([]string{"smoke", "--exclude", "/one/raise"}, args...)...)
	e.want(t, 0)
	for _, want := range []string{"GET /one/back", "GET /plain/"} {
		if !strings.Contains(e.stdout, want) {
			t.Errorf("smoke lacks %s:\n%s", want, e.stdout)
		}
	}
	command(t, appDir("mounts"), nil, append([]string{"--check"}, args...)...).want(t, 0, "/one=app:app, /plain=app:application")
}

// --dev follows the files of each app, and each has the page of an exception.
func TestMountDev(t *testing.T) {
	t.Parallel()
	more := flask("app", "one") + "@app.get('/raise')\ndef fail():\n    raise ValueError('here')\n"
	w := develop(t, []string{"--dev", "--mount", "/more=more/app.py"}, "app.py", bare("app", "main"), "more/app.py", more)
	w.shows(t, "/", "main")
	w.shows(t, "/more/", "one")
	if p := w.browser(t).get("/more/raise", "Accept", "text/html"); p.StatusCode != 500 || !strings.Contains(p.body, "here") {
		t.Errorf("got %d %q", p.StatusCode, p.body)
	}
	w.save(t, "more/app.py", strings.Replace(more, "'one'", "'two'", 1))
	w.shows(t, "/more/", "two")
	w.save(t, "app.py", bare("app", "other"))
	w.shows(t, "/", "other")
}

// A request by the uwsgi protocol names its app by the path, or by the SCRIPT_NAME that the proxy has set.
func TestMountPackets(t *testing.T) {
	run(t, plain, func(t *testing.T, v variant) {
		socket := filepath.Join(t.TempDir(), "socket")
		s := mounted(t, v, []string{"/a=app", "/a/b=app:nested"}, "--socket", socket)
		for _, test := range []struct{ script, path, want string }{
			{"", "/a/x", "main|/a|/x|"},
			{"", "/a/b/x", "nested|/a/b|/x|"},
			{"", "/ab", ""},
			{"/a/b", "/a/b/x", "nested|/a/b|/x|"},
			{"/a/b", "/x", "nested|/a/b|/x|"},
			{"/a/c", "/a/c/x", "main|/a/c|/x|"},
			{"/ab", "/x", ""},
		} {
			vars := []string{"REQUEST_METHOD", "GET", "REQUEST_URI", "/", "SERVER_PROTOCOL", "HTTP/1.1", "QUERY_STRING", "", "PATH_INFO", test.path}
			if test.script != "" {
				vars = append(vars, "SCRIPT_NAME", test.script)
			}
			sized := func(text string) string { return string([]byte{byte(len(text)), byte(len(text) >> 8)}) }
			block := ""
			for _, text := range vars {
				block += sized(text) + text
			}
			c := s.dialTo(t, "unix", socket)
			c.send("\x00" + sized(block) + "\x00" + block)
			r := c.response("GET")
			if test.want == "" {
				r.wantStatus(t, 404)
			} else if string(r.Body) != test.want {
				t.Errorf("SCRIPT_NAME %q, PATH_INFO %q: %q, want %q", test.script, test.path, r.Body, test.want)
			}
		}
	})
}
