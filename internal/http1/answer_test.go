package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2024, 2, 29, 12, 0, 0, 0, time.FixedZone("CET", 3600))

func TestAppendDate(t *testing.T) {
	if got := string(AppendDate([]byte("Date: "), noon)); got != "Date: Thu, 29 Feb 2024 11:00:00 GMT" {
		t.Errorf("got %q", got)
	}
}

func TestAppendError(t *testing.T) {
	tests := []struct {
		err    *Error
		fields []string
		want   string
	}{
		{
			errHostMissing, nil,
			"HTTP/1.1 400 Bad Request\r\nDate: Thu, 29 Feb 2024 11:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n" +
				"Content-Length: 47\r\nConnection: close\r\n\r\n400 Bad Request: HTTP/1.1 request without Host\n",
		},
		{
			&Error{Status: 503},
			[]string{"Retry-After: 1", "X: y"},
			"HTTP/1.1 503 Service Unavailable\r\nDate: Thu, 29 Feb 2024 11:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n" +
				"Content-Length: 24\r\nConnection: close\r\nRetry-After: 1\r\nX: y\r\n\r\n503 Service Unavailable\n",
		},
	}
	for _, tt := range tests {
		if got := string(AppendError(nil, tt.err, noon, tt.fields...)); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}

// TestAnswersParse has net/http read every answer, for GET and for HEAD.
func TestAnswersParse(t *testing.T) {
	for status := range statusTexts {
		e := &Error{Status: status, Reason: "because"}
		for method, wire := range map[string][]byte{
			"GET":  AppendError(nil, e, noon, "Retry-After: 1"),
			"HEAD": AppendErrorHead(nil, e, noon, "Retry-After: 1"),
		} {
			r := bufio.NewReader(bytes.NewReader(wire))
			resp, err := http.ReadResponse(r, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("%s %d: %v", method, status, err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != status || !resp.Close || resp.Header.Get("Retry-After") != "1" || r.Buffered() != 0 {
				t.Errorf("%s %d: got %d, body %q, %v", method, status, resp.StatusCode, body, err)
			}
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAppendErrorAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 512)
	allocs := testing.AllocsPerRun(100, func() {
		AppendError(buf, errHostMissing, noon, "Retry-After: 1")
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
