package options

// Topics, in the table's order.
const (
	topicApp     = "Application"
	topicListen  = "Listening"
	topicThreads = "Threads and queue"
	topicLimits  = "Limits and timeouts"
	topicLog     = "Logging"
	topicFigures = "Monitoring"
	topicDev     = "Development"
	topicProcess = "Process"
	topicSmoke   = "gowsgi smoke"
)

// Table is every option there is: flags, GOWSGI_* variables, --help and docs/options.md come from it. After a change,
// run go generate in this directory.
var Table = []Option{
	{
		Name: "module", Aliases: []string{"wsgi"}, Short: "w", Kind: String, Arg: "APP", Topic: topicApp,
		Help: "Import a module and serve the callable after the colon: app:app, pkg.mod, 'app:create_app()', " +
			"'app:create_app(\"test\", debug=True)'.",
		UWSGI:  "Same; a call may have literal arguments here.",
		Accept: acceptModule,
		Want:   "a module such as app, app:app or 'app:create_app()'; a file goes with --wsgi-file",
		Field:  func(c *Config) any { return &c.Module },
	},
	{
		Name: "wsgi-file", Aliases: []string{"file"}, Kind: String, Arg: "FILE", Topic: topicApp,
		Help:  "Load the app from a Python file.",
		Field: func(c *Config) any { return &c.File },
	},
	{
		Name: "callable", Kind: String, Arg: "NAME", Topic: topicApp,
		Help:  "The callable in the module or file. Without it: application, app, or the one Flask app or factory there is.",
		UWSGI: "Same; without it, only application is tried, and a call works with a module only.",
		Field: func(c *Config) any { return &c.Callable },
	},
	{
		Name: "chdir", Kind: String, Arg: "DIR", Topic: topicApp,
		Help:  "Change to this directory first.",
		Field: func(c *Config) any { return &c.Dir },
	},
	{
		Name: "virtualenv", Aliases: []string{"venv", "home", "pyhome"}, Short: "H", Kind: String, Arg: "DIR", Topic: topicApp,
		Help:  "Use this virtual environment. Without it: the active one, if any.",
		UWSGI: "Same, as home; a missing directory is an error here.",
		Field: func(c *Config) any { return &c.Virtualenv },
	},
	{
		Name: "pythonpath", Aliases: []string{"python-path", "pp"}, Kind: List, Arg: "DIR", Topic: topicApp, Sep: ":",
		Help:  "Look for modules here too. Repeatable; colons separate directories.",
		UWSGI: "Same, without colons.",
		Field: func(c *Config) any { return &c.PythonPath },
	},
	{
		Name: "env", Kind: List, Arg: "NAME=VALUE", Topic: topicApp,
		Help:   "Set an environment variable for the app. Repeatable.",
		Accept: acceptPair, Want: "NAME=VALUE",
		Field: func(c *Config) any { return &c.Env },
	},
	{
		Name: "pyargv", Kind: Words, Arg: "ARGS", Topic: topicApp,
		Help:  "The words of sys.argv after the program's name, quoted as for a shell.",
		UWSGI: "Same, without quotes.",
		Field: func(c *Config) any { return &c.Argv },
	},

	{
		Name: "http", Aliases: []string{"http-socket"}, Kind: List, Arg: "ADDRESS", Default: "127.0.0.1:5000", Topic: topicListen,
		Help: "Serve HTTP here: host:port, :port for all interfaces, [::1]:port, unix:/path or a path with a slash. " +
			"Port 0 takes a free one. Repeatable.",
		UWSGI: "Either one; there's no router process here, and a bare number is an error, not a socket's name.",
		Field: func(c *Config) any { return &c.HTTP },
	},
	{
		Name: "chmod-socket", Aliases: []string{"chmod"}, Short: "C", Kind: Mode, Arg: "MODE", Topic: topicListen, Bare: "666",
		Help:  "The mode of UNIX sockets; 666 if MODE is left out. Without the option the umask decides.",
		Field: func(c *Config) any { return &c.SocketMode },
	},
	{
		Name: "listen", Short: "l", Kind: Int, Arg: "N", Default: "0", Topic: topicListen, Max: 65535,
		Help:  "The kernel's queue of connections not yet accepted; 0 is the system's maximum.",
		UWSGI: "Same, default 100; requests wait in --queue here.",
		Field: func(c *Config) any { return &c.Backlog },
	},
	{
		Name: "script-name", Kind: String, Arg: "/PREFIX", Topic: topicListen,
		Help:   "The path prefix the app is mounted at: it goes to SCRIPT_NAME instead of PATH_INFO.",
		UWSGI:  "mount = /prefix=app with manage-script-name.",
		Accept: acceptPrefix, Want: "a path that starts with /",
		Field: func(c *Config) any { return &c.ScriptName },
	},
	{
		Name: "trusted-proxy", Kind: List, Arg: "CIDR", Topic: topicListen, Sep: ",",
		Help: "Believe X-Forwarded-* from these peers: addresses, CIDRs, or unix for UNIX sockets. Repeatable; commas " +
			"separate.",
		UWSGI:  "None: a client's X-Forwarded-Proto is always believed.",
		Accept: acceptProxy, Want: "an address, a CIDR such as 10.0.0.0/8, or unix",
		Field: func(c *Config) any { return &c.TrustedProxies },
	},
	{
		Name: "health", Kind: String, Arg: "/PATH", Topic: topicListen,
		Help: "Answer this path without Python, so that it works even when all of Python is stuck: 200, or 503 while no worker process " +
			"is ready and while the server drains. With ?live behind it always 200.",
		UWSGI:  "None.",
		Accept: acceptPath, Want: "a path that starts with /",
		Field: func(c *Config) any { return &c.HealthPath },
	},

	{
		Name: "threads", Kind: Int, Arg: "N", Default: "8", Topic: topicThreads, Min: 1, Max: 512,
		Help:  "Request threads.",
		UWSGI: "Same, default 1.",
		Field: func(c *Config) any { return &c.Threads },
	},
	{
		Name: "processes", Aliases: []string{"workers"}, Short: "p", Kind: String, Arg: "N", Default: "1", Topic: topicThreads,
		Help: "Worker processes, each with its own CPython and --threads, behind one front and one queue; auto is one for each CPU. " +
			"More than one implies --master. Linux only.",
		UWSGI:  "Same, without auto.",
		Accept: acceptProcesses, Want: "a whole number from 1 to 128, or auto",
		Field: func(c *Config) any { return &c.Processes },
	},
	{
		Name: "master", Short: "M", Kind: Bool, Topic: topicThreads, Bare: "true",
		Help:  "Run the app in worker processes, also a single one: they are replaced when they die, and reloaded at SIGHUP.",
		UWSGI: "Same.",
		On:    func(c *Config) bool { return c.Workers() > 0 },
		Field: func(c *Config) any { return &c.Master },
	},
	{
		Name: "cheaper", Kind: Int, Arg: "N", Default: "0", Topic: topicThreads, Max: 127,
		Help: "The least number of worker processes, --processes being the most: one more comes when all of them have had requests " +
			"waiting for half a second, one leaves when it has nothing to do (--cheaper-idle). 0: the number does not change.",
		UWSGI: "Same; there, --cheaper-algo says when.",
		Field: func(c *Config) any { return &c.Cheaper },
	},
	{
		Name: "cheaper-initial", Kind: Int, Arg: "N", Default: "0", Topic: topicThreads, Max: 128,
		Help:  "The number of worker processes to start with; 0 is --cheaper.",
		Needs: "cheaper",
		Field: func(c *Config) any { return &c.CheaperInitial },
	},
	{
		Name: "cheaper-step", Kind: Int, Arg: "N", Default: "1", Topic: topicThreads, Min: 1, Max: 127,
		Help:  "How many worker processes are started at a time.",
		Needs: "cheaper",
		Field: func(c *Config) any { return &c.CheaperStep },
	},
	{
		Name: "cheaper-idle", Kind: Seconds, Arg: "SECONDS", Default: "10", Topic: topicThreads,
		Help:  "The time without a moment at which all worker processes are busy, after which one leaves.",
		UWSGI: "Same, with cheaper-algo = spare2.",
		Needs: "cheaper",
		Field: func(c *Config) any { return &c.CheaperIdle },
	},
	{
		Name: "queue", Kind: Int, Arg: "N", Default: "1024", Topic: topicThreads, Min: 1, Max: 1 << 20,
		Help:  "Requests that may wait for a thread. More get 503.",
		UWSGI: "listen: they wait in the kernel there.",
		Field: func(c *Config) any { return &c.Queue },
	},
	{
		Name: "queue-timeout", Kind: Seconds, Arg: "SECONDS", Default: "30", Topic: topicThreads,
		Help:  "Answer 503 to a request that waited this long for a thread; 0 is no limit.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.QueueTimeout },
	},

	{
		Name: "limit-head", Kind: Size, Arg: "BYTES", Default: "64k", Topic: topicLimits, Min: 1 << 10, Max: 16 << 20,
		Help:  "The largest request line and headers together. Larger ones get 431.",
		UWSGI: "buffer-size, default 4096: the connection is reset.",
		Field: func(c *Config) any { return &c.LimitHead },
	},
	{
		Name: "limit-post", Kind: Size, Arg: "BYTES", Default: "0", Topic: topicLimits,
		Help:  "The largest request body. Larger ones get 413; 0 is no limit.",
		UWSGI: "Same, without suffixes.",
		Field: func(c *Config) any { return &c.LimitPost },
	},
	{
		Name: "header-timeout", Kind: Seconds, Arg: "SECONDS", Default: "10", Topic: topicLimits,
		Help:  "The time for a whole request head; 0 is no limit.",
		UWSGI: "socket-timeout, default 4, from byte to byte.",
		Field: func(c *Config) any { return &c.HeaderTimeout },
	},
	{
		Name: "body-timeout", Kind: Seconds, Arg: "SECONDS", Default: "30", Topic: topicLimits,
		Help:  "The time without a byte of a request body that is being read; 0 is no limit.",
		UWSGI: "socket-timeout, default 4.",
		Field: func(c *Config) any { return &c.BodyTimeout },
	},
	{
		Name: "send-timeout", Kind: Seconds, Arg: "SECONDS", Default: "60", Topic: topicLimits,
		Help:  "The time a client may leave its response unread; 0 is no limit.",
		UWSGI: "socket-timeout, default 4.",
		Field: func(c *Config) any { return &c.SendTimeout },
	},
	{
		// 75 s is longer than load balancers keep their side open (60 s is usual), so they close first and never send a
		// request into a connection that's just being closed here.
		Name: "idle-timeout", Kind: Seconds, Arg: "SECONDS", Default: "75", Topic: topicLimits,
		Help:  "The time a connection may lie idle between requests; 0 is no limit.",
		UWSGI: "http-keepalive, default off.",
		Field: func(c *Config) any { return &c.IdleTimeout },
	},
	{
		Name: "harakiri", Short: "t", Kind: Seconds, Arg: "SECONDS", Default: "0", Topic: topicLimits,
		Help: "The time that a request may hold its thread. Then its client gets 504, or is cut off, the log gets the thread's " +
			"stack, and HarakiriError is raised in the app; 0 is no limit.",
		UWSGI: "Same in whole seconds: the worker is killed, with all that its other threads are at.",
		Field: func(c *Config) any { return &c.Harakiri },
	},
	{
		Name: "harakiri-grace", Kind: Seconds, Arg: "SECONDS", Default: "5", Topic: topicLimits,
		Help:  "The time that the app gets after HarakiriError until the log calls its thread lost.",
		UWSGI: "harakiri-graceful-timeout: until the worker is killed.",
		Needs: "harakiri",
		Field: func(c *Config) any { return &c.HarakiriGrace },
	},
	{
		// Calls that keep the GIL for seconds are bad manners, but happen: a large sort or regular expression, json.loads of a
		// huge text. A minute is more than those take, and what people still bear with.
		Name: "gil-timeout", Kind: Seconds, Arg: "SECONDS", Default: "60", Topic: topicLimits,
		Help: "The time that one thread may keep the GIL in C code, so that no other runs. Then the log gets all stacks, and the worker " +
			"process is replaced; without worker processes that is only logged. 0 is no limit.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.GILTimeout },
	},

	{
		Name: "disable-logging", Short: "L", Kind: Bool, Topic: topicLog, Bare: "true",
		Help:  "Log no requests.",
		Field: func(c *Config) any { return &c.NoRequestLog },
	},
	{
		Name: "logto", Aliases: []string{"logto2"}, Kind: String, Arg: "FILE", Topic: topicLog,
		Help: "Append both logs, and what the app prints, to this file. SIGUSR2 opens it anew, after logrotate has renamed it. " +
			"Mistakes at the start are told to the terminal, too.",
		UWSGI:  "Same; logto counts from the directory it was started in, and addresses (udp:) are no files here.",
		Accept: acceptFile, Want: "a file; addresses are none",
		Field: func(c *Config) any { return &c.LogTo },
	},
	{
		Name: "touch-logreopen", Kind: List, Arg: "FILE", Topic: topicLog,
		Help:  "Open the log anew, as at SIGUSR2, when this file changes. Repeatable.",
		Needs: "logto",
		Field: func(c *Config) any { return &c.TouchLogReopen },
	},
	{
		Name: "log-format", Aliases: []string{"logformat"}, Kind: String, Arg: "FORMAT", Topic: topicLog,
		Help:  "The line to log for a request, with uWSGI's %(variables). Values are escaped.",
		UWSGI: "Same, not escaped.",
		Field: func(c *Config) any { return &c.LogFormat },
	},
	{
		Name: "log-json", Kind: Bool, Topic: topicLog, Bare: "true",
		Help:  "Write the logs as JSON, one object a line.",
		UWSGI: "log-encoder = json, or a log-format that looks like it.",
		Field: func(c *Config) any { return &c.LogJSON },
	},

	{
		Name: "stats", Aliases: []string{"stats-server"}, Kind: String, Arg: "ADDRESS", Topic: topicFigures,
		Help: "Give uWSGI's stats, one JSON document, to whoever connects here; uwsgitop and others read it. Addresses are " +
			"those of --http. A UNIX socket gets mode 600.",
		UWSGI: "Same; listen_queue counts what waits in --queue too, avg_rt is the mean since the start, and vars have the " +
			"request's line only.",
		Field: func(c *Config) any { return &c.Stats },
	},
	{
		Name: "stats-http", Kind: Bool, Topic: topicFigures, Bare: "true",
		Help:  "Put an HTTP header before the stats, for browsers.",
		Needs: "stats",
		Field: func(c *Config) any { return &c.StatsHTTP },
	},
	{
		Name: "metrics", Kind: String, Arg: "ADDRESS", Topic: topicFigures,
		Help:  "Serve metrics for Prometheus here, at /metrics. Addresses are those of --http. A UNIX socket gets mode 600.",
		UWSGI: "None; exporters read the stats.",
		Field: func(c *Config) any { return &c.Metrics },
	},

	{
		Name: "dev", Kind: Bool, Topic: topicDev, Bare: "true",
		Help: "For writing code: saved files reload the app, in a worker process, and the browser's pages; exceptions, and an app that " +
			"can't be loaded, are answered with a page that shows traceback and source, to clients on this machine only; .env and " +
			".flaskenv are read, and each request is a line in colour.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.Dev },
	},
	{
		Name: "dev-remote", Kind: Bool, Topic: topicDev, Bare: "true",
		Help:  "With --dev, show those pages to every client: source and locals may hold secrets.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.DevRemote },
	},
	{
		Name: "py-autoreload", Aliases: []string{"py-auto-reload", "python-autoreload", "python-auto-reload"}, Kind: String, Arg: "N",
		Topic: topicDev, Bare: "auto",
		Help: "Reload when a file of the app is saved. Implies --master; so does --dev, with which it is on. With N, look every N " +
			"seconds, for file systems that tell nothing; 0 is off.",
		UWSGI:  "Same, and N is needed; it misses the fix of a syntax error.",
		Accept: acceptAutoReload, Want: "seconds between two looks, 0 for none, or no value at all",
		Field: func(c *Config) any { return &c.AutoReload },
	},
	{
		Name: "watch", Kind: List, Arg: "GLOB", Topic: topicDev,
		Help:   "Reload for these files too, as with --py-autoreload: 'config/**/*.yaml'. Repeatable. Needs --dev or --py-autoreload.",
		UWSGI:  "fs-reload: a file or directory.",
		Accept: acceptGlob, Want: "a pattern with *, **, ?, [a-z] or {a,b}",
		Field: func(c *Config) any { return &c.Watch },
	},
	{
		Name: "open", Kind: Bool, Topic: topicDev, Bare: "true",
		Help:  "Open the browser ($BROWSER, or the desktop's) once requests are served.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.Open },
	},

	{
		Name: "pidfile", Kind: String, Arg: "FILE", Topic: topicProcess,
		Help:  "Write the process id to this file, and remove it at exit. The file of a server that runs is an error.",
		UWSGI: "Same; there, it's removed only with vacuum.",
		Field: func(c *Config) any { return &c.PIDFile },
	},
	{
		Name: "ready-file", Kind: String, Arg: "FILE", Topic: topicProcess,
		Help:  "Once requests are served, write one line of JSON to this file: url, pid, python, app, import_ms.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.ReadyFile },
	},
	{
		Name: "ready-fd", Kind: Int, Arg: "N", Default: "0", Topic: topicProcess, Max: 1 << 20,
		Help:  "Write the same line to this inherited file descriptor; 0 is none.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.ReadyFD },
	},
	{
		Name: "drain-timeout", Kind: Seconds, Arg: "SECONDS", Default: "30", Topic: topicProcess,
		Help:  "The time that running requests get after SIGTERM or SIGINT; 0 cuts them at once.",
		UWSGI: "worker-reload-mercy, default 60.",
		Field: func(c *Config) any { return &c.DrainTimeout },
	},
	{
		Name: "max-requests", Short: "R", Kind: Int, Arg: "N", Default: "0", Topic: topicProcess, Max: 1 << 40,
		Help:  "Replace a worker process that has served that many requests; 0 is never.",
		Needs: "master",
		Field: func(c *Config) any { return &c.MaxRequests },
	},
	{
		Name: "max-requests-delta", Kind: Int, Arg: "N", Default: "0", Topic: topicProcess, Max: 1 << 40,
		Help:  "Up to so many more, by chance, so that not all are replaced at once.",
		UWSGI: "Same, but times the worker's number.",
		Needs: "max-requests",
		Field: func(c *Config) any { return &c.MaxRequestsDelta },
	},
	{
		Name: "min-worker-lifetime", Kind: Seconds, Arg: "SECONDS", Default: "0", Topic: topicProcess,
		Help:  "No worker process is replaced for its requests or its memory before that age.",
		UWSGI: "Same, default 60.",
		Needs: "master", AtMost: "max-worker-lifetime",
		Field: func(c *Config) any { return &c.MinLifetime },
	},
	{
		Name: "max-worker-lifetime", Kind: Seconds, Arg: "SECONDS", Default: "0", Topic: topicProcess,
		Help:  "Replace worker processes of that age; 0 is never.",
		Needs: "master",
		Field: func(c *Config) any { return &c.MaxLifetime },
	},
	{
		Name: "reload-on-rss", Kind: Int, Arg: "MB", Default: "0", Topic: topicProcess, Max: 1 << 30,
		Help:  "Replace a worker process that has that much memory, in MiB. Its requests end first; 0 is never.",
		Needs: "master", AtMost: "evil-reload-on-rss",
		Field: func(c *Config) any { return &c.ReloadRSS },
	},
	{
		Name: "evil-reload-on-rss", Kind: Int, Arg: "MB", Default: "0", Topic: topicProcess, Max: 1 << 30,
		Help:  "Kill a worker process that has that much memory, in MiB, whatever it is at; 0 is never.",
		Needs: "master",
		Field: func(c *Config) any { return &c.EvilReloadRSS },
	},
	{
		Name: "touch-reload", Kind: List, Arg: "FILE", Topic: topicProcess,
		Help:  "Reload, as at SIGHUP, when this file changes. Repeatable.",
		Needs: "master",
		Field: func(c *Config) any { return &c.TouchReload },
	},
	{
		Name: "auto-procname", Kind: Bool, Topic: topicProcess, Bare: "true",
		Help:  "Name the processes for ps and top: gowsgi master, gowsgi worker 1. Linux only.",
		Field: func(c *Config) any { return &c.ProcName },
	},
	{
		Name: "procname-prefix", Kind: String, Arg: "TEXT", Topic: topicProcess,
		Help:  "Put this before the names of --auto-procname.",
		Needs: "auto-procname",
		Field: func(c *Config) any { return &c.ProcNamePrefix },
	},
	{
		Name: "procname-prefix-spaced", Kind: String, Arg: "TEXT", Topic: topicProcess,
		Help:  "Put this and a space before the names of --auto-procname.",
		Needs: "auto-procname",
		Field: func(c *Config) any { return &c.ProcNameSpaced },
	},
	{
		Name: "worker-reload-mercy", Kind: Seconds, Arg: "SECONDS", Default: "60", Topic: topicProcess,
		Help:  "How long a worker process that is replaced may take to end its requests. Then it is killed.",
		Needs: "master",
		Field: func(c *Config) any { return &c.Mercy },
	},
	{
		Name: "check", Kind: Bool, Topic: topicProcess, Bare: "true", Alone: true,
		Help:  "Load the app, say what was found, and exit.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.Check },
	},
	{
		Name: "version", Kind: Bool, Topic: topicProcess, Bare: "true", ArgsOnly: true, Alone: true,
		Help:  "Print the versions of gowsgi and Python and how it was built, and exit.",
		Field: func(c *Config) any { return &c.Version },
	},
	{
		Name: "help", Short: "h", Kind: Bool, Topic: topicProcess, Bare: "true", ArgsOnly: true,
		Help:  "Print this help and exit.",
		Field: func(c *Config) any { return &c.Help },
	},

	{
		Name: "get", Kind: List, Arg: "/PATH[=STATUS]", Topic: topicSmoke, Command: "smoke", ArgsOnly: true,
		Help:   "Ask for this path, in place of the routes that are found. It passes with that status, else with any below 400. Repeatable.",
		UWSGI:  "None.",
		Accept: acceptGet, Want: "a path that starts with /, as in /login or /login=200",
		Field: func(c *Config) any { return &c.Get },
	},
	{
		Name: "checks", Kind: String, Arg: "FILE", Topic: topicSmoke, Command: "smoke", ArgsOnly: true,
		Help:  "Run the checks in this YAML file, one after the other: see docs/smoke.md.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.Checks },
	},
	{
		Name: "exclude", Kind: List, Arg: "GLOB", Topic: topicSmoke, Command: "smoke", ArgsOnly: true,
		Help:   "Leave routes out of those that are found: * is all but a slash, ** is all. Repeatable.",
		UWSGI:  "None.",
		Accept: acceptGlob, Want: "a pattern such as /admin/** with balanced brackets",
		Field: func(c *Config) any { return &c.Exclude },
	},
	{
		Name: "max-ms", Kind: Int, Arg: "N", Default: "0", Topic: topicSmoke, Command: "smoke", ArgsOnly: true, Max: 1 << 30,
		Help:  "Fail a check whose response takes longer, in milliseconds, and show where its thread was at that time; 0 is no limit.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.MaxMS },
	},
	{
		Name: "timeout", Kind: Seconds, Arg: "SECONDS", Default: "30", Topic: topicSmoke, Command: "smoke", ArgsOnly: true,
		Help:  "Give a request up that takes that long, and show its thread's stack. The others go on in a new process.",
		UWSGI: "None.",
		Want:  "seconds (30, 0.5) or a duration (500ms, 2m); not 0",
		Field: func(c *Config) any { return &c.Timeout },
	},
	{
		Name: "repeat", Kind: Int, Arg: "N", Default: "1", Topic: topicSmoke, Command: "smoke", ArgsOnly: true, Min: 1, Max: 1 << 20,
		Help:  "Run everything that often.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.Repeat },
	},
	{
		Name: "concurrency", Kind: Int, Arg: "N", Default: "1", Topic: topicSmoke, Command: "smoke", ArgsOnly: true, Min: 1, Max: 512,
		Help:  "Run that many at the same time. The checks of a file stay one after the other.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.Concurrency },
	},
	{
		Name: "fail-fast", Kind: Bool, Topic: topicSmoke, Bare: "true", Command: "smoke", ArgsOnly: true,
		Help:  "Start no more checks after one that failed.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.FailFast },
	},
	{
		Name: "no-validate", Kind: Bool, Topic: topicSmoke, Bare: "true", Command: "smoke", ArgsOnly: true,
		Help:  "Do without wsgiref.validate between the server and the app.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.NoValidate },
	},
	{
		Name: "junit", Kind: String, Arg: "FILE", Topic: topicSmoke, Command: "smoke", ArgsOnly: true,
		Help:  "Write a JUnit report to this file.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.JUnit },
	},
	{
		Name: "json", Kind: String, Arg: "FILE", Topic: topicSmoke, Command: "smoke", ArgsOnly: true,
		Help:  "Write a report as JSON to this file.",
		UWSGI: "None.",
		Field: func(c *Config) any { return &c.JSON },
	},
}
