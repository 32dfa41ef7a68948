package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFrom(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b", "c"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(filepath.Join(root, "a", "b"), link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ dir, path, want string }{
		{root, "c", "c"},
		{link, ".", "a/b"},
		{link, "..", "a"},
		{link, "../../c", "c"},
		{link, "..//", "a"},
		{filepath.Join(root, "c"), "../link/..", "a"},
	} {
		t.Chdir(from(test.dir, test.path)) // it is the system that tells
		got, err := filepath.EvalSymlinks("/proc/self/cwd")
		if err != nil {
			t.Skip("needs /proc")
		}
		if want := filepath.Join(root, test.want); got != want {
			t.Errorf("from %s, %s leads to %s, want %s", test.dir, test.path, got, want)
		}
	}
}
