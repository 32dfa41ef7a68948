package main

import (
	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/internal/top"
)

const topUsage = `Usage: gowsgi top [--once] ADDRESS

Shows what the server at a --stats address is at: its workers, and the requests
that run, with their Python stacks. ADDRESS is host:port, the path of a UNIX
socket, or http://host:port for --stats-http.

      --once    Print one snapshot and exit. So it does without a terminal.
`

const topName = "top"

func topCommand() *cli.Command {
	return &cli.Command{
		Name:               topName,
		CustomHelpTemplate: topUsage,
		HideHelpCommand:    true,
		OnUsageError:       func(_ *cli.Context, err error, _ bool) error { return options.UsageError("top: " + err.Error()) },
		Flags:              []cli.Flag{&cli.BoolFlag{Name: "once"}},
		Action: func(c *cli.Context) error {
			once, words := c.Bool("once"), c.Args().Slice()
			if len(words) == 2 && words[1] == "--once" { // cli stops at the first positional
				once, words = true, words[:1]
			}
			if len(words) != 1 {
				return options.UsageError("top wants one address: that of --stats, such as 127.0.0.1:9191")
			}
			client, err := top.NewClient(words[0])
			if err != nil {
				return options.UsageError("top: " + err.Error())
			}
			return top.Run(c.Context, client, once, c.App.Writer)
		},
	}
}
