package options

var listenRows = []Option{
	{
		Name: "http", Aliases: []string{"http-socket", "httprouter", "http11-socket"}, Kind: List, Arg: "ADDRESS", Default: "127.0.0.1:5000", Topic: topicListen,
		Help: "Serve HTTP here: host:port, :port for all interfaces, [::1]:port, unix:/path or a path with a slash. " +
			"Port 0 takes a free one. Repeatable.",
		UWSGI:  "Same; there's no router process here, and a bare number is an error, not a socket's name.",
		Accept: acceptAddress, Want: "an address such as :5000 (a bare number is the name of a UNIX socket in uWSGI)",
		Field: func(c *Config) any { return &c.HTTP },
	},
	{
		Name: "socket", Aliases: []string{"uwsgi-socket"}, Short: "s", Kind: List, Arg: "ADDRESS", Topic: topicListen,
		Help: "Serve the uwsgi protocol here, for nginx's uwsgi_pass. Addresses are those of --http; a word without a colon is a UNIX socket. " +
			"Without --http there is no HTTP then. Repeatable.",
		UWSGI:  "Same; variables that have code loaded (UWSGI_SCRIPT and the like) are never obeyed here.",
		Accept: acceptSocket, Want: "host:port, :port or the path of a UNIX socket; a bare number is neither (:3031 is a port)",
		Field: func(c *Config) any { return &c.Socket },
	},
	{
		Name: "protocol", Aliases: []string{"socket-protocol"}, Kind: String, Arg: "NAME", Default: "uwsgi", Topic: topicListen,
		Help:   "What is spoken on --socket: uwsgi or http.",
		UWSGI:  "Same, and fastcgi, scgi and others.",
		Accept: acceptProtocol, Want: "uwsgi or http",
		Field: func(c *Config) any { return &c.Protocol },
	},
	{
		Name: "chmod-socket", Aliases: []string{"chmod"}, Short: "C", Kind: Mode, Arg: "MODE", Topic: topicListen, Bare: "666",
		Help:  "The mode of UNIX sockets; 666 if MODE is left out. Without the option the umask decides.",
		Field: func(c *Config) any { return &c.SocketMode },
	},
	{
		Name: "chown-socket", Kind: String, Arg: "USER[:GROUP]", Topic: topicListen,
		Help:  "The owner of UNIX sockets; names or numbers. It needs root.",
		Field: func(c *Config) any { return &c.SocketOwner },
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
		Name: "proxy-protocol", Kind: List, Arg: "CIDR", Topic: topicListen, Sep: ",",
		Help: "HTTP connections from these peers begin with the PROXY protocol (v1 or v2), which says who the client is: addresses, CIDRs, unix, " +
			"or all. From others it is an error. Repeatable; commas separate.",
		UWSGI:  "http-enable-proxy-protocol: version 1, from everybody.",
		Accept: acceptPeer, Want: "an address, a CIDR such as 10.0.0.0/8, unix, or all",
		Field: func(c *Config) any { return &c.ProxyProtocol },
	},
	{
		Name: "add-header", Kind: List, Arg: "'NAME: VALUE'", Topic: topicListen,
		Help:  "Add a header to every response of the app, and to static files. Repeatable.",
		Field: func(c *Config) any { return &c.AddHeaders },
	},
}
