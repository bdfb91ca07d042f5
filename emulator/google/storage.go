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

// The methods of Cloud Storage that the emulator supports: those that the callers file needs.
const (
	storageGet    = "storage.objects.get"
	storageInsert = "storage.objects.insert"
)

// maxObject is the maximum size of an upload, in bytes.
const maxObject = 4 << 20

// object is the current version of an object of Cloud Storage.
type object struct {
	text       []byte
	generation int64
}

// PutObject stores an object without a request.
func (s *Server) PutObject(bucket, name string, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generations++
	s.objects[bucket+"/"+name] = object{text, s.generations}
}

// Object returns the content of an object, or nil if it does not exist.
func (s *Server) Object(bucket, name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[bucket+"/"+name].text
}

// storageAPI serves objects.get with alt=media, and objects.insert with uploadType=multipart and ifGenerationMatch.
func (s *Server) storageAPI(w http.ResponseWriter, r *http.Request) {
	path, upload := strings.CutPrefix(r.URL.Path, "/upload")
	call := Call{Method: r.Method + " " + r.URL.Path, Path: r.URL.RequestURI(), At: s.Now()}
	m := s.findMethod(r.Method, path)
	var failed *apiError
	switch {
	case m == nil || upload != (m.ID == storageInsert):
		failed = newError(http.StatusNotFound, "The emulator does not support this method of Cloud Storage.")
	default:
		call.Method = m.ID
		failed = s.callStorage(w, r, m, strings.Split(path, "/"))
	}
	call.Status = http.StatusOK
	if failed != nil {
		call.Status = failed.code
		answer(w, failed.code, map[string]any{"error": map[string]any{"code": failed.code, "message": failed.message}})
	}
	s.Record(call)
}

func (s *Server) callStorage(w http.ResponseWriter, r *http.Request, m *method, path []string) *apiError {
	if f := s.takeFault(m.ID); f.Status != 0 {
		return &apiError{code: f.Status, message: "injected fault"}
	}
	token, ok := s.bearer(r)
	if !ok || !slices.Contains(token.scopes, cloudPlatform) {
		return &apiError{code: http.StatusUnauthorized, message: "Invalid Credentials"}
	}
	q := r.URL.Query()
	kind := q.Get("uploadType")
	q.Del("uploadType") // the discovery document does not list it
	if problem := m.api.checkQuery(m, q); problem != "" {
		return &apiError{code: http.StatusBadRequest, message: problem}
	}
	bucket := path[4] // /storage/v1/b/{bucket}/o/{object}
	if m.ID == storageGet {
		if q.Get("alt") != "media" {
			return &apiError{code: http.StatusBadRequest, message: "The emulator supports alt=media only."}
		}
		s.mu.Lock()
		o, ok := s.objects[bucket+"/"+strings.Join(path[6:], "/")]
		s.mu.Unlock()
		if !ok {
			return &apiError{code: http.StatusNotFound, message: "No such object: " + bucket}
		}
		w.Header().Set("X-Goog-Generation", strconv.FormatInt(o.generation, 10))
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(o.text) // the client may have disconnected
		return nil
	}
	if kind != "multipart" {
		return &apiError{code: http.StatusBadRequest, message: "The emulator supports uploadType=multipart only."}
	}
	name, text, failed := s.readUpload(r, m)
	if failed != nil {
		return failed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := bucket + "/" + name
	match, current := q.Get("ifGenerationMatch"), strconv.FormatInt(s.objects[key].generation, 10)
	if match != "" && match != current {
		message := "At least one of the pre-conditions you specified did not hold."
		return &apiError{code: http.StatusPreconditionFailed, message: message}
	}
	s.generations++
	s.objects[key] = object{text, s.generations}
	answer(w, http.StatusOK, map[string]any{
		"kind": "storage#object", "name": name, "bucket": bucket, "generation": strconv.FormatInt(s.generations, 10),
	})
	return nil
}

// readUpload reads the two parts of an upload: the object's resource and its content.
func (s *Server) readUpload(r *http.Request, m *method) (name string, text []byte, failed *apiError) {
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
		err = m.api.check(m.Request.Ref, body)
		if err != nil || json.Unmarshal(body, &resource) != nil || resource.Name == "" {
			return "", nil, bad
		}
		name = resource.Name
	}
	return "", nil, bad
}
