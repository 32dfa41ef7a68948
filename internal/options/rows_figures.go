package options

var figuresRows = []Option{
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
}
