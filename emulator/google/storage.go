package google

import (
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The methods of Cloud Storage that are played: what the file of callers needs.
const (
	storageGet    = "storage.objects.get"
	storageInsert = "storage.objects.insert"
)

// maxObject is the most that an object may be here, in bytes.
const maxObject = 4 << 20

// object is an object of Cloud Storage with the version that it has.
type object struct {
	text       []byte
	generation int64
}

// PutObject stores an object, as somebody with the right to.
func (s *Server) PutObject(bucket, name string, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generations++
	s.objects[bucket+"/"+name] = object{text, s.generations}
}

// Object is the content of an object; nil when there is none.
func (s *Server) Object(bucket, name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[bucket+"/"+name].text
}

// storageAPI plays objects.get with alt=media, and objects.insert with
// uploadType=multipart and ifGenerationMatch, as the discovery document has them.
func (s *Server) storageAPI(w http.ResponseWriter, r *http.Request) {
	path, upload := strings.CutPrefix(r.URL.Path, "/upload")
	call := Call{Method: r.Method + " " + r.URL.Path, Path: r.URL.RequestURI(), At: s.Now()}
	m := s.find(r.Method, path)
	var failed *apiError
	switch {
	case m == nil || upload != (m.ID == storageInsert):
		failed = &apiError{code: http.StatusNotFound, status: "NOT_FOUND", message: "The stand-in does not play this method of Cloud Storage."}
	default:
		call.Method = m.ID
		failed = s.storage1(w, r, m, strings.Split(path, "/"))
	}
	call.Status = http.StatusOK
	if failed != nil {
		call.Status = failed.code
		answer(w, failed.code, map[string]any{"error": map[string]any{"code": failed.code, "message": failed.message}})
	}
	s.Record(call)
}

func (s *Server) storage1(w http.ResponseWriter, r *http.Request, m *method, path []string) *apiError {
	if f := s.fault(m.ID); f.status != 0 {
		return &apiError{code: f.status, message: "fault switched on"}
	}
	token, ok := s.bearer(r)
	if !ok || !slices.Contains(token.scopes, cloudPlatform) {
		return &apiError{code: http.StatusUnauthorized, message: "Invalid Credentials"}
	}
	q := r.URL.Query()
	kind := q.Get("uploadType")
	q.Del("uploadType") // a parameter of uploads, which the document does not list
	if why := m.in.query(m, q); why != "" {
		return &apiError{code: http.StatusBadRequest, message: why}
	}
	bucket := path[4] // /storage/v1/b/{bucket}/o/{object}
	if m.ID == storageGet {
		if q.Get("alt") != "media" {
			return &apiError{code: http.StatusBadRequest, message: "The stand-in plays alt=media only."}
		}
		s.mu.Lock()
		o, ok := s.objects[bucket+"/"+strings.Join(path[6:], "/")]
		s.mu.Unlock()
		if !ok {
			return &apiError{code: http.StatusNotFound, message: "No such object: " + bucket}
		}
		w.Header().Set("X-Goog-Generation", strconv.FormatInt(o.generation, 10))
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(o.text) // the client has gone: nobody to tell
		return nil
	}
	if kind != "multipart" {
		return &apiError{code: http.StatusBadRequest, message: "The stand-in plays uploadType=multipart only."}
	}
	name, text, failed := s.uploaded(r, m)
	if failed != nil {
		return failed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := bucket + "/" + name
	if match := q.Get("ifGenerationMatch"); match != "" && match != strconv.FormatInt(s.objects[key].generation, 10) {
		return &apiError{code: http.StatusPreconditionFailed, message: "At least one of the pre-conditions you specified did not hold."}
	}
	s.generations++
	s.objects[key] = object{text, s.generations}
	answer(w, http.StatusOK, map[string]any{"kind": "storage#object", "name": name, "bucket": bucket, "generation": strconv.FormatInt(s.generations, 10)})
	return nil
}

// uploaded reads the two parts of an upload: the object's resource, and its
// content.
func (s *Server) uploaded(r *http.Request, m *method) (name string, text []byte, failed *apiError) {
	bad := &apiError{code: http.StatusBadRequest, message: "Bad multipart upload."}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "", nil, bad
	}
	parts := multipart.NewReader(io.LimitReader(r.Body, maxObject), params["boundary"])
	for i := range 2 {
		part, err := parts.NextPart()
		if err != nil {
			return "", nil, bad
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return "", nil, bad
		}
		if i == 1 {
			return name, body, nil
		}
		var resource struct{ Name string }
		if err := m.in.check(m.Request.Ref, body); err != nil || json.Unmarshal(body, &resource) != nil || resource.Name == "" {
			return "", nil, bad
		}
		name = resource.Name
	}
	return "", nil, bad
}
