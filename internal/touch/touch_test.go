package touch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestChanged(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(file string, seconds int64) {
		t.Helper()
		if err := os.Chtimes(file, time.Unix(seconds, 0), time.Unix(seconds, 0)); err != nil {
			t.Fatal(err)
		}
	}
	write(a, "1")
	at(a, 1000)
	w := newWatch([]string{a, b})
	for _, step := range []struct {
		what string
		do   func()
		want []string
	}{
		{"nothing", func() {}, nil},
		{"another time", func() { at(a, 1001) }, []string{a}},
		{"an earlier time", func() { at(a, 999) }, []string{a}},
		{"another size, the same time", func() { write(a, "12"); at(a, 999) }, []string{a}},
		{"another text of that size and time", func() { write(a, "21"); at(a, 999) }, nil},
		{"a missing one comes", func() { write(b, "") }, []string{b}},
		{"both", func() { at(a, 5); at(b, 5) }, []string{a, b}},
		{"one goes", func() { _ = os.Remove(a) }, nil},
		{"it stays away", func() {}, nil},
		{"it comes again as it was", func() { write(a, "21"); at(a, 5) }, []string{a}},
		{"renamed over", func() { _ = os.Rename(a, b) }, []string{b}},
	} {
		step.do()
		if got := w.changed(); !slices.Equal(got, step.want) {
			t.Errorf("%s: %q changed, want %q", step.what, got, step.want)
		}
	}
}
