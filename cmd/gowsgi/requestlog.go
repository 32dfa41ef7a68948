package main

import (
	"os"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/accesslog"
	"github.com/gowsgi/gowsgi/internal/logging"
	"github.com/gowsgi/gowsgi/internal/options"
)

// openLogs begins both logs, to stderr.
func (s *site) openLogs() error {
	date, err := accesslog.ParseDate(s.config.LogDate)
	if err != nil {
		return options.UsageError("--" + err.Error())
	}
	s.out = accesslog.NewWriter(os.Stderr)
	s.out.JSON = s.config.LogJSON
	s.out.Date = date
	s.log = logging.New(s.out, logging.Options{JSON: s.config.LogJSON, Date: date})
	return nil
}

// logRequests has the server write the access log, or what --disable-logging leaves of it.
func (s *site) logRequests(server *bridge.Server) error {
	c := s.config
	wanted := wantedRequests(c)
	if c.NoRequestLog && wanted == nil {
		return nil
	}
	format, err := requestFormat(c, s.out.Date)
	if err != nil {
		return err
	}
	measure := server.Access
	server.Access = func(r *accesslog.Record) {
		if measure != nil {
			measure(r)
		}
		if wanted == nil || wanted(r) {
			s.out.Append(format, r)
		}
	}
	server.AccessEnviron = format.NeedsEnviron()
	return nil
}

// requestFormat is that of the access log's lines.
func requestFormat(c *options.Config, date *accesslog.Date) (*accesslog.Format, error) {
	switch {
	case c.LogFormat != "":
		compile := accesslog.New
		if c.UWSGIModule {
			compile = accesslog.NewOpen
		}
		format, err := compile(c.LogFormat)
		if err != nil {
			return nil, options.UsageError("--" + err.Error())
		}
		return format, nil
	case c.LogJSON:
		return accesslog.JSON(), nil
	case c.Dev && date == nil:
		return accesslog.Terminal(coloured(os.Stderr)), nil
	}
	return accesslog.DefaultDated(date), nil
}

// wantedRequests tells which requests are logged although --disable-logging is on; nil: it is off, or there are none.
func wantedRequests(c *options.Config) func(*accesslog.Record) bool {
	if !c.NoRequestLog || !c.Log4xx && !c.Log5xx && c.LogSlow == 0 {
		return nil
	}
	slow := time.Duration(c.LogSlow) * time.Millisecond
	return func(r *accesslog.Record) bool {
		switch r.Status / 100 {
		case 4:
			if c.Log4xx {
				return true
			}
		case 5:
			if c.Log5xx {
				return true
			}
		}
		return slow > 0 && r.Duration >= slow
	}
}
