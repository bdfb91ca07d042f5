// Package seed chooses the shapes in which the emulated Google answers tests.
package seed

import (
	"os"
	"strconv"
	"testing"
)

// Get returns the environment variable SEED, or 1 if it is not set. A test that fails prints it.
func Get(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(1)
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("SEED: %v", err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the emulator's shapes: SEED=%d", seed)
		}
	})
	return seed
}
