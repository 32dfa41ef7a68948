package smoke

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// keptLog is how much of a server's stderr is kept: its end.
const keptLog = 256 * 1024

// The lines around the stacks that SIGQUIT prints (README, "Signals").
const (
	stacksBegin = "--- stacks of all Python threads, pid "
	stacksEnd   = "--- end of stacks ---"
)

// stderr is a server's stderr.
type stderr struct {
	through io.Writer // gets everything at once; nil: nobody
	ended   chan struct{}

	mu     sync.Mutex
	text   strings.Builder
	gone   int         // bytes that are no longer in text
	stacks chan string // holds one
	inside *strings.Builder
}

func newStderr(through io.Writer) *stderr {
	return &stderr{through: through, ended: make(chan struct{}), stacks: make(chan string, 1)}
}

func (s *stderr) read(r io.Reader) {
	defer close(s.ended)
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := lines.ReadString('\n')
		s.take(line)
		if err != nil {
			return
		}
	}
}

func (s *stderr) take(line string) {
	if s.through != nil {
		_, _ = io.WriteString(s.through, line) // who has left needs no log
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text.WriteString(line); s.text.Len() > 2*keptLog {
		kept := s.text.String()[s.text.Len()-keptLog:]
		s.gone += s.text.Len() - keptLog
		s.text.Reset()
		s.text.WriteString(kept)
	}
	switch {
	case strings.HasPrefix(line, stacksBegin):
		s.inside = &strings.Builder{}
	case s.inside != nil && strings.HasPrefix(line, stacksEnd):
		select {
		case s.stacks <- s.inside.String():
		default: // nobody waits
		}
		s.inside = nil
	case s.inside != nil:
		s.inside.WriteString(line)
	}
}

func (s *stderr) String() string { return s.since(0) }

// mark is the place for since from now on.
func (s *stderr) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone + s.text.Len()
}

// since is what came after the mark and is still kept.
func (s *stderr) since(mark int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()[max(0, mark-s.gone):]
}

// stacksWait is how long the stacks may take: gowsgi itself gives up after a part of that.
const stacksWait = 10 * time.Second

// nextStacks are the stacks that ask makes the server print, "" when they don't come.
func (s *stderr) nextStacks(ask func(), gone <-chan struct{}) string {
	select {
	case <-s.stacks: // those that came too late
	default:
	}
	ask()
	patience := time.NewTimer(stacksWait)
	defer patience.Stop()
	select {
	case text := <-s.stacks:
		return text
	case <-gone:
	case <-patience.C:
	}
	return ""
}

// threadLine begins a thread's stack: Thread NAME (0xIDENT), or Thread 0xIDENT when the GIL could not be had.
var threadLine = regexp.MustCompile(`^Thread .*?0x0*([0-9a-f]+)`)

// ownFrame begins a frame of the probe's or of wsgiref.validate's, which say nothing about the app.
var ownFrame = regexp.MustCompile(`^  File "(<_gowsgi_probe>|.*/wsgiref/validate\.py)"`)

// stackOf is the part of stacks that is the thread's, from the app's first frame on; all of them when it is not there.
func stackOf(stacks string, ident uint64) string {
	var own strings.Builder
	taking, ours := false, false
	for line := range strings.Lines(stacks) {
		if found := threadLine.FindStringSubmatch(line); found != nil {
			n, err := strconv.ParseUint(found[1], 16, 64)
			taking = err == nil && n == ident
		}
		if strings.HasPrefix(line, "  File ") {
			ours = ownFrame.MatchString(line)
		}
		if taking && !ours && strings.TrimSpace(line) != "" {
			own.WriteString(line)
		}
	}
	if own.Len() == 0 {
		return stacks
	}
	return own.String()
}
