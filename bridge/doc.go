// Package bridge connects HTTP to WSGI, in pure Go.
//
// A connection's goroutine reads a request head, checks limits, packs the
// request into one buffer (environ.go) and pushes it as a [Call] to the [Queue].
// A Python thread, seen here only as a [Worker], takes it, runs the app, and
// writes the response from its own goroutine (response.go), so that no goroutine
// has to be woken for an answer. Meanwhile the connection's goroutine already
// waits for the next request.
//
// Who owns what: between Push and the response's end a Call belongs to the
// worker, and so does the writing side of its connection, and, when the body is
// streamed, the reading side too. Everything else of a connection belongs to its
// own goroutine.
package bridge
