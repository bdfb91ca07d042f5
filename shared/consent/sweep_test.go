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

const oneDay = 24 * time.Hour

// sweep sweeps all there is, from the cursor to the end.
func (w *world) sweep() grants.Swept {
	w.t.Helper()
	done, err := w.Sweep(w.t.Context(), w.deps.Now().Add(time.Hour), 0)
	if err != nil || !done.Finished {
		w.t.Fatalf("%+v, %v", done, err)
	}
	return done
}

func (w *world) revocations() int {
	w.t.Helper()
	kept, err := w.docs.List(w.t.Context(), "revocations", "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(kept)
}

func TestTheSweepRefreshesGrantsBeforeGooglesLimitOfSixMonths(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(140 * oneDay))
	if got := w.sweep(); got.Refreshed != 0 || got.Seen != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.ahead.Add(int64(11 * oneDay))
	if got := w.sweep(); got.Refreshed != 1 {
		t.Errorf("in time: %+v", got)
	}
	g, _ := w.stored(ada)
	if today := w.deps.Now().UTC().Truncate(oneDay); !g.RefreshDay.Equal(today) || g.LastUsedDay.Equal(today) {
		t.Errorf("refreshed %v, used %v", g.RefreshDay, g.LastUsedDay)
	}
	if got := w.sweep(); got.Seen != 0 {
		t.Errorf("again: %+v", got)
	}
}

func TestAGrantThatGoogleRefusesForAWeekIsErased(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.RevokeGrant(ada)
	w.ahead.Add(int64(151 * oneDay))
	if got := w.sweep(); got.Refreshed != 0 || got.Failed != 0 {
		t.Errorf("got %+v", got)
	}
	if needs, ok := capability.Needed(w.token(ada, create)); !ok || !needs.Ended {
		t.Errorf("the person is not told: %+v", needs)
	}
	for _, pause := range []time.Duration{time.Hour, oneDay} {
		w.ahead.Add(int64(pause))
		if got := w.sweep(); got.Seen != 1 || got.Forgotten != 0 {
			t.Errorf("after %v: %+v", pause, got)
		}
	}
	w.ahead.Add(int64(7 * oneDay))
	if got := w.sweep(); got.Forgotten != 1 {
		t.Errorf("after a week: %+v", got)
	}
	if _, ok := w.stored(ada); ok {
		t.Error("it is still stored")
	}
}

func TestWhoRemovedTheAppAndUsesItNoMoreIsDisconnectedAfterAWeek(t *testing.T) {
	for name, c := range map[string]struct {
		then  func(t *testing.T, w *world)
		ended int
	}{
		"nothing happens":        {func(*testing.T, *world) {}, 1},
		"the app is added again": {func(t *testing.T, w *world) { check(t, w.AppReturned(t.Context(), resource.Person(ada.User()))) }, 0},
		"it is used another way": {func(t *testing.T, w *world) { check(t, w.token(ada, create)) }, 0},
		"the person connects":    {func(_ *testing.T, w *world) { w.connect(ada, create) }, 0},
		"it is removed once more": {func(t *testing.T, w *world) {
			check(t, w.AppRemoved(t.Context(), resource.Person(ada.User()), w.deps.Now()))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			w.connect(ada, create)
			check(t, w.AppRemoved(t.Context(), resource.Person(ada.User()), w.deps.Now()))
			w.ahead.Add(int64(3 * oneDay))
			if got := w.sweep(); got.Ended != 0 {
				t.Errorf("too early: %+v", got)
			}
			c.then(t, w)
			w.ahead.Add(int64(5*oneDay + time.Minute))
			if got := w.sweep(); got.Ended != c.ended {
				t.Errorf("after a week: %+v", got)
			}
			if _, ok := w.stored(ada); ok == (c.ended == 1) {
				t.Errorf("stored: %v", ok)
			}
		})
	}
}

func TestWhoComesBackWhileTheSweepRunsStaysConnected(t *testing.T) {
	for name, back := range map[string]func(w *world){
		"connects anew": func(w *world) { w.connect(ada, create) },
		"adds the app again": func(w *world) {
			check(w.t, newInstance(w.deps).AppReturned(w.t.Context(), resource.Person(ada.User())))
		},
	} {
		w := begin(t)
		w.connect(ada, create)
		check(t, w.AppRemoved(t.Context(), resource.Person(ada.User()), w.deps.Now()))
		w.ahead.Add(int64(9 * oneDay))
		w.between(func() { back(w) })
		if got := w.sweep(); got.Ended != 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if g, ok := w.stored(ada); !ok || g.Status != vault.Connected {
			t.Errorf("%s: the grant has ended", name)
		}
	}
}

