package uwsgiconf

import (
	"fmt"
	"strconv"
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
	value, err = b.placeholders(value, at)
	if err == nil && len(value) > maxValue {
		err = at.fail("the value of %s is longer than %d KiB", d.Key, maxValue>>10)
	}
	return value, err
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

// placeholders puts in earlier keys' values, and what is computed with them: %(name), %(2 * cores).
func (b *builder) placeholders(value string, at source) (string, error) {
	return replace(value, "%(", func(inner string) (string, bool, error) {
		if inner == "_" {
			return "", false, nil // a loop's item, put in by the loop
		}
		if text, ok := b.find(inner); ok {
			b.result.Referenced[inner] = true
			return text, true, nil
		}
		return b.compute(inner, at)
	})
}

// find is the value of the first earlier key of that name: uWSGI takes that one, also where an option's last one counts.
func (b *builder) find(key string) (string, bool) {
	for _, list := range [][]Directive{b.reader.Before, b.result.Directives} {
		for i := range list {
			if list[i].Key == key {
				return list[i].Value, true
			}
		}
	}
	return "", false
}

// compute works out whole numbers, from left to right as uWSGI does, with blanks between all parts. "++" joins texts.
func (b *builder) compute(inner string, at source) (string, bool, error) {
	words := strings.Fields(inner)
	if len(words) < 3 || len(words)%2 == 0 {
		return "", false, nil
	}
	result, ok := b.operand(words[0])
	if !ok {
		return "", false, at.fail("%%(%s): there is no key %s before this line", inner, words[0])
	}
	for i := 1; i < len(words); i += 2 {
		next, ok := b.operand(words[i+1])
		if !ok {
			return "", false, at.fail("%%(%s): there is no key %s before this line", inner, words[i+1])
		}
		if words[i] == "++" {
			result += next
			continue
		}
		var err error
		if result, err = calculate(result, words[i], next); err != nil {
			return "", false, at.fail("%%(%s): %v", inner, err)
		}
	}
	return result, true, nil
}

// operand is a number, or an earlier key's value.
func (b *builder) operand(word string) (string, bool) {
	if text, ok := b.find(word); ok {
		b.result.Referenced[word] = true
		return text, true
	}
	_, err := strconv.Atoi(word)
	return word, err == nil
}

func calculate(left, operator, right string) (string, error) {
	a, err := strconv.Atoi(strings.TrimSpace(left))
	if err != nil {
		return "", fmt.Errorf("%q is no whole number", left)
	}
	b, err := strconv.Atoi(strings.TrimSpace(right))
	if err != nil {
		return "", fmt.Errorf("%q is no whole number", right)
	}
	switch operator {
	case "+":
		a += b
	case "-":
		a -= b
	case "*":
		a *= b
	case "/":
		if b == 0 {
			return "", fmt.Errorf("division by 0")
		}
		a /= b
	default:
		return "", fmt.Errorf("%q is none of + - * / ++", operator)
	}
	return strconv.Itoa(a), nil
}
