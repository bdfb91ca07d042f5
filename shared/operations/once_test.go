package operations_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// fixture is a Runner on a store, with a clock that tests set.
type fixture struct {
	*operations.Runner
	t     *testing.T
	docs  *vaulttest.Faulty
	vault *vault.Vault
	calls int // of docs, before the call under test
	ahead atomic.Int64
	log   bytes.Buffer
}

// quiet injects nothing.
func (f *fixture) quiet(context.Context, vaulttest.Call) error { return nil }

func newFixture(t *testing.T) *fixture {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, docs: &vaulttest.Faulty{Docs: &memory.Docs{}}}
	f.docs.Inject = f.quiet
	now := func() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }
	f.vault = vault.New(f.docs, keys, now)
	f.Runner = operations.NewRunner(f.vault, logging.NewText(&f.log), now)
	return f
}

func newRequest(body string) operations.Request {
	return operations.Request{
		ID: operations.Digest("ci", "key"), Caller: "ci", Person: "users/1", Hash: operations.Digest(body),
	}
}

// returns is an operation with a fixed outcome.
func returns(result string, final bool, err error) func(operations.Attempt) ([]byte, bool, error) {
	return func(operations.Attempt) ([]byte, bool, error) { return []byte(result), final, err }
}

func mustNotRun(t *testing.T) func(operations.Attempt) ([]byte, bool, error) {
	return func(operations.Attempt) ([]byte, bool, error) {
		t.Error("the operation ran again")
		return nil, true, nil
	}
}

func TestRunner_StoresResult(t *testing.T) {
	f := newFixture(t)
	got, repeated, err := f.Do(t.Context(), newRequest("x"), returns("first", true, nil))
	if string(got) != "first" || repeated || err != nil {
		t.Fatalf("%s, %v, %v", got, repeated, err)
	}
	for _, days := range []int{0, 6} {
		f.ahead.Store(int64(days) * 24 * int64(time.Hour))
		got, repeated, err := f.Do(t.Context(), newRequest("x"), mustNotRun(t))
		if string(got) != "first" || !repeated || err != nil {
			t.Errorf("after %d days: %s, %v, %v", days, got, repeated, err)
		}
	}
	_, _, err = f.Do(t.Context(), newRequest("y"), mustNotRun(t))
	if !errors.Is(err, operations.ErrKeyReused) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("another request with the key: %v", err)
	}
	f.ahead.Store(int64(8 * 24 * time.Hour))
	got, repeated, err = f.Do(t.Context(), newRequest("y"), returns("second", true, nil))
	if string(got) != "second" || repeated || err != nil {
		t.Errorf("after the record expired: %s, %v, %v", got, repeated, err)
	}
}

func TestRunner_SameKeyOtherCaller(t *testing.T) {
	f := newFixture(t)
	_, _, _ = f.Do(t.Context(), newRequest("x"), returns("of ci", true, nil))
	other := newRequest("x")
	other.ID, other.Caller = operations.Digest("tickets", "key"), "tickets"
	got, repeated, err := f.Do(t.Context(), other, returns("of tickets", true, nil))
	if string(got) != "of tickets" || repeated || err != nil {
		t.Errorf("%s, %v, %v", got, repeated, err)
	}
	if operations.Digest("a", "bc") == operations.Digest("ab", "c") {
		t.Error("two callers share an operation")
	}
}

