package options

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestValues reads one value into one option; nil means that it's refused.
func TestValues(t *testing.T) {
	for _, test := range []struct {
		option, text string
		want         any
	}{
		{"check", "true", true},
		{"check", "ON", true},
		{"check", "1", true},
		{"check", "No", false},
		{"check", "0", false},
		{"check", "", nil},
		{"check", "maybe", nil},

		{"threads", "1", 1},
		{"threads", "512", 512},
		{"threads", "0", nil},
		{"threads", "513", nil},
		{"threads", "-1", nil},
		{"threads", "2 ; two", nil}, // uWSGI takes it for 2
		{"threads", "true", nil},    // uWSGI takes it for 1
		{"threads", "99999999999999999999", nil},
		{"listen", "0", 0},

		{"limit-post", "0", int64(0)},
		{"limit-post", "1000", int64(1000)},
		{"limit-post", "2k", int64(2048)},
		{"limit-post", "10M", int64(10 << 20)},
		{"limit-post", "8589934591g", int64(8589934591 << 30)},
		{"limit-post", "8589934592g", nil},
		{"limit-post", "-1", nil},
		{"limit-post", "1.5m", nil},
		{"limit-post", "k", nil},
		{"limit-post", "1kk", nil},
		{"limit-head", "1023", nil},
		{"limit-head", "1k", int64(1024)},

		{"drain-timeout", "30", 30 * time.Second},
		{"drain-timeout", "0", time.Duration(0)},
		{"drain-timeout", "0.5", 500 * time.Millisecond},
		{"drain-timeout", ".5", 500 * time.Millisecond},
		{"drain-timeout", "500ms", 500 * time.Millisecond},
		{"drain-timeout", "2m", 2 * time.Minute},
		{"drain-timeout", "-1", nil},
		{"drain-timeout", "-1s", nil},
		{"drain-timeout", "", nil},
		{"drain-timeout", ".", nil},
		{"drain-timeout", "1.2.3", nil},
		{"drain-timeout", "inf", nil},
		{"drain-timeout", "1e3", nil},
		{"drain-timeout", "99999999999", nil},
		{"drain-timeout", "2500000h", nil},

		{"chmod-socket", "660", fs.FileMode(0o660)},
		{"chmod-socket", "0660", fs.FileMode(0o660)},
		{"chmod-socket", "1", fs.FileMode(0o666)},
		{"chmod-socket", "000", nil},
		{"chmod-socket", "888", nil},
		{"chmod-socket", "66", nil},
		{"chmod-socket", "1660", nil},
		{"chmod-socket", "660 ; group", nil},
		{"chmod-socket", "", nil},

		{"pyargv", `-c 'a b' "" x\ y #z`, []string{"-c", "a b", "", "x y", "#z"}},
		{"pyargv", "'open", nil},
		{"pyargv", "", []string{}},

		{"module", "app", "app"},
		{"module", `app:create_app("a:b", debug=True)`, `app:create_app("a:b", debug=True)`},
		{"module", "pkg.mod:obj.attr", "pkg.mod:obj.attr"},
		{"module", "my-app", "my-app"},
		{"module", ":app", nil},
		{"module", "app:", nil},
		{"module", "app.py", nil},
		{"module", "./app", nil},

		{"env", "A=1,2 3=4", []string{"A=1,2 3=4"}},
		{"env", "A=", []string{"A="}},
		{"env", "A", nil},
		{"env", "=1", nil},

		{"pythonpath", "/a", []string{"/a"}},
		{"pythonpath", "/a:/b::c", []string{"/a", "/b", "c"}},
		{"http", "unix:/run/a,b.sock", []string{"unix:/run/a,b.sock"}},

		{"trusted-proxy", "10.1.2.3/8", []string{"10.0.0.0/8"}},
		{"trusted-proxy", "127.0.0.1, unix,::1", []string{"127.0.0.1/32", "unix", "::1/128"}},
		{"trusted-proxy", "::ffff:10.0.0.1", []string{"10.0.0.1/32"}},
		{"trusted-proxy", "*", nil},
		{"trusted-proxy", "localhost", nil},
		{"trusted-proxy", "10.0.0.1:80", nil},
		{"trusted-proxy", "10.0.0.0/33", nil},
		{"trusted-proxy", "fe80::1%eth0", nil},

		{"health", "/healthz", "/healthz"},
		{"health", "", ""},
		{"health", "healthz", nil},
		{"health", "/a?b", nil},
		{"health", "/a b", nil},

		{"script-name", "/app", "/app"},
		{"script-name", "/a/b/", "/a/b"},
		{"script-name", "/", ""},
		{"script-name", "", ""},
		{"script-name", "app", nil},
		{"script-name", "/a//b", nil},
	} {
		o := find("", test.option)
		var c Config
		ok := o.read(&c, test.text, false)
		got := reflect.ValueOf(o.Field(&c)).Elem().Interface()
		if ok != (test.want != nil) || ok && !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s %q: got %#v, %v; want %#v", test.option, test.text, got, ok, test.want)
		}
		if bad, valid := o.check(&c); ok && !valid {
			t.Errorf("%s %q: read takes it, check refuses %q", test.option, test.text, bad)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		spoil func(*Config)
		want  string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.Threads = 0 }, "--threads 0: want a whole number from 1 to 512"},
		{func(c *Config) { c.LimitHead = 1 }, "--limit-head 1: want bytes, or with a suffix as in 512k, 10m, 2g; from 1k to 16m"},
		{func(c *Config) { c.BodyTimeout = -time.Second }, "--body-timeout -1s: want seconds (30, 0.5) or a duration (500ms, 2m)"},
		{func(c *Config) { c.HealthPath = "up" }, "--health up: want a path that starts with /"},
		{func(c *Config) { c.TrustedProxies = []string{"::1/128", "all"} }, "--trusted-proxy all: want an address, a CIDR such as 10.0.0.0/8, or unix"},
		{func(c *Config) { c.SocketMode = 0o1777 }, "--chmod-socket=1777: want three octal digits, such as 660"},
		{func(c *Config) { c.Module, c.File = "app", "app.py" }, "both a module and a file are set: app, app.py"},
		{func(c *Config) { c.Cheaper = 1 }, "--cheaper 1: want less than --processes, which is 1"},
		{func(c *Config) { c.Processes, c.Cheaper = "4", 4 }, "--cheaper 4: want less than --processes, which is 4"},
		{func(c *Config) { c.Processes, c.Cheaper = "4", 3 }, ""},
		{func(c *Config) { c.Watch = []string{"*"} }, "--watch needs --dev or --py-autoreload"},
		{func(c *Config) { c.Watch, c.AutoReload = []string{"*"}, "0" }, "--watch needs --dev or --py-autoreload"},
		{func(c *Config) { c.Watch, c.AutoReload = []string{"*"}, "2" }, ""},
		{func(c *Config) { c.Watch, c.Dev = []string{"**/[a-z].yaml"}, true }, ""},
		{func(c *Config) { c.Watch, c.Dev = []string{"[a"}, true }, "--watch [a: want a pattern with *, **, ?, [a-z] or {a,b}"},
		{func(c *Config) { c.LogTo = "udp:127.0.0.1:514" }, "--logto udp:127.0.0.1:514: want a file; addresses are none"},
		{func(c *Config) { c.HTTP = nil }, "no address to serve on; give one with --http"},
	} {
		c, err := New("").Config()
		if err != nil {
			t.Fatal(err)
		}
		test.spoil(c)
		if err = c.Validate(); errorText(err) != test.want {
			t.Errorf("got %q, want %q", errorText(err), test.want)
		}
	}
}

