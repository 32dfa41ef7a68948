package blackbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"testing"
)

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Large bodies come through the shared memory as they are, both ways, also several at once.
func TestMasterLargeBodies(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "2", "--limit-post", "0"}})
	data := content(10<<20 + 4711)
	c.putContent(t, data)
	want := hash(data)
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			if err := largeBodies(c, string(data), want, i%2 == 0); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	c.stop(t)
}

// largeBodies gets and sends the content in all the ways there are, on one connection.
func largeBodies(c *crew, data, want string, upload bool) error {
	k, err := c.tryDial(within(patience() * 6))
	if err != nil {
		return err
	}
	defer k.Close()
	for _, target := range []string{
		"/file", "/whole", "/pieces?piece=1000000", "/pieces?piece=262144", "/pieces?piece=65537",
		"/write?piece=300000", "/write?piece=3000000",
	} {
		k.trySend(request("GET", target, ""))
		r, err := k.tryResponse("GET")
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		if got := hash(r.Body); r.Status != 200 || got != want {
			return fmt.Errorf("%s: status %d, %d bytes of %d, hash %s", target, r.Status, len(r.Body), len(data), got)
		}
	}
	if !upload {
		return nil
	}
	for _, body := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(data), data),
		"Transfer-Encoding: chunked\r\n\r\n" + chunkedBody(data, 70001),
		fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue\r\n\r\n%s", len(data), data),
	} {
		for _, piece := range []string{"100000", "1000", "20000000"} {
			k.trySend("POST /upload?piece=" + piece + " HTTP/1.1\r\nHost: test\r\n" + body)
			r, err := k.tryResponse("POST")
			if err == nil && r.Status == 100 {
				r, err = k.tryResponse("POST")
			}
			if err != nil {
				return fmt.Errorf("upload in pieces of %s: %w", piece, err)
			}
			if r.Status != 200 || string(r.Body) != want {
				return fmt.Errorf("upload in pieces of %s: status %d, %.200q", piece, r.Status, r.Body)
			}
		}
	}
	return nil
}

// A client that reads nothing of a large response does not hold up the others of its process.
func TestMasterSlowReader(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/file", "/whole", "/pieces?piece=1000000", "/write?piece=1000000"} {
		c := startCrew(t, launch{Args: []string{"--threads", "2"}})
		data := content(12 << 20)
		c.putContent(t, data)
		k := c.dial(t)
		k.send(request("GET", target, ""))
		for range 50 {
			c.get(t, "/").want(t, 200, "index")
		}
		r := k.response("GET")
		if r.Status != 200 || hash(r.Body) != hash(data) {
			t.Errorf("%s: status %d, %d bytes", target, r.Status, len(r.Body))
		}
		c.stop(t)
	}
}

// Clients that leave in the middle leave nothing behind: no descriptor, no thread that waits.
func TestMasterClientsLeave(t *testing.T) {
	t.Parallel()
	c := startCrew(t, launch{Args: []string{"-p", "2", "--threads", "1"}})
	c.putContent(t, content(10<<20))
	for range 3 {
		for _, target := range []string{"/file", "/whole", "/pieces?piece=100000", "/write?piece=100000"} {
			k := c.dial(t)
			k.send(request("GET", target, ""))
			k.responseHead("GET")
			if _, err := io.CopyN(io.Discard, k.r, 100000); err != nil {
				t.Fatal(err)
			}
			k.reset()
		}
		k := c.dial(t)
		k.send(request("POST", "/upload", "", "Content-Length: 1000000"))
		k.send("the beginning")
		k.reset()
	}
	for _, p := range c.workers() {
		eventually(t, "each process has closed its files", func() bool {
			for _, fd := range takeCensus(p.pid).fds {
				if fd == c.scratch+"/content" {
					return false
				}
			}
			return true
		})
	}
	c.bothWork(t)
	c.stop(t)
}