func TestRunner_Concurrent(t *testing.T) {
	f := newFixture(t)
	var runs atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			_, _, err := f.Do(t.Context(), newRequest("x"), func(operations.Attempt) ([]byte, bool, error) {
				runs.Add(1)
				return []byte("first"), true, nil
			})
			if _, running := errors.AsType[*operations.RunningError](err); err != nil && !running {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() != 1 {
		t.Errorf("ran %d times", runs.Load())
	}
}

// A refused operation frees its key, unless an earlier attempt may have had an effect.
func TestRunner_RefusalFreesKey(t *testing.T) {
	f := newFixture(t)
	denied := fault.New(fault.Denied, fault.NoText)
	_, _, err := f.Do(t.Context(), newRequest("x"), returns("", true, denied))
	if fault.KindOf(err) != fault.Denied {
		t.Fatal(err)
	}
	// The key is free for another request.
	lost := fault.New(fault.Unavailable, fault.NoText)
	_, _, err = f.Do(t.Context(), newRequest("y"), returns("", true, lost))
	if fault.KindOf(err) != fault.Unavailable {
		t.Fatal(err)
	}
	// The outcome is unknown, so the key stays taken even if a retry is refused.
	var again bool
	_, _, err = f.Do(t.Context(), newRequest("y"), func(attempt operations.Attempt) ([]byte, bool, error) {
		again = attempt.Retry
		return nil, true, denied
	})
	if fault.KindOf(err) != fault.Denied || !again {
		t.Errorf("%v, marked as a retry: %v", err, again)
	}
	_, _, err = f.Do(t.Context(), newRequest("z"), mustNotRun(t))
	if !errors.Is(err, operations.ErrKeyReused) {
		t.Errorf("the key was freed: %v", err)
	}
}

func TestRunner_CrashTakeover(t *testing.T) {
	f := newFixture(t)
	var id string
	func() {
		defer func() { _ = recover() }()
		_, _, _ = f.Do(t.Context(), newRequest("x"), func(attempt operations.Attempt) ([]byte, bool, error) {
			id = attempt.RunID
			if err := attempt.SaveJournal(t.Context(), []byte("a room")); err != nil {
				t.Error(err)
			}
			panic("the instance dies")
		})
	}()
	_, _, err := f.Do(t.Context(), newRequest("x"), mustNotRun(t))
	if running, ok := errors.AsType[*operations.RunningError](err); !ok || running.LeaseLeft <= 0 ||
		running.LeaseLeft > time.Minute {
		t.Errorf("before the lease expires: %v", err)
	}
	f.ahead.Store(int64(time.Minute))
	got, repeated, err := f.Do(t.Context(), newRequest("x"), func(attempt operations.Attempt) ([]byte, bool, error) {
		if string(attempt.LoadJournal()) != "a room" || !attempt.Retry || attempt.RunID != id {
			t.Errorf("journal %q, retry %v, same operation %v", attempt.LoadJournal(), attempt.Retry,
				attempt.RunID == id)
		}
		return []byte("first"), true, nil
	})
	if string(got) != "first" || repeated || err != nil {
		t.Errorf("%s, %v, %v", got, repeated, err)
	}
}

// Attack: someone with write access to the store plants a result, or damages one so that the operation runs again.
func TestRunner_TamperedRecord(t *testing.T) {
	f := newFixture(t)
	_, _, _ = f.Do(t.Context(), newRequest("x"), returns("first", true, nil))
	doc, err := f.docs.Get(t.Context(), "operations", newRequest("x").ID)
	if err != nil {
		t.Fatal(err)
	}
	sealed := bytes.Clone(doc.Fields["sealed"].([]byte))
	sealed[len(sealed)-1] ^= 1
	planted := []byte(`{"result":"evil"}`)
	for name, value := range map[string]any{"altered": sealed, "planted": planted, "empty": []byte{}} {
		now, err := f.docs.Get(t.Context(), "operations", doc.ID)
		if err != nil {
			t.Fatal(err)
		}
		now.Fields["sealed"] = value
		if _, err := f.docs.Replace(t.Context(), "operations", doc.ID, now.Fields, now.Version); err != nil {
			t.Fatal(err)
		}
		if got, _, err := f.Do(t.Context(), newRequest("x"), mustNotRun(t)); err == nil || len(got) != 0 {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// The result is returned and stored even if the caller has disconnected.
func TestRunner_CallerGone(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	got, _, err := f.Do(ctx, newRequest("x"), func(operations.Attempt) ([]byte, bool, error) {
		cancel()
		return []byte("first"), true, nil
	})
	if string(got) != "first" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	got, repeated, err := f.Do(t.Context(), newRequest("x"), mustNotRun(t))
	if string(got) != "first" || !repeated || err != nil {
		t.Errorf("again: %s, %v, %v", got, repeated, err)
	}
}

func TestWithLock_OneAtATime(t *testing.T) {
	f := newFixture(t)
	runs := 0
	err := f.WithLock(t.Context(), "spaces/A", func() error {
		err := f.WithLock(t.Context(), "spaces/A", func() error { runs++; return nil })
		text := fault.Public(i18n.In("en"), err, "")
		_, running := errors.AsType[*operations.RunningError](err)
		if !running || !strings.Contains(text, "Another change") {
			t.Errorf("two at the same time: %v", err)
		}
		return f.WithLock(t.Context(), "spaces/B", func() error { runs++; return errors.New("it failed") })
	})
	if err == nil || runs != 1 {
		t.Errorf("%v, %d runs", err, runs)
	}
	err = f.WithLock(t.Context(), "spaces/A", func() error { runs++; return nil })
	if err != nil || runs != 2 {
		t.Errorf("after a failure: %v", err)
	}
}

// An operation that is not final keeps its journal; its key stays with this request, also after a refusal.
func TestRunner_Continues(t *testing.T) {
	f := newFixture(t)
	for i, want := range []string{"", "0", "1"} {
		_, repeated, err := f.Do(t.Context(), newRequest("x"), func(a operations.Attempt) ([]byte, bool, error) {
			if string(a.LoadJournal()) != want || a.Retry != (i > 0) {
				t.Errorf("attempt %d: journal %q, retry %v", i, a.LoadJournal(), a.Retry)
			}
			if i == 0 && a.LoadJournal() != nil {
				t.Error("the first attempt has a journal")
			}
			return []byte("r"), false, a.SaveJournal(t.Context(), []byte{'0' + byte(i)})
		})
		if repeated || err != nil {
			t.Errorf("%v, %v", repeated, err)
		}
	}
	partly := &fault.PartialError{Err: fault.New(fault.Denied, fault.NoText)}
	other := newRequest("y")
	other.ID = operations.Digest("ci", "other")
	_, _, _ = f.Do(t.Context(), other, returns("", true, partly))
	other.Hash = "another"
	if _, _, err := f.Do(t.Context(), other, mustNotRun(t)); !errors.Is(err, operations.ErrKeyReused) {
		t.Errorf("a part was done under the key: %v", err)
	}
	if err := (operations.Attempt{}).SaveJournal(t.Context(), nil); err != nil {
		t.Errorf("an operation without a record: %v", err)
	}
}

// What is done under a key that expired is another operation: its id differs, its journal is empty.
func TestRunner_ExpiredKey(t *testing.T) {
	f := newFixture(t)
	type seen struct {
		id      string
		tried   time.Time
		retry   bool
		journal string
	}
	run := func() (out seen) {
		_, _, _ = f.Do(t.Context(), newRequest("x"), func(a operations.Attempt) ([]byte, bool, error) {
			out = seen{a.RunID, a.FirstTried, a.Retry, string(a.LoadJournal())}
			return nil, false, a.SaveJournal(t.Context(), []byte("j"))
		})
		return out
	}
	first := run()
	f.ahead.Store(int64(7*24*time.Hour - time.Minute))
	again := run()
	f.ahead.Store(int64(7 * 24 * time.Hour))
	later := run()
	if again.id != first.id || !again.tried.Equal(first.tried) || !again.retry || again.journal != "j" {
		t.Errorf("%+v, then %+v", first, again)
	}
	if later.id == first.id || later.retry || later.journal != "" || later.tried.Sub(first.tried) < 7*24*time.Hour {
		t.Errorf("%+v, after it expired %+v", first, later)
	}
}

// Another instance claims or finishes the operation between two calls to the store.
func TestRunner_Races(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*fixture, *vault.Vault, string) error
		left   time.Duration
	}{
		"record deleted": {func(f *fixture, v *vault.Vault, id string) error {
			o, err := v.Operation(t.Context(), id)
			return errors.Join(err, v.DeleteOperation(t.Context(), o))
		}, time.Second},
		"record claimed": {func(f *fixture, v *vault.Vault, id string) error {
			o, err := v.Operation(t.Context(), id)
			_, saved := v.SaveOperation(t.Context(), o)
			return errors.Join(err, saved)
		}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			lost := fault.New(fault.Unavailable, fault.NoText)
			_, _, _ = f.Do(t.Context(), newRequest("x"), returns("", true, lost))
			f.docs.Inject = func(_ context.Context, call vaulttest.Call) error {
				before := call.Write && !call.Applied // a conflict, then a read, then the claim
				afterCreate := name == "record deleted" && !call.Write && !call.Applied
				afterRead := name == "record claimed" && before && f.docs.Calls() > f.calls+2
				if afterCreate || afterRead {
					f.docs.Inject = f.quiet
					return c.change(f, f.vault, newRequest("x").ID)
				}
				return nil
			}
			f.calls = f.docs.Calls()
			_, _, err := f.Do(t.Context(), newRequest("x"), mustNotRun(t))
			if running, ok := errors.AsType[*operations.RunningError](err); !ok || running.LeaseLeft != c.left ||
				fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "in progress, lease expires in") {
				t.Errorf("%v", err)
			}
		})
	}
}

