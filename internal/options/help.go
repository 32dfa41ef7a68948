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
  gowsgi top 127.0.0.1:9191       (shows what a server with --stats is at)

Every option is also a variable: --ready-file is GOWSGI_READY_FILE. The command
line beats the environment.
`

// Help is the text of --help: the table by topic.
func Help() string {
	var b strings.Builder
	b.WriteString(helpHead)
	topic := ""
	for i := range Table {
		o := &Table[i]
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
