package uwsgiconf

import (
	"fmt"
	"strings"
)

// expand puts in what $(VARIABLE), @(file) and %(key) stand for, in this order.
func (b *builder) expand(d Directive, at source) (string, error) {
	value, err := b.variables(d.Value, d.Key, at)
	if err != nil {
		return "", err
	}
	if value, err = b.contents(value, at); err != nil {
		return "", err
	}
	if value, err = b.placeholders(value, at); err != nil {
		return "", err
	}
	return value, bounded(d.Key, value, at)
}

func bounded(key, value string, at source) error {
	if len(value) > maxValue {
		return at.fail("the value of %s is longer than %d KiB", key, maxValue>>10)
	}
	return nil
}

// replace calls with for what stands between open, as "$(", and the next parenthesis that closes. False leaves it as it is.
func replace(value, open string, with func(inner string) (string, bool, error)) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(value, open)
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		inner, after, closed := strings.Cut(rest, ")")
		if !closed {
			out.WriteString(open + rest)
			return out.String(), nil
		}
		text, ok, err := with(inner)
		switch {
		case err != nil:
			return "", err
		case ok:
			out.WriteString(text)
		default:
			out.WriteString(open + inner + ")")
		}
		if out.Len() > maxValue {
			return out.String(), nil // the caller refuses it
		}
		value = after
	}
}

func (b *builder) variables(value, key string, at source) (string, error) {
	return replace(value, "$(", func(inner string) (string, bool, error) {
		name, fallback, has := strings.Cut(inner, ":-")
		if text, ok := b.lookup(name); ok && (text != "" || !has) {
			return text, true, nil
		}
		if has {
			b.note(Info, at, key, fmt.Sprintf("$(%s) has a default, which only uWSGI 2.1 knows", inner))
			return fallback, true, nil
		}
		b.note(Error, at, key, fmt.Sprintf("the variable %s is not set; uWSGI would leave $(%s) in the value", name, name))
		return "", false, nil
	})
}

// contents reads plain files alone: uWSGI's other schemes run programs and ask the network.
func (b *builder) contents(value string, at source) (string, error) {
	return replace(value, "@(", func(inner string) (string, bool, error) {
		if scheme, _, found := strings.Cut(inner, "://"); found && scheme != "file" {
			return "", false, at.fail("@(%s): only files are read here, as in @(/etc/app/secret)", inner)
		}
		text, err := readBounded(strings.TrimPrefix(inner, "file://"))
		if err != nil {
			return "", false, at.fail("@(%s): %v", inner, err)
		}
		return strings.TrimRight(string(text), "\r\n"), true, nil
	})
}
