package google

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// SetStrict chooses the shapes of answers by a seed: the hardest ones that documents allow. 0 means friendly ones.
func (s *Server) SetStrict(seed uint64) { s.strict.Store(seed) }

// Pick returns a number below n that depends on the seed and the parts only, so that concurrent calls do not change
// it. It returns 0 for the friendly shapes.
func (s *Server) Pick(n int, parts ...any) int {
	seed := s.strict.Load()
	if seed == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = fmt.Fprintln(h, append([]any{seed}, parts...)...)
	return int(h.Sum64() >> 1 % uint64(n)) //nolint:gosec // below n
}

// paginate returns the page of a list that pageSize and pageToken select. With strict shapes, pages are smaller than
// requested, one may be empty, and an empty list has no field (AIP-158).
func (s *Server) paginate(q url.Values, field string, list []any) (any, *apiError) {
	size, start, token := 100, 0, q.Get("pageToken")
	if text := q.Get("pageSize"); text != "" {
		size, _ = strconv.Atoi(text)
	}
	if token != "" {
		if _, err := fmt.Sscanf(token, "page-%d", &start); err != nil || start > len(list) {
			return nil, invalid("Invalid page token.")
		}
	}
	if token == "" && s.Pick(3, "empty page", field) > 0 {
		return map[string]any{"nextPageToken": "page-0"}, nil
	}
	size = min(max(size, 1), len(list)-start)
	if size > 1 {
		size -= s.Pick(size, "page", field, start, len(list))
	}
	end := start + size
	out := map[string]any{field: list[start:end]}
	if s.strict.Load() != 0 && size == 0 {
		delete(out, field)
	}
	if end < len(list) {
		out["nextPageToken"] = fmt.Sprintf("page-%d", end)
	}
	return out, nil
}

// omit removes some of the fields that Google documents for a resource and does not promise in every response.
func (s *Server) omit(resource map[string]any, fields ...string) map[string]any {
	for _, field := range fields {
		if s.Pick(2, "omit", field, resource["name"]) > 0 {
			delete(resource, field)
		}
	}
	return resource
}

const typePrefix = "type.googleapis.com/google.rpc."

// body returns the JSON body of an error. The details have no documented order (AIP-193).
func (s *Server) errorBody(e *apiError) map[string]any {
	body := map[string]any{"code": e.code, "message": e.message, "status": e.status}
	var details []any
	if e.reason != "" {
		details = append(details, map[string]any{
			"@type": typePrefix + "ErrorInfo", "reason": e.reason, "domain": "googleapis.com", "metadata": e.metadata,
		})
	}
	if s.strict.Load() != 0 {
		help := []any{map[string]any{"description": "Documentation", "url": "https://developers.google.com/"}}
		details = append(details,
			map[string]any{"@type": typePrefix + "Help", "links": help},
			map[string]any{"@type": typePrefix + "LocalizedMessage", "locale": "en-US", "message": e.message},
		)
		first := s.Pick(len(details), "details", e.reason, e.code)
		details = append(slices.Clone(details[first:]), details[:first]...)
	}
	if len(details) > 0 {
		body["details"] = details
	}
	if legacy := cmp.Or(e.legacyReason, s.legacyReason(e)); legacy != "" {
		body["errors"] = []any{map[string]any{"domain": "global", "reason": legacy, "message": e.message}}
	}
	return map[string]any{"error": body}
}

// legacyReason returns the reason of Google's older APIs, which other APIs may send too.
func (s *Server) legacyReason(e *apiError) string {
	if s.strict.Load() == 0 {
		return ""
	}
	return map[int]string{
		http.StatusBadRequest: "badRequest", http.StatusForbidden: "forbidden", http.StatusNotFound: "notFound",
	}[e.code]
}