// The store fails at one of the calls. What was done is returned, and the log says that it was not stored.
func TestRunner_StoreDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failing int // the write that fails, counted from 1
		outcome error
		runs    bool
		logged  bool
	}{
		"claim":                {1, nil, false, false},
		"journal":              {2, nil, true, false},
		"result":               {3, nil, true, true},
		"free key of a denial": {3, fault.New(fault.Denied, fault.NoText), true, true},
		"nothing":              {9, nil, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			writes := 0
			f.docs.Inject = func(_ context.Context, call vaulttest.Call) error {
				if call.Write && !call.Applied {
					if writes++; writes == c.failing {
						return storeDown
					}
				}
				return nil
			}
			ran := false
			got, _, err := f.Do(t.Context(), newRequest("x"), func(a operations.Attempt) ([]byte, bool, error) {
				ran = true
				if err := a.SaveJournal(t.Context(), []byte("j")); (err != nil) != (c.failing == 2) {
					t.Errorf("journal: %v", err)
				}
				return []byte("first"), true, c.outcome
			})
			if ran != c.runs || strings.Contains(f.log.String(), "operation result not stored") != c.logged {
				t.Errorf("ran %v, log %s", ran, f.log.String())
			}
			if ok := c.runs && c.outcome == nil; ok != (err == nil) || ok && string(got) != "first" {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

// Nothing runs any more, but the store's answers, or its writes, were lost. The next request need not wait.
func TestRunner_AnswersLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost    []int // the writes whose answers are lost, counted from 1
		unmade  bool  // the writes are lost too
		outcome error
		runs    int // all requests together
	}{
		"claim":         {lost: []int{1}, runs: 1},
		"claim, twice":  {lost: []int{1, 3}, runs: 1}, // the second write is a Conflict
		"end of denial": {[]int{2}, true, fault.New(fault.Denied, fault.NoText), 2},
		"result":        {[]int{2}, true, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			writes, runs := 0, 0
			f.docs.Inject = func(_ context.Context, call vaulttest.Call) error {
				if call.Write && !call.Applied {
					writes++
				}
				if call.Write && call.Applied != c.unmade && slices.Contains(c.lost, writes) {
					return storeDown
				}
				return nil
			}
			do := func(operations.Attempt) ([]byte, bool, error) {
				if runs++; runs == 1 {
					return []byte("done"), true, c.outcome
				}
				return []byte("done"), true, nil
			}
			for range len(c.lost) {
				_, _, _ = f.Do(t.Context(), newRequest("x"), do)
			}
			if got, _, err := f.Do(t.Context(), newRequest("x"), do); string(got) != "done" || err != nil {
				t.Errorf("the next request: %s, %v", got, err)
			}
			if _, _, err := f.Do(t.Context(), newRequest("x"), mustNotRun(t)); err != nil || runs != c.runs {
				t.Errorf("%d runs, %v", runs, err)
			}
		})
	}
}

