package dotenv

import (
	"os"
	"strings"
	"testing"
)

// enter makes a folder with the files the working directory.
func enter(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// unset forgets variables for the length of the test.
func unset(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoad(t *testing.T) {
	enter(t, map[string]string{
		".env": "# a comment\nDOT_SET=file\nexport DOT_A=one # comment\nDOT_B='two words'\nDOT_C=\"line 1\nline 2\"\n" +
			"DOT_D=${DOT_A}-four\nDOT_EMPTY=\n",
		".flaskenv": "DOT_A=weaker\nDOT_F=flask\n",
	})
	unset(t, "DOT_A", "DOT_B", "DOT_C", "DOT_D", "DOT_F")
	t.Setenv("DOT_SET", "outside")
	t.Setenv("DOT_EMPTY", "")
	found, err := Load()
	if err != nil || strings.Join(found, " ") != ".env .flaskenv" {
		t.Fatalf("found %q, error %v", found, err)
	}
	for name, want := range map[string]string{
		"DOT_SET": "outside", "DOT_A": "one", "DOT_B": "two words", "DOT_C": "line 1\nline 2", "DOT_D": "one-four",
		"DOT_F": "flask", "DOT_EMPTY": "",
	} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestNoFiles(t *testing.T) {
	enter(t, nil)
	if found, err := Load(); err != nil || len(found) > 0 {
		t.Errorf("found %q, error %v", found, err)
	}
}

func TestMalformed(t *testing.T) {
	for text, want := range map[string]string{
		"s3cret!\n":                                     ".env:1: ",
		"DOT_A=1\n\ns3cret! x=1\nDOT_B=2\n":             ".env:3: ",
		"DOT_A=\"one\ntwo\"\nDOT_B=\"s3cret\nDOT_C=3\n": ".env:3: ",
		"DOT_A=1\nDOT_B='s3cret":                        ".env:2: ",
	} {
		enter(t, map[string]string{".env": text})
		unset(t, "DOT_A", "DOT_B", "DOT_C")
		_, err := Load()
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: error %v, want one that begins %q", text, err, want)
		}
		if value, set := os.LookupEnv("DOT_A"); set {
			t.Errorf("%q: DOT_A is %q: half of a file was taken", text, value)
		}
	}
	enter(t, map[string]string{".flaskenv": "=\n"})
	if _, err := Load(); err == nil || !strings.HasPrefix(err.Error(), ".flaskenv:1: ") {
		t.Errorf("error %v", err)
	}
}
