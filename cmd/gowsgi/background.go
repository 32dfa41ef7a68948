package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowsgi/gowsgi/internal/daemon"
	"github.com/gowsgi/gowsgi/internal/listen"
	"github.com/gowsgi/gowsgi/internal/options"
)

// startInBackground is --daemonize, for the process that was called: it ends once the server is ready, or has failed.
func startInBackground(config *options.Config) error {
	if os.Getpid() == 1 {
		return errors.New("--daemonize: this is process 1, with which the container ends; leave the option out, the logs go to its output")
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	pid, ended, err := daemon.Start(program)
	switch {
	case err != nil:
		return fmt.Errorf("--daemonize: %w", err)
	case ended == nil:
		fmt.Printf("gowsgi: process %d serves in the background; its log is %s\n", pid, config.Daemonize)
		return nil
	case ended.Signaled():
		return fmt.Errorf("the server was ended by %s before it was ready; its log is %s", unix.SignalName(ended.Signal()), config.Daemonize)
	}
	return exit(ended.Code()) // it has said why
}

// logInBackground makes --daemonize's file, from the directory that the program was started in, the one to log to.
func logInBackground(config *options.Config) error {
	file, err := filepath.Abs(config.Daemonize)
	if err != nil {
		return err
	}
	if config.LogTo != "" {
		config.Warnings = append(config.Warnings, "--logto has no effect with --daemonize, whose file has the log")
	}
	config.LogTo = file
	return nil
}

// signalPidfile is --stop and --reload: it signals the server of a pidfile, and does not wait.
func signalPidfile(config *options.Config) error {
	file, sig := config.Stop, syscall.SIGTERM
	if file == "" {
		file, sig = config.Reload, syscall.SIGHUP
	}
	pid, err := listen.ReadPidfile(file)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return fmt.Errorf("pidfile %s: process %d can't be signalled: %w", file, pid, err)
	}
	return nil
}
