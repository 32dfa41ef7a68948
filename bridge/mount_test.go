package bridge

import (
	"encoding/binary"
	"testing"

	"github.com/gowsgi/gowsgi/internal/http1"
)

// Each request is for the app with the longest prefix, whatever the order they are given in.
func TestMounts(t *testing.T) {
	nc := newSink(t)
	several := Mounts{{"/a", 1}, {"/a/b", 2}, {"/c", 0}}
	rooted := Mounts{{"", 0}, {"/a/b", 2}, {"/a", 1}}
	for _, test := range []struct {
		mounts       Mounts
		target       string
		app          int
		script, info string
		outside      bool
	}{
		{mounts: nil, target: "/a/x", info: "/a/x"},
		{mounts: nil, target: "*"},
		{mounts: several, target: "/a", app: 1, script: "/a"},
		{mounts: several, target: "/a/", app: 1, script: "/a", info: "/"},
		{mounts: several, target: "/a/x?y=/a/b", app: 1, script: "/a", info: "/x"},
		{mounts: several, target: "/a/bc", app: 1, script: "/a", info: "/bc"},
		{mounts: several, target: "/a/b", app: 2, script: "/a/b"},
		{mounts: several, target: "/a%2Fb/c", app: 2, script: "/a/b", info: "/c"},
		{mounts: several, target: "/a//b", app: 1, script: "/a", info: "//b"},
		{mounts: several, target: "/c/a", app: 0, script: "/c", info: "/a"},
		{mounts: several, target: "/ab", outside: true},
		{mounts: several, target: "/", outside: true},
		{mounts: several, target: "*", outside: true},
		{mounts: rooted, target: "*"},
		{mounts: rooted, target: "/ab", info: "/ab"},
		{mounts: rooted, target: "/a/b/c", app: 2, script: "/a/b", info: "/c"},
		{mounts: rooted, target: "/a/c", app: 1, script: "/a", info: "/c"},
	} {
		s := &Server{Limits: lenient, Mounts: test.mounts}
		method := "GET "
		if test.target == "*" {
			method = "OPTIONS "
		}
		call, err := receiver(t, s, nc, here, false, head(method+test.target)).prepared()
		if test.outside {
			if refusal, ok := err.(*http1.Error); !ok || refusal.Status != 404 {
				t.Errorf("%s at %v: %v, want a 404", test.target, test.mounts, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s at %v: %v", test.target, test.mounts, err)
			continue
		}
		app, script, info := appOf(call.Environ()), value(call, "SCRIPT_NAME"), value(call, "PATH_INFO")
		if app != test.app || script != test.script || info != test.info {
			t.Errorf("%s at %v: app %d, SCRIPT_NAME %q, PATH_INFO %q", test.target, test.mounts, app, script, info)
		}
	}
}

// A SCRIPT_NAME that is set already names the app by itself.
func TestMountsAt(t *testing.T) {
	several := Mounts{{"/a", 1}, {"/a/b", 2}}
	for _, test := range []struct {
		mounts Mounts
		script string
		app    int
		ok     bool
	}{
		{nil, "", 0, true},
		{nil, "/anything", 0, true},
		{several, "/a", 1, true},
		{several, "/a/b", 2, true},
		{several, "/a/c", 1, true},
		{several, "/ab", 0, false},
		{several, "", 0, false},
		{append(Mounts{{"", 0}}, several...), "/ab", 0, true},
		{append(Mounts{{"", 0}}, several...), "", 0, true},
	} {
		if app, ok := test.mounts.at([]byte(test.script)); app != test.app || ok != test.ok {
			t.Errorf("%q at %v: %d, %v", test.script, test.mounts, app, ok)
		}
	}
}

// appOf is the number of the app that a packed environ is for.
func appOf(packed []byte) int { return int(binary.NativeEndian.Uint32(packed[4:])) }
