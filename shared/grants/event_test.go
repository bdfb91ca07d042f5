package grants_test

import (
	"testing"
	"time"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Google's clock and ours may differ by a minute.
func TestRevokedAt_CloseToSignIn(t *testing.T) {
	const late = time.Minute + time.Microsecond
	for _, c := range []struct {
		mark      vault.Mark
		gap       time.Duration // from the sign-in to the event
		ended     bool
		refreshes int // before the next use
	}{
		{vault.RevokedAt, -late, false, 0},
		{vault.RevokedAt, -time.Minute, false, 1},
		{vault.RevokedAt, 0, false, 1},
		{vault.RevokedAt, time.Minute, false, 1},
		{vault.RevokedAt, late, true, 0},
		{vault.RecheckAt, -late, false, 0},
		{vault.RecheckAt, -time.Minute, false, 1},
		{vault.RecheckAt, late, false, 1},
		{vault.SessionsEndedAt, 0, false, 0},
	} {
		w := newWorld(t)
		w.SignIn(ada, create)
		signedIn := w.Now()
		w.Advance(3 * time.Minute)
		w.MarkGrant(ada, c.mark, signedIn.Add(c.gap))
		w.Instance = consenttest.NewInstance(w.Deps)
		for use := range 2 {
			needs, ended := capability.AsConsentError(w.Token(ada, create))
			if ended != c.ended || ended && !needs.Ended || w.RefreshCount() != c.refreshes {
				t.Errorf("%s, %v, use %d: %+v, %d refreshes", c.mark, c.gap, use+1, needs, w.RefreshCount())
			}
		}
	}
}

func TestRevokedAt_AfterSignIn(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.storeApprovals(ada, "tickets")
	w.Advance(10 * time.Minute)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	w.Instance = consenttest.NewInstance(w.Deps) // with an empty cache
	needs, ok := capability.AsConsentError(w.Token(ada, create))
	if !ok || !needs.Ended || w.RefreshCount() != 0 {
		t.Errorf("got %+v, %d refreshes", needs, w.RefreshCount())
	}
	if _, usable, err := w.Lookup(t.Context(), resource.Named(ada.User())); err != nil || usable {
		t.Errorf("usable %v, %v", usable, err)
	}
	// A hijacker may have approved systems. A new sign-in does not restore these approvals.
	w.Advance(10 * time.Minute)
	w.Google.RevokeGrant(ada)
	w.SignIn(ada, create)
	if g, _ := w.StoredGrant(ada); len(g.Approvals) != 0 || w.Token(ada, create) != nil {
		t.Errorf("%d approvals are left", len(g.Approvals))
	}
}

func TestRevokedAt_CachedGrant(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(10 * time.Minute)
	check(t, w.Token(ada, create))
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	w.Advance(61 * time.Second)
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok {
		t.Error("the revoked grant is still used")
	}
}

func TestRecheckAt_RefreshesFirst(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(10 * time.Minute)
	w.MarkGrant(ada, vault.RecheckAt, w.Now())
	w.Advance(61 * time.Second)
	if err := w.Token(ada, create); err != nil || w.RefreshCount() != 1 {
		t.Errorf("%v, %d refreshes", err, w.RefreshCount())
	}
}

// A security event arrives late, after the owner has signed in again.
func TestApprovals_HijackedAccount(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.storeApprovals(ada, "evil") // by the hijacker
	w.Advance(5 * time.Minute)
	eventTime := w.Now()
	w.Advance(5 * time.Minute)
	w.SignIn(ada, create) // by the owner
	w.MarkGrant(ada, vault.RevokedAt, eventTime)
	g, usable, err := w.Lookup(t.Context(), resource.Named(ada.User()))
	if err != nil || !usable {
		t.Fatalf("the owner's grant has ended: %v", err)
	}
	if g.HasApproved("evil", "user", "spaces.create") || len(g.ValidApprovals()) != 0 {
		t.Error("the hijacker's approval counts")
	}
	w.Advance(time.Minute)
	w.storeApprovals(ada, "tickets")
	g, _ = w.StoredGrant(ada)
	if !g.HasApproved("tickets", "user", "spaces.create") || g.HasApproved("evil", "user", "spaces.create") {
		t.Error("the owner's approval does not count")
	}
}

func TestApprovals_EventCloseToSignIn(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(20 * time.Second)
	w.storeApprovals(ada, "tickets")
	g, _ := w.StoredGrant(ada)
	w.Advance(2 * time.Minute)
	w.MarkGrant(ada, vault.RevokedAt, g.SignedInAt.Add(10*time.Second)) // within the clock skew
	w.Google.RevokeGrant(ada)
	w.SignIn(ada, create)
	if g, _ := w.StoredGrant(ada); len(g.ValidApprovals()) != 0 {
		t.Error("a doubtful approval was kept")
	}
}

// Google may have refreshed the token before the event.
func TestRevokedAt_AfterRefresh(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(30 * time.Second)
	_, _, err := actFor(t, w, adaID, googlecall.ErrToken) // refreshes
	check(t, err)
	w.Advance(20 * time.Second)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	w.Advance(time.Minute)
	w.Instance = consenttest.NewInstance(w.Deps)
	if err := w.Token(ada, create); err != nil || w.RefreshCount() != 2 {
		t.Errorf("%v, %d refreshes", err, w.RefreshCount())
	}
}

// The person is notified of the end once, however far the sweep is.
func TestRevokedAt_NotifiedOnce(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(10 * time.Minute)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	if !w.ClaimEndNotice(t.Context(), adaID) {
		t.Fatal("the person is not notified")
	}
	for _, swept := range []bool{false, true} {
		if swept {
			w.sweep()
		}
		w.Instance = consenttest.NewInstance(w.Deps)
		needs, ok := capability.AsConsentError(w.Token(ada, create))
		if !ok || needs.Ended || w.ClaimEndNotice(t.Context(), adaID) {
			t.Errorf("swept %v: %+v", swept, needs)
		}
	}
	writes := w.Docs.Writes()
	check(t, w.RecordAppRemoved(t.Context(), adaID, w.Now()))
	if w.Docs.Writes() != writes {
		t.Error("a removal is counted although nothing is left to remove")
	}
}
