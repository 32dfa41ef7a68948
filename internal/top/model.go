package top

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// interval is how often the server is asked.
const interval = time.Second

// source is what a model shows: a [Client].
type source interface {
	sample(ctx context.Context) (*sample, error)
	Stack(ctx context.Context, pid, core int) (string, error)
}

func (c *Client) sample(ctx context.Context) (*sample, error) {
	d, err := c.Document(ctx)
	if err != nil {
		return nil, err
	}
	return &sample{d, time.Now()}, nil
}

// model is the view's state.
type model struct {
	source        source
	ctx           context.Context // ends the questions when the view does
	now, before   *sample         // the last two; before may be nil
	err           error           // why there is no newer one
	requests      []request       // of now
	selected      int             // among requests
	stack         *pane           // nil: closed
	width, height int
}

// pane shows the stack of a request.
type pane struct {
	of    request
	lines []string // nil: it is being asked for
	from  int      // the first line that is shown
}

// What comes back from questions.
type (
	arrived struct {
		sample *sample
		err    error
	}
	stackArrived struct {
		text string
		err  error
	}
	askAgain struct{}
)

// Init implements [tea.Model].
func (m *model) Init() tea.Cmd { return wait() }

func wait() tea.Cmd { return tea.Tick(interval, func(time.Time) tea.Msg { return askAgain{} }) }

func (m *model) ask() tea.Msg {
	s, err := m.source.sample(m.ctx)
	return arrived{s, err}
}

// Update implements [tea.Model].
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case askAgain:
		return m, m.ask
	case arrived:
		m.err = msg.err
		if msg.err == nil {
			m.show(msg.sample)
		}
		return m, wait()
	case stackArrived:
		m.stack.show(msg)
	case tea.KeyPressMsg:
		if act, ok := keys[msg.String()]; ok {
			return m, act(m)
		}
	}
	return m, nil
}

// keys are what each key does.
var keys = map[string]func(*model) tea.Cmd{
	"q":      func(*model) tea.Cmd { return tea.Quit },
	"ctrl+c": func(*model) tea.Cmd { return tea.Quit },
	"up":     func(m *model) tea.Cmd { return m.move(-1) },
	"k":      func(m *model) tea.Cmd { return m.move(-1) },
	"down":   func(m *model) tea.Cmd { return m.move(1) },
	"j":      func(m *model) tea.Cmd { return m.move(1) },
	"s":      (*model).askStack,
	"enter":  (*model).askStack,
	"esc":    func(m *model) tea.Cmd { m.stack = nil; return nil },
	"pgup":   func(m *model) tea.Cmd { return m.scroll(-pageLines) },
	"pgdown": func(m *model) tea.Cmd { return m.scroll(pageLines) },
}

const (
	pageLines = 5
	help      = "up, down: select   s: Python stack   page up, page down: scroll it   esc: close it   q: quit"
)

// show takes a newer sample in. What was selected stays so.
func (m *model) show(s *sample) {
	var was *request
	if m.selected < len(m.requests) {
		was = &m.requests[m.selected]
	}
	m.before, m.now, m.requests = m.now, s, s.requests()
	if was != nil {
		if i := slices.IndexFunc(m.requests, was.same); i >= 0 {
			m.selected = i
		}
	}
	m.move(0)
}

func (m *model) move(by int) tea.Cmd {
	m.selected = max(0, min(m.selected+by, len(m.requests)-1))
	return nil
}

func (m *model) scroll(by int) tea.Cmd {
	if m.stack != nil {
		m.stack.from = max(0, m.stack.from+by) // not past the end: see page
	}
	return nil
}

// askStack has the selected request's stack shown. One is asked for at a time.
func (m *model) askStack() tea.Cmd {
	if len(m.requests) == 0 || m.stack != nil && m.stack.lines == nil {
		return nil
	}
	r := m.requests[m.selected]
	m.stack = &pane{of: r}
	return func() tea.Msg {
		text, err := m.source.Stack(m.ctx, r.pid, r.core)
		return stackArrived{text, err}
	}
}

func (p *pane) show(msg stackArrived) {
	if p == nil {
		return // closed since
	}
	text := msg.text
	if msg.err != nil {
		text = msg.err.Error()
	}
	p.lines, p.from = cleanLines(text), 0
	if !strings.Contains(text, "innermost call first") {
		p.from = len(p.lines) // to its end, which is where the thread is
	}
}

// View implements [tea.Model].
func (m *model) View() tea.View {
	view := tea.NewView(strings.Join(m.lines(), "\n"))
	view.AltScreen = true
	return view
}

// lines are the screen, from its top.
func (m *model) lines() []string {
	lines := m.now.summary(m.before)
	if m.err != nil {
		lines[1] = "no news: " + clean(m.err.Error())
	}
	lines = append(lines, "")
	lines = append(lines, page(m.now.workers(m.before), 0, max(3, m.height/3))...)
	lines = append(lines, "")
	room := max(m.height-len(lines)-1, 3) // the help is the last line
	var stack []string
	if m.stack != nil {
		title := fmt.Sprintf("stack of worker %d, core %d, pid %d: %s %s", m.stack.of.worker, m.stack.of.core, m.stack.of.pid, m.stack.of.method, m.stack.of.url)
		rows := append([]string{title}, m.stack.lines...)
		if m.stack.lines == nil {
			rows = append(rows, "it is being asked for")
		}
		n := min(len(rows), max(room*2/3-1, 2))
		m.stack.from = max(0, min(m.stack.from, len(rows)-n))
		stack = append([]string{""}, page(rows, m.stack.from, n)...)
	}
	lines = append(lines, m.table(max(room-len(stack), 2))...)
	lines = append(lines, stack...)
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines, help)
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, m.width, "…")
	}
	return lines[:min(len(lines), m.height)] // of a terminal that is too low, the bottom
}

// table are the requests, as many as fit, the selected one among them.
func (m *model) table(room int) []string {
	if len(m.requests) == 0 {
		return []string{"no request runs"}
	}
	from := max(0, m.selected-(room-2)) // the head takes a line
	rows := running(m.requests[from:min(len(m.requests), from+room-1)])
	chosen := &rows[1+m.selected-from]
	*chosen = ansi.NewStyle().Reverse(true).Styled(*chosen)
	return rows
}

// page is room lines of rows: the head, which is the first, and what follows from a row on.
func page(rows []string, from, room int) []string {
	if len(rows) <= room {
		return rows
	}
	return slices.Concat(rows[:1], rows[1+from:][:room-1])
}
