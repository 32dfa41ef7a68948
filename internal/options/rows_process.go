package options

var processRows = []Option{
	{
		Name: "pidfile", Aliases: []string{"pidfile2", "safe-pidfile", "safe-pidfile2"}, Kind: String, Arg: "FILE", Topic: topicProcess,
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
		UWSGI: "Same, default 10.",
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
		Name: "touch-reload", Aliases: []string{"touch-workers-reload", "touch-chain-reload"}, Kind: List, Arg: "FILE", Topic: topicProcess,
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
		Name: "worker-reload-mercy", Aliases: []string{"reload-mercy"}, Kind: Seconds, Arg: "SECONDS", Default: "60", Topic: topicProcess,
		Help:  "How long a worker process that is replaced may take to end its requests. Then it is killed.",
		Needs: "master",
		Field: func(c *Config) any { return &c.Mercy },
	},
	{
		Name: "uid", Aliases: []string{"immediate-uid"}, Kind: String, Arg: "USER", Topic: topicProcess,
		Help: "Become this user once sockets and logs are open and before the app is imported: the front, too. A name or number; it " +
			"needs root. Its groups are --gid and --add-gid, and no others.",
		Field: func(c *Config) any { return &c.UID },
	},
	{
		Name: "gid", Aliases: []string{"immediate-gid"}, Kind: String, Arg: "GROUP", Topic: topicProcess,
		Help:  "Become a member of this group then. Without it: the user's own.",
		UWSGI: "Same; without it, the group stays root's there.",
		Field: func(c *Config) any { return &c.GID },
	},
	{
		Name: "add-gid", Kind: List, Arg: "GROUP", Topic: topicProcess,
		Help:  "Become a member of this group, too. Repeatable.",
		Field: func(c *Config) any { return &c.AddGID },
	},
	{
		Name: "umask", Kind: String, Arg: "MODE", Topic: topicProcess,
		Help:   "The umask, in octal digits. Without it: as it was.",
		Accept: acceptUmask, Want: "octal digits, such as 022",
		Field: func(c *Config) any { return &c.Umask },
	},
	{
		Name: "daemonize", Aliases: []string{"daemonize2"}, Short: "d", Kind: String, Arg: "FILE", Topic: topicProcess,
		Help: "Run in the background, with the logs in this file. The command ends with 0 once requests are served, or with the error. " +
			"systemd and containers want none of it.",
		UWSGI:  "Same; there, the command ends at once with 0.",
		Accept: acceptFile, Want: "a file; addresses are none",
		Field: func(c *Config) any { return &c.Daemonize },
	},
	{
		Name: "master-fifo", Kind: List, Arg: "FILE", Topic: topicProcess,
		Help: "Take orders, a letter each, from this FIFO: r reload, R without mercy, q end in order, Q at once, + and - one more and one " +
			"less worker process, l open the log anew, s log figures. Repeatable.",
		UWSGI: "Same, and more letters.",
		Field: func(c *Config) any { return &c.MasterFIFO },
	},
	{
		Name: "stop", Kind: String, Arg: "PIDFILE", Topic: topicProcess, ArgsOnly: true, Alone: true,
		Help:  "Tell the server of that --pidfile to end in order (SIGTERM), and exit.",
		UWSGI: "Same, with SIGINT.",
		Field: func(c *Config) any { return &c.Stop },
	},
	{
		Name: "reload", Kind: String, Arg: "PIDFILE", Topic: topicProcess, ArgsOnly: true, Alone: true,
		Help:  "Tell the server of that --pidfile to reload (SIGHUP), and exit.",
		Field: func(c *Config) any { return &c.Reload },
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
}
