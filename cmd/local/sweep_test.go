package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"example.com/deputy/shared/grants"
)

// swept asks for a sweep as the caller of a token.
func (w *world) swept(t *testing.T, authorization string) (int, grants.SweepResult) {
	t.Helper()
	r := request(t, http.MethodPost, w.address+"/createspace/v1/sweep", nil)
	r.Header.Set("Authorization", authorization)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var done grants.SweepResult
	if err := json.NewDecoder(res.Body).Decode(&done); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, done
}

func TestTheSchedulerSweepsAndNobodyElse(t *testing.T) {
	t.Parallel()
	scheduler := caller()
	scheduler.Actions = []string{"sweep"}
	w := newWorldWithCaller(t, scheduler)
	w.browser(t, ada).connect()
	w.clock.advance(151 * 24 * time.Hour)
	if status, done := w.swept(t, w.callerToken(nil)); status != http.StatusOK || done.Refreshed != 1 || !done.Finished {
		t.Errorf("got %d %+v", status, done)
	}
	if status, done := w.swept(t, w.callerToken(nil)); status != http.StatusOK || done.Seen != 0 || !done.Finished {
		t.Errorf("an hour later: %d %+v", status, done)
	}
	if status, _ := w.swept(t, "Bearer x"); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	other := newWorldWithCaller(t, caller())
	if status, _ := other.swept(t, other.callerToken(nil)); status != http.StatusForbidden {
		t.Errorf("a caller without the operation: %d", status)
	}
}
