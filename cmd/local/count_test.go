package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// counts holds calls to Google by name, reads and writes of the store, and connections opened to Google.
type counts struct {
	Calls         []string
	Reads, Writes int64
	Connections   int64
}

// measureCounts returns the counts of do.
func (w *world) measureCounts(do func()) counts {
	calls, reads, writes, connections := len(w.google.Calls()), w.docs.Reads(), w.docs.Writes(), w.connections.Load()
	do()
	got := counts{
		Reads: w.docs.Reads() - reads, Writes: w.docs.Writes() - writes,
		Connections: w.connections.Load() - connections,
	}
	for _, c := range w.google.Calls()[calls:] {
		got.Calls = append(got.Calls, strings.TrimSpace(c.Method+" "+c.Detail))
	}
	return got
}

func TestCosts_CachedPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	w.send(t, command(ada, "spaces/DM/messages/m1", 5, "First plan"))
	got := w.measureCounts(func() { w.send(t, command(ada, "spaces/DM/messages/m2", 5, "Second plan")) })
	if diff := cmp.Diff(counts{Calls: []string{"chat.spaces.setup"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCosts_UncachedPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	w.send(t, command(ada, "spaces/DM/messages/m1", 5, "First plan"))
	w.clock.advance(61 * time.Second)
	got := w.measureCounts(func() { w.send(t, command(ada, "spaces/DM/messages/m2", 5, "Second plan")) })
	if diff := cmp.Diff(counts{Calls: []string{"chat.spaces.setup"}, Reads: 1}, got); diff != "" {
		t.Error(diff)
	}
}

// A create with 20 people costs two calls if Google lists their addresses, and a look-up for each whose address it
// omits.
func TestCosts_20Members(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.google.SetStrict(0)
	body, _ := bodyWithMembers(20, "")
	w.api(t, "GET", "/v1/spaces?actAs=ada@example.com", "") // fetches the callers' signing keys
	got := w.measureCounts(func() {
		if created := w.api(t, "POST", "/v1/spaces", body); created.status != http.StatusCreated {
			t.Errorf("%d %s", created.status, created.text)
		}
	})
	want := []string{"chat.spaces.setup", "chat.spaces.members.list"}
	if diff := cmp.Diff(want, got.Calls); diff != "" {
		t.Error(diff)
	}
	manual, err := os.ReadFile("../../docs/walk.md")
	row := "| a create with 20 people whose addresses Google lists | `spaces.setup`, `members.list` |"
	if err != nil || !strings.Contains(string(manual), row) {
		t.Errorf("docs/walk.md has no %q, %v", row, err)
	}
}

func TestOnce_TokenRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	w.clock.advance(2 * time.Hour)
	got := w.measureCounts(func() { w.sendMany(t, 50) })
	refreshes := 0
	for _, call := range got.Calls {
		if call == "token refresh_token" {
			refreshes++
		}
	}
	if refreshes != 1 || got.Writes != 1 {
		t.Errorf("refreshes: got %d, want 1; writes: got %d, want 1", refreshes, got.Writes)
	}
}

func TestOnce_SigningKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sendMany(t, 50)
	if got, want := w.count("chatcerts"), 1; got != want {
		t.Errorf("fetches: got %d, want %d", got, want)
	}
}

// sendMany sends n events at once.
func (w *world) sendMany(t *testing.T, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { w.send(t, command(ada, fmt.Sprintf("spaces/DM/messages/x%d", i), 1, "")) })
	}
	wg.Wait()
}
