package accesslog

import (
	"fmt"
	"strings"
)

// foreign are names from other servers' log formats (gunicorn's letters,
// nginx's variables) and what says the same here.
var foreign = map[string]string{
	"h": "addr", "u": "user", "t": "ltime", "r": `%(method) %(uri) %(proto)`, "m": "method",
	"U": "var.PATH_INFO", "q": "var.QUERY_STRING", "H": "proto", "s": "status", "B": "rsize",
	"b": "rsize", "f": "referer", "a": "uagent", "T": "secs", "D": "micros", "L": "secs", "M": "msecs", "p": "pid",
	"remote_addr": "addr", "remote_user": "user", "time_local": "ltime", "request": `%(method) %(uri) %(proto)`,
	"body_bytes_sent": "rsize", "bytes_sent": "size", "http_referer": "referer", "http_user_agent": "uagent",
	"request_time": "secs", "request_uri": "uri", "http_host": "host", "user_agent": "uagent", "path": "uri",
	"bytes": "rsize", "duration": "msecs", "ip": "addr",
}

// unknownVariable refuses a name and says what was probably meant.
func unknownVariable(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("log-format: %q names no variable", "%()")
	case name == "var.":
		return fmt.Errorf("log-format: %q names no environ key (write %%(var.PATH_INFO))", "%(var.)")
	case strings.HasPrefix(name, "metric."):
		return fmt.Errorf("log-format: %q: metrics can't be logged per request", "%("+name+")")
	}
	unknown := fmt.Sprintf("log-format: unknown variable %q", "%("+name+")")
	if meant := suggest(name); meant != "" {
		return fmt.Errorf("%s (did you mean %s?)", unknown, meant)
	}
	return fmt.Errorf("%s (an environ key is written %%(var.KEY))", unknown)
}

func suggest(name string) string {
	if same, ok := foreign[name]; ok {
		if strings.HasPrefix(same, "%") {
			return same
		}
		return "%(" + same + ")"
	}
	if isEnvironKey(name) {
		return "%(var." + name + ")"
	}
	best, distance := "", 3
	for _, v := range variables {
		if d := editDistance(strings.ToLower(strings.TrimSpace(name)), strings.ToLower(v.Name)); d < distance && d*2 < len(v.Name) {
			best, distance = v.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "%(" + best + ")"
}

// isEnvironKey: only environ's keys are written in capitals.
func isEnvironKey(s string) bool {
	return len(s) > 1 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == "" && s[0] >= 'A' && s[0] <= 'Z'
}

// editDistance is Levenshtein's, by bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