func TestHonestDeathsAmongLivingGrantsAreAllFound(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.people(100, w.google.RefreshToken(ada))
	for i := range 40 {
		g, err := w.deps.Vault.Grant(t.Context(), resource.Person(fmt.Sprintf("users/%06d", i*2)))
		check(t, err)
		g.RefreshToken = config.NewSecret("1//0dead")
		_, err = w.deps.Vault.SaveGrant(t.Context(), g)
		check(t, err)
	}
	w.ahead.Add(int64(151 * oneDay))
	if got := w.sweep(); got.Failed != 0 || got.Refreshed != 61 {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(w.log.String(), "check OAUTH_CLIENT") {
		t.Error("a false alarm")
	}
}

func TestTheDayOfTheLastUseCountsWhole(t *testing.T) {
	w := begin(t)
	w.ahead.Add(int64(time.Until(time.Now().UTC().Truncate(oneDay).Add(oneDay + time.Hour)))) // an hour into a day
	w.connect(ada, create)
	check(t, w.AppRemoved(t.Context(), resource.Person(ada.User()), w.deps.Now()))
	w.ahead.Add(int64(7*oneDay + 12*time.Hour)) // she may have used it 7 days and some minutes ago
	if got := w.sweep(); got.Ended != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.ahead.Add(int64(oneDay))
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

func TestTheSweepRevokesWhatCouldNotBeRevokedBefore(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	token := w.google.RefreshToken(ada)
	w.google.Fail("revoke", 503, 503)
	if done, err := w.Disconnect(t.Context(), resource.Person(ada.User())); err != nil || done.Outcome != grants.RevokeLater {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := w.sweep(); got.Failed != 1 || w.revocations() != 1 {
		t.Errorf("Google is still away: %+v", got)
	}
	if got := w.sweep(); got.Revoked != 1 || w.revocations() != 0 {
		t.Errorf("Google is back: %+v", got)
	}
	if _, err := w.deps.Google.Refresh(t.Context(), config.NewSecret(token)); err == nil {
		t.Error("the token still works")
	}
}

func TestARevocationNeverEndsANewerConsent(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	w.connect(ada, create)
	if got := w.sweep(); got.Revoked != 0 || w.revocations() != 0 {
		t.Errorf("got %+v, %d left", got, w.revocations())
	}
	w.ahead.Add(int64(2 * time.Hour))
	if err := w.token(ada, create); err != nil {
		t.Errorf("the newer consent: %v", err)
	}
}

func TestARevocationIsGivenUpAfterAWeekWithAnAlarm(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	w.ahead.Add(int64(7 * oneDay))
	if got := w.sweep(); w.revocations() != 0 || !strings.Contains(w.log.String(), "could not be revoked for a week") {
		t.Errorf("got %+v", got)
	}
}

// people stores n grants with this refresh token.
func (w *world) people(n int, token string) {
	w.t.Helper()
	for i := range n {
		g := vault.Grant{
			Person: resource.Person(fmt.Sprintf("users/%06d", i)), ClientID: "client", Scopes: []string{createScope}, Status: vault.Connected, Generation: 1,
			RefreshToken: config.NewSecret(token), Connected: w.deps.Now(), RefreshDay: w.deps.Now().UTC().Truncate(oneDay),
		}
		g.Due = g.RefreshDay.Add(150 * oneDay)
		if _, err := w.deps.Vault.SaveGrant(w.t.Context(), g); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestTwoSweepsAtOnceDoNoHarm(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.people(300, w.google.RefreshToken(ada))
	w.ahead.Add(int64(151 * oneDay))
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
	w.sweep() // what the one left that gave way
	if failed.Load() != 0 || refreshed.Load() == 0 {
		t.Errorf("failed %d, refreshed %d", failed.Load(), refreshed.Load())
	}
	for i := range 300 {
		g, err := w.deps.Vault.Grant(t.Context(), resource.Person(fmt.Sprintf("users/%06d", i)))
		if err != nil || g.Status != vault.Connected || g.RefreshDay.Before(w.deps.Now().Add(-2*oneDay)) {
			t.Fatalf("%d: %s, %v, %v", i, g.Status, g.RefreshDay, err)
		}
	}
}

func TestOneRecordThatFailsDoesNotStopTheSweep(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.connect(grace, create)
	w.ahead.Add(int64(151 * oneDay))
	w.google.FailRefreshes(ada, true)
	if got := w.sweep(); got.Failed != 1 || got.Refreshed != 1 {
		t.Errorf("got %+v", got)
	}
	w.google.FailRefreshes(ada, false)
	w.ahead.Add(int64(time.Hour))
	if got := w.sweep(); got.Failed != 0 || got.Refreshed != 1 {
		t.Errorf("the next: %+v", got)
	}
}

func TestResealingLeavesNothingUnderTheOldKeysAndLosesNothing(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.connect(grace, create)
	w.google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), resource.Person(grace.User())); err != nil {
		t.Fatal(err)
	}
	rotated := w.rotate()
	done, err := rotated.Reseal(t.Context())
	if want := (vault.Resealed{Seen: 2, Resealed: 2}); err != nil || done != want {
		t.Fatalf("got %+v, %v", done, err)
	}
	if again, err := rotated.Reseal(t.Context()); err != nil || again.Resealed != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	last := w.disableOld()
	if _, err := last.TokenSource(t.Context(), resource.Person(ada.User()), create); err != nil {
		t.Errorf("with the old keys disabled: %v", err)
	}
	if done, err := last.Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0); err != nil || done.Revoked != 1 || done.Unopened != 0 {
		t.Errorf("the revocation: %+v, %v", done, err)
	}
}

func TestTheSweepResealsToo(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	done, err := w.rotate().Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0)
	if err != nil || done.Resealed != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
}

// rotate is an instance with new keys in use, and disableOld one that has the
// new ones only.
func (w *world) rotate() *instance {
	w.t.Helper()
	for _, text := range []*config.Secret{&w.keyset, &w.lookup} {
		old, err := seal.Describe(*text)
		check(w.t, err)
		added, id, err := seal.Add(*text)
		check(w.t, err)
		*text, err = seal.Promote(added, id)
		check(w.t, err)
		check(w.t, err)
		w.old = append(w.old, old[0].ID)
	}
	return w.with(w.keyset, w.lookup)
}

func (w *world) disableOld() *instance {
	w.t.Helper()
	keyset, err := seal.Disable(w.keyset, w.old[0])
	check(w.t, err)
	lookup, err := seal.Disable(w.lookup, w.old[1])
	check(w.t, err)
	return w.with(keyset, lookup)
}

// with is an instance with these keysets on the same store.
func (w *world) with(keyset, lookup config.Secret) *instance {
	w.t.Helper()
	keys, err := seal.New(keyset, lookup, "project", "client")
	check(w.t, err)
	deps := w.deps
	deps.Keys, deps.Vault = keys, vault.New(w.docs, keys, deps.Now)
	return newInstance(deps)
}

func TestInARotationInstancesWithDifferentKeysetsWorkOnOneStore(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	before := w.instance
	added, id, err := seal.Add(w.keyset)
	check(t, err)
	promoted, err := seal.Promote(added, id)
	check(t, err)
	// Each step is deployed while instances of the step before still run.
	for _, pair := range [][2]*instance{
		{before, w.with(added, w.lookup)}, {w.with(added, w.lookup), w.with(promoted, w.lookup)},
	} {
		for range 3 {
			for _, a := range pair {
				w.ahead.Add(int64(2 * time.Hour)) // each refreshes, and seals anew
				if _, err := a.TokenSource(t.Context(), resource.Person(ada.User()), create); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// An operator who forgot to deploy the added key: unavailable, nothing is
	// touched, and the deployment mends it.
	writes := w.docs.Writes()
	if _, err := newInstance(w.deps).TokenSource(t.Context(), resource.Person(ada.User()), create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if w.docs.Writes() != writes || !strings.Contains(w.log.String(), "KEYSET lacks a key that is in use") {
		t.Error("something was written, or nobody is alarmed")
	}
	if _, err := w.with(added, w.lookup).TokenSource(t.Context(), resource.Person(ada.User()), create); err != nil {
		t.Errorf("deployed: %v", err)
	}
}

func TestTheSweepRemovesConsentsThatWereNeverFinished(t *testing.T) {
	w := begin(t)
	one, two := w.invite(ada, answer, create), w.invite(ada, answer, create)
	for _, link := range []config.Secret{one, one, two} {
		_, err := w.Start(t.Context(), link, browser)
		check(t, err)
	}
	if got := w.sweep(); got.Expired != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.ahead.Add(int64(vault.PendingLife))
	if got := w.sweep(); got.Expired != 2 { // a link has one in a browser
		t.Errorf("got %+v", got)
	}
}

func TestASweepGoesOnWhereTheLastOneStopped(t *testing.T) {
	w := begin(t)
	var links []config.Secret
	for range 450 {
		links = append(links, w.invite(ada, answer, create))
	}
	for _, link := range links {
		_, err := w.Start(t.Context(), link, browser)
		check(t, err)
	}
	w.ahead.Add(int64(vault.PendingLife))
	sum := 0
	for range 600 {
		at := w.deps.Now()
		ticks := 0
		a := w.another(func(d *grants.Deps) {
			d.Now = func() time.Time { ticks++; return at.Add(time.Duration(ticks) * time.Microsecond) } // each look at the clock costs time
		})
		done, err := a.Sweep(t.Context(), at.Add(40*time.Microsecond), 0)
		check(t, err)
		if sum += done.Expired; done.Finished {
			break
		}
		if done.Expired > 40 {
			t.Fatalf("it went on after its time: %+v", done)
		}
	}
	if sum != 450 {
		t.Errorf("removed %d of 450", sum)
	}
}

func TestBetweenTwoWalksOnlyWhatIsDueIsRead(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.connect(grace, create)
	w.people(300, "1//0x")
	again := func() grants.Swept {
		t.Helper()
		done, err := w.Sweep(t.Context(), w.deps.Now().Add(time.Hour), 20*time.Hour)
		check(t, err)
		return done
	}
	again()
	w.google.Fail("revoke", 503)
	_, err := w.Disconnect(t.Context(), resource.Person(grace.User()))
	check(t, err)
	reads := w.docs.Reads()
	if got := again(); got.Seen != 0 || got.Revoked != 1 || !got.Finished {
		t.Errorf("an hour later: %+v", got)
	}
	if got := w.docs.Reads() - reads; got > 5 {
		t.Errorf("it read %d documents", got)
	}
}

func TestACursorOfAnotherVersionBeginsAnew(t *testing.T) {
	w := begin(t)
	_, err := w.Start(t.Context(), w.invite(ada, answer, create), browser)
	check(t, err)
	w.ahead.Add(int64(vault.PendingLife))
	_, err = w.docs.Create(t.Context(), "sweep", "cursor", vault.Fields{"stage": "templates", "after": "x"})
	check(t, err)
	if got := w.sweep(); got.Expired != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestASweepWithARefusedClientHurtsNothing(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(151 * oneDay))
	w.google.ClientSecret = "another"
	if got := w.sweep(); got.Failed != 1 || !strings.Contains(w.log.String(), "check OAUTH_CLIENT") {
		t.Errorf("got %+v", got)
	}
	if g, _ := w.stored(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant ended")
	}
}

func TestTheSweepResealsAlsoWhatItCannotRefresh(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(151 * oneDay))
	w.google.FailRefreshes(ada, true)
	done, err := w.rotate().Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0)
	if err != nil || done.Failed != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
	if g, err := w.disableOld().deps.Vault.Grant(t.Context(), resource.Person(ada.User())); err != nil || g.RefreshToken.Empty() {
		t.Errorf("it is still under the old keys: %v", err)
	}
}

func TestASweepOverManyGrantsHoldsOnePage(t *testing.T) {
	w := begin(t)
	w.people(1000, "1//0x")
	w.ahead.Add(int64(151 * oneDay))
	w.google.ClientSecret = "another" // each fails, and is put off
	if got := w.sweep(); got.Seen != 1000 || got.Failed != 1000 {
		t.Errorf("got %+v", got)
	}
	if got := w.docs.Most(); got > 200 {
		t.Errorf("%d documents were read in one call", got)
	}
}
