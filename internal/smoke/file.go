package smoke

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/gowsgi/gowsgi/internal/options"
)

// Many is one value or a list of them.
type Many[T any] []T

// Texts are one text or a list of them.
type Texts = Many[string]

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (m *Many[T]) UnmarshalYAML(node ast.Node) error {
	if _, list := node.(*ast.SequenceNode); list {
		return yaml.NodeToValue(node, (*[]T)(m))
	}
	*m = make([]T, 1)
	return yaml.NodeToValue(node, &(*m)[0])
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (w *Want) UnmarshalYAML(node ast.Node) error {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		type plain Want
		return yaml.NodeToValue(node, (*plain)(w))
	}
	w.Equals = new(string)
	return yaml.NodeToValue(node, w.Equals)
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (f *File) UnmarshalYAML(node ast.Node) error {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return yaml.NodeToValue(node, &f.Fields)
	}
	return yaml.NodeToValue(node, &f.Body)
}

// Read reads a checks file. An error says file, line and what to write. lookup is the environment's.
func Read(file string, lookup func(string) (string, bool)) ([]Check, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			err = p.Err
		}
		return nil, options.UsageError(fmt.Sprintf("--checks %s: %v", file, err))
	}
	checks, err := parse(text)
	if err == nil {
		err = references(checks, lookup)
	}
	if at := (*mistake)(nil); errors.As(err, &at) {
		return nil, options.UsageError(fmt.Sprintf("%s:%d: %s", file, at.line, at.text))
	}
	for i := range checks {
		checks[i].source = file
	}
	return checks, err
}

// mistake is what is wrong with a checks file, and the line of it.
type mistake struct {
	line int
	text string
}

func (m *mistake) Error() string { return fmt.Sprintf("%d: %s", m.line, m.text) }

func at(node ast.Node, format string, args ...any) error {
	return &mistake{node.GetToken().Position.Line, fmt.Sprintf(format, args...)}
}

func parse(text []byte) ([]Check, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, located(err)
	}
	var list *ast.SequenceNode
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		l, ok := doc.Body.(*ast.SequenceNode)
		if !ok || list != nil {
			return nil, at(doc.Body, "want one list of checks, each begun by \"- \"")
		}
		list = l
	}
	if list == nil || len(list.Values) == 0 {
		return nil, &mistake{1, "there are no checks"}
	}
	checks := make([]Check, len(list.Values))
	for i, node := range list.Values {
		if err := checks[i].read(node); err != nil {
			return nil, err
		}
	}
	return checks, nil
}

// located turns an error of the YAML library into a mistake.
func located(err error) error {
	if wrong := (*yaml.TypeError)(nil); errors.As(err, &wrong) {
		return &mistake{wrong.Token.Position.Line, fmt.Sprintf("want %s here, not %s", kindOf(wrong.DstType), kindOf(wrong.SrcType))}
	}
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		return &mistake{y.GetToken().Position.Line, strings.TrimSpace(y.GetMessage())}
	}
	return &mistake{1, err.Error()}
}

// kindOf names a type for people.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping"
	case reflect.Bool:
		return "true or false"
	}
	return "a whole number"
}

func (c *Check) read(node ast.Node) error {
	if err := onlyKeys(node, reflect.TypeFor[Check]()); err != nil {
		return err
	}
	if err := yaml.NodeToValue(node, c); err != nil {
		return located(err)
	}
	c.line = node.GetToken().Position.Line
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		c.line = m.Values[0].Key.GetToken().Position.Line
	}
	if text := c.wrong(); text != "" {
		return &mistake{c.line, text}
	}
	return nil
}

// wrong says what of a check can't be meant, or "".
func (c *Check) wrong() string {
	if !strings.HasPrefix(c.Path, "/") && !strings.HasPrefix(c.Path, "${") {
		return fmt.Sprintf("path: want a path that starts with /, not %q", c.Path)
	}
	bodies := 0
	for _, there := range []bool{c.Body != nil, c.JSON != nil, c.Form != nil, c.File != nil} {
		if there {
			bodies++
		}
	}
	if bodies > 1 && (bodies > 2 || c.Form == nil || c.File == nil || c.File.Fields == nil) {
		return "body, json, form and file: keep one (a form may have a file with names of fields)"
	}
	for _, status := range c.Expect.Status {
		if status < 100 || status > 599 {
			return fmt.Sprintf("status: %d is none", status)
		}
	}
	if c.Expect.MaxMS < 0 {
		return "max_ms: want a number of milliseconds"
	}
	for name, v := range c.Save {
		n := 0
		for _, there := range []bool{v.Header != "", v.Cookie != "", v.Matches != "", v.JSON != nil} {
			if there {
				n++
			}
		}
		if n != 1 || !variableName.MatchString(name) {
			return fmt.Sprintf("save: %s: want a name of letters, digits and _, with one of header, cookie, matches and json", name)
		}
	}
	return c.badPattern()
}

func (c *Check) badPattern() string {
	patterns := slices.Clone([]string(c.Expect.Matches))
	for _, w := range c.Expect.Headers {
		patterns = append(patterns, w.Matches)
	}
	for _, v := range c.Save {
		patterns = append(patterns, v.Matches)
	}
	for _, p := range patterns {
		if _, err := regexp.Compile(p); err != nil {
			return "matches: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		}
	}
	return ""
}

// onlyKeys refuses the first key below node that t has no field for.
func onlyKeys(node ast.Node, t reflect.Type) error {
	if a, ok := node.(*ast.AnchorNode); ok {
		return onlyKeys(a.Value, t)
	}
	m, ok := node.(ast.MapNode)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map && ok {
		for i := m.MapRange(); i.Next(); {
			if err := onlyKeys(i.Value(), t.Elem()); err != nil {
				return err
			}
		}
	}
	keys := keysOf(t)
	if keys == nil {
		return nil
	}
	if !ok {
		if t == reflect.TypeFor[Want]() {
			return nil // a text or null
		}
		return at(node, "want a mapping with keys such as %s", slices.Sorted(maps.Keys(keys))[0])
	}
	for i := m.MapRange(); i.Next(); {
		key := i.Key().String()
		if i.Key().IsMergeKey() {
			continue // what it brings was read where it stands
		}
		field, known := keys[strings.Trim(key, `"'`)]
		if !known {
			return at(i.Key(), "unknown key %s; %s", key, meant(key, keys))
		}
		if err := onlyKeys(i.Value(), field); err != nil {
			return err
		}
	}
	return nil
}

func meant(key string, keys map[string]reflect.Type) string {
	names := slices.Sorted(maps.Keys(keys))
	if guess := options.Nearest(key, names); guess != "" {
		return fmt.Sprintf("did you mean %s?", guess)
	}
	if field, ok := keys["expect"]; ok && keysOf(field)[key] != nil {
		return "it belongs below expect"
	}
	return "there are " + strings.Join(names, ", ")
}

// keysOf are the keys of a struct in a checks file with their types; nil: t has none.
func keysOf(t reflect.Type) map[string]reflect.Type {
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[File]() {
		return nil
	}
	keys := map[string]reflect.Type{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			keys[name] = t.Field(i).Type
		}
	}
	return keys
}