// Another instance cannot know that a lease is not used. It waits, as it does for one that ended.
func TestRunner_AnswerLostElsewhere(t *testing.T) {
	f := newFixture(t)
	f.docs.Inject = func(_ context.Context, call vaulttest.Call) error {
		if call.Applied {
			return storeDown
		}
		return nil
	}
	_, _, _ = f.Do(t.Context(), newRequest("x"), mustNotRun(t))
	f.docs.Inject = f.quiet
	other := operations.NewRunner(f.vault, logging.NewText(&f.log), time.Now)
	_, _, err := other.Do(t.Context(), newRequest("x"), mustNotRun(t))
	if _, ok := errors.AsType[*operations.RunningError](err); !ok {
		t.Errorf("%v", err)
	}
}

func TestHadNoEffect(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]bool{
		fault.Denied: true, fault.Invalid: true, fault.Conflict: true, fault.Unavailable: false,
		fault.RateLimited: false, fault.Internal: false,
	} {
		err := fault.New(kind, fault.NoText)
		if got := operations.HadNoEffect(err); got != want {
			t.Errorf("%v: %v", kind, got)
		}
		if operations.HadNoEffect(&fault.PartialError{Err: err}) {
			t.Errorf("%v after a part was done", kind)
		}
	}
}

func TestHold_StoreDown(t *testing.T) {
	f := newFixture(t)
	f.docs.Inject = func(context.Context, vaulttest.Call) error { return storeDown }
	err := f.WithLock(t.Context(), "spaces/A", func() error { t.Error("ran without the lock"); return nil })
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
}

