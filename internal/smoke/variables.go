package smoke

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	reference    = regexp.MustCompile(`\$?\$\{([^}]*)\}`)
)

// variables are what ${name} stands for: what checks have saved, then the environment. $${ stands for itself.
type variables struct {
	saved   map[string]string
	environ func(string) (string, bool)
	missing string // the first name that was not there
}

func (v *variables) text(s string) string {
	return reference.ReplaceAllStringFunc(s, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		name := found[2 : len(found)-1]
		if value, ok := v.saved[name]; ok {
			return value
		}
		if value, ok := v.environ(name); ok {
			return value
		}
		if v.missing == "" {
			v.missing = found
		}
		return ""
	})
}

func (v *variables) texts(list Texts) Texts {
	out := make(Texts, len(list))
	for i, s := range list {
		out[i] = v.text(s)
	}
	return out
}

func (v *variables) value(value any) any {
	switch value := value.(type) {
	case string:
		return v.text(value)
	case []any:
		out := make([]any, len(value))
		for i := range value {
			out[i] = v.value(value[i])
		}
		return out
	case map[string]any:
		return each(value, v.value)
	}
	return value
}

func each[V any](m map[string]V, f func(V) V) map[string]V {
	if m == nil {
		return nil
	}
	out := make(map[string]V, len(m))
	for k, value := range m {
		out[k] = f(value)
	}
	return out
}

func (v *variables) pointer(s *string) *string {
	if s == nil {
		return nil
	}
	text := v.text(*s)
	return &text
}

// check is c with all its values in place. In regular expressions nothing is replaced: they have a $ of their own.
func (v *variables) check(c Check) Check {
	c.Name, c.Path, c.Body = v.text(c.Name), v.text(c.Path), v.pointer(c.Body)
	c.Query, c.Form = each(c.Query, v.texts), each(c.Form, v.texts)
	c.Headers = each(c.Headers, v.text)
	c.JSON, c.Expect.JSON = v.value(c.JSON), v.value(c.Expect.JSON)
	c.Expect.Contains = v.texts(c.Expect.Contains)
	c.Expect.Headers = each(c.Expect.Headers, func(w Want) Want {
		w.Equals, w.Contains = v.pointer(w.Equals), v.text(w.Contains)
		return w
	})
	if c.File != nil {
		c.File = &File{Body: v.text(c.File.Body), Fields: each(c.File.Fields, v.text)}
	}
	return c
}

// references refuses a ${name} that no earlier check saves, and that the environment lacks.
func references(checks []Check, lookup func(string) (string, bool)) error {
	saved := map[string]string{}
	for _, c := range checks {
		v := variables{saved: saved, environ: lookup}
		v.check(c)
		if v.missing != "" {
			return &mistake{c.line, fmt.Sprintf("%s is neither saved by an earlier check nor set in the environment ($${ is a plain ${)", v.missing)}
		}
		for name := range c.Save {
			saved[name] = ""
		}
	}
	return nil
}
