// Package bridge connects HTTP to WSGI, in pure Go.
//
// A Python thread, seen here only as a [Worker], takes requests from the [Queue]. When
// that is empty it asks the queue's [Source], which is the server's sockets (intake.go): it
// reads and parses what has come (conn.go), packs each request into one buffer (environ.go)
// and pushes it as a [Call]. Then it runs one, and writes the response itself
// (response.go). So, as a rule, nobody has to be woken for a request or for an answer.
// While no thread has time for it, the scheduler's monitor does the asking (scheduler.go).
//
// Who owns what: a connection at rest is nobody's; who finds something to read claims it.
// Between Push and the response's end a Call belongs to the worker, and so does its
// connection. What has to wait for the client is a goroutine's (conn.serve): while that
// waits for a response, the connection is the goroutine's but for the writing side and,
// when the body is streamed, the reading side.
package bridge
