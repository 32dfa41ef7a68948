package blackbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// fronts are shapes with nginx between client and program. Their configurations are the ones that
// docs/nginx.md prints. nginx_table_test.go says which tests don't run so, and why.
var fronts = []shape{
	{name: "nginx-uwsgi", nginx: "uwsgi-tcp", every: true},
	{name: "nginx-uwsgi-unix", nginx: "uwsgi-unix"},
	{name: "nginx-proxy", nginx: "proxy-tcp"},
}

// What docs/nginx.md writes for the addresses, and the file that the test has in place of it.
const (
	docListen = "listen 80;"
	docTCP    = "127.0.0.1:3031"
	docHTTP   = "127.0.0.1:5000"
	docSocket = "/run/app/app.sock"
	docUnix   = "/run/app/http.sock"
	docStatic = "/srv/app/static/"
)

// nginx is a running nginx.
type nginx struct {
	addr string // where it listens
	log  *logged
	cmd  *spawned
}

// nginxPath is the program. Without one the test is skipped, or fails where it must be there.
func nginxPath(t *testing.T) string {
	t.Helper()
	return peer(t, "GOWSGI_NGINX", "nginx")
}

// peer is the path in a variable that scripts/peers.sh sets.
func peer(t *testing.T, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path != "" {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
		return path
	}
	if os.Getenv("GOWSGI_NEED_PEERS") == "1" {
		t.Fatalf("no %s: scripts/test.sh installs it and sets %s", name, variable)
	}
	t.Skipf("no %s: scripts/test.sh installs it and sets %s", name, variable)
	return ""
}

// forNginx are the options by which nginx reaches the program.
func (s *server) forNginx(t *testing.T) []string {
	t.Helper()
	switch s.shape.nginx {
	case "uwsgi-tcp":
		s.socket = ownAddress()
	case "uwsgi-unix":
		s.socket = filepath.Join(socketDir(t), "app.sock")
	case "proxy-tcp":
		return []string{"--trusted-proxy", "127.0.0.1/32"}
	default:
		return nil
	}
	return []string{"--socket", s.socket}
}

// putBehindNginx starts nginx in front of a server that is ready. The test's requests go to nginx
// from then on.
func (s *server) putBehindNginx(t *testing.T) {
	t.Helper()
	old, now := docHTTP, s.addr
	switch s.shape.nginx {
	case "uwsgi-tcp":
		old, now = docTCP, s.socket
	case "uwsgi-unix":
		old, now = docSocket, s.socket
	}
	s.nginx = startNginx(t, s.shape.nginx, old, now)
	s.addr = s.nginx.addr
}

var lastPort atomic.Int32

// ownAddress is a loopback address that nothing else uses: not 127.0.0.1, where each port may be
// somebody's by the time that a server binds it. Its port is free on all other addresses, too, and
// none that the system gives away.
func ownAddress() string {
	pid := os.Getpid()
	for {
		port := 10000 + (pid*101+int(lastPort.Add(1)))%20000
		l, err := net.Listen("tcp", fmt.Sprint(":", port))
		if err == nil {
			l.Close()
			return fmt.Sprintf("127.%d.%d.1:%d", 1+pid>>8&127, pid&255, port)
		}
	}
}

var nginxBlock = regexp.MustCompile("<!-- nginx: ([a-z-]+) -->\n```nginx\n((?s:.*?))```\n")

// nginxDocumented is the configuration of that name in docs/nginx.md.
func nginxDocumented(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repo, "docs", "nginx.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range nginxBlock.FindAllStringSubmatch(string(text), -1) {
		if block[1] == name {
			return block[2]
		}
	}
	t.Fatalf("docs/nginx.md has no configuration <!-- nginx: %s -->", name)
	return ""
}

// nginxMain is what surrounds a server block where nginx is installed; the test's nginx keeps to
// its own folder.
const nginxMain = `
%sdaemon off;
worker_processes 1;
worker_shutdown_timeout 2s;
error_log stderr warn;
pid nginx.pid;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path tmp-body;
	proxy_temp_path tmp-proxy;
	uwsgi_temp_path tmp-uwsgi;
	fastcgi_temp_path tmp-fastcgi;
	scgi_temp_path tmp-scgi;
	# The tests' heads are larger than nginx takes by its default.
	large_client_header_buffers 16 64k;
	proxy_buffer_size 512k;
	proxy_buffers 4 512k;
	proxy_busy_buffers_size 1m;
	uwsgi_buffer_size 512k;
	uwsgi_buffers 4 512k;
	uwsgi_busy_buffers_size 1m;
%s}
`

// startNginx runs nginx with a configuration of docs/nginx.md, in which replace stands for what
// the document says: old, new, …. Each old must be there.
func startNginx(t *testing.T, name string, replace ...string) *nginx {
	t.Helper()
	program := nginxPath(t)
	n := &nginx{addr: ownAddress(), log: newLogged()}
	conf := nginxDocumented(t, name)
	replace = append(replace, docListen, "listen "+n.addr+";")
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(conf, replace[i]) {
			t.Fatalf("docs/nginx.md, %s: no %q to replace", name, replace[i])
		}
		conf = strings.ReplaceAll(conf, replace[i], replace[i+1])
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // else its worker is nobody, who can't reach the test's folders
	}
	dir := folder(t, "nginx.conf", fmt.Sprintf(nginxMain, user, conf), "uwsgi_params", uwsgiParams(t, program))
	n.cmd = spawn(t, exec.Command(program, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr"))
	n.log = n.cmd.log
	eventually(t, "nginx listens", func() bool {
		select {
		case <-n.cmd.exited:
			t.Fatalf("nginx ended: %v\n%s", n.cmd.ProcessState, n.log)
		default:
		}
		return listens("tcp", n.addr)
	})
	return n
}

// listens tells whether something takes connections at an address.
func listens(network, addr string) bool {
	c, err := net.Dial(network, addr)
	if err == nil {
		c.Close()
	}
	return err == nil
}

var confPath = regexp.MustCompile(`--conf-path=(\S+)`)

var namedHost = regexp.MustCompile(`(?m)^uwsgi_param\s+HTTP_HOST\s.*\n`)

// uwsgiParams is the file that nginx was installed with, but for Debian's HTTP_HOST: that is $host, which lacks the
// port, and the tests' hosts have ports.
func uwsgiParams(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.Command(program, "-V").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	found := confPath.FindSubmatch(out)
	if found == nil {
		t.Fatalf("nginx -V does not say where its configuration is: %s", out)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(string(found[1])), "uwsgi_params"))
	if err != nil {
		t.Fatal(err)
	}
	return namedHost.ReplaceAllString(string(text), "")
}

// renew has nginx give up the connections that it keeps to the program: its worker is exchanged.
func (n *nginx) renew(t *testing.T) {
	t.Helper()
	n.signal(t, syscall.SIGHUP)
}

// stop ends nginx before what is behind it.
func (n *nginx) stop(t *testing.T) {
	t.Helper()
	n.signal(t, syscall.SIGTERM)
	select {
	case <-n.cmd.exited:
	case <-after(20):
		t.Errorf("nginx does not end; its log:\n%s", n.log.tail(20))
	}
}

func (n *nginx) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("signal %v to nginx: %v", sig, err)
	}
}
