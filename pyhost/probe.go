package pyhost

import (
	_ "embed"
	"errors"

	python "github.com/go-python/cpy3"
)

// Python that gowsgi smoke and gowsgi routes bring along: see the files' docstrings.
var (
	//go:embed loader/gowsgi_routes.py
	routesSource string
	//go:embed loader/gowsgi_probe.py
	probeSource string
)

// Probe stands between the server and the app, and tells what requests do.
type Probe struct {
	FD       int  // what it tells goes there: see loader/gowsgi_probe.py
	Validate bool // with wsgiref.validate
}

// around is the app inside the probe: a new reference. Main thread, attached.
func (p *Probe) around(app *python.PyObject) (*python.PyObject, error) {
	if p == nil {
		app.IncRef()
		return app, nil
	}
	validate := 0
	if p.Validate {
		validate = 1
	}
	fd, flag := python.PyLong_FromLong(p.FD), python.PyBool_FromLong(validate)
	defer fd.DecRef()
	defer flag.DecRef()
	wrapped := callOwn("_gowsgi_probe", probeSource, "wrap", app, fd, flag)
	if wrapped == nil {
		python.PyErr_Print()
		return nil, errors.New("the app can't be put into the probe of gowsgi smoke")
	}
	return wrapped, nil
}

// routes is the app's URL map as JSON, or "" when it is not wanted. Main thread, attached.
func (s AppSpec) routes(app *python.PyObject) (string, error) {
	if !s.Routes {
		return "", nil
	}
	text := callOwn("_gowsgi_routes", routesSource, "routes_json", app)
	if text == nil {
		python.PyErr_Print()
		return "", errors.New("the app's URL map can't be read")
	}
	defer text.DecRef()
	return python.PyUnicode_AsUTF8(text), nil
}

// callOwn calls a function of an embedded module. A new reference, or nil with the error set.
func callOwn(module, source, function string, args ...*python.PyObject) *python.PyObject {
	m := runModule(module, source)
	if m == nil {
		return nil
	}
	defer m.DecRef()
	return callMethod(m, function, args...)
}
