package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/internal/options"
)

// Exit codes. 0 is a clean end, also after a drain; errors with other codes bring them along (cli.ExitCoder).
const (
	exitFailure = 1 // configuration, addresses, virtual environment
	exitUsage   = 2 // the command line or a variable is wrong
)

// runs are what the program and its subcommands do, once the command line is read.
type runs struct {
	serve  func(*options.Config) error
	smoke  func(config *options.Config, command []string) error
	routes func(*options.Config) error
}

// newApp returns the program: run does what the options in args and environ say.
func newApp(environ []string, run runs) *cli.App {
	var bad error // package flag keeps only the text of an option's error; this is the error itself
	badUsage := func(_ *cli.Context, err error, _ bool) error {
		if bad != nil {
			return bad
		}
		return options.UsageError(err.Error())
	}
	settings := options.New("")
	app := &cli.App{
		Name:            "gowsgi",
		Writer:          os.Stdout,
		ErrWriter:       os.Stderr,
		HideHelp:        true, // --help and --version are rows of the table
		HideVersion:     true,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // execute maps errors to exit codes; cli would exit from here
		OnUsageError:    badUsage,
		Flags:           flags("", settings, &bad),
		Action: func(c *cli.Context) error {
			return complete(c, "", settings, environ, func(config *options.Config, _ []string) error { return run.serve(config) })
		},
	}
	subcommands := map[string]func(*options.Config, []string) error{
		"smoke": run.smoke,
		"routes": func(config *options.Config, command []string) error {
			if len(command) > 0 {
				return options.UsageError("gowsgi routes runs no command")
			}
			return run.routes(config)
		},
	}
	app.Commands = append(app.Commands, topCommand(), checkCommand(environ))
	for name, run := range subcommands {
		settings := options.New(name)
		app.Commands = append(app.Commands, &cli.Command{
			Name:         name,
			HideHelp:     true,
			OnUsageError: badUsage,
			Flags:        flags(name, settings, &bad),
			Action:       func(c *cli.Context) error { return complete(c, name, settings, environ, run) },
		})
	}
	return app
}

// flags are the options of a command, as Option.Of has it.
func flags(command string, settings *options.Settings, bad *error) (list []cli.Flag) {
	for i := range options.Table {
		if o := &options.Table[i]; o.Of(command) {
			list = append(list, optionFlag{o, settings, bad})
		}
	}
	return list
}

// complete adds to the settings what cli doesn't read, and hands them to run, with the command that follows "--" where
// there is one.
func complete(c *cli.Context, name string, settings *options.Settings, environ []string, run func(*options.Config, []string) error) error {
	if settings.WantsHelp() {
		_, err := fmt.Fprint(c.App.Writer, options.Help(name))
		return err
	}
	words, command := c.Args().Slice(), []string(nil)
	if at := slices.Index(words, "--"); at >= 0 && name != "" {
		words, command = words[:at], words[at+1:]
		if len(command) == 0 {
			return options.UsageError("there is no command after --")
		}
	}
	if err := settings.SetApp(words); err != nil {
		return err
	}
	if err := settings.SetEnviron(environ); err != nil {
		return err
	}
	if err := settings.ReadFiles(environ); err != nil {
		return err
	}
	config, err := settings.Config()
	if err != nil {
		return err
	}
	return run(config, command)
}

// execute runs the program with args (the program's name first), reports its error in one line and returns its exit
// code. An error with an empty text has been reported already.
func execute(app *cli.App, args []string) int {
	return report(app.ErrWriter, dispatch(app, args))
}

// report prints an error, unless its text is empty, and returns its exit code.
func report(w io.Writer, err error) int {
	if err != nil && err.Error() != "" {
		fmt.Fprintf(w, "gowsgi: %v\n", err)
	}
	return exitCode(err)
}

// dispatch puts the options first, since cli stops at the first positional, and calls cli; top and check have none of the table's.
// An app with the name of a subcommand is reached by --module. What follows "--" is a subcommand's own command, "--" included.
func dispatch(app *cli.App, args []string) error {
	name, words, rest := "", args[:1:1], args[1:]
	var command []string
	if len(rest) > 0 && (rest[0] == topName || rest[0] == checkName) {
		return app.Run(args)
	}
	if len(rest) > 0 && app.Command(rest[0]) != nil {
		name, words, rest = rest[0], args[:2:2], rest[1:]
		if at := slices.Index(rest, "--"); at >= 0 {
			rest, command = rest[:at], rest[at:]
		}
	}
	flags, positionals, err := options.Arrange(name, rest)
	if err != nil {
		return err
	}
	if name == "" && len(positionals) > 0 && app.Command(positionals[0]) != nil { // cli would run it, without these options
		word := positionals[0]
		return options.UsageError(fmt.Sprintf("%s comes first: gowsgi %s ...; an app of that name goes with --module", word, word))
	}
	return app.Run(slices.Concat(words, flags, []string{"--"}, positionals, command))
}

// exitCode is 0 without an error, 2 after a usage error, an ExitCoder's own code, else 1.
func exitCode(err error) int {
	var usage options.UsageError
	var coder cli.ExitCoder
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &coder):
		return coder.ExitCode()
	default:
		return exitFailure
	}
}

// optionFlag makes a row of the table a cli.Flag. None of cli's own flags fits: their lists split at commas, their
// aliases can't be mixed in one command line, and their errors don't say what's expected.
type optionFlag struct {
	option   *options.Option
	settings *options.Settings
	bad      *error
}

// Names is the main name only: cli copies values between the names it gets here. Apply registers all of them.
func (f optionFlag) Names() []string { return []string{f.option.Name} }
func (f optionFlag) String() string  { return f.option.Name }
func (f optionFlag) IsSet() bool     { return false } // asked about required flags only

func (f optionFlag) Apply(set *flag.FlagSet) error {
	for _, name := range f.option.Names() {
		if strings.HasSuffix(name, "*") {
			continue // a family of uWSGI's: options.Arrange refuses them
		}
		set.Var(optionValue{f, name}, name, f.option.Help)
	}
	return nil
}

// optionValue is the flag.Value of one name of an option. It keeps nothing itself.
type optionValue struct {
	flag optionFlag
	name string
}

func (v optionValue) String() string { return "" }

func (v optionValue) Set(value string) error {
	err := v.flag.settings.Set(v.name, value, options.CommandLine)
	if err != nil {
		*v.flag.bad = err
	}
	return err
}
