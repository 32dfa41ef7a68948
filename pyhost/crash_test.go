package pyhost

import (
	"context"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gowsgi/gowsgi/bridge"
)

// The crash handler goes by these addresses: all of Go's functions lie between them, and little else.
func TestGoText(t *testing.T) {
	from, to := goText()
	for _, f := range []any{TestGoText, runtime.GC, context.Background, strings.ToUpper, (*Host).Main, (*bridge.Queue).Push} {
		if pc := reflect.ValueOf(f).Pointer(); pc < from || pc >= to {
			t.Errorf("%s at %#x is not in [%#x, %#x)", runtime.FuncForPC(pc).Name(), pc, from, to)
		}
	}
	if from == 0 || to-from > 1<<30 {
		t.Errorf("[%#x, %#x)", from, to)
	}
}

// A nil pointer of ours stays a panic, contained, wherever it is met: on a goroutine, and on a
// Python thread that has the interpreter.
func TestNilPointerStaysPanic(t *testing.T) {
	var nothing *answer
	func() {
		defer func() {
			if err, ok := recover().(runtime.Error); !ok || !strings.Contains(err.Error(), "nil pointer") {
				t.Errorf("recovered %v", err)
			}
		}()
		t.Error(nothing.body)
	}()
	mark := site.journal.mark()
	onWorker := func(*thread, *bridge.Call) { t.Error(nothing.body) }
	site.onWorker.Store(&onWorker)
	get(t, "/hello")
	logged := func() bool {
		log := site.journal.since(mark)
		return strings.Contains(log, "panic in the access log") && strings.Contains(log, "nil pointer")
	}
	for end := time.Now().Add(patience); !logged(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("log %q", site.journal.since(mark))
		}
	}
	site.onWorker.Store(nil)
	get(t, "/hello")
}
