// Package options holds every option of gowsgi in one table, and reads the command line, the environment and (through
// the same door) configuration files into a Config. Help and docs/options.md are printed from the table.
package options

import (
	"fmt"
	"slices"
	"strings"
)

// Kind says how the text of a value is read and which field it fills.
type Kind int

// The kinds, each with the type of field it fills.
const (
	Bool    Kind = iota // bool: true, on, yes, 1 and their opposites
	String              // string, as it stands
	List                // []string: one more value each time the option is given
	Words               // []string: one text, split as a shell splits words
	Int                 // int
	Size                // int64: bytes, or with a suffix k, m, g (powers of 1024)
	Seconds             // time.Duration: seconds, or a Go duration
	Mode                // fs.FileMode: octal
)

// Fate is what becomes of an option that a uWSGI configuration has.
type Fate int

// The fates.
const (
	Honoured  Fate = iota // it is gowsgi's own, too
	Emulated              // what its user wants is done in another way
	NotNeeded             // it is always so here, or it is about a part that gowsgi has not
	Refused               // gowsgi does not do it, and the app would miss it
)

func (f Fate) String() string { return [...]string{"honoured", "emulated", "not needed", "refused"}[f] }

// Option is one row of the table.
type Option struct {
	Name    string   // long name, without dashes
	Aliases []string // other long names
	Short   string   // one letter, or none
	Kind    Kind
	Arg     string // what stands for the value in help
	Default string // as one would type it; empty is the field's zero value
	Topic   string // heading in help and docs; rows of one topic stand together
	Help    string // full sentences
	UWSGI   string // what uWSGI has instead; empty means the same option with the same meaning

	// Bare is the value when the option is named without one; empty means that it needs one. Every Bool has "true".
	Bare string
	// Min and Max bound an Int, which always has both, or a Size: in whole k and m, or 0 for no bounds.
	Min, Max int64
	// Sep also separates values inside one value of a List.
	Sep string
	// Accept normalises one value of a String or List, or refuses it. Nil takes everything. It is never asked about
	// the empty value, which means "none". It must take back what it returned.
	Accept func(string) (string, bool)
	// Want completes the sentence "want ...". Where it's empty, the kind says it.
	Want string
	// Command is the subcommand that has the option. Without one it is gowsgi's own, and its subcommands take it, too:
	// what one serves with is what one tries.
	Command string
	// Alone keeps an option of gowsgi's own from its subcommands.
	Alone bool
	// ArgsOnly bars the option from the environment and files. GOWSGI_VERSION is what images set to the version they
	// were built with.
	ArgsOnly bool
	// Needs names the option without which this one has no effect; AtMost one that makes this one useless if it is less.
	// Whoever sets it nevertheless is warned.
	Needs, AtMost string
	// On tells whether the option is, for those that need it. Nil: it is if its field is not zero.
	On func(*Config) bool
	// Field returns the address of the option's field. Nil: the option is uWSGI's alone, and what follows says what becomes
	// of it.
	Field func(*Config) any

	// Fate is Honoured for what has a field, unless it says otherwise.
	Fate Fate
	// Say is what becomes of it, or what to do instead, as the rest of a sentence after "name: fate: ".
	Say string
	// Loud has the start say so too, and not gowsgi check alone: something will be missed, although the app is served.
	Loud bool
	// Become says by which of gowsgi's own options to do what it wants. Say is said besides; an error refuses the value.
	Become func(value string) ([]pair, error)
}

// pair is an option with a value.
type pair struct{ name, value string }

// foreign tells that the option is uWSGI's alone.
func (o *Option) foreign() bool { return o.Field == nil }

// Env is the environment variable of the option, or "" where it has none.
func (o *Option) Env() string {
	if o.ArgsOnly || o.foreign() {
		return ""
	}
	return envName(o.Name)
}

// Names lists the long names, the main one first, then the short one.
func (o *Option) Names() []string {
	names := append([]string{o.Name}, o.Aliases...)
	if o.Short != "" {
		names = append(names, o.Short)
	}
	return names
}

// Of reports whether a command takes the option: "" is gowsgi itself, else a subcommand.
func (o *Option) Of(command string) bool {
	return o.Command == command || o.Command == "" && !o.Alone
}

// find returns the command's option with that long name, or nil.
func find(command, name string) *Option {
	for i := range Table {
		if o := &Table[i]; o.Of(command) && (o.Name == name || slices.Contains(o.Aliases, name)) {
			return o
		}
	}
	return findFamily(name)
}

// findFamily returns the row that has a whole family of uWSGI's options: "spooler-*" among its aliases. The longest one counts.
func findFamily(name string) (best *Option) {
	longest := 0
	for i := range Table {
		for _, alias := range Table[i].Aliases {
			if stem, ok := strings.CutSuffix(alias, "*"); ok && len(stem) > longest && strings.HasPrefix(name, stem) {
				best, longest = &Table[i], len(stem)
			}
		}
	}
	return best
}

// findShort returns the command's option with that one-letter name, or nil.
func findShort(command, letter string) *Option {
	for i := range Table {
		if o := &Table[i]; o.Of(command) && o.Short != "" && o.Short == letter {
			return o
		}
	}
	return nil
}

const envPrefix = "GOWSGI_"

func envName(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// want says in words which values the option takes.
func (o *Option) want() string {
	if o.Want != "" {
		return o.Want
	}
	switch o.Kind {
	case Bool:
		return "true or false"
	case Int:
		return "a whole number" + o.bounds()
	case Size:
		return "bytes, or with a suffix as in 512k, 10m, 2g" + o.sizes()
	case Seconds:
		return "seconds (30, 0.5) or a duration (500ms, 2m)"
	case Mode:
		return "three octal digits, such as 660"
	case Words:
		return "words with balanced quotes"
	default:
		return o.Arg
	}
}

func (o *Option) bounds() string {
	return fmt.Sprintf(" from %d to %d", o.Min, o.Max)
}

func (o *Option) sizes() string {
	if o.Max == 0 {
		return ""
	}
	return fmt.Sprintf("; from %dk to %dm", o.Min>>10, o.Max>>20)
}
