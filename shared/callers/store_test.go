package callers_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
)

// newObject returns a Store in the emulator's Cloud Storage; alter may change the headers of responses.
func newObject(t *testing.T, alter func(http.Header)) (callers.Store, *google.Server) {
	t.Helper()
	emulator := google.New(google.Config{Now: time.Now})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response := httptest.NewRecorder()
		emulator.Handler().ServeHTTP(response, r)
		alter(response.Header())
		for name, values := range response.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(response.Code)
		_, _ = w.Write(response.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	object, err := callers.OpenStore(t.Context(), "gs://p-deputy-callers/callers.yaml",
		option.WithEndpoint(server.URL+"/storage/v1/"),
		option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: emulator.ServiceToken()})))
	if err != nil {
		t.Fatal(err)
	}
	return object, emulator
}

func unchanged(http.Header) {}

// stores returns both kinds of Store.
func stores(t *testing.T) map[string]callers.Store {
	t.Helper()
	object, _ := newObject(t, unchanged)
	local, err := callers.OpenStore(t.Context(), filepath.Join(t.TempDir(), "callers.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]callers.Store{"object": object, "local": local}
}

func TestStore_WriteConflicts(t *testing.T) {
	for name, s := range stores(t) {
		if _, version, err := s.Read(t.Context()); fault.KindOf(err) != fault.NotFound || version != "" {
			t.Errorf("%s, at first: %q, %v", name, version, err)
		}
		if err := s.Write(t.Context(), []byte("one"), ""); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Write(t.Context(), []byte("late"), ""); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s, created twice: %v", name, err)
		}
		_, first, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), []byte("two"), first); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Write(t.Context(), []byte("stale"), first); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s, over a newer version: %v", name, err)
		}
		if text, _, err := s.Read(t.Context()); err != nil || string(text) != "two" {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

func TestCheckLocation(t *testing.T) {
	for location, valid := range map[string]bool{
		"gs://p-deputy-callers/callers.yaml": true, "/etc/deputy/callers.yaml": true,
		"callers.yaml": false, "gs://x": false, "gs://P/x": false, "gs://bucket/": false, "": false,
		"https://evil.example/callers.yaml": false,
	} {
		if err := callers.CheckLocation(location); (err == nil) != valid {
			t.Errorf("%q: %v", location, err)
		}
	}
}

func TestStore_Size(t *testing.T) {
	const mebibyte = 1 << 20
	for name, s := range stores(t) {
		text := strings.Repeat("#", mebibyte)
		if err := s.Write(t.Context(), []byte(text), ""); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, version, err := s.Read(t.Context())
		if err != nil || len(got) != mebibyte {
			t.Errorf("%s, 1 MiB: %d bytes, %v", name, len(got), err)
		}
		if err := s.Write(t.Context(), []byte(text+"#"), version); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, _, err = s.Read(t.Context())
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "larger than 1 MiB") {
			t.Errorf("%s, one byte more: %v", name, err)
		}
	}
}

func TestObjectStore_Errors(t *testing.T) {
	const get, insert = "storage.objects.get", "storage.objects.insert"
	s, emulator := newObject(t, unchanged)
	emulator.Fail(insert, 503)
	if err := s.Write(t.Context(), []byte("one"), ""); err != nil {
		t.Errorf("written in the second attempt: %v", err)
	}
	emulator.Fail(get, 503)
	if text, version, err := s.Read(t.Context()); err != nil || string(text) != "one" || version == "" {
		t.Errorf("read in the second attempt: %q, %q, %v", text, version, err)
	}
	emulator.Fail(insert, 403)
	if err := s.Write(t.Context(), []byte("two"), ""); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("write refused: %v", err)
	}
	emulator.Fail(get, 403)
	_, _, err := s.Read(t.Context())
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "403") {
		t.Errorf("read refused: %v", err)
	}
	before := len(emulator.Calls())
	if err := s.Write(t.Context(), []byte("two"), "=one"); fault.KindOf(err) != fault.Internal {
		t.Errorf("version of another store: %v", err)
	}
	if got := len(emulator.Calls()) - before; got != 0 {
		t.Errorf("%d calls with a version of another store", got)
	}
	s, emulator = newObject(t, func(h http.Header) { h.Del("X-Goog-Generation") })
	emulator.PutObject("p-deputy-callers", "callers.yaml", []byte("one"))
	if _, _, err := s.Read(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("no version: %v", err) // a write with this version would replace any file
	}
}

// recordingTransport records where requests go, and answers them with an empty object.
type recordingTransport struct{ hosts []string }

func (r *recordingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	r.hosts = append(r.hosts, req.URL.Scheme+"://"+req.URL.Host)
	header := http.Header{"X-Goog-Generation": {"1"}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func TestObjectStore_FixedHost(t *testing.T) {
	t.Setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "evil.example")
	t.Setenv("STORAGE_EMULATOR_HOST", "http://evil.example")
	transport := &recordingTransport{}
	s, err := callers.OpenStore(t.Context(), "gs://p-deputy-callers/callers.yaml",
		option.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), nil, "1"); err == nil {
		t.Error("a write without an answer succeeded")
	}
	for _, host := range transport.hosts {
		if host != "https://storage.googleapis.com" {
			t.Errorf("a request to %s", host)
		}
	}
	if len(transport.hosts) < 2 {
		t.Errorf("requests: %v", transport.hosts)
	}
}

func TestOpenStore_NoCredentials(t *testing.T) {
	missing := option.WithAuthCredentialsFile(option.ServiceAccount, filepath.Join(t.TempDir(), "none.json"))
	s, err := callers.OpenStore(t.Context(), "gs://p-deputy-callers/callers.yaml", missing)
	if fault.KindOf(err) != fault.Unavailable || s != nil {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestFileStore_Errors(t *testing.T) {
	dir := t.TempDir()
	open := func(path string) callers.Store {
		t.Helper()
		s, err := callers.OpenStore(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	directory := open(dir)
	if _, _, err := directory.Read(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("read of a directory: %v", err)
	}
	if err := directory.Write(t.Context(), nil, ""); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("write over a directory: %v", err)
	}
	file := open(filepath.Join(dir, "callers.yaml"))
	if err := file.Write(t.Context(), []byte("one"), ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(filepath.Join(dir, "callers.yaml", "x")).Read(t.Context()); fault.KindOf(err) !=
		fault.Unavailable {
		t.Errorf("a file as the folder: %v", err)
	}
	missing := open(filepath.Join(dir, "missing", "callers.yaml"))
	if err := missing.Write(t.Context(), nil, ""); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("no folder: %v", err)
	}
	large := filepath.Join(t.TempDir(), "callers.yaml")
	if err := os.WriteFile(large, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(large).Write(t.Context(), nil, ""); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a file that cannot be read was replaced: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("temporary files are left: %v, %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: other users of the machine can read the file", info.Mode(), err)
	}
}
