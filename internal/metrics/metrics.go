// Package metrics shows a server's figures to Prometheus. It runs no Python and does not wait
// for the GIL.
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/accesslog"
)

// Path is where the metrics are.
const Path = "/metrics"

// Metrics are one server's. Use New.
type Metrics struct {
	registry *prometheus.Registry
	duration prometheus.Histogram
	wait     prometheus.Histogram
}

// buckets are seconds, for durations and waits alike.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// New makes the metrics of a server whose figures snapshot gives. restarts are the worker processes that
// were replaced, by reason.
func New(snapshot func() bridge.Snapshot, restarts func() map[string]uint64) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gowsgi_request_duration_seconds",
			Help:    "Time from a request's arrival to its response's last byte, the wait for a thread included.",
			Buckets: buckets,
		}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gowsgi_queue_wait_seconds",
			Help:    "Time that a request waited for a thread.",
			Buckets: buckets,
		}),
	}
	m.registry.MustRegister(m.duration, m.wait, newCollector(snapshot, restarts))
	return m
}

// Observe notes a request's times. It is for [bridge.Server.Access], and allocates nothing.
func (m *Metrics) Observe(r *accesslog.Record) {
	if r.Duration == 0 {
		return // refused: it never was in the queue
	}
	m.duration.Observe(r.Duration.Seconds())
	m.wait.Observe(r.QueueWait.Seconds())
}

// The limits of a scrape. Prometheus takes 10 seconds for one, and comes every minute.
const (
	scrapeTime  = 10 * time.Second
	idleTime    = 2 * time.Minute
	scrapesMax  = 4 // at a time
	scrapeBytes = 16 << 10
)

// Server serves the metrics, as soon as it is given a listener.
func (m *Metrics) Server(log *slog.Logger) *http.Server {
	faults := slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: faults, MaxRequestsInFlight: scrapesMax}))
	return &http.Server{
		Handler:           mux,
		ErrorLog:          faults,
		ReadHeaderTimeout: scrapeTime,
		ReadTimeout:       scrapeTime,
		WriteTimeout:      scrapeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    scrapeBytes,
	}
}
