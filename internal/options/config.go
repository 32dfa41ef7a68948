package options

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strconv"
	"time"
)

// Config is what the options said, read and checked. Every field but Warnings belongs to one row of Table; New holds
// the defaults. A field's option has the uWSGI counterpart in its row.
type Config struct {
	// HTTP lists the addresses to serve on, as given: ":5000", "host:port", "[::1]:5000", "unix:/path", "/path".
	// They are parsed where the sockets are made.
	HTTP []string
	// Socket lists the addresses of --socket, and Protocol is what is spoken there: "uwsgi" or "http".
	Socket   []string
	Protocol string
	// SocketMode is the mode of UNIX sockets; 0 leaves it to the umask.
	SocketMode fs.FileMode
	// SocketOwner is the owner of UNIX sockets, "user", "user:group" or ":group"; "" leaves it.
	SocketOwner string
	// Backlog is the length of the kernel's accept queue; 0 is the system's maximum.
	Backlog int
	// ScriptName is the prefix the app is mounted at, without a trailing slash; "" is the root.
	ScriptName string
	// TrustedProxies are the peers whose X-Forwarded-* headers count: prefixes in the form that netip.ParsePrefix
	// reads, host bits cleared, or "unix" for peers on a UNIX socket.
	TrustedProxies []string
	// ProxyProtocol are the peers whose connections begin with the PROXY protocol, in the forms of TrustedProxies, or "all".
	ProxyProtocol []string
	// AddHeaders lists "Name: value" lines for every response.
	AddHeaders []string
	// HealthPath is the path that Go answers by itself; "" is none.
	HealthPath string

	// Module is the dotted name of the module to import, without a callable. At most one of Module and File is set;
	// with neither, the app is to be discovered.
	Module string
	// File is the path of the Python file to load, relative to Dir.
	File string
	// Callable names the app inside Module or File: a dotted name, or a call of one with literal arguments. "" asks
	// for the usual names.
	Callable string
	// Dir is the directory to change to before anything else is looked up; "" stays.
	Dir string
	// Virtualenv is the directory of the virtual environment; "" is the active one, if any.
	Virtualenv string
	// PythonPath lists more directories for sys.path, in the order given.
	PythonPath []string
	// Env lists NAME=value pairs for the app's environment.
	Env []string
	// Argv is sys.argv[1:].
	Argv []string

	// Dir2 is the directory to change to once the app is loaded; "" stays.
	Dir2 string
	// Unenv lists variables to take out of the app's environment.
	Unenv []string
	// Mounts lists more apps as "/prefix=app".
	Mounts []string
	// UWSGIModule has the app's "import uwsgi" work, with so many Locks.
	UWSGIModule bool
	Locks       int
	// Ini, YAML and JSONConfig list the configuration files that were read.
	Ini, YAML, JSONConfig []string
	// Placeholders lists key=value pairs for configuration files.
	Placeholders []string
	// Strict refuses unknown keys in them.
	Strict bool
	// ShowConfig prints what was read of them.
	ShowConfig bool

	// StaticMaps lists "/mount=path" for files served without Python; StaticMaps2 those whose mount is part of the path.
	StaticMaps, StaticMaps2 []string
	// CheckStatic lists directories that every path is looked for in.
	CheckStatic []string
	// StaticIndex lists the names of files served for directories.
	StaticIndex []string
	// StaticExpires and StaticExpiresURI list "regex seconds" for names and paths, StaticExpiresType "type=seconds".
	StaticExpires, StaticExpiresURI, StaticExpiresType []string
	// StaticSafe lists directories that symlinks may lead to.
	StaticSafe []string
	// StaticSkipExt lists endings of names that are never served.
	StaticSkipExt []string
	// MimeFiles lists tables of types.
	MimeFiles []string

	// Threads is the number of request threads.
	Threads int
	// Processes is the number of worker processes, or "auto".
	Processes string
	// Master runs the app in worker processes, also a single one.
	Master bool
	// Cheaper is the least number of worker processes, Processes being the most; 0: there are always that many.
	Cheaper int
	// CheaperInitial is how many there are at first; 0 is Cheaper.
	CheaperInitial int
	// CheaperStep is how many are started at a time.
	CheaperStep int
	// CheaperIdle is how long one has nothing to do until it leaves.
	CheaperIdle time.Duration
	// Queue is how many requests may wait for a thread.
	Queue int
	// QueueTimeout is how long one may wait; 0 is no limit.
	QueueTimeout time.Duration

	// LimitHead is the size of a request's head in bytes.
	LimitHead int64
	// LimitPost is the size of a request's body in bytes; 0 is no limit.
	LimitPost int64
	// HeaderTimeout is the time for a whole request head; 0 is no limit.
	HeaderTimeout time.Duration
	// BodyTimeout is the time between two pieces of a request body; 0 is no limit.
	BodyTimeout time.Duration
	// SendTimeout is how long a client may read nothing of its response; 0 is no limit.
	SendTimeout time.Duration
	// IdleTimeout is how long a connection may lie idle between two requests; 0 is no limit.
	IdleTimeout time.Duration

	// Harakiri is how long a request may hold its thread; 0 is no limit.
	Harakiri time.Duration
	// HarakiriGrace is how long the thread may take to come back after that until it is called lost.
	HarakiriGrace time.Duration
	// GILTimeout is how long one thread may keep the GIL; 0 is no limit.
	GILTimeout time.Duration

	// Dev is for the writing of code: reloads, and errors in the browser.
	Dev bool
	// DevRemote shows what Dev shows to other machines too.
	DevRemote bool
	// AutoReload is "auto", the seconds between two looks at the files, or "0" for none.
	AutoReload string
	// Watch lists patterns of more files whose change is a reload.
	Watch []string

	// NoRequestLog leaves the access log out.
	NoRequestLog bool
	// LogJSON writes both logs as JSON.
	LogJSON bool
	// LogTo is the file for the logs and for what the app prints; "" leaves stdout and stderr as they are.
	LogTo string
	// TouchLogReopen lists files whose change has LogTo opened anew.
	TouchLogReopen []string
	// LogDate is the strftime format of times in the log; "" is ISO 8601, "true" ctime's.
	LogDate string
	// Log4xx, Log5xx and LogSlow (in milliseconds; 0: none) say which requests NoRequestLog leaves.
	Log4xx, Log5xx bool
	LogSlow        int
	// LogFormat is the access log's format in uWSGI's %(variables); "" is the default line.
	LogFormat string

	// Stats is the address of the stats server, as given; "" is none. It is parsed where the socket is made.
	Stats string
	// StatsHTTP puts an HTTP header before the stats.
	StatsHTTP bool
	// Metrics is the address to serve metrics on, as Stats; "" is none.
	Metrics string

	// PIDFile is where the process id is written; "" is nowhere.
	PIDFile string
	// ReadyFile gets one JSON line once requests are served; "" is none.
	ReadyFile string
	// ReadyFD is an inherited descriptor that gets the same line; 0 is none.
	ReadyFD int
	// DrainTimeout is how long running requests get after SIGTERM; 0 is no time at all.
	DrainTimeout time.Duration
	// MaxRequests is how many requests a worker process serves, and MaxRequestsDelta how many more at most, by chance;
	// 0 is any number.
	MaxRequests, MaxRequestsDelta int
	// MinLifetime is the age before which a worker process is not replaced for its requests or memory.
	MinLifetime time.Duration
	// MaxLifetime is the age at which a worker process is replaced; 0 is never.
	MaxLifetime time.Duration
	// ReloadRSS is the memory in MiB at which a worker process is replaced, EvilReloadRSS that at which it is killed;
	// 0 is never.
	ReloadRSS, EvilReloadRSS int
	// TouchReload lists files whose change is a reload.
	TouchReload []string
	// ProcName names the processes for ps, with ProcNamePrefix or with ProcNameSpaced and a space before.
	ProcName                       bool
	ProcNamePrefix, ProcNameSpaced string
	// Mercy is how long a worker process that is replaced may take to end its requests.
	Mercy time.Duration
	// UID and GID are the user and group to become, names or numbers; "" stays. AddGID lists more groups.
	UID, GID string
	AddGID   []string
	// Umask is the umask in octal digits; "" leaves it.
	Umask string
	// Daemonize is the log file of a server that runs in the background; "" stays in the foreground.
	Daemonize string
	// MasterFIFO lists FIFOs to take orders from.
	MasterFIFO []string
	// Stop and Reload are pidfiles of servers to signal; "" is none.
	Stop, Reload string
	// Open opens a browser once requests are served.
	Open bool
	// Check asks to load the app and exit.
	Check bool
	// Version asks to print the versions and exit.
	Version bool
	// Help asks to print the options and exit.
	Help bool

	// What follows is of gowsgi smoke. Get lists paths to ask for, each with "=" and a status or without.
	Get []string
	// Checks is the file of checks; "" is none.
	Checks string
	// Exclude lists patterns of paths that are not to be tried.
	Exclude []string
	// MaxMS is how many milliseconds a response may take; 0 is no limit.
	MaxMS int
	// Timeout is when a request is given up.
	Timeout time.Duration
	// Repeat is how often everything is run, Concurrency how many are run at the same time.
	Repeat, Concurrency int
	// FailFast ends the run at the first failure.
	FailFast bool
	// NoValidate leaves wsgiref.validate out.
	NoValidate bool
	// JUnit and JSON are the files of reports; "" is none.
	JUnit, JSON string

	// Warnings are remarks on how the options were given, for the log; none of them is fatal.
	Warnings []string
	// Files are the configuration files that were read, as absolute paths.
	Files []string
	// UWSGIOpt is what was given, by uWSGI's names and in order: what the app finds in uwsgi.opt.
	UWSGIOpt []Opt
}

