package vault_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

func TestNextSeq_Concurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := vault.New(&memory.Docs{}, newKeys(t), time.Now)
		numbers := make([]int64, 12)
		var wg sync.WaitGroup
		for i := range numbers {
			wg.Go(func() {
				var err error
				key := resource.Key(fmt.Sprint("use ", i))
				if numbers[i], err = v.NextSeq(t.Context(), "Incident", key); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i, n := range numbers {
			again, err := v.NextSeq(t.Context(), "Incident", resource.Key(fmt.Sprint("use ", i)))
			if err != nil || again != n {
				t.Errorf("use %d: got %d, then %d, %v", i, n, again, err)
			}
		}
		slices.Sort(numbers)
		for i, n := range numbers {
			if n != int64(i+1) {
				t.Fatalf("%v", numbers)
			}
		}
		if other, err := v.NextSeq(t.Context(), "Launch", "use 1"); err != nil || other != 1 {
			t.Errorf("another template starts at %d, %v", other, err)
		}
		if last, err := v.LastSeq(t.Context(), "Incident"); err != nil || last != 12 {
			t.Errorf("%d, %v", last, err)
		}
	})
}

// A document takes about one write a second: uses that wait for one share the next.
func TestNextSeq_SharedWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes atomic.Int32
		docs := &vaulttest.Faulty{Docs: &memory.Docs{}, Inject: func(_ context.Context, c vaulttest.Call) error {
			if c.Write && !c.Applied {
				writes.Add(1)
				time.Sleep(time.Second)
			}
			return nil
		}}
		v, start := vault.New(docs, newKeys(t), time.Now), time.Now()
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				if _, err := v.NextSeq(t.Context(), "Incident", resource.Key(fmt.Sprint("use ", i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if writes.Load() > 2 || time.Since(start) > 2*time.Second {
			t.Errorf("%d writes in %v", writes.Load(), time.Since(start))
		}
	})
}

func TestNextSeq_NeverReused(t *testing.T) {
	v := vault.New(&memory.Docs{}, newKeys(t), time.Now)
	for i := 1; i <= 250; i++ {
		n, err := v.NextSeq(t.Context(), "Incident", resource.Key(fmt.Sprint("use ", i)))
		if err != nil || n != int64(i) {
			t.Fatalf("use %d: %d, %v", i, n, err)
		}
	}
	if n, err := v.NextSeq(t.Context(), "Incident", "use 51"); err != nil || n != 51 {
		t.Errorf("200th newest use: %d, %v", n, err)
	}
	if n, err := v.NextSeq(t.Context(), "Incident", "use 1"); err != nil || n != 251 {
		t.Errorf("use older than the last 200: %d, %v", n, err)
	}
}

func newKeys(t *testing.T) *seal.Keys {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "project", "client")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestNextSeq_Conflicts: other uses take numbers in between. NextSeq tries twenty times.
func TestNextSeq_Conflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var conflicts, writes int
		v, _ := failingVault(t, func(c vaulttest.Call) error {
			if c.Write && !c.Applied {
				if writes++; writes <= conflicts {
					return fault.New(fault.Conflict, fault.NoText)
				}
			}
			return nil
		})
		conflicts = 20
		if n, err := v.NextSeq(t.Context(), "T", "k"); fault.KindOf(err) != fault.Unavailable || writes != 20 {
			t.Errorf("twenty conflicts: %d, %v, %d writes", n, err, writes)
		}
		conflicts, writes = 19, 0
		before := time.Now()
		if n, err := v.NextSeq(t.Context(), "T", "k"); err != nil || n != 1 || writes != 20 {
			t.Errorf("nineteen conflicts: %d, %v, %d writes", n, err, writes)
		}
		// The pauses are random, and at most 20 to 400 ms.
		if took := time.Since(before); took == 0 || took > 20*400*time.Millisecond {
			t.Errorf("took %v", took)
		}
		// The first pause is at most 20 ms.
		for i := range 20 {
			conflicts, writes = 1, 0
			before := time.Now()
			if _, err := v.NextSeq(t.Context(), fmt.Sprint(i), "k"); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(before); took > 20*time.Millisecond {
				t.Errorf("one conflict took %v", took)
			}
		}
		conflicts, writes = 9, 0
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if n, err := v.NextSeq(ctx, "T2", "k"); fault.KindOf(err) != fault.Unavailable || writes > 1 {
			t.Errorf("canceled: %d, %v, %d writes", n, err, writes)
		}
	})
}
