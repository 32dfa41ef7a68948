package main

import (
	"strings"

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

// added are the headers of --add-header. Connection, which uWSGI's users add since its sockets keep no connection, is left out.
func (s *site) added() (bridge.Added, error) {
	var lines []string
	for _, line := range s.config.AddHeaders {
		if name, _, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Connection") {
			s.log.Warn("--add-header Connection is left out: the server itself says whether a connection is kept", "header", line)
			continue
		}
		lines = append(lines, line)
	}
	added, err := bridge.ParseAdded(lines)
	if err != nil {
		return added, options.UsageError("--" + err.Error())
	}
	return added, nil
}