// Opt is an option as it was given.
type Opt struct {
	Key, Value string
	Bare       bool // without a value, on the command line
}

// Workers is the number of worker processes; 0 is none: the app is in this process.
func (c *Config) Workers() int {
	n, _ := strconv.Atoi(c.Processes)
	if c.Processes == "auto" {
		n = runtime.NumCPU()
	}
	if n <= 1 && !c.Master && !c.Reloads() {
		return 0
	}
	return max(n, 1)
}

// Reloads tells whether saved files reload the app.
func (c *Config) Reloads() bool { return c.Dev || c.AutoReload != "0" && c.AutoReload != "" }

// Poll is the time between two looks at the files; 0: the system tells of changes.
func (c *Config) Poll() time.Duration {
	every, _ := parseSeconds(c.AutoReload)
	return every
}

// Validate reports the first field that holds what its option would have refused, in the option's words.
func (c *Config) Validate() error {
	for i := range Table {
		o := &Table[i]
		if o.foreign() {
			continue
		}
		if bad, ok := o.check(c); !ok {
			return UsageError(fmt.Sprintf("%s: want %s", o.spell(CommandLine, o.Name, bad), o.want()))
		}
	}
	if c.Module != "" && c.File != "" {
		return errors.New("both a module and a file are set: " + c.Module + ", " + c.File)
	}
	if c.Timeout == 0 {
		return UsageError("--timeout 0: want " + find("smoke", "timeout").want())
	}
	if len(c.Watch) > 0 && !c.Reloads() {
		return UsageError("--watch needs --dev or --py-autoreload")
	}
	if c.DevRemote && !c.Dev {
		return UsageError("--dev-remote needs --dev")
	}
	if len(c.HTTP)+len(c.Socket) == 0 {
		return UsageError("no address to serve on; give one with --http")
	}
	if n := max(c.Workers(), 1); c.Cheaper >= n {
		return UsageError(fmt.Sprintf("--cheaper %d: want less than --processes, which is %d", c.Cheaper, n))
	}
	return nil
}
