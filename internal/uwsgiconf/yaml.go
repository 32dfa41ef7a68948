package uwsgiconf

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readYAML takes in a section of a YAML file, or of a JSON file, which is YAML too: the section's name, and below it the keys. A list is
// a key that is repeated. uWSGI has no %d and its like there.
func (b *builder) readYAML(text []byte, at source, depth int) error {
	tokens := lexer.Tokenize(string(text))
	if line := nested(tokens); line > 0 {
		at.line = line
		return at.fail("lists and maps inside of one another, more than %d times", maxDepth)
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil && syntax.GetToken().Position != nil {
			at.line = syntax.GetToken().Position.Line
			return at.fail("%s", syntax.GetMessage())
		}
		return at.fail("%s", strings.Join(strings.Fields(err.Error()), " "))
	}
	for _, document := range file.Docs {
		for _, pair := range pairs(document.Body) {
			if pair.Key.GetToken().Value != at.section {
				continue
			}
			for _, setting := range pairs(pair.Value) {
				if err := b.addYAML(setting, at, depth); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return at.fail("there is no section %s", at.section)
}

// nested is the line where brackets or dashes go deeper than maxDepth, for which the parser would take memory without bound; 0: nowhere.
func nested(tokens token.Tokens) int {
	depth, dashes, line := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType:
			if t.Position.Line != line {
				dashes, line = 0, t.Position.Line
			}
			dashes++
		}
		if depth > maxDepth || dashes > maxDepth {
			return t.Position.Line
		}
	}
	return 0
}

func pairs(node ast.Node) []*ast.MappingValueNode {
	switch node := node.(type) {
	case *ast.MappingNode:
		return node.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{node}
	}
	return nil
}

func (b *builder) addYAML(setting *ast.MappingValueNode, at source, depth int) error {
	key := setting.Key.GetToken().Value
	at.line = setting.Key.GetToken().Position.Line
	values := []ast.Node{setting.Value}
	if list, ok := setting.Value.(*ast.SequenceNode); ok {
		values = list.Values
	}
	for _, node := range values {
		if t := node.GetToken(); t != nil && t.Position != nil {
			at.line = t.Position.Line
		}
		d := Directive{Key: key, File: at.file, Line: at.line}
		switch node := node.(type) {
		case *ast.NullNode:
			d.Bare = true
		case *ast.LiteralNode:
			d.Value = strings.TrimRight(node.Value.Value, "\n")
		case ast.ScalarNode:
			d.Value = node.GetToken().Value
		default:
			return at.fail("%s: want a text, a number, true or false, or a list of them", key)
		}
		if err := b.add(d, at, depth); err != nil {
			return err
		}
	}
	return nil
}
