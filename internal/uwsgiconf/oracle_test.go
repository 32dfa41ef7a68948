package uwsgiconf

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// differences are the keys of the files in testdata/oracle that are read in another way here, on purpose.
var differences = map[string]map[string]string{
	"placeholders.ini": {"deleted": "uWSGI deletes a magic letter that it does not know"},
	"environment.ini": {
		"fallback": "$(NAME:-default) is uWSGI 2.1's",
	},
	"comments.ini": {
		"threads": "uWSGI has no comments behind values",
		"module":  "uWSGI has no comments behind values",
	},
	"broken.ini": {
		"<<<<<<< HEAD":    "uWSGI takes a conflict marker for a key",
		"":                "uWSGI takes a conflict marker for a key",
		">>>>>>> feature": "uWSGI takes a conflict marker for a key",
		"endif":           "an end of nothing",
	},
}

// TestOracle: real uWSGI reads the same of the same files.
func TestOracle(t *testing.T) {
	uwsgi := os.Getenv("GOWSGI_UWSGI")
	if uwsgi == "" {
		if os.Getenv("GOWSGI_NEED_PEERS") != "" {
			t.Fatal("GOWSGI_UWSGI does not say where uWSGI is")
		}
		t.Skip("needs uWSGI: scripts/test.sh installs it, GOWSGI_UWSGI says where it is")
	}
	t.Chdir("testdata/oracle")
	names, err := filepath.Glob("*.ini")
	if err != nil || len(names) < 8 {
		t.Fatal(err, names)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			want := shown(t, uwsgi, name)
			result, err := new(Reader).Read(name)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range result.Directives {
				got = append(got, d.Key+" = "+d.Value)
			}
			for key, reason := range differences[name] {
				its := func(line string) bool { return strings.HasPrefix(line, key+" = ") }
				if slices.Equal(those(got, its), those(want, its)) {
					t.Errorf("%s is no different: it need not be listed (%s)", key, reason)
				}
				got, want = slices.DeleteFunc(got, its), slices.DeleteFunc(want, its)
			}
			if !slices.Equal(got, want) {
				t.Errorf("gowsgi\n  %s\nuWSGI\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}

func those(lines []string, its func(string) bool) (found []string) {
	for _, line := range lines {
		if its(line) {
			found = append(found, line)
		}
	}
	return found
}

// shown is what uWSGI shows of a file, but for the language's own keys.
func shown(t *testing.T, uwsgi, name string) (lines []string) {
	t.Helper()
	cmd := exec.Command(uwsgi, "--ini", name, "--show-config", "--no-server")
	output, err := cmd.CombinedOutput() // it says no to an app that is none, and ends
	_, text, found := strings.Cut(string(output), "\n[uwsgi]\n")
	text, _, ended := strings.Cut(text, ";end of configuration")
	if !found || !ended {
		t.Fatalf("uwsgi: %v\n%s", err, output)
	}
	own := fmt.Sprintf("ini = %s", name)
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		key, _, _ := strings.Cut(line, " = ")
		_, _, conditional := condition(key)
		open := conditional || slices.Contains(loops, key) || slices.Contains(endings, key) && name != "broken.ini"
		if line == own || open || key == "show-config" || key == "no-server" {
			continue
		}
		lines = append(lines, strings.TrimRight(line, "\r"))
	}
	return lines
}
