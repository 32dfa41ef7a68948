package uwsgiconf

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// magic is what %d and its like stand for in one file.
type magic map[byte]string

// magic computes them. The capitals are those of the first file.
func (b *builder) magic(at source) magic {
	m := magic{}
	m.file(at.file, false)
	m.file(b.first, true)
	m['x'], m['X'] = asked(at.section), asked(b.section)
	dir, _ := os.Getwd()
	host, _ := os.Hostname()
	m['v'], m['h'], m['k'] = dir, host, strconv.Itoa(runtime.NumCPU())
	m['u'], m['g'] = strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid())
	m['U'], m['G'] = m['u'], m['g']
	if u, err := user.Current(); err == nil {
		m['U'] = u.Username
	}
	if g, err := user.LookupGroupId(m['g']); err == nil {
		m['G'] = g.Name
	}
	now := time.Now()
	m['t'], m['T'] = strconv.FormatInt(now.Unix(), 10), strconv.FormatInt(now.UnixMicro(), 10)
	m['V'] = "2.0"
	return m
}

// asked is a section's name as in uWSGI, where only one that was asked for has a name.
func asked(section string) string {
	if section == "uwsgi" {
		return ""
	}
	return section
}

// file sets what depends on a file's path.
func (m magic) file(path string, capital bool) {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	dir, base := filepath.Dir(abs), filepath.Base(abs)
	if resolved, err := filepath.EvalSymlinks(dir); err == nil { // a link to the file itself is not followed: apps-enabled/app.ini
		dir = resolved
		abs = filepath.Join(dir, base)
	}
	ext := strings.TrimPrefix(filepath.Ext(base), ".")
	values := map[byte]string{
		'o': path, 'p': abs, 's': base, 'n': strings.TrimSuffix(base, "."+ext), 'e': ext, 'd': strings.TrimSuffix(dir, "/") + "/", 'c': filepath.Base(dir),
	}
	for letter, value := range values {
		if capital {
			letter -= 'a' - 'A'
		}
		m[letter] = value
	}
	if capital {
		return
	}
	parts := strings.Split(strings.Trim(dir, "/"), "/")
	for i := range 10 {
		m['0'+byte(i)] = ""
		if i < len(parts) {
			m['0'+byte(i)] = parts[i]
		}
	}
}

// unmagic expands a value. "%%" is a percent sign; "%(" is left to expand.
func (b *builder) unmagic(at source, key, value string, m magic) string {
	if !strings.Contains(value, "%") {
		return value
	}
	var out strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' || i+1 == len(value) {
			out.WriteByte(value[i])
			continue
		}
		next := value[i+1]
		expansion, known := m[next]
		switch {
		case next == '(':
			out.WriteByte('%')
			continue
		case next == '%':
			out.WriteByte('%')
		case known:
			out.WriteString(expansion)
		default:
			b.note(Warning, at, key, fmt.Sprintf("%%%c stays as it is; uWSGI would delete it: write %%%%%c", next, next))
			out.WriteByte('%')
			out.WriteByte(next)
		}
		i++
	}
	return out.String()
}
