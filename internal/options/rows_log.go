package options

var logRows = []Option{
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
		Name: "log-date", Aliases: []string{"logdate"}, Kind: String, Arg: "FORMAT", Topic: topicLog, Bare: "true",
		Help:  "Write times in the log as strftime(3) does: '%Y-%m-%d %H:%M:%S'. In a configuration file each % is written %%.",
		Field: func(c *Config) any { return &c.LogDate },
	},
	{
		Name: "log-4xx", Kind: Bool, Topic: topicLog, Bare: "true",
		Help:  "With --disable-logging, log the requests that are answered with 400 to 499 all the same.",
		Needs: "disable-logging",
		Field: func(c *Config) any { return &c.Log4xx },
	},
	{
		Name: "log-5xx", Kind: Bool, Topic: topicLog, Bare: "true",
		Help:  "With --disable-logging, log the requests that are answered with 500 to 599 all the same.",
		Needs: "disable-logging",
		Field: func(c *Config) any { return &c.Log5xx },
	},
	{
		Name: "log-slow", Kind: Int, Arg: "MS", Default: "0", Topic: topicLog, Max: 1 << 30,
		Help:  "With --disable-logging, log the requests that take that many milliseconds all the same; 0 is none.",
		Needs: "disable-logging",
		Field: func(c *Config) any { return &c.LogSlow },
	},
}
