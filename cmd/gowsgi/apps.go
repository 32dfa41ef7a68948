package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/pyhost"
)

// appSpecs are the apps that the options name: the main one, at --script-name, and those of --mount. The main one is
// discovered when no option names any.
func appSpecs(c *options.Config) ([]pyhost.AppSpec, error) {
	var specs []pyhost.AppSpec
	if c.Module != "" || c.File != "" || len(c.Mounts) == 0 {
		specs = append(specs, pyhost.AppSpec{Module: c.Module, File: c.File, Callable: c.Callable, Prefix: c.ScriptName})
	}
	for _, text := range c.Mounts {
		prefix, app, _ := strings.Cut(text, "=") // the options' table has seen to the form
		spec := pyhost.AppSpec{Mounted: app, Prefix: strings.TrimRight(prefix, "/")}
		if !strings.Contains(app, ":") {
			spec.Callable = c.Callable
		}
		for _, other := range specs {
			if other.Prefix == spec.Prefix {
				return nil, options.UsageError(fmt.Sprintf("--mount %s: there is an app at %s already: %s; keep one",
					text, cmp.Or(spec.Prefix, "/"), cmp.Or(other.Mounted, other.Module, other.File)))
			}
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// prefixes are the places of the apps, by number.
func prefixes(mounts bridge.Mounts) []string {
	places := make([]string, len(mounts))
	for _, m := range mounts {
		places[m.App] = m.Prefix
	}
	return places
}

// mountsOf are the apps' places.
func mountsOf(specs []pyhost.AppSpec) (mounts bridge.Mounts) {
	if len(specs) == 1 && specs[0].Prefix == "" {
		return nil
	}
	for i := range specs {
		mounts = append(mounts, bridge.Mount{Prefix: specs[i].Prefix, App: i})
	}
	return mounts
}
