package top

import (
	"context"
	"io"
	"os"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"
)

// Run shows what the client is told until the user has enough: in a terminal, else, or with once, as one
// snapshot on out.
func Run(ctx context.Context, client *Client, once bool, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first, err := client.sample(ctx)
	if err != nil {
		return err
	}
	if once || !interactive(out) {
		_, err := io.WriteString(out, first.text())
		return err
	}
	m := &model{source: client, ctx: ctx}
	m.show(first)
	_, err = tea.NewProgram(m, tea.WithContext(ctx), tea.WithOutput(out)).Run()
	return err
}

// interactive tells whether there is a terminal that can show more than lines.
func interactive(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(file.Fd()) && term.IsTerminal(os.Stdin.Fd()) && os.Getenv("TERM") != "dumb"
}
