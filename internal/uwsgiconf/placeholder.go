package uwsgiconf

import (
	"fmt"
	"strconv"
	"strings"
)

// placeholders puts in other keys' values, and what is computed with them: %(name), %(2 * cores). What is not known stays as it is.
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

// find is the value of the first key of that name: uWSGI takes that one, also where an option's last one counts.
func (b *builder) find(key string) (string, bool) {
	if text, ok := b.before[key]; ok {
		return text, true
	}
	i, ok := b.index[key]
	if !ok {
		return "", false
	}
	return b.result.Directives[i].Value, true
}

// pending is a setting with %(keys) that no line before it has. uWSGI puts values in when it has read all.
type pending struct {
	setting int // its index
	at      source
	state   int
}

// The states of one that is pending.
const (
	untouched = iota
	working
	resolved
)

// maxChain is how many settings may refer on to a later one.
const maxChain = 32

// resolve puts in what was not known when the line was read. uWSGI does so too, but follows no %(key) in a value that it has put in,
// and none in inherited files: that only hurts.
func (b *builder) resolve() error {
	of := map[int]*pending{}
	for i := range b.pending {
		of[b.pending[i].setting] = &b.pending[i]
	}
	for i := range b.pending {
		if err := b.settle(&b.pending[i], of, 0); err != nil {
			return err
		}
	}
	for _, p := range b.pending {
		if err := b.unknown(b.result.Directives[p.setting], p.at); err != nil {
			return err
		}
	}
	return nil
}

// unknown notes a %(key) that there is not, but for texts that have their own, as log-format, and for placeholders of such. What is
// meant to be computed and can't be is an error.
func (b *builder) unknown(d Directive, at source) error {
	_, rest, found := strings.Cut(d.Value, "%(")
	inner, _, closed := strings.Cut(rest, ")")
	if !found || !closed || inner == "_" || freeText(d.Key) {
		return nil
	}
	for _, word := range strings.Fields(inner) {
		if _, known := b.operand(word); !known && !operators(word) && strings.ContainsAny(inner, " \t") {
			return at.fail("%%(%s): %s is no key, no number and no operator", inner, word)
		}
	}
	if !b.result.Referenced[d.Key] {
		b.note(Warning, at, d.Key, fmt.Sprintf("there is no key %s: %%(%s) stays in the value, as in uWSGI", inner, inner))
	}
	return nil
}

// settle resolves one setting, after those that it refers to.
func (b *builder) settle(p *pending, of map[int]*pending, depth int) error {
	d := &b.result.Directives[p.setting]
	switch {
	case p.state == resolved:
		return nil
	case p.state == working:
		return p.at.fail("%s refers to itself by %%(%s), on which uWSGI hangs: write the value out", d.Key, d.Key)
	case depth > maxChain:
		return p.at.fail("%s refers on over more than %d keys: write the value out", d.Key, maxChain)
	}
	p.state = working
	_, err := replace(d.Value, "%(", func(inner string) (string, bool, error) {
		words := []string{inner}
		if _, ok := b.find(inner); !ok {
			words = strings.Fields(inner)
		}
		for _, word := range words {
			i, ok := b.index[word]
			if _, overruled := b.before[word]; !ok || overruled || of[i] == nil {
				continue
			}
			if err := b.settle(of[i], of, depth+1); err != nil {
				return "", false, err
			}
		}
		return "", false, nil
	})
	if err != nil {
		return err
	}
	p.state = resolved
	value, err := b.placeholders(d.Value, p.at)
	if err != nil {
		return err
	}
	b.total += len(value) - len(d.Value)
	if b.total > maxTotal {
		return p.at.fail("the configuration is too large: more than %d MiB", maxTotal>>20)
	}
	d.Value = value
	return bounded(d.Key, value, p.at)
}

// compute works out whole numbers, from left to right as uWSGI does, with blanks between all parts. "++" and "--" count the number before them
// up and down; without an operator between them, two are joined: %(k 0). Of an unknown key nothing is computed (yet).
func (b *builder) compute(inner string, at source) (string, bool, error) {
	words := strings.Fields(inner)
	if len(words) == 0 || len(words) == 1 && words[0] == inner {
		return "", false, nil
	}
	result, operator := "", ""
	for i, word := range words {
		operand, known := b.operand(word)
		var err error
		switch {
		case !known && i > 0 && (word == "++" || word == "--"):
			result, err = calculate(result, word[:1], "1")
		case !known && operator == "" && i > 0 && operators(word):
			operator = word
		case !known:
			return "", false, nil
		case operator == "":
			result += operand
		default:
			result, err = calculate(result, operator, operand)
			operator = ""
		}
		if err != nil {
			return "", false, at.fail("%%(%s): %v", inner, err)
		}
		if len(result) > maxValue {
			return "", false, at.fail("%%(%s): the result is longer than %d KiB", inner, maxValue>>10)
		}
	}
	if operator != "" {
		return "", false, at.fail("%%(%s): there is nothing after %s", inner, operator)
	}
	return result, true, nil
}

func operators(word string) bool { return len(word) == 1 && strings.Contains("+-*/", word) }

// operand is a number, or a key's value.
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
	default:
		if b == 0 {
			return "", fmt.Errorf("division by 0")
		}
		a /= b
	}
	return strconv.Itoa(a), nil
}
