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

// bench is a Runner on a store, with a clock to turn.
type bench struct {
	*operations.Runner
	t     *testing.T
	docs  *memory.Docs
	ahead atomic.Int64
	log   bytes.Buffer
}

func begin(t *testing.T) *bench {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, docs: &memory.Docs{}}
	now := func() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }
	b.Runner = operations.NewRunner(vault.New(b.docs, keys, now), logging.NewText(&b.log), now)
	return b
}

func asked(what string) operations.Request {
	return operations.Request{ID: operations.Digest("ci", "key"), Caller: "ci", Person: "users/1", Hash: operations.Digest(what)}
}

// gives does something that gives this.
func gives(result string, final bool, err error) func(operations.Try) ([]byte, bool, error) {
	return func(operations.Try) ([]byte, bool, error) { return []byte(result), final, err }
}

func never(t *testing.T) func(operations.Try) ([]byte, bool, error) {
	return func(operations.Try) ([]byte, bool, error) {
		t.Error("it was done again")
		return nil, true, nil
	}
}

func TestARequestIsDoneOnceAndItsResultKept(t *testing.T) {
	b := begin(t)
	if got, repeated, err := b.Once(t.Context(), asked("x"), gives("made", true, nil)); string(got) != "made" || repeated || err != nil {
		t.Fatalf("%s, %v, %v", got, repeated, err)
	}
	for _, days := range []int{0, 6} {
		b.ahead.Store(int64(days) * 24 * int64(time.Hour))
		if got, repeated, err := b.Once(t.Context(), asked("x"), never(t)); string(got) != "made" || !repeated || err != nil {
			t.Errorf("after %d days: %s, %v, %v", days, got, repeated, err)
		}
	}
	if _, _, err := b.Once(t.Context(), asked("y"), never(t)); !errors.Is(err, operations.ErrReused) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("another request under the key: %v", err)
	}
	b.ahead.Store(int64(8 * 24 * time.Hour))
	if got, repeated, err := b.Once(t.Context(), asked("y"), gives("anew", true, nil)); string(got) != "anew" || repeated || err != nil {
		t.Errorf("after its end: %s, %v, %v", got, repeated, err)
	}
}

func TestTheSameKeyOfAnotherCallerIsAnotherOperation(t *testing.T) {
	b := begin(t)
	_, _, _ = b.Once(t.Context(), asked("x"), gives("mine", true, nil))
	other := asked("x")
	other.ID, other.Caller = operations.Digest("tickets", "key"), "tickets"
	if got, repeated, err := b.Once(t.Context(), other, gives("theirs", true, nil)); string(got) != "theirs" || repeated || err != nil {
		t.Errorf("%s, %v, %v", got, repeated, err)
	}
	if operations.Digest("a", "bc") == operations.Digest("ab", "c") {
		t.Error("two callers share an operation")
	}
}

