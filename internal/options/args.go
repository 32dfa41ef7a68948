package options

import (
	"fmt"
	"slices"
	"strings"
)

// Arrange reads a command line (without the program's name and the subcommand, which is command) as getopt_long does, uWSGI's parser: options may follow
// positionals, "--" ends them, -wapp:app and -LC660 work. It returns each option as one word "--name=value", the name
// as typed, which package flag can't misread, and the positionals apart. Values aren't looked at, except to tell
// whether the word after an option with an optional value is one, and the rest of a word like -thread.
//
// Unlike getopt, the name of a known option is no value: --http --module app says that --http lacks one.
func Arrange(command string, args []string) (flags, positionals []string, err error) {
	for len(args) > 0 {
		word := args[0]
		var given []string
		used := 1
		switch {
		case word == "--":
			return flags, append(positionals, args[1:]...), nil
		case strings.HasPrefix(word, "--"):
			given, used, err = long(command, args)
		case len(word) > 1 && word[0] == '-':
			given, used, err = short(command, args)
		default:
			positionals = append(positionals, word)
		}
		if err != nil {
			return nil, nil, err
		}
		flags = append(flags, given...)
		args = args[used:]
	}
	return flags, positionals, nil
}

// long reads the option in args[0], and its value in args[1] if that's where it is.
func long(command string, args []string) (flags []string, used int, err error) {
	name, value, inline := strings.Cut(args[0][2:], "=")
	o := find(command, name)
	if o == nil {
		return nil, 0, unknown(command, CommandLine, "--"+name, name)
	}
	switch {
	case o.Fate == Refused:
		return nil, 0, o.refusal(CommandLine, name)
	case !slices.Contains(o.Aliases, name): // of a family
		name = o.Name
	}
	used = 1
	if !inline {
		value, used, err = o.argument(command, name, args)
	}
	return []string{"--" + name + "=" + value}, used, err
}

// short reads the letters in args[0]: any number of them without a value, then one with.
func short(command string, args []string) (flags []string, used int, err error) {
	word := args[0][1:]
	if name, _, _ := strings.Cut(word, "="); len(name) > 1 && find(command, name) != nil {
		return nil, 0, unknown(command, CommandLine, "-"+name, name) // -http, the Go way: getopt would see -h -t -t -p
	}
	for i := 0; i < len(word); i++ { // bytes will do: no letter of the table is longer
		letter, rest := word[i:i+1], word[i+1:]
		o := findShort(command, letter)
		switch {
		case o == nil && i == 0:
			name, _, _ := strings.Cut(word, "=")
			return nil, 0, unknown(command, CommandLine, "-"+name, name)
		case o == nil:
			return nil, 0, unknown(command, CommandLine, "-"+letter, letter)
		case o.Fate == Refused:
			return nil, 0, o.refusal(CommandLine, letter)
		case o.Kind == Bool && !strings.HasPrefix(rest, "="):
			flags = append(flags, "-"+letter+"="+o.Bare)
		case rest != "":
			value := strings.TrimPrefix(rest, "=")
			if i == 0 && !o.read(new(Config), value, false) { // -thread is no -t hread
				name, _, _ := strings.Cut(word, "=")
				if meant, _ := suggest(command, name); meant != nil {
					return nil, 0, unknown(command, CommandLine, "-"+name, name)
				}
			}
			return append(flags, "-"+letter+"="+value), 1, nil
		default:
			value, used, err := o.argument(command, letter, args)
			return append(flags, "-"+letter+"="+value), used, err
		}
	}
	return flags, 1, nil
}

// argument is the value of the option in args[0], which has none in the same word.
func (o *Option) argument(command, name string, args []string) (value string, used int, err error) {
	if o.Kind == Bool {
		return o.Bare, 1, nil
	}
	follows := len(args) > 1 && !known(command, args[1])
	if o.Bare != "" {
		if follows && o.read(new(Config), args[1], false) {
			return args[1], 2, nil
		}
		return o.Bare, 1, nil
	}
	if !follows {
		return "", 0, UsageError(fmt.Sprintf("%s: value missing; want %s", CommandLine.name(name), o.want()))
	}
	return args[1], 2, nil
}

// known reports whether word is an option by its name. A negative number isn't, nor is "-x 1 --y", a value for --pyargv.
func known(command, word string) bool {
	if name, isLong := strings.CutPrefix(word, "--"); isLong {
		name, _, _ = strings.Cut(name, "=")
		return name == "" || find(command, name) != nil
	}
	return len(word) == 2 && word[0] == '-' && findShort(command, word[1:]) != nil
}
