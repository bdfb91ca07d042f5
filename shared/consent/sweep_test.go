package consent_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

const day = 24 * time.Hour

// sweep runs a sweep from the cursor to the end.
func (w *world) sweep() grants.SweepResult {
	w.t.Helper()
	done, err := w.Sweep(w.t.Context(), w.deps.Now().Add(time.Hour), 0)
	if err != nil || !done.Finished {
		w.t.Fatalf("%+v, %v", done, err)
	}
	return done
}

func (w *world) revocationCount() int {
	w.t.Helper()
	kept, err := w.docs.List(w.t.Context(), "revocations", "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(kept)
}

func TestSweep_RefreshesIdleGrants(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(140 * day))
	if got := w.sweep(); got.Refreshed != 0 || got.Seen != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.offset.Add(int64(11 * day))
	if got := w.sweep(); got.Refreshed != 1 {
		t.Errorf("in time: %+v", got)
	}
	g, _ := w.storedGrant(ada)
	if today := w.deps.Now().UTC().Truncate(day); !g.RefreshDay.Equal(today) || g.LastUsedDay.Equal(today) {
		t.Errorf("refreshed %v, used %v", g.RefreshDay, g.LastUsedDay)
	}
	if got := w.sweep(); got.Seen != 0 {
		t.Errorf("again: %+v", got)
	}
}

func TestSweep_ErasesSuspendedAfterWeek(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.google.RevokeGrant(ada)
	w.offset.Add(int64(151 * day))
	if got := w.sweep(); got.Refreshed != 0 || got.Failed != 0 {
		t.Errorf("got %+v", got)
	}
	if needs, ok := capability.AsConsentError(w.token(ada, create)); !ok || !needs.Ended {
		t.Errorf("the person is not notified: %+v", needs)
	}
	for _, pause := range []time.Duration{time.Hour, day} {
		w.offset.Add(int64(pause))
		if got := w.sweep(); got.Seen != 1 || got.Erased != 0 {
			t.Errorf("after %v: %+v", pause, got)
		}
	}
	w.offset.Add(int64(7 * day))
	if got := w.sweep(); got.Erased != 1 {
		t.Errorf("after a week: %+v", got)
	}
	if _, ok := w.storedGrant(ada); ok {
		t.Error("the grant is still stored")
	}
}

func TestSweep_AppRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		then  func(t *testing.T, w *world)
		ended int
	}{
		"nothing":         {func(*testing.T, *world) {}, 1},
		"app added again": {func(t *testing.T, w *world) { check(t, w.RecordAppReturned(t.Context(), adaID)) }, 0},
		"still used":      {func(t *testing.T, w *world) { check(t, w.token(ada, create)) }, 0},
		"reconnected":     {func(_ *testing.T, w *world) { w.connect(ada, create) }, 0},
		"removed again": {func(t *testing.T, w *world) {
			check(t, w.RecordAppRemoved(t.Context(), adaID, w.deps.Now()))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.connect(ada, create)
			check(t, w.RecordAppRemoved(t.Context(), adaID, w.deps.Now()))
			w.offset.Add(int64(3 * day))
			if got := w.sweep(); got.Ended != 0 {
				t.Errorf("too early: %+v", got)
			}
			c.then(t, w)
			w.offset.Add(int64(5*day + time.Minute))
			if got := w.sweep(); got.Ended != c.ended {
				t.Errorf("after a week: %+v", got)
			}
			if _, ok := w.storedGrant(ada); ok == (c.ended == 1) {
				t.Errorf("stored: %v", ok)
			}
		})
	}
}

func TestSweep_PersonReturnsMeanwhile(t *testing.T) {
	for name, back := range map[string]func(w *world){
		"reconnects": func(w *world) { w.connect(ada, create) },
		"adds the app again": func(w *world) {
			check(w.t, newInstance(w.deps).RecordAppReturned(w.t.Context(), adaID))
		},
	} {
		w := newWorld(t)
		w.connect(ada, create)
		check(t, w.RecordAppRemoved(t.Context(), adaID, w.deps.Now()))
		w.offset.Add(int64(9 * day))
		w.beforeNextSave(func() { back(w) })
		if got := w.sweep(); got.Ended != 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if g, ok := w.storedGrant(ada); !ok || g.Status != vault.Connected {
			t.Errorf("%s: the grant has ended", name)
		}
	}
}

