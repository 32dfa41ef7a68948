package blackbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// documented is every command that README.md and docs print in a block of shell, without its
// comment, and the test that it does what it says. A block that starts something in the
// background is one command.
var documented = map[string]func(t *testing.T, command string){
	"./scripts/run.sh":  runsFlaskHello,
	"./scripts/test.sh": isProgram, // it runs this test

	"gowsgi --http :5000 --wsgi-file app.py":                serves("application"),
	"gowsgi --http :5000 --module app --callable app":       serves("app"),
	"gowsgi --http :5000 --wsgi-file app.py --callable app": serves("app"),
	"gowsgi --http :5000 -w app:app":                        serves("app"),
	"gowsgi -w 'app:create_app()'":                          serves("create_app default False"),
	`gowsgi -w 'app:create_app("test", debug=True)'`:        serves("create_app test True"),
	"gowsgi app:app": serves("app"),
	"gowsgi app.py":  serves("application"),
	"gowsgi":         serves("app"),

	"gowsgi --dev app:app":             serves("app"),
	"gowsgi --dev --open app:app":      opensBrowser,
	"gowsgi --dev --threads 1 app:app": serves("app"),

	"gowsgi --http :5000 -p 2 app:app":                               serves("app"),
	"gowsgi --stats 127.0.0.1:9191 --metrics 127.0.0.1:9100 app:app": showsFigures,

	"gowsgi top 127.0.0.1:9191":                                      showsTop,
	"gowsgi smoke --module app --callable app":                       smokes(0, "GET /login"),
	"gowsgi smoke app:app --get / --get /login=200 --get /admin=302": smokes(0, "3 passed"),
	"gowsgi smoke app:app --checks smoke.yaml --junit report.xml":    smokes(0, "2 passed"),
	"gowsgi smoke app:app -- pytest tests/e2e":                       smokes(5, "front page, tests/e2e"),
	"gowsgi routes app:app":                                          smokes(0, "ENDPOINT"),

	"gowsgi check uwsgi.ini":          checksIni,
	"gowsgi check --strict uwsgi.ini": checksIni,
	"gowsgi check --json uwsgi.ini":   checksIni,
	"gowsgi uwsgi.ini":                servesIni,

	"gowsgi --socket 127.0.0.1:3031 app:app":                                       servesNginx("uwsgi-tcp"),
	"gowsgi --socket /run/app/app.sock --chmod-socket=660 app:app":                 servesNginx("uwsgi-unix"),
	"gowsgi --http 127.0.0.1:5000 --trusted-proxy 127.0.0.1/32 app:app":            servesNginx("proxy-tcp"),
	"gowsgi --http unix:/run/app/http.sock --trusted-proxy unix app:app":           servesNginx("proxy-unix"),
	"gowsgi --socket /run/app/app.sock --manage-script-name --mount /shop=app:app": servesNginx("mounted"),

	"gowsgi --http 127.0.0.1:0 --ready-file ready.json app:app &\n" +
		"until [ -s ready.json ]; do sleep 0.1; done": waitsUntilReady,
}

// documentedApp is an app.py that has all that the commands name.
var documentedApp = bare("application", "application") + flask("app", "app") + `
def create_app(name="default", debug=False):
    made = Flask(__name__)
    made.add_url_rule("/", view_func=lambda: f"create_app {name} {debug}")
    return made
`

// Nothing that the documents tell people to type is left untried.
func TestDocumentedCommands(t *testing.T) {
	printed := map[string]bool{}
	for _, file := range documents(t) {
		for _, block := range shellBlocks(t, file) {
			for _, command := range block.commands() {
				try, ok := documented[command]
				if !ok {
					t.Errorf("%s: nothing tests the command\n%s\nteach readme_test.go", block.at, command)
				} else if !printed[command] {
					t.Run(command, func(t *testing.T) { try(t, command) })
				}
				printed[command] = true
			}
		}
	}
	for command := range documented {
		if !printed[command] {
			t.Errorf("no document prints this command any more, take it out of readme_test.go:\n%s", command)
		}
	}
}

// documents are README.md and docs, without what is generated from the table of options.
func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repo, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "options.md" })
	return append(files, filepath.Join(repo, "README.md"))
}

// shellBlock is a fenced block of shell.
type shellBlock struct {
	at    string // file:line of its first line
	lines []string
}

