package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"example.com/deputy/shared/grants"
)

// sweep requests a sweep with an Authorization header.
func (w *world) sweep(t *testing.T, authorization string) (int, grants.SweepResult) {
	t.Helper()
	r := request(t, http.MethodPost, w.address+"/createspace/v1/sweep", nil)
	r.Header.Set("Authorization", authorization)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var result grants.SweepResult
	if err := json.NewDecoder(res.Body).Decode(&result); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, result
}

func TestSweep_OnlyScheduler(t *testing.T) {
	t.Parallel()
	scheduler := caller()
	scheduler.Actions = []string{"sweep"}
	w := newWorldWithCaller(t, scheduler)
	w.browser(t, ada).connect()
	w.clock.advance(151 * 24 * time.Hour)
	if status, result := w.sweep(t, w.callerToken(nil)); status != http.StatusOK || result.Refreshed != 1 ||
		!result.Finished {
		t.Errorf("got %d %+v", status, result)
	}
	if status, result := w.sweep(t, w.callerToken(nil)); status != http.StatusOK || result.Seen != 0 ||
		!result.Finished {
		t.Errorf("again: %d %+v", status, result)
	}
	if status, _ := w.sweep(t, "Bearer x"); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	other := newWorldWithCaller(t, caller())
	if status, _ := other.sweep(t, other.callerToken(nil)); status != http.StatusForbidden {
		t.Errorf("a caller without the action: %d", status)
	}
}
