package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return start.Add(time.Duration(c.at.Load())) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func open(t *testing.T) (*vault.Vault, *memory.Docs, *clock) {
	t.Helper()
	a, b, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(a, b, "project", "client")
	if err != nil {
		t.Fatal(err)
	}
	docs, c := &memory.Docs{}, &clock{}
	return vault.New(docs, keys, c.now), docs, c
}

func grant() vault.Grant {
	return vault.Grant{
		Person: "users/1", ClientID: "client", Scopes: []string{"a", "b"}, Declined: []string{"c"},
		RefreshToken: "1//marked-refresh", AccessToken: "ya29.marked-access", AccessExpiry: start.Add(time.Hour),
		Status: vault.Active, Generation: 3, Email: "marked@example.com", Domain: "example.com", Connected: start,
	}
}

func TestAGrantComesBackWholeAndItsSecretsAreNotReadableInTheStore(t *testing.T) {
	v, docs, _ := open(t)
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	got, err := v.Grant(t.Context(), "users/1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(grant(), got, cmpopts.IgnoreUnexported(vault.Grant{})); diff != "" {
		t.Error(diff)
	}
	stored, err := docs.Get(t.Context(), "grants", "1")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range stored.Fields {
		raw, _ := value.([]byte)
		if strings.Contains(fmt.Sprint(value), "marked") || bytes.Contains(raw, []byte("marked")) {
			t.Errorf("field %s holds a secret in clear", name)
		}
	}
}

func TestACiphertextCopiedToAnotherPersonDoesNotOpen(t *testing.T) {
	v, docs, _ := open(t)
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	stored, err := docs.Get(t.Context(), "grants", "1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := docs.Create(t.Context(), "grants", "2", stored.Fields); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Grant(t.Context(), "users/2"); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("got %v", err)
	}
}

func TestATokenKeptForRevocationCannotBeUsedToAct(t *testing.T) {
	v, docs, _ := open(t)
	if err := v.CreateRevocation(t.Context(), "users/1", 2, "1//refresh"); err != nil {
		t.Fatal(err)
	}
	kept, err := docs.List(t.Context(), "revocations", "", 10)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	if _, err := docs.Create(t.Context(), "grants", "1", vault.Fields{"refreshToken": kept[0].Fields["token"]}); err != nil {
		t.Fatal(err)
	}
	if g, err := v.Grant(t.Context(), "users/1"); !errors.Is(err, seal.ErrBroken) || g.RefreshToken != "" {
		t.Errorf("got %v, a token: %v", err, g.RefreshToken != "")
	}
}

func TestASaveOverANewerGrantIsAConflict(t *testing.T) {
	v, _, _ := open(t)
	first, err := v.SaveGrant(t.Context(), grant())
	if err != nil {
		t.Fatal(err)
	}
	newer := first
	newer.Generation = 4
	if newer, err = v.SaveGrant(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	if _, err := v.SaveGrant(t.Context(), first); fault.KindOf(err) != fault.Conflict {
		t.Errorf("save: %v", err)
	}
	if err := v.DeleteGrant(t.Context(), first); fault.KindOf(err) != fault.Conflict {
		t.Errorf("delete: %v", err)
	}
	if _, err := v.SaveGrant(t.Context(), grant()); fault.KindOf(err) != fault.Conflict {
		t.Errorf("create: %v", err)
	}
	if err := v.DeleteGrant(t.Context(), newer); err != nil {
		t.Errorf("delete of the newest: %v", err)
	}
}

func pending() vault.Pending {
	return vault.Pending{
		Person: "users/1", Capabilities: []string{"CreateSpaces"}, Purpose: "connect",
		Verifier: "verifier", ReturnTo: "https://chat.google.com/x", Nonce: "n", Browser: []byte("browser"),
	}
}

func TestAPendingConsentIsTakenOnceAndLeavesNoSecretBehind(t *testing.T) {
	v, docs, _ := open(t)
	if err := v.CreatePending(t.Context(), "state", pending()); err != nil {
		t.Fatal(err)
	}
	got, err := v.TakePending(t.Context(), "state", []byte("browser"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pending(), got); diff != "" {
		t.Error(diff)
	}
	if _, err := v.TakePending(t.Context(), "state", []byte("browser")); !errors.Is(err, vault.ErrUsed) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("again: %v", err)
	}
	left, err := docs.List(t.Context(), "pendingConsents", "", 10)
	if err != nil || len(left) != 1 {
		t.Fatalf("%v, %v", left, err)
	}
	if left[0].Fields["verifier"] != nil || left[0].Fields["returnTo"] != nil || strings.Contains(left[0].ID, "state") {
		t.Errorf("left behind: %v", left[0])
	}
}

func TestAPendingConsentIsRefusedLateUnknownAndElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		state   config.Secret
		browser string
		wait    time.Duration
		want    error
	}{
		"at the last moment": {"state", "browser", vault.PendingLife - 1, nil},
		"too late":           {"state", "browser", vault.PendingLife, vault.ErrExpired},
		"unknown":            {"other", "browser", 0, vault.ErrExpired},
		"in another browser": {"state", "Browser", 0, vault.ErrOtherBrowser},
		"without a cookie":   {"state", "", 0, vault.ErrOtherBrowser},
	} {
		v, _, clock := open(t)
		if err := v.CreatePending(t.Context(), "state", pending()); err != nil {
			t.Fatal(err)
		}
		clock.advance(c.wait)
		if _, err := v.TakePending(t.Context(), c.state, []byte(c.browser)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestATryFromAnotherBrowserDoesNotUseTheConsentUp(t *testing.T) {
	v, _, _ := open(t)
	if err := v.CreatePending(t.Context(), "state", pending()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.TakePending(t.Context(), "state", []byte("thief")); !errors.Is(err, vault.ErrOtherBrowser) {
		t.Fatalf("got %v", err)
	}
	if _, err := v.TakePending(t.Context(), "state", []byte("browser")); err != nil {
		t.Errorf("the rightful browser: %v", err)
	}
}

func TestOfManyThatTakeOnePendingConsentExactlyOneWins(t *testing.T) {
	v, _, _ := open(t)
	if err := v.CreatePending(t.Context(), "state", pending()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var won atomic.Int32
	for range 16 {
		wg.Go(func() {
			_, err := v.TakePending(context.WithoutCancel(t.Context()), "state", []byte("browser"))
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, vault.ErrUsed):
				t.Errorf("a loser got %v", err)
			}
		})
	}
	wg.Wait()
	if got := won.Load(); got != 1 {
		t.Errorf("winners: got %d, want 1", got)
	}
}
