package grants_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// An outage of the token endpoint that looks like invalid_grant.
func TestSweep_RestoresSuspendedGrants(t *testing.T) {
	w := newWorld(t)
	people := w.storePeople(30)
	w.Advance(2 * time.Hour)
	check(t, w.Google.SetSwitch("invalid-grant", true))
	for _, p := range people {
		if _, ok := capability.AsConsentError(w.Token(p, create)); !ok {
			t.Fatal("a grant is used despite invalid_grant")
		}
	}
	if got := strings.Count(w.Log.String(), "Google rejects many refresh tokens"); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	check(t, w.Google.SetSwitch("invalid-grant", false))
	w.Advance(time.Hour)
	if got := w.sweep(); got.Restored != 30 || got.Erased != 0 {
		t.Errorf("got %+v", got)
	}
	w.checkUnchanged(people)
	w.checkAudit("suspend", 30)
	w.checkAudit("restore", 30)
	if err := w.Token(people[29], create); err != nil {
		t.Errorf("restored: %v", err)
	}
}

func TestSweep_ErasesRevokedGrant(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	activity := vault.Activity{Time: w.Now(), Caller: "tickets", Action: "spaces.create"}
	check(t, w.Deps.Vault.RecordActivity(t.Context(), adaID, "a", activity))
	w.Advance(10 * time.Minute)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	g, ok := w.StoredGrant(ada)
	if !ok || g.Status != vault.Revoked || !g.RefreshToken.Empty() || !g.Email.Empty() || len(g.Approvals) != 0 {
		t.Errorf("left: %v, %+v", ok, g)
	}
	if left, err := w.Deps.Vault.Activities(t.Context(), adaID, 10); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if !w.ClaimEndNotice(t.Context(), adaID) || w.ClaimEndNotice(t.Context(), adaID) {
		t.Error("Tell does not return true exactly once")
	}
	check(t, w.Deps.Vault.RecordActivity(t.Context(), adaID, "late", activity))
	w.Advance(8 * day)
	if got := w.sweep(); got.Erased != 1 {
		t.Errorf("a week later: %+v", got)
	}
	if left, err := w.Deps.Vault.Activities(t.Context(), adaID, 10); err != nil || len(left) != 0 {
		t.Errorf("left a week later: %v, %v", left, err)
	}
}

// Grants that stay due must not block the others.
func TestSweep_WaitingGrantsDoNotBlock(t *testing.T) {
	w := newWorld(t)
	people := w.storePeople(201)
	w.Advance(151 * day)
	for _, p := range people {
		w.Google.RequireReauth(p, true)
	}
	w.sweep() // marks all of them as requiring a sign-in
	w.SignIn(ada, create)
	w.Advance(2 * time.Minute)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	w.Advance(day + time.Hour)                               // all are due again
	if got := w.sweep(); got.Ended != 1 || got.Seen != 202 { // each once
		t.Errorf("behind the waiting ones: %+v", got)
	}
	if got := w.sweep(); got.Seen != 0 {
		t.Errorf("next sweep: %+v", got)
	}
}

// A person who removed the app is disconnected and never restored.
func TestSweep_AppRemovedWhileSuspended(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	check(t, w.Google.SetSwitch("invalid-grant", true))
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok {
		t.Fatal("the grant is used")
	}
	check(t, w.RecordAppRemoved(t.Context(), adaID, w.Now()))
	w.Advance(time.Hour)
	if got := w.sweep(); got.Seen != 1 {
		t.Errorf("Google is not asked again: %+v", got)
	}
	w.Advance(day)
	w.sweep()
	check(t, w.Google.SetSwitch("invalid-grant", false))
	w.Advance(8 * day)
	if got := w.sweep(); got.Restored != 0 || got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	if _, ok := w.StoredGrant(ada); ok || w.Google.RefreshToken(ada) != "" {
		t.Error("a grant or a token is left")
	}
}