// TestAutoReload: what --py-autoreload says, in uWSGI's words too.
func TestAutoReload(t *testing.T) {
	for value, want := range map[string]struct {
		reloads bool
		poll    time.Duration
	}{
		"auto": {true, 0}, "true": {true, 0}, "on": {true, 0}, "1": {true, time.Second}, "0.5": {true, time.Second / 2},
		"0": {}, "0.0": {}, "off": {}, "false": {},
	} {
		s := New("")
		if err := s.Set("py-autoreload", value, CommandLine); err != nil {
			t.Fatal(err)
		}
		c, err := s.Config()
		if err != nil || c.Reloads() != want.reloads || c.Poll() != want.poll || (c.Workers() == 1) != want.reloads {
			t.Errorf("%s: %v, reloads %v, polls every %v, %d processes", value, err, c.Reloads(), c.Poll(), c.Workers())
		}
	}
	if err := New("").Set("py-autoreload", "soon", CommandLine); err == nil {
		t.Error("nonsense is taken")
	}
}

// TestCheaperInitial: it lies between --cheaper and --processes, with a warning where it was not meant to.
func TestCheaperInitial(t *testing.T) {
	const warning = "is not from --cheaper to --processes; it is"
	for _, test := range []struct {
		initial string
		want    int
		warning string
	}{
		{"0", 2, ""},
		{"1", 2, "--cheaper-initial 1 " + warning + " 2"},
		{"2", 2, ""},
		{"3", 3, ""},
		{"4", 4, ""},
		{"5", 4, "--cheaper-initial 5 " + warning + " 4"},
	} {
		s := New("")
		for name, value := range map[string]string{"processes": "4", "cheaper": "2", "cheaper-initial": test.initial} {
			if err := s.Set(name, value, CommandLine); err != nil {
				t.Fatal(err)
			}
		}
		c, err := s.Config()
		if err != nil || c.CheaperInitial != test.want || strings.Join(c.Warnings, "\n") != test.warning {
			t.Errorf("%s: it is %d, %v, %q; want %d, %q", test.initial, c.CheaperInitial, err, c.Warnings, test.want, test.warning)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
