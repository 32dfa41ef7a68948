package options

import (
	"slices"
	"strings"
	"testing"
)

// example is a value for the option that has it do something.
func (o *Option) example() string {
	switch {
	case o.Bare != "":
		return o.Bare
	case o.Kind == String || o.Kind == List:
		return "/tmp/some"
	default:
		return "1"
	}
}

// warnings are those of command for these options and values.
func warnings(t *testing.T, command string, sets ...set) []string {
	t.Helper()
	s := New(command)
	for _, one := range sets {
		if err := s.Set(one.name, one.value, one.from); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	return c.Warnings
}

// TestNeeds: every row that needs another one warns without it, once it has been set to something, and only then.
func TestNeeds(t *testing.T) {
	// processes and what --cheaper takes for granted: less than the number of processes
	context := []set{{"processes", "4", CommandLine}}
	rows := 0
	for i := range Table {
		o := &Table[i]
		if o.Needs == "" {
			continue
		}
		rows++
		var around []set
		if o.Needs != "master" {
			around = context
		}
		off, needed := "0", find("", o.Needs)
		switch o.Kind {
		case Bool:
			off = "false"
		case String, List:
			off = ""
		}
		tells := " has no effect without --" + o.Needs
		for _, test := range []struct {
			what string
			sets []set
			want string
		}{
			{"not set", nil, ""},
			{"on the command line", []set{{o.Name, o.example(), CommandLine}}, "--" + o.Name + tells},
			{"in the environment", []set{{o.Name, o.example(), Environ}}, o.Env() + tells},
			{"with what it needs", []set{{o.Name, o.example(), CommandLine}, {o.Needs, needed.example(), CommandLine}}, ""},
			{"off", []set{{o.Name, off, CommandLine}}, ""},
		} {
			if test.what == "off" && o.hasDefault() {
				continue // 0 is a value like others
			}
			got := warnings(t, "", append(slices.Clone(around), test.sets...)...)
			got = slices.DeleteFunc(got, func(w string) bool { return !strings.Contains(w, "no effect") })
			if strings.Join(got, "\n") != test.want {
				t.Errorf("%s %s: got %q, want %q", o.Name, test.what, got, test.want)
			}
		}
	}
	if rows < 16 {
		t.Errorf("only %d options need another one", rows)
	}
}

// TestNeedsMaster: whatever runs worker processes will do.
func TestNeedsMaster(t *testing.T) {
	for _, by := range []set{
		{"master", "true", CommandLine}, {"processes", "2", Environ}, {"dev", "true", CommandLine}, {"py-autoreload", "1", CommandLine},
	} {
		if got := warnings(t, "", set{"max-requests", "5", CommandLine}, by); got != nil {
			t.Errorf("with --%s: %q", by.name, got)
		}
	}
	if got := warnings(t, "smoke", set{"max-requests", "5", CommandLine}); got != nil {
		t.Errorf("smoke warns: %q", got)
	}
}

func TestAtMost(t *testing.T) {
	for _, test := range []struct{ low, high, lowValue, highValue, want string }{
		{"min-worker-lifetime", "max-worker-lifetime", "10", "5", "--min-worker-lifetime is more than --max-worker-lifetime, which comes first"},
		{"min-worker-lifetime", "max-worker-lifetime", "5", "5", ""},
		{"min-worker-lifetime", "max-worker-lifetime", "10", "0", ""},
		{"reload-on-rss", "evil-reload-on-rss", "500", "100", "--reload-on-rss is more than --evil-reload-on-rss, which comes first"},
		{"reload-on-rss", "evil-reload-on-rss", "100", "500", ""},
		{"reload-on-rss", "evil-reload-on-rss", "100", "0", ""},
	} {
		got := warnings(t, "", set{"master", "true", CommandLine},
			set{test.low, test.lowValue, CommandLine}, set{test.high, test.highValue, CommandLine})
		if strings.Join(got, "\n") != test.want {
			t.Errorf("%s %s, %s %s: got %q, want %q", test.low, test.lowValue, test.high, test.highValue, got, test.want)
		}
	}
}
