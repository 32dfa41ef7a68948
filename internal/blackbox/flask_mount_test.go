package blackbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Clause: "url_for behind SCRIPT_NAME": by option, and by a trusted proxy's prefix.
func TestFlaskMounted(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		for _, c := range []struct {
			name, path, root, external string
			args, headers              []string
			secure                     bool
		}{
			{"--script-name", "/app/urls", "/app", "http://%s/app/", []string{"--script-name", "/app"}, nil, false},
			{
				"trusted proxy", "/urls", "/pre", "https://public.example/pre/",
				[]string{"--trusted-proxy", "127.0.0.0/8"},
				[]string{"X-Forwarded-Prefix", "/pre", "X-Forwarded-Host", "public.example", "X-Forwarded-Proto", "https", "X-Forwarded-For", "203.0.113.9"},
				true,
			},
		} {
			t.Run(c.name, func(t *testing.T) {
				s := v.start(t, launch{App: "flask_features", Args: c.args})
				b := s.browser(t)
				var u struct {
					Index, Post, Static, External, Root, Remote string
					Secure                                      bool
				}
				p := b.get(c.path, c.headers...)
				p.want(t, 200)
				if err := json.Unmarshal([]byte(p.body), &u); err != nil {
					t.Fatal(err)
				}
				external := c.external
				if strings.Contains(external, "%s") {
					external = fmt.Sprintf(external, s.addr)
				}
				if u.Index != c.root+"/" || u.Post != c.root+"/blog/1" || u.Static != c.root+"/static/site.css" || u.Root != c.root ||
					u.External != external || u.Secure != c.secure {
					t.Errorf("%+v", u)
				}
				if c.secure && u.Remote != "203.0.113.9" {
					t.Errorf("remote_addr %s", u.Remote)
				}
				redirect := strings.Replace(c.path, "urls", "redirect", 1)
				b.get(redirect, c.headers...).wantRedirect(t, 301, c.root+"/")
				// The session cookie's path is the mount point, so it comes back.
				count := strings.Replace(c.path, "urls", "count", 1)
				if !c.secure {
					b.get(count, c.headers...).want(t, 200, "1")
					b.get(count, c.headers...).want(t, 200, "2")
				}
			})
		}
	})
}

// Clause: "a small app with login and SQLite … (routes that a Flask user would write)".
func TestFlaskLogin(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "flask_login"})
		ann, bob := s.browser(t), s.browser(t)
		ann.get("/notes/").wantRedirect(t, 302, "/login?next=/notes/")
		ann.get("/login").want(t, 200, "<form")
		for _, name := range []string{"ann", "bob"} {
			ann.form("/register", "name", name, "password", "pw-"+name).wantRedirect(t, 302, "/login")
		}
		ann.form("/register", "name", "ann", "password", "x").want(t, 409, "ann is taken")
		ann.form("/login", "name", "ann", "password", "wrong").want(t, 401, "wrong name or password")
		ann.form("/login?next=/notes/", "name", "ann", "password", "pw-ann").wantRedirect(t, 302, "/notes/")
		bob.form("/login", "name", "bob", "password", "pw-bob").wantRedirect(t, 302, "/notes/")

		p := ann.form("/notes/", "text", "Ann's 'quoted' nöte")
		p.want(t, 201, `"id":1`)
		if loc := p.Header.Get("Location"); loc != "/notes/1" {
			t.Errorf("Location %q", loc)
		}
		ann.get("/notes/1").want(t, 200, `Ann's 'quoted' n\u00f6te`)
		ann.get("/notes/99").want(t, 404)
		bob.get("/notes/1").want(t, 403)
		bob.get("/notes/").want(t, 200, `"notes":[]`, `"user":"bob"`)
		req, err := http.NewRequest("DELETE", ann.base+"/notes/1", nil)
		ann.do(req, err).want(t, 204)
		ann.get("/notes/1").want(t, 404)
		ann.form("/logout").wantRedirect(t, 302, "/login")
		ann.get("/notes/").wantRedirect(t, 302, "/login?next=/notes/")
		t.Run("concurrent transactions", func(t *testing.T) { testFlaskVisits(t, s) })
	})
}

// No update is lost, whichever threads serve.
func testFlaskVisits(t *testing.T, s *server) {
	const clients, visits = 6, 15
	seen := make(chan string, clients*visits)
	var wg sync.WaitGroup
	for range clients {
		c := s.dial(t)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range visits {
				c.trySend("POST /visit HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")
				if r, err := c.tryResponse("POST"); err == nil && r.Status == 200 {
					seen <- string(r.Body)
				}
			}
		}()
	}
	wg.Wait()
	close(seen)
	distinct := map[string]bool{}
	for n := range seen {
		distinct[n] = true
	}
	if len(distinct) != clients*visits || !distinct[fmt.Sprint(clients*visits)] {
		t.Errorf("%d distinct numbers of %d visits", len(distinct), clients*visits)
	}
}
