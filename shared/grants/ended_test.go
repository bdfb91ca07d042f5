package grants_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/resource"
)

// An administrator removes the app for everyone, or Google's events claim so by mistake.
func TestAppRemoved_ManyInOneDay(t *testing.T) {
	w := newWorld(t)
	people := w.storePeople(21)
	for _, p := range people[:20] {
		check(t, w.RecordAppRemoved(t.Context(), resource.Person(p.User()), w.Now()))
	}
	const alarm = "many people removed the app today"
	if strings.Contains(w.Log.String(), alarm) {
		t.Error("twenty removals raise an alarm")
	}
	check(t, w.RecordAppRemoved(t.Context(), resource.Person(people[20].User()), w.Now()))
	if got := strings.Count(w.Log.String(), alarm); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	w.Advance(6 * day)
	if got := w.sweep(); got.Ended != 0 {
		t.Errorf("before a week: %+v", got)
	}
	w.checkUnchanged(people)
}

func TestTell_ExactlyOnce(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.RevokeGrant(ada)
	w.Advance(2 * time.Hour)
	if needs, ok := capability.AsConsentError(w.Token(ada, create)); !ok || !needs.Ended {
		t.Fatalf("got %+v", needs)
	}
	var wg sync.WaitGroup
	var claims atomic.Int32
	for range 16 {
		wg.Go(func() {
			if w.ClaimEndNotice(t.Context(), adaID) {
				claims.Add(1)
			}
		})
	}
	wg.Wait()
	if claims.Load() != 1 {
		t.Errorf("ClaimEndNotice returned true %d times", claims.Load())
	}
	if needs, ok := capability.AsConsentError(w.Token(ada, create)); !ok || needs.Ended {
		t.Errorf("again: %+v", needs)
	}
}

func TestTell_LostStoreResponse(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.RevokeGrant(ada)
	w.Advance(2 * time.Hour)
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok {
		t.Fatal("the revoked grant is still used")
	}
	if !w.InstanceOn(lostResponseDocs{w.Docs}).ClaimEndNotice(t.Context(), adaID) {
		t.Error("Tell returned false")
	}
	if w.ClaimEndNotice(t.Context(), adaID) {
		t.Error("ClaimEndNotice returned true twice")
	}
}

// Two notifications are better than none.
func TestTell_StoreUnavailable(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	if !w.failingInstance(func(vaulttest.Call) bool { return true }).ClaimEndNotice(t.Context(), adaID) {
		t.Error("nobody notifies the person")
	}
	if w.ClaimEndNotice(t.Context(), adaID) || w.ClaimEndNotice(t.Context(), graceID) {
		t.Error("a person is notified although nothing has ended")
	}
}
