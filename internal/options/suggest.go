package options

import (
	"fmt"
	"strings"
)

// unknown is the error for a name that no option has. typed is how the user wrote it, name the same without dashes or
// prefix.
func unknown(command string, from Source, typed, name string) UsageError {
	what := "option"
	if from == Environ {
		what = "variable"
	}
	hint := strings.TrimSuffix("gowsgi "+command, " ") + " --help lists the options"
	if o, guess := suggest(command, name); o != nil && !(o.ArgsOnly && from != CommandLine) {
		hint = fmt.Sprintf("did you mean %s?", from.name(guess))
	}
	return UsageError(fmt.Sprintf("unknown %s %s; %s", what, quote(typed), hint))
}

// suggest returns the command's option that name was probably meant to be, and the long name that's close: the same in another
// spelling, else the only one it's the beginning of, else the one with the fewest typing errors, about one in three
// letters at most.
func suggest(command, name string) (*Option, string) {
	name = strings.ToLower(strings.ReplaceAll(strings.Trim(name, "-_"), "_", "-"))
	if meant := find(command, slips[name]); meant != nil && find(command, name) == nil {
		return meant, slips[name]
	}
	var best, begun *Option
	var guess, whole string
	begins := 0
	least := min(3, len(name)/3) + 1
	for i := range Table {
		o := &Table[i]
		if !o.Of(command) {
			continue
		}
		for _, long := range append([]string{o.Name}, o.Aliases...) {
			if strings.HasSuffix(long, "*") || o.Fate == Refused {
				continue
			}
			if long == name {
				return o, long
			}
			if len(name) >= 3 && strings.HasPrefix(long, name) && begun != o {
				begun, whole = o, long
				begins++
			}
			if d := distance(name, long); d < least {
				least, best, guess = d, o, long
			}
		}
	}
	if begins == 1 {
		return begun, whole
	}
	return best, guess
}

// slips are words that people write for options of another name, with what they mean.
var slips = map[string]string{
	"logfile": "logto", "log-file": "logto", "port": "http", "bind": "http", "app": "module", "wsgi-app": "module",
	"timeout": "harakiri", "reload-on-change": "py-autoreload", "autoreload": "py-autoreload", "working-dir": "chdir", "cwd": "chdir",
	"user": "uid", "group": "gid",
}

// Nearest is suggest for other names than options': the one that name was probably meant to be, or "".
func Nearest(name string, names []string) string {
	best, least := "", min(3, len(name)/3)+1
	for _, n := range names {
		if d := distance(strings.ToLower(name), n); d < least {
			least, best = d, n
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with a neighbour (optimal string alignment).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, before := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
