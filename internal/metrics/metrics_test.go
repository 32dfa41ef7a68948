package metrics

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/process"
)

var snapshot = bridge.Snapshot{
	Queue: bridge.Stats{Threads: 4, Active: 1, Blocked: 2, Parked: 1, Waiting: 7, Full: 3, GILWait: 1500 * time.Millisecond},
	Crews: []bridge.Crew{
		{Number: 1, PID: os.Getpid(), Threads: []bridge.Thread{
			{Tally: bridge.Tally{Requests: 3, Statuses: [6]uint64{2: 2, 5: 1}, Exceptions: 1, Bytes: 10}},
		}},
		{Number: 2, Threads: []bridge.Thread{
			{Tally: bridge.Tally{Requests: 2, Statuses: [6]uint64{0: 1, 3: 1}, WriteErrors: 1, Harakiris: 1, Bytes: 20}},
		}},
		{Number: 3, PID: os.Getpid(), Threads: []bridge.Thread{{Request: new(bridge.RequestInfo)}}},
	},
	Leaving:     make([]bridge.Crew, 2),
	Unserved:    bridge.Tally{Requests: 2, Statuses: [6]uint64{4: 1, 5: 1}, ReadErrors: 1, Bytes: 30},
	Connections: 5,
}

func restarts() map[string]uint64 { return map[string]uint64{"died": 3, "reload": 0} }

func get(m *Metrics, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.Server(slog.New(slog.DiscardHandler)).Handler.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// scraped are the metrics by name.
func scraped(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(get(m, http.MethodGet, Path).Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// values are a counter's or a gauge's, by the value of its label.
func values(f *dto.MetricFamily) map[string]float64 {
	all := map[string]float64{}
	for _, m := range f.GetMetric() {
		label := ""
		if len(m.GetLabel()) > 0 {
			label = m.GetLabel()[0].GetValue()
		}
		all[label] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return all
}

func TestFigures(t *testing.T) {
	families := scraped(t, New(func() bridge.Snapshot { return snapshot }, restarts))
	want := map[string]map[string]float64{
		"gowsgi_requests_total":         {"1xx": 0, "2xx": 2, "3xx": 1, "4xx": 1, "5xx": 2, "other": 1},
		"gowsgi_exceptions_total":       {"": 1},
		"gowsgi_response_bytes_total":   {"": 60},
		"gowsgi_write_errors_total":     {"": 1},
		"gowsgi_read_errors_total":      {"": 1},
		"gowsgi_harakiris_total":        {"": 1},
		"gowsgi_threads":                {"active": 1, "blocked": 2, "parked": 1},
		"gowsgi_waiting_requests":       {"": 7},
		"gowsgi_queue_full_total":       {"": 3},
		"gowsgi_gil_wait_seconds_total": {"": 1.5},
		"gowsgi_connections":            {"": 5},
		"gowsgi_worker_restarts_total":  {"died": 3, "reload": 0},
		"gowsgi_workers":                {"idle": 1, "busy": 1, "cheap": 1, "leaving": 2},
	}
	for name, want := range want {
		got := values(families[name])
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		for label, value := range want {
			if got[label] != value {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
	memory := values(families["gowsgi_worker_resident_memory_bytes"])
	if _, rss := process.Size(); len(memory) != 3 || memory["2"] != 0 || rss > 0 && (memory["1"] < 1<<20 || memory["3"] < 1<<20) {
		t.Errorf("memory of workers %v", memory)
	}
	if len(families) != len(want)+4 || len(values(families["gowsgi_resident_memory_bytes"])) != 1 {
		t.Errorf("got %d metrics", len(families))
	}
}

func TestHistograms(t *testing.T) {
	m := New(func() bridge.Snapshot { return snapshot }, restarts)
	for _, r := range []accesslog.Record{
		{Duration: 20 * time.Millisecond, QueueWait: 2 * time.Millisecond, Thread: 1},
		{Duration: 2 * time.Minute, Thread: 2},
		{Status: 400}, // refused at once
	} {
		m.Observe(&r)
	}
	families := scraped(t, m)
	for name, sum := range map[string]float64{"gowsgi_request_duration_seconds": 120.02, "gowsgi_queue_wait_seconds": 0.002} {
		h := families[name].GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 2 || h.GetSampleSum() != sum || len(h.GetBucket()) != len(buckets)+1 { // and +Inf
			t.Errorf("%s: %v", name, h)
		}
	}
}

func TestObserveAllocates(t *testing.T) {
	m := New(func() bridge.Snapshot { return snapshot }, restarts)
	r := accesslog.Record{Duration: time.Millisecond}
	if n := testing.AllocsPerRun(100, func() { m.Observe(&r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOtherPaths(t *testing.T) {
	m := New(func() bridge.Snapshot { return snapshot }, restarts)
	for _, test := range []struct {
		method, target string
		status         int
	}{
		{http.MethodGet, Path, 200},
		{http.MethodHead, Path, 200},
		{http.MethodPost, Path, 405},
		{http.MethodGet, "/", 404},
		{http.MethodGet, Path + "/x", 404},
	} {
		w := get(m, test.method, test.target)
		if w.Code != test.status {
			body, _ := io.ReadAll(w.Body)
			t.Errorf("%s %s: %d %s", test.method, test.target, w.Code, body)
		}
	}
}

// BenchmarkObserve is what --metrics costs a request.
func BenchmarkObserve(b *testing.B) {
	m := New(func() bridge.Snapshot { return snapshot }, restarts)
	r := accesslog.Record{Duration: 3 * time.Millisecond, QueueWait: time.Microsecond}
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(&r)
	}
}
