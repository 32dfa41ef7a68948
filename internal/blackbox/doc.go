// Package blackbox tests the built gowsgi as its users meet it: the real binary, a real
// Python, real sockets. It imports nothing of the project.
//
// Each topic has one WSGI app in testdata/apps and one test file here of the same name.
// A test starts a server of its own on port 0, talks to it over raw sockets, and the
// harness then asserts the hygiene that every server owes: descriptors and threads back
// where they were, exit 0 after SIGTERM, no process left, nothing in the log that reads
// like a crash.
//
// Most tests run twice: with the app as it is, and with the app inside wsgiref.validate,
// which turns each breach of PEP 3333 on the server's side into an exception.
//
// The full run (without -short) puts nginx in front as well, in three ways: nginx_table_test.go lists
// what that leaves out. It also runs the same requests, and the same configurations, by real uWSGI:
// differential_table_test.go lists the differences.
//
// What the tests read from the environment:
//
//	GOWSGI_BIN         the binary under test, else bin/gowsgi of this repository
//	GOWSGI_VENV        the virtual environment with requirements.txt in it, else .venv
//	GOWSGI_NGINX       nginx, and
//	GOWSGI_UWSGI       uWSGI: scripts/peers.sh installs both and sets these
//	GOWSGI_NEED_PEERS  1 to fail where one of the two is missing, instead of skipping
//	GOWSGI_NGINX_ALL   1 to run through nginx also what is excepted, to see what comes of it
//	GOWSGI_SLOW        a factor for every deadline, for sanitizers and slow machines
//
// -short leaves out what measures memory, which sanitizers distort.
//
// No test sleeps to let something happen: apps block on gates (FIFOs that the test opens)
// and report by events (lines in a file), and tests poll a condition until a deadline.
package blackbox