func TestOfManyAtOnceOneDoesItAndTheOthersComeAgain(t *testing.T) {
	b := begin(t)
	var done atomic.Int32
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			_, _, err := b.Once(t.Context(), asked("x"), func(operations.Try) ([]byte, bool, error) {
				done.Add(1)
				return []byte("made"), true, nil
			})
			if _, running := errors.AsType[*operations.Running](err); err != nil && !running {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 {
		t.Errorf("done %d times", done.Load())
	}
}

func TestWhatWasRefusedLeavesTheKeyFreeUnlessItWasTriedBefore(t *testing.T) {
	b := begin(t)
	denied := fault.New(fault.Denied, fault.None)
	if _, _, err := b.Once(t.Context(), asked("x"), gives("", true, denied)); fault.KindOf(err) != fault.Denied {
		t.Fatal(err)
	}
	// The key is free: it may be used for another request.
	lost := fault.New(fault.Unavailable, fault.None)
	if _, _, err := b.Once(t.Context(), asked("y"), gives("", true, lost)); fault.KindOf(err) != fault.Unavailable {
		t.Fatal(err)
	}
	// What may have been done keeps the key, also when a later try is refused.
	var again bool
	_, _, err := b.Once(t.Context(), asked("y"), func(try operations.Try) ([]byte, bool, error) {
		again = try.Again
		return nil, true, denied
	})
	if fault.KindOf(err) != fault.Denied || !again {
		t.Errorf("%v, told that it was tried before: %v", err, again)
	}
	if _, _, err := b.Once(t.Context(), asked("z"), never(t)); !errors.Is(err, operations.ErrReused) {
		t.Errorf("the key was freed: %v", err)
	}
}

func TestAnInstanceThatDiedIsTakenOverAfterAMinuteWithItsJournal(t *testing.T) {
	b := begin(t)
	var act string
	func() {
		defer func() { _ = recover() }()
		_, _, _ = b.Once(t.Context(), asked("x"), func(try operations.Try) ([]byte, bool, error) {
			act = try.Act
			if err := try.Keep(t.Context(), []byte("a room")); err != nil {
				t.Error(err)
			}
			panic("the instance dies")
		})
	}()
	_, _, err := b.Once(t.Context(), asked("x"), never(t))
	if running, ok := errors.AsType[*operations.Running](err); !ok || running.For <= 0 || running.For > time.Minute {
		t.Errorf("at once: %v", err)
	}
	b.ahead.Store(int64(time.Minute))
	got, repeated, err := b.Once(t.Context(), asked("x"), func(try operations.Try) ([]byte, bool, error) {
		if string(try.Kept()) != "a room" || !try.Again || try.Act != act {
			t.Errorf("kept %q, again %v, the same act %v", try.Kept(), try.Again, try.Act == act)
		}
		return []byte("made"), true, nil
	})
	if string(got) != "made" || repeated || err != nil {
		t.Errorf("%s, %v, %v", got, repeated, err)
	}
}

// Attack: who can write the store plants a result, or spoils one so that it is
// done again.
func TestAnOperationThatDoesNotOpenNeverRuns(t *testing.T) {
	b := begin(t)
	_, _, _ = b.Once(t.Context(), asked("x"), gives("made", true, nil))
	doc, err := b.docs.Get(t.Context(), "operations", asked("x").ID)
	if err != nil {
		t.Fatal(err)
	}
	sealed := bytes.Clone(doc.Fields["sealed"].([]byte))
	sealed[len(sealed)-1] ^= 1
	for name, planted := range map[string]any{"altered": sealed, "planted": []byte(`{"result":"evil"}`), "empty": []byte{}} {
		now, err := b.docs.Get(t.Context(), "operations", doc.ID)
		if err != nil {
			t.Fatal(err)
		}
		now.Fields["sealed"] = planted
		if _, err := b.docs.Replace(t.Context(), "operations", doc.ID, now.Fields, now.Version); err != nil {
			t.Fatal(err)
		}
		if got, _, err := b.Once(t.Context(), asked("x"), never(t)); err == nil || len(got) != 0 {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		if got, err := b.Result(t.Context(), asked("x")); err == nil || got != nil {
			t.Errorf("%s, its result: %s, %v", name, got, err)
		}
	}
}

func TestAResultThatCannotBeStoredIsGivenAllTheSame(t *testing.T) {
	b := begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	got, _, err := b.Once(ctx, asked("x"), func(operations.Try) ([]byte, bool, error) {
		cancel() // the caller goes
		return []byte("made"), true, nil
	})
	if string(got) != "made" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if got, repeated, err := b.Once(t.Context(), asked("x"), never(t)); string(got) != "made" || !repeated || err != nil {
		t.Errorf("again: %s, %v, %v", got, repeated, err)
	}
}

func TestAThingIsHeldByOneAtATimeAndLetGoAlsoAfterAFailure(t *testing.T) {
	b := begin(t)
	inside := 0
	err := b.Hold(t.Context(), "spaces/A", func() error {
		err := b.Hold(t.Context(), "spaces/A", func() error { inside++; return nil })
		if _, running := errors.AsType[*operations.Running](err); !running || !strings.Contains(fault.Public(i18n.In("en"), err, ""), "Another change") {
			t.Errorf("two at once: %v", err)
		}
		return b.Hold(t.Context(), "spaces/B", func() error { inside++; return errors.New("it failed") })
	})
	if err == nil || inside != 1 {
		t.Errorf("%v, %d inside", err, inside)
	}
	if err := b.Hold(t.Context(), "spaces/A", func() error { inside++; return nil }); err != nil || inside != 2 {
		t.Errorf("afterwards: %v", err)
	}
}