func TestSweep_SomeInvalidGrants(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.storeGrants(100, w.google.RefreshToken(ada))
	for i := range 40 {
		g, err := w.deps.Vault.Grant(t.Context(), resource.Person(fmt.Sprintf("users/%06d", i*2)))
		check(t, err)
		g.RefreshToken = config.NewSecret("1//0dead")
		_, err = w.deps.Vault.SaveGrant(t.Context(), g)
		check(t, err)
	}
	w.offset.Add(int64(151 * day))
	if got := w.sweep(); got.Failed != 0 || got.Refreshed != 61 {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(w.log.String(), "check OAUTH_CLIENT") {
		t.Error("false alarm")
	}
}

func TestSweep_LastUsedDay(t *testing.T) {
	w := newWorld(t)
	w.offset.Add(int64(time.Until(time.Now().UTC().Truncate(day).Add(day + time.Hour)))) // an hour into a day
	w.connect(ada, create)
	check(t, w.RecordAppRemoved(t.Context(), adaID, w.deps.Now()))
	w.offset.Add(int64(7*day + 12*time.Hour)) // the last use may have been 7 days and some minutes ago
	if got := w.sweep(); got.Ended != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.offset.Add(int64(day))
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("in time: %+v", got)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSweep_RetriesRevocation(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	token := w.google.RefreshToken(ada)
	w.google.Fail("revoke", 503, 503)
	if done, err := w.Disconnect(t.Context(), adaID); err != nil || done.Outcome != grants.RevokeLater {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := w.sweep(); got.Failed != 1 || w.revocationCount() != 1 {
		t.Errorf("Google unavailable: %+v", got)
	}
	if got := w.sweep(); got.Revoked != 1 || w.revocationCount() != 0 {
		t.Errorf("Google available: %+v", got)
	}
	if _, err := w.deps.Google.Refresh(t.Context(), config.NewSecret(token)); err == nil {
		t.Error("the token still works")
	}
}

func TestRevocation_NewerConsent(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	w.connect(ada, create)
	if got := w.sweep(); got.Revoked != 0 || w.revocationCount() != 0 {
		t.Errorf("got %+v, %d left", got, w.revocationCount())
	}
	w.offset.Add(int64(2 * time.Hour))
	if err := w.token(ada, create); err != nil {
		t.Errorf("newer consent: %v", err)
	}
}

func TestRevocation_GivenUpAfterWeek(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	w.offset.Add(int64(7 * day))
	got := w.sweep()
	if w.revocationCount() != 0 || !strings.Contains(w.log.String(), "gave up revoking a token after a week") {
		t.Errorf("got %+v", got)
	}
}

// storeGrants stores n grants with this refresh token.
func (w *world) storeGrants(n int, token string) {
	w.t.Helper()
	for i := range n {
		g := vault.Grant{
			Person: resource.Person(fmt.Sprintf("users/%06d", i)), ClientID: "client", Scopes: []string{createScope},
			Status: vault.Connected, Generation: 1, RefreshToken: config.NewSecret(token),
			ConnectedAt: w.deps.Now(), RefreshDay: w.deps.Now().UTC().Truncate(day),
		}
		g.Due = g.RefreshDay.Add(150 * day)
		if _, err := w.deps.Vault.SaveGrant(w.t.Context(), g); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestSweep_Concurrent(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.storeGrants(300, w.google.RefreshToken(ada))
	w.offset.Add(int64(151 * day))
	var wg sync.WaitGroup
	var failed, refreshed atomic.Int64
	for _, a := range []*instance{w.instance, newInstance(w.deps)} {
		wg.Go(func() {
			done, err := a.Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0)
			if err != nil {
				t.Error(err)
			}
			failed.Add(int64(done.Failed))
			refreshed.Add(int64(done.Refreshed))
		})
	}
	wg.Wait()
	w.sweep() // processes what the conflicting sweep left
	if failed.Load() != 0 || refreshed.Load() == 0 {
		t.Errorf("failed %d, refreshed %d", failed.Load(), refreshed.Load())
	}
	for i := range 300 {
		g, err := w.deps.Vault.Grant(t.Context(), resource.Person(fmt.Sprintf("users/%06d", i)))
		if err != nil || g.Status != vault.Connected || g.RefreshDay.Before(w.deps.Now().Add(-2*day)) {
			t.Fatalf("%d: %s, %v, %v", i, g.Status, g.RefreshDay, err)
		}
	}
}

func TestSweep_FailedRecord(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.connect(grace, create)
	w.offset.Add(int64(151 * day))
	w.google.FailRefreshes(ada, true)
	if got := w.sweep(); got.Failed != 1 || got.Refreshed != 1 {
		t.Errorf("got %+v", got)
	}
	w.google.FailRefreshes(ada, false)
	w.offset.Add(int64(time.Hour))
	if got := w.sweep(); got.Failed != 0 || got.Refreshed != 1 {
		t.Errorf("next sweep: %+v", got)
	}
}

func TestReseal_OldKeysDisabled(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.connect(grace, create)
	w.google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), graceID); err != nil {
		t.Fatal(err)
	}
	rotated := w.rotateKeys()
	done, err := rotated.Reseal(t.Context())
	if want := (vault.ResealCounts{Seen: 2, Resealed: 2}); err != nil || done != want {
		t.Fatalf("got %+v, %v", done, err)
	}
	if again, err := rotated.Reseal(t.Context()); err != nil || again.Resealed != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	last := w.disableOldKeys()
	if _, err := last.TokenSource(t.Context(), adaID, create); err != nil {
		t.Errorf("with the old keys disabled: %v", err)
	}
	swept, err := last.Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0)
	if err != nil || swept.Revoked != 1 || swept.Unopened != 0 {
		t.Errorf("revocation: %+v, %v", swept, err)
	}
}

func TestSweep_Reseals(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	done, err := w.rotateKeys().Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0)
	if err != nil || done.Resealed != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
}

