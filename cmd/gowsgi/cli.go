package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/gowsgi/gowsgi/internal/options"
)

// Exit codes. 0 is a clean end, also after a drain; errors with other codes bring them along (cli.ExitCoder).
const (
	exitFailure = 1 // configuration, addresses, virtual environment
	exitUsage   = 2 // the command line or a variable is wrong
)

// newApp returns the program: run serves what the options in args and environ say.
func newApp(environ []string, run func(*options.Config) error) *cli.App {
	settings := options.New()
	var bad error // package flag keeps only the text of an option's error; this is the error itself
	app := &cli.App{
		Name:            "gowsgi",
		Writer:          os.Stdout,
		ErrWriter:       os.Stderr,
		HideHelp:        true, // --help and --version are rows of the table
		HideVersion:     true,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // execute maps errors to exit codes; cli would exit from here
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			if bad != nil {
				return bad
			}
			return options.UsageError(err.Error())
		},
		Action:   func(c *cli.Context) error { return complete(c, settings, environ, run) },
		Commands: []*cli.Command{topCommand()},
	}
	for i := range options.Table {
		app.Flags = append(app.Flags, optionFlag{&options.Table[i], settings, &bad})
	}
	return app
}

// complete adds to the settings what cli doesn't read, and hands them to run.
func complete(c *cli.Context, settings *options.Settings, environ []string, run func(*options.Config) error) error {
	if settings.WantsHelp() {
		_, err := fmt.Fprint(c.App.Writer, options.Help())
		return err
	}
	if err := settings.SetApp(c.Args().Slice()); err != nil {
		return err
	}
	if err := settings.SetEnviron(environ); err != nil {
		return err
	}
	config, err := settings.Config()
	if err != nil {
		return err
	}
	return run(config)
}

// execute runs the program with args (the program's name first), reports its error in one line and returns its exit
// code. An error with an empty text has been reported already.
func execute(app *cli.App, args []string) int {
	err := dispatch(app, args)
	if err != nil && err.Error() != "" {
		fmt.Fprintf(app.ErrWriter, "gowsgi: %v\n", err)
	}
	return exitCode(err)
}

// dispatch puts the options first, since cli stops at the first positional, and calls cli. The arguments of a subcommand
// are left alone; an app of that name is reached by --module.
func dispatch(app *cli.App, args []string) error {
	if len(args) > 1 && app.Command(args[1]) != nil {
		return app.Run(args)
	}
	flags, positionals, err := options.Arrange(args[1:])
	if err != nil {
		return err
	}
	words := append([]string{args[0]}, flags...)
	return app.Run(append(append(words, "--"), positionals...))
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
