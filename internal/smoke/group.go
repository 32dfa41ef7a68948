package smoke

import (
	"os/exec"
	"syscall"
	"time"
)

// group is a running process with all that it has started, as long as that stays in its process group.
type group struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
}

func start(cmd *exec.Cmd) (*group, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &group{cmd, make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its state says the same
		close(g.exited)
	}()
	return g, nil
}

// end asks the process to end, and kills what is there of the group after grace.
func (g *group) end(grace time.Duration) {
	if grace > 0 {
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-g.exited:
		case <-time.After(grace):
		}
	}
	// Others than the process are not ours to wait for, and a dead one may stay for who does not: hence a limit.
	for end := time.Now().Add(killGrace); syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) == nil && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	<-g.exited
}

// killGrace is how long the kernel may take to end what was killed.
const killGrace = time.Second
