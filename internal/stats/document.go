package stats

import (
	"encoding/json"
	"os"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/listen"
	"github.com/gowsgi/gowsgi/internal/process"
)

// Process is what a document tells besides the server's own figures.
type Process struct {
	Version   string
	Import    time.Duration // how long the app's import took
	Mounts    []string      // the prefixes that the apps are mounted at, each "" or "/prefix"; none: one app at the root
	Dir       string        // --chdir
	Entrances []listen.Entrance
}

// Document is uWSGI's: its names, types and order. Figures that have no counterpart here are 0.
// Three have another meaning:
//
//   - listen_queue: uWSGI's requests wait in the kernel, ours in --queue. Both are counted.
//   - avg_rt is the mean since the start, where uWSGI's forgets half of it with each request.
//   - vars has the request's line, and no header: those hold passwords.
//
// A worker is what the processes with its number have been, one after the other: it counts on when
// another process takes over. Status "cheap", without a pid, is a worker whose process has died, until the next
// one is ready. A process that ends its requests while its successor takes new ones stands in
// gowsgi.leaving, and no more in workers; what it does counts there all the same.
type Document struct {
	Version           string           `json:"version"`
	ListenQueue       int              `json:"listen_queue"`
	ListenQueueErrors uint64           `json:"listen_queue_errors"`
	SignalQueue       int              `json:"signal_queue"`
	Load              int              `json:"load"`
	PID               int              `json:"pid"`
	UID               int              `json:"uid"`
	GID               int              `json:"gid"`
	CWD               string           `json:"cwd"`
	Locks             []map[string]int `json:"locks"`
	Sockets           []Socket         `json:"sockets"`
	Workers           []Worker         `json:"workers"`
	Gowsgi            Queue            `json:"gowsgi"`
}

// Socket is one that HTTP is served on.
type Socket struct {
	Name       string `json:"name"`
	Proto      string `json:"proto"`
	Queue      int    `json:"queue"`
	MaxQueue   int    `json:"max_queue"`
	Shared     int    `json:"shared"`
	CanOffload int    `json:"can_offload"`
}

// Worker is a worker process, or what has been one.
type Worker struct {
	ID            int    `json:"id"`
	PID           int    `json:"pid"`
	Accepting     int    `json:"accepting"`
	Requests      uint64 `json:"requests"`
	DeltaRequests uint64 `json:"delta_requests"` // since the last spawn
	Exceptions    uint64 `json:"exceptions"`
	HarakiriCount uint64 `json:"harakiri_count"`
	Signals       int    `json:"signals"`
	SignalQueue   int    `json:"signal_queue"`
	Status        string `json:"status"`
	RSS           int64  `json:"rss"` // bytes
	VSZ           int64  `json:"vsz"`
	RunningTime   int64  `json:"running_time"` // microseconds
	LastSpawn     int64  `json:"last_spawn"`   // Unix seconds
	RespawnCount  int    `json:"respawn_count"`
	TX            uint64 `json:"tx"`     // bytes
	AvgRT         int64  `json:"avg_rt"` // microseconds
	Apps          []App  `json:"apps"`
	Cores         []Core `json:"cores"`
}

// App is the one that a worker has loaded.
type App struct {
	ID          int    `json:"id"`
	Modifier1   int    `json:"modifier1"`
	Mountpoint  string `json:"mountpoint"`
	StartupTime int64  `json:"startup_time"` // seconds
	Requests    uint64 `json:"requests"`
	Exceptions  uint64 `json:"exceptions"`
	Chdir       string `json:"chdir"`
}

// Core is a request thread.
type Core struct {
	ID                int              `json:"id"`
	Requests          uint64           `json:"requests"`
	StaticRequests    int              `json:"static_requests"`
	RoutedRequests    int              `json:"routed_requests"`
	OffloadedRequests int              `json:"offloaded_requests"`
	WriteErrors       uint64           `json:"write_errors"`
	ReadErrors        uint64           `json:"read_errors"`
	InRequest         int              `json:"in_request"`
	Vars              []string         `json:"vars"`
	ReqInfo           map[string]int64 `json:"req_info"`
}

// Queue is what uWSGI has no names for: see [bridge.Stats].
type Queue struct {
	Threads     int    `json:"threads"`
	Active      int    `json:"active"`
	Blocked     int    `json:"blocked"`
	Parked      int    `json:"parked"`
	Waiting     int    `json:"waiting"`
	Taken       uint64 `json:"taken"`
	WaitTotal   int64  `json:"wait_total_us"`
	GILWait     int64  `json:"gil_wait_us"`
	Connections int    `json:"connections"`

	Leaving []Worker `json:"leaving"` // their figures are those of the process alone
}

// locks are uWSGI's, each with the process that holds it: nobody.
var locks = []string{"user 0", "signal", "filemon", "timer", "rbtimer", "cron", "rpc", "snmp"}

