package options

import "slices"

// Topics, in the table's order.
const (
	topicApp     = "Application"
	topicListen  = "Listening"
	topicStatic  = "Static files"
	topicThreads = "Threads and queue"
	topicLimits  = "Limits and timeouts"
	topicLog     = "Logging"
	topicFigures = "Monitoring"
	topicDev     = "Development"
	topicProcess = "Process"
	topicSmoke   = "gowsgi smoke"
	topicUWSGI   = "uWSGI's others"
)

// Table is every option there is: flags, variables, what configuration files may say, --help, docs/options.md and gowsgi check
// come from it. The rows of a topic lie in a file of its name. After a change, run go generate in this directory.
var Table = slices.Concat(appRows, listenRows, staticRows, threadsRows, limitsRows, logRows, figuresRows, devRows, processRows,
	smokeRows, uwsgiRows, refusedRows)
