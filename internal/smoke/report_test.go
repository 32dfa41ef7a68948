package smoke

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

func sample() *Report {
	r := newReport("app:app", time.Date(2026, 11, 22, 11, 8, 13, 0, time.UTC), []Result{
		{Name: "GET /", Method: "GET", Path: "/", Round: 1, Outcome: Passed, Status: 200, MS: 1.25},
		{
			Name: "log in", Method: "POST", Path: "/login", File: "/repo/tests/smoke.yaml", Line: 7, Round: 2, Outcome: Failed, Status: 500, MS: 1234.5,
			Failures: []string{"status: 500, want 200", "max_ms: too <slow>"},
			Request:  "POST /login HTTP/1.1\nHost: h\n", Response: "HTTP/1.1 500 Oops\nX: \x1b[31m\n",
			Traceback: "Traceback (most recent call last):\n" +
				"  File \"/repo/app.py\", line 12, in login\n    check()\n" +
				"  File \"/repo/.venv/lib/site-packages/x.py\", line 99, in check\n    1/0\nZeroDivisionError: 100%: x\n",
		},
		{Name: "not, reached: at all", Method: "GET", Path: "/x", File: "/repo/tests/smoke.yaml", Line: 9, Round: 1, Outcome: Skipped},
	})
	r.duration = 1500 * time.Millisecond
	r.MS = 1500
	return r
}

func TestText(t *testing.T) {
	const want = `--- FAIL: log in (/repo/tests/smoke.yaml:7)
    status: 500, want 200
    max_ms: too <slow>
  request:
    POST /login HTTP/1.1
    Host: h
  response:
    HTTP/1.1 500 Oops
    X: \x1b[31m
  the app's traceback:
    Traceback (most recent call last):
      File "/repo/app.py", line 12, in login
        check()
      File "/repo/.venv/lib/site-packages/x.py", line 99, in check
        1/0
    ZeroDivisionError: 100%: x

ok    200  1.2 ms     GET /
FAIL  500  1234.5 ms  log in                POST /login
skip  -    -          not, reached: at all  GET /x
1 passed, 1 failed, 1 skipped in 1.50 s
`
	var out strings.Builder
	if err := sample().write(&out); err != nil || out.String() != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, out.String(), want)
	}
}

func TestJUnit(t *testing.T) {
	var out strings.Builder
	if err := sample().writeJUnit(&out); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	s := got.Suite
	if s.Tests != 3 || s.Failures != 1 || s.Skipped != 1 || s.Time != "1.500" || s.Timestamp != "2026-11-22T11:08:13" || len(s.Cases) != 3 {
		t.Fatalf("%+v", s)
	}
	failed := s.Cases[1]
	if failed.Name != "log in (round 2)" || failed.Class != "/repo/tests/smoke.yaml" || failed.Time != "1.234" && failed.Time != "1.235" {
		t.Errorf("%+v", failed)
	}
	if f := failed.Failure; f == nil || f.Message != "status: 500, want 200; max_ms: too <slow>" || !strings.Contains(f.Text, "ZeroDivisionError: 100%: x") {
		t.Errorf("%+v", f)
	}
	if s.Cases[0].Failure != nil || s.Cases[0].Skipped != nil || s.Cases[2].Skipped == nil {
		t.Errorf("%+v", s.Cases)
	}
}

func TestAnnotations(t *testing.T) {
	r := sample()
	r.Results[2].Outcome, r.Results[2].Failures = Failed, []string{"a\r\nb"}
	const want = "::error file=app.py,line=12,title=gowsgi smoke%3A log in::status: 500, want 200%0Amax_ms: too <slow>%0AZeroDivisionError: 100%25: x\n" +
		"::error file=tests/smoke.yaml,line=9,title=gowsgi smoke%3A not%2C reached%3A at all::a%0D%0Ab\n"
	var out strings.Builder
	if err := r.annotate(&out, "/repo"); err != nil || out.String() != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, out.String(), want)
	}
	r.Results[1].File, r.Results[1].Traceback, r.Results = "", "", r.Results[1:2]
	out.Reset()
	if err := r.annotate(&out, "/repo"); err != nil || !strings.HasPrefix(out.String(), "::error title=gowsgi smoke%3A log in::status") {
		t.Errorf("%v, got\n%s", err, out.String())
	}
}

func TestProgress(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out, all: 2}
	p.finished(&Result{Name: "one", Outcome: Failed})
	p.finished(&Result{Name: strings.Repeat("ü", 100), Outcome: Passed})
	p.clear()
	want := "\r\x1b[K1/2, 1 failed  one\r\x1b[K2/2, 1 failed  " + strings.Repeat("ü", progressWidth-15) + "\r\x1b[K"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	(&progress{all: 1}).finished(&Result{}) // nobody looks
}

func TestWriteRoutes(t *testing.T) {
	var out strings.Builder
	routes := []Route{{Rule: "/b", Methods: []string{"GET", "POST"}, Endpoint: "b"}, {Rule: "/a/<x>", Methods: []string{"ANY"}, Endpoint: "bp.a", Host: "h"}}
	const want = "RULE     METHODS    ENDPOINT\nh/a/<x>  ANY        bp.a\n/b       GET, POST  b\n"
	if err := WriteRoutes(&out, routes); err != nil || out.String() != want {
		t.Errorf("%v, got\n%s", err, out.String())
	}
}
