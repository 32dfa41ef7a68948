package stats

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/listen"
)

// busy is a server with three threads, one of which runs a request.
var busy = bridge.Snapshot{
	Queue: bridge.Stats{
		Threads: 3, Active: 1, Blocked: 1, Parked: 1, Waiting: 4, Full: 5,
		Taken: 10, WaitTotal: 20 * time.Millisecond, GILWait: 30 * time.Microsecond,
	},
	Crews: []bridge.Crew{{Number: 1, PID: os.Getpid(), Spawned: time.Unix(500, 0), Spawns: 3, Fresh: 4, Accepting: true, Threads: []bridge.Thread{
		{Tally: bridge.Tally{Requests: 6, Exceptions: 1, Harakiris: 2, Bytes: 1000, Time: 5 * time.Millisecond}},
		{
			Tally:   bridge.Tally{Requests: 3, WriteErrors: 2, Bytes: 500, Time: 4 * time.Millisecond},
			Request: &bridge.RequestInfo{Method: "GET", URI: "/a?\"<\xff", Proto: "HTTP/1.1", RemoteAddr: "192.0.2.1", Begun: time.Unix(1000, 7)},
		},
		{Tally: bridge.Tally{ReadErrors: 1}},
	}}},
	Unserved:    bridge.Tally{Requests: 100, Bytes: 1 << 20},
	Connections: 9,
}

// built is p's document of s.
func built(t *testing.T, p *Process, s bridge.Snapshot) (d Document, text []byte) {
	t.Helper()
	text, err := p.Document(&s)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d, text
}

func TestDocument(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &Process{
		Version: "1.2", Import: 2500 * time.Millisecond, Mounts: []string{"/app"}, Dir: "/srv",
		Entrances: []listen.Entrance{{Listener: l}},
	}
	d, _ := built(t, p, busy)
	cwd, _ := os.Getwd()
	if d.Version != "1.2" || d.ListenQueue != 4 || d.Load != 4 || d.ListenQueueErrors != 5 || d.PID != os.Getpid() || d.UID != os.Getuid() || d.CWD != cwd {
		t.Errorf("got %+v", d)
	}
	if len(d.Sockets) != 1 || d.Sockets[0].Name != l.Addr().String() || d.Sockets[0].Proto != "http" {
		t.Errorf("sockets %+v", d.Sockets)
	}
	if want := (Queue{3, 1, 1, 1, 4, 10, 20000, 30, 9, []Worker{}}); !reflect.DeepEqual(d.Gowsgi, want) {
		t.Errorf("queue %+v, want %+v", d.Gowsgi, want)
	}
	w := d.Workers[0]
	cores, apps := w.Cores, w.Apps
	w.Cores, w.Apps, w.RSS, w.VSZ = nil, nil, 0, 0
	want := Worker{
		ID: 1, PID: os.Getpid(), Accepting: 1, Requests: 9, DeltaRequests: 4, Exceptions: 1, HarakiriCount: 2, Status: "busy",
		RunningTime: 9000, LastSpawn: 500, RespawnCount: 3, TX: 1500, AvgRT: 1000,
	}
	if !reflect.DeepEqual(w, want) {
		t.Errorf("worker\n got %+v\nwant %+v", w, want)
	}
	if want := []App{{Mountpoint: "/app", StartupTime: 2, Requests: 9, Exceptions: 1, Chdir: "/srv"}}; !reflect.DeepEqual(apps, want) {
		t.Errorf("apps %+v", apps)
	}
	p.Mounts = []string{"", "/a"}
	several := []App{{StartupTime: 2, Chdir: "/srv"}, {ID: 1, Mountpoint: "/a", StartupTime: 2, Chdir: "/srv"}}
	if got := p.worker(&bridge.Crew{}).Apps; !reflect.DeepEqual(got, several) {
		t.Errorf("apps %+v", got)
	}
	wantCores := []Core{
		{Requests: 6, Vars: []string{}, ReqInfo: map[string]int64{}},
		{
			ID: 1, Requests: 3, WriteErrors: 2, InRequest: 1,
			Vars:    []string{"REQUEST_METHOD=GET", "REQUEST_URI=/a?\"<\ufffd", "SERVER_PROTOCOL=HTTP/1.1", "REMOTE_ADDR=192.0.2.1"},
			ReqInfo: map[string]int64{"request_start": 1000},
		},
		{ID: 2, ReadErrors: 1, Vars: []string{}, ReqInfo: map[string]int64{}},
	}
	age := cores[1].ReqInfo["age_us"]
	if ran := time.Since(time.Unix(1000, 0)).Microseconds(); age < ran-time.Minute.Microseconds() || age > ran {
		t.Errorf("age_us is %d, want %d", age, ran)
	}
	delete(cores[1].ReqInfo, "age_us")
	if !reflect.DeepEqual(cores, wantCores) {
		t.Errorf("cores\n got %+v\nwant %+v", cores, wantCores)
	}
}