func TestSweep_EventsUseNoRetry(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Google.RevokeGrant(ada)
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok {
		t.Fatal("the grant is used")
	}
	for range 4 {
		w.Advance(time.Minute)
		w.MarkGrant(ada, vault.RecheckAt, w.Now())
		w.sweep()
	}
	if g, ok := w.StoredGrant(ada); !ok || g.Status != vault.Suspended || g.Retries != 0 {
		t.Errorf("%v, %s after %d retries", ok, g.Status, g.Retries)
	}
}

func TestSweep_SuspendedNeedsSignIn(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	check(t, w.Google.SetSwitch("invalid-grant", true))
	_ = w.Token(ada, create)
	check(t, w.Google.SetSwitch("invalid-grant", false))
	w.Google.RequireReauth(ada, true)
	w.Advance(time.Hour)
	if got := w.sweep(); got.Restored != 1 {
		t.Errorf("got %+v", got)
	}
	if needs, ok := capability.AsConsentError(w.Token(ada, create)); !ok || !needs.SignInRequired {
		t.Errorf("got %+v", needs)
	}
}

func TestSweep_SecondEventKeepsTombstone(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(10 * time.Minute)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	w.sweep()
	w.Advance(time.Minute)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	w.sweep()
	if _, ok := w.StoredGrant(ada); !ok || !w.ClaimEndNotice(t.Context(), adaID) {
		t.Error("the person is not notified")
	}
}

func TestSweep_RefreshesIdleGrants(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(140 * day)
	if got := w.sweep(); got.Refreshed != 0 || got.Seen != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.Advance(11 * day)
	if got := w.sweep(); got.Refreshed != 1 {
		t.Errorf("in time: %+v", got)
	}
	g, _ := w.StoredGrant(ada)
	if today := w.Now().UTC().Truncate(day); !g.RefreshDay.Equal(today) || g.LastUsedDay.Equal(today) {
		t.Errorf("refreshed %v, used %v", g.RefreshDay, g.LastUsedDay)
	}
	if got := w.sweep(); got.Seen != 0 {
		t.Errorf("again: %+v", got)
	}
}

func TestSweep_ErasesSuspendedAfterWeek(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.RevokeGrant(ada)
	w.Advance(151 * day)
	if got := w.sweep(); got.Refreshed != 0 || got.Failed != 0 {
		t.Errorf("got %+v", got)
	}
	if needs, ok := capability.AsConsentError(w.Token(ada, create)); !ok || !needs.Ended {
		t.Errorf("the person is not notified: %+v", needs)
	}
	for _, pause := range []time.Duration{time.Hour, day} {
		w.Advance(pause)
		if got := w.sweep(); got.Seen != 1 || got.Erased != 0 {
			t.Errorf("after %v: %+v", pause, got)
		}
	}
	w.Advance(7 * day)
	if got := w.sweep(); got.Erased != 1 {
		t.Errorf("after a week: %+v", got)
	}
	if _, ok := w.StoredGrant(ada); ok {
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
		"still used":      {func(t *testing.T, w *world) { check(t, w.Token(ada, create)) }, 0},
		"reconnected":     {func(_ *testing.T, w *world) { w.SignIn(ada, create) }, 0},
		"removed again": {func(t *testing.T, w *world) {
			check(t, w.RecordAppRemoved(t.Context(), adaID, w.Now()))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.SignIn(ada, create)
			check(t, w.RecordAppRemoved(t.Context(), adaID, w.Now()))
			w.Advance(3 * day)
			if got := w.sweep(); got.Ended != 0 {
				t.Errorf("too early: %+v", got)
			}
			c.then(t, w)
			w.Advance(5*day + time.Minute)
			if got := w.sweep(); got.Ended != c.ended {
				t.Errorf("after a week: %+v", got)
			}
			if _, ok := w.StoredGrant(ada); ok == (c.ended == 1) {
				t.Errorf("stored: %v", ok)
			}
			w.checkAudit("disconnect", c.ended)
		})
	}
}

