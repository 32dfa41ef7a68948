package procname

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// childVariable makes the test binary a process that takes a name, and tells what has become of it.
const childVariable = "GOWSGI_TEST_NAME"

func TestMain(m *testing.M) {
	if name, ok := os.LookupEnv(childVariable); ok {
		before := strings.Clone(strings.Join(os.Args, "|")) // of one argument, Join makes no copy
		l := Take()
		l.Set(name)
		line, _ := os.ReadFile("/proc/self/cmdline")
		comm, _ := os.ReadFile("/proc/self/comm")
		environ, _ := os.ReadFile("/proc/self/environ")
		fmt.Printf("%s\n%s%s\n%s\n", strings.TrimRight(string(line), "\x00"), comm, before, strings.Join(os.Args, "|"))
		if !bytes.Contains(environ, []byte(childVariable+"="+name+"\x00")) {
			fmt.Println("the environment has suffered")
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestSet(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	for _, test := range []struct {
		args             []string
		name, line, comm string
	}{
		{[]string{"gowsgi", "--processes", "2"}, "gowsgi master", "gowsgi master", "gowsgi master"},
		{[]string{"gowsgi", "", "--env", "", "A=B"}, "gowsgi master", "gowsgi master", "gowsgi master"},
		{[]string{"gowsgi worker 128"}, "gowsgi worker 128", "gowsgi worker 128", "gowsgi w128"},
		{[]string{"gowsgi worker 128."}, "gowsgi worker 128", "gowsgi worker 128", "gowsgi w128"},
		{[]string{"gowsgi"}, "gowsgi master", "gowsgi", "gowsgi master"},
		{[]string{strings.Repeat("x", 10000)}, strings.Repeat("y", 3000), strings.Repeat("y", 3000), strings.Repeat("y", 15)},
		{[]string{"g"}, "gowsgi", "g", "gowsgi"},
	} {
		cmd := &exec.Cmd{Path: "/proc/self/exe", Args: test.args, Env: append(os.Environ(), childVariable+"="+test.name)}
		out, err := cmd.Output()
		typed := strings.Join(test.args, "|")
		if want := test.line + "\n" + test.comm + "\n" + typed + "\n" + typed + "\n"; err != nil || string(out) != want {
			t.Errorf("%.100q as %.100q: got %.300q, %v; want %.300q", test.args, test.name, out, err, want)
		}
	}
}
