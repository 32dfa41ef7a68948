// Package layout tests the rules of which package and which file may do what: who imports
// whom, where "C" is imported, and where CPython is called. See RATIONALE.md for why.
package layout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/gowsgi/gowsgi/"
	cpy3   = "github.com/go-python/cpy3"
)

// generated folders are not the project's source.
var generated = []string{".git", ".venv", "bin", "build"}

// sources lists the repository's files with one of the extensions, as slash paths.
func sources(t *testing.T, extensions ...string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(generated, name) {
			return fs.SkipDir
		}
		if !entry.IsDir() && slices.Contains(extensions, path.Ext(name)) {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no %v files below %s", extensions, root)
	}
	return files
}

const root = "../.."

// parsed parses one of the repository's Go files.
func parsed(t *testing.T, name string) (*ast.File, *token.FileSet) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file, set
}

// imports are the paths that a file imports.
func imports(t *testing.T, file *ast.File) (paths []string) {
	t.Helper()
	for _, spec := range file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

// cgoFiles are the files that import "C".
func cgoFiles(t *testing.T) (files []string) {
	t.Helper()
	for _, name := range sources(t, ".go") {
		if file, _ := parsed(t, name); slices.Contains(imports(t, file), "C") {
			files = append(files, name)
		}
	}
	return files
}

// The seam stays small: "C" is imported by three files of pyhost at most.
func TestCgoIsInPyhost(t *testing.T) {
	files := cgoFiles(t)
	for _, name := range files {
		if path.Dir(name) != "pyhost" {
			t.Errorf("%s imports \"C\": only pyhost may", name)
		}
	}
	if len(files) == 0 || len(files) > 3 {
		t.Errorf("%d files import \"C\", want one to three: %v", len(files), files)
	}
}

// What a package of the module may import of the module and of CPython, beside test files.
// Packages that are not here may import nothing of it.
var mayImport = map[string][]string{
	"bridge":           {"internal/http1", "internal/accesslog", "internal/link", "internal/uwsgi"},
	"pyhost":           {"bridge", cpy3},
	"internal/options": {"internal/uwsgiconf"},
	"internal/logging": {"internal/accesslog"},

	"internal/accesslog": {"internal/process"},
	"internal/smoke":     {"internal/listen", "internal/options"},
	"internal/workers":   {"bridge", "internal/link", "internal/process"},
	"internal/devloop":   {"bridge"},
	"internal/stats":     {"bridge", "internal/listen", "internal/process"},
	"internal/top":       {"internal/stats"},
	"internal/metrics":   {"bridge", "internal/accesslog", "internal/process"},

	"cmd/gowsgi": {
		"bridge", "pyhost", "internal/dotenv", "internal/accesslog", "internal/listen", "internal/logging", "internal/metrics",
		"internal/options", "internal/stats", "internal/link", "internal/workers",
		"internal/devloop", "internal/watch",
		"internal/daemon", "internal/fifo", "internal/privilege",
		"internal/logfile", "internal/static", "internal/procname", "internal/touch", "internal/top", "internal/smoke",
	},
}

// allowed tells whether files of package from may import p, as far as these rules go.
func allowed(from, p string, test bool) bool {
	inModule, ours := strings.CutPrefix(p, module)
	switch {
	case p == "C", p == cpy3, inModule == "pyhost":
		// Also for tests: those of all else run where there is no Python.
		return from == "pyhost" || slices.Contains(mayImport[from], inModule)
	case !ours:
		return true
	case strings.HasPrefix(inModule, "cmd/"), from == "internal/blackbox":
		return false
	}
	return test || slices.Contains(mayImport[from], inModule)
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range sources(t, ".go") {
		from, test := path.Dir(name), strings.HasSuffix(name, "_test.go")
		file, _ := parsed(t, name)
		seen[from] = true
		for _, p := range imports(t, file) {
			if !allowed(from, p, test) {
				t.Errorf("%s imports %s: %s must not (see mayImport)", name, p, from)
			}
		}
	}
	for from := range mayImport {
		if !seen[from] {
			t.Errorf("there is no package %s any more: drop it from mayImport", from)
		}
	}
}

// comment matches a C comment or a string, which rules for code must not look into.
var comment = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"`)

// pythonAPI matches a name of CPython's C API.
var pythonAPI = regexp.MustCompile(`\b_?Py[A-Z_]\w*`)

// compat stands in for names that some CPythons lack, so that cpy3 compiles.
const compat = "pyhost/compat/Python.h"

// seamAlone is a program that runs the seam without Go, for scripts/stages.sh.
const seamAlone = "testdata/seam/seam.c"

// CPython is called in pyhost/ph_*.c alone. ph.h, which cgo reads, does not know it.
func TestPythonAPIIsInTheSeam(t *testing.T) {
	calls := 0
	for _, name := range sources(t, ".c", ".h", ".cc", ".cpp", ".hpp", ".s", ".S") {
		if name == seamAlone {
			continue
		}
		if ok, _ := path.Match("pyhost/ph*.[ch]", name); !ok && name != compat {
			t.Errorf("%s: C is in pyhost/ph_*.c and their headers", name)
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		names := pythonAPI.FindAllString(comment.ReplaceAllString(string(text), " "), -1)
		switch ok, _ := path.Match("pyhost/ph_*.[ch]", name); {
		case ok:
			calls += len(names)
		case name != compat && len(names) > 0:
			t.Errorf("%s uses %v", name, slices.Compact(slices.Sorted(slices.Values(names))))
		}
	}
	if calls < 100 {
		t.Errorf("only %d names of CPython found: does this test still read the seam?", calls)
	}
}

// cgo code is no way round it: neither C in the comment before `import "C"`, nor C.Py….
func TestGoDoesNotCallPython(t *testing.T) {
	for _, name := range cgoFiles(t) {
		file, set := parsed(t, name)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := cName(n); ok && pythonAPI.MatchString(s) {
				t.Errorf("%s uses C.%s", set.Position(n.Pos()), s)
			}
			return true
		})
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.IMPORT || g.Doc == nil {
				continue
			}
			preamble := comment.ReplaceAllString(g.Doc.Text(), " ")
			if names := pythonAPI.FindAllString(preamble, -1); len(names) > 0 || strings.Contains(preamble, "{") {
				t.Errorf("%s: its C comment has code: %v", name, names)
			}
		}
	}
}

