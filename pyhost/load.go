package pyhost

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"

	python "github.com/go-python/cpy3"
)

// The control side's own Python: see the files' docstrings.
var (
	//go:embed loader/gowsgi_loader.py
	loaderSource string
	//go:embed loader/gowsgi_diagnosis.py
	diagnosisSource string
	//go:embed loader/gowsgi_stacks.py
	stacksSource string
	//go:embed loader/gowsgi_page.py
	pageSource string
	//go:embed loader/gowsgi_layout.py
	layoutSource string
	//go:embed loader/gowsgi_report.py
	reportSource string
)

// AppSpec names one app. Of Module, File and Mounted at most one; none: it is discovered.
type AppSpec struct {
	Module   string // dotted
	File     string // a path
	Mounted  string // --mount's: a module's name or a path, with ":" and a callable or without
	Callable string // a dotted name, or a call of one with literal arguments

	Prefix string // where it is mounted: "" or "/prefix"
}

// option is how the app was asked for, for errors.
func (s *AppSpec) option() string {
	if s.Mounted == "" {
		return ""
	}
	return "--mount " + s.shown(s.Mounted) + ": "
}

// shown is the name of an app of --mount's with its place; that of any other as it is.
func (s *AppSpec) shown(name string) string {
	switch {
	case s.Mounted == "":
		return name
	case s.Prefix == "":
		return "/=" + name
	}
	return s.Prefix + "=" + name
}

// SiteSpec names the apps, each of whose requests give its number here, and what is to be done with them.
type SiteSpec struct {
	Apps []AppSpec

	Routes bool   // read the apps' URL maps
	Probe  *Probe // nil: requests go to the apps as they are
}

// App is what was loaded, for logs.
type App struct {
	Name       string // "app:app", "/a=one:app, /b=two:app"
	Type       string // "flask.app.Flask"
	Note       string // how it was found, "" when it was named
	Warnings   []string
	Routes     string // the URL maps as JSON, "null" without one: see loader/gowsgi_routes.py; "" when they were not asked for
	Loaded     Loaded // with Config.Reloads
	RouteCount int    // of the Flask apps, if Config.Pages asks for pages; else 0
}

// LoadError is an app that can't be served.
type LoadError struct {
	// Own tells that the app's own code raised; else it was not found, or what was
	// named is no WSGI app.
	Own       bool
	Message   string // one line
	Traceback string // the app's; "" unless Own
}

func (e *LoadError) Error() string { return e.Message }

// Load imports and resolves the apps, one after the other, on the main thread, attached since Boot. It
// returns detached if it succeeds.
func (h *Host) Load(spec SiteSpec) (*App, error) {
	app, err := h.load(spec)
	if err == nil {
		mainDetach()
	}
	return app, err
}

func (h *Host) load(spec SiteSpec) (*App, error) {
	loader := runModule("_gowsgi_loader", loaderSource)
	h.stacks = runModule("_gowsgi_stacks", stacksSource)
	if loader == nil || h.stacks == nil {
		python.PyErr_Print()
		return nil, fmt.Errorf("gowsgi's own Python modules do not run on Python %s", PythonVersion())
	}
	if h.config.Reloads {
		if err := h.prepareReloads(); err != nil {
			return nil, err
		}
	}
	embedded := loader.GetAttrString("EMBEDDED")
	setString(embedded, "_gowsgi_diagnosis", diagnosisSource)
	setString(embedded, "_gowsgi_page", pageSource)
	setString(embedded, "_gowsgi_layout", layoutSource)
	setString(embedded, "_gowsgi_report", reportSource)
	embedded.DecRef()

	if err := h.installUWSGI(); err != nil {
		return nil, err
	}
	loaded := &App{}
	apps := python.PyTuple_New(len(spec.Apps))
	defer apps.DecRef()
	for i := range spec.Apps {
		app, err := loaded.add(loader, &spec.Apps[i])
		if err != nil {
			return nil, err
		}
		python.PyTuple_SetItem(apps, i, app)
	}
	// Whoever imports threading first is its main thread for good.
	if threading := python.PyImport_ImportModule("threading"); threading != nil {
		threading.DecRef()
	}
	return loaded, h.serve(loader, loaded, &spec, apps)
}

// add loads one app: a new reference.
func (a *App) add(loader *python.PyObject, spec *AppSpec) (*python.PyObject, error) {
	arg := python.PyDict_New()
	defer arg.DecRef()
	setString(arg, "module", spec.Module)
	setString(arg, "wsgi_file", spec.File)
	setString(arg, "positional", spec.Mounted)
	setString(arg, "callable", spec.Callable)
	result := callMethod(loader, "load", arg)
	if result == nil {
		python.PyErr_Print()
		return nil, &LoadError{Message: spec.option() + "the app could not be loaded"}
	}
	defer result.DecRef()
	if kind := stringItem(result, "error"); kind != "" {
		return nil, &LoadError{
			Own:       kind == "app-error",
			Message:   spec.option() + stringItem(result, "message"),
			Traceback: stringItem(result, "traceback"),
		}
	}
	a.Name = join(a.Name, ", ", spec.shown(stringItem(result, "name")))
	a.Note = join(a.Note, "; ", stringItem(result, "note"))
	a.Type = cmp.Or(a.Type, stringItem(result, "type"))
	a.Warnings = append(a.Warnings, stringsItem(result, "warnings")...)
	app := python.PyDict_GetItemString(result, "app") // borrowed
	app.IncRef()
	return app, nil
}

