package uwsgiconf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files writes a configuration, uwsgi.ini, and what it needs into a new working directory.
func files(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// reader has the variables HOME=/home/me and EMPTY.
func reader() *Reader {
	return &Reader{LookupEnv: func(name string) (string, bool) {
		value, ok := map[string]string{"HOME": "/home/me", "EMPTY": ""}[name]
		return value, ok
	}}
}

// lines are a result's settings without the language's own keys, and its notes.
func (r *Result) lines() (settings, notes []string) {
	for _, d := range r.Directives {
		text := d.Key + " = " + d.Value
		if d.Bare {
			text = d.Key
		}
		settings = append(settings, text)
	}
	for _, n := range r.Notes {
		notes = append(notes, fmt.Sprintf("%d %s %s", n.Line, [...]string{"info", "warning", "error"}[n.Level], n.Text))
	}
	return settings, notes
}

// TestINI: the lines below [uwsgi], what is read, and what there is to note.
func TestINI(t *testing.T) {
	for _, test := range []struct{ name, text, want, notes string }{
		{"plain", "a = 1\nb=2\n\tc\t=\t3\nflag\nempty =\nlong = a = b", "a = 1|b = 2|c = 3|flag|empty = |long = a = b", ""},
		{"comments", "; one\n# two\n ; three\na = 1", "a = 1", ""},
		{"CRLF", "a = 1 \r\nb\r\n", "a = 1|b", ""},
		{"repeated", "a = 1\na = 2", "a = 1|a = 2", ""},
		{"quotes stay", `a = "x y"`, `a = "x y"`, ""},
		{"other sections", "a = 1\n[other]\nb = 2\n[uwsgi]\nc = 3", "a = 1|c = 3", ""},
		{"blanks in a section's name", "a = 1\n[ uwsgi ]\nb = 2", "a = 1|b = 2", ""},
		{"no key", "= 5\na = 1", "a = 1", "2 warning a line without a key, left out"},

		{"a comment behind", "a = 1 ; x", "a = 1", `2 warning the comment "; x" is left out; uWSGI takes it for a part of the value`},
		{"another", "a = app:app # main", "a = app:app", `2 warning the comment "# main" is left out; uWSGI takes it for a part of the value`},
		{"only a comment", "a = ; x", "a = ", `2 warning the comment "; x" is left out; uWSGI takes it for a part of the value`},
		{"no blank, no comment", "a = 1;x#y", "a = 1;x#y", ""},
		{"free text", "log-format = %(addr) # %(uri)", "log-format = %(addr) # %(uri)", `2 info "# %(uri)" is part of the value, as in uWSGI; comments stand in lines of their own`},
		{"conflict", "<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> x", "a = 1|a = 2", "2 warning a conflict marker of git, left out; both sides of it count, as in uWSGI|4 warning a conflict marker of git, left out; both sides of it count, as in uWSGI|6 warning a conflict marker of git, left out; both sides of it count, as in uWSGI"},

		{"placeholder", "base = /srv\nhome = %(base)/venv", "base = /srv|home = /srv/venv", ""},
		{"the first one", "a = 1\na = 2\nb = %(a)", "a = 1|a = 2|b = 1", ""},
		{"a later one", "b = %(a)\na = 1", "b = 1|a = 1", ""},
		{"a chain of later ones", "a = %(b)%(b)\nb = %(c + 1)\nc = 4", "a = 55|b = 5|c = 4", ""},
		{"unknown", "home = %(bse)/venv\nlog-format = %(addr)\nfmt = %(uri)\nlogformat = %(fmt)", "home = %(bse)/venv|log-format = %(addr)|fmt = %(uri)|logformat = %(uri)", "2 warning there is no key bse: %(bse) stays in the value, as in uWSGI"},
		{"of an inherited file", "a = %(m)\ninherit = more.ini", "a = 5|inherit = more.ini|m = 5", ""},
		{"not closed", "a = 1\nb = %(a", "a = 1|b = %(a", ""},
		{"twice", "a = 1\nb = %(a)%(a)", "a = 1|b = 11", ""},
		{"set-ph", "set-ph = base=/srv\nhome = %(base)/venv", "base = /srv|home = /srv/venv", ""},
		{"arithmetic", "k = 4\na = %(k * 2)\nb = %(2 * 3 + 1)\nc = %(9 / 2)\nd = %(1 - 2)\ne = %( 2 * 3 )\nf = %(k ++ k)", "k = 4|a = 8|b = 7|c = 4|d = -1|e = 6|f = 54", ""},
		{"joined", "k = 4\na = %(k 0)\nb = %(k -- 1)\nc = %( k )\nd = %(k ++ + 1)", "k = 4|a = 40|b = 31|c = 4|d = 6", ""},
		{"no blanks, no arithmetic", "a = %(2*3)", "a = %(2*3)", "2 warning there is no key 2*3: %(2*3) stays in the value, as in uWSGI"},

		{"variable", "a = $(HOME)/x$(HOME)", "a = /home/me/x/home/me", ""},
		{"empty variable", "a = $(EMPTY)", "a = ", ""},
		{"unset", "a = $(NO)", "a = $(NO)", "2 error the variable NO is not set; uWSGI would leave $(NO) in the value"},
		{"default", "a = $(NO:-5)\nb = $(HOME:-5)\nc = $(EMPTY:-5)", "a = 5|b = /home/me|c = 5", "2 info $(NO:-5) has a default, which only uWSGI 2.1 knows|4 info $(EMPTY:-5) has a default, which only uWSGI 2.1 knows"},
		{"file", "a = @(secret)", "a = s3cret", ""},

		{"percent", "a = %%Y-%%m\nb = 100%\nc = %%(x)", "a = %Y-%m|b = 100%|c = %(x)", "4 warning there is no key x: %(x) stays in the value, as in uWSGI"},
		{"date", "log-date = %Y-%m", "log-date = %Y-%m", "2 warning %Y stays as it is; uWSGI would delete it: write %%Y|2 warning %m stays as it is; uWSGI would delete it: write %%m"},
		{"magic", "a = %n.%e %s %x", "a = uwsgi.ini uwsgi.ini ", ""},

		{"for", "for = a b\nx = %(_)\ny = 1\nendfor =", "x = a|x = b|y = 1|y = 1", ""},
		{"for-times", "for-times = 2\nx = :300%(_)\nend-for", "x = :3001|x = :3002", ""},
		{"for-glob", "for-glob = *.env\nx = %(_)\nendfor", "x = a.env|x = b.env", ""},
		{"for-glob, nothing", "for-glob = *.none\nx = %(_)\nendfor\nfor-glob = *\ny = %(_)\nendfor", "y = a.env|y = b.env|y = more.ini|y = secret|y = uwsgi.ini", "2 info nothing matches, so there is no round; uWSGI has one with the pattern itself"},
		{"for-readline", "for-readline = a.env\nenv = %(_)\nendfor", "env = A=1|env = B=two words", ""},
		{"for, nothing", "for =\nx = %(_)\nendfor", "", ""},
		{"if-env", "if-env = HOME\nx = %(_)\nendif\nif-env = NO\ny = 1\nendif", "x = /home/me", ""},
		{"if-env with a value", "if-env = HOME=/home/me\nx = 1\nendif\nif-env = HOME=/\ny = 1\nendif", "x = 1", ""},
		{"if-not-env", "if-not-env = NO\nx = 1\nendif\nifenv = HOME\ny = 1\nendif", "x = 1|y = 1", ""},
		{"if-opt", "if-opt = a\nx = 1\nendif\na = 3\nif-opt = a=3\ny = %(_)\nendif\nif-not-opt = a\nz = 1\nendif", "a = 3|y = 3", ""},
		{"if-exists", "if-exists = secret\nx = %(_)\nendif\nif-not-exists = no\ny = 1\nendif\nif-dir = .\nz = 1\nendif\nif-file = .\nw = 1\nendif", "x = secret|y = 1|z = 1", ""},
		{"if-reload", "if-reload =\nx = 1\nendif\nif-not-reload =\ny = 1\nendif", "y = 1", ""},
		{"else", "if-env = NO\nx = 1\nelse\nx = 2\nendif", "x = 2", "4 info only uWSGI 2.1 knows else"},
		{"an end of nothing", "endif\na = 1", "a = 1", "2 warning it ends nothing, and is left out"},

		{"include", "a = 1\nini = more.ini\nb = %(m)", "a = 1|ini = more.ini|m = 5|b = 5", ""},
		{"a section of the same file", "a = 1\nini = :other\nb = 2\n[other]\nc = 3", "a = 1|ini = :other|c = 3|b = 2", ""},
		{"inherit comes last", "inherit = more.ini\nb = 2", "inherit = more.ini|b = 2|m = 5", ""},
		{"include in a condition", "if-exists = more.ini\ninclude = %(_)\nendif", "include = more.ini|m = 5", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			files(t, map[string]string{
				"uwsgi.ini": "[uwsgi]\n" + test.text, "secret": "s3cret\n", ".hidden": "", "a.env": "A=1\n\nB=two words\n", "b.env": "", "more.ini": "[uwsgi]\nm = 5\n",
			})
			result, err := reader().Read("uwsgi.ini")
			if err != nil {
				t.Fatal(err)
			}
			settings, notes := result.lines()
			if got := strings.Join(settings, "|"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if got := strings.Join(notes, "|"); got != test.notes {
				t.Errorf("notes %s\nwant  %s", got, test.notes)
			}
		})
	}
}

// TestMagic: the parts of a file's path. The capitals are the first file's.
func TestMagic(t *testing.T) {
	files(t, map[string]string{
		"conf/app.ini":      "[uwsgi]\nd = %d\nc = %c\np = %p\no = %o\nini = conf/sub/more.ini\n",
		"conf/sub/more.ini": "[uwsgi]\nsub = %c %n\nfirst = %C %N\nk = %k\nu = %u\n",
	})
	dir, err := filepath.EvalSymlinks(".")
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	result, err := reader().Read("conf/app.ini")
	if err != nil {
		t.Fatal(err)
	}
	settings, _ := result.lines()
	want := []string{"d = " + dir + "/conf/", "c = conf", "p = " + dir + "/conf/app.ini", "o = conf/app.ini", "ini = conf/sub/more.ini", "sub = sub more", "first = conf app"}
	if got := settings[:len(want)]; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, rest := range settings[len(want):] {
		if strings.HasSuffix(rest, "%k") || strings.HasSuffix(rest, "= ") {
			t.Errorf("%s", rest)
		}
	}
}

// TestPlaces: a setting and an error know their file and line.
func TestPlaces(t *testing.T) {
	files(t, map[string]string{"a.ini": "[uwsgi]\n\nx = 1\nini = b.ini\n", "b.ini": "; comment\n[uwsgi]\ny = 2\n"})
	result, err := reader().Read("a.ini")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a.ini:3 x", "a.ini:4 ini", "b.ini:3 y"} {
		if d := result.Directives[i]; fmt.Sprintf("%s:%d %s", d.File, d.Line, d.Key) != want {
			t.Errorf("got %+v, want %s", d, want)
		}
	}
	if strings.Join(result.Files, " ") != "a.ini b.ini" {
		t.Errorf("files: %v", result.Files)
	}
}

