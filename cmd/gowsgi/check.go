package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/internal/options"
)

const checkUsage = `Usage: gowsgi check [--strict] [--json] FILE[:SECTION]

Says how a uWSGI configuration (.ini, .yaml, .json) is understood, line by line:
what is honoured, emulated, not needed or refused, which keys are unknown, and
the gowsgi command that does the same. It loads no app. The exit code is 1 with
refused options and mistakes.

      --strict  Exit with 1 for unknown keys, too.
      --json    Print the report as JSON.
`

const checkName = "check"

func checkCommand(environ []string) *cli.Command {
	return &cli.Command{
		Name:               checkName,
		CustomHelpTemplate: checkUsage,
		HideHelpCommand:    true,
		OnUsageError:       func(_ *cli.Context, err error, _ bool) error { return options.UsageError("check: " + err.Error()) },
		Flags:              []cli.Flag{&cli.BoolFlag{Name: "strict"}, &cli.BoolFlag{Name: "json"}},
		Action: func(c *cli.Context) error {
			strict, asJSON := c.Bool("strict"), c.Bool("json")
			words := slices.DeleteFunc(c.Args().Slice(), func(word string) bool { // cli stops at the first positional
				strict, asJSON = strict || word == "--strict", asJSON || word == "--json"
				return word == "--strict" || word == "--json"
			})
			if len(words) != 1 {
				return options.UsageError("check wants one configuration: uwsgi.ini, or uwsgi.ini:section")
			}
			return check(c.App.Writer, words[0], environ, strict, asJSON)
		},
	}
}

// understanding is what --json prints.
type understanding struct {
	File     string           `json:"file"`
	Remarks  []options.Remark `json:"remarks"`
	Counts   map[string]int   `json:"counts"`  // by fate
	Command  []string         `json:"command"` // the words of the gowsgi command that does the same
	Accepted bool             `json:"accepted"`
}

// check prints how a configuration is understood. The error is exit code 1, or a file that can't be read.
func check(w io.Writer, ref string, environ []string, strict, asJSON bool) error {
	s := options.New("")
	if err := s.Check(ref, environ); err != nil {
		return err
	}
	r := understanding{File: ref, Counts: map[string]int{}, Command: append([]string{"gowsgi"}, s.Words()...), Accepted: true}
	config, mistake := s.Config()
	strict = strict || config != nil && config.Strict
	r.Remarks = s.Remarks()
	if mistake != nil {
		r.Remarks = append(r.Remarks, options.Remark{File: ref, Fate: "note", Level: options.Wrong, Text: mistake.Error()})
	}
	for _, remark := range r.Remarks {
		r.Counts[remark.Fate]++
		if remark.Level == options.Wrong || strict && remark.Fate == "unknown" {
			r.Accepted = false
		}
	}
	if err := r.write(w, asJSON); err != nil {
		return err
	}
	if !r.Accepted {
		return cli.Exit("", exitFailure)
	}
	return nil
}

func (r *understanding) write(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	var b strings.Builder
	for _, remark := range r.Remarks {
		if remark.Level != options.Info {
			b.WriteString(strings.ToUpper(remark.Level.String()) + " ")
		}
		b.WriteString(remark.String() + "\n")
	}
	b.WriteString("\n" + shellquote.Join(r.Command...) + "\n\n")
	for i, fate := range options.Fates() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d %s", r.Counts[fate], fate)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// shown is --show-config: what was given, as a configuration.
func shown(config *options.Config) string {
	var b strings.Builder
	b.WriteString(";gowsgi's configuration\n[uwsgi]\n")
	for _, o := range config.UWSGIOpt {
		fmt.Fprintf(&b, "%s = %s\n", o.Key, o.Value)
	}
	b.WriteString(";end of the configuration\n")
	return b.String()
}
