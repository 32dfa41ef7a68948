package smoke

import (
	"cmp"
	"time"
)

// Result is what became of a check. Texts are "" where there is nothing to say.
type Result struct {
	Name    string  `json:"name"`
	Method  string  `json:"method"`
	Path    string  `json:"path"`
	File    string  `json:"file,omitempty"` // the checks file
	Line    int     `json:"line,omitempty"` // in it
	Round   int     `json:"round"`          // of --repeat, from 1
	Outcome Outcome `json:"outcome"`
	Status  int     `json:"status,omitempty"` // 0: no response
	MS      float64 `json:"ms"`

	Failures  []string `json:"failures,omitempty"`  // what was expected and is not so
	Request   string   `json:"request,omitempty"`   // of a check that failed, as all below
	Response  string   `json:"response,omitempty"`  // its head, and the beginning of its body
	Traceback string   `json:"traceback,omitempty"` // the app's exceptions in this very request
	Errors    string   `json:"errors,omitempty"`    // what the app wrote to wsgi.errors, when it is not in Traceback
	Stack     string   `json:"stack,omitempty"`     // where the request's thread was when it took too long
	Log       string   `json:"log,omitempty"`       // what the server said meanwhile, when it died
}

// Outcome is how a check ended.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped" // --fail-fast
)

// Report is all of a run.
type Report struct {
	App      string    `json:"app"`
	Started  time.Time `json:"started"`
	MS       float64   `json:"ms"`
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Skipped  int       `json:"skipped"`
	Results  []Result  `json:"checks"`
	duration time.Duration
}

func newReport(app string, started time.Time, results []Result) *Report {
	r := &Report{App: app, Started: started, Results: results, duration: time.Since(started)}
	r.MS = milliseconds(r.duration)
	counts := map[Outcome]*int{Passed: &r.Passed, Failed: &r.Failed, Skipped: &r.Skipped}
	for i := range results {
		*counts[results[i].Outcome]++
	}
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// request is the result's request line without the version.
func (r *Result) request() string { return r.Method + " " + cmp.Or(r.Path, "/") }
