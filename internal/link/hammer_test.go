package link

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// workerVariable makes the test binary a worker process: it holds the link's size.
const workerVariable = "GOWSGI_TEST_LINK"

func TestMain(m *testing.M) {
	if size := os.Getenv(workerVariable); size != "" {
		beWorker(size)
	}
	os.Exit(m.Run())
}

const (
	hammerSlots = 4
	// deaths are made at least, and then until there was one in each operation, but for Take: that is a handful
	// of instructions, in which a process dies by luck.
	deaths = 60
	// patience is how long the front waits for a worker that lives.
	patience = 20 * time.Second
)

// operation is what a thread of the worker is in, for the front to see when it has died there.
type operation uint32

const (
	inNothing operation = iota
	inNext
	inTake
	inPost
	inVerdict
	inRead
	inClose
	operations
)

// trace is memory of both processes, beside the link's: a word for each thread.
type trace []byte

func mapTrace(file *os.File) trace {
	all, err := unix.Mmap(int(file.Fd()), 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return all
}

func (t trace) at(thread int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&t[64*thread])) }

// enter marks the begin of an operation; what it returns marks its end.
func (t trace) enter(thread int, o operation) (leave func()) {
	t.at(thread).Store(uint32(o))
	return func() { t.at(thread).Store(uint32(inNothing)) }
}

// beWorker is a process that does nothing but use the link, until it is killed.
func beWorker(text string) {
	var size Size
	if err := json.Unmarshal([]byte(text), &size); err != nil {
		panic(err)
	}
	var files []*os.File
	for i := range 3 {
		files = append(files, os.NewFile(uintptr(3+i), "inherited"))
	}
	w, err := Join(size, files)
	if err != nil {
		panic(err)
	}
	t := mapTrace(files[2])
	todo := make(chan int, 2*ringSize)
	for thread := range hammerSlots {
		go func() {
			for slot := range todo {
				work(w, slot, t, 1+thread)
			}
		}()
	}
	go func() { // no orphan stays
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		w.Wait()
		for range 500 { // so that it dies here, too
			leave := t.enter(0, inNext)
			slot, ok := w.Next()
			leave()
			if ok {
				todo <- slot
			}
		}
	}
}

// work answers one request with its own text: in one answer, in two, or with an end of its own; the text is
// read from the front, too, where the request streams.
func work(w *Worker, slot int, t trace, thread int) {
	do := func(o operation, f func()) {
		defer t.enter(thread, o)()
		f()
	}
	taken := false
	if do(inTake, func() { taken = w.Take(slot) }); !taken {
		return
	}
	text := string(w.Environ(slot))
	if _, streams := w.Body(slot); streams {
		var n int
		p := make([]byte, 100)
		do(inRead, func() { n, _ = w.Read(slot, p) })
		if string(p[:n]) != text {
			panic("the front has sent another body")
		}
	}
	number, _ := strconv.Atoi(text)
	switch number % 3 {
	case 1:
		do(inPost, func() { w.Post(slot, &Answer{Body: []byte(text)}) })
		do(inVerdict, func() { _ = w.Verdict(slot) })
	case 2:
		do(inPost, func() { w.Post(slot, &Answer{Body: []byte(text)}) })
		do(inClose, func() { w.Close(slot) })
		return
	}
	do(inPost, func() { w.Post(slot, &Answer{Body: []byte(text), Last: true}) })
}

// account is what the front knows of a worker's requests.
type account struct {
	*testing.T
	front  *Front
	number int
	has    [hammerSlots]string // the request in each slot; "": none
	ended  map[string]string   // how each ended, which it does once
}

func (a *account) end(slot int, how string) {
	text := a.has[slot]
	if text == "" || a.ended[text] != "" {
		a.Errorf("request %q in slot %d: %s, and %q before", text, slot, how, a.ended[text])
	}
	a.ended[text] = how
	a.has[slot] = ""
}

// offer fills the slots that are free, and takes a request back at times.
func (a *account) offer() {
	for slot, text := range a.has {
		if text == "" && !a.front.Full() {
			a.number++
			a.has[slot] = strconv.Itoa(a.number)
			a.front.Offer(slot, []byte(a.has[slot]), nil, a.number%4 == 0)
		}
		if rand.IntN(8) == 0 && a.front.Withdraw(slot) {
			a.end(slot, "taken back")
		}
	}
}

// hear takes in what the worker has said.
func (a *account) hear() {
	for {
		slot, event, current, ok, err := a.front.Next()
		if err != nil {
			a.Fatal(err)
		}
		if !ok {
			return
		}
		switch {
		case !current: // of a request that has ended: its Closed was seen in the memory
			if event != Closed {
				a.Errorf("event %d comes late", event)
			}
		case event == Wants:
			a.front.Grant(slot, int32(copy(a.front.ReadBuffer(slot), a.has[slot])))
		case event == Posted:
			a.answer(slot)
		case event == Closed && a.has[slot] != "":
			a.end(slot, "answered")
			a.front.Release(slot)
		}
	}
}

