package static

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"
)

// systemTypes is read where it is.
const systemTypes = "/etc/mime.types"

// readTypes reads tables of types: the first that knows an ending has it.
func (f *Files) readTypes(files []string) error {
	f.types = map[string]string{}
	for _, name := range files {
		if err := f.readTable(name); err != nil {
			if p := (*fs.PathError)(nil); errors.As(err, &p) {
				err = p.Err
			}
			return fmt.Errorf("--mime-file %s: %w", name, err)
		}
	}
	_ = f.readTable(systemTypes) // many machines have none
	return nil
}

// readTable reads lines of a type and its endings.
func (f *Files) readTable(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		kind := strings.TrimSuffix(words[0], ";")
		if _, _, err := mime.ParseMediaType(kind); err != nil || !strings.Contains(kind, "/") {
			continue
		}
		for _, ending := range words[1:] {
			ending = "." + strings.ToLower(strings.TrimSuffix(ending, ";"))
			if _, known := f.types[ending]; !known {
				f.types[ending] = kind
			}
		}
	}
	return lines.Err()
}

// typeOf is the type of a file of that name, "" for none.
func (f *Files) typeOf(name string) string {
	ending := strings.ToLower(filepath.Ext(name))
	if ending == "" {
		return ""
	}
	if kind, ok := f.types[ending]; ok {
		return kind
	}
	return mime.TypeByExtension(ending)
}
