package options

var devRows = []Option{
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
}
