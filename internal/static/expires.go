package static

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// expiry is how long some files are fresh. One of the first three says which.
type expiry struct {
	file, url *regexp.Regexp
	kind      string
	seconds   int
}

// maxFresh is a hundred years: dates further on confuse clients.
const maxFresh = 100 * 365 * 24 * 3600

func (f *Files) readExpiries(c *Config) error {
	for _, value := range c.Expires {
		e, err := patternExpiry("static-expires", value)
		if err != nil {
			return err
		}
		f.expires = append(f.expires, expiry{file: e.file, seconds: e.seconds})
	}
	for _, value := range c.ExpiresURI {
		e, err := patternExpiry("static-expires-uri", value)
		if err != nil {
			return err
		}
		f.expires = append(f.expires, expiry{url: e.file, seconds: e.seconds})
	}
	for _, value := range c.ExpiresType {
		kind, text, ok := strings.Cut(value, "=")
		seconds, good := parseSeconds(text)
		if !ok || !good || !strings.Contains(kind, "/") {
			return fmt.Errorf("--static-expires-type %s: want a type and seconds, as in text/css=3600", value)
		}
		f.expires = append(f.expires, expiry{kind: strings.ToLower(strings.TrimSpace(kind)), seconds: seconds})
	}
	return nil
}

// patternExpiry reads "regex seconds"; a regex may have spaces in it.
func patternExpiry(option, value string) (expiry, error) {
	value = strings.TrimSpace(value)
	at := strings.LastIndexAny(value, " \t")
	if at < 0 {
		return expiry{}, fmt.Errorf(`--%s %s: want a regular expression and seconds, as in '\.css$ 3600'`, option, value)
	}
	seconds, ok := parseSeconds(value[at+1:])
	if !ok {
		return expiry{}, fmt.Errorf(`--%s %s: %s is no number of seconds; want a regular expression and seconds, as in '\.css$ 3600'`, option, value, value[at+1:])
	}
	pattern, err := regexp.Compile(strings.TrimSpace(value[:at]))
	if err != nil {
		return expiry{}, fmt.Errorf("--%s %s: %w", option, value, err)
	}
	return expiry{file: pattern, seconds: seconds}, nil
}

func parseSeconds(text string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	return int(n), err == nil && n <= maxFresh
}

// freshFor is how long a file is fresh; false: nobody said.
func (f *Files) freshFor(file, url, kind string) (seconds int, ok bool) {
	kind, _, _ = strings.Cut(kind, ";")
	for i := range f.expires {
		switch e := &f.expires[i]; {
		case e.file != nil && e.file.MatchString(file),
			e.url != nil && e.url.MatchString(url),
			e.kind != "" && e.kind == kind:
			return e.seconds, true
		}
	}
	return 0, false
}