// TestDocumentAtRest: before the first request, and when no more connections are taken.
func TestDocumentAtRest(t *testing.T) {
	d, _ := built(t, new(Process), bridge.Snapshot{Crews: []bridge.Crew{{PID: os.Getpid(), Accepting: true, Threads: make([]bridge.Thread, 2)}}, Draining: true})
	if w := d.Workers[0]; w.Status != "idle" || w.Accepting != 0 || w.AvgRT != 0 || len(w.Cores) != 2 || w.Cores[0].InRequest != 0 {
		t.Errorf("got %+v", w)
	}
}

// TestDocumentOfWorkers: one that has died, one that has a predecessor still.
func TestDocumentOfWorkers(t *testing.T) {
	thread := []bridge.Thread{{Tally: bridge.Tally{Requests: 5}}}
	d, _ := built(t, new(Process), bridge.Snapshot{
		Crews: []bridge.Crew{
			{Number: 1, Spawns: 2, Threads: thread},
			{Number: 2, PID: os.Getpid(), Spawned: time.Unix(9, 0), Spawns: 2, Accepting: true, Threads: thread},
		},
		Leaving: []bridge.Crew{{Number: 2, PID: 1, Spawns: 1, Fresh: 5, Threads: []bridge.Thread{{Request: new(bridge.RequestInfo)}}}},
	})
	if d.PID != os.Getpid() || len(d.Workers) != 2 || len(d.Gowsgi.Leaving) != 1 {
		t.Fatalf("got %+v", d)
	}
	w := d.Workers[0]
	if w.ID != 1 || w.PID != 0 || w.Status != "cheap" || w.Accepting != 0 || w.LastSpawn != 0 || w.Requests != 5 || w.RSS != 0 {
		t.Errorf("without a process: %+v", w)
	}
	if w := d.Workers[1]; w.ID != 2 || w.PID != os.Getpid() || w.Status != "idle" || w.Accepting != 1 || w.LastSpawn != 9 {
		t.Errorf("with one: %+v", w)
	}
	if w := d.Gowsgi.Leaving[0]; w.PID != 1 || w.Accepting != 0 || w.Status != "busy" || w.DeltaRequests != 5 || w.Cores[0].InRequest != 1 {
		t.Errorf("that leaves: %+v", w)
	}
}

// TestLikeUWSGI: each key of a document of uWSGI's is there, with a value of the same type.
func TestLikeUWSGI(t *testing.T) {
	example, err := os.ReadFile(filepath.Join("testdata", "uwsgi.json"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, text := built(t, &Process{Entrances: []listen.Entrance{{Listener: l}}}, busy)
	var theirs, ours any
	if err := json.Unmarshal(example, &theirs); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &ours); err != nil {
		t.Fatal(err)
	}
	compare(t, "", theirs, ours)
}

// compare wants what theirs has in ours. Of lists, the elements in the same places.
func compare(t *testing.T, path string, theirs, ours any) {
	t.Helper()
	if a, b := fmt.Sprintf("%T", theirs), fmt.Sprintf("%T", ours); a != b {
		t.Errorf("%s is %s, want %s", path, b, a)
		return
	}
	switch theirs := theirs.(type) {
	case map[string]any:
		for key, value := range theirs {
			compare(t, path+"."+key, value, ours.(map[string]any)[key])
		}
	case []any:
		ours := ours.([]any)
		for i, value := range theirs[:min(len(theirs), len(ours))] {
			compare(t, fmt.Sprintf("%s[%d]", path, i), value, ours[i])
		}
		if len(theirs) > 0 && len(ours) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
}
