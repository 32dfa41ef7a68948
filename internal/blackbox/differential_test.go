package blackbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// compared is one server of a pair: uWSGI, or gowsgi.
type compared struct {
	name    string
	program *spawned
	http    string // where it serves HTTP
	uwsgi   string // where it serves the uwsgi protocol
}

// startCompared starts a program with options that uWSGI and gowsgi share.
func startCompared(t *testing.T, name, program, dir string, args ...string) *compared {
	t.Helper()
	c := &compared{name: name, http: ownAddress(), uwsgi: ownAddress()}
	cmd := exec.Command(program, append(args, "--http-socket", c.http, "--socket", c.uwsgi)...)
	// Flask prints sets.
	cmd.Dir, cmd.Env = dir, append(environ(t.TempDir()), "PYTHONHASHSEED=0")
	c.program = spawn(t, cmd)
	c.program.answers(t, c.http)
	return c
}

// answers waits until something listens at an address.
func (p *spawned) answers(t *testing.T, addr string) {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	eventually(t, addr+" answers", func() bool {
		select {
		case <-p.exited:
			t.Fatalf("%q ended: %v\n%s", p.Args, p.ProcessState, p.log)
		default:
		}
		return listens(network, addr)
	})
}

// answer is a response in the form in which two are compared: what → value.
type answer map[string]string

// noAnswer is the status of a connection that ended without one.
const noAnswer = "no answer"

// answerOf reads what comes back on a connection.
func answerOf(c *conn, method string, own *strings.Replacer) answer {
	r, err := c.tryResponse(method)
	if r == nil {
		return answer{"status": noAnswer}
	}
	a := answer{"status": fmt.Sprintf("%d %s", r.Status, r.Reason)}
	if err != nil {
		a["body"] = "broken off: "
	}
	for _, f := range r.Fields {
		key := "header " + strings.ToLower(f[0])
		if old, again := a[key]; again {
			f[1] = old + " | " + f[1]
		}
		a[key] = f[1]
	}
	var seen map[string]string
	if r.get("Content-Type") == "application/json" && json.Unmarshal(r.Body, &seen) == nil {
		for key, value := range seen {
			a["environ "+key] = own.Replace(value)
		}
		delete(a, "header content-length") // the environs' lengths differ
		return a
	}
	a["body"] += own.Replace(string(r.Body))
	return a
}

// own replaces what is different because it is another server's.
func (c *compared) own(client *conn) *strings.Replacer {
	_, clientPort, _ := strings.Cut(client.LocalAddr().String(), ":")
	pairs := []string{}
	for _, addr := range []string{c.http, c.uwsgi} {
		host, port, _ := strings.Cut(addr, ":")
		pairs = append(pairs, addr, "SERVER:PORT", "'"+host+"'", "'SERVER'", "'"+port+"'", "'PORT'")
	}
	return strings.NewReplacer(append(pairs, "'"+clientPort+"'", "'CLIENTPORT'")...)
}

func (c *compared) byHTTP(t *testing.T, raw string) answer {
	t.Helper()
	client := dialPeer(t, c.http)
	defer client.Close()
	client.trySend(strings.ReplaceAll(raw, "{HOST}", c.http))
	method, _, _ := strings.Cut(raw, " ")
	return answerOf(client, method, c.own(client))
}

func (c *compared) byUWSGI(t *testing.T, p packet) answer {
	t.Helper()
	client := dialPeer(t, c.uwsgi)
	defer client.Close()
	client.trySend(string(p.bytes()))
	method := ""
	for _, kv := range p.vars {
		if kv[0] == "REQUEST_METHOD" {
			method = kv[1]
		}
	}
	return answerOf(client, method, c.own(client))
}

// unlike is one thing in which two answers differ.
type unlike struct{ request, what, uwsgi, gowsgi string }

func (u unlike) String() string {
	return fmt.Sprintf("{%q, %q, %.150q, %.150q, \"\"},", u.request, u.what, u.uwsgi, u.gowsgi)
}

// absent stands for what one of two answers does not have.
const absent = "-"

