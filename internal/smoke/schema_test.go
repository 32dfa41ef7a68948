package smoke

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/smoke.schema.json"

// examples are the checks files of the repository.
func examples(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{"../../examples/*/*.yaml", "../../testdata/apps/*/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, text []byte) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(asJSON, &value); err != nil {
		t.Fatal(err)
	}
	return schema(t).Validate(value)
}

func TestSchemaTakesExamples(t *testing.T) {
	for _, file := range examples(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if _, err := Read(file, func(string) (string, bool) { return "", true }); err != nil {
			t.Error(err)
		}
	}
}

// TestSchemaAgrees: what the parser refuses, editors mark, and the other way round.
func TestSchemaAgrees(t *testing.T) {
	for text, good := range map[string]bool{
		"- path: /":                                      true,
		"- path: ${where}":                               true,
		"- path: /\n  headers: {A: 1}":                   true,
		"- path: /\n  expect: {headers: {A: ~}}":         true,
		"- path: /\n  form: {a: [b, 1]}\n  file: {f: x}": true,
		"- path: /\n  json: [1]":                         true,
		"- {path: /, save: {a: {json: ''}}}":             true,
		"- {path: /, expect: {status: [200, 201]}}":      true,

		"[]":                                false,
		"path: /":                           false,
		"- name: x":                         false,
		"- path: x":                         false,
		"- {path: /, expects: {}}":          false,
		"- {path: /, expect: {code: 200}}":  false,
		"- {path: /, expect: {status: 99}}": false,
		"- {path: /, expect: {status: x}}":  false,
		"- {path: /, expect: {max_ms: -1}}": false,
		"- {path: /, expect: {headers: {A: {b: c}}}}":   false,
		"- {path: /, body: a, json: 1}":                 false,
		"- {path: /, body: a, form: {a: b}}":            false,
		"- {path: /, json: 1, file: a}":                 false,
		"- {path: /, form: {a: b}, file: a}":            false,
		"- {path: /, save: {a-b: {json: /x}}}":          false,
		"- {path: /, save: {a: {json: /x, cookie: y}}}": false,
		"- {path: /, save: {a: {}}}":                    false,
	} {
		_, err := Read(write(t, text), func(string) (string, bool) { return "", true })
		if (err == nil) != good {
			t.Errorf("%s: the parser says %v", text, err)
		}
		if err := validate(t, []byte(text)); (err == nil) != good {
			t.Errorf("%s: the schema says %v", text, err)
		}
	}
}

// TestSchemaKeys: the schema has the parser's keys, no more and no less.
func TestSchemaKeys(t *testing.T) {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Defs map[string]struct {
			Properties map[string]any
			OneOf      []struct{ Properties map[string]any }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]reflect.Type{
		"check": reflect.TypeFor[Check](), "expect": reflect.TypeFor[Expect](), "want": reflect.TypeFor[Want](), "value": reflect.TypeFor[Value](),
	} {
		def := document.Defs[name]
		keys := sortedKeys(def.Properties)
		for _, one := range def.OneOf {
			keys = append(keys, sortedKeys(one.Properties)...)
		}
		if want := sortedKeys(keysOf(of)); !slices.Equal(keys, want) {
			t.Errorf("%s: the schema has %q, the parser %q", name, keys, want)
		}
	}
}
