package options

var threadsRows = []Option{
	{
		Name: "threads", Kind: Int, Arg: "N", Default: "8", Topic: topicThreads, Min: 1, Max: 512,
		Help:  "Request threads of a process. A uWSGI configuration that does not say so has one.",
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
}
