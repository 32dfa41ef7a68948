package options

import (
	"fmt"
	"strconv"
	"strings"
)

// SetApp reads the positional arguments, of which there may be one: the app, as in app:app, app.py, pkg.mod or
// 'app.py:create_app()'. It's the short way to write --module or --wsgi-file, so it can't stand beside them, while it
// beats those of weaker sources.
func (s *Settings) SetApp(positionals []string) error {
	if len(positionals) == 0 {
		return nil
	}
	word := positionals[0]
	if len(positionals) > 1 {
		return UsageError(fmt.Sprintf("one app at most, but there are %d: %s", len(positionals), strings.Join(positionals, " ")))
	}
	for _, name := range []string{"module", "wsgi-file"} {
		value := *find(s.command, name).Field(&s.config).(*string)
		if s.from[name] == CommandLine && value != "" {
			return UsageError(fmt.Sprintf("%s and %s both name the app; keep one", quote(word), CommandLine.spell(name, value)))
		}
	}
	name, callable, named := strings.Cut(word, ":")
	switch {
	case isAddress(word):
		return UsageError(fmt.Sprintf("%s is an address, not an app; did you mean --http %s?", word, word))
	case isConfiguration(word):
		return s.addConfiguration(word)
	case name == "" || named && callable == "":
		return UsageError(quote(word) + ": want an app: app:app, app.py or a module's dotted name")
	case isPythonFile(name) || strings.Contains(name, "/"):
		return s.setFile(name, callable)
	}
	s.config.File, s.from["wsgi-file"] = "", CommandLine
	return s.Set("module", word, CommandLine)
}

// isAddress spots the address of a user who forgot --http. No callable is a number.
func isAddress(word string) bool {
	colon := strings.LastIndex(word, ":")
	port := word[colon+1:]
	return strings.HasPrefix(word, "unix:") || colon >= 0 && port != "" && strings.Trim(port, "0123456789") == ""
}

func (s *Settings) setFile(name, callable string) error {
	s.config.Module, s.from["module"] = "", CommandLine
	if err := s.Set("wsgi-file", name, CommandLine); err != nil || callable == "" {
		return err
	}
	if s.from["callable"] == CommandLine {
		s.warnCallable(s.config.Callable, callable)
	}
	return s.Set("callable", callable, CommandLine)
}

// Config returns the settings as one checked Config. SetApp and all sources come before it.
func (s *Settings) Config() (*Config, error) {
	s.chooseApp()
	if len(s.config.Socket) > 0 && s.from["http"] == Default {
		s.config.HTTP = nil
	}
	if s.oneThread() {
		s.config.Threads = 1
	}
	s.judge()
	if err := s.config.Validate(); err != nil {
		return nil, err
	}
	s.chooseInitial()
	if s.command == "" { // for a subcommand, options about serving mean nothing anyway
		s.warnEffect()
	}
	return &s.config, nil
}

// chooseInitial has CheaperInitial lie between Cheaper and the number of processes, as uWSGI does.
func (s *Settings) chooseInitial() {
	c := &s.config
	if c.Cheaper == 0 {
		return
	}
	given := c.CheaperInitial
	c.CheaperInitial = min(max(given, c.Cheaper), c.Workers())
	if given != 0 && given != c.CheaperInitial {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s is not from --cheaper to --processes; it is %d",
			s.from["cheaper-initial"].spell("cheaper-initial", strconv.Itoa(given)), c.CheaperInitial))
	}
}

// chooseApp leaves at most one of Module and File, and moves the part after Module's colon to Callable. The stronger
// source wins; within one, uWSGI's rules hold: the module before the file, the part after the colon before --callable.
func (s *Settings) chooseApp() {
	c := &s.config
	if c.Module != "" && c.File != "" {
		switch module, file := s.from["module"], s.from["wsgi-file"]; {
		case file > module:
			c.Module = ""
		case module == file:
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s is not used: %s comes first",
				file.spell("wsgi-file", c.File), module.spell("module", c.Module)))
			fallthrough
		default:
			c.File = ""
		}
	}
	name, callable, named := strings.Cut(c.Module, ":")
	c.Module = name
	if !named || c.Callable != "" && s.from["callable"] > s.from["module"] {
		return
	}
	if s.from["callable"] == s.from["module"] {
		s.warnCallable(c.Callable, callable)
	}
	c.Callable = callable
}

func (s *Settings) warnCallable(unused, used string) {
	if unused == "" || unused == used {
		return
	}
	s.config.Warnings = append(s.config.Warnings, fmt.Sprintf("%s is not used: the app says %s",
		s.from["callable"].spell("callable", unused), used))
}