// Document is what a connection is given.
func (p *Process) Document(s *bridge.Snapshot) ([]byte, error) {
	d := Document{
		Version:           p.Version,
		ListenQueue:       s.Queue.Waiting,
		ListenQueueErrors: s.Queue.Full,
		PID:               os.Getpid(),
		UID:               os.Getuid(),
		GID:               os.Getgid(),
		Sockets:           p.sockets(),
		Workers:           p.workers(s, s.Crews),
		Gowsgi:            queueOf(s),
	}
	d.Gowsgi.Leaving = p.workers(s, s.Leaving)
	d.CWD, _ = os.Getwd() // "": it is gone
	for _, name := range locks {
		d.Locks = append(d.Locks, map[string]int{name: 0})
	}
	for _, socket := range d.Sockets {
		d.ListenQueue += socket.Queue
	}
	d.Load = d.ListenQueue
	return json.MarshalIndent(d, "", "\t")
}

func (p *Process) sockets() []Socket {
	sockets := []Socket{}
	for _, e := range p.Entrances {
		waiting, limit := listen.Backlog(e.Listener)
		sockets = append(sockets, Socket{Name: listen.Name(e.Listener), Proto: e.Protocol(), Queue: waiting, MaxQueue: limit})
	}
	return sockets
}

// Workers are those of the document.
func (p *Process) Workers(s *bridge.Snapshot) []Worker { return p.workers(s, s.Crews) }

func (p *Process) workers(s *bridge.Snapshot, crews []bridge.Crew) []Worker {
	workers := []Worker{}
	for i := range crews {
		w := p.worker(&crews[i])
		if s.Draining {
			w.Accepting = 0
		}
		workers = append(workers, w)
	}
	return workers
}

func (p *Process) worker(c *bridge.Crew) Worker {
	served := c.Served()
	w := Worker{
		ID:            c.Number,
		PID:           c.PID,
		Accepting:     number(c.Accepting),
		Requests:      served.Requests,
		DeltaRequests: c.Fresh,
		Exceptions:    served.Exceptions,
		HarakiriCount: served.Harakiris,
		Status:        c.Status(),
		RunningTime:   served.Time.Microseconds(),
		LastSpawn:     c.Spawned.Unix(),
		RespawnCount:  c.Spawns, // the first one counts
		TX:            served.Bytes,
		AvgRT:         served.Time.Microseconds() / int64(max(served.Requests, 1)),
		Apps:          p.apps(&served),
		Cores:         []Core{},
	}
	if c.PID != 0 {
		w.VSZ, w.RSS = process.SizeOf(c.PID)
	} else {
		w.LastSpawn = 0
	}
	for i := range c.Threads {
		w.Cores = append(w.Cores, coreOf(i, &c.Threads[i]))
	}
	return w
}

// apps lists a worker's apps. What each of several has had is not counted.
func (p *Process) apps(served *bridge.Tally) []App {
	mounts := p.Mounts
	if len(mounts) == 0 {
		mounts = []string{""}
	}
	apps := make([]App, len(mounts))
	for i, prefix := range mounts {
		apps[i] = App{ID: i, Mountpoint: prefix, StartupTime: int64(p.Import.Seconds()), Chdir: p.Dir}
	}
	if len(apps) == 1 {
		apps[0].Requests, apps[0].Exceptions = served.Requests, served.Exceptions
	}
	return apps
}

func coreOf(id int, t *bridge.Thread) Core {
	c := Core{
		ID:          id,
		Requests:    t.Tally.Requests,
		WriteErrors: t.Tally.WriteErrors,
		ReadErrors:  t.Tally.ReadErrors,
		InRequest:   number(t.Request != nil),
		Vars:        []string{},
		ReqInfo:     map[string]int64{},
	}
	if r := t.Request; r != nil {
		c.Vars = append(c.Vars, "REQUEST_METHOD="+r.Method, "REQUEST_URI="+r.URI, "SERVER_PROTOCOL="+r.Proto, "REMOTE_ADDR="+r.RemoteAddr)
		c.ReqInfo["request_start"] = r.Begun.Unix()
		c.ReqInfo["age_us"] = time.Since(r.Begun).Microseconds() // not uWSGI's: exact, and by this machine's clock
	}
	return c
}

func queueOf(s *bridge.Snapshot) Queue {
	q := &s.Queue
	return Queue{
		Threads:     q.Threads,
		Active:      q.Active,
		Blocked:     q.Blocked,
		Parked:      q.Parked,
		Waiting:     q.Waiting,
		Taken:       q.Taken,
		WaitTotal:   q.WaitTotal.Microseconds(),
		GILWait:     q.GILWait.Microseconds(),
		Connections: s.Connections,
	}
}

// number is uWSGI's truth.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
