package blackbox

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// metricsClient is a client for the metrics' URL, and that URL as net/http has it.
func (s *server) metricsClient(t *testing.T) (*http.Client, string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: patience()}
	rest, unix := strings.CutPrefix(s.ready.Metrics, "http+unix://")
	if !unix {
		return client, s.ready.Metrics
	}
	host, path, _ := strings.Cut(rest, "/")
	socket, err := url.PathUnescape(host)
	if err != nil {
		t.Fatal(err)
	}
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return client, "http://unix/" + path
}

// metrics are scraped and parsed as Prometheus does.
func (s *server) metrics(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	client, target := s.metricsClient(t)
	r, err := client.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%s %v", r.Status, r.Header)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// metric is the value of a counter or gauge: with a label of that value, if not "".
func (s *server) metric(t *testing.T, name, label string) float64 {
	t.Helper()
	family := s.metrics(t)[name]
	for _, m := range family.GetMetric() {
		if labels := m.GetLabel(); label == "" && len(labels) == 0 || len(labels) == 1 && labels[0].GetValue() == label {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s %s", name, label)
	return 0
}

// Clause: "--metrics: Prometheus text at GET /metrics". With the access log or without.
func TestMetrics(t *testing.T) {
	run(t, both, func(t *testing.T, v variant) {
		for _, log := range [][]string{nil, {"--disable-logging"}} {
			s := v.start(t, launch{App: "errors", Args: append([]string{"--metrics", "127.0.0.1:0", "--threads", "3", "--health", "/up"}, log...)})
			for target, n := range map[string]int{"/ok": 5, "/nowhere": 2, "/raise?what=value": 3, "/up": 4} {
				for range n {
					s.get(t, target)
				}
			}
			s.do(t, "NONSENSE\r\n\r\n").wantStatus(t, 400)
			eventually(t, "all requests are counted", func() bool {
				h := s.metrics(t)["gowsgi_request_duration_seconds"].GetMetric()[0].GetHistogram()
				return h.GetSampleCount() >= 10 && s.metric(t, "gowsgi_requests_total", "4xx") >= 3
			})
			for name, want := range map[string]float64{
				"gowsgi_requests_total 2xx": 5, "gowsgi_requests_total 4xx": 3, "gowsgi_requests_total 5xx": 3,
				"gowsgi_requests_total 3xx": 0, "gowsgi_exceptions_total": 3, "gowsgi_waiting_requests": 0,
				"gowsgi_threads blocked": 0, "gowsgi_queue_full_total": 0,
			} {
				name, label, _ := strings.Cut(name, " ")
				if got := s.metric(t, name, label); got != want {
					t.Errorf("%s %s: %v, want %v", name, label, got, want)
				}
			}
			if n := s.metric(t, "gowsgi_workers", "idle"); n != 1 {
				t.Errorf("%v workers are idle", n)
			}
			if n := s.metric(t, "gowsgi_worker_resident_memory_bytes", "1"); n < 1<<20 && memory(t, s.pid(), "VmRSS") > 0 {
				t.Errorf("the worker has %v bytes", n)
			}
			if n := s.metric(t, "gowsgi_threads", "parked"); n < 1 || n > 3 {
				t.Errorf("%v threads are parked", n)
			}
			if n := s.metric(t, "gowsgi_gil_wait_seconds_total", ""); n <= 0 || n > patience().Seconds() {
				t.Errorf("the threads have waited %v s for the GIL", n)
			}
			families := s.metrics(t)
			for _, name := range []string{"gowsgi_request_duration_seconds", "gowsgi_queue_wait_seconds"} {
				h := families[name].GetMetric()[0].GetHistogram()
				if h.GetSampleCount() != 10 || h.GetSampleSum() <= 0 || h.GetSampleSum() > patience().Seconds() {
					t.Errorf("%s: %v", name, h)
				}
			}
			for _, name := range []string{"gowsgi_response_bytes_total", "gowsgi_gil_wait_seconds_total", "gowsgi_resident_memory_bytes", "gowsgi_connections"} {
				if _, ok := families[name]; !ok {
					t.Errorf("no %s", name)
				}
			}
			for name := range families {
				if !strings.HasPrefix(name, "gowsgi_") {
					t.Errorf("a metric %s", name)
				}
			}
			s.stop(t)
			if logged := strings.Contains(s.log.String(), "GET /ok"); logged != (log == nil) {
				t.Errorf("%q: requests are logged: %v", log, logged)
			}
		}
	})
}

// Nothing else is to be had there.
func TestMetricsOtherPaths(t *testing.T) {
	t.Parallel()
	s := single.start(t, launch{App: "limits", Args: []string{"--metrics", "127.0.0.1:0"}})
	client, target := s.metricsClient(t)
	base := strings.TrimSuffix(target, "/metrics")
	for path, want := range map[string]int{"/": 404, "/metrics/x": 404, "/debug/pprof/": 404, "/metrics?x=y": 200} {
		r, err := client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	r, err := client.Post(target, "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 405 {
		t.Errorf("POST: %s", r.Status)
	}
	s.get(t, "/metrics").wantStatus(t, 404) // on the app's port the path is the app's
}
