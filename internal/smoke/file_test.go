package smoke

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func nothing(string) (string, bool) { return "", false }

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "smoke.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRead(t *testing.T) {
	file := write(t, `
- name: one
  path: /a
  query: {n: 1, list: [x, 2.5]}
  headers: {X-N: 5}
  expect:
    status: 204
    headers: {Gone: null, Is: text, Has: {contains: c, matches: m}}
    contains: a
    matches: [b, c]
    json: {n: [1, null]}
    max_ms: 7
- {method: put, path: /b, file: f.bin, expect: {status: [200, 201]}}
- path: /c
  form: {a: [b, c]}
  file: {up: f.bin}
  save: {id: {json: ""}, tag: {header: ETag}}
`)
	got, err := Read(file, nothing)
	if err != nil {
		t.Fatal(err)
	}
	text, empty := "text", ""
	want := []Check{
		{
			Name: "one", Path: "/a", Query: map[string]Texts{"n": {"1"}, "list": {"x", "2.5"}}, Headers: map[string]string{"X-N": "5"},
			Expect: Expect{
				Status: Many[int]{204}, Headers: map[string]Want{"Gone": {}, "Is": {Equals: &text}, "Has": {Contains: "c", Matches: "m"}},
				Contains: Texts{"a"}, Matches: Texts{"b", "c"}, JSON: map[string]any{"n": []any{uint64(1), nil}}, MaxMS: 7,
			},
			source: file, line: 2,
		},
		{Method: "put", Path: "/b", File: &File{Body: "f.bin"}, Expect: Expect{Status: Many[int]{200, 201}}, source: file, line: 13},
		{
			Path: "/c", Form: map[string]Texts{"a": {"b", "c"}}, File: &File{Fields: map[string]string{"up": "f.bin"}},
			Save: map[string]Value{"id": {JSON: &empty}, "tag": {Header: "ETag"}}, source: file, line: 14,
		},
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("check %d\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
	if verbs := got[0].verb() + got[1].verb() + got[2].verb(); verbs != "GETPUTPOST" {
		t.Errorf("methods %s", verbs)
	}
}

// TestMistakes: each says its line and what to write.
func TestMistakes(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", `:1: there are no checks`},
		{"# nothing\n", `:1: there are no checks`},
		{"path: /\n", `:1: want one list of checks, each begun by "- "`},
		{"- path: /\n---\n- path: /\n", `:3: want one list of checks, each begun by "- "`},
		{"- path: /\n  expects: {}\n", `:2: unknown key expects; did you mean expect?`},
		{"- path: /\n- path: /\n\n  Mehtod: GET\n", `:4: unknown key Mehtod; did you mean method?`},
		{"- path: /\n  status: 200\n", `:2: unknown key status; it belongs below expect`},
		{"- path: /\n  expect:\n    stauts: 200\n", `:3: unknown key stauts; did you mean status?`},
		{"- path: /\n  expect: {headers: {A: {contain: x}}}\n", `:2: unknown key contain; did you mean contains?`},
		{"- path: /\n  save: {a: {jsn: /x}}\n", `:2: unknown key jsn; did you mean json?`},
		{"- path: /\n  zzz: 1\n", `:2: unknown key zzz; there are body, expect, file, form, headers, json, method, name, path, query, save`},
		{"- /\n", `:1: want a mapping with keys such as body`},
		{"- path: /\n  expect: 200\n", `:2: want a mapping with keys such as contains`},
		{"- path: /\n  path: /\n", `:2: mapping key "path" already defined at [1:3]`},
		{"- path: /\n  expect: {status: abc}\n", `:2: want a whole number here, not a text`},
		{"- path: [\n", `:1: sequence end token ']' not found`},
		{"- name: x\n", `:1: path: want a path that starts with /, not ""`},
		{"- path: x\n", `:1: path: want a path that starts with /, not "x"`},
		{"- path: /\n  expect: {status: 99}\n", `:1: status: 99 is none`},
		{"- path: /\n  expect: {max_ms: -1}\n", `:1: max_ms: want a number of milliseconds`},
		{"- path: /\n  expect: {matches: \"(\"}\n", "smoke.yaml:1: matches: missing closing ): `(`"},
		{"- path: /\n  body: a\n  json: 1\n", `:1: body, json, form and file: keep one (a form may have a file with names of fields)`},
		{"- path: /\n  form: {a: b}\n  file: a\n", `:1: body, json, form and file: keep one (a form may have a file with names of fields)`},
		{"- path: /\n  save: {a: {json: /x, header: y}}\n", `:1: save: a: want a name of letters, digits and _, with one of header, cookie, matches and json`},
		{"- path: /\n  save: {a-b: {json: /x}}\n", `:1: save: a-b: want a name`},
		{"- path: /\n- path: /${NOPE}\n", `:2: ${NOPE} is neither saved by an earlier check nor set in the environment`},
		{"- path: /${id}\n  save: {id: {json: /id}}\n", `:1: ${id} is neither`},
	} {
		_, err := Read(write(t, test.text), nothing)
		if err == nil || !strings.Contains(err.Error(), "smoke.yaml") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %s", test.text, err, test.want)
		}
	}
	if _, err := Read("/nonexistent/smoke.yaml", nothing); err == nil || err.Error() != "--checks /nonexistent/smoke.yaml: no such file or directory" {
		t.Errorf("no file: %v", err)
	}
}

func TestVariables(t *testing.T) {
	environ := func(name string) (string, bool) { return "from environ", name == "E" || name == "BOTH" }
	v := variables{saved: map[string]string{"S": "saved", "BOTH": "first"}, environ: environ}
	for text, want := range map[string]string{
		"${S}/${E}": "saved/from environ", "${BOTH}": "first", "$S $${S} $": "$S ${S} $", "${": "${", "": "",
	} {
		if got := v.text(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if v.missing != "" {
		t.Errorf("missing %s", v.missing)
	}
	v.text("${A}${B}")
	if v.missing != "${A}" {
		t.Errorf("missing %s, want ${A}", v.missing)
	}
}

func TestGiven(t *testing.T) {
	for text, want := range map[string]Check{
		"/":                {Path: "/"},
		"/a=302":           {Path: "/a", Expect: Expect{Status: Many[int]{302}}},
		"/s?q=1":           {Path: "/s?q=1"},
		"/s?q=200":         {Path: "/s?q", Expect: Expect{Status: Many[int]{200}}},
		"/s?q=200=404":     {Path: "/s?q=200", Expect: Expect{Status: Many[int]{404}}},
		"/s?q=%3D&r=0xab5": {Path: "/s?q=%3D&r=0xab5"},
	} {
		if got := given(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

func TestDiscovered(t *testing.T) {
	routes := []Route{
		{Path: "/"},
		{Path: "/admin/users/all"},
		{Path: "/admin"},
		{Path: ""},
		{Path: "/"},
		{Path: "/", Host: "sub.example"},
		{Path: "/a/b"},
		{Path: "/c"},
	}
	checks, unused := discovered(routes, []string{"/admin/**", "/a/*", "/nope", "/c"})
	var got []string
	for _, c := range checks {
		got = append(got, c.host+c.Path)
		if c.Expect.limit() != 500 {
			t.Errorf("%s fails from %d on", c.Path, c.Expect.limit())
		}
	}
	if want := []string{"/", "sub.example/"}; !reflect.DeepEqual(got, want) || !reflect.DeepEqual(unused, []string{"/nope"}) {
		t.Errorf("got %q, want %q; unused %q", got, want, unused)
	}
}
