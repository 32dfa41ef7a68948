package options

// uwsgiRows are the options that only uWSGI has and that need nothing here, or are done by others.
var uwsgiRows = []Option{
	// What they ask for is always so.
	{
		Name: "die-on-term", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded,
		Aliases: []string{"no-orphans", "vacuum", "need-app", "enable-threads", "thunder-lock", "lazy-apps", "lazy"},
		Short:   "T", Say: "always so here; safe to delete",
	},
	{
		Name: "single-interpreter", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded, Short: "i",
		Say: "always so here: mounted apps share one interpreter; safe to delete",
	},
	{
		Name: "manage-script-name", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded,
		Aliases: []string{"no-default-app"},
		Say:     "a mounted app always gets its SCRIPT_NAME, and only the requests below it",
	},
	{
		Name: "ignore-sigpipe", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded,
		Aliases: []string{"ignore-write-errors", "disable-write-exception", "write-errors-exception-only"},
		Say:     "a client that leaves while it is answered raises nothing in the app; safe to delete",
	},
	{
		Name: "memory-report", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded, Short: "m",
		Say: "for memory see --stats, --metrics, or %(rss) in --log-format",
	},
	{
		Name: "honour-range", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded,
		Aliases: []string{
			"reuse-port", "so-keepalive", "tcp-nodelay", "no-defer-accept", "close-on-exec", "close-on-exec2", "log-master",
			"threaded-logger", "log-reopen", "log-zero", "http-auto-chunked", "http-chunked-input", "http-raw-body", "http-manage-expect",
			"wsgi-manage-chunked-input", "py-call-osafterfork", "py-call-uwsgi-fork-hooks", "py-call-osafterfork-hook", "wsgi-accept-buffer",
			"wsgi-accept-buffers", "wsgi-strict", "wsgi-env-behaviour", "wsgi-env-behavior", "skip-atexit-teardown", "no-threads-wait",
			"unsubscribe-on-graceful-reload", "use-abort", "no-site", "log-micros", "propagate-touch", "skip-atexit", "reaper", "no-fd-passing",
		},
		Say: "always so here, or about a part that gowsgi has not; safe to delete",
	},
	{
		Name: "plugins", Kind: String, Arg: "NAMES", Topic: topicUWSGI, Fate: NotNeeded,
		Aliases: []string{"plugin", "need-plugin", "need-plugins"}, Say: "nothing needs a plugin; safe to delete", Become: fromPlugins,
	},
	{
		Name: "offload-threads", Kind: String, Arg: "N", Topic: topicUWSGI, Fate: NotNeeded,
		Aliases: []string{
			"offload-thread", "plugins-dir", "plugin-dir", "max-vars", "thread-stacksize", "thread-stack-size", "threads-stacksize",
			"threads-stack-size", "http-processes", "http-workers", "http-events", "http-gracetime", "static-cache-paths",
			"static-cache-paths-name", "binary-path", "log-master-bufsize", "socket-sndbuf", "socket-rcvbuf", "max-fd", "max-apps",
			"lock-engine", "py-program-name", "py-programname", "python-version", "signals-bufsize", "signal-bufsize", "post-buffering-bufsize",
			"body-read-warning", "response-headers-limit", "master-fifo-slot", "http-connect-timeout", "http-headers-timeout", "check-interval", "chunked-input-limit", "chunked-input-timeout", "clock", "fd-safe", "safe-fd", "persistent-ipcsem", "write-errors-tolerance", "harakiri-queue-threshold", "harakiri-graceful-signal",
		},
		Short: "v", Say: "gowsgi sees to it by itself; safe to delete",
	},
	{
		Name: "print", Kind: String, Arg: "TEXT", Topic: topicUWSGI, Fate: NotNeeded,
		Aliases: []string{"iprint", "declare-option", "declare-option2", "end", "endfor", "endif", "end-for", "end-if"},
		Say:     "says something of the configuration itself, which gowsgi check does",
	},

	// What they ask for is done by other options.
	{
		Name: "buffer-size", Kind: Size, Arg: "BYTES", Topic: topicUWSGI, Fate: Emulated, Aliases: []string{"http-buffer-size"},
		Short: "b", Say: "the limit is --limit-head, 64k at least; over it clients get 431, not a reset", Become: fromBuffer,
	},
	{
		Name: "socket-timeout", Kind: Seconds, Arg: "SECONDS", Topic: topicUWSGI, Fate: Emulated, Short: "z",
		Say: "it is --body-timeout and --send-timeout", Become: as("body-timeout", "send-timeout"),
	},
	{
		Name: "so-send-timeout", Kind: Seconds, Arg: "SECONDS", Topic: topicUWSGI, Fate: Emulated,
		Aliases: []string{"so-write-timeout", "socket-send-timeout", "socket-write-timeout"},
		Say:     "it is --send-timeout", Become: as("send-timeout"),
	},
	{
		Name: "http-keepalive", Kind: String, Arg: "SECONDS", Bare: "true", Topic: topicUWSGI, Fate: Emulated,
		Say: "connections are kept always; the time is --idle-timeout", Become: fromKeepalive,
	},
	{
		Name: "http-timeout", Kind: Seconds, Arg: "SECONDS", Topic: topicUWSGI, Fate: NotNeeded, Aliases: []string{"http-harakiri"},
		Say: "there is no router that waits for the app: --harakiri limits that, and is not set by this",
	},
	{
		Name: "http-enable-proxy-protocol", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: Emulated,
		Aliases: []string{"enable-proxy-protocol"},
		Say:     "it is --proxy-protocol all; name your proxies instead, or everybody may say who they are", Loud: true, Become: fromProxyProtocol,
	},
	{
		Name: "post-buffering", Kind: Size, Arg: "BYTES", Topic: topicUWSGI, Fate: NotNeeded, Aliases: []string{"post-buffering-dir"},
		Say: "bodies up to 64 KiB are read before the app starts, larger ones stream; wsgi.input is not seekable, Werkzeug and Django spool by themselves", Loud: true,
	},
	{
		Name: "logger", Kind: String, Arg: "KIND:ARG", Topic: topicUWSGI, Fate: Emulated, Aliases: []string{"req-logger", "logger-req"},
		Say: "a file is --logto, which has both logs", Become: fromLogger,
	},
	{
		Name: "fs-reload", Kind: List, Arg: "FILE", Topic: topicUWSGI, Fate: Emulated, Aliases: []string{"fs-brutal-reload"},
		Say: "it is --touch-reload: files, no directories", Become: as("touch-reload"),
	},
	{
		Name: "hook-master-start", Kind: String, Arg: "HOOK", Topic: topicUWSGI, Fate: Emulated,
		Say: "SIGTERM always ends in order", Become: fromMasterStart,
	},

	// They are missed, but the app is the same without them.
	{
		Name: "cheaper-algo", Kind: String, Arg: "NAME", Topic: topicUWSGI, Fate: NotNeeded, Loud: true,
		Aliases: []string{"cheaper-overload", "cheaper-rss-limit-soft", "cheaper-rss-limit-hard", "cheaper-busyness-*", "cheap"},
		Say:     "gowsgi starts processes while requests wait for all there are, and ends them after --cheaper-idle",
	},
	{
		Name: "log-maxsize", Kind: String, Arg: "BYTES", Topic: topicUWSGI, Fate: NotNeeded, Loud: true,
		Aliases: []string{"log-backupname", "touch-logrotate", "log-truncate", "logfile-chmod", "logfile-chown", "log-prefix"},
		Say:     "use logrotate, with SIGUSR2 or --touch-logreopen",
	},
	{
		Name: "log-encoder", Kind: String, Arg: "FORMAT", Topic: topicUWSGI, Fate: NotNeeded, Loud: true,
		Aliases: []string{
			"log-req-encoder", "log-x-forwarded-for", "log-big", "log-sendfile", "log-ioerror", "log-format-strftime",
			"logformat-strftime",
		},
		Say: "use --log-json, --log-format and --trusted-proxy",
	},
	{
		Name: "max-worker-lifetime-delta", Kind: String, Arg: "SECONDS", Topic: topicUWSGI, Fate: NotNeeded, Loud: true,
		Say: "worker processes are replaced one after the other anyway",
	},
	{
		Name: "harakiri-verbose", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded,
		Aliases: []string{"harakiri-no-arh", "no-harakiri-arh", "no-harakiri-after-req-hook", "py-tracebacker", "catch-exceptions", "backtrace-depth"},
		Say:     "harakiri, SIGQUIT and crashes always log Python's stacks; --dev shows exceptions in the browser",
	},
	{
		Name: "procname", Kind: String, Arg: "TEXT", Topic: topicUWSGI, Fate: NotNeeded, Loud: true,
		Aliases: []string{"procname-master", "procname-append"}, Say: "use --auto-procname with --procname-prefix",
	},
	{
		Name: "carbon", Kind: String, Arg: "ADDRESS", Topic: topicUWSGI, Fate: NotNeeded, Loud: true,
		Aliases: []string{
			"carbon-*", "metric", "metric-*", "metrics-*", "enable-metrics", "stats-push", "stats-push*", "rrdtool", "rrdtool-*",
			"snmp", "snmp-*", "nagios", "alarm", "alarm-*", "alarms-list", "listen-queue-alarm", "lq-alarm", "segfault-alarm", "backlog-alarm",
			"stats-no-cores", "stats-no-metrics", "stats-min", "stats-minified", "ping", "ping-timeout", "heartbeat",
		},
		Say: "use --metrics (Prometheus) or --stats",
	},
	{
		Name: "cpu-affinity", Kind: String, Arg: "N", Topic: topicUWSGI, Fate: NotNeeded, Loud: true,
		Aliases: []string{"prio", "ksm", "never-swap", "limit-nproc", "reload-on-as", "evil-reload-on-as", "idle", "mem-collector-freq", "tcp-fast-open", "tcp-fast-open-client", "tcp-fastopen", "tcp-fastopen-client"},
		Say:     "use systemd (CPUAffinity, Nice) or the container; --reload-on-rss limits memory",
	},
	{
		Name: "static-gzip-all", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded, Loud: true,
		Aliases: []string{"static-gzip-*", "http-auto-gzip", "file-serve-mode", "fileserve-mode", "disable-sendfile", "wsgi-disable-file-wrapper"},
		Say:     "files go out as they are, by sendfile; compress in nginx",
	},
	{
		Name: "py-auto-reload-ignore", Kind: String, Arg: "MODULE", Topic: topicUWSGI, Fate: NotNeeded, Loud: true,
		Say: "only the app's own files are followed",
	},
	{
		Name: "shutdown-sockets", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded,
		Aliases: []string{"exit-on-reload", "skip-zero", "no-initgroups", "reload-os-env"},
		Say:     "about a part that gowsgi has not; safe to delete",
	},
	{
		Name: "drop-after-apps", Kind: Bool, Topic: topicUWSGI, Bare: "true", Fate: NotNeeded, Loud: true,
		Aliases: []string{"drop-after-init", "master-as-root"},
		Say:     "gowsgi drops privileges before it imports the app, and the front's, too: what only root may read can't be read by the app",
	},
}
