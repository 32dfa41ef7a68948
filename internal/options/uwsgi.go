package options

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/gowsgi/gowsgi/internal/uwsgiconf"
)

const uwsgiPrefix = "UWSGI_"

// uwsgiOwn are variables that uWSGI sets itself.
var uwsgiOwn = []string{"original-proc-name", "reloads", "vassal", "emperor-fd", "emperor-fd-config", "emperor-proxy", "jail", "reload-os-env"}

// isConfiguration tells that the word is a configuration file, and no app: uwsgi.ini, uwsgi.ini:section.
func isConfiguration(word string) bool {
	path, _, _ := strings.Cut(word, ":")
	switch filepath.Ext(path) {
	case ".ini", ".yml", ".yaml", ".json", ".js", ".xml":
		return true
	}
	return false
}

// addConfiguration notes a file that stands in the place of the app.
func (s *Settings) addConfiguration(word string) error {
	path, _, _ := strings.Cut(word, ":")
	switch filepath.Ext(path) {
	case ".ini":
		return s.Set("ini", word, CommandLine)
	case ".yml", ".yaml":
		return s.Set("yaml", word, CommandLine)
	case ".json":
		// json is no option of subcommands: there it is a report's
		s.config.JSONConfig = append(s.config.JSONConfig, word)
		return nil
	}
	return UsageError(word + ": configurations are .ini, .yaml or .json files here; write it as one of these")
}

