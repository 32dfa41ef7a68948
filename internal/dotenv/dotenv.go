// Package dotenv reads .env and .flaskenv, as Flask's own commands do: variables that are set already win,
// and .env wins over .flaskenv.
package dotenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// files, the stronger one first.
var files = []string{".env", ".flaskenv"}

// Load sets what the working directory's files say. It returns the names of those that there are. The
// error names file and line, and shows nothing of it: it may be a password.
func Load() (found []string, err error) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return found, err
		}
		if err := load(string(text)); err != nil {
			return found, fmt.Errorf("%s:%w", file, err)
		}
		found = append(found, file)
	}
	return found, nil
}

var errNoName = errors.New("dotenv: a value without a name")

func read(text string) (map[string]string, error) {
	variables, err := godotenv.Unmarshal(text)
	if _, nameless := variables[""]; nameless {
		return nil, errNoName
	}
	return variables, err
}

func load(text string) error {
	variables, err := read(text)
	if err != nil {
		return fmt.Errorf("%d: want NAME=value, with its quotes closed", badLine(text))
	}
	for name, value := range variables {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf(" %s: %w", name, err) // a NUL in the value
		}
	}
	return nil
}

// badLine is the line behind the most lines that can be read: the library does not say. A value may have
// several lines, so the first lines that can't be read alone may be fine.
func badLine(text string) int {
	lines := strings.SplitAfter(text, "\n")
	for n := len(lines) - 1; n > 0; n-- {
		if _, err := read(strings.Join(lines[:n], "")); err == nil {
			return n + 1
		}
	}
	return 1
}
