package grants_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/vault"
)

func TestRevocation_NewerSuspendedGrant(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Second)
	w.SignIn(ada, create)
	g, _ := w.StoredGrant(ada)
	g.Status, g.SuspendedAt, g.AccessToken = vault.Suspended, w.Now(), config.Secret{}
	g.Due = w.Now().Add(time.Hour)
	_, err := w.Deps.Vault.SaveGrant(t.Context(), g)
	check(t, err)
	if got := w.sweep(); got.Revoked != 0 {
		t.Errorf("the newer token was revoked: %+v", got)
	}
}

func TestRevocation_NewerConsent(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Second)
	w.SignIn(ada, create)
	if got := w.sweep(); got.Revoked != 0 || w.revocationCount() != 0 {
		t.Errorf("got %+v, %d left", got, w.revocationCount())
	}
	w.Advance(2 * time.Hour)
	if err := w.Token(ada, create); err != nil {
		t.Errorf("newer consent: %v", err)
	}
}

func TestRevocation_GivenUpAfterWeek(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	w.Advance(7 * day)
	got := w.sweep()
	if w.revocationCount() != 0 || !strings.Contains(w.Log.String(), "gave up revoking a token after a week") {
		t.Errorf("got %+v", got)
	}
}

func TestRevocation_ManyPages(t *testing.T) {
	w := newWorld(t)
	for range 201 {
		check(t, w.Deps.Vault.CreateRevocation(t.Context(), adaID, 1, config.NewSecret("1//0gone")))
	}
	if got := w.sweep(); got.Revoked != 201 || w.revocationCount() != 0 {
		t.Errorf("%+v, %d left", got, w.revocationCount())
	}
}

// A sweep whose time is up after it has read the revocations still makes progress.
func TestRevocation_TimeUp(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		check(t, w.Deps.Vault.CreateRevocation(t.Context(), adaID, 1, config.NewSecret("1//0gone")))
	}
	for left := 2; left >= 0; left-- {
		slow := w.InstanceOn(&vaulttest.Faulty{Docs: w.Docs, Inject: func(_ context.Context, c vaulttest.Call) error {
			if c.N == 2 && c.Applied { // the second call reads the revocations
				w.Advance(time.Hour)
			}
			return nil
		}})
		done, err := slow.Sweep(t.Context(), w.Now().Add(time.Hour), 0)
		if err != nil || done.Revoked != 1 || done.Finished || w.revocationCount() != left {
			t.Errorf("%+v, %v, %d left", done, err, w.revocationCount())
		}
	}
}

func TestRevocation_Unopened(t *testing.T) {
	w := newWorld(t)
	check(t, w.Deps.Vault.CreateRevocation(t.Context(), adaID, 1, config.NewSecret("1//0gone")))
	docs, err := w.Docs.List(t.Context(), "revocations", "", 1)
	check(t, err)
	docs[0].Fields["sealed"] = []byte("x")
	_, err = w.Docs.Replace(t.Context(), "revocations", docs[0].ID, docs[0].Fields, docs[0].Version)
	check(t, err)
	w.sweepTimes(map[time.Duration]grants.SweepResult{
		7*day - time.Second: {Unopened: 2}, // when it is retried and when it should be resealed
		7 * day:             {Expired: 1},
	})
	if w.countAlarms("gave up revoking a token after a week") != 1 {
		t.Errorf("no alarm: %s", w.Log)
	}
}

// A late revocation also ends a consent that was given during the call. Its token must not be used unchecked.
func TestRevocation_ConsentMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.Fail("revoke", 503)
	_, err := w.Disconnect(t.Context(), adaID)
	check(t, err)
	refresh, _ := w.Google.Connect(ada, createScope) // Google has this grant, and will end it
	w.BeforeGoogleCall(func() {
		_, err := w.Connect(context.Background(), newConsent(refresh, create))
		if err != nil {
			t.Error(err)
		}
	})
	if got := w.sweep(); got.Revoked != 1 {
		t.Errorf("got %+v", got)
	}
	w.Instance = consenttest.NewInstance(w.Deps)
	if err := w.Token(ada, create); fault.KindOf(err) != fault.NeedsConsent || w.RefreshCount() != 1 {
		t.Errorf("%v, %d refreshes", err, w.RefreshCount())
	}
}

// A newer grant that a security event has ended is no reason to leave the older token valid.
func TestRevocation_NewerRevokedGrant(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.Fail("revoke", 503)
	_, err := w.Disconnect(t.Context(), adaID)
	check(t, err)
	w.Advance(time.Second)
	w.SignIn(ada, create)
	w.Advance(10 * time.Minute)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	if got := w.sweep(); got.Ended != 1 || got.Revoked != 1 || w.Google.RefreshToken(ada) != "" {
		t.Errorf("got %+v", got)
	}
}
