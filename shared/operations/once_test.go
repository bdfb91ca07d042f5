package operations_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	docs  *memory.Docs
	ahead atomic.Int64
	log   bytes.Buffer
}

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
	f := &fixture{t: t, docs: &memory.Docs{}}
	now := func() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }
	f.Runner = operations.NewRunner(vault.New(f.docs, keys, now), logging.NewText(&f.log), now)
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
		if got, err := f.Result(t.Context(), newRequest("x")); err == nil || got != nil {
			t.Errorf("%s, its result: %s, %v", name, got, err)
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
