package pyhost

import (
	"context"
	_ "embed"
	"fmt"

	python "github.com/go-python/cpy3"
)

//go:embed loader/gowsgi_dev.py
var devSource string

// Loaded is what the app is made of, as far as somebody may edit it: absolute paths.
type Loaded struct {
	Files   []string // of imported modules
	Folders []string // of templates
}

// prepareReloads is for before the app's import. Main thread, attached.
func (h *Host) prepareReloads() error {
	if h.dev = runModule("_gowsgi_dev", devSource); h.dev != nil {
		if result := callMethod(h.dev, "distrust_bytecode"); result != nil {
			result.DecRef()
			return nil
		}
	}
	python.PyErr_Print()
	return fmt.Errorf("gowsgi's own Python modules do not run on Python %s", PythonVersion())
}

// Loaded tells what the app has loaded since Load, or since the call before. Config.Reloads must be set.
func (h *Host) Loaded(ctx context.Context) (l Loaded, err error) {
	err = h.Do(ctx, func() { l = h.loaded() })
	return l, err
}

// loaded is that on the main thread, attached.
func (h *Host) loaded() Loaded {
	result := callMethod(h.dev, "loaded")
	if result == nil {
		python.PyErr_Clear()
		return Loaded{}
	}
	defer result.DecRef()
	return Loaded{Files: stringsItem(result, "files"), Folders: stringsItem(result, "folders")}
}
