package options

var staticRows = []Option{
	{
		Name: "static-map", Kind: List, Arg: "/MOUNT=PATH", Topic: topicStatic,
		Help: "Serve files from a directory below this path, or one file at it, without Python: with types, ETag, Range and conditional " +
			"requests. What is not there is the app's. Nothing outside of the directory is served, also not by symlinks. Repeatable.",
		UWSGI:  "Same; there, Range needs honour-range, and there is no ETag.",
		Accept: acceptStaticMap, Want: "a path that starts with / and a directory or file, as in /static=./static",
		Field: func(c *Config) any { return &c.StaticMaps },
	},
	{
		Name: "static-map2", Kind: List, Arg: "/MOUNT=PATH", Topic: topicStatic,
		Help:   "As --static-map, and the mount is part of the file's path. Repeatable.",
		Accept: acceptStaticMap, Want: "a path that starts with / and a directory, as in /static=./public",
		Field: func(c *Config) any { return &c.StaticMaps2 },
	},
	{
		Name: "check-static", Aliases: []string{"static-check"}, Kind: List, Arg: "DIR", Topic: topicStatic,
		Help:  "Look for every path of a GET or HEAD request in this directory first. Repeatable.",
		Field: func(c *Config) any { return &c.CheckStatic },
	},
	{
		Name: "static-index", Kind: List, Arg: "NAME", Topic: topicStatic,
		Help:  "The file to serve for a directory, such as index.html. Repeatable.",
		Field: func(c *Config) any { return &c.StaticIndex },
	},
	{
		Name: "static-expires", Kind: List, Arg: "'REGEX SECONDS'", Topic: topicStatic,
		Help:  "Send Expires and Cache-Control for files whose name matches: '\\.(css|js)$ 3600'. Repeatable.",
		UWSGI: "Same, without Cache-Control.",
		Field: func(c *Config) any { return &c.StaticExpires },
	},
	{
		Name: "static-expires-uri", Kind: List, Arg: "'REGEX SECONDS'", Topic: topicStatic,
		Help:  "The same for paths that match. Repeatable.",
		Field: func(c *Config) any { return &c.StaticExpiresURI },
	},
	{
		Name: "static-expires-type", Kind: List, Arg: "TYPE=SECONDS", Topic: topicStatic,
		Help:  "The same for files of this type: text/css=3600. Repeatable.",
		Field: func(c *Config) any { return &c.StaticExpiresType },
	},
	{
		Name: "static-safe", Kind: List, Arg: "DIR", Topic: topicStatic,
		Help:  "A directory that symlinks of static directories may lead to. Repeatable.",
		Field: func(c *Config) any { return &c.StaticSafe },
	},
	{
		Name: "static-skip-ext", Kind: List, Arg: ".EXT", Topic: topicStatic,
		Help:  "Never serve files with this ending. Repeatable.",
		Field: func(c *Config) any { return &c.StaticSkipExt },
	},
	{
		Name: "mime-file", Aliases: []string{"mimefile"}, Kind: List, Arg: "FILE", Topic: topicStatic,
		Help:  "Types of files by their ending, in the format of /etc/mime.types, which is read without this option. Repeatable.",
		Field: func(c *Config) any { return &c.MimeFiles },
	},
}