func (a *account) answer(slot int) {
	answer, err := a.front.Answer(slot)
	if err != nil {
		a.Fatal(err)
	}
	if string(answer.Body) != a.has[slot] {
		a.Errorf("request %q is answered %q", a.has[slot], answer.Body)
	}
	switch {
	case answer.Last:
		a.end(slot, "answered")
		a.front.Release(slot)
	case a.front.Closed(slot): // its message is on the way, or is never to come
		a.end(slot, "answered")
		a.front.Release(slot)
	default:
		a.front.Resume(slot)
	}
}

// serve works with the process until it is dead, which closes the pipe.
func (a *account) serve(died *os.File) {
	for {
		a.offer()
		a.hear()
		if a.front.Nap() {
			fds := []unix.PollFd{{Fd: int32(a.front.News()), Events: unix.POLLIN}, {Fd: int32(died.Fd())}}
			n, err := unix.Poll(fds, int(patience.Milliseconds()))
			if n == 0 || err != nil && !errors.Is(err, unix.EINTR) {
				a.Fatalf("the worker lives, but says nothing: %v", err)
			}
			if fds[0].Revents != 0 {
				var count [8]byte
				_, _ = unix.Read(a.front.News(), count[:])
			}
			if fds[1].Revents != 0 {
				return
			}
		}
		a.front.Awake()
	}
}

// settle is what the front does for a process that is dead. begun are the requests that it was at.
func (a *account) settle() (begun int) {
	a.hear()
	for slot, text := range a.has {
		switch {
		case text == "":
		case a.front.Withdraw(slot):
			a.end(slot, "taken back")
		case a.front.IsTaken(slot):
			a.end(slot, "lost")
			begun++
		default:
			a.Errorf("request %q is neither offered nor taken", text)
		}
	}
	if !a.front.Sane() {
		a.Error("the rings are not sane")
	}
	for n := 1; n <= a.number; n++ {
		if a.ended[strconv.Itoa(n)] == "" {
			a.Errorf("request %d has not ended", n)
		}
	}
	return begun
}

// TestHammerDeaths kills processes at any microsecond while they do nothing but use the link: each request
// is answered once, by its own answer, or was not begun and is had back, or is known to be lost. Deaths in
// the midst of the operations are among them.
func TestHammerDeaths(t *testing.T) {
	seen, ended, lost, takes := map[operation]int{}, map[string]int{}, 0, 0
	begun := time.Now()
	for n := 0; n < deaths || len(seen) < int(operations)-2; n++ {
		if time.Since(begun) > 6*patience {
			t.Fatalf("after %d deaths there was none in some operation: %v", n, seen)
		}
		a, where := hammer(t)
		lost += a.settle()
		for _, how := range a.ended {
			ended[how]++
		}
		for _, o := range where {
			if o == inTake {
				takes++
			} else {
				seen[o]++
			}
		}
		_ = a.front.Close()
	}
	if ended["lost"] == 0 || ended["taken back"] == 0 || ended["answered"] < ended["lost"] || lost != ended["lost"] {
		t.Errorf("ends: %v, %d of them known to be lost", ended, lost)
	}
	t.Logf("ends of requests: %v; operations that died half done: %v, and %d × Take", ended, seen, takes)
}

// hammer is the life of one process. where: the operations that it was in.
func hammer(t *testing.T) (a *account, where []operation) {
	front, err := NewFront(Size{Slots: hammerSlots, Request: pageSize})
	if err != nil {
		t.Skip(err) // not Linux
	}
	file, err := anonymous(pageSize)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	died, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer died.Close()
	size, _ := json.Marshal(front.Size())
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"="+string(size))
	cmd.ExtraFiles = append(front.Files(), file, theirs)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	a = &account{T: t, front: front, ended: map[string]string{}}
	a.first(died)
	kill := time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	a.serve(died)
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the worker ended by itself: %v", err)
	}
	memory := mapTrace(file)
	defer func() { _ = unix.Munmap(memory) }()
	for thread := range 1 + hammerSlots {
		if o := operation(memory.at(thread).Load()); o != inNothing {
			where = append(where, o)
		}
	}
	return a, where
}

// first waits until the worker has said something.
func (a *account) first(died *os.File) {
	for end := time.Now().Add(patience); a.front.out.empty(); {
		a.offer()
		fds := []unix.PollFd{{Fd: int32(died.Fd())}}
		if n, _ := unix.Poll(fds, 1); n > 0 || time.Now().After(end) {
			a.Fatal("the worker does not work")
		}
	}
}
