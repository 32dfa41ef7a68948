package main

import (
	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/internal/static"
)

// static is what serves files without Python; nil: there are none.
func (s *site) static() (bridge.Static, error) {
	c := s.config
	config := static.Config{
		Maps: c.StaticMaps, Maps2: c.StaticMaps2, Check: c.CheckStatic,
		Index:   c.StaticIndex,
		Expires: c.StaticExpires, ExpiresURI: c.StaticExpiresURI, ExpiresType: c.StaticExpiresType,
		Safe: c.StaticSafe, SkipExt: c.StaticSkipExt, MimeFiles: c.MimeFiles,
	}
	files, err := static.New(config) // also to tell mistakes of options that have no effect
	if err != nil {
		return nil, options.UsageError(err.Error())
	}
	if !config.Any() {
		return nil, nil
	}
	for _, warning := range files.Warnings {
		s.log.Warn(warning)
	}
	return files, nil
}
