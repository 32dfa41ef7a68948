package options

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kballard/go-shellquote"
)

// URLVariable tells what gowsgi smoke runs where the app is. It is no option.
const URLVariable = envPrefix + "URL"

// Source says where a value comes from. A later one beats an earlier one, in whatever order they are read: what is typed
// for this run beats what the machine or container was given, and that beats what a file in the repository says.
type Source int

// The sources, weakest first.
const (
	Default      Source = iota
	UWSGIEnviron        // UWSGI_* variables: uWSGI reads them before its files
	File
	Environ
	CommandLine
)

// UsageError is a mistake in the way gowsgi was called, in one line. It ends the process with code 2.
type UsageError string

func (e UsageError) Error() string { return string(e) }

// Settings gathers values from all sources. Use New.
type Settings struct {
	command string
	config  Config
	from    map[string]Source // by Option.Name; what's missing is a default

	place   place // of the setting that is being read from a file
	remarks []Remark
	lenient bool // mistakes are remarks, and do not end the reading: gowsgi check
	read    bool // a file or UWSGI_* variable has said something
}

// New returns settings that hold the defaults: those of gowsgi itself, "", or of a subcommand.
func New(command string) *Settings {
	s := &Settings{command: command, from: make(map[string]Source)}
	for i := range Table {
		if o := &Table[i]; o.Default != "" && !o.foreign() {
			o.read(&s.config, o.Default, false) // TestDefaults: each is readable
		}
	}
	return s
}

// Set gives a value to the option of that name: a long name or alias, on the command line also a letter. A value from a
// stronger source stays, and the weaker one isn't looked at. From one source, a List grows and any other option takes
// the last value. The error is a UsageError that names the option as this source spells it; a reader of files puts the
// file and line before it.
func (s *Settings) Set(name, value string, from Source) error {
	o := find(s.command, name)
	if o == nil && from == CommandLine {
		o = findShort(s.command, name)
	}
	if o == nil || o.ArgsOnly && from != CommandLine {
		return unknown(s.command, from, from.name(name), name)
	}
	if from == CommandLine && s.command == "" {
		s.note(o, name, value)
	}
	if o.foreign() {
		return s.setForeign(o, name, value, from)
	}
	if from < s.from[o.Name] {
		return nil
	}
	again := from == s.from[o.Name] && from != Default
	if !o.read(&s.config, value, again) {
		return UsageError(fmt.Sprintf("%s: want %s", o.spell(from, name, value), o.want()))
	}
	s.from[o.Name] = from
	return nil
}

// WantsHelp reports whether --help was given. It's asked before anything else can go wrong.
func (s *Settings) WantsHelp() bool { return s.config.Help }

// SetEnviron reads the GOWSGI_* variables among environ ("NAME=value"). The name is any long name of an option in upper
// case with underscores. An empty variable counts as not set. Lists are split as a shell splits words. A name that is no
// option's is a warning only: the variable may be meant for something else.
func (s *Settings) SetEnviron(environ []string) error {
	environ = append([]string(nil), environ...)
	sort.Strings(environ) // so that the same environment gives the same message
	seen := make(map[*Option]string)
	for _, variable := range environ {
		key, value, _ := strings.Cut(variable, "=")
		name, ours := strings.CutPrefix(key, envPrefix)
		if !ours || key == URLVariable {
			continue
		}
		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		o := find("", name)
		if o == nil || o.foreign() || key != envName(name) {
			s.config.Warnings = append(s.config.Warnings, unknown("", Environ, key, name).Error())
			continue
		}
		if o.ArgsOnly || value == "" {
			continue
		}
		if other := seen[o]; other != "" {
			return UsageError(fmt.Sprintf("%s and %s are the same option; keep one", other, key))
		}
		seen[o] = key
		if err := s.setVariable(o, name, value); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settings) setVariable(o *Option, name, value string) error {
	if o.Kind != List {
		return s.Set(name, value, Environ)
	}
	words, err := shellquote.Split(value)
	if err != nil {
		return UsageError(envName(name) + ": want words with balanced quotes") // the value may hold passwords
	}
	for _, word := range words {
		if err := s.Set(name, word, Environ); err != nil {
			return err
		}
	}
	return nil
}

// name writes an option's name the way a source has it. Environ turns an alias back into the variable it came from.
func (s Source) name(name string) string {
	switch {
	case s == Environ:
		return envName(name)
	case s == UWSGIEnviron:
		return "UWSGI_" + strings.TrimPrefix(envName(name), envPrefix)
	case s == File:
		return name
	case len(name) == 1:
		return "-" + name
	default:
		return "--" + name
	}
}

// spell writes an option together with its value.
func (s Source) spell(name, value string) string {
	join := " "
	switch s {
	case Environ, UWSGIEnviron:
		join = "="
	case File:
		join = " = "
	}
	return s.name(name) + join + quote(value)
}

// spell is Source.spell, except that a value that may be left out stands in the same word on the command line.
func (o *Option) spell(from Source, name, value string) string {
	if o.Bare != "" && from == CommandLine {
		return from.name(name) + "=" + quote(value)
	}
	return from.spell(name, value)
}

// quote leaves plain values as they are, so that messages read like the command line.
func quote(value string) string {
	odd := func(r rune) bool { return r == ' ' || !strconv.IsPrint(r) }
	if value == "" || !utf8.ValidString(value) || strings.ContainsFunc(value, odd) {
		return strconv.Quote(value)
	}
	return value
}