func shellBlocks(t *testing.T, file string) (blocks []shellBlock) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inside, shell := false, false
	for i, line := range strings.Split(string(text), "\n") {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && !inside:
			inside, shell = true, slices.Contains([]string{"sh", "bash", "shell", "console"}, language)
			if shell {
				blocks = append(blocks, shellBlock{at: fmt.Sprintf("%s:%d", filepath.Base(file), i+2)})
			}
		case fence:
			inside, shell = false, false
		case shell:
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, line)
		}
	}
	return blocks
}

var shellComment = regexp.MustCompile(`(^|\s+)# .*$`)

// commands are the block's lines without comments, or all of it when it is a script.
func (b shellBlock) commands() (commands []string) {
	script := false
	for _, line := range b.lines {
		line = strings.TrimSpace(shellComment.ReplaceAllString(line, ""))
		line = strings.TrimPrefix(line, "$ ")
		if line == "" {
			continue
		}
		script = script || strings.HasSuffix(line, "&")
		commands = append(commands, line)
	}
	if script {
		return []string{strings.Join(commands, "\n")}
	}
	return commands
}

// shellWords are the arguments that a shell makes of a command line of gowsgi's.
func shellWords(t *testing.T, command string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `gowsgi() { printf '%s\0' gowsgi "$@"; }; `+command).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")[1:]
}

// serves tests a command as it is printed, but for the port: its app answers text on /.
func serves(text string) func(*testing.T, string) {
	return func(t *testing.T, command string) {
		args := shellWords(t, strings.ReplaceAll(command, "--http :5000", "--http :0"))
		s := single.start(t, launch{
			Bare: true, Dir: folder(t, "app.py", documentedApp), Args: args, Env: []string{"GOWSGI_HTTP=127.0.0.1:0"},
		})
		s.get(t, "/").want(t, 200, text)
	}
}

// opensBrowser tests a command as it is printed, with a browser that only tells that it was opened.
func opensBrowser(t *testing.T, command string) {
	s := single.start(t, launch{
		Bare: true, Dir: folder(t, "app.py", documentedApp), Args: shellWords(t, command),
		Env: []string{"GOWSGI_HTTP=127.0.0.1:0", `BROWSER=sh -c 'echo %s >"$SCRATCH/opened"'`},
	})
	eventually(t, "the browser was opened", func() bool {
		text, err := os.ReadFile(filepath.Join(s.scratch, "opened"))
		return err == nil && string(text) == s.ready.URL+"\n"
	})
}

// showsFigures tests a command as it is printed, but for the ports.
func showsFigures(t *testing.T, command string) {
	command = strings.NewReplacer(":9191", ":0", ":9100", ":0").Replace(command)
	s := single.start(t, launch{
		Bare: true, Dir: folder(t, "app.py", documentedApp), Args: shellWords(t, command), Env: []string{"GOWSGI_HTTP=127.0.0.1:0"},
	})
	s.get(t, "/").want(t, 200, "app")
	eventually(t, "the stats have the request", func() bool { return s.stats(t).Workers[0].Requests == 1 })
	eventually(t, "the metrics have the request", func() bool { return s.metric(t, "gowsgi_requests_total", "2xx") == 1 })
}

// showsTop tests a command as it is printed, but for the port.
func showsTop(t *testing.T, command string) {
	s := single.start(t, launch{App: "limits", Args: []string{"--stats", "127.0.0.1:0"}})
	terminal(t, "requests.*WORKER.*idle.*no request runs=q", append([]string{binary}, shellWords(t, strings.Replace(command, "127.0.0.1:9191", s.ready.Stats, 1))...)...)
}

// isProgram tests no more than that a script is there to be run.
func isProgram(t *testing.T, command string) {
	if info, err := os.Stat(filepath.Join(repo, command)); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("%s is no program: %v", command, err)
	}
}

// spawned is a process of ours in a group of its own.
type spawned struct {
	*exec.Cmd
	log    *logged
	exited chan struct{}
}

func spawn(t *testing.T, cmd *exec.Cmd) *spawned {
	t.Helper()
	p := &spawned{cmd, newLogged(), make(chan struct{})}
	cmd.Stderr = p.log
	if cmd.Stdout == nil {
		cmd.Stdout = p.log
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-p.exited
		if t.Failed() {
			t.Logf("%q, its stderr:\n%s", cmd.Args, p.log.tail(30))
		}
	})
	return p
}

// wantEnd asserts that the process ends by itself, well, and that its group is empty then.
func (p *spawned) wantEnd(t *testing.T) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(within(20 * time.Second)):
		t.Fatalf("%q does not end", p.Args)
	}
	if !p.ProcessState.Success() {
		t.Errorf("%q: %v", p.Args, p.ProcessState)
	}
	if left := survivors(p.Process.Pid, nil); len(left) > 0 {
		t.Errorf("%q left behind: %v", p.Args, left)
	}
}