func TestSweep_PersonReturnsMeanwhile(t *testing.T) {
	for name, back := range map[string]func(w *world){
		"reconnects": func(w *world) { w.SignIn(ada, create) },
		"adds the app again": func(w *world) {
			check(w.t, consenttest.NewInstance(w.Deps).RecordAppReturned(w.t.Context(), adaID))
		},
	} {
		w := newWorld(t)
		w.SignIn(ada, create)
		check(t, w.RecordAppRemoved(t.Context(), adaID, w.Now()))
		w.Advance(9 * day)
		w.beforeNextSave(func() { back(w) })
		if got := w.sweep(); got.Ended != 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if g, ok := w.StoredGrant(ada); !ok || g.Status != vault.Connected {
			t.Errorf("%s: the grant has ended", name)
		}
	}
}

// Before a sweep erases a grant that a security event has ended, its person signs in again or disconnects.
func TestSweep_RevokedMeanwhile(t *testing.T) {
	for status, meanwhile := range map[vault.Status]func(w *world){
		vault.Connected: func(w *world) { w.SignIn(ada, create) },
		vault.Disconnecting: func(w *world) {
			_, err := w.InstanceOn(undeletableDocs{w.Docs}).Disconnect(w.t.Context(), adaID)
			check(w.t, err)
		},
	} {
		w := newWorld(t)
		w.SignIn(ada, create)
		w.Advance(10 * time.Minute)
		w.MarkGrant(ada, vault.RevokedAt, w.Now())
		w.Advance(10 * time.Minute)
		w.beforeNextSave(func() { meanwhile(w) })
		_, err := w.Sweep(t.Context(), w.Now().Add(time.Microsecond), 0)
		check(t, err)
		if g, _ := w.StoredGrant(ada); g.Status != status || g.RefreshToken.Empty() {
			t.Errorf("%s: the grant is now %s", status, g.Status)
		}
	}
}

func TestSweep_SomeInvalidGrants(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.storeGrants(100, w.Google.RefreshToken(ada))
	for i := range 40 {
		g, err := w.Deps.Vault.Grant(t.Context(), resource.Person(fmt.Sprintf("users/%06d", i*2)))
		check(t, err)
		g.RefreshToken = config.NewSecret("1//0dead")
		_, err = w.Deps.Vault.SaveGrant(t.Context(), g)
		check(t, err)
	}
	w.Advance(151 * day)
	if got := w.sweep(); got.Failed != 0 || got.Refreshed != 61 {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(w.Log.String(), "check OAUTH_CLIENT") {
		t.Error("false alarm")
	}
}

func TestSweep_LastUsedDay(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	check(t, w.RecordAppRemoved(t.Context(), adaID, w.Now()))
	w.Advance(7*day + 12*time.Hour) // the last use may have been 7 days and some minutes ago
	if got := w.sweep(); got.Ended != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.Advance(day)
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("in time: %+v", got)
	}
}

