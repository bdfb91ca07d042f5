package securityevent_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/deputy/functions/securityevent"
)

func TestFromEnv(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1") // never called
	t.Setenv("GOOGLE_CLOUD_PROJECT", "project")
	t.Setenv("OAUTH_CLIENT_ID", "client")
	handler, err := securityevent.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x")))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "invalid_request") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestFromEnv_Missing(t *testing.T) {
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "OAUTH_CLIENT_ID"} {
		t.Setenv(name, "")
	}
	_, err := securityevent.FromEnv(t.Context())
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "OAUTH_CLIENT_ID"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in %v", name, err)
		}
	}
}
