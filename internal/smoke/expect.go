package smoke

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// response is what came back, read to its end.
type response struct {
	*http.Response
	body []byte
	took time.Duration
}

// judge says in which ways a response is not what was expected, one line each.
func (e *Expect) judge(r *response) (failures []string) {
	fail := func(format string, args ...any) { failures = append(failures, fmt.Sprintf(format, args...)) }
	switch {
	case len(e.Status) > 0 && !slices.Contains(e.Status, r.StatusCode):
		fail("status: %d, want %s", r.StatusCode, alternatives(e.Status))
	case len(e.Status) == 0 && r.StatusCode >= e.limit():
		fail("status: %d, want one below %d", r.StatusCode, e.limit())
	}
	for _, name := range sortedKeys(e.Headers) {
		want := e.Headers[name]
		if text := want.judge(r.Header.Values(name)); text != "" {
			fail("header %s: %s", name, text)
		}
	}
	for _, text := range e.Contains {
		if !bytes.Contains(r.body, []byte(text)) {
			fail("contains: the body lacks %q", text)
		}
	}
	for _, pattern := range e.Matches {
		if !regexp.MustCompile(pattern).Match(r.body) {
			fail("matches: nothing in the body matches %s", pattern)
		}
	}
	if e.JSON != nil {
		if text := partOf(e.JSON, r.body); text != "" {
			fail("json: %s", text)
		}
	}
	if limit := time.Duration(e.MaxMS) * time.Millisecond; limit > 0 && r.took > limit {
		fail("max_ms: took %d ms, want %d at most", r.took.Milliseconds(), e.MaxMS)
	}
	return failures
}

// limit is the lowest status that fails without an expected one.
func (e *Expect) limit() int {
	if e.below != 0 {
		return e.below
	}
	return http.StatusBadRequest
}

func alternatives(status []int) string {
	var texts []string
	for _, s := range status {
		texts = append(texts, strconv.Itoa(s))
	}
	return strings.Join(texts, " or ")
}

// judge says what is wrong with a header's values, or "".
func (w *Want) judge(values []string) string {
	if *w == (Want{}) {
		if len(values) > 0 {
			return fmt.Sprintf("%q, want none", values[0])
		}
		return ""
	}
	if len(values) == 0 {
		return "is missing"
	}
	fits := func(value string) bool {
		if w.Equals != nil {
			return value == *w.Equals
		}
		return strings.Contains(value, w.Contains) && regexp.MustCompile(w.Matches).MatchString(value)
	}
	switch {
	case slices.ContainsFunc(values, fits):
		return ""
	case w.Equals != nil:
		return fmt.Sprintf("%q, want %q", strings.Join(values, ", "), *w.Equals)
	case w.Matches != "":
		return fmt.Sprintf("%q does not match %s", strings.Join(values, ", "), w.Matches)
	}
	return fmt.Sprintf("%q does not contain %q", strings.Join(values, ", "), w.Contains)
}

// partOf says where a body's JSON lacks what want has, or "". Objects may have more members; lists have the same
// length.
func partOf(want any, body []byte) string {
	have, err := decoded(body)
	if err != nil {
		return fmt.Sprintf("the body is none: %v", err)
	}
	text, err := json.Marshal(want) // numbers as YAML has them become those of JSON
	if err == nil {
		want, err = decoded(text)
	}
	if err != nil {
		return err.Error()
	}
	return difference("$", want, have)
}

func decoded(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // float64 would take two large numbers for one
	err = d.Decode(&value)
	return value, err
}

func difference(path string, want, have any) string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := have.(map[string]any)
		if !ok {
			break
		}
		for _, key := range sortedKeys(want) {
			value, there := object[key]
			if !there {
				return fmt.Sprintf("%s.%s is missing", path, key)
			}
			if text := difference(path+"."+key, want[key], value); text != "" {
				return text
			}
		}
		return ""
	case []any:
		list, ok := have.([]any)
		if !ok {
			break
		}
		if len(list) != len(want) {
			return fmt.Sprintf("%s has %d elements, want %d", path, len(list), len(want))
		}
		for i := range want {
			if text := difference(fmt.Sprintf("%s[%d]", path, i), want[i], list[i]); text != "" {
				return text
			}
		}
		return ""
	case json.Number:
		if n, ok := have.(json.Number); ok && equalNumbers(want, n) {
			return ""
		}
	default:
		if want == have {
			return ""
		}
	}
	return fmt.Sprintf("%s is %s, want %s", path, compact(have), compact(want))
}

// equalNumbers takes 1 and 1.0 for the same, but no two whole numbers.
func equalNumbers(a, b json.Number) bool {
	whole := func(n json.Number) bool { return !strings.ContainsAny(n.String(), ".eE") }
	if a == b || whole(a) && whole(b) {
		return a == b
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && x == y
}

// compact is a value as JSON, not too long.
func compact(value any) string {
	text, _ := json.Marshal(value)
	if len(text) > 200 {
		return string(text[:200]) + "..."
	}
	return string(text)
}
