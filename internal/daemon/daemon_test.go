package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// role says what a process of this test's program is: one that starts another in the background, or that one.
const role = "GOWSGI_TEST_DAEMON"

func TestMain(m *testing.M) {
	self, err := Inherit()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	case self != nil:
		background(self)
	case os.Getenv(role) != "":
		pid, end, err := Start("/proc/self/exe")
		switch {
		case err != nil:
			fmt.Println("error", err)
		case end != nil:
			fmt.Println("ended", end.Code())
		default:
			fmt.Println("ready", pid)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// background is the started process.
func background(self *Self) {
	session, _ := unix.Getsid(0)
	stdin, _ := os.Readlink("/proc/self/fd/0")
	_, left := os.LookupEnv(Variable)
	fmt.Fprintf(os.Stderr, "leader %t, stdin %s, variable %t, args %v\n", session == os.Getpid(), stdin, left, os.Args[1:])
	switch os.Getenv(role) {
	case "ready":
		self.Ready()
		self.Ready()
	case "fails":
		os.Exit(22)
	case "dies":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "interrupted": // the one who waits is
		_ = syscall.Kill(os.Getppid(), syscall.SIGTERM)
		never := make(chan os.Signal, 1)
		signal.Notify(never, syscall.SIGUSR2)
		<-never
	}
	os.Exit(0)
}

func TestStart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	for does, want := range map[string]string{
		"ready":       "ready ",
		"fails":       "ended 22\n",
		"dies":        "ended 137\n",
		"returns":     "ended 0\n",
		"interrupted": "ended 143\n", // Go's default for TERM: by the signal
	} {
		cmd := exec.Command("/proc/self/exe", "a", "b c")
		cmd.Env = append(os.Environ(), role+"="+does)
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v", does, err)
		}
		if !strings.HasPrefix(stdout.String(), want) {
			t.Errorf("%s: %q, want %q", does, stdout.String(), want)
		}
		if stderr.String() != "leader true, stdin /dev/null, variable false, args [a b c]\n" {
			t.Errorf("%s: %s", does, stderr.String())
		}
	}
}

func TestInheritNonsense(t *testing.T) {
	for _, text := range []string{"", "x", "-1", "999"} {
		t.Setenv(Variable, text)
		if self, err := Inherit(); err == nil {
			t.Errorf("%q: %v", text, self)
		}
	}
	(*Self)(nil).Ready()
}