// rotateKeys adds and promotes new keys and returns an instance that uses them.
func (w *world) rotateKeys() *instance {
	w.t.Helper()
	for _, text := range []*config.Secret{&w.keyset, &w.lookup} {
		old, err := seal.Describe(*text)
		check(w.t, err)
		added, id, err := seal.Add(*text)
		check(w.t, err)
		*text, err = seal.Promote(added, id)
		check(w.t, err)
		check(w.t, err)
		w.oldKeys = append(w.oldKeys, old[0].ID)
	}
	return w.withKeys(w.keyset, w.lookup)
}

// disableOldKeys returns an instance with the new keys only.
func (w *world) disableOldKeys() *instance {
	w.t.Helper()
	keyset, err := seal.Disable(w.keyset, w.oldKeys[0])
	check(w.t, err)
	lookup, err := seal.Disable(w.lookup, w.oldKeys[1])
	check(w.t, err)
	return w.withKeys(keyset, lookup)
}

// withKeys returns an instance with these keysets on the same store.
func (w *world) withKeys(keyset, lookup config.Secret) *instance {
	w.t.Helper()
	keys, err := seal.New(keyset, lookup, "project", "client")
	check(w.t, err)
	deps := w.deps
	deps.Keys, deps.Vault = keys, vault.New(w.docs, keys, deps.Now)
	return newInstance(deps)
}

