package smoke

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func text(s string) *string { return &s }

func TestJudge(t *testing.T) {
	r := &response{
		Response: &http.Response{StatusCode: 201, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Vary": {"A", "B"}}},
		body:     []byte(`{"a": {"b": [1, 2.0, "x"], "c": null}, "n": 9007199254740993, "t": true}`),
		took:     120 * time.Millisecond,
	}
	for _, test := range []struct {
		expect Expect
		want   []string
	}{
		{Expect{}, nil},
		{Expect{below: 500}, nil},
		{Expect{Status: Many[int]{201, 204}}, nil},
		{Expect{Status: Many[int]{200}}, []string{"status: 201, want 200"}},
		{Expect{Status: Many[int]{200, 204}}, []string{"status: 201, want 200 or 204"}},
		{Expect{below: 200}, []string{"status: 201, want one below 200"}},

		{Expect{Headers: map[string]Want{"content-type": {Equals: text("text/html; charset=utf-8")}, "X": {}}}, nil},
		{Expect{Headers: map[string]Want{"Vary": {Equals: text("B")}, "Content-Type": {Contains: "html", Matches: "^text"}}}, nil},
		{Expect{Headers: map[string]Want{"Vary": {}}}, []string{`header Vary: "A", want none`}},
		{Expect{Headers: map[string]Want{"X": {Contains: "x"}}}, []string{"header X: is missing"}},
		{Expect{Headers: map[string]Want{"Vary": {Equals: text("C")}}}, []string{`header Vary: "A, B", want "C"`}},
		{Expect{Headers: map[string]Want{"Vary": {Matches: "^C"}}}, []string{`header Vary: "A, B" does not match ^C`}},
		{Expect{Headers: map[string]Want{"Vary": {Contains: "C"}}}, []string{`header Vary: "A, B" does not contain "C"`}},

		{Expect{Contains: Texts{`"x"`, "null"}, Matches: Texts{`\d{16}`, `(?s)^.*$`}}, nil},
		{Expect{Contains: Texts{"no", "null"}}, []string{`contains: the body lacks "no"`}},
		{Expect{Matches: Texts{"^no"}}, []string{"matches: nothing in the body matches ^no"}},

		{Expect{JSON: map[string]any{"a": map[string]any{"b": []any{1.0, 2, "x"}, "c": nil}, "t": true}}, nil},
		{Expect{JSON: map[string]any{"n": uint64(9007199254740993)}}, nil},
		{Expect{JSON: map[string]any{"n": uint64(9007199254740992)}}, []string{"json: $.n is 9007199254740993, want 9007199254740992"}},
		{Expect{JSON: map[string]any{"a": map[string]any{"d": 1}}}, []string{"json: $.a.d is missing"}},
		{Expect{JSON: map[string]any{"a": map[string]any{"b": []any{1}}}}, []string{"json: $.a.b has 3 elements, want 1"}},
		{Expect{JSON: map[string]any{"a": map[string]any{"b": []any{1, 2, "y"}}}}, []string{`json: $.a.b[2] is "x", want "y"`}},
		{Expect{JSON: []any{}}, []string{`json: $ is {"a":{"b":[1,2.0,"x"],"c":null},"n":9007199254740993,"t":true}, want []`}},
		{Expect{JSON: map[string]any{"t": "true"}}, []string{`json: $.t is true, want "true"`}},

		{Expect{MaxMS: 120}, nil},
		{Expect{MaxMS: 119}, []string{"max_ms: took 120 ms, want 119 at most"}},
	} {
		if got := test.expect.judge(r); !slices.Equal(got, test.want) {
			t.Errorf("%+v: got %q, want %q", test.expect, got, test.want)
		}
	}
	r.body = []byte("<html>")
	if got := (&Expect{JSON: 1}).judge(r); len(got) != 1 || got[0] != "json: the body is none: invalid character '<' looking for beginning of value" {
		t.Errorf("no JSON: %q", got)
	}
}

func TestSave(t *testing.T) {
	r := &response{
		Response: &http.Response{Header: http.Header{"Location": {"/x"}, "Empty": {""}}},
		body:     []byte(`{"a/b": [{"c~d": 12345678901234567890}, "s", null], "token=abc": 1}`),
	}
	cookies := []*http.Cookie{{Name: "k", Value: "v"}}
	for _, test := range []struct {
		value Value
		want  string
		err   string
	}{
		{value: Value{Header: "location"}, want: "/x"},
		{value: Value{Header: "Empty"}, want: ""},
		{value: Value{Header: "No"}, err: "save v: there is no header No"},
		{value: Value{Cookie: "k"}, want: "v"},
		{value: Value{Cookie: "l"}, err: "save v: there is no cookie l"},
		{value: Value{Matches: `token=(\w+)`}, want: "abc"},
		{value: Value{Matches: `token=\w+`}, want: "token=abc"},
		{value: Value{Matches: "x{9}"}, err: "save v: nothing in the body matches x{9}"},
		{value: Value{JSON: text("/a~1b/0/c~0d")}, want: "12345678901234567890"},
		{value: Value{JSON: text("/a~1b/1")}, want: "s"},
		{value: Value{JSON: text("/a~1b/2")}, want: "null"},
		{value: Value{JSON: text("/a~1b/3")}, err: "save v: the JSON has no /a~1b/3"},
		{value: Value{JSON: text("/a~1b/x")}, err: "save v: the JSON has no /a~1b/x"},
	} {
		saved := map[string]string{}
		failures := (&Check{Save: map[string]Value{"v": test.value}}).save(r, cookies, saved)
		if test.err != "" {
			if len(failures) != 1 || failures[0] != test.err || len(saved) != 0 {
				t.Errorf("%+v: got %q, want %s", test.value, failures, test.err)
			}
			continue
		}
		if len(failures) > 0 || saved["v"] != test.want {
			t.Errorf("%+v: got %q %q, want %q", test.value, saved, failures, test.want)
		}
	}
}
