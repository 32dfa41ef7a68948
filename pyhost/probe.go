package pyhost

import (
	_ "embed"
	"errors"
	"strings"

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

// around is a tuple of the apps inside the probe: a new reference. Main thread, attached.
func (p *Probe) around(apps *python.PyObject) (*python.PyObject, error) {
	if p == nil {
		apps.IncRef()
		return apps, nil
	}
	validate := 0
	if p.Validate {
		validate = 1
	}
	fd, flag := python.PyLong_FromLong(p.FD), python.PyBool_FromLong(validate)
	defer fd.DecRef()
	defer flag.DecRef()
	wrapped := callOwn("_gowsgi_probe", probeSource, "wrap_all", apps, fd, flag)
	if wrapped == nil {
		python.PyErr_Print()
		return nil, errors.New("the apps can't be put into the probe of gowsgi smoke")
	}
	return wrapped, nil
}

// routes is the apps' URL maps as JSON, or "" when they are not wanted. Main thread, attached.
func (s *SiteSpec) routes(apps *python.PyObject) (string, error) {
	if !s.Routes {
		return "", nil
	}
	prefixes := python.PyList_New(0)
	defer prefixes.DecRef()
	for i := range s.Apps {
		prefix := python.PyUnicode_FromString(strings.ToValidUTF8(s.Apps[i].Prefix, "\uFFFD"))
		python.PyList_Append(prefixes, prefix)
		prefix.DecRef()
	}
	text := callOwn("_gowsgi_routes", routesSource, "routes_json", apps, prefixes)
	if text == nil {
		python.PyErr_Print()
		return "", errors.New("the apps' URL maps can't be read")
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
