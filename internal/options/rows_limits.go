package options

var limitsRows = []Option{
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
		Name: "harakiri-grace", Aliases: []string{"harakiri-graceful-timeout"}, Kind: Seconds, Arg: "SECONDS", Default: "5", Topic: topicLimits,
		Help:  "The time that the app gets after HarakiriError until the log calls its thread lost.",
		UWSGI: "Same, as harakiri-graceful-timeout: until the worker is killed.",
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
}