func TestRotation_MixedInstances(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	before := w.instance
	added, id, err := seal.Add(w.keyset)
	check(t, err)
	promoted, err := seal.Promote(added, id)
	check(t, err)
	// Each step is deployed while instances of the previous step still run.
	for _, pair := range [][2]*instance{
		{before, w.withKeys(added, w.lookup)}, {w.withKeys(added, w.lookup), w.withKeys(promoted, w.lookup)},
	} {
		for range 3 {
			for _, a := range pair {
				w.offset.Add(int64(2 * time.Hour)) // each instance refreshes and seals the grant
				if _, err := a.TokenSource(t.Context(), adaID, create); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// Without the added key the result is Unavailable and nothing changes. Deploying the key resolves it.
	writes := w.docs.Writes()
	if _, err := newInstance(w.deps).TokenSource(t.Context(), adaID, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if w.docs.Writes() != writes || !strings.Contains(w.log.String(), "KEYSET lacks a key that is in use") {
		t.Error("a write was made, or no alarm was raised")
	}
	if _, err := w.withKeys(added, w.lookup).TokenSource(t.Context(), adaID, create); err != nil {
		t.Errorf("deployed: %v", err)
	}
}

func TestSweep_UnfinishedConsents(t *testing.T) {
	w := newWorld(t)
	one, two := w.invite(ada, completion, create), w.invite(ada, completion, create)
	for _, link := range []config.Secret{one, one, two} {
		_, err := w.Start(t.Context(), link, browser)
		check(t, err)
	}
	if got := w.sweep(); got.Expired != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.offset.Add(int64(vault.PendingTTL))
	if got := w.sweep(); got.Expired != 2 { // one per link and browser
		t.Errorf("got %+v", got)
	}
}

func TestSweep_Resumes(t *testing.T) {
	w := newWorld(t)
	var links []config.Secret
	for range 450 {
		links = append(links, w.invite(ada, completion, create))
	}
	for _, link := range links {
		_, err := w.Start(t.Context(), link, browser)
		check(t, err)
	}
	w.offset.Add(int64(vault.PendingTTL))
	sum := 0
	for range 600 {
		at := w.deps.Now()
		ticks := 0
		a := w.instanceWith(func(d *grants.Deps) {
			d.Now = func() time.Time { // each call advances the clock
				ticks++
				return at.Add(time.Duration(ticks) * time.Microsecond)
			}
		})
		done, err := a.Sweep(t.Context(), at.Add(40*time.Microsecond), 0)
		check(t, err)
		if sum += done.Expired; done.Finished {
			break
		}
		if done.Expired > 40 {
			t.Fatalf("the sweep continued after its time: %+v", done)
		}
	}
	if sum != 450 {
		t.Errorf("removed %d of 450", sum)
	}
}

func TestSweep_PauseReadsOnlyDueGrants(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.connect(grace, create)
	w.storeGrants(300, "1//0x")
	again := func() grants.SweepResult {
		t.Helper()
		done, err := w.Sweep(t.Context(), w.deps.Now().Add(time.Hour), 20*time.Hour)
		check(t, err)
		return done
	}
	again()
	w.google.Fail("revoke", 503)
	_, err := w.Disconnect(t.Context(), graceID)
	check(t, err)
	reads := w.docs.Reads()
	if got := again(); got.Seen != 0 || got.Revoked != 1 || !got.Finished {
		t.Errorf("second sweep: %+v", got)
	}
	if got := w.docs.Reads() - reads; got > 5 {
		t.Errorf("read %d documents", got)
	}
}

func TestSweep_UnknownCursorStage(t *testing.T) {
	w := newWorld(t)
	_, err := w.Start(t.Context(), w.invite(ada, completion, create), browser)
	check(t, err)
	w.offset.Add(int64(vault.PendingTTL))
	_, err = w.docs.Create(t.Context(), "sweep", "cursor", vault.Fields{"stage": "templates", "after": "x"})
	check(t, err)
	if got := w.sweep(); got.Expired != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestSweep_InvalidClient(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(151 * day))
	w.google.ClientSecret = "another"
	if got := w.sweep(); got.Failed != 1 || !strings.Contains(w.log.String(), "check OAUTH_CLIENT") {
		t.Errorf("got %+v", got)
	}
	if g, _ := w.storedGrant(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant has ended")
	}
}

func TestSweep_ResealsUnrefreshable(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(151 * day))
	w.google.FailRefreshes(ada, true)
	done, err := w.rotateKeys().Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0)
	if err != nil || done.Failed != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
	if g, err := w.disableOldKeys().deps.Vault.Grant(t.Context(), adaID); err != nil || g.RefreshToken.Empty() {
		t.Errorf("the grant is still sealed with the old keys: %v", err)
	}
}

func TestSweep_ManyGrants(t *testing.T) {
	w := newWorld(t)
	w.storeGrants(1000, "1//0x")
	w.offset.Add(int64(151 * day))
	w.google.ClientSecret = "another" // each grant fails and is postponed
	if got := w.sweep(); got.Seen != 1000 || got.Failed != 1000 {
		t.Errorf("got %+v", got)
	}
	if got := w.docs.LargestRead(); got > 200 {
		t.Errorf("%d documents were read in one call", got)
	}
}
