package options

import (
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
)

// read puts one value into the option's field of c and reports whether the value is one the option takes. With add, a
// List keeps what it has. The empty value empties a String, List or Words.
func (o *Option) read(c *Config, text string, add bool) (ok bool) {
	switch p := o.Field(c).(type) {
	case *bool:
		*p, ok = parseBool(text)
	case *string:
		*p, ok = o.accept(text)
	case *[]string:
		*p, ok = o.readList(*p, text, add)
	case *int:
		var n int64
		n, ok = o.parseInt(text)
		*p = int(n)
	case *int64:
		*p, ok = o.parseSize(text)
	case *time.Duration:
		*p, ok = parseSeconds(text)
	case *fs.FileMode:
		*p, ok = parseMode(text)
	}
	return ok
}

// check is read's second half for a Config filled by hand: it returns the first value that read would have refused.
func (o *Option) check(c *Config) (bad string, ok bool) {
	switch p := o.Field(c).(type) {
	case *string:
		_, ok := o.accept(*p)
		return *p, ok
	case *[]string:
		for _, value := range *p {
			if _, ok := o.accept(value); !ok {
				return value, false
			}
		}
	case *int:
		return strconv.Itoa(*p), o.within(int64(*p))
	case *int64:
		return strconv.FormatInt(*p, 10), o.within(*p)
	case *time.Duration:
		return p.String(), *p >= 0
	case *fs.FileMode:
		return strconv.FormatUint(uint64(*p), 8), *p&^0o777 == 0
	}
	return "", true
}

func (o *Option) accept(value string) (string, bool) {
	if o.Accept == nil || value == "" {
		return value, true
	}
	return o.Accept(value)
}

func (o *Option) within(n int64) bool {
	return n >= o.Min && (o.Max == 0 || n <= o.Max)
}

func (o *Option) readList(list []string, text string, add bool) ([]string, bool) {
	if o.Kind == Words {
		words, err := shellquote.Split(text)
		return words, err == nil
	}
	if !add || text == "" {
		list = nil
	}
	values := []string{text}
	if o.Sep != "" {
		values = strings.Split(text, o.Sep)
	}
	for _, value := range values {
		value, ok := o.accept(value)
		if !ok {
			return nil, false
		}
		if value != "" {
			list = append(list, value)
		}
	}
	return list, true
}

func (o *Option) parseInt(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, strconv.IntSize)
	return n, err == nil && o.within(n)
}

func (o *Option) parseSize(text string) (int64, bool) {
	digits := strings.ToLower(text)
	shift := 0
	for i, suffix := range []string{"k", "m", "g"} {
		if rest, found := strings.CutSuffix(digits, suffix); found {
			digits, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, false
	}
	n <<= shift
	return n, o.within(n)
}

// The words are uWSGI's. It takes any other word for true as well; here that's a mistake to report.
func parseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true", "on", "yes", "1":
		return true, true
	case "false", "off", "no", "0":
		return false, true
	}
	return false, false
}

// maxSeconds keeps time arithmetic far from overflow; nobody means more than ten years.
const maxSeconds = 10 * 365 * 24 * 3600

func parseSeconds(text string) (time.Duration, bool) {
	if strings.Trim(text, "0123456789.") == "" { // not 1e9, inf or 0x1p3, which ParseFloat takes too
		s, err := strconv.ParseFloat(text, 64)
		return time.Duration(s * float64(time.Second)), err == nil && s <= maxSeconds
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0 && d <= maxSeconds*time.Second
}

// parseMode reads --chmod-socket as uWSGI does: three octal digits, or 1 for 666. A leading 0 is taken too. 000 would be
// a socket for nobody, and 0 stands for "umask" in Config.
func parseMode(text string) (fs.FileMode, bool) {
	if text == "1" {
		return 0o666, true
	}
	if len(text) == 4 && text[0] == '0' {
		text = text[1:]
	}
	n, err := strconv.ParseUint(text, 8, 9)
	return fs.FileMode(n), err == nil && len(text) == 3 && n != 0
}
