package smoke

import (
	"fmt"
	"io"
)

// progress shows on a terminal how far a run is: one line that is written over.
type progress struct {
	out       io.Writer // nil: no terminal
	done, all int
	failed    int
}

func (p *progress) finished(r *Result) {
	p.done++
	if r.Outcome == Failed {
		p.failed++
	}
	text := fmt.Sprintf("%d/%d", p.done, p.all)
	if p.failed > 0 {
		text += fmt.Sprintf(", %d failed", p.failed)
	}
	p.show(text + "  " + r.Name)
}

const progressWidth = 79

func (p *progress) show(text string) {
	if p.out == nil {
		return
	}
	if runes := []rune(text); len(runes) > progressWidth {
		text = string(runes[:progressWidth])
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", text)
}

// clear takes the line away.
func (p *progress) clear() { p.show("") }
