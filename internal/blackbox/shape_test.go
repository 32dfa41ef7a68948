package blackbox

import "testing"

// shape is a form of the program. Every test of a served app runs in all of them, so
// that a new one (a master with worker processes) brings no second suite.
type shape struct {
	name string
	args []string // options that choose it

	nginx string // the configuration in docs/nginx.md by which nginx stands in front, if any
	every bool   // whether all attributes of a test are served in this shape, or its first one
}

var shapes = []shape{{name: "single"}, {name: "master", args: []string{"--master"}}}

// variant is a shape together with the attribute of the app module that is served.
type variant struct {
	shape
	attr string
}

// Which attributes of app.py a test runs with.
var (
	plain = []string{"application"}
	// both adds the same app inside wsgiref.validate.validator. Not for tests in which the
	// app itself breaks the rules, or needs to see the server's own objects.
	both = []string{"application", "validated"}
)

// run runs f once per shape and attribute, beside other tests.
func run(t *testing.T, attrs []string, f func(t *testing.T, v variant)) {
	t.Helper()
	t.Parallel()
	inTurn(t, attrs, f)
}

// inTurn is run for a test that must have the machine to itself.
func inTurn(t *testing.T, attrs []string, f func(t *testing.T, v variant)) {
	t.Helper()
	for _, s := range shapes {
		for _, attr := range attrs {
			t.Run(s.name+"/"+attr, func(t *testing.T) { f(t, variant{s, attr}) })
		}
	}
	if !testing.Short() {
		behindNginx(t, attrs, f)
	}
}

// behindNginx runs f once per front, if the test says anything through nginx.
func behindNginx(t *testing.T, attrs []string, f func(t *testing.T, v variant)) {
	t.Helper()
	for _, s := range fronts {
		for i, attr := range attrs {
			if i > 0 && !s.every {
				continue
			}
			t.Run(s.name+"/"+attr, func(t *testing.T) {
				applies(t, s)
				f(t, variant{s, attr})
			})
		}
	}
}

// alone is run for what is told of a single process: its pid, its signals, its end.
func alone(t *testing.T, attrs []string, f func(t *testing.T, v variant)) {
	t.Helper()
	t.Parallel()
	for _, attr := range attrs {
		t.Run(shapes[0].name+"/"+attr, func(t *testing.T) { f(t, variant{shapes[0], attr}) })
	}
}