// The lock of a space is free again when its holder has ended, whatever became of the store's answers.
func TestWithLock_AnswersLost(t *testing.T) {
	for _, lost := range []int{1, 2} { // the claim, the end
		f := newFixture(t)
		writes := 0
		f.docs.Inject = func(_ context.Context, call vaulttest.Call) error {
			if call.Write && !call.Applied {
				writes++
			}
			if call.Write && writes == lost && call.Applied == (lost == 1) { // the end itself is lost
				return storeDown
			}
			return nil
		}
		_ = f.WithLock(t.Context(), "spaces/A", func() error { return nil })
		ran := false
		if err := f.WithLock(t.Context(), "spaces/A", func() error { ran = true; return nil }); err != nil || !ran {
			t.Errorf("write %d: ran %v, %v", lost, ran, err)
		}
	}
}

// A claim that failed, and one that runs, can have the same lease: the one that runs is not taken over.
func TestRunner_SameLease(t *testing.T) {
	f := newFixture(t)
	now := time.Now()
	frozen := operations.NewRunner(f.vault, logging.NewText(&f.log), func() time.Time { return now })
	f.docs.Inject = func(context.Context, vaulttest.Call) error { return storeDown }
	_, _, _ = frozen.Do(t.Context(), newRequest("x"), mustNotRun(t))
	f.docs.Inject = f.quiet
	_, _, err := frozen.Do(t.Context(), newRequest("x"), func(operations.Attempt) ([]byte, bool, error) {
		_, _, err := frozen.Do(t.Context(), newRequest("x"), mustNotRun(t))
		if _, ok := errors.AsType[*operations.RunningError](err); !ok {
			t.Errorf("during the operation: %v", err)
		}
		return nil, true, nil
	})
	if err != nil {
		t.Error(err)
	}
}
