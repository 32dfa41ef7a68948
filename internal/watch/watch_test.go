package watch

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// place is a directory with files that are watched.
type place struct {
	t   *testing.T
	dir string
	w   *Watcher
	n   int // writes
}

// ways are the two in which changes are noticed. Where the system tells of them, nothing else looks.
var ways = map[string]Config{
	"events": {Spare: time.Hour},
	"looks":  {Poll: 5 * time.Millisecond},
}

func inBothWays(t *testing.T, f func(t *testing.T, p *place)) {
	t.Helper()
	for name, config := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newPlace(t, config))
		})
	}
}

func newPlace(t *testing.T, config Config) *place {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config.Dir, config.Log = dir, slog.New(slog.DiscardHandler)
	p := &place{t: t, dir: dir, w: New(config)}
	t.Cleanup(p.w.Close)
	return p
}

func (p *place) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

// write saves a file with another size each time: the kernel's clock may show the same time for two saves.
func (p *place) write(name, text string) {
	p.t.Helper()
	p.n++
	p.put(name, text+strings.Repeat(".", p.n))
}

func (p *place) put(name, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) watch(files ...string) {
	for i := range files {
		files[i] = p.path(files[i])
	}
	p.w.Watch(Set{Files: files})
}

func (p *place) pattern(glob string) { p.w.Watch(Set{Patterns: []Pattern{{p.dir, glob}}}) }

// next is the next complete change.
func (p *place) next() Change {
	p.t.Helper()
	end := time.After(10 * time.Second)
	for {
		select {
		case c := <-p.w.Changes():
			if c.Complete {
				return c
			}
		case <-end:
			p.t.Fatal("no change was noticed")
		}
	}
}

// want waits for a complete change of just these files.
func (p *place) want(files ...string) {
	p.t.Helper()
	if got := p.next().Files; !slices.Equal(got, files) {
		p.t.Errorf("changed: %q, want %q", got, files)
	}
}

func TestSave(t *testing.T) {
	inBothWays(t, func(t *testing.T, p *place) {
		p.write("app.py", "1")
		p.watch("app.py")
		p.write("app.py", "22")
		p.want("app.py")
		p.write("app.py", "333")
		p.want("app.py")
	})
}

// A save that leaves size and second as they were is a change, too.
func TestSaveOfTheSameSize(t *testing.T) {
	inBothWays(t, func(t *testing.T, p *place) {
		p.put("app.py", "1")
		p.must(os.Chtimes(p.path("app.py"), time.Now(), time.Now().Add(-time.Second/2)))
		p.watch("app.py")
		for range 5 {
			p.put("app.py", "2")
			p.want("app.py")
		}
	})
}

// Editors write another file, and rename it.
func TestRename(t *testing.T) {
	inBothWays(t, func(t *testing.T, p *place) {
		p.write("app.py", "1")
		p.watch("app.py")
		for _, text := range []string{"2", "3"} {
			p.write(".app.py.swp", text)
			p.must(os.Rename(p.path(".app.py.swp"), p.path("app.py")))
			p.want("app.py")
		}
		p.must(os.Rename(p.path("app.py"), p.path("app.py~"))) // and vim with backupcopy=no
		p.write("app.py", "4")
		p.want("app.py")
	})
}

func TestComesAndGoes(t *testing.T) {
	inBothWays(t, func(t *testing.T, p *place) {
		p.watch(".env", "deep/er/conf.py")
		p.write(".env", "A=1")
		p.want(".env")
		p.must(os.Remove(p.path(".env")))
		p.want(".env")
		p.write("deep/er/conf.py", "")
		p.want("deep/er/conf.py")
		p.must(os.RemoveAll(p.path("deep")))
		p.want("deep/er/conf.py")
		p.write("deep/er/conf.py", "")
		p.want("deep/er/conf.py")
	})
}

// A file behind links changes with what they lead to, and when one of them is turned.
func TestLinks(t *testing.T) {
	inBothWays(t, func(t *testing.T, p *place) {
		p.write("releases/1/app.py", "1")
		p.write("releases/2/app.py", "2")
		p.write("shared/lib.py", "1")
		p.must(os.Symlink("releases/1", p.path("current")))
		p.must(os.Symlink(p.path("shared/lib.py"), p.path("lib.py")))
		p.watch("current/app.py", "lib.py")
		p.write("releases/1/app.py", "new")
		p.want("current/app.py")
		p.write("shared/lib.py", "new")
		p.want("lib.py")
		p.must(os.Symlink("releases/2", p.path("next")))
		p.must(os.Rename(p.path("next"), p.path("current")))
		p.want("current/app.py")
		p.write("releases/2/app.py", "newer")
		p.want("current/app.py")
	})
}

func TestPatterns(t *testing.T) {
	inBothWays(t, func(t *testing.T, p *place) {
		p.write("a.yaml", "1")
		p.write("sub/b.yaml", "1")
		p.pattern("**/*.yaml")
		p.write("a.yaml", "2")
		p.want("a.yaml")
		p.write("sub/b.yaml", "2")
		p.want("sub/b.yaml")
		p.write("sub/new/c.yaml", "1") // in a directory that was not there
		p.want("sub/new/c.yaml")
		p.write("sub/new/c.yaml", "2")
		p.want("sub/new/c.yaml")
		p.write("sub/b.yml", "")
		for _, dir := range []string{"__pycache__", ".git", "node_modules", "venv/lib"} {
			p.write("venv/pyvenv.cfg", "")
			p.write(dir+"/d.yaml", "1")
		}
		p.write(".#a.yaml", "")
		p.write("a.yaml~", "")
		p.write("z.yaml", "last") // what is not watched would come with it, or before
		p.want("z.yaml")
	})
}

