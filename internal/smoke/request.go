package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// probeHeader is a request's number for the probe, which takes it away.
const probeHeader = "X-Gowsgi-Smoke"

// request makes the check's request to the server at base.
func (c *Check) request(ctx context.Context, base string) (*http.Request, error) {
	body, kind, err := c.content()
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, c.verb(), base+c.Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if len(c.Query) > 0 {
		query := values(c.Query).Encode()
		r.URL.RawQuery = strings.TrimPrefix(r.URL.RawQuery+"&"+query, "&")
	}
	r.Header.Set("User-Agent", "gowsgi-smoke")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Host = c.host
	for name, value := range c.Headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	return r, nil
}

func values(m map[string]Texts) url.Values {
	v := url.Values{}
	for name, texts := range m {
		v[name] = texts
	}
	return v
}

// content is the request's body and its type.
func (c *Check) content() (body []byte, kind string, err error) {
	switch {
	case c.Body != nil:
		return []byte(*c.Body), "", nil
	case c.JSON != nil:
		body, err = json.Marshal(c.JSON)
		return body, "application/json", err
	case c.File != nil && c.File.Fields != nil:
		return c.multipart()
	case c.File != nil:
		body, err = os.ReadFile(c.beside(c.File.Body))
		return body, fileType(c.File.Body), err
	case c.Form != nil:
		return []byte(values(c.Form).Encode()), "application/x-www-form-urlencoded", nil
	}
	return nil, "", nil
}

// multipart is a form with files.
func (c *Check) multipart() ([]byte, string, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(c.Form)) {
		for _, value := range c.Form[name] {
			if err := w.WriteField(name, value); err != nil {
				return nil, "", err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.File.Fields)) {
		path := c.File.Fields[name]
		content, err := os.ReadFile(c.beside(path))
		if err != nil {
			return nil, "", err
		}
		head := map[string][]string{
			"Content-Disposition": {multipart.FileContentDisposition(name, filepath.Base(path))},
			"Content-Type":        {fileType(path)},
		}
		part, err := w.CreatePart(head)
		if err != nil {
			return nil, "", err
		}
		if _, err := part.Write(content); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return body.Bytes(), w.FormDataContentType(), nil
}

func fileType(path string) string {
	if kind := mime.TypeByExtension(filepath.Ext(path)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// beside is a path that counts from the checks file's folder.
func (c *Check) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.source), path)
}

// shownBody is how much of a body a report has.
const shownBody = 2000

// shown is the request as text for a report.
func shown(r *http.Request) string {
	var text strings.Builder
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	fmt.Fprintf(&text, "%s %s HTTP/1.1\nHost: %s\n", r.Method, r.URL.RequestURI(), host)
	header := r.Header.Clone()
	header.Del(probeHeader)
	if header.Get("Authorization") != "" {
		header.Set("Authorization", "***") // reports go to places that many see
	}
	writeHeader(&text, header)
	if r.GetBody == nil {
		return text.String()
	}
	if body, err := r.GetBody(); err == nil {
		content, _ := io.ReadAll(body)
		writeBody(&text, content)
	}
	return text.String()
}

// head is a response's status line and headers as text, with the beginning of its body.
func (r *response) head() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\n", r.Proto, r.Status)
	writeHeader(&text, r.Header)
	writeBody(&text, r.body)
	return text.String()
}

func writeHeader(text *strings.Builder, header http.Header) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			fmt.Fprintf(text, "%s: %s\n", name, value)
		}
	}
}

func writeBody(text *strings.Builder, body []byte) {
	kept := strings.ToValidUTF8(string(body[:min(len(body), shownBody)]), "\uFFFD")
	if kept = strings.TrimSpace(kept); kept == "" {
		return
	}
	fmt.Fprintf(text, "\n%s\n", kept)
	if len(body) > shownBody {
		fmt.Fprintf(text, "... %d bytes in all\n", len(body))
	}
}
