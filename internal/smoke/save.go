package smoke

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// save takes the values that a check wants kept from its response.
func (c *Check) save(r *response, cookies []*http.Cookie, into map[string]string) (failures []string) {
	for _, name := range sortedKeys(c.Save) {
		value, err := c.Save[name].of(r, cookies)
		if err != nil {
			failures = append(failures, fmt.Sprintf("save %s: %v", name, err))
			continue
		}
		into[name] = value
	}
	return failures
}

func (v Value) of(r *response, cookies []*http.Cookie) (string, error) {
	switch {
	case v.Header != "":
		if len(r.Header.Values(v.Header)) == 0 {
			return "", fmt.Errorf("there is no header %s", v.Header)
		}
		return r.Header.Get(v.Header), nil
	case v.Cookie != "":
		for _, cookie := range cookies {
			if cookie.Name == v.Cookie {
				return cookie.Value, nil
			}
		}
		return "", fmt.Errorf("there is no cookie %s", v.Cookie)
	case v.Matches != "":
		found := regexp.MustCompile(v.Matches).FindSubmatch(r.body)
		if found == nil {
			return "", fmt.Errorf("nothing in the body matches %s", v.Matches)
		}
		return string(found[min(1, len(found)-1)]), nil
	}
	value, err := decoded(r.body)
	if err != nil {
		return "", fmt.Errorf("the body is no JSON: %w", err)
	}
	value, err = pointed(value, *v.JSON)
	if text, ok := value.(string); ok || err != nil {
		return text, err
	}
	return compact(value), nil
}

// pointed is what a JSON pointer (RFC 6901) leads to.
func pointed(value any, pointer string) (any, error) {
	if pointer == "" {
		return value, nil
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		token = unescape.Replace(token)
		next, ok := any(nil), false
		switch value := value.(type) {
		case map[string]any:
			next, ok = value[token]
		case []any:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(value) {
				next, ok = value[i], true
			}
		}
		if !ok {
			return nil, fmt.Errorf("the JSON has no %s", pointer)
		}
		value = next
	}
	return value, nil
}
