package main

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/kballard/go-shellquote"
	"golang.org/x/term"

	"github.com/gowsgi/gowsgi/internal/dotenv"
	"github.com/gowsgi/gowsgi/pyhost"
)

// What --dev adds where the app is: the environment of .env, and the error page.

// readDotenv belongs to the process that loads the app: each new one reads the files anew.
func (s *site) readDotenv() error {
	found, err := dotenv.Load()
	if err == nil && len(found) > 0 {
		s.log.Info("read the environment", "files", strings.Join(found, " "))
	}
	return err
}

// pages says who gets a page about an exception.
func (s *site) pages() pyhost.Pages {
	switch {
	case s.config.DevRemote:
		return pyhost.RemotePages
	case s.config.Dev:
		return pyhost.LocalPages
	}
	return pyhost.NoPages
}

// aboutDev is what the log's first line adds for people at a terminal.
func (s *site) aboutDev() []any {
	var about []any
	if s.config.Dev && s.app.RouteCount > 0 {
		about = append(about, "routes", s.app.RouteCount)
	}
	if s.config.Dev && s.venv != "" {
		about = append(about, "venv", s.venv)
	}
	return about
}

// coloured tells whether a file shows colours (no-color.org).
func coloured(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// openBrowser shows url, and goes on. What fails is no reason not to serve.
func openBrowser(log *slog.Logger, url string) {
	fail := func(command []string, err error) {
		log.Warn("the browser could not be opened", "url", url, "command", shellquote.Join(command...), "error", err)
	}
	command, err := browserCommand(os.Getenv("BROWSER"), url)
	if err != nil {
		fail(command, err)
		return
	}
	go func() { // it may stay until the window is closed
		if err := exec.Command(command[0], command[1:]...).Run(); err != nil {
			fail(command, err)
		}
	}()
}

var errNoURL = errors.New("a UNIX socket is nothing for a browser")

// browserCommand is $BROWSER, with %s for the URL or the URL behind it, or the desktop's command. Of a list with
// colons the first counts.
func browserCommand(browser, url string) ([]string, error) {
	if !strings.HasPrefix(url, "http://") {
		return nil, errNoURL
	}
	if browser == "" {
		return []string{map[bool]string{true: "open", false: "xdg-open"}[runtime.GOOS == "darwin"], url}, nil
	}
	browser, _, _ = strings.Cut(browser, ":")
	words, err := shellquote.Split(browser)
	if err != nil || len(words) == 0 {
		return []string{browser}, errors.New("BROWSER: want a command")
	}
	for i, word := range words {
		words[i] = strings.ReplaceAll(word, "%s", url)
	}
	if !strings.Contains(browser, "%s") {
		words = append(words, url)
	}
	return words, nil
}
