package options

const useSystemd = "hooks and limits of the system are systemd's (ExecStartPre, MemoryMax, PrivateTmp) or the container's"

// refusedRows are uWSGI's options without which the app would be another one. Each says what to do instead.
var refusedRows = []Option{
	{
		Name: "gevent", Kind: String, Arg: "N", Topic: topicUWSGI, Fate: Refused,
		Aliases: []string{
			"gevent-*", "async", "ugreen", "ugreen-*", "asyncio", "loop", "loop-*", "greenlet", "tornado", "tornado-*", "fiber", "coroae",
			"ugreen-stacksize",
		},
		Say: "use --threads N, N being the number of slow requests at a time, and remove monkey patching",
	},
	{
		Name: "http-websockets", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: Refused,
		Aliases: []string{"websocket-*", "websockets-*"}, Say: "WSGI has no websockets: keep to long polling, or run a socket server beside",
	},
	{
		Name: "spooler", Kind: String, Arg: "DIR", Topic: topicUWSGI, Fate: Refused, Short: "Q",
		Aliases: []string{
			"spooler-*", "spool*", "mule", "mules", "mule-*", "farm", "cron", "cron2", "cron-*", "unique-*", "attach-daemon",
			"attach-daemon2", "attach-*", "smart-attach-daemon", "smart-attach-*", "daemons-honour-stdin", "timer", "rbtimer", "signal",
			"signal-timer", "signal-rbtimer", "worker-exec", "worker-exec2", "touch-exec", "touch-signal", "touch-mules-reload",
			"touch-spoolers-reload", "command-mode",
		},
		Say: "background work is not a web server's: celery, rq or systemd timers; @timer is there with --uwsgi-module",
	},
	{
		Name: "cache2", Kind: String, Arg: "OPTIONS", Topic: topicUWSGI, Fate: Refused, Short: "A",
		Aliases: []string{
			"cache", "cache-*", "add-cache-item", "load-file-in-cache", "load-file-in-cache-*", "check-cache", "sharedarea",
			"queue-store", "queue-store-sync", "queue-blocksize", "rpc-max", "py-sharedarea",
		},
		Say: "there is no shared memory for apps: use redis or memcached, cachelib has both",
	},
	{
		Name: "emperor", Kind: String, Arg: "DIR", Topic: topicUWSGI, Fate: Refused,
		Aliases: []string{
			"emperor-*", "early-emperor", "vassal-*", "vassals-*", "imperial-*", "zerg", "zerg-*", "zergpool", "subscribe", "subscribe*",
			"subscribe-*", "subscription-*", "subscriptions-*", "start-unsubscribed", "fastrouter", "fastrouter-*", "rawrouter", "rawrouter-*", "sslrouter",
			"sslrouter*", "legion", "legion-*", "vhost", "vhost-*", "blacklist", "whitelist", "end-blacklist", "end-whitelist", "weight",
			"auto-weight", "forkrouter*", "tuntap-*",
		},
		Say: "one gowsgi for each app: a systemd template unit gowsgi@.service, and nginx before them",
	},
	{
		Name: "route", Kind: String, Arg: "RULE", Topic: topicUWSGI, Fate: Refused,
		Aliases: []string{
			"route-*", "error-route*", "response-route*", "final-route*", "rewrite", "rem-header", "del-header", "pull-header",
			"collect-header", "response-header-collect", "error-page-*", "inject-before", "inject-after", "upload-progress", "check-static-docroot", "static-expires-type-mtime",
		},
		Say: "rewrite in nginx, or in a middleware of the app; --add-header is there",
	},
	{
		Name: "http-to", Kind: String, Arg: "ADDRESS", Topic: topicUWSGI, Fate: Refused,
		Aliases: []string{
			"http-use-*", "http-subscription-*", "http-fallback", "http-zerg", "http-resubscribe*", "http-stats", "http-stats-server",
			"http-ss", "http-uid", "http-gid", "http-modifier1", "http-modifier2", "http-var", "http-stud-prefix", "http-manage-source", "http-manage-rtsp",
			"http-server-name-as-http-host", "http-cheap", "http-quiet", "http-socket-modifier1", "http-socket-modifier2",
		},
		Say: "there is no router process: gowsgi serves HTTP itself",
	},
	{
		Name: "https", Kind: String, Arg: "ADDRESS,CERT,KEY", Topic: topicUWSGI, Fate: Refused,
		Aliases: []string{"https2", "https-*", "http-to-https", "ssl-*", "sni", "sni-*"}, Say: "TLS ends before gowsgi: in nginx, Caddy or the load balancer",
	},
	{
		Name: "fastcgi-socket", Kind: String, Arg: "ADDRESS", Topic: topicUWSGI, Fate: Refused, Short: "a",
		Aliases: []string{
			"fastcgi-*", "scgi-*", "raw-*", "suwsgi-socket", "puwsgi-socket", "zeromq*", "zmq*", "udp", "shared-socket", "map-socket",
			"undeferred-shared-socket", "abstract-socket", "multicast", "multicast-*", "stomp*",
		},
		Say: "serve HTTP (--http) or the uwsgi protocol (--socket), on TCP or a UNIX socket with a path",
	},
	{
		Name: "hook-asap", Kind: String, Arg: "HOOK", Topic: topicUWSGI, Fate: Refused,
		Aliases: []string{
			"hook-*", "exec-*", "call-*", "cgroup", "cgroup-*", "limit-as", "chroot", "jail*", "unshare", "unshare*", "cap", "pivot*",
			"namespace", "namespace-*", "ns", "ns-*", "setns*", "re-fork*", "refork*", "mount-as-*", "mount-*", "umount-*", "wait-for-*", "wait-*",
			"flock*", "privileged-binary-patch*", "unprivileged-binary-patch*", "after-request-*", "symcall*", "dlopen", "die-on-idle",
			"freebind", "forkbomb-delay", "worker-mount", "allowed-modifiers", "remap-modifier", "ignore-script-name", "notify-socket", "check-mount", "check-mountpoint", "mountpoint-check", "binsh", "force-gateway", "fs-signal", "file-write", "honour-stdin", "resolve",
		},
		Say: useSystemd,
	},
	{
		Name: "envdir", Kind: String, Arg: "DIR", Topic: topicUWSGI, Fate: Refused, Aliases: []string{"early-envdir"},
		Say: "write env = NAME=value, or for-readline over a file of such lines",
	},
	{
		Name: "pyimport", Kind: String, Arg: "MODULE", Topic: topicUWSGI, Fate: Refused, Short: "O",
		Aliases: []string{
			"py-import", "python-import", "import", "shared-*", "post-pymodule-alias", "pymodule-alias", "pyrun", "pyshell", "pyshell-oneshot",
			"python-worker-override", "py-executable", "py-sys-executable", "eval", "optimize", "reload-on-exception", "reload-on-exception-*",
			"reload-on-fd", "brutal-reload-on-fd", "exception-handler", "profiler", "reaper-*", "embed*", "fallback-config",
		},
		Say: "import what you need in the app's own module; PYTHONOPTIMIZE and the like go into the environment",
	},
	{
		Name: "ini-paste", Kind: String, Arg: "FILE", Topic: topicUWSGI, Fate: Refused, Aliases: []string{"ini-paste-logged", "paste", "paste-logger"},
		Say: "load it in a file of your own, application = paste.deploy.loadapp('config:FILE'), and serve that with --wsgi-file",
	},
	{
		Name: "xml", Kind: String, Arg: "FILE", Topic: topicUWSGI, Fate: Refused, Short: "x",
		Aliases: []string{
			"xmlconfig", "config", "config-py", "pecan", "web3", "pump", "wsgi-lite", "python-raw", "py", "python", "php*", "lua*", "rack*",
			"ruby*", "rails*", "psgi*", "perl*", "cgi*", "jvm*", "jwsgi*", "gccgo*", "go-*", "mono*", "v8*", "mono-*", "pypy*", "symcall", "ring-*", "clojure-*",
			"rados-*", "gridfs-*", "glusterfs-*", "webdav-*", "xslt-*", "ldap*", "geoip-*", "mongodb-*", "master-plugin*",
		},
		Say: "gowsgi serves WSGI apps in Python, configured by .ini, .yaml and .json files",
	},
	{
		Name: "log-syslog", Kind: String, Arg: "NAME", Topic: topicUWSGI, Fate: Refused,
		Aliases: []string{"log-socket", "rsyslog-*", "log-master-stream", "log-master-req-stream", "syslog*"},
		Say:     "run gowsgi under systemd or a container, which take its stderr, or use --logto",
	},
	{
		Name: "pause", Kind: String, Arg: "PIDFILE", Topic: topicUWSGI, Fate: Refused, ArgsOnly: true, Short: "J",
		Aliases: []string{"suspend", "resume", "connect-and-read", "extract", "dot-h", "cflags", "build-plugin", "no-server", "ftok", "autoload", "binary-append-data", "cheaper-algo-list", "cheaper-algos-list", "cheaper-list", "clock-list", "clocks-list", "dump-options", "exit", "logger-list", "loggers-list", "loops-list", "plugin-list", "plugins-list", "print-sym", "print-symbol", "st", "start", "mode", "test", "usage"},
		Say:     "gowsgi has --stop, --reload, --check and gowsgi check",
	},
}
