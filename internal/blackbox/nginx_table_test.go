package blackbox

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Which way to the app an exception is about.
const (
	anyFront = "nginx"
	byUWSGI  = "nginx-uwsgi"
	byUnix   = "nginx-uwsgi-unix"
	byProxy  = "nginx-proxy"
)

// exception is a test, or a subtest NAME/SUBTEST, that says nothing through nginx.
type exception struct {
	test   string // names the tests that begin so, and all below
	front  string // the fronts whose names begin so
	reason string
}

// Reasons that several have.
const (
	program   = "is about the program: its start, its end, its log, its processes, signals, figures or memory; no request of it is any different"
	devMode   = "--dev is for the browser of the one who writes the app, on the same machine and without nginx"
	scheduled = "is about which thread serves when: which connections the requests come by makes no difference, and nginx makes its own"
	ownLimit  = "nginx has limits and times of its own, and keeps what breaks gowsgi's to itself"
	parser    = "nginx reads the head itself, and refuses what it does not take"
	requests  = "nginx reads a request to its end before it asks the app, unless told otherwise: TestNginxStreams"
	responses = "nginx takes responses faster than its client does, and sends them when it likes, unless told otherwise: TestNginxStreams"
	unixEnd   = "an end before the response's end is a reset, which UNIX sockets have not: nginx takes it for the end of a body without a length"
	slashes   = "PATH_INFO is nginx's $document_uri, in which slashes are merged and dots are resolved"
	separate  = "before 1.23 nginx sends each of several headers as a variable of its own, and the last one counts, as with uWSGI"
	closes    = "what connection the client has is between it and nginx"
)

