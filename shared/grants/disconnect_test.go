package grants_test

import (
	"context"
	"testing"
	"time"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/vault"
)

func TestDisconnect_OtherInstance(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	other := consenttest.NewInstance(w.Deps)
	if _, err := other.TokenSource(t.Context(), adaID, create); err != nil {
		t.Fatal(err)
	}
	done, err := w.Disconnect(t.Context(), adaID)
	if err != nil || done.Outcome != grants.Revoked {
		t.Fatalf("got %v, %v", done, err)
	}
	w.Advance(61 * time.Second)
	if _, err := other.TokenSource(t.Context(), adaID, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("got %v", err)
	}
	if done, err := w.Disconnect(t.Context(), adaID); err != nil || done.Outcome != grants.NotConnected {
		t.Errorf("again: %v, %v", done, err)
	}
}

func TestDisconnect_CountsApprovals(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.storeApprovals(ada, "tickets", "builds")
	done, err := w.Disconnect(t.Context(), adaID)
	if want := (grants.Disconnection{Outcome: grants.Revoked, Withdrawn: 2}); err != nil || done != want {
		t.Errorf("got %+v, %v", done, err)
	}
	w.SignIn(ada, create)
	if g, _ := w.StoredGrant(ada); len(g.Approvals) != 0 {
		t.Error("a new connection restored an approval")
	}
}

func TestDisconnect_Incomplete(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.storeApprovals(ada, "tickets")
	stuck := w.InstanceOn(&undeletableDocs{Docs: w.Docs})
	done, err := stuck.Disconnect(t.Context(), adaID)
	if want := (grants.Disconnection{Outcome: grants.Revoked, Withdrawn: 1, Incomplete: true}); err != nil ||
		done != want {
		t.Errorf("got %+v, %v", done, err)
	}
	w.Instance = consenttest.NewInstance(w.Deps)
	if err := w.Token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("the disconnected grant is used: %v", err)
	}
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	if _, ok := w.StoredGrant(ada); ok {
		t.Error("the grant is still stored")
	}
}

func TestDisconnect_Token(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*vault.Grant)
		outcome grants.Outcome
		revoked bool // at Google
	}{
		"refresh token": {func(*vault.Grant) {}, grants.Revoked, true},
		"only an access token": {func(g *vault.Grant) {
			g.Status, g.RefreshToken = vault.Suspended, config.Secret{}
		}, grants.Revoked, true},
		"none": {
			func(g *vault.Grant) { *g = g.WithoutContent(); g.Status, g.ClientID = vault.Revoked, "client" },
			grants.Erased, false,
		},
	} {
		w := newWorld(t)
		w.SignIn(ada, create)
		g, _ := w.StoredGrant(ada)
		c.change(&g)
		_, err := w.Deps.Vault.SaveGrant(t.Context(), g)
		check(t, err)
		done, err := w.Disconnect(t.Context(), adaID)
		if err != nil || done.Outcome != c.outcome || (w.Google.RefreshToken(ada) == "") != c.revoked {
			t.Errorf("%s: %v, %v", name, done.Outcome, err)
		}
		if _, ok := w.StoredGrant(ada); ok {
			t.Errorf("%s: the grant is left", name)
		}
	}
}

// A record that does not open can be disconnected, also if that takes the sweep.
func TestDisconnect_BrokenSeal(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.corruptSeal(ada, brokenSeals["truncated"])
	done, err := w.InstanceOn(undeletableDocs{w.Docs}).Disconnect(t.Context(), adaID)
	if want := (grants.Disconnection{Outcome: grants.Erased, Incomplete: true}); err != nil || done != want {
		t.Errorf("%+v, %v", done, err)
	}
	if got := w.sweep(); got.Ended != 1 || got.Unopened != 0 {
		t.Errorf("got %+v", got)
	}
	if _, ok := w.StoredGrant(ada); ok {
		t.Error("the grant is left")
	}
}

// The person disconnects again, and connects again, while Google revokes the token.
func TestDisconnect_Meanwhile(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.BeforeGoogleCall(func() {
		if _, err := consenttest.NewInstance(w.Deps).Disconnect(context.Background(), adaID); err != nil {
			t.Error(err)
		}
		if _, err := w.Connect(context.Background(), newConsent("1//0new", create)); err != nil {
			t.Error(err)
		}
	})
	done, err := w.Disconnect(t.Context(), adaID)
	if want := (grants.Disconnection{Outcome: grants.Revoked}); err != nil || done != want {
		t.Errorf("%+v, %v", done, err)
	}
	if g, ok := w.StoredGrant(ada); !ok || g.Status != vault.Connected {
		t.Errorf("the new grant is gone: %s", g.Status)
	}
}