func differences(request string, uwsgi, gowsgi answer) (list []unlike) {
	// Where the statuses differ, there is nothing else to compare.
	if uwsgi["status"] != gowsgi["status"] {
		return []unlike{{request, "status", uwsgi["status"], gowsgi["status"]}}
	}
	all := maps.Clone(uwsgi)
	maps.Copy(all, gowsgi)
	for _, what := range slices.Sorted(maps.Keys(all)) {
		u, inU := uwsgi[what]
		g, inG := gowsgi[what]
		if !inU {
			u = absent
		}
		if !inG {
			g = absent
		}
		if u != g {
			list = append(list, unlike{request, what, u, g})
		}
	}
	return list
}

// expects tells whether the entry is about a difference. A value "*" is any.
func (e expected) expects(u unlike) bool {
	request := e.request == u.request
	if prefix, ok := strings.CutSuffix(e.request, "*"); ok {
		request = strings.HasPrefix(u.request, prefix)
	} else if suffix, ok := strings.CutPrefix(e.request, "*"); ok {
		request = strings.HasSuffix(u.request, " "+suffix)
	}
	return request && e.what == u.what && (e.uwsgi == "*" || e.uwsgi == u.uwsgi) && (e.gowsgi == "*" || e.gowsgi == u.gowsgi)
}

// Clause: "real uWSGI and gowsgi side by side on the same 60+ requests and apps: environ key by key, status, headers,
// body; every difference is on a written list with its reason."
func TestDifferential(t *testing.T) {
	if testing.Short() {
		t.Skip("compared once, in the full run")
	}
	t.Parallel()
	uwsgi := peer(t, "GOWSGI_UWSGI", "uWSGI")
	common := []string{"--home", venv, "--pythonpath", appDir("common"), "--module", "app"}
	var found []unlike
	n := 0
	for _, a := range []struct {
		app, dir, callable string
		args               []string
	}{
		{"differential", "differential", "application", nil},
		{"flask_features", "flask_features", "app", nil},
		{"static", "differential", "application", []string{
			"--static-map", "/static=static", "--static-map", "/one.txt=file.txt", "--static-index", "index.html",
			"--add-header", "X-Added: yes", "--mimefile", "mime.types",
		}},
	} {
		args := slices.Concat(common, []string{"--callable", a.callable}, a.args)
		// uWSGI with what it needs to be a fair peer: the larger buffer, and a master that ends by TERM.
		u := startCompared(t, "uWSGI", uwsgi, appDir(a.dir), append(args, "--master", "--die-on-term", "--need-app", "--buffer-size", "65535")...)
		g := startCompared(t, "gowsgi", binary, appDir(a.dir), append(args, "--threads", "1")...)
		for _, r := range comparedRequests {
			if r.app != a.app {
				continue
			}
			n++
			if !r.onlyUWSGI {
				found = append(found, differences("http "+r.name, u.byHTTP(t, r.raw), g.byHTTP(t, r.raw))...)
			}
			if !r.onlyHTTP && listens("tcp", g.uwsgi) {
				found = append(found, differences("uwsgi "+r.name, u.byUWSGI(t, r.packet()), g.byUWSGI(t, r.packet()))...)
			}
		}
	}
	t.Logf("%d requests, %d differences", n, len(found))
	if n < 60 {
		t.Errorf("%d requests; the comparison is of 60 at least", n)
	}
	judge(t, found)
}

// judge asserts that each difference is on the list, and that each on the list is one.
func judge(t *testing.T, found []unlike) {
	t.Helper()
	used := make([]bool, len(expectedDifferences))
	for _, u := range found {
		i := slices.IndexFunc(expectedDifferences, func(e expected) bool { return e.expects(u) })
		if i < 0 {
			t.Errorf("not on the list: %v", u)
			continue
		}
		used[i] = true
	}
	for i, e := range expectedDifferences {
		if !used[i] {
			t.Errorf("on the list, but no difference any more: %q %q", e.request, e.what)
		}
		if e.reason == "" {
			t.Errorf("no reason for %q %q", e.request, e.what)
		}
	}
}
