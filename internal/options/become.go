package options

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The Become functions of the table: uWSGI's options as gowsgi's own.

// as gives the value to other options.
func as(names ...string) func(string) ([]pair, error) {
	return func(value string) (pairs []pair, _ error) {
		for _, name := range names {
			pairs = append(pairs, pair{name, value})
		}
		return pairs, nil
	}
}

// serving are plugins that do what gowsgi does not: other languages, and loops that an app is written for.
var serving = []string{"asyncio", "cgi", "emperor", "gevent", "greenlet", "jvm", "jwsgi", "lua", "mono", "perl", "php", "psgi", "rack", "spooler", "tornado", "v8"}

// fromPlugins refuses those.
func fromPlugins(value string) ([]pair, error) {
	for _, name := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		if stem := strings.TrimRight(name, "0123456789."); slices.Contains(serving, stem) {
			return nil, UsageError(fmt.Sprintf("the plugin %s is not there: gowsgi serves WSGI alone, with threads", quote(name)))
		}
	}
	return nil, nil
}

// headLeast and headMost bound --limit-head where it is set by buffer-size.
const headLeast, headMost = 64 << 10, 16 << 20

// fromBuffer has the limit at least as high as it would be without.
func fromBuffer(value string) ([]pair, error) {
	n, ok := (&Option{Kind: Size}).parseSize(value)
	switch {
	case !ok:
		return nil, UsageError(quote(value) + ": want bytes, such as 32768")
	case n <= headLeast:
		return nil, nil
	}
	return []pair{{"limit-head", strconv.FormatInt(min(n, headMost), 10)}}, nil
}

// fromKeepalive takes seconds; what uWSGI takes for 0 and 1 says nothing of a time.
func fromKeepalive(value string) ([]pair, error) {
	if every, ok := parseSeconds(value); !ok || every.Seconds() <= 1 {
		return nil, nil
	}
	return []pair{{"idle-timeout", value}}, nil
}

func fromProxyProtocol(value string) ([]pair, error) {
	if on, _ := parseBool(value); !on {
		return nil, nil
	}
	return []pair{{"proxy-protocol", "all"}}, nil
}

// fromLogger takes files: "file:/var/log/app.log", with or without a name before it.
func fromLogger(value string) ([]pair, error) {
	rest := value
	if name, after, ok := strings.Cut(value, " "); ok && !strings.Contains(name, ":") {
		rest = after
	}
	switch kind, arg, _ := strings.Cut(rest, ":"); kind {
	case "file":
		return []pair{{"logto", arg}}, nil
	case "stdio":
		return nil, nil
	}
	return nil, UsageError(quote(value) + ": want file:PATH or stdio; for syslog and others, run gowsgi under systemd or a container, which take its stderr")
}

// fromMasterStart recognises the known way to have SIGTERM end uWSGI in order.
func fromMasterStart(value string) ([]pair, error) {
	if words := strings.Fields(value); len(words) == 2 && words[0] == "unix_signal:15" && words[1] == "gracefully_kill_them_all" {
		return nil, nil
	}
	return nil, UsageError(useSystemd)
}
