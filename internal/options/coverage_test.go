package options

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// used are the options that real configurations have, by how often (a sample of 115).
const used = `processes workers master socket uwsgi-socket module wsgi wsgi-file file threads thread-stacksize callable chdir chdir2 http httprouter
vacuum chmod-socket chmod die-on-term uid gid immediate-uid immediate-gid add-gid http-socket enable-threads home virtualenv venv pyhome
pidfile pidfile2 safe-pidfile stats stats-server stats-http stats-minified logto logto2 buffer-size plugin plugins need-plugin plugins-dir
daemonize daemonize2 harakiri harakiri-graceful-timeout harakiri-queue-threshold harakiri-graceful-signal single-interpreter lazy-apps lazy env unenv
envdir static-map protocol socket-protocol mount pythonpath python-path pp ini memory-report max-requests max-requests-delta
max-worker-lifetime min-worker-lifetime need-app manage-script-name py-autoreload py-auto-reload python-autoreload python-auto-reload strict gevent
cache2 chown-socket thunder-lock touch-reload listen auto-procname procname-prefix procname-prefix-spaced cheaper cheaper-initial
cheaper-step cheaper-algo cheaper-overload log-format logformat logdate log-date disable-logging log-4xx log-5xx log-slow log-master logger
post-buffering offload-threads http-websockets worker-reload-mercy harakiri-verbose socket-timeout ignore-sigpipe ignore-write-errors
disable-write-exception reload-on-rss hook-master-start master-fifo http-keepalive http-chunked-input add-header rem-header limit-post pyargv
shared-socket py-tracebacker vhost emperor ini-paste log-maxsize static-safe idle cheap cgroup subscribe-to limit-as reload-on-as
touch-chain-reload show-config exit-on-reload locks no-orphans max-fd hook-pre-app evil-reload-on-rss static-index static-expires check-static
umask set-ph stop reload yaml json spooler mule cron attach-daemon`

// TestUsed: whatever real configurations have, there is an answer to it.
func TestUsed(t *testing.T) {
	for _, name := range strings.Fields(used) {
		if find("", name) == nil {
			t.Errorf("no row for %s", name)
		}
	}
	for _, letter := range strings.Split("pMswTHCdbtilRLzmyj", "") {
		if findShort("", letter) == nil {
			t.Errorf("no row for -%s", letter)
		}
	}
}

// TestForeign: each name that only uWSGI has is answered as its row says, alone on its line or with any value; what is refused may be
// switched off.
func TestForeign(t *testing.T) {
	for i := range Table {
		o := &Table[i]
		if !o.foreign() || o.Become != nil || o.ArgsOnly {
			continue
		}
		for _, name := range append([]string{o.Name}, o.Aliases...) {
			name = strings.Replace(name, "*", "x", 1)
			for _, line := range []string{name, name + " = true", name + " = some/thing", name + " = 5"} {
				s := New("")
				err := s.setting(directive(line), File, false)
				last := s.remarks[len(s.remarks)-1]
				if len(s.remarks) != 1 || last.Fate != o.Fate.String() || last.Text != o.Say || (err != nil) != (o.Fate == Refused) {
					t.Errorf("%s: %v, %+v", line, err, s.remarks)
				}
			}
			s := New("")
			if err := s.setting(directive(name+" = false"), File, false); err != nil {
				t.Errorf("%s = false: %v", name, err)
			}
		}
	}
}

// unanswered are what no row is about: the language's own keys, and what sets one of these from the command line.
const unanswered = "for for-glob for-readline for-times get if-dir if-directory if-env if-exists if-file if-hostname if-not-dir if-not-env " +
	"if-not-exists if-not-file if-not-hostname if-not-opt if-not-plugin if-not-reload if-opt if-plugin if-reload ifdir ifenv ifexists ifplugin " +
	"include inherit set"

// TestAllOfUWSGI: so has everything else that uWSGI's own help lists, but for what stands in unanswered.
func TestAllOfUWSGI(t *testing.T) {
	uwsgi := os.Getenv("GOWSGI_UWSGI")
	if uwsgi == "" {
		if os.Getenv("GOWSGI_NEED_PEERS") != "" {
			t.Fatal("GOWSGI_UWSGI does not say where uWSGI is")
		}
		t.Skip("needs uWSGI: scripts/test.sh installs it, GOWSGI_UWSGI says where it is")
	}
	help, _ := exec.Command(uwsgi, "--help").Output() // its exit code is 1 or 0, as it likes
	names := regexp.MustCompile(`(?m)^\s+(?:-.\|)?--([a-z0-9][a-z0-9-]*)`).FindAllSubmatch(help, -1)
	if len(names) < 500 {
		t.Fatalf("uwsgi --help lists %d options", len(names))
	}
	var without []string
	for _, name := range names {
		if o := find("", string(name[1])); o == nil && !slices.Contains(without, string(name[1])) {
			without = append(without, string(name[1]))
		}
	}
	slices.Sort(without)
	if got := strings.Join(without, " "); got != unanswered {
		t.Errorf("no row for %s\nwant for %s", got, unanswered)
	}
}
