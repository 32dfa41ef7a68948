package options

var smokeRows = []Option{
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