func TestFound(t *testing.T) {
	files(t, map[string]string{"conf/a.ini": "[uwsgi]\nini = b.ini\n", "conf/b.ini": "[uwsgi]\ny = 2\n"})
	result, err := reader().Read("conf/a.ini")
	if err != nil || len(result.Notes) != 1 || !strings.Contains(result.Notes[0].Text, "beside") {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestBefore(t *testing.T) {
	files(t, map[string]string{"a.ini": "[uwsgi]\nx = %(port)\nif-opt = master\ny = 1\nendif\n"})
	r := reader()
	r.Before = []Directive{{Key: "port", Value: "80"}, {Key: "master", Value: "true"}}
	result, err := r.Read("a.ini")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := result.lines(); strings.Join(got, "|") != "x = 80|y = 1" || !result.Referenced["port"] {
		t.Errorf("got %v, referenced %v", got, result.Referenced)
	}
}

// TestMagicOfLinks: a link to the file is not followed, one to its directory is.
func TestMagicOfLinks(t *testing.T) {
	files(t, map[string]string{"available/app.ini": "[uwsgi]\na = %c/%s\n"})
	if err := os.Mkdir("enabled", 0o700); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"enabled/mine.ini": "../available/app.ini", "current": "available"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for ref, want := range map[string]string{"enabled/mine.ini": "a = enabled/mine.ini", "current/app.ini": "a = available/app.ini"} {
		result, err := reader().Read(ref)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := result.lines(); strings.Join(got, "|") != want {
			t.Errorf("%s: got %v, want %s", ref, got, want)
		}
	}
}

// TestErrors: one file for each mistake, called a.ini, or what ref says.
func TestErrors(t *testing.T) {
	loop := "[uwsgi]\nini = a.ini\n"
	for _, test := range []struct{ name, ref, text, want string }{
		{"missing", "no.ini", "", "no.ini: no such file or directory"},
		{"a directory", ".", "", ".: it is a directory"},
		{"no section", "a.ini", "[other]\nx = 1\n", "a.ini: there is no section [uwsgi]"},
		{"no such section", "a.ini:prod", "[uwsgi]\nx = 1\n", "a.ini: there is no section [prod]"},
		{"a circle", "a.ini", loop, "a.ini:2: files include one another more than 16 times: is it a circle?"},
		{"missing include", "a.ini", "[uwsgi]\nini = no.ini\n", "a.ini:2: no.ini: no such file or directory"},
		{"a loop in a condition", "a.ini", "[uwsgi]\nif-env = HOME\nfor = a\nendfor\nendif\n", "a.ini:3: for inside of if-env (line 2): neither uWSGI nor gowsgi has one in the other"},
		{"no end", "a.ini", "[uwsgi]\nfor = a\nx = 1\n", "a.ini:2: for has no endfor"},
		{"no end of a condition", "a.ini", "[uwsgi]\nif-env = HOME\nx = 1\n", "a.ini:2: if-env has no endif"},
		{"too often", "a.ini", "[uwsgi]\nfor-times = 100000\nx = 1\nendfor\n", "a.ini:2: for-times = 100000: want a number from 0 to 1000"},
		{"no lines", "a.ini", "[uwsgi]\nfor-readline = no\nx = 1\nendfor\n", "a.ini:2: for-readline = no: no such file or directory"},
		{"division", "a.ini", "[uwsgi]\nx = %(1 / 0)\n", "a.ini:2: %(1 / 0): division by 0"},
		{"no number", "a.ini", "[uwsgi]\nk = a\nx = %(k + 1)\n", `a.ini:3: %(k + 1): "a" is no whole number`},
		{"no such key", "a.ini", "[uwsgi]\nx = %(k + 1)\n", "a.ini:2: %(k + 1): k is no key, no number and no operator"},
		{"nothing behind an operator", "a.ini", "[uwsgi]\nx = %(1 +)\n", "a.ini:2: %(1 +): there is nothing after +"},
		{"a key of itself", "a.ini", "[uwsgi]\nx = 1\na = %(b)\nb = %(a)\n", "a.ini:4: b refers to itself by %(b), on which uWSGI hangs: write the value out"},
		{"a large item, often", "a.ini", "[uwsgi]\nfor = " + strings.Repeat("x", 60000) + "\na = " + strings.Repeat("%(_)", 10000) + "\nendfor\n", "a.ini:3: the value of a is longer than 64 KiB"},
		{"deep brackets", "a.yaml", "uwsgi:\n  a: " + strings.Repeat("[", 300000), "a.yaml:2: lists and maps inside of one another, more than 16 times"},
		{"deep dashes", "a.yaml", "uwsgi:\n" + strings.Repeat("- ", 300000), "a.yaml:2: lists and maps inside of one another, more than 16 times"},
		{"deep maps", "a.json", strings.Repeat(`{"uwsgi":`, 100000), "a.json:1: lists and maps inside of one another, more than 16 times"},
		{"operator", "a.ini", "[uwsgi]\nx = %(1 % 1)\n", "a.ini:2: %(1 % 1): % is no key, no number and no operator"},
		{"a program", "a.ini", "[uwsgi]\nx = @(exec://id)\n", "a.ini:2: @(exec://id): only files are read here, as in @(/etc/app/secret)"},
		{"no such file", "a.ini", "[uwsgi]\nx = @(no)\n", "a.ini:2: @(no): no such file or directory"},
		{"xml", "a.xml", "<uwsgi/>", "a.xml: gowsgi reads .ini, .yaml and .json configurations; write it as one of these"},
		{"no YAML", "a.yaml", "uwsgi:\n  a: [1\n", "a.yaml:2: *"},
		{"no section in YAML", "a.yaml", "other:\n  a: 1\n", "a.yaml: there is no section uwsgi"},
		{"a map in YAML", "a.yaml", "uwsgi:\n  a:\n    b: 1\n", "a.yaml:3: a: want a text, a number, true or false, or a list of them"},
		{"no JSON", "a.json", `{"uwsgi": {"a": `, "a.json*"},
	} {
		path, _, _ := strings.Cut(test.ref, ":")
		t.Run(test.name, func(t *testing.T) {
			made := map[string]string{}
			if test.text != "" {
				made[path] = test.text
			}
			files(t, made)
			_, err := reader().Read(test.ref)
			var mistake *ReadError
			want, open := strings.CutSuffix(test.want, "*")
			if !errors.As(err, &mistake) || open && !strings.HasPrefix(err.Error(), want) || !open && err.Error() != want || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestYAML: the same keys in the other formats.
func TestYAML(t *testing.T) {
	const want = "http = :5000|master = true|threads = 4|env = A=1|env = B=2|home = /home/me/v|text = a: b|none"
	files(t, map[string]string{
		"a.yaml": "uwsgi:\n  http: :5000\n  master: true\n  threads: 4\n  env:\n    - A=1\n    - B=2\n  home: $(HOME)/v\n  text: \"a: b\"\n  none:\n",
		"a.json": `{"uwsgi": {"http": ":5000", "master": true, "threads": 4, "env": ["A=1", "B=2"], "home": "$(HOME)/v", "text": "a: b", "none": null}}`,
	})
	for _, name := range []string{"a.yaml", "a.json"} {
		result, err := reader().Read(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, _ := result.lines(); strings.Join(got, "|") != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, strings.Join(got, "|"), want)
		}
	}
	result, err := reader().Read("a.yaml")
	if err != nil || result.Directives[2].Line != 4 || result.Directives[4].Line != 7 {
		t.Errorf("%+v %v", result, err)
	}
}

// FuzzRead: whatever a file says, reading it ends soon, with what it said or with an error that names the file.
func FuzzRead(f *testing.F) {
	f.Add("a = 1 ; x\nfor = a b\nx = %(_)$(HOME)@(no)%d\nendfor\nif-env = HOME\nini = :uwsgi\nendif")
	f.Add("a = %(a)%(a)\na = %(a)%(a)\nb = %(2 * 3 + 1)\ninherit = a.ini\n[other]\n%Y = 1")
	dir := f.TempDir()
	f.Add("{\"a\": [1, null, \"x\"], b: &c d, e: *c}")
	f.Fuzz(func(t *testing.T, text string) {
		path, text := filepath.Join(dir, "a.ini"), "[uwsgi]\n"+text
		if strings.HasPrefix(text, "[uwsgi]\n{") {
			path, text = filepath.Join(dir, "a.yaml"), "uwsgi: "+strings.TrimPrefix(text, "[uwsgi]\n")
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		result, err := reader().Read(path)
		if err != nil {
			var mistake *ReadError
			if !errors.As(err, &mistake) || mistake.File == "" {
				t.Errorf("%v", err)
			}
			return
		}
		total := 0
		for _, d := range result.Directives {
			total += len(d.Key) + len(d.Value)
			if d.Key == "" || d.File == "" {
				t.Errorf("%+v", d)
			}
		}
		if len(result.Directives) > maxDirectives || total > maxTotal+maxValue {
			t.Errorf("%d settings, %d bytes", len(result.Directives), total)
		}
	})
}
