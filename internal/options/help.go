package options

import (
	"fmt"
	"strings"
)

const (
	helpWidth  = 80
	helpColumn = 28
)

const helpHead = `Usage: gowsgi [options] [app]

Serves a WSGI or Flask app. The app is module:callable or a file; without one,
wsgi.py and then app.py are tried.

  gowsgi app:app
  gowsgi --http :5000 --wsgi-file app.py --callable app
  gowsgi uwsgi.ini                (a uWSGI configuration)
  gowsgi check uwsgi.ini          (says how that is understood)
  gowsgi top 127.0.0.1:9191       (shows what a server with --stats is at)

Every option is also a variable: --ready-file is GOWSGI_READY_FILE. The command
line beats the environment, and that beats a configuration file. uWSGI's other
options, short ones and UWSGI_* variables are taken, too: docs/options.md.

gowsgi smoke tries an app's routes, and gowsgi routes prints them; both say more
with --help.
`

// commandHeads begin the help of subcommands.
var commandHeads = map[string]string{
	"smoke": `Usage: gowsgi smoke [options] [app] [-- command...]

Serves the app on a free port, tries it and ends: what --get and --checks say,
else the parameterless GET routes of a Flask app. A command is run in place of
that, with the app's address in $GOWSGI_URL; its exit code is gowsgi's. Without
one it is 0 if all passed, 1 if a check failed, 22 if the app can't be loaded.

  gowsgi smoke app:app
  gowsgi smoke app:app --get / --get /login=200 --get /admin=302
  gowsgi smoke app:app --checks smoke.yaml --junit report.xml
  gowsgi smoke app:app -- pytest tests/e2e

All options of gowsgi are taken, too: gowsgi --help lists them. Those about
addresses and worker processes mean nothing here.
`,
	"routes": `Usage: gowsgi routes [options] [app]

Prints the URL map of a Flask app. All options of gowsgi are taken, those about
serving mean nothing here: gowsgi --help lists them.
`,
}

// Help is the text of --help: the table by topic. A subcommand's has its own options, and how to name the app.
func Help(command string) string {
	var b strings.Builder
	b.WriteString(helpHead)
	if command != "" {
		b.Reset()
		b.WriteString(commandHeads[command])
	}
	topic := ""
	for i := range Table {
		o := &Table[i]
		if o.foreign() {
			continue
		}
		if o.Command != command && (command == "" || o.Topic != topicApp) {
			continue
		}
		if o.Topic != topic {
			topic = o.Topic
			fmt.Fprintf(&b, "\n%s:\n", topic)
		}
		writeRow(&b, o.usage(), o.help())
	}
	return b.String()
}

// writeRow writes the usage at the left and the text, wrapped, from helpColumn on.
func writeRow(b *strings.Builder, usage, text string) {
	line := "  " + usage
	if len(line) > helpColumn-2 {
		b.WriteString(line + "\n")
		line = ""
	}
	line += strings.Repeat(" ", helpColumn-1-len(line))
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > helpWidth {
			b.WriteString(line + "\n")
			line = strings.Repeat(" ", helpColumn-1)
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

// usage is the option as one types it: "-w, --module APP".
func (o *Option) usage() string {
	letter := "    "
	if o.Short != "" {
		letter = "-" + o.Short + ", "
	}
	return letter + o.long()
}

func (o *Option) long() string {
	switch {
	case o.Arg == "":
		return "--" + o.Name
	case o.Bare != "":
		return "--" + o.Name + "[=" + o.Arg + "]"
	default:
		return "--" + o.Name + " " + o.Arg
	}
}

func (o *Option) help() string {
	text := o.Help
	if o.Needs != "" {
		text += " Needs --" + o.Needs + "."
	}
	if o.hasDefault() {
		text += " Default: " + o.Default + "."
	}
	if len(o.Aliases) > 0 {
		text += " Also --" + strings.Join(o.Aliases, ", --") + "."
	}
	return text
}

// hasDefault is false too where the default is the 0 that the help explains.
func (o *Option) hasDefault() bool {
	return o.Default != "" && o.Default != "0"
}