func TestSweep_RetriesRevocation(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	token := w.Google.RefreshToken(ada)
	w.Google.Fail("revoke", 503, 503)
	if done, err := w.Disconnect(t.Context(), adaID); err != nil || done.Outcome != grants.RevokeLater {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := w.sweep(); got.Failed != 1 || w.revocationCount() != 1 {
		t.Errorf("Google unavailable: %+v", got)
	}
	if got := w.sweep(); got.Revoked != 1 || w.revocationCount() != 0 {
		t.Errorf("Google available: %+v", got)
	}
	if _, err := w.Deps.Google.Refresh(t.Context(), config.NewSecret(token)); err == nil {
		t.Error("the token still works")
	}
}

func TestSweep_Concurrent(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.storeGrants(40, w.Google.RefreshToken(ada))
	w.Advance(151 * day)
	var wg sync.WaitGroup
	var failed, refreshed atomic.Int64
	for _, a := range []*consenttest.Instance{w.Instance, consenttest.NewInstance(w.Deps)} {
		wg.Go(func() {
			done, err := a.Sweep(t.Context(), w.Now().Add(time.Hour), 0)
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
	for i := range 40 {
		g, err := w.Deps.Vault.Grant(t.Context(), resource.Person(fmt.Sprintf("users/%06d", i)))
		if err != nil || g.Status != vault.Connected || g.RefreshDay.Before(w.Now().Add(-2*day)) {
			t.Fatalf("%d: %s, %v, %v", i, g.Status, g.RefreshDay, err)
		}
	}
}

func TestSweep_FailedRecord(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.SignIn(grace, create)
	w.Advance(151 * day)
	w.Google.FailRefreshes(ada, true)
	if got := w.sweep(); got.Failed != 1 || got.Refreshed != 1 {
		t.Errorf("got %+v", got)
	}
	w.Google.FailRefreshes(ada, false)
	w.Advance(time.Hour)
	if got := w.sweep(); got.Failed != 0 || got.Refreshed != 1 {
		t.Errorf("next sweep: %+v", got)
	}
}

func TestSweep_UnfinishedConsents(t *testing.T) {
	w := newWorld(t)
	one, two := w.InvitePerson(ada, consenttest.Completion, create), w.InvitePerson(ada, consenttest.Completion, create)
	for _, link := range []config.Secret{one, one, two} {
		_, err := w.Start(t.Context(), link, consenttest.Browser, false)
		check(t, err)
	}
	if got := w.sweep(); got.Expired != 0 {
		t.Errorf("too early: %+v", got)
	}
	w.Advance(vault.PendingTTL)
	if got := w.sweep(); got.Expired != 2 { // one per link and consenttest.Browser
		t.Errorf("got %+v", got)
	}
}

func TestSweep_Resumes(t *testing.T) {
	w := newWorld(t)
	var links []config.Secret
	for range 450 {
		links = append(links, w.InvitePerson(ada, consenttest.Completion, create))
	}
	for _, link := range links {
		_, err := w.Start(t.Context(), link, consenttest.Browser, false)
		check(t, err)
	}
	w.Advance(vault.PendingTTL)
	var expired []int
	for len(expired) < 100 {
		at := w.Now()
		ticks := 0
		a := w.InstanceWith(func(d *grants.Deps) {
			d.Now = func() time.Time { // each call advances the clock
				ticks++
				return at.Add(time.Duration(ticks) * time.Microsecond)
			}
		})
		done, err := a.Sweep(t.Context(), at.Add(6*time.Microsecond), 0)
		check(t, err)
		if expired = append(expired, done.Expired); done.Finished {
			break
		}
	}
	sum := 0
	for _, n := range expired {
		sum += n
	}
	if sum != 450 || expired[0] != 200 { // one page, then its time was up
		t.Errorf("removed %v", expired)
	}
}

func TestSweep_PauseReadsOnlyDueGrants(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.SignIn(grace, create)
	w.storeGrants(300, "1//0x")
	again := func() grants.SweepResult {
		t.Helper()
		done, err := w.Sweep(t.Context(), w.Now().Add(time.Hour), 20*time.Hour)
		check(t, err)
		return done
	}
	again()
	w.Google.Fail("revoke", 503)
	_, err := w.Disconnect(t.Context(), graceID)
	check(t, err)
	reads := w.Docs.Reads()
	if got := again(); got.Seen != 0 || got.Revoked != 1 || !got.Finished {
		t.Errorf("second sweep: %+v", got)
	}
	if got := w.Docs.Reads() - reads; got > 5 {
		t.Errorf("read %d documents", got)
	}
}

func TestSweep_UnknownCursorStage(t *testing.T) {
	w := newWorld(t)
	_, err := w.Start(t.Context(), w.InvitePerson(ada, consenttest.Completion, create), consenttest.Browser, false)
	check(t, err)
	w.Advance(vault.PendingTTL)
	_, err = w.Docs.Create(t.Context(), "sweep", "cursor", vault.Fields{"stage": "templates", "after": "x"})
	check(t, err)
	if got := w.sweep(); got.Expired != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestSweep_InvalidClient(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(151 * day)
	w.Google.ClientSecret = "another"
	if got := w.sweep(); got.Failed != 1 || !strings.Contains(w.Log.String(), "check OAUTH_CLIENT") {
		t.Errorf("got %+v", got)
	}
	if g, _ := w.StoredGrant(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant has ended")
	}
}

func TestSweep_ManyGrants(t *testing.T) {
	w := newWorld(t)
	w.storeGrants(450, "1//0x")
	w.Advance(151 * day)
	w.Google.ClientSecret = "another" // each grant fails and is postponed
	if got := w.sweep(); got.Seen != 450 || got.Failed != 450 {
		t.Errorf("got %+v", got)
	}
	if got := w.Docs.LargestRead(); got > 200 {
		t.Errorf("%d documents were read in one call", got)
	}
}

// sweepTimes advances the clock to each time in turn and sweeps. It compares what the sweeps return, without Finished.
func (w *world) sweepTimes(want map[time.Duration]grants.SweepResult) {
	w.t.Helper()
	from := w.Now()
	for _, after := range slices.Sorted(maps.Keys(want)) {
		w.Advance(from.Add(after).Sub(w.Now()))
		got := w.sweep()
		got.Finished = false
		if diff := cmp.Diff(want[after], got); diff != "" {
			w.t.Errorf("after %v: %s", after, diff)
		}
	}
}

func TestSweep_SuspendedSchedule(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Google.RevokeGrant(ada)
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok {
		t.Fatal("the grant is used")
	}
	w.sweepTimes(map[time.Duration]grants.SweepResult{
		time.Hour - time.Second: {Expired: 1}, // the consent
		time.Hour:               {Seen: 1},
		day - time.Second:       {},
		day:                     {Seen: 1},
		7*day - time.Second:     {},
		7 * day:                 {Seen: 1, Erased: 1},
	})
	if w.RefreshCount() != 4 {
		t.Errorf("asked Google %d times", w.RefreshCount())
	}
	w.checkAudit("suspend", 1)
	w.checkAudit("erase", 1)
}

func TestSweep_RevokedSchedule(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.MarkGrant(ada, vault.RevokedAt, w.Now())
	check(t, w.RecordAppRemoved(t.Context(), adaID, w.Now())) // another change does not postpone the end
	w.sweepTimes(map[time.Duration]grants.SweepResult{
		0:                   {Seen: 1, Ended: 1, Expired: 1},
		7*day - time.Second: {},
		7 * day:             {Seen: 1, Erased: 1},
	})
	w.checkAudit("erase", 1)
}

func TestSweep_UnopenedSchedule(t *testing.T) {
	for name, pause := range map[string]time.Duration{"truncated": day, "unknown key": time.Hour} {
		w := newWorld(t)
		w.SignIn(ada, create)
		w.corruptSeal(ada, brokenSeals[name])
		w.MarkGrant(ada, vault.RecheckAt, w.Now()) // makes it due
		w.sweepTimes(map[time.Duration]grants.SweepResult{
			0:                   {Seen: 1, Unopened: 2}, // when it is due and when it should be resealed
			pause - time.Second: {Expired: 1},           // the consent
			pause:               {Seen: 1, Unopened: 1},
		})
	}
}

// A record that does not open is postponed even if the sweep's time is up then.
func TestSweep_UnopenedTimeUp(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.corruptSeal(ada, brokenSeals["truncated"])
	w.MarkGrant(ada, vault.RecheckAt, w.Now())
	until := w.Now().Add(time.Hour)
	slow := w.InstanceOn(&vaulttest.Faulty{Docs: w.Docs, Inject: func(_ context.Context, c vaulttest.Call) error {
		if c.Write {
			w.Advance(time.Hour)
		}
		return nil
	}})
	if done, err := slow.Sweep(t.Context(), until, 0); err != nil || done.Unopened != 1 || done.Finished {
		t.Errorf("%+v, %v", done, err)
	}
	if got := w.sweep(); got.Seen != 0 {
		t.Errorf("next sweep: %+v", got)
	}
}

func TestSweep_NotDueAnyLonger(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.MarkGrant(ada, vault.RecheckAt, w.Now())
	w.sweepTimes(map[time.Duration]grants.SweepResult{0: {Seen: 1}, time.Second: {}})
	if w.RefreshCount() != 0 {
		t.Errorf("%d refreshes", w.RefreshCount())
	}
}

// Other sweeps change all records first. Only a refresh whose token nobody could store is a failure.
func TestSweep_AllSavesConflict(t *testing.T) {
	w := newWorld(t)
	w.storeSweepWork()
	other := w.InstanceOn(w.faulty(func(c vaulttest.Call) bool { return c.Write }, fault.Conflict))
	done, err := other.Sweep(t.Context(), w.Now().Add(time.Hour), 0)
	if err != nil || done.Failed != 1 || done.Finished || done.Seen != 6 {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestSweep_PauseAndKeys(t *testing.T) {
	const pause = 20 * time.Hour
	w := newWorld(t)
	w.storeGrants(201, "1//0x")
	expire := func(a *consenttest.Instance, want grants.SweepResult, maxReads int64) {
		t.Helper()
		_, err := w.Start(t.Context(), w.InvitePerson(ada, consenttest.Completion, create), consenttest.Browser, false)
		check(t, err)
		reads := w.Docs.Reads()
		got, err := a.Sweep(t.Context(), w.Now().Add(time.Hour), pause)
		if want.Finished = true; err != nil || got != want || w.Docs.Reads()-reads > maxReads {
			t.Errorf("got %+v, %v, %d reads; want %+v", got, err, w.Docs.Reads()-reads, want)
		}
	}
	expire(w.Instance, grants.SweepResult{}, 1000)
	w.Advance(pause - time.Second)
	expire(w.Instance, grants.SweepResult{}, 10)
	w.Advance(time.Second)
	expire(w.Instance, grants.SweepResult{Expired: 1}, 50) // it reads no grant again
	w.Advance(time.Hour)
	expire(w.rotateKeys(), grants.SweepResult{Expired: 2, Resealed: 201}, 1000)
}

// checkAudit checks how often an action of Deputy itself was logged.
func (w *world) checkAudit(action string, want int) {
	w.t.Helper()
	if got := strings.Count(w.Log.String(), "msg=audit action="+action+" "); got != want {
		w.t.Errorf("audit lines of %s: got %d, want %d", action, got, want)
	}
}

// A sweep starts nothing after its time.
func TestSweep_TimeUp(t *testing.T) {
	w := newWorld(t)
	w.storeGrants(50, "1//0x")
	w.Advance(151 * day)
	reads := w.Docs.Reads()
	done, err := w.Sweep(t.Context(), w.Now(), 0)
	if err != nil || done != (grants.SweepResult{}) || w.Docs.Reads() != reads {
		t.Errorf("no time: %+v, %v, %d reads", done, err, w.Docs.Reads()-reads)
	}
	until := w.Now().Add(time.Hour)
	slow := w.InstanceOn(&vaulttest.Faulty{Docs: w.Docs, Inject: func(_ context.Context, c vaulttest.Call) error {
		if c.Write {
			w.Advance(time.Hour)
		}
		return nil
	}})
	done, err = slow.Sweep(t.Context(), until, 0)
	if err != nil || done.Seen == 0 || done.Seen > 20 || done.Finished { // eight at once
		t.Errorf("little time: %+v, %v", done, err)
	}
}

// Whatever the token endpoint answers for one grant, the sweep goes on with the others, and only invalid_grant changes
// a grant.
func TestSweep_TokenErrors(t *testing.T) {
	for _, code := range []string{
		"invalid_client", "deleted_client", "redirect_uri_mismatch", "access_denied", "admin_policy_enforced",
		"org_internal", "invalid_request", "slow_down", "code_of_tomorrow",
	} {
		w := newWorld(t)
		people := w.storePeople(5)
		w.Advance(151 * 24 * time.Hour) // all are idle and due
		w.Google.FailAs("token", slices.Repeat([]google.Fault{{Status: 400, Reason: code}}, 3)...)
		refreshed := 2
		if code == "slow_down" { // tried again at once, unlike the others
			refreshed = 5
		}
		got := w.sweep()
		if got.Failed != 5-refreshed || got.Refreshed != refreshed {
			t.Errorf("%s: %+v", code, got)
		}
		w.checkUnchanged(people)
	}
}
