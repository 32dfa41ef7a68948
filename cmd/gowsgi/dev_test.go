package main

import (
	"slices"
	"testing"
)

func TestBrowserCommand(t *testing.T) {
	const url = "http://127.0.0.1:5000"
	for browser, want := range map[string][]string{
		"firefox":                  {"firefox", url},
		"firefox --new-window":     {"firefox", "--new-window", url},
		"'my browser' -u %s -x":    {"my browser", "-u", url, "-x"},
		"one %s:two":               {"one", url},
		"sh -c 'echo %s; exec $0'": {"sh", "-c", "echo " + url + "; exec $0"},
	} {
		if got, err := browserCommand(browser, url); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, error %v; want %q", browser, got, err, want)
		}
	}
	for _, browser := range []string{"'unclosed", " ", ":"} {
		if got, err := browserCommand(browser, url); err == nil {
			t.Errorf("%q: %q", browser, got)
		}
	}
	if got, err := browserCommand("", url); err != nil || len(got) != 2 || got[1] != url {
		t.Errorf("without BROWSER: %q, error %v", got, err)
	}
	if _, err := browserCommand("firefox", "http+unix://%2Fs"); err == nil {
		t.Error("a UNIX socket is opened")
	}
}