func TestPatternWithoutDepth(t *testing.T) {
	inBothWays(t, func(t *testing.T, p *place) {
		p.write("conf/a.toml", "1")
		p.write("conf/deep/a.toml", "1")
		p.pattern("conf/*.toml")
		p.write("conf/deep/a.toml", "2")
		p.write("conf/a.toml", "2")
		p.want("conf/a.toml")
	})
}

// Many saves are one change, which is told of at once, and is complete when they are over.
func TestTogether(t *testing.T) {
	p := newPlace(t, Config{Spare: time.Hour, Quiet: 200 * time.Millisecond, Most: time.Hour})
	p.write("a.py", "1")
	p.write("b.py", "1")
	p.watch("a.py", "b.py")
	p.write("a.py", "2")
	if c := <-p.w.Changes(); c.Complete || !slices.Equal(c.Files, []string{"a.py"}) {
		t.Errorf("first %+v", c)
	}
	p.write("b.py", "2")
	if c := <-p.w.Changes(); c.Complete || !slices.Equal(c.Files, []string{"b.py"}) {
		t.Errorf("then %+v", c)
	}
	p.want("a.py", "b.py")
}

// Changes that do not come to an end are complete some time all the same.
func TestEndless(t *testing.T) {
	p := newPlace(t, Config{Spare: time.Hour, Quiet: time.Hour, Most: 300 * time.Millisecond})
	p.write("a.py", "1")
	p.watch("a.py")
	p.write("a.py", "2")
	p.want("a.py")
}

// A new set keeps what was seen of the old one: a change in between is not lost, and files that are new to it
// are none.
func TestNewSet(t *testing.T) {
	inBothWays(t, func(t *testing.T, p *place) {
		p.write("a.py", "1")
		p.write("b.py", "1")
		p.watch("a.py")
		p.watch("a.py", "b.py")
		p.write("b.py", "2")
		p.want("b.py")
		p.watch("b.py")
		p.write("a.py", "2")
		p.write("b.py", "3")
		p.want("b.py")
		p.w.Add(Set{Files: []string{p.path("a.py")}})
		p.write("a.py", "4")
		p.want("a.py")
	})
}

// A change that is made while nobody watches by event: between the last look and the new set.
func TestChangeBeforeNewSet(t *testing.T) {
	p := newPlace(t, Config{Poll: time.Hour})
	p.write("a.py", "1")
	p.watch("a.py")
	p.write("a.py", "2")
	p.watch("a.py", "b.py")
	p.want("a.py")
}

// Likewise for a file that comes to be.
func TestNewFileBeforeNewSet(t *testing.T) {
	p := newPlace(t, Config{Poll: time.Hour})
	p.pattern("**/*.yaml")
	p.write("new/a.yaml", "1")
	p.pattern("**/*.yaml")
	p.want("new/a.yaml")
}

// Names are relative to where people are, also by way of a link.
func TestNames(t *testing.T) {
	p := newPlace(t, Config{Spare: time.Hour})
	p.write("real/app.py", "1")
	p.must(os.Symlink("real", p.path("link")))
	w := New(Config{Dir: p.path("link"), Log: slog.New(slog.DiscardHandler), Spare: time.Hour})
	t.Cleanup(w.Close)
	p.w = w
	outside := filepath.Join(t.TempDir(), "x.py")
	w.Watch(Set{Files: []string{p.path("real/app.py"), outside}})
	p.write("real/app.py", "2")
	p.want("app.py")
	p.must(os.WriteFile(outside, nil, 0o600))
	p.want(outside)
}

// What nobody may take in any more is left out, and the log is told once.
func TestCap(t *testing.T) {
	dir := t.TempDir()
	s := Set{}
	for i := range maxFiles + 10 {
		s.Files = append(s.Files, filepath.Join(dir, strconv.Itoa(i)))
	}
	if l := s.look(); !l.capped || len(l.stamps) > maxFiles {
		t.Errorf("%d files, capped %v", len(l.stamps), l.capped)
	}
}

// Without the system's help, the files are looked at.
func TestGiveUp(t *testing.T) {
	p := newPlace(t, Config{Spare: time.Hour})
	p.write("a.py", "1")
	if p.w.events == nil {
		t.Skip("the file system tells nothing")
	}
	p.must(p.w.events.Close())
	s := &state{Watcher: &Watcher{config: p.w.config, changes: make(chan Change, 9)}, seen: (&Set{}).look(), watched: map[string]bool{}}
	s.ticker = time.NewTicker(time.Hour)
	events := p.w.events
	s.events = events
	s.giveUp(os.ErrInvalid)
	if s.events != nil || s.interval() != pollTime {
		t.Errorf("events %v, a look every %v", s.events, s.interval())
	}
	s.set.Files = []string{p.path("a.py")}
	s.watch(&Set{})
	p.write("a.py", "22")
	s.lookAgain()
	if !slices.Equal(s.pending, []string{"a.py"}) {
		t.Errorf("changed: %q", s.pending)
	}
}
