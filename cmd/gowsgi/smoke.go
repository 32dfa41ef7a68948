package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/internal/options"
	"github.com/gowsgi/gowsgi/internal/smoke"
)

// runSmoke is gowsgi smoke.
func runSmoke(config *options.Config, command []string) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	warn(config)
	s := smoke.Smoke{Config: *config, Command: command, Path: path, Stdout: os.Stdout, Stderr: os.Stderr}
	code, err := s.Run()
	if err != nil || code == 0 {
		return err
	}
	return cli.Exit("", code)
}

// printRoutes is gowsgi routes: as --check, and the URL map on stdout.
func printRoutes(config *options.Config) error {
	config.Check = true
	s, err := newSite(config)
	if err != nil {
		return err
	}
	defer s.close()
	s.routes = true
	if err := s.load(); err != nil {
		return err
	}
	var routes []smoke.Route
	if err := json.Unmarshal([]byte(s.app.Routes), &routes); err != nil {
		return err
	}
	if routes == nil {
		fmt.Printf("%s (%s) is no Flask app: it has no URL map that gowsgi can read.\n", s.app.Name, s.app.Type)
		return nil
	}
	return smoke.WriteRoutes(os.Stdout, routes)
}

// warn tells people how their options were understood.
func warn(config *options.Config) {
	for _, text := range config.Warnings {
		fmt.Fprintln(os.Stderr, "gowsgi: "+text)
	}
}
