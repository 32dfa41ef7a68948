package workers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/gowsgi/gowsgi/bridge"
)

// message is what goes over the control socket, one JSON object a packet, with at most one
// descriptor beside it. One field is set.
type message struct {
	// To the front.
	Ready  *Ready     `json:"ready,omitempty"`
	Failed *LoadError `json:"failed,omitempty"`
	File   *int       `json:"file,omitempty"`   // the slot that the descriptor is for
	Stacks string     `json:"stacks,omitempty"` // of all Python threads
	Stack  string     `json:"stack,omitempty"`  // of one
	Leave  bool       `json:"leave,omitempty"`  // the worker has been told to end, and wants to in order
	Loaded *Loaded    `json:"loaded,omitempty"` // more of what the app is made of
	Wedged *bool      `json:"wedged,omitempty"` // one of its threads keeps the GIL, or does no longer

	Figures *Figures `json:"figures,omitempty"`

	WantWorkers bool `json:"want_workers,omitempty"` // the app asks for the figures of all processes

	// To the worker.
	Stop        *int      `json:"stop,omitempty"` // a signal that the app's own handler is to see, or 0
	WantStacks  bool      `json:"want_stacks,omitempty"`
	WantStack   *int      `json:"want_stack,omitempty"` // of the thread that has the slot's request
	WantFigures bool      `json:"want_figures,omitempty"`
	Harakiri    *Harakiri `json:"harakiri,omitempty"`
	Log         bool      `json:"log,omitempty"` // stdout and stderr are to lead to the descriptor

	Workers json.RawMessage `json:"workers,omitempty"` // the figures of all processes
}

// Ready is what a worker tells once the app is loaded.
type Ready struct {
	App      string `json:"app"`
	Python   string `json:"python"`
	ImportMS int64  `json:"import_ms"`
	Routes   int    `json:"routes,omitempty"` // of Flask apps, with --dev
	Venv     string `json:"venv,omitempty"`
}

// Figures are what a worker tells of its threads.
type Figures struct {
	Active  int           `json:"active"`
	Blocked int           `json:"blocked"`
	GILWait time.Duration `json:"gil_wait"`
}

func (f *Figures) stats() bridge.Stats {
	return bridge.Stats{Active: f.Active, Blocked: f.Blocked, GILWait: f.GILWait}
}

// Harakiri is a request that has taken too long, and whose client has been told.
type Harakiri struct {
	Slot     int           `json:"slot"`
	Run      uint32        `json:"run"` // the slot may have the next request by now
	Line     string        `json:"line"`
	Age      time.Duration `json:"age"`
	Remote   string        `json:"remote"`
	Answered bool          `json:"answered"` // by 504; else it was cut
}

// LoadError is why the app can't be loaded.
type LoadError struct {
	Message   string `json:"message"`
	Traceback string `json:"traceback,omitempty"` // the app's own
	Code      int    `json:"code"`                // what the program is to exit with
}

func (f *LoadError) Error() string { return f.Message }

// packetMax is the most that one message takes.
const packetMax = 128 << 10

// textMax is the most of a traceback or of stacks.
const textMax = 48 << 10

// control is one end of the socket. Sends may come from any goroutine; one receives.
type control struct{ conn *net.UnixConn }

// controlPair makes the socket: the front's end, and the file that the worker inherits.
func controlPair() (*control, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "control")
	ours, err := openControl(os.NewFile(uintptr(fds[0]), "control"))
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// openControl takes over file.
func openControl(file *os.File) (*control, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, errors.New("the control socket is none")
	}
	_ = socket.SetWriteBuffer(4 * packetMax)
	return &control{socket}, nil
}

// send sends m, with fd beside it unless that is negative.
func (c *control) send(m message, fd int) error {
	packet, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(packet) > packetMax {
		return fmt.Errorf("a control message of %d bytes", len(packet))
	}
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	_, _, err = c.conn.WriteMsgUnix(packet, rights, nil)
	return err
}

// receive is the next message, and the descriptor that came with it, or nil. The descriptor is the
// caller's.
func (c *control) receive(buffer []byte) (message, *os.File, error) {
	var m message
	var oob [64]byte
	n, k, flags, _, err := c.conn.ReadMsgUnix(buffer, oob[:])
	if err != nil {
		return m, nil, err
	}
	file := descriptor(oob[:k])
	switch {
	case n == 0:
		err = net.ErrClosed
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		err = errors.New("a control message is too long")
	default:
		err = json.Unmarshal(buffer[:n], &m)
	}
	if err != nil && file != nil {
		file.Close()
		file = nil
	}
	return m, file, err
}

// descriptor takes the first descriptor out of oob, and closes any other.
func descriptor(oob []byte) (file *os.File) {
	parts, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range parts {
		fds, err := unix.ParseUnixRights(&parts[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			if file == nil {
				file = os.NewFile(uintptr(fd), "file")
			} else {
				_ = unix.Close(fd)
			}
		}
	}
	return file
}

// messageMax is the most of an exception's own words, which may be any.
const messageMax = 4 << 10

// cut shortens a text in its middle to what takes limit bytes in a packet, where a character takes up to six.
func cut(text string, limit int) string {
	if encoded(text) <= limit {
		return text
	}
	const mark = "\n[…]\n"
	half := (limit - encoded(mark)) / 2
	head, tail := 0, len(text)
	for left := half; ; {
		r, n := utf8.DecodeRuneInString(text[head:])
		if left -= encodedRune(r, n); left < 0 {
			break
		}
		head += n
	}
	for left := half; ; {
		r, n := utf8.DecodeLastRuneInString(text[:tail])
		if left -= encodedRune(r, n); left < 0 {
			break
		}
		tail -= n
	}
	return text[:head] + mark + text[tail:]
}

// encoded is how many bytes a text takes in JSON at most.
func encoded(text string) (total int) {
	for i, r := range text {
		_, n := utf8.DecodeRuneInString(text[i:])
		total += encodedRune(r, n)
	}
	return total
}

// encodedRune is encoded of one character, which takes n bytes now.
func encodedRune(r rune, n int) int {
	switch {
	case strings.ContainsRune("\"\\\n\r\t", r):
		return len(`\n`)
	case r < ' ', r == utf8.RuneError && n == 1, strings.ContainsRune("<>&\u2028\u2029", r):
		return len(`\u0000`)
	}
	return n
}