// ReadFiles reads UWSGI_* variables and the configuration files that were named. Everything else comes before, but for
// Config. The error is the first mistake.
func (s *Settings) ReadFiles(environ []string) error {
	if err := s.readUWSGIEnviron(environ); err != nil {
		return err
	}
	for _, list := range [][]string{s.config.Ini, s.config.YAML, s.config.JSONConfig} {
		for _, ref := range list {
			if err := s.readFile(ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check reads a configuration file as ReadFiles does, and goes on at mistakes: Remarks has them all. The error is a file that can't be
// read.
func (s *Settings) Check(ref string, environ []string) error {
	s.lenient = true
	if !isConfiguration(ref) {
		return UsageError(fmt.Sprintf("%s is no configuration (.ini, .yaml, .json); gowsgi --check tries an app", ref))
	}
	if err := s.addConfiguration(ref); err != nil {
		return err
	}
	return s.ReadFiles(environ)
}

// readUWSGIEnviron reads uWSGI's variables: UWSGI_FOO_BAR=x is foo-bar = x. An empty one counts as not set.
func (s *Settings) readUWSGIEnviron(environ []string) error {
	environ = slices.Clone(environ)
	sort.Strings(environ)
	for _, variable := range environ {
		key, value, _ := strings.Cut(variable, "=")
		name, ours := strings.CutPrefix(key, uwsgiPrefix)
		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if !ours || value == "" || slices.Contains(uwsgiOwn, name) {
			continue
		}
		if err := s.setting(uwsgiconf.Directive{Key: name, Value: value}, UWSGIEnviron, false); err != nil {
			return err
		}
	}
	return nil
}

// before is what files may refer to: what command line and variables have set.
func (s *Settings) before() (list []uwsgiconf.Directive) {
	for _, o := range s.config.UWSGIOpt {
		list = append(list, uwsgiconf.Directive{Key: o.Key, Value: o.Value, Bare: o.Bare})
	}
	for _, pair := range s.config.Placeholders {
		key, value, _ := strings.Cut(pair, "=")
		list = append(list, uwsgiconf.Directive{Key: key, Value: value})
	}
	return list
}

func (s *Settings) readFile(ref string) error {
	reader := uwsgiconf.Reader{Before: s.before()}
	result, err := reader.Read(ref)
	if err != nil {
		return UsageError(err.Error())
	}
	for _, file := range result.Files {
		if path, err := filepath.Abs(file); err == nil {
			s.config.Files = append(s.config.Files, path)
		}
	}
	for _, d := range result.Directives {
		if err := s.setting(d, File, result.Referenced[d.Key]); err != nil {
			return err
		}
	}
	for _, n := range result.Notes {
		s.place = place{n.File, n.Line, n.Key}
		level := Level(n.Level)
		s.remark(level, n.Text)
		if level == Wrong && !s.lenient {
			return UsageError(s.remarks[len(s.remarks)-1].String())
		}
	}
	s.arrange()
	return s.checkStrict()
}

// arrange has the remarks stand in the order of files, as they were read, and of lines.
func (s *Settings) arrange() {
	order := map[string]int{}
	for _, r := range s.remarks {
		if _, seen := order[r.File]; !seen {
			order[r.File] = len(order)
		}
	}
	slices.SortStableFunc(s.remarks, func(a, b Remark) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line))
	})
}

// checkStrict is strict: wherever it stands, it is about the whole.
func (s *Settings) checkStrict() error {
	if !s.config.Strict || s.lenient {
		return nil
	}
	for _, r := range s.remarks {
		if r.Fate == fateUnknown && r.File != "" {
			return UsageError(r.String() + " (strict refuses it)")
		}
	}
	return nil
}

// languageKeys are of the configuration's own language: they have been acted on.
var languageKeys = []string{"ini", "yaml", "yml", "json", "include", "inherit", "set-placeholder", "set-ph"}

// setting takes one setting of a file or a variable of uWSGI's. referenced: the key is used as %(key).
func (s *Settings) setting(d uwsgiconf.Directive, from Source, referenced bool) error {
	s.read = true
	s.place = place{d.File, d.Line, d.Key}
	if from == UWSGIEnviron {
		s.place.Key = from.name(d.Key)
	}
	s.config.UWSGIOpt = append(s.config.UWSGIOpt, Opt{Key: d.Key, Value: d.Value, Bare: d.Bare})
	if from == File && slices.Contains(languageKeys, d.Key) {
		return nil
	}
	err := s.trySetting(d, from, referenced)
	if err == nil {
		return nil
	}
	var usage UsageError
	if !errors.As(err, &usage) {
		return err
	}
	s.about(fateNote, d.Value, Wrong, err.Error())
	if known := find("", d.Key); known != nil && known.Fate == Refused {
		s.remarks[len(s.remarks)-1].Fate = Refused.String()
	}
	if s.lenient {
		return nil
	}
	return UsageError(s.remarks[len(s.remarks)-1].String())
}

func (s *Settings) trySetting(d uwsgiconf.Directive, from Source, referenced bool) error {
	o := find("", d.Key)
	if o == nil || o.ArgsOnly || o.Command != "" {
		s.unknownSetting(d, from, referenced)
		return nil
	}
	if o.foreign() && o.Become == nil { // its value matters only in that it may be none
		return s.setForeign(o, d.Key, d.Value, from)
	}
	value, ok := s.tolerate(o, d)
	if !ok {
		return nil
	}
	if o.foreign() {
		return s.setForeign(o, d.Key, value, from)
	}
	if from < s.from[o.Name] {
		s.about(o.Fate.String(), d.Value, Info, "overruled by a stronger source")
		return nil
	}
	if err := s.assign(o, value, from); err != nil {
		return err
	}
	s.about(o.Fate.String(), d.Value, Info, o.remarkText())
	return nil
}

// remarkText is what a report says of an option of gowsgi's own.
func (o *Option) remarkText() string {
	switch {
	case o.Say != "":
		return o.Say
	case o.UWSGI == "None.":
		return "gowsgi's own; uWSGI ignores it"
	case o.UWSGI == "" || o.UWSGI == "Same.":
		return ""
	}
	text := strings.TrimSuffix(o.UWSGI, ".")
	if rest, same := strings.CutPrefix(text, "Same"); same {
		return "uWSGI has the same" + rest
	}
	return "uWSGI: " + text
}

// unknownSetting says what is known of a key that is no option.
func (s *Settings) unknownSetting(d uwsgiconf.Directive, from Source, referenced bool) {
	if referenced {
		s.about(fatePlaceholder, d.Value, Info, "")
		return
	}
	text := "uWSGI ignores this key, and so does gowsgi"
	if o, guess := suggest("", d.Key); o != nil && !o.ArgsOnly && o.Command == "" {
		text += "; did you mean " + guess + "?"
	}
	level := Warning
	if from == UWSGIEnviron {
		level = Info // it may be meant for somebody else
	}
	s.about(fateUnknown, d.Value, level, text)
}

// setForeign acts on an option that only uWSGI has.
func (s *Settings) setForeign(o *Option, name, value string, from Source) error {
	if off, known := parseBool(value); o.Fate == Refused && known && !off && from != CommandLine {
		s.about(NotNeeded.String(), value, Info, "it is switched off; safe to delete")
		return nil
	}
	if o.Fate == Refused {
		if from == CommandLine {
			return o.refusal(from, name)
		}
		return UsageError(o.Say)
	}
	if from == File || from == UWSGIEnviron {
		level := Info
		if o.Loud {
			level = Warning
		}
		s.about(o.Fate.String(), value, level, o.Say)
	} else if o.Loud {
		s.warn(fmt.Sprintf("%s: %s: %s", from.name(name), o.Fate, o.Say))
	}
	if o.Become == nil {
		return nil
	}
	pairs, err := o.Become(value)
	if err != nil {
		if from == CommandLine {
			return UsageError(from.name(name) + ": " + err.Error())
		}
		return err
	}
	for _, p := range pairs {
		if p.name == "logto" && s.config.LogTo != "" && s.config.LogTo != p.value {
			s.remark(Warning, fmt.Sprintf("all logs go to one file: %s takes the place of %s", quote(p.value), quote(s.config.LogTo)))
		}
		if err := s.assign(find("", p.name), p.value, from); err != nil {
			return err
		}
	}
	return nil
}

// assign is Set for one of gowsgi's own options in another one's name.
func (s *Settings) assign(o *Option, value string, from Source) error {
	if from < s.from[o.Name] {
		return nil
	}
	again := from == s.from[o.Name]
	if !o.read(&s.config, value, again) {
		return UsageError(fmt.Sprintf("%s: want %s", quote(value), o.want()))
	}
	s.from[o.Name] = from
	return nil
}

// refusal is the error for an option that gowsgi does not do.
func (o *Option) refusal(from Source, name string) error {
	return UsageError(fmt.Sprintf("%s: not supported: %s", from.name(name), o.Say))
}

// note keeps an option of the command line for the app's uwsgi.opt.
func (s *Settings) note(o *Option, name, value string) {
	if len(name) == 1 {
		name = o.Name
	}
	s.config.UWSGIOpt = append(s.config.UWSGIOpt, Opt{Key: name, Value: value, Bare: o.Kind == Bool && value == o.Bare})
}

// tolerate makes of a value what uWSGI makes of it, where gowsgi's own reading is stricter, and says so. False: the setting is to be
// left out.
func (s *Settings) tolerate(o *Option, d uwsgiconf.Directive) (value string, ok bool) {
	value = d.Value
	if d.Bare || value == "" && o.Kind != String && o.Kind != List {
		if o.Bare == "" {
			s.about(fateNote, "", Warning, "it has no value, and is left out")
			return "", false
		}
		return o.Bare, true
	}
	switch o.Kind {
	case Bool:
		if _, known := parseBool(value); !known {
			s.about(fateNote, value, Warning, fmt.Sprintf("%s is true: uWSGI takes every word for that but false, off, no and 0", quote(value)))
			return "true", true
		}
	case Int, Size, Seconds:
		return s.tolerateNumber(o, value)
	default:
		if o.Name == "processes" && value != "auto" {
			return s.tolerateNumber(o, value)
		}
	}
	return value, true
}

func (s *Settings) tolerateNumber(o *Option, value string) (string, bool) {
	if o.Field != nil && o.read(new(Config), value, false) {
		return value, true
	}
	digits := value[:len(value)-len(strings.TrimLeft(value, "0123456789"))]
	switch digits {
	case value: // a number, but not one that the option takes
		return value, true
	case "":
		if o.Bare != "" {
			return value, true
		}
		s.about(fateNote, value, Warning, fmt.Sprintf("%s is no number: uWSGI reads 0 there, gowsgi leaves it out", quote(value)))
		return "", false
	}
	if o.Kind == Size || o.Kind == Seconds { // 10m and 500ms are gowsgi's own
		if _, ok := (&Option{Kind: Size}).parseSize(value); ok {
			return value, true
		}
		if _, ok := parseSeconds(value); ok {
			return value, true
		}
	}
	s.about(fateNote, value, Warning, fmt.Sprintf("%s is read as %s, as uWSGI does", quote(value), digits))
	return digits, true
}

// Words are the options of the command line that say what files and uWSGI's variables have said.
func (s *Settings) Words() (words []string) {
	for i := range Table {
		o := &Table[i]
		if from := s.from[o.Name]; o.foreign() || o.ArgsOnly || from != File && from != UWSGIEnviron || slices.Contains(languageKeys, o.Name) {
			continue
		}
		switch value := o.Field(&s.config).(type) {
		case *bool:
			if !*value {
				words = append(words, "--"+o.Name+"=false")
				continue
			}
			words = append(words, "--"+o.Name)
		case *[]string:
			list := *value
			if o.Kind == Words {
				list = []string{shellquote.Join(list...)}
			}
			for _, one := range list {
				words = o.word(words, one)
			}
		default:
			words = o.word(words, o.text(&s.config))
		}
	}
	if s.oneThread() {
		words = append(words, "--threads", "1")
	}
	return words
}

// oneThread tells that there is a uWSGI configuration that says nothing of threads: uWSGI has one then, and its apps may never
// have met a second one.
func (s *Settings) oneThread() bool { return s.read && s.from["threads"] == Default }

// word appends an option with its value.
func (o *Option) word(words []string, value string) []string {
	if o.Bare != "" {
		return append(words, "--"+o.Name+"="+value)
	}
	return append(words, "--"+o.Name, value)
}

// text is the option's value as one would type it.
func (o *Option) text(c *Config) string {
	switch value := o.Field(c).(type) {
	case *string:
		return *value
	case *int:
		return strconv.Itoa(*value)
	case *int64:
		return strconv.FormatInt(*value, 10)
	case *time.Duration:
		return strconv.FormatFloat(value.Seconds(), 'f', -1, 64)
	case *fs.FileMode:
		return strconv.FormatUint(uint64(*value), 8)
	}
	return ""
}
