// Package cloudapi emulates the REST APIs of Google Cloud that deploy.sh reaches through gcloud. The real
// gcloud runs against it, without an account (Gcloud). It keeps what is created in memory, and refuses what the
// discovery documents of google.golang.org/api do not allow. Rules make it answer what tests want.
//
// It is not Google Cloud: it checks no permission or quota, and every long-running operation is done at once.
package cloudapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is the emulator. As an HTTP proxy, it answers for every host. It is safe for concurrent use.
type Server struct {
	mu        sync.Mutex
	resources map[string]map[string]any // by host and path without the version, such as run.googleapis.com/projects/p
	policies  map[string]map[string]any // IAM policies, in the same way
	contents  map[string][]byte         // of secret versions and objects
	uploads   map[string]*request       // resumable ones, by ID
	n         int                       // of what was created
	calls     []Call
	rules     []*Rule
}

// Call is a request that Server answered.
type Call struct {
	Method, URL string
	Status      int
	Body        string
}

// Rule answers requests in place of Server.
type Rule struct {
	Method  string         // empty for all
	Address *regexp.Regexp // of the URL without the query
	Times   int            // how often; 0 means always
	Each    bool           // Times is for each address
	Lost    bool           // the request is carried out, and its answer is lost
	Status  int            // HTTP status
	Code    string         // such as PERMISSION_DENIED
	Message string
	Details []any
	used    map[string]int // by address; all are "" unless Each
}

// New returns a Server with one project of this number.
func New(project string, number int64) *Server {
	s := &Server{
		resources: map[string]map[string]any{}, policies: map[string]map[string]any{}, contents: map[string][]byte{},
		uploads: map[string]*request{},
	}
	s.resources["cloudresourcemanager.googleapis.com/projects/"+project] = map[string]any{
		"projectId": project, "projectNumber": fmt.Sprint(number), "lifecycleState": "ACTIVE", "name": project,
	}
	s.resources["logging.googleapis.com/projects/"+project+"/sinks/_Default"] = map[string]any{
		"name": "_Default", "filter": "NOT LOG_ID(\"cloudaudit.googleapis.com/activity\")",
		"destination": "logging.googleapis.com/projects/" + project + "/locations/global/buckets/_Default",
	}
	return s
}

// Fail adds a rule.
func (s *Server) Fail(r Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.used = map[string]int{}
	s.rules = append(s.rules, &r)
}

// Clear removes all rules.
func (s *Server) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// Calls returns all calls so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Changes returns the calls that were not reads, since a number of calls.
func (s *Server) Changes(since int) (out []string) {
	for _, c := range s.Calls()[since:] {
		if c.Method != http.MethodGet && !strings.HasSuffix(c.URL, ":getIamPolicy") {
			out = append(out, c.Method+" "+c.URL)
		}
	}
	return out
}

// Resource returns what is stored for a host and a path without the version, or nil.
func (s *Server) Resource(key string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resources[key]
}

// Put stores a resource.
func (s *Server) Put(key string, value map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resources[key] = value
}

// Delete deletes a resource.
func (s *Server) Delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.resources, key)
}

// Keys returns the hosts and paths of all resources, sorted.
func (s *Server) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.resources))
}

// Policy returns the IAM policy of a resource.
func (s *Server) Policy(key string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policy(key)
}

// Content returns the content of a secret's version or of an object.
func (s *Server) Content(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.contents[key]
}

// apiError is an error in Google's format.
type apiError struct {
	status  int
	code    string
	message string
	details []any
}

func notFound(what string) *apiError {
	return &apiError{status: 404, code: "NOT_FOUND", message: what + " not found."}
}

func invalid(format string, args ...any) *apiError {
	return &apiError{status: 400, code: "INVALID_ARGUMENT", message: fmt.Sprintf(format, args...)}
}

// request is a request that matches a method.
type request struct {
	*http.Request
	*method
	host string
	name string // the path without the version and the verb after a colon
	verb string // after the colon
	body map[string]any
	raw  []byte
}

// key is what the request's resource is stored under.
func (r *request) key() string { return r.host + "/" + r.name }

var (
	regional = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+-`)
	version  = regexp.MustCompile(`^/(?:apis/[a-z.]+/|upload/)?(?:(?:storage/)?v[0-9]+(?:alpha|beta)?[0-9]*/)?`)
	verbs    = regexp.MustCompile(`:([a-zA-Z]+)$`)
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out, failed := s.answer(r, raw)
	status := http.StatusOK
	if failed != nil {
		status = failed.status
		out = map[string]any{"error": map[string]any{
			"code": failed.status, "message": failed.message, "status": failed.code, "details": failed.details,
		}}
	}
	s.calls = append(s.calls, Call{r.Method, r.Host + r.URL.Path, status, string(raw[:min(len(raw), 2000)])})
	if upload, ok := out.(*request); ok { // a session for the content
		w.Header().Set("Location", "http://"+r.Host+r.URL.Path+"?upload_id="+upload.verb)
		out = map[string]any{}
	}
	if text, ok := out.([]byte); ok {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(text) //nolint:gosec // no browser reads it
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}

// answer returns the JSON value or the bytes of a response.
func (s *Server) answer(r *http.Request, raw []byte) (any, *apiError) {
	host := regional.ReplaceAllString(r.Host, "")
	if failed, lost := s.failure(r, host); lost {
		_, _ = s.handle(r, host, raw)
		return nil, failed
	} else if failed != nil {
		return nil, failed
	}
	return s.handle(r, host, raw)
}

// failure returns the error by which a rule answers the request, and whether the request is carried out anyway.
func (s *Server) failure(r *http.Request, host string) (failed *apiError, lost bool) {
	for _, rule := range s.rules {
		address := ""
		if rule.Each {
			address = r.Method + " " + host + r.URL.Path
		}
		if (rule.Method == "" || rule.Method == r.Method) && rule.Address.MatchString(host+r.URL.Path) &&
			(rule.Times == 0 || rule.used[address] < rule.Times) {
			rule.used[address]++
			return &apiError{rule.Status, rule.Code, rule.Message, rule.Details}, rule.Lost
		}
	}
	return nil, false
}

// handle answers a request without rules.
func (s *Server) handle(r *http.Request, host string, raw []byte) (any, *apiError) {
	a, err := load(host)
	if err != nil || a == nil {
		return nil, invalid("no discovery document for %s: %v", host, err)
	}
	path := strings.Replace(strings.TrimPrefix(r.URL.EscapedPath(), "/resumable"), "/upload/", "/", 1)
	if id := r.URL.Query().Get("upload_id"); id != "" {
		return s.finishUpload(id, raw)
	}
	in := &request{Request: r, method: a.find(r.Method, path), host: host, raw: raw}
	if in.method == nil {
		return nil, notFound(r.Method + " " + r.Host + path + ": the requested URL was")
	}
	in.name = version.ReplaceAllString(strings.TrimPrefix(r.URL.Path, "/resumable"), "")
	if m := verbs.FindStringSubmatch(in.name); m != nil {
		in.name, in.verb = strings.TrimSuffix(in.name, m[0]), m[1]
	}
	if len(raw) > 0 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&in.body); err != nil {
			return nil, invalid("%v", err)
		}
		if bad := in.check(r.URL.Query(), in.body); bad != "" {
			return nil, invalid("%s", bad)
		}
	} else if bad := in.check(r.URL.Query(), nil); bad != "" {
		return nil, invalid("%s", bad)
	}
	if special, ok := specials[in.ID]; ok {
		return special(s, in)
	}
	return s.generic(in)
}

// now is the time of every change, in Google's format.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000Z") }
