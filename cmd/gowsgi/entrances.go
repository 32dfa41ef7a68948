package main

import (
	"slices"

	"github.com/gowsgi/gowsgi/bridge"
	"github.com/gowsgi/gowsgi/internal/listen"
	"github.com/gowsgi/gowsgi/internal/options"
)

// openEntrances binds --http and --socket.
func (s *site) openEntrances() error {
	owner, err := socketOwner(s.config)
	if err != nil {
		return err
	}
	c := s.config
	for _, group := range []struct {
		option    string
		addresses []string
		uwsgi     bool
	}{{"--http", c.HTTP, false}, {"--socket", c.Socket, c.Protocol == "uwsgi"}} {
		for _, text := range group.addresses {
			address, err := listen.Parse(text)
			if err != nil {
				return err
			}
			l, err := listen.Listen(address, listen.Options{Mode: c.SocketMode, Owner: owner, Backlog: c.Backlog, Option: group.option})
			if err != nil {
				return err
			}
			s.entrances = append(s.entrances, listen.Entrance{Listener: l, UWSGI: group.uwsgi})
		}
	}
	return nil
}

// serveEntrances begins to accept. The channel gets what ends that.
func (s *site) serveEntrances() <-chan error {
	failed := make(chan error, len(s.entrances))
	for _, e := range s.entrances {
		serve := s.server.Serve
		if e.UWSGI {
			serve = s.server.ServeUWSGI
		}
		go func() { failed <- serve(e.Listener) }()
	}
	return failed
}

// everybody are all peers, for --proxy-protocol all.
var everybody = []string{"0.0.0.0/0", "::/0", "unix"}

// announcers are the peers of --proxy-protocol.
func announcers(c *options.Config) (bridge.Proxies, error) {
	list := slices.Clone(c.ProxyProtocol)
	if at := slices.Index(list, "all"); at >= 0 {
		list = slices.Replace(list, at, at+1, everybody...)
	}
	return bridge.ParseProxies(list)
}
