package blackbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smoke runs gowsgi smoke with one of testdata/apps as its working directory.
func smoke(t *testing.T, app string, env []string, args ...string) ended {
	t.Helper()
	return command(t, appDir(app), append([]string{"GOWSGI_VIRTUALENV=" + venv, "GITHUB_ACTIONS="}, env...), append([]string{"smoke"}, args...)...)
}

// smoked is what --json says.
type smoked struct {
	App                     string
	Passed, Failed, Skipped int
	Checks                  []struct {
		Name, Method, Path, Outcome, File, Request, Response, Traceback, Errors, Stack, Log string
		Line, Round, Status                                                                 int
		MS                                                                                  float64
		Failures                                                                            []string
	}
}

// report runs gowsgi smoke and reads its report.
func report(t *testing.T, app string, code int, args ...string) (r smoked) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	smoke(t, app, nil, append(args, "--json", file)...).want(t, code)
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantTable asserts the last lines of stdout: the table and the summary up to the time.
func (e ended) wantTable(t *testing.T, code int, want string) {
	t.Helper()
	e.want(t, code)
	var rows []string
	for _, line := range strings.Split(strings.TrimSpace(e.stdout), "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 5 && fields[1] == "passed,":
			rows = append(rows, strings.TrimSuffix(strings.Join(fields[:len(fields)-3], " "), ","))
		case len(fields) > 3 && (fields[0] == "ok" || fields[0] == "FAIL" || fields[0] == "skip"):
			if at := 2; fields[at] != "-" {
				fields = append(fields[:at:at], fields[at+2:]...) // without the time
			} else {
				fields = append(fields[:at:at], fields[at+1:]...)
			}
			rows = append(rows, strings.Join(fields, " "))
		}
	}
	if got := strings.Join(rows, "\n"); got != want {
		t.Errorf("table\n%s\nwant\n%s\nstdout:\n%s\nstderr:\n%s", got, want, e.stdout, e.stderr)
	}
}

// Clauses: "finds Flask's parameterless GET routes and tries them all", "--exclude GLOB"; also of mounted apps.
func TestSmokeDiscovers(t *testing.T) {
	t.Parallel()
	smoke(t, "smoke", nil, "--module", "app", "--callable", "wrapped").wantTable(t, 0,
		"ok 200 GET /\nok 200 GET /login\nok 302 GET /admin\nok 204 GET /empty\nok 200 GET /variable\nok 200 GET /api/status\n6 passed, 0 failed")
	e := smoke(t, "smoke", nil, "app:create_app()", "--exclude", "/api/**", "--exclude", "/[el]*", "--exclude", "/nope", "--script-name", "")
	e.wantTable(t, 0, "ok 200 GET /\nok 302 GET /admin\nok 200 GET /variable\n3 passed, 0 failed")
	if want := "gowsgi smoke: --exclude /nope excludes nothing\n"; e.stderr != want {
		t.Errorf("stderr %q, want %q", e.stderr, want)
	}
	smoke(t, "smoke", nil, "app", "--exclude", "**").want(t, 2, "there is no route to try; say what to ask for with --get or --checks")
}

// Clause: "--get / --get /login=200 --get /admin=302".
func TestSmokeGet(t *testing.T) {
	t.Parallel()
	smoke(t, "smoke", nil, "app:app", "--get", "/", "--get", "/login=200", "--get", "/admin=302", "--get", "/items/5?a=b").wantTable(t, 0,
		"ok 200 GET /\nok 200 GET /login\nok 302 GET /admin\nok 200 GET /items/5?a=b\n4 passed, 0 failed")
	e := smoke(t, "smoke", nil, "app:app", "--get", "/absent", "--get", "/=404")
	e.wantTable(t, 1, "FAIL 404 GET /absent\nFAIL 200 GET /\n0 passed, 2 failed")
	for _, words := range []string{
		"--- FAIL: GET /absent\n    status: 404, want one below 400\n", "    GET /absent HTTP/1.1\n", "    HTTP/1.1 404 NOT FOUND\n",
		"    Content-Type: text/html; charset=utf-8\n", "--- FAIL: GET /\n    status: 200, want 404\n",
	} {
		if !strings.Contains(e.stdout, words) {
			t.Errorf("stdout lacks %q:\n%s", words, e.stdout)
		}
	}
}

