package options

import (
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryFieldHasAnOption: each field of Config belongs to exactly one row, what no option says to none.
func TestEveryFieldHasAnOption(t *testing.T) {
	var c Config
	rows := make(map[uintptr][]string)
	for i := range Table {
		if Table[i].foreign() {
			continue
		}
		p := reflect.ValueOf(Table[i].Field(&c)).Pointer()
		rows[p] = append(rows[p], Table[i].Name)
	}
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		name, options := v.Type().Field(i).Name, rows[v.Field(i).Addr().Pointer()]
		want := 1
		if slices.Contains([]string{"Warnings", "UWSGIOpt", "Files"}, name) {
			want = 0
		}
		if len(options) != want {
			t.Errorf("Config.%s belongs to %v; want %d options", name, options, want)
		}
		delete(rows, v.Field(i).Addr().Pointer())
	}
	if len(rows) != 0 {
		t.Errorf("options without a field of Config: %v", rows)
	}
}

var fieldOf = map[Kind]reflect.Type{
	Bool:    reflect.TypeFor[*bool](),
	String:  reflect.TypeFor[*string](),
	List:    reflect.TypeFor[*[]string](),
	Words:   reflect.TypeFor[*[]string](),
	Int:     reflect.TypeFor[*int](),
	Size:    reflect.TypeFor[*int64](),
	Seconds: reflect.TypeFor[*time.Duration](),
	Mode:    reflect.TypeFor[*fs.FileMode](),
}

// TestTable checks what the code takes for granted about rows.
func TestTable(t *testing.T) {
	sane := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	family := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*-?[*]$`)
	seen := make(map[string]*Option)
	var topics []string
	for i := range Table {
		o := &Table[i]
		if o.foreign() {
			if o.Fate == Honoured || o.Say == "" || strings.HasSuffix(o.Say, ".") || o.Help != "" || o.Topic != topicUWSGI {
				t.Errorf("%s: a row of uWSGI's has a fate and says what becomes of it, without a full stop, and has no help", o.Name)
			}
		} else if got := reflect.TypeOf(o.Field(new(Config))); got != fieldOf[o.Kind] || o.Become != nil {
			t.Errorf("%s: kind %d with a field of %v", o.Name, o.Kind, got)
		}
		if o.Command != "" && !o.ArgsOnly {
			t.Errorf("%s: variables are read for gowsgi itself only", o.Name)
		}
		for _, name := range o.Names() {
			if other := seen[name]; other != nil && (other.Of(o.Command) || o.Of(other.Command)) {
				t.Errorf("%s is a name of %s and %s", name, other.Name, o.Name)
			}
			seen[name] = o
		}
		for _, name := range append([]string{o.Name}, o.Aliases...) {
			if !sane.MatchString(name) && !(o.foreign() && family.MatchString(name)) || len(name) < 2 {
				t.Errorf("bad long name %q", name)
			}
		}
		if len(o.Short) > 1 {
			t.Errorf("%s: short form %q", o.Name, o.Short)
		}
		if (o.Kind == Bool) != (o.Arg == "") || o.Kind == Bool && o.Bare != "true" {
			t.Errorf("%s: a switch has no Arg and Bare true; any other option has an Arg", o.Name)
		}
		for _, other := range []string{o.Needs, o.AtMost} {
			if other != "" && (o.Command != "" || find("", other) == nil) {
				t.Errorf("%s needs %s, which is no option of gowsgi itself", o.Name, other)
			}
		}
		if o.AtMost != "" && (o.Kind != Int && o.Kind != Seconds || find("", o.AtMost).Kind != o.Kind) {
			t.Errorf("%s can't be compared to %s", o.Name, o.AtMost)
		}
		if !o.foreign() && !strings.HasSuffix(o.Help, ".") {
			t.Errorf("%s: help is no sentence", o.Name)
		}
		if len(topics) == 0 || topics[len(topics)-1] != o.Topic {
			topics = append(topics, o.Topic)
		}
	}
	for i, topic := range topics {
		for _, other := range topics[:i] {
			if topic == other {
				t.Errorf("topic %q comes twice", topic)
			}
		}
	}
}

// TestDefaults: New ignores what read reports, so every default and bare value must be readable.
func TestDefaults(t *testing.T) {
	for i := range Table {
		o := &Table[i]
		if o.foreign() {
			continue
		}
		var c Config
		if o.Default != "" && !o.read(&c, o.Default, false) {
			t.Errorf("%s refuses its default %q", o.Name, o.Default)
		}
		if o.Bare != "" && !o.read(&c, o.Bare, false) {
			t.Errorf("%s refuses its bare value %q", o.Name, o.Bare)
		}
		if zero := reflect.ValueOf(o.Field(new(Config))).Elem().IsZero(); o.Default == "" && !zero {
			t.Errorf("%s: default isn't zero", o.Name)
		}
	}
	got, err := New("").Config()
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		HTTP: []string{"127.0.0.1:5000"}, Threads: 8, Queue: 1024, QueueTimeout: 30 * time.Second,
		LimitHead: 64 << 10, HeaderTimeout: 10 * time.Second, BodyTimeout: 30 * time.Second,
		SendTimeout: 60 * time.Second, IdleTimeout: 75 * time.Second, HarakiriGrace: 5 * time.Second,
		GILTimeout: time.Minute, DrainTimeout: 30 * time.Second,
		Processes: "1", CheaperStep: 1, CheaperIdle: 10 * time.Second, Mercy: 60 * time.Second,
		Protocol: "uwsgi", Locks: 1,
		Timeout: 30 * time.Second, Repeat: 1, Concurrency: 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("defaults\n got %+v\nwant %+v", got, want)
	}
}

func TestEnv(t *testing.T) {
	for name, want := range map[string]string{"ready-file": "GOWSGI_READY_FILE", "http": "GOWSGI_HTTP", "version": "", "check": "GOWSGI_CHECK"} {
		if got := find("", name).Env(); got != want {
			t.Errorf("%s: variable %q, want %q", name, got, want)
		}
	}
}
