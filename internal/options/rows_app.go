package options

var appRows = []Option{
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
		Name: "chdir", Aliases: []string{"force-cwd"}, Kind: String, Arg: "DIR", Topic: topicApp,
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
		Name: "mount", Kind: List, Arg: "/PREFIX=APP", Topic: topicApp,
		Help: "Serve one more app, below this path: /shop=shop:app, /blog=blog/app.py. SCRIPT_NAME is the prefix there. Paths that no app " +
			"is mounted at are the main app's, or 404 without one. Repeatable.",
		UWSGI:  "Same, with manage-script-name, which is always on here; there the first one gets all other paths too.",
		Accept: acceptMount, Want: "a path that starts with / and an app, as in /shop=shop:app",
		Field: func(c *Config) any { return &c.Mounts },
	},
	{
		Name: "chdir2", Kind: String, Arg: "DIR", Topic: topicApp,
		Help:  "Change to this directory once the app is loaded.",
		Field: func(c *Config) any { return &c.Dir2 },
	},
	{
		Name: "unenv", Kind: List, Arg: "NAME", Topic: topicApp,
		Help:  "Take a variable out of the app's environment. Repeatable.",
		Field: func(c *Config) any { return &c.Unenv },
	},
	{
		Name: "uwsgi-module", Kind: Bool, Topic: topicApp, Bare: "true",
		Help: "Have \"import uwsgi\" and \"import uwsgidecorators\" work in the app: worker_id, numproc, workers, opt, masterpid, version, log, " +
			"set_logvar, reload, lock, unlock, post_fork_hook; postfork, timer, lock. Without it neither module is there.",
		UWSGI: "None: the module is always there.",
		Field: func(c *Config) any { return &c.UWSGIModule },
	},
	{
		Name: "locks", Kind: Int, Arg: "N", Default: "1", Topic: topicApp, Min: 1, Max: 64,
		Help:  "The number of locks that uwsgi.lock() has.",
		UWSGI: "Same, and one more.",
		Needs: "uwsgi-module",
		Field: func(c *Config) any { return &c.Locks },
	},
	{
		Name: "ini", Kind: List, Arg: "FILE[:SECTION]", Topic: topicApp,
		Help: "Read a uWSGI configuration. It may also stand in the place of the app: gowsgi uwsgi.ini. gowsgi check FILE tells how it is " +
			"understood. Repeatable.",
		UWSGI: "Same; options of the command line beat it here, in whatever order they stand.",
		Field: func(c *Config) any { return &c.Ini },
	},
	{
		Name: "yaml", Aliases: []string{"yml"}, Short: "y", Kind: List, Arg: "FILE[:SECTION]", Topic: topicApp,
		Help:  "Read a uWSGI configuration in YAML. Repeatable.",
		Field: func(c *Config) any { return &c.YAML },
	},
	{
		Name: "json", Short: "j", Kind: List, Arg: "FILE[:SECTION]", Topic: topicApp, Alone: true,
		Help:  "Read a uWSGI configuration in JSON. Repeatable.",
		Field: func(c *Config) any { return &c.JSONConfig },
	},
	{
		Name: "set-placeholder", Aliases: []string{"set-ph"}, Short: "S", Kind: List, Arg: "KEY=VALUE", Topic: topicApp,
		Help:   "Set what configuration files have as %(KEY). Repeatable.",
		Accept: acceptPair, Want: "KEY=VALUE",
		Field: func(c *Config) any { return &c.Placeholders },
	},
	{
		Name: "strict", Kind: Bool, Topic: topicApp, Bare: "true",
		Help:  "Refuse to start with a configuration that has unknown keys.",
		UWSGI: "Same; there, every key that is only used as %(key) is unknown, too.",
		Field: func(c *Config) any { return &c.Strict },
	},
	{
		Name: "show-config", Kind: Bool, Topic: topicApp, Bare: "true",
		Help:  "Print the configuration as it was understood, and go on.",
		Field: func(c *Config) any { return &c.ShowConfig },
	},
}
