package smoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// runner runs scenarios: lists of checks that share cookies and saved values.
type runner struct {
	fleet       *fleet
	scenarios   [][]Check
	repeat      int
	concurrency int
	maxMS       int // where a check says nothing
	timeout     time.Duration
	failFast    bool
	environ     func(string) (string, bool)
	finished    func(*Result) // called for each, one at a time
}

// run returns the results in the order of the scenarios, round after round. Its error is one of starting a server;
// a context that ended leaves results without an outcome out.
func (r *runner) run(ctx context.Context) []Result {
	type job struct {
		checks  []Check
		results []Result
	}
	var jobs []job
	var all [][]Result
	for round := range r.repeat {
		for _, checks := range r.scenarios {
			results := make([]Result, len(checks))
			for i := range checks {
				results[i] = checks[i].result(round + 1)
			}
			jobs, all = append(jobs, job{checks, results}), append(all, results)
		}
	}
	queue := make(chan job, len(jobs))
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	var failed atomic.Bool
	var wg sync.WaitGroup
	var telling sync.Mutex
	for range min(r.concurrency, len(jobs)) {
		wg.Go(func() {
			for j := range queue {
				session := newSession(r)
				for i, check := range j.checks {
					if ctx.Err() != nil {
						return
					}
					if result := &j.results[i]; !r.failFast || !failed.Load() {
						session.try(ctx, check, result)
						telling.Lock()
						r.finished(result)
						telling.Unlock()
						if result.Outcome == Failed {
							failed.Store(true)
						}
					}
				}
			}
		})
	}
	wg.Wait()
	var results []Result
	for _, part := range all {
		results = append(results, part...)
	}
	return results
}

func (c *Check) result(round int) Result {
	return Result{
		Name: c.label(), Method: c.verb(), Path: c.Path, File: c.source, Line: c.line, Round: round, Outcome: Skipped,
	}
}

// session is a scenario that runs.
type session struct {
	*runner
	jar   *cookiejar.Jar
	saved map[string]string
}

func newSession(r *runner) *session {
	jar, _ := cookiejar.New(nil) // can't fail
	return &session{r, jar, map[string]string{}}
}

// secure has cookies with Secure kept and sent as if the address were https: as in browsers, loopback is good enough.
type secure struct{ *cookiejar.Jar }

func https(u *url.URL) *url.URL {
	s := *u
	s.Scheme = "https"
	return &s
}

func (j secure) SetCookies(u *url.URL, cookies []*http.Cookie) { j.Jar.SetCookies(https(u), cookies) }
func (j secure) Cookies(u *url.URL) []*http.Cookie             { return j.Jar.Cookies(https(u)) }

// try runs one check and fills its result.
func (s *session) try(ctx context.Context, check Check, result *Result) {
	v := variables{saved: s.saved, environ: s.environ}
	check = v.check(check)
	*result = check.result(result.Round)
	if check.Expect.MaxMS == 0 {
		check.Expect.MaxMS = s.maxMS
	}
	if v.missing != "" {
		result.fail("%s is not there: the check that saves it has failed", v.missing)
		return
	}
	server, err := s.fleet.acquire(ctx)
	if err != nil {
		result.fail("no server: %v", err)
		if failed := (*NotLoadedError)(nil); errors.As(err, &failed) {
			result.Log = failed.Log
		}
		return
	}
	e := &exchange{session: s, check: &check, server: server, result: result}
	spent := e.run(ctx)
	s.fleet.release(server, spent)
}

func (r *Result) fail(format string, args ...any) {
	r.Outcome = Failed
	r.Failures = append(r.Failures, fmt.Sprintf(format, args...))
}

// exchange is one request and its response.
type exchange struct {
	*session
	check   *Check
	server  *Server
	result  *Result
	account *account
	mark    int // in the server's stderr, where it began
}

// transport has a connection for each request, so that none is sent twice, and takes the body as it comes.
var transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true}

// bodyLimit is how much of a response is read.
const bodyLimit = 64 << 20

// run returns whether the server is good for nothing more.
func (e *exchange) run(ctx context.Context) (spent bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := e.check.request(ctx, e.server.URL)
	if err != nil {
		e.result.fail("%v", err)
		return false
	}
	number, account := e.server.accounts.expect()
	e.account, e.mark = account, e.server.stderr.mark()
	request.Header.Set(probeHeader, number)
	type answer struct {
		response *response
		err      error
	}
	answered := make(chan answer, 1)
	begun := time.Now()
	go func() {
		response, err := e.send(request, begun)
		answered <- answer{response, err}
	}()
	slow, hang := after(time.Duration(e.check.Expect.MaxMS)*time.Millisecond), after(e.timeout)
	for {
		select {
		case a := <-answered:
			e.result.MS = milliseconds(time.Since(begun))
			spent = e.judge(a.response, a.err)
			e.awaitTold()
			e.explain(request, a.response)
			return spent
		case <-slow:
			e.result.Stack = e.server.Stack(account)
		case <-hang:
			e.result.MS = milliseconds(time.Since(begun))
			e.result.Stack = e.server.Stack(account)
			e.result.fail("no end of the response after %v", e.timeout)
			cancel()
			a := <-answered
			e.explain(request, a.response)
			return true
		}
	}
}

// after is time.After, but never for 0.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// send returns the response as far as it came, also with an error.
func (e *exchange) send(request *http.Request, begun time.Time) (*response, error) {
	client := http.Client{
		Transport: transport, Jar: secure{e.jar},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // without the URL, which has a port of no interest
		}
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, bodyLimit))
	return &response{answer, body, time.Since(begun)}, err
}

// judge compares what came with what was expected.
func (e *exchange) judge(r *response, err error) (spent bool) {
	if err != nil {
		e.result.fail("the response broke off: %v", err)
		if r == nil {
			e.result.Failures[0] = fmt.Sprintf("no response: %v", err)
		}
		how, log := e.server.died(e.mark)
		if how == "" {
			return false
		}
		e.result.fail("the app's process has ended: %s", how)
		e.result.Log = log
		return true
	}
	for _, text := range e.check.Expect.judge(r) {
		e.result.fail("%s", text)
	}
	cookies := secure{e.jar}.Cookies(r.Request.URL)
	for _, text := range e.check.save(r, cookies, e.saved) {
		e.result.fail("%s", text)
	}
	return false
}

// explain adds what the probe and the response say.
func (e *exchange) explain(request *http.Request, r *response) {
	e.account.mu.Lock()
	told := e.account.told
	e.account.mu.Unlock()
	if told.Invalid != "" {
		e.result.fail("wsgiref.validate: %s", told.Invalid)
	}
	if r != nil {
		e.result.Status = r.StatusCode
	}
	if e.result.Outcome != Failed {
		e.result.Outcome, e.result.Stack = Passed, ""
		return
	}
	e.result.Request = shown(request)
	if r != nil {
		e.result.Response = r.head()
	}
	e.result.Traceback = told.Traceback
	if told.Traceback == "" {
		e.result.Errors = told.Errors
	}
}

// awaitTold waits until the app is through with the request.
func (e *exchange) awaitTold() {
	select {
	case <-e.account.done:
	case <-e.server.accounts.ended:
	case <-time.After(momentToTell): // the app has not seen the request, or hangs in close()
	}
}

// momentToTell is from a response's last byte to the end of the app_iter's close().
const momentToTell = 2 * time.Second
