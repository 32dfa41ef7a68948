package blackbox

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func after(seconds int) <-chan time.Time {
	return time.After(within(time.Duration(seconds) * time.Second))
}

// wantJUnit asserts that a file is a JUnit report by the schema of Jenkins' xUnit plugin, and what it counts.
func wantJUnit(t *testing.T, file string, tests, failures int) {
	t.Helper()
	const validate = "import sys, xmlschema; xmlschema.XMLSchema(sys.argv[1]).validate(sys.argv[2])"
	schema := filepath.Join(repo, "testdata", "junit", "junit-10.xsd")
	cmd := exec.Command(filepath.Join(venv, "bin", "python"), "-c", validate, schema, file)
	cmd.Env = environ(t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s is no JUnit report: %v\n%s", file, err, out)
	}
	var suites struct {
		Suite []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Cases    []struct {
				Failure []string `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = xml.Unmarshal(text, &suites)
	}
	if err != nil || len(suites.Suite) != 1 {
		t.Fatalf("%v, %d suites", err, len(suites.Suite))
	}
	s, failed := suites.Suite[0], 0
	for _, c := range s.Cases {
		failed += len(c.Failure)
	}
	if s.Tests != tests || len(s.Cases) != tests || s.Failures != failures || failed != failures {
		t.Errorf("%d tests, %d cases, %d failures, %d failed; want %d and %d", s.Tests, len(s.Cases), s.Failures, failed, tests, failures)
	}
}

// Clauses: the checks file: every key; cookies, saved values and the environment.
func TestSmokeChecks(t *testing.T) {
	t.Parallel()
	const rows = "ok 302 not logged in GET /admin\nok 200 form GET /login\nok 302 log in POST /login\nok 200 logged in GET /admin\n" +
		"ok 201 JSON POST /items\nok 200 query GET /items/17?a=1\nok 204 DELETE /items/17\nok 200 upload POST /upload\n" +
		"ok 200 a file as it is PUT /upload\nok 200 a body as it is PUT /upload\n"
	user := []string{"SMOKE_USER=ada"}
	smoke(t, "smoke", user, "app:app", "--checks", "smoke.yaml").wantTable(t, 0, rows+"10 passed, 0 failed")
	// Each round has cookies and values of its own.
	file := filepath.Join(t.TempDir(), "report.xml")
	e := smoke(t, "smoke", user, "app:app", "--checks", "smoke.yaml", "--repeat", "3", "--concurrency", "3", "--get", "/admin=302", "--junit", file)
	e.wantTable(t, 0, strings.Repeat("ok 302 GET /admin\n"+rows, 3)+"33 passed, 0 failed")
	wantJUnit(t, file, 33, 0)
	smoke(t, "smoke", nil, "app:app", "--checks", "smoke.yaml").want(t, 2, "gowsgi: smoke.yaml:11: ${SMOKE_USER} is neither saved")
	command(t, folder(t, "a.yaml", "- path: /\n  expcet: {}\n"), nil, "smoke", "app", "--checks", "a.yaml").wantLine(t, 2,
		"gowsgi: a.yaml:2: unknown key expcet; did you mean expect?")
}

// Clauses: "--junit F (accepted by a JUnit XSD in the tests)", "GitHub annotations when GITHUB_ACTIONS is set"; with
// what XML can't say in a traceback.
func TestSmokeReports(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.xml")
	e := smoke(t, "smoke_faults", []string{"GITHUB_ACTIONS=true"}, "app:app", "--junit", file, "--fail-fast", "--repeat", "2",
		"--get", "/ok", "--get", "/zero?who=%00%1b%ef%bf%bf]]%3E")
	e.want(t, 1)
	wantJUnit(t, file, 4, 1)
	if want := "\n::error file=app.py,line=25,title=gowsgi smoke%3A GET /zero?who=%2500"; !strings.Contains(e.stdout, want) {
		t.Errorf("stdout lacks %q:\n%s", want, e.stdout)
	}
	for _, option := range []string{"--junit", "--json"} {
		smoke(t, "smoke", nil, "app:app", "--get", "/", option, "/nonexistent/report").want(t, 1, option+": ", "/nonexistent/report")
	}
}
