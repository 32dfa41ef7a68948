package process

import (
	"runtime"
	"testing"
)

func TestSize(t *testing.T) {
	vsz, rss := Size()
	if runtime.GOOS != "linux" {
		if vsz != 0 || rss != 0 {
			t.Errorf("%d, %d", vsz, rss)
		}
		return
	}
	if rss < 1<<20 || vsz < rss || rss > 1<<40 {
		t.Errorf("%d bytes of %d are resident", rss, vsz)
	}
}
