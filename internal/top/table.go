package top

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gowsgi/gowsgi/internal/stats"
)

// sample is a document, and when it came.
type sample struct {
	*stats.Document
	at time.Time
}

// request is one that runs.
type request struct {
	pid, worker, core int
	begun             int64 // with the others above, it tells requests apart
	age               time.Duration
	method, url, peer string
}

// requests are those that run, the oldest first. Nothing in them is for the terminal's ears.
func (s *sample) requests() (all []request) {
	for _, w := range slices.Concat(s.Workers, s.Gowsgi.Leaving) {
		for _, c := range w.Cores {
			if c.InRequest == 0 {
				continue
			}
			r := request{pid: w.PID, worker: w.ID, core: c.ID, begun: c.ReqInfo["request_start"]}
			if age, ok := c.ReqInfo["age_us"]; ok {
				r.age = time.Duration(age) * time.Microsecond
			} else if r.begun != 0 { // uWSGI's
				r.age = s.at.Sub(time.Unix(r.begun, 0))
			}
			for name, to := range map[string]*string{"REQUEST_METHOD": &r.method, "REQUEST_URI": &r.url, "REMOTE_ADDR": &r.peer} {
				for _, v := range c.Vars {
					if value, ok := strings.CutPrefix(v, name+"="); ok {
						*to = clean(value)
					}
				}
			}
			if r.peer == "" {
				r.peer = "-"
			}
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b request) int { return cmp.Compare(b.age, a.age) })
	return all
}

// same tells whether two documents show one request.
func (r request) same(o request) bool {
	return r.pid == o.pid && r.core == o.core && r.begun == o.begun
}

// clean makes a text fit for a terminal: what is not to be seen is spelled out, so that nobody who sends a
// request can move the cursor, say.
func clean(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unprintable(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r) // U+FFFD where it is no UTF-8
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// cleanLines are the lines of a text.
func cleanLines(text string) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = clean(strings.ReplaceAll(line, "\t", "    "))
	}
	return lines
}

// summary is what the whole server is at. before may be nil.
func (s *sample) summary(before *sample) []string {
	total := uint64(0)
	for _, w := range s.Workers {
		total += w.Requests
	}
	g := &s.Gowsgi
	return []string{
		fmt.Sprintf("gowsgi %s, pid %d: %d requests, %s/s, %d waiting, %d refused, %d connections",
			clean(s.Version), s.PID, total, s.rate(before, 0), g.Waiting, s.ListenQueueErrors, g.Connections),
		fmt.Sprintf("threads: %d active, %d blocked, %d parked", g.Active, g.Blocked, g.Parked),
	}
}

// rate is how many requests a second a worker has done since before, or all of them: 0.
func (s *sample) rate(before *sample, id int) string {
	if before == nil {
		return "-"
	}
	requests := func(d *sample) (sum float64) {
		for _, w := range d.Workers {
			if id == 0 || w.ID == id {
				sum += float64(w.Requests)
			}
		}
		return sum
	}
	// Of a server that was started anew, there is no rate yet.
	if n, d := requests(s)-requests(before), s.at.Sub(before.at).Seconds(); n >= 0 && d > 0 {
		return strconv.FormatFloat(n/d, 'f', 1, 64)
	}
	return "-"
}

// workers is the table of the workers, its head first.
func (s *sample) workers(before *sample) []string {
	rows := [][]string{{"WORKER", "PID", "STATUS", "REQUESTS", "REQ/S", "EXCEPTIONS", "RSS", "RESPAWNS"}}
	for _, w := range s.Workers {
		rows = append(rows, workerRow(&w, w.Status, s.rate(before, w.ID)))
	}
	for _, w := range s.Gowsgi.Leaving {
		rows = append(rows, workerRow(&w, "leaving", "-"))
	}
	return aligned(rows)
}

func workerRow(w *stats.Worker, status, rate string) []string {
	pid := "-"
	if w.PID != 0 {
		pid = strconv.Itoa(w.PID)
	}
	return []string{
		strconv.Itoa(w.ID), pid, clean(status), strconv.FormatUint(w.Requests, 10), rate,
		strconv.FormatUint(w.Exceptions, 10), megabytes(w.RSS), strconv.Itoa(max(w.RespawnCount-1, 0)), // the first spawn is none
	}
}

func megabytes(n int64) string {
	if n <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1fM", float64(n)/(1<<20))
}

// running is the table of requests, its head first.
func running(requests []request) []string {
	rows := [][]string{{"AGE", "WORKER", "CORE", "PEER", "METHOD", "URL"}}
	for _, r := range requests {
		rows = append(rows, []string{
			fmt.Sprintf("%.1fs", r.age.Seconds()), strconv.Itoa(r.worker), strconv.Itoa(r.core), r.peer, r.method, r.url,
		})
	}
	return aligned(rows)
}

// aligned are the rows as lines, their columns one below the other.
func aligned(rows [][]string) []string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
}

// text is a snapshot without a terminal.
func (s *sample) text() string {
	lines := slices.Concat(s.summary(nil), []string{""}, s.workers(nil))
	if requests := s.requests(); len(requests) > 0 {
		lines = slices.Concat(lines, []string{""}, running(requests))
	}
	return strings.Join(lines, "\n") + "\n"
}