// The options of the app are gowsgi's; what is set for production does no harm.
func TestSmokeOptions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	env := []string{"GOWSGI_HTTP=:1 /nonexistent/socket", "GOWSGI_PROCESSES=4", "GOWSGI_STATS=:1", "GOWSGI_PIDFILE=" + file, "GOWSGI_CHDIR=/", "GOWSGI_THREAD=1"}
	e := command(t, t.TempDir(), env, "smoke", "--chdir", appDir("smoke"), "--virtualenv", venv, "--env", "SMOKE_VARIABLE=of the app",
		"-p", "2", "--threads", "1", "--script-name", "/prefix", "--module", "app:app", "--get", "/prefix/variable", "--get", "/variable=404")
	e.want(t, 0, "unknown variable GOWSGI_THREAD; did you mean GOWSGI_THREADS?")
	if _, err := os.Stat(file); err == nil {
		t.Error("the pidfile of production is written")
	}
	r := report(t, "smoke", 0, "--script-name", "/prefix", "app:app", "--exclude", "/prefix/[aelv]*")
	if len(r.Checks) != 1 || r.Checks[0].Path != "/prefix/" || r.App != "app:app" {
		t.Errorf("%+v", r)
	}
}

// Clause: "Django project"; its views' faults are known though Django logs them nowhere with DEBUG off.
func TestSmokeDjango(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--module", "project.wsgi"}, {"project.wsgi:application"}, {"--wsgi-file", "project/wsgi.py"}} {
		e := smoke(t, "smoke_django", nil, append(args, "--checks", "smoke.yaml")...)
		e.wantTable(t, 0, "ok 200 GET /\nok 200 GET /form/\nok 200 POST /form/\nok 403 without the token POST /form/\n4 passed, 0 failed")
	}
	e := smoke(t, "smoke_django", nil, "project.wsgi")
	e.wantTable(t, 0, "ok 200 GET /\n1 passed, 0 failed")
	if !strings.Contains(e.stderr, "no URL map that gowsgi can read") {
		t.Errorf("stderr:\n%s", e.stderr)
	}
	r := report(t, "smoke_django", 1, "project.wsgi", "--get", "/fault/")
	if text := r.Checks[0].Traceback; !strings.HasSuffix(text, "in fault\n    raise RuntimeError(\"a fault in a view\")\nRuntimeError: a fault in a view\n") {
		t.Errorf("traceback:\n%s", text)
	}
}

// Clause: "app without Flask".
func TestSmokeBare(t *testing.T) {
	t.Parallel()
	e := smoke(t, "smoke_bare", nil, "app.py")
	e.wantTable(t, 0, "ok 200 GET /\n1 passed, 0 failed")
	if want := "gowsgi smoke: the app has no URL map that gowsgi can read (Flask's it can): asking for / only; see --get and --checks\n"; e.stderr != want {
		t.Errorf("stderr %q", e.stderr)
	}
	r := report(t, "smoke_bare", 1, "app.py", "--get", "/x", "--get", "/fault")
	if r.Passed != 1 || !strings.HasSuffix(r.Checks[1].Traceback, "LookupError: a bare fault\n") {
		t.Errorf("%+v", r)
	}
}

// Clause: "gowsgi routes app:app prints Flask's URL map; for other WSGI apps it says so".
func TestRoutes(t *testing.T) {
	t.Parallel()
	routes := func(app string, args ...string) ended {
		return command(t, appDir(app), []string{"GOWSGI_VIRTUALENV=" + venv}, append([]string{"routes"}, args...)...)
	}
	e := routes("smoke", "app:wrapped")
	e.want(t, 0)
	const want = `RULE                         METHODS    ENDPOINT
/                            GET        index
/admin                       GET        admin
/api/static/<path:filename>  GET        static
/api/status                  GET        status
/empty                       GET        empty
/items                       POST       items
/items/<int:number>          GET        item
/items/<int:number>          DELETE     delete
/login                       GET        login_form
/login                       POST       login
/static/<path:filename>      GET        static
/upload                      POST, PUT  upload
/variable                    GET        variable
`
	if e.stdout != want {
		t.Errorf("got\n%s\nwant\n%s", e.stdout, want)
	}
	e = routes("smoke_bare", "app")
	e.want(t, 0)
	if want := "app:application (function) is no Flask app: it has no URL map that gowsgi can read.\n"; e.stdout != want {
		t.Errorf("got %q", e.stdout)
	}
	routes("smoke", "nope").want(t, 22, `no module named "nope"`)
	routes("smoke", "--rout").want(t, 2, "gowsgi routes --help lists the options")
}