// cName is NAME for a node that reads C.NAME.
func cName(n ast.Node) (name string, ok bool) {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	x, ok := s.X.(*ast.Ident)
	return s.Sel.Name, ok && x.Name == "C"
}

// hasC tells whether a type has C's in it.
func hasC(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if n != nil {
			_, ok := cName(n)
			found = found || ok
		}
		return !found
	})
	return found
}

// No type of C is in an exported name: callers see Go.
func TestNoExportedCType(t *testing.T) {
	exported := 0
	for _, name := range cgoFiles(t) {
		file, set := parsed(t, name)
		for _, d := range file.Decls {
			for what, n := range exportedTypes(d) {
				exported++
				if hasC(n) {
					t.Errorf("%s: exported %s has a type of C", set.Position(n.Pos()), what)
				}
			}
		}
	}
	if exported == 0 {
		t.Error("no exported name found: does this test still read pyhost?")
	}
}

// exportedTypes are the types that an exported declaration shows, by its name.
func exportedTypes(d ast.Decl) map[string]ast.Node {
	types := map[string]ast.Node{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() {
			types[d.Name.Name] = d.Type
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				addType(types, s)
			case *ast.ValueSpec:
				for i, name := range s.Names {
					// Without a type it is that of the value.
					if n := declared(s, i); name.IsExported() && n != nil {
						types[name.Name] = n
					}
				}
			}
		}
	}
	return types
}

func declared(s *ast.ValueSpec, i int) ast.Node {
	switch {
	case s.Type != nil:
		return s.Type
	case i < len(s.Values):
		return s.Values[i]
	}
	return nil
}

// addType adds what an exported type shows: a struct's exported and embedded fields, or all of it.
func addType(types map[string]ast.Node, s *ast.TypeSpec) {
	if !s.Name.IsExported() {
		return
	}
	structure, ok := s.Type.(*ast.StructType)
	if !ok {
		types[s.Name.Name] = s.Type
		return
	}
	for i, field := range structure.Fields.List {
		if len(field.Names) == 0 || slices.ContainsFunc(field.Names, (*ast.Ident).IsExported) {
			types[fmt.Sprintf("%s, field %d", s.Name.Name, i+1)] = field.Type
		}
	}
}