// join puts two texts together, if there are two.
func join(a, separator, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + separator + b
}

// serve gives the apps to the seam, with what stands around them, and notes what there is to tell of them.
func (h *Host) serve(loader *python.PyObject, a *App, spec *SiteSpec, apps *python.PyObject) (err error) {
	if a.Routes, err = spec.routes(apps); err != nil {
		return err
	}
	inside, err := spec.Probe.around(apps)
	if err != nil {
		return err
	}
	defer inside.DecRef()
	if err := setApps(inside, &h.config); err != nil {
		return err
	}
	if err := h.environUWSGI(); err != nil {
		return err
	}
	if h.dev != nil {
		a.Loaded = h.loaded()
	}
	if h.config.Pages != NoPages {
		a.RouteCount, err = h.develop(loader, inside)
	}
	return err
}

// develop makes the apps ready for --dev, and returns the number of their routes.
func (h *Host) develop(loader, apps *python.PyObject) (routes int, err error) {
	name := python.PyUnicode_FromString("_gowsgi_page")
	defer name.DecRef()
	module := callMethod(loader, "embedded", name)
	if module != nil {
		defer module.DecRef()
		remote := python.PyBool_FromLong(int(cBool(h.config.Pages == RemotePages)))
		defer remote.DecRef()
		if page := callMethod(module, "prepare", apps, remote); page != nil {
			defer page.DecRef()
			setPage(page)
			count := page.GetAttrString("routes")
			defer count.DecRef()
			return python.PyLong_AsLong(count), nil
		}
	}
	python.PyErr_Print()
	return 0, fmt.Errorf("gowsgi's error page does not run on Python %s", PythonVersion())
}

// setPath puts the working directory first on sys.path, then Config.Path.
func (h *Host) setPath() error {
	dir, err := os.Getwd()
	if err != nil {
		return errors.New("the working directory is gone; start in another one, or name one with --chdir")
	}
	sys := python.PyImport_ImportModule("sys")
	defer sys.DecRef()
	path := sys.GetAttrString("path")
	defer path.DecRef()
	for i, p := range append([]string{dir}, h.config.Path...) {
		text := python.PyUnicode_FromString(p)
		python.PyList_Insert(path, i, text)
		text.DecRef()
	}
	return nil
}

// dump is the text of all stacks. Main thread, attached.
func (h *Host) dump(labels []label) string {
	threads := python.PyDict_New()
	defer threads.DecRef()
	for _, l := range labels {
		key, text := python.PyLong_FromUnsignedLongLong(l.ident), python.PyUnicode_FromString(l.text)
		python.PyDict_SetItem(threads, key, text)
		key.DecRef()
		text.DecRef()
	}
	text := callMethod(h.stacks, "dump", threads)
	if text == nil {
		python.PyErr_Clear()
		return "Python's stacks can't be read\n"
	}
	defer text.DecRef()
	return python.PyUnicode_AsUTF8(text)
}

// stackOf is the text of one thread's stack. Main thread, attached.
func (h *Host) stackOf(ident uint64) string {
	key := python.PyLong_FromUnsignedLongLong(ident)
	defer key.DecRef()
	text := callMethod(h.stacks, "stack", key)
	if text == nil {
		python.PyErr_Clear()
		return "Python's stacks can't be read\n"
	}
	defer text.DecRef()
	return python.PyUnicode_AsUTF8(text)
}

// shutdown ends the app. Main thread, attached.
func (h *Host) shutdown() {
	if result := callMethod(h.stacks, "shutdown"); result != nil {
		result.DecRef()
		return
	}
	python.PyErr_Print()
}

// callMethod calls o.name(args...). A new reference, or nil with the error set.
func callMethod(o *python.PyObject, name string, args ...*python.PyObject) *python.PyObject {
	method := o.GetAttrString(name)
	if method == nil {
		return nil
	}
	defer method.DecRef()
	return method.CallFunctionObjArgs(args...)
}

// setString sets dict[key] to text. Surrogate bytes in a path become U+FFFD.
func setString(dict *python.PyObject, key, text string) {
	value := python.PyUnicode_FromString(strings.ToValidUTF8(text, "\uFFFD"))
	python.PyDict_SetItemString(dict, key, value)
	value.DecRef()
}

// stringItem is dict[key], "" when it is missing.
func stringItem(dict *python.PyObject, key string) string {
	value := python.PyDict_GetItemString(dict, key) // borrowed
	if value == nil || !python.PyUnicode_Check(value) {
		return ""
	}
	return python.PyUnicode_AsUTF8(value)
}

func stringsItem(dict *python.PyObject, key string) (texts []string) {
	list := python.PyDict_GetItemString(dict, key) // borrowed
	if list == nil || !python.PyList_Check(list) {
		return nil
	}
	for i := range python.PyList_Size(list) {
		texts = append(texts, python.PyUnicode_AsUTF8(python.PyList_GetItem(list, i)))
	}
	return texts
}
