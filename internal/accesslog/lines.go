package accesslog

import (
	"strconv"
	"time"
)

// Default is the line for people:
//
//	2026-11-22T11:08:13+01:00 127.0.0.1 "GET /path HTTP/1.1" 200 1234 3.2ms
//
// The time is the end of the request, for the log is in that order and the
// application's lines are among its own; the number after the status is the
// body's bytes. What is out of the ordinary follows: the wait for a thread if
// it was long enough to notice, and errors on the connection.
func Default() *Format { return DefaultDated(nil) }

// DefaultDated is Default with times as date has them.
func DefaultDated(date *Date) *Format {
	return &Format{ops: []op{{put: putDefault}}, clock: clock{date: date}}
}

// noticeableWait is the wait for a thread from which the default line tells of it.
const noticeableWait = 10 * time.Millisecond

func putDefault(dst []byte, f *Format, r *Record, _ string) []byte {
	dst = append(dst, f.clock.at(r.end()).date...)
	dst = append(dst, ' ')
	dst = appendText(dst, r.RemoteAddr)
	dst = append(dst, ` "`...)
	dst = appendText(dst, r.Method)
	dst = append(dst, ' ')
	dst = appendText(dst, r.URI)
	dst = append(dst, ' ')
	dst = appendText(dst, r.Proto)
	dst = append(dst, `" `...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, r.BodyBytes, 10)
	dst = append(dst, ' ')
	dst = appendMS(dst, r.Duration, 1)
	dst = append(dst, "ms"...)
	if r.QueueWait >= noticeableWait {
		dst = append(dst, " queued="...)
		dst = appendMS(dst, r.QueueWait, 1)
		dst = append(dst, "ms"...)
	}
	dst = appendCount(dst, " werr=", r.WriteErrors)
	return appendCount(dst, " rerr=", r.ReadErrors)
}

func appendCount(dst []byte, label string, n int) []byte {
	if n == 0 {
		return dst
	}
	dst = append(dst, label...)
	return strconv.AppendInt(dst, int64(n), 10)
}

// JSON is --log-json: one object a line, always with the same members. time,
// level and msg are those of the application log's JSON, so that one reader
// takes both; time is the end of the request.
func JSON() *Format {
	return &Format{ops: []op{{put: putJSON}}}
}

func putJSON(dst []byte, f *Format, r *Record, _ string) []byte {
	dst = append(dst, `{"time":"`...)
	dst = f.clock.appendMillis(dst, r.end())
	dst = append(dst, `","level":"INFO","msg":"request","remote":"`...)
	dst = appendEscaped(dst, r.RemoteAddr)
	dst = append(dst, `","method":"`...)
	dst = appendEscaped(dst, r.Method)
	dst = append(dst, `","uri":"`...)
	dst = appendEscaped(dst, r.URI)
	dst = append(dst, `","proto":"`...)
	dst = appendEscaped(dst, r.Proto)
	dst = append(dst, `","status":`...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, `,"bytes":`...)
	dst = strconv.AppendInt(dst, r.BodyBytes, 10)
	dst = append(dst, `,"duration_ms":`...)
	dst = appendMS(dst, r.Duration, 3)
	dst = append(dst, `,"queue_ms":`...)
	dst = appendMS(dst, r.QueueWait, 3)
	dst = append(dst, `,"ua":"`...)
	dst = appendEscaped(dst, r.UserAgent)
	dst = append(dst, `","referer":"`...)
	dst = appendEscaped(dst, r.Referer)
	dst = append(dst, `","thread":`...)
	dst = strconv.AppendInt(dst, int64(r.Thread), 10)
	dst = append(dst, `,"werr":`...)
	dst = strconv.AppendInt(dst, int64(r.WriteErrors), 10)
	dst = append(dst, `,"rerr":`...)
	dst = strconv.AppendInt(dst, int64(r.ReadErrors), 10)
	return append(dst, '}')
}
