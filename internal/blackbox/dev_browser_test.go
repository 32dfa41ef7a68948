package blackbox

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium opens a tab of a headless Chromium.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Fatal("no Chromium; install Debian's chromium")
	}
	ctx, cancelAll := context.WithTimeout(context.Background(), within(60*time.Second))
	t.Cleanup(cancelAll)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.Headless, chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox)
	ctx, cancel := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	return ctx
}

// evaluate is what an expression of a page comes to.
func evaluate[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// Clause: "request exception page renders, locals masked", "a copy-as-text button": in a real browser, under the
// page's own Content-Security-Policy.
func TestErrorPageInBrowser(t *testing.T) {
	run(t, app, func(t *testing.T, v variant) {
		s := v.start(t, launch{App: "dev", Args: []string{"--dev"}})
		ctx := chromium(t)
		if err := chromedp.Do(ctx, chromedp.Navigate("http://"+s.addr+"/boom?token="+hidden), chromedp.WaitVisible(chromedp.ID("copy"))); err != nil {
			t.Fatal(err)
		}
		if screen, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err != nil {
			t.Error(err)
		} else {
			keepScreenshot(t, screen)
		}
		if title := evaluate[string](ctx, t, `document.title`); !strings.HasPrefix(title, "ValueError: <i>boom</i>") {
			t.Errorf("title %q", title)
		}
		if colour := evaluate[string](ctx, t, `getComputedStyle(document.querySelector("h1")).color`); colour != "rgb(204, 51, 51)" {
			t.Errorf("the heading is %s: no style", colour)
		}
		open := evaluate[[]string](ctx, t, `[...document.querySelectorAll("details[open] .here")].map(e => e.textContent)`)
		if len(open) != 1 || !strings.Contains(open[0], "the line that failed") {
			t.Errorf("marked in open frames: %q", open)
		}
		shown := evaluate[string](ctx, t, `document.body.innerText`)
		// The clipboard's content is asked of a double: reading the real one wants a person's consent.
		evaluate[bool](ctx, t, `navigator.clipboard.writeText = async text => { window.copied = text }, true`)
		if err := chromedp.Do(ctx, chromedp.Click(chromedp.ID("copy"))); err != nil {
			t.Fatal(err)
		}
		if done, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.getElementById("copy").textContent == "Copied"`)); err != nil || !done {
			t.Fatalf("the button says nothing: %v", err)
		}
		copied := evaluate[string](ctx, t, `window.copied`)
		for text, words := range map[string][]string{
			shown:  {"see me", "password", "********", "<script>alert('xss')</script>"},
			copied: {"Traceback (most recent call last):", "visible = 'see me'", "GET http://"},
		} {
			for _, word := range words {
				if !strings.Contains(text, word) {
					t.Errorf("missing: %q in %.2000q", word, text)
				}
			}
			if strings.Contains(text, hidden) {
				t.Errorf("a secret is shown: %.2000q", text)
			}
		}
	})
}

// keepScreenshot puts a picture where CI takes it from: $GOWSGI_SCREENSHOTS.
func keepScreenshot(t *testing.T, picture []byte) {
	t.Helper()
	dir := os.Getenv("GOWSGI_SCREENSHOTS")
	if dir == "" {
		return
	}
	name := strings.ReplaceAll(t.Name(), "/", "-") + ".png"
	if err := os.WriteFile(filepath.Join(dir, name), picture, 0o600); err != nil {
		t.Error(err)
	}
}
