package options

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite docs/options.md")

// TestPage keeps docs/options.md in step with the table.
func TestPage(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "options.md")
	if *update {
		if err := os.WriteFile(file, []byte(Page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != Page() {
		t.Error("docs/options.md is stale; run go generate ./internal/options")
	}
}

func TestHelpFits(t *testing.T) {
	for _, line := range strings.Split(Help("")+Help("smoke")+Help("routes"), "\n") {
		if utf8.RuneCountInString(line) > helpWidth || strings.TrimRight(line, " ") != line {
			t.Errorf("bad line in help: %q", line)
		}
	}
}

// TestHelpNamesEverything: every topic, option, letter, alias and default of the table stands in help.
func TestHelpNamesEverything(t *testing.T) {
	for i := range Table {
		o := &Table[i]
		if o.foreign() {
			continue
		}
		help := strings.Join(strings.Fields(Help(o.Command)), " ")
		wants := []string{" " + o.Topic + ": ", " " + o.long() + " "}
		if o.Short != "" {
			wants = append(wants, " -"+o.Short+", "+o.long()+" ")
		}
		for _, alias := range o.Aliases {
			wants = append(wants, "--"+alias)
		}
		if o.hasDefault() {
			wants = append(wants, "Default: "+o.Default+".")
		}
		for _, want := range wants {
			if !strings.Contains(help, want) {
				t.Errorf("%s: help lacks %q", o.Name, want)
			}
		}
	}
}

func TestHelpRow(t *testing.T) {
	const want = `
  -C, --chmod-socket[=MODE]
                            The mode of UNIX sockets; 666 if MODE is left out.
                            Without the option the umask decides. Also --chmod.
      --chown-socket USER[:GROUP]
`
	if !strings.Contains(Help(""), want) {
		t.Errorf("help has not the rows\n%s\nbut\n%s", want, Help(""))
	}
}
