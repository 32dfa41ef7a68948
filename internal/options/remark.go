package options

import (
	"fmt"
	"strings"
)

// Level is how much a remark matters.
type Level int

// The levels.
const (
	Info    Level = iota // gowsgi check says it
	Warning              // and the start
	Wrong                // and there is no start
)

func (l Level) String() string { return [...]string{"info", "warning", "error"}[l] }

// Fates of settings that no option has.
const (
	fateUnknown     = "unknown"
	fatePlaceholder = "placeholder"
	fateNote        = "note" // it is about the line or the whole, not about what becomes of an option
)

// Fates names what may become of a setting.
func Fates() []string {
	return []string{Honoured.String(), Emulated.String(), NotNeeded.String(), Refused.String(), fateUnknown}
}

// place is where a setting stands: a file's line, or a variable.
type place struct {
	File string // "" for variables
	Line int    // from 1; 0: the file as a whole
	Key  string // as written
}

// MarshalText writes a level as its name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Remark is what there is to say about a setting of a configuration file, or about the whole of it (without a Key).
type Remark struct {
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"` // 0: unknown
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
	Fate  string `json:"fate"` // honoured, emulated, not needed, refused, unknown, placeholder; note
	Level Level  `json:"level"`
	Text  string `json:"text,omitempty"` // what follows "key: fate: "
}

// String is the remark as one line.
func (r Remark) String() string {
	var b strings.Builder
	if r.File != "" {
		b.WriteString(r.File)
		if r.Line > 0 {
			fmt.Fprintf(&b, ":%d", r.Line)
		}
		b.WriteString(": ")
	}
	parts := make([]string, 0, 3)
	for _, part := range []string{r.Key, r.Fate, r.Text} {
		if part != "" && part != fateNote {
			parts = append(parts, part)
		}
	}
	return b.String() + strings.Join(parts, ": ")
}

// Remarks are what reading the configuration files, and uWSGI's variables, has brought to light, in the order in which they were read.
func (s *Settings) Remarks() []Remark { return s.remarks }

// remark adds one about the setting that is being read.
func (s *Settings) remark(level Level, text string) { s.about(fateNote, "", level, text) }

func (s *Settings) about(fate, value string, level Level, text string) {
	s.remarks = append(s.remarks, Remark{File: s.place.File, Line: s.place.Line, Key: s.place.Key, Value: value, Fate: fate, Level: level, Text: text})
}

// judge has the log of the start warn of what matters, and adds what is to be said of the whole.
func (s *Settings) judge() {
	for _, r := range s.remarks {
		if r.Level == Warning {
			s.warn(r.String())
		}
	}
	if s.read {
		s.place = place{}
		s.generalRemarks()
	}
}

// given tells whether some name was given in a file or variable, as true or with a value.
func (s *Settings) given(names ...string) bool {
	for _, o := range s.config.UWSGIOpt {
		for _, name := range names {
			if o.Key == name {
				if value, ok := parseBool(o.Value); !ok || value {
					return true
				}
			}
		}
	}
	return false
}

// generalRemarks are those that need more than one setting to be seen.
func (s *Settings) generalRemarks() {
	c := &s.config
	if s.given("master", "M") && !s.given("die-on-term") {
		s.remark(Info, "SIGTERM: uWSGI reloads without die-on-term; gowsgi always ends in order, and SIGHUP reloads")
	}
	if s.oneThread() {
		s.remark(Info, "a uWSGI configuration without threads means one for each process, also here; with threads = 8, which costs nothing, "+
			"slow requests do not hold up others, if the app may run in threads")
	}
	if c.Workers() > 1 && !s.given("lazy-apps", "lazy") {
		s.remark(Info, fmt.Sprintf("the app is imported in each of the %d worker processes: what its modules do at import "+
			"(migrations, schedulers, temporary files) is done that often, and memory is not shared copy-on-write", c.Workers()))
	}
	if len(c.HTTP) > 0 && len(c.Socket) > 0 {
		s.remark(Info, "all addresses lead to the same server; there is no router process")
	}
	if c.Module != "" && c.Callable == "" && c.File == "" {
		s.remark(Info, fmt.Sprintf("module %s names no callable: uWSGI wants application there; gowsgi takes app, too, and says so", quote(c.Module)))
	}
}
