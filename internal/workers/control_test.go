package workers

import (
	"encoding/json"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/gowsgi/gowsgi/internal/leak"
)

// wire is both ends of a control socket.
func wire(t *testing.T) (front, worker *control) {
	t.Helper()
	front, file, err := controlPair()
	if err != nil {
		t.Fatal(err)
	}
	worker, err = openControl(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*control{front, worker} {
		t.Cleanup(func() { c.conn.Close() })
		if err := c.conn.SetDeadline(time.Now().Add(leak.Patience)); err != nil {
			t.Fatal(err)
		}
	}
	return front, worker
}

func TestControl(t *testing.T) {
	front, worker := wire(t)
	zero, seven := 0, 7
	for _, m := range []message{
		{Ready: &Ready{App: "app:app", Python: "3.11.2", ImportMS: 12}},
		{Failed: &LoadError{Message: "no module", Traceback: "Traceback\n  \"app.py\"\x00\x1b", Code: 22}},
		{File: &zero},
		{Stacks: "thread 1\n\u2028 größe"},
		{Leave: true},
		{Stop: &zero},
		{Stop: &seven},
		{WantStacks: true},
		{Harakiri: &Harakiri{Slot: 3, Run: 7, Line: "GET /<&>", Age: time.Minute, Remote: "::1", Answered: true}},
		{Log: true},
		{WantWorkers: true},
		{Workers: json.RawMessage(`[{"id":1}]`)},
	} {
		for _, way := range []struct{ from, to *control }{{front, worker}, {worker, front}} {
			if err := way.from.send(m, -1); err != nil {
				t.Fatal(err)
			}
			got, file, err := way.to.receive(make([]byte, packetMax))
			if err != nil || file != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("sent %+v, got %+v, %v, %v", m, got, file, err)
			}
		}
	}
}

func TestControlDescriptor(t *testing.T) {
	front, worker := wire(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	slot := 1
	if err := worker.send(message{File: &slot}, int(w.Fd())); err != nil {
		t.Fatal(err)
	}
	w.Close()
	m, file, err := front.receive(make([]byte, packetMax))
	if err != nil || file == nil || m.File == nil || *m.File != slot {
		t.Fatalf("got %+v, %v, %v", m, file, err)
	}
	if flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the descriptor is for children, too: flags %#x, %v", flags, err)
	}
	if _, err := file.WriteString("through"); err != nil {
		t.Error(err)
	}
	file.Close()
	if text, err := io.ReadAll(r); string(text) != "through" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	r.Close()
}

// What can't be understood is an error, and costs no descriptor (TestMain counts).
func TestControlNonsense(t *testing.T) {
	for _, test := range []struct {
		name    string
		packet  string
		fds     int
		receive int // the receiver's buffer
	}{
		{"no JSON", "nonsense", 1, packetMax},
		{"another type", `{"file":"x"}`, 1, packetMax},
		{"too long", `{"stacks":"` + strings.Repeat("x", 200) + `"}`, 1, 100},
		{"too many descriptors", `{"file":1}`, 60, packetMax},
	} {
		t.Run(test.name, func(t *testing.T) {
			front, worker := wire(t)
			fds := make([]int, test.fds)
			if _, _, err := worker.conn.WriteMsgUnix([]byte(test.packet), unix.UnixRights(fds...), nil); err != nil {
				t.Fatal(err)
			}
			if m, file, err := front.receive(make([]byte, test.receive)); err == nil || file != nil {
				t.Errorf("got %+v, %v, %v", m, file, err)
			}
		})
	}
	t.Run("end", func(t *testing.T) {
		front, worker := wire(t)
		worker.conn.Close()
		if m, _, err := front.receive(make([]byte, packetMax)); err == nil {
			t.Errorf("got %+v", m)
		}
	})
}

func TestControlTooLong(t *testing.T) {
	front, worker := wire(t)
	if err := worker.send(message{Stacks: strings.Repeat("x", packetMax)}, -1); err == nil {
		t.Error("a message of more than packetMax was sent")
	}
	if err := worker.send(message{Leave: true}, -1); err != nil {
		t.Fatal(err)
	}
	if m, _, err := front.receive(make([]byte, packetMax)); err != nil || !m.Leave {
		t.Errorf("after one that was too long: %+v, %v", m, err)
	}
}

// texts are what JSON makes more of than others.
var texts = map[string]string{
	"plain":    strings.Repeat("line\n", 100000),
	"controls": strings.Repeat("\x00\x1b\x7f", 100000),
	"html":     strings.Repeat("<&>", 100000),
	"quotes":   strings.Repeat(`\"`, 100000),
	"invalid":  strings.Repeat("\xff\xc3", 100000),
	"unicode":  strings.Repeat("ü€𝄞\u2028", 100000),
	"replaced": strings.Repeat("\ufffd", 100000),
}

// Whatever a traceback holds, it comes through, with its begin and its end.
func TestLongTexts(t *testing.T) {
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			front, worker := wire(t)
			text := "begin" + text + "end"
			self := &Self{control: worker}
			if err := self.Fail(LoadError{Message: text, Traceback: text, Code: 22}); err != nil {
				t.Fatal(err)
			}
			m, _, err := front.receive(make([]byte, packetMax))
			if err != nil || m.Failed == nil {
				t.Fatalf("got %+v, %v", m, err)
			}
			for _, got := range []string{m.Failed.Message, m.Failed.Traceback} {
				if !strings.HasPrefix(got, "begin") || !strings.HasSuffix(got, "end") || !strings.Contains(got, "\n[…]\n") {
					t.Errorf("it came as %.30q…", got)
				}
			}
		})
	}
}

func TestCut(t *testing.T) {
	for name, text := range texts {
		for _, limit := range []int{100, 1001, textMax} {
			got := cut(text, limit)
			packet, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(packet) - len(`""`); n > limit || n < limit-2*len(`\u0000`) {
				t.Errorf("%s: %d bytes, the limit is %d", name, n, limit)
			}
			if utf8.ValidString(text) && !utf8.ValidString(got) {
				t.Errorf("%s: a character is cut in two", name)
			}
		}
		if short := text[:12]; cut(short, 100) != short {
			t.Errorf("%s: what is short is cut", name)
		}
	}
}