// exceptions is the whole list: what is not on it runs through nginx as it runs without.
var exceptions = []exception{
	{"TestAutoProcname", anyFront, program},
	{"TestNoProcname", anyFront, program},
	{"TestPriority", anyFront, program},
	{"TestReadyLine", anyFront, program},
	{"TestFirstProcess", anyFront, program},
	{"TestDrain", anyFront, program},
	{"TestIdleServerEndsAtOnce", anyFront, program},
	{"TestSecondSignal", anyFront, program},
	{"TestSignal", anyFront, program},
	{"TestAppsThatDoNotEnd", anyFront, program},
	{"TestShutdownOrder", anyFront, program},
	{"TestAppSignal", anyFront, program},
	{"TestQuit", anyFront, program},
	{"TestIgnoredInterruptStillDrains", anyFront, program},
	{"TestOtherSignals", anyFront, program},
	{"TestStartAndStop", anyFront, program},
	{"TestLog", anyFront, program},
	{"TestTouchLogReopen", anyFront, program},
	{"TestFiguresInLog", anyFront, program},
	{"TestFigures", anyFront, program},
	{"TestStats", anyFront, program},
	{"TestStack", anyFront, program},
	{"TestTop", anyFront, program},
	{"TestMetrics", anyFront, program},
	{"TestFlatMemory", anyFront, program},
	{"TestStaticFlatMemory", anyFront, program},
	{"TestMixedRequestsLeaveNothing", anyFront, program},
	{"TestSegfaultEndsTheProcess", anyFront, program},
	{"TestUnixSocket", anyFront, program},
	{"TestHealthWhileDraining", anyFront, program},
	{"TestOutOfDescriptors", anyFront, program},
	{"TestMasterFIFO", anyFront, program},
	{"TestDaemonize", anyFront, program},
	{"TestStopAndReload", anyFront, program},
	{"TestUmask", anyFront, program},
	{"TestUID", anyFront, program},
	{"TestUWSGIHookHangs", anyFront, program},
	{"TestConnectionsComeAndGo", anyFront, program},

	{"TestPacket", anyFront, "speaks the uwsgi protocol itself"},
	{"TestProxyProtocol", anyFront, "is the balancer itself"},

	{"TestDev", anyFront, devMode},
	{"TestErrorPage", anyFront, devMode},
	{"TestErrorForms", anyFront, devMode},
	{"TestErrorKinds", anyFront, devMode},
	{"TestErrorAfterHead", anyFront, devMode},
	{"TestLargeErrorPage", anyFront, devMode},
	{"TestOwn", anyFront, devMode},
	{"TestDotenv", anyFront, devMode},
	{"TestMalformedDotenv", anyFront, devMode},
	{"TestBreakpoint", anyFront, devMode},
	{"TestInterruptedImport", anyFront, devMode},
	{"TestRequestLines", anyFront, devMode},
	{"TestPlainRequestLines", anyFront, devMode},
	{"TestOpen", anyFront, devMode},

	{"TestQueue", anyFront, scheduled},
	{"TestGoneClientIsNeverStarted", anyFront, scheduled},
	{"TestThread", anyFront, scheduled},
	{"TestComputingRequestLetsOthersThrough", anyFront, scheduled},
	{"TestBackgroundThreadsRun", anyFront, scheduled},
	{"TestHarakiri", anyFront, scheduled},
	{"TestNoHarakiri", anyFront, scheduled},

	{"TestHeadLimit", anyFront, ownLimit},
	{"TestBodyLimit", anyFront, ownLimit},
	{"TestTimeouts", anyFront, ownLimit},
	{"TestSlowClientsTakeNoThread", anyFront, ownLimit},

	{"TestRefusedHeads", anyFront, parser},
	{"TestBrokenChunks", anyFront, parser},
	{"TestBrokenChunkInMidBody", anyFront, parser},
	{"TestLengthAndChunkedTogether", anyFront, parser},
	{"TestExpectContinue", anyFront, "nginx answers Expect itself, and does not pass it on"},
	{"TestEnviron/odd token names", anyFront, "nginx drops headers whose names have other letters than A-Z, 0-9 and -, unless ignore_invalid_headers is off"},
	{"TestEnviron/asterisk form", anyFront, parser},
	{"TestEnviron/invalid escapes", anyFront, parser},
	{"TestStaticAttacks", anyFront, "nginx refuses paths that lead above /, or have a NUL, before gowsgi sees them"},
	{"TestEnviron/encoded dots", anyFront, "nginx refuses a path that leads above /"},

	{"TestClientLeavesMidBody", anyFront, requests},
	{"TestInputIsStreamed", anyFront, requests},
	{"TestInputEchoed", anyFront, requests},
	{"TestChunkOnWireBeforeNext", anyFront, responses},
	{"TestSlowReaderStopsGenerator", anyFront, responses},
	{"TestTrickledRead", anyFront, responses},
	{"TestStartResponse/headers go with the first non-empty chunk", anyFront, responses},
	{"TestStartResponse/write is on the wire", anyFront, responses},

	{"TestExceptionAfterHeaders/http/1.0", anyFront, "nginx ends its own answers to HTTP/1.0 by a plain close, also broken ones"},
	{"TestConnectionHeader", anyFront, closes},
	{"TestUnreadBody", anyFront, "nginx sends all of a body before it looks for the answer, and answers 502 itself if gowsgi hangs up before that"},
	{"TestStartResponse/order", anyFront, "nginx has an order of its own: its Server and Date, and Content-Type, come first"},
	{"TestStartResponse/own headers", anyFront, "nginx puts its own Server and Date"},

	{"TestForwardedHeadersFromTrustedProxy", anyFront, "what clients send as X-Forwarded-* must not get through nginx: TestNginxForwarded"},
	{"TestForwardedPrefixBeforeScriptName", anyFront, "what clients send as X-Forwarded-* must not get through nginx: TestNginxForwarded"},
	{"TestFlaskMounted/trusted proxy", anyFront, "what clients send as X-Forwarded-* must not get through nginx: TestNginxForwarded"},
	{"TestCloseOnDisconnect/unread", anyFront, responses},
	{"TestStaticSlowReader", anyFront, responses},
	{"TestFlask/streaming", byUWSGI, responses},
	{"TestStartResponse/exc_info after headers", byUWSGI, "nginx does not pass on what it has of a response that breaks off, and over a UNIX socket it can't tell"},
	{"TestExceptionAfterHeaders//raise-later?what=", byUnix, unixEnd},
	{"TestExceptionAfterHeaders//raise-after-write", byUnix, unixEnd},
	{"TestCloseExactlyOnce", byUnix, unixEnd},
	{"TestFileWrapperObject", byUnix, unixEnd},
	{"TestEnviron/path is not cleaned", byUWSGI, slashes},
	{"TestMount///a", byUWSGI, slashes},
	{"TestEnviron/duplicates", byUWSGI, separate},
	{"TestEnviron/cookies", byUWSGI, separate},
	{"TestFlask/cookies", byUWSGI, separate},
	{"TestEnviron/values are trimmed outside only", byUWSGI, "nginx takes spaces off a value, but no tabs"},
	{"TestEnviron/absolute form", byUWSGI, "nginx has the target's host for routing, and passes the header on"},
	{"TestEnviron/absolute form", byProxy, "nginx takes the host from the target, and the header's for X-Forwarded-Host"},
	{"TestEnviron/http/1.0 without host", byProxy, "the document's configuration has nginx ask in HTTP/1.1, by the server's name where the client says none"},
	{"TestEnviron/peer and server", byProxy, "the port that the client comes from has no X-Forwarded header, and SERVER_PORT is gowsgi's"},
}

// applies skips a test that the table excepts for the shape.
func applies(t *testing.T, s shape) {
	t.Helper()
	if s.nginx == "" || os.Getenv("GOWSGI_NGINX_ALL") == "1" {
		return
	}
	for _, e := range exceptions {
		if strings.HasPrefix(s.name, e.front) && e.names(t.Name(), s) {
			t.Skip(e.reason)
		}
	}
}

// names tells whether the exception is about a running test TEST/SHAPE/ATTRIBUTE/SUBTEST….
func (e exception) names(running string, s shape) bool {
	test, rest, _ := strings.Cut(running, "/"+s.name+"/")
	if _, sub, ok := strings.Cut(rest, "/"); ok {
		test += "/" + sub
	}
	return strings.HasPrefix(test, strings.ReplaceAll(e.test, " ", "_"))
}

var testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// An exception from nothing has been forgotten when its test went.
func TestExceptions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range testFunc.FindAllSubmatch(text, -1) {
			names = append(names, string(found[1]))
		}
	}
	for _, e := range exceptions {
		test, _, _ := strings.Cut(e.test, "/")
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, test) }) {
			t.Errorf("no test begins with %s", test)
		}
		if e.reason == "" {
			t.Errorf("%s: no reason", e.test)
		}
	}
}
