// Package link is the memory that the front and one worker process share, and how the two
// use it: slots, in each of which one request lies with its answer, and two rings of slot
// numbers, one in each direction. Nothing is copied through the kernel, and a side is woken by
// a system call only when it sleeps.
//
// The worker runs the app, and the app may write anything there. So the front keeps its own
// account, reads every number once, and checks it before it uses it; what it reads twice is only
// ever bytes for the client. The worst that a worker can do is to spoil its own answers.
//
// The way of a request: the front fills a slot and offers it (Offered). A thread of the worker
// takes it (Taken); until then the front may take it back, for another worker. Of the two, one
// wins: it is one compare-and-swap. The thread posts answers, one at a time, and waits for the
// front's verdict on each that is not the last. Body bytes it asks for one by one, too, perhaps
// from another thread at the same time, so that has a channel of its own.
package link