// end sends TERM and asserts a clean end.
func (p *spawned) end(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wantEnd(t)
}

// ready waits until a ready file has its line, or the process has ended.
func (p *spawned) ready(t *testing.T, file string, d time.Duration) (line ready) {
	t.Helper()
	soon(d, func() bool {
		select {
		case <-p.exited:
			t.Fatalf("%q ended: %v", p.Args, p.ProcessState)
		default:
		}
		text, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(text, &line) == nil
	})
	if line.URL == "" {
		t.Fatalf("%s has no ready line after %v", file, d)
	}
	return line
}

// wantAnswer asserts that a GET is answered 200 with the text.
func wantAnswer(t *testing.T, url, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || string(body) != text {
		t.Fatalf("GET %s: %s %.300q, %v; want %q", url, answer.Status, body, err, text)
	}
}

// waitsUntilReady runs a snippet for CI as it is printed. What it has put in the background
// must answer as soon as the snippet is through.
func waitsUntilReady(t *testing.T, script string) {
	dir, path := folder(t, "app.py", documentedApp), t.TempDir()
	if err := os.Symlink(binary, filepath.Join(path, "gowsgi")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-e", "-c", script+"\nread line\nkill $!\nwait $!")
	cmd.Dir = dir
	cmd.Env = append(environ(t.TempDir()), "GOWSGI_VIRTUALENV="+venv, "PATH="+path+string(filepath.ListSeparator)+os.Getenv("PATH"))
	goOn, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := spawn(t, cmd)
	line := p.ready(t, filepath.Join(dir, "ready.json"), within(60*time.Second))
	wantAnswer(t, line.URL, "app")
	if _, err := io.WriteString(goOn, "\n"); err != nil {
		t.Fatal(err)
	}
	p.wantEnd(t)
}

// runsFlaskHello runs the script that sets everything up, with a free port. It builds
// bin/gowsgi, so it runs where that is what is tested.
func runsFlaskHello(t *testing.T, command string) {
	isProgram(t, command)
	if testing.Short() || binary != filepath.Join(repo, "bin", "gowsgi") || venv != filepath.Join(repo, ".venv") {
		t.Skip("another program is under test")
	}
	file := filepath.Join(t.TempDir(), "ready.json")
	cmd := exec.Command(command, "--http", "127.0.0.1:0", "--ready-file", file)
	cmd.Dir = repo
	// As it is, with $PYTHON: another one would have .venv made anew.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GOWSGI_") })
	p := spawn(t, cmd)
	line := p.ready(t, file, within(5*time.Minute))
	wantAnswer(t, line.URL+"/", "<p>Hello, World!</p>\n")
	p.end(t)
}

// Every route of examples/flask_hello, which is served as the README in its folder says.
func TestFlaskHello(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(repo, "examples", "flask_hello")
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	command := "gowsgi --http :5000 --module app --callable app"
	if !strings.Contains(string(readme), "`"+command+"`") {
		t.Errorf("%s/README.md does not print: %s", dir, command)
	}
	s := single.start(t, launch{Bare: true, Dir: dir, Args: shellWords(t, strings.Replace(command, ":5000", "127.0.0.1:0", 1))})
	answers := map[string]struct{ target, body string }{
		"/":             {"/", "<p>Hello, World!</p>\n"},
		"/hello/<name>": {"/hello/%3Cb%3E%20&%20Zo%C3%AB", "<p>Hello, &lt;b&gt; &amp; Zoë!</p>\n"},
		"/api/hello":    {"/api/hello", "{\"message\":\"Hello, World!\"}\n"},
	}
	for _, rule := range flaskRules(t, dir) {
		a, ok := answers[rule]
		if !ok {
			t.Errorf("nothing tests the example's route %s: teach readme_test.go", rule)
			continue
		}
		s.get(t, a.target).want(t, 200, a.body)
		delete(answers, rule)
	}
	if len(answers) > 0 {
		t.Errorf("the example has no such routes any more: %v", answers)
	}
	s.get(t, "/absent").wantStatus(t, 404)
	s.post(t, "/", "body").wantStatus(t, 405)
}

// flaskRules are the routes of the Flask app in a folder's app.py.
func flaskRules(t *testing.T, dir string) []string {
	t.Helper()
	const list = "from app import app\nfor r in app.url_map.iter_rules():\n    if r.endpoint != 'static': print(r.rule)"
	cmd := exec.Command(filepath.Join(venv, "bin", "python"), "-c", list)
	cmd.Dir, cmd.Env = dir, environ(t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
