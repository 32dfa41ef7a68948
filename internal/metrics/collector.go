package metrics

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/process"
)

// sample is what one scrape shows.
type sample struct {
	bridge.Snapshot
	total    bridge.Tally // of all requests
	restarts map[string]uint64
	rss      int64
}

// figure is a metric that is read from a sample.
type figure struct {
	name  string
	label [2]string // name and value; empty: none
	help  string
	kind  prometheus.ValueType
	of    func(*sample) float64
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// figures is all of them. Rows of one name have one help.
var figures = []figure{
	{name: "gowsgi_requests_total", label: [2]string{"status", "1xx"}, help: requestsHelp, kind: counter, of: answered(1)},
	{name: "gowsgi_requests_total", label: [2]string{"status", "2xx"}, help: requestsHelp, kind: counter, of: answered(2)},
	{name: "gowsgi_requests_total", label: [2]string{"status", "3xx"}, help: requestsHelp, kind: counter, of: answered(3)},
	{name: "gowsgi_requests_total", label: [2]string{"status", "4xx"}, help: requestsHelp, kind: counter, of: answered(4)},
	{name: "gowsgi_requests_total", label: [2]string{"status", "5xx"}, help: requestsHelp, kind: counter, of: answered(5)},
	{name: "gowsgi_requests_total", label: [2]string{"status", "other"}, help: requestsHelp, kind: counter, of: answered(0)},
	{
		name: "gowsgi_exceptions_total", help: "Requests in which the app raised an exception.",
		kind: counter, of: func(s *sample) float64 { return float64(s.total.Exceptions) },
	},
	{
		name: "gowsgi_response_bytes_total", help: "Bytes of responses, heads included.",
		kind: counter, of: func(s *sample) float64 { return float64(s.total.Bytes) },
	},
	{
		name: "gowsgi_write_errors_total", help: "Requests whose response the client did not take whole.",
		kind: counter, of: func(s *sample) float64 { return float64(s.total.WriteErrors) },
	},
	{
		name: "gowsgi_read_errors_total", help: "Requests whose body did not come whole.",
		kind: counter, of: func(s *sample) float64 { return float64(s.total.ReadErrors) },
	},
	{
		name: "gowsgi_harakiris_total", help: "Requests that --harakiri ended.",
		kind: counter, of: func(s *sample) float64 { return float64(s.total.Harakiris) },
	},
	{
		name: "gowsgi_threads", label: [2]string{"state", "active"}, help: threadsHelp,
		kind: gauge, of: func(s *sample) float64 { return float64(s.Queue.Active) },
	},
	{
		name: "gowsgi_threads", label: [2]string{"state", "blocked"}, help: threadsHelp,
		kind: gauge, of: func(s *sample) float64 { return float64(s.Queue.Blocked) },
	},
	{
		name: "gowsgi_threads", label: [2]string{"state", "parked"}, help: threadsHelp,
		kind: gauge, of: func(s *sample) float64 { return float64(s.Queue.Parked) },
	},
	{
		name: "gowsgi_waiting_requests", help: "Requests that wait for a thread.",
		kind: gauge, of: func(s *sample) float64 { return float64(s.Queue.Waiting) },
	},
	{
		name: "gowsgi_queue_full_total", help: "Requests refused because the queue was full.",
		kind: counter, of: func(s *sample) float64 { return float64(s.Queue.Full) },
	},
	{
		name: "gowsgi_gil_wait_seconds_total", help: "Time that request threads waited for the GIL between requests.",
		kind: counter, of: func(s *sample) float64 { return s.Queue.GILWait.Seconds() },
	},
	{
		name: "gowsgi_connections", help: "Open client connections.",
		kind: gauge, of: func(s *sample) float64 { return float64(s.Connections) },
	},
	{
		name: "gowsgi_resident_memory_bytes", help: "Resident memory of the process; 0 where it can't be told.",
		kind: gauge, of: func(s *sample) float64 { return float64(s.rss) },
	},
}

const (
	requestsHelp = "Requests by their status, those that gowsgi itself refused included."
	threadsHelp  = "Request threads: parked ones sleep, the others are active; those that one request holds for long count as blocked once others wait."
)

func answered(class int) func(*sample) float64 {
	return func(s *sample) float64 { return float64(s.total.Statuses[class]) }
}

// row is a metric of which there are as many as the sample has, one for each value of its label.
type row struct {
	name, label string
	help        string
	kind        prometheus.ValueType
	of          func(*sample) map[string]float64
}

var rows = []row{
	{
		name: "gowsgi_worker_restarts_total", label: "reason", help: "Worker processes that were replaced.",
		kind: counter, of: func(s *sample) map[string]float64 {
			all := map[string]float64{}
			for reason, n := range s.restarts {
				all[reason] = float64(n)
			}
			return all
		},
	},
	{
		name: "gowsgi_worker_resident_memory_bytes", label: "worker", help: "Resident memory of each worker; 0 without a process.",
		kind: gauge, of: func(s *sample) map[string]float64 {
			all := map[string]float64{}
			for i := range s.Crews {
				rss := int64(0)
				if pid := s.Crews[i].PID; pid != 0 {
					_, rss = process.SizeOf(pid)
				}
				all[strconv.Itoa(s.Crews[i].Number)] = float64(rss)
			}
			return all
		},
	},
	{
		name: "gowsgi_workers", label: "state",
		help: "Workers: busy with a request or idle, cheap while they have no process; leaving ones end their requests beside a successor.",
		kind: gauge, of: func(s *sample) map[string]float64 {
			all := map[string]float64{"idle": 0, "busy": 0, "cheap": 0, "leaving": float64(len(s.Leaving))}
			for i := range s.Crews {
				all[s.Crews[i].Status()]++
			}
			return all
		},
	},
}

// collector gives the figures of one look at the server, so that they belong together.
type collector struct {
	snapshot     func() bridge.Snapshot
	restarts     func() map[string]uint64
	descriptions []*prometheus.Desc // of figures, in their order
	rows         []*prometheus.Desc // likewise
}

func newCollector(snapshot func() bridge.Snapshot, restarts func() map[string]uint64) *collector {
	c := &collector{snapshot: snapshot, restarts: restarts}
	for _, f := range figures {
		var labels prometheus.Labels
		if f.label[0] != "" {
			labels = prometheus.Labels{f.label[0]: f.label[1]}
		}
		c.descriptions = append(c.descriptions, prometheus.NewDesc(f.name, f.help, nil, labels))
	}
	for _, r := range rows {
		c.rows = append(c.rows, prometheus.NewDesc(r.name, r.help, []string{r.label}, nil))
	}
	return c
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range slices.Concat(c.descriptions, c.rows) {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s := sample{Snapshot: c.snapshot(), restarts: c.restarts()}
	s.total = s.Served()
	s.total.Add(&s.Unserved)
	_, s.rss = process.Size()
	for i, f := range figures {
		to <- prometheus.MustNewConstMetric(c.descriptions[i], f.kind, f.of(&s))
	}
	for i, r := range rows {
		for value, n := range r.of(&s) {
			to <- prometheus.MustNewConstMetric(c.rows[i], r.kind, n, value)
		}
	}
}
