package pyhost

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"

	python "github.com/go-python/cpy3"
)

var (
	//go:embed loader/gowsgi_uwsgi.py
	uwsgiSource string
	//go:embed loader/gowsgi_uwsgidecorators.py
	uwsgiDecoratorsSource string
)

// UWSGI is what the modules uwsgi and uwsgidecorators of the app have to tell and to do: see loader/gowsgi_uwsgi.py.
type UWSGI struct {
	// Options is uwsgi.opt: the options as they were given.
	Options []UWSGIOption
	// Worker is uwsgi.worker_id(), Workers is uwsgi.numproc, Master uwsgi.masterpid().
	Worker, Workers, Master int
	// Reloads tells that SIGHUP has Master reload the app.
	Reloads bool
	// Locks is the number of locks. File is what worker processes have them in; nil: this process is alone.
	Locks int
	File  *os.File

	// Log writes a line of the app's to the log. From any goroutine.
	Log func(text string, isError bool)
	// Figures is uwsgi.workers(), as JSON in the form of the stats. From any goroutine.
	Figures func() ([]byte, error)
}

// UWSGIOption is one of the options.
type UWSGIOption struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Bare  bool   `json:"bare"` // a flag without a value
}

// caller is what the module asks. It is set before there is one.
var caller atomic.Pointer[UWSGI]

// figures are those of all workers as JSON, "" if they can't be had.
func (u *UWSGI) figures() string {
	text, err := u.Figures()
	if err != nil {
		u.Log("uwsgi.workers(): "+err.Error(), true)
		return ""
	}
	return string(text)
}

// installUWSGI makes both modules, before the app's import. Main thread, attached.
func (h *Host) installUWSGI() error {
	u := h.config.UWSGI
	if u == nil {
		return nil
	}
	caller.Store(u)
	fd := -1
	if u.File != nil {
		fd = int(u.File.Fd())
	}
	settings, err := json.Marshal(map[string]any{
		"options": u.Options, "worker": u.Worker, "workers": u.Workers, "master": u.Master, "reloads": u.Reloads,
		"locks": u.Locks, "file": fd,
	})
	if err != nil {
		return err
	}
	h.uwsgi = runModule("uwsgi", uwsgiSource)
	if h.uwsgi != nil {
		if seam := seamModule(); seam != nil {
			defer seam.DecRef()
			text := python.PyUnicode_FromString(string(settings))
			defer text.DecRef()
			if result := callMethod(h.uwsgi, "_install", seam, text); result != nil {
				result.DecRef()
				if decorators := runModule("uwsgidecorators", uwsgiDecoratorsSource); decorators != nil {
					decorators.DecRef()
					return nil
				}
			}
		}
	}
	python.PyErr_Print()
	return fmt.Errorf("gowsgi's uwsgi module does not run on Python %s", PythonVersion())
}

// environUWSGI adds what uWSGI has in each environ. Main thread, attached.
func (h *Host) environUWSGI() error {
	if h.uwsgi == nil {
		return nil
	}
	for _, key := range []string{"version", "node"} {
		value := h.uwsgi.GetAttrString("_environ_" + key)
		if value == nil || !putEnviron("uwsgi."+key, value) {
			python.PyErr_Print()
			return fmt.Errorf("the environ can't have uwsgi.%s", key)
		}
		value.DecRef()
	}
	return nil
}

// startUWSGI runs post_fork_hook and starts timers: the app is loaded, and requests are to come.
func (h *Host) startUWSGI() {
	if h.uwsgi == nil {
		return
	}
	mainAttach()
	defer mainDetach()
	if result := callMethod(h.uwsgi, "_started"); result != nil {
		result.DecRef()
		return
	}
	python.PyErr_Print()
}
