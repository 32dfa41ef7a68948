package static

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Serve answers r, a GET or HEAD whose URL.Path has no percent-escapes, if there is a file for it. False: there is none,
// and w has not been touched. The file is given to w as an *os.File.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request) bool {
	file := f.find(r.URL.Path)
	if file == nil {
		return false
	}
	defer file.Close()
	h := w.Header()
	kind := f.typeOf(file.name)
	h["Content-Type"] = nil // what has no known type gets none, as in uWSGI: net/http would guess
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	h.Set("Etag", etag(file))
	if seconds, ok := f.freshFor(file.name, r.URL.Path, kind); ok {
		h.Set("Expires", time.Now().Add(time.Duration(seconds)*time.Second).UTC().Format(http.TimeFormat))
		h.Set("Cache-Control", "max-age="+strconv.Itoa(seconds))
	}
	tame(r, file.info.Size())
	http.ServeContent(w, r, "", file.info.ModTime(), file.File)
	return true
}

// maxRanges is how many parts of a file one request may ask for.
const maxRanges = 64

// tame takes out a Range that is to be ignored: of HEAD and in another unit (RFC 9110, section 14.2), of too many parts, and of
// nothing ("-0", or of an empty file), where net/http's answer is malformed.
func tame(r *http.Request, size int64) {
	ranges, bytes := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	drop := r.Method != http.MethodGet || !bytes || size == 0 || strings.Count(ranges, ",") >= maxRanges
	for _, part := range strings.Split(ranges, ",") {
		part = strings.TrimSpace(part)
		drop = drop || strings.HasPrefix(part, "-") && strings.Trim(part, "-0") == ""
	}
	if drop {
		r.Header.Del("Range")
	}
}

// etag changes with the file's time and size.
func etag(file *found) string {
	tag := append(make([]byte, 0, 40), '"')
	tag = strconv.AppendInt(tag, file.info.ModTime().UnixNano(), 36)
	tag = append(tag, '-')
	tag = strconv.AppendInt(tag, file.info.Size(), 36)
	return string(append(tag, '"'))
}
