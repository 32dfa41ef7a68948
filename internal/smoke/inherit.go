package smoke

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"github.com/gowsgi/gowsgi/internal/options"
)

// Variable is the environment variable by which a process knows that it serves for gowsgi smoke.
const Variable = "GOWSGI_SMOKE_PROCESS"

// The descriptors that it inherits.
const (
	readyFD = 3 // for the ready line
	probeFD = 4 // for the probe
)

// Self is what such a process is to do: the variable's value.
type Self struct {
	Config *options.Config `json:"config"`
	// Probed: what requests do is told to the runner; Validate: with wsgiref.validate.
	Probed   bool `json:"probed"`
	Validate bool `json:"validate"`
}

// Inherit is what the runner has left for this process; nil: it is none of its. The variable is removed, so that the
// app's children don't take themselves for it.
func Inherit() (*Self, error) {
	text, ok := os.LookupEnv(Variable)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(Variable)
	self := &Self{}
	if json.Unmarshal([]byte(text), self) != nil || self.Config == nil {
		return nil, fmt.Errorf("%s is for gowsgi's own use", Variable)
	}
	syscall.CloseOnExec(probeFD)
	return self, nil
}

// ProbeFD is where the probe tells what requests do.
func (s *Self) ProbeFD() int { return probeFD }

// Loaded tells the runner the app's URL map, as the loader has written it.
func (s *Self) Loaded(routes string) error {
	_, err := syscall.Write(probeFD, []byte(`{"routes":`+routes+`}`+"\n"))
	return err
}

// serving is what a config for gowsgi smoke is for the process that serves: one process on a free port, whatever
// stands in the environment for production.
func serving(c options.Config) *options.Config {
	c.HTTP, c.ReadyFD, c.ReadyFile = []string{"127.0.0.1:0"}, readyFD, ""
	c.Socket, c.SocketOwner, c.ProxyProtocol, c.UID, c.GID, c.AddGID, c.Daemonize, c.MasterFIFO = nil, "", nil, "", "", nil, "", nil
	c.Processes, c.Cheaper, c.Master, c.TouchReload = "1", 0, false, nil
	c.Stats, c.Metrics, c.PIDFile, c.LogTo, c.TouchLogReopen = "", "", "", "", nil
	c.Dev, c.DevRemote, c.Open, c.AutoReload, c.Watch = false, false, false, "0", nil
	c.DrainTimeout = min(c.DrainTimeout, drainTimeout)
	c.Warnings = nil // they were told
	return &c
}
