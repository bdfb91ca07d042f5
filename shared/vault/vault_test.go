package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

type clock struct{ elapsed atomic.Int64 }

func (c *clock) now() time.Time          { return start.Add(time.Duration(c.elapsed.Load())) }
func (c *clock) advance(d time.Duration) { c.elapsed.Add(int64(d)) }

func newVault(t *testing.T) (*vault.Vault, *memory.Docs, *clock) {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "project", "client")
	if err != nil {
		t.Fatal(err)
	}
	docs, c := &memory.Docs{}, &clock{}
	return vault.New(strictDocs{docs}, keys, c.now), docs, c
}

var compareSecrets = cmp.Comparer(func(a, b config.Secret) bool { return a.Equal(b) })

func grant() vault.Grant {
	return vault.Grant{
		Person: "users/1", ClientID: "client", Scopes: []string{"a", "b"}, Declined: []string{"c"},
		RefreshToken: config.NewSecret("1//marked-refresh"),
		AccessToken:  config.NewSecret("ya29.marked-access"), AccessExpiry: start.Add(time.Hour),
		Status: vault.Connected, Generation: 3, ConnectedAt: start,
		Email: config.NewSecret("marked@example.com"), EmailAt: start, Domain: "example.com",
		Approvals: []vault.Approval{{
			Caller: "ci-marked", Authority: "user",
			Actions: []vault.ApprovedAction{{Action: "spaces.create", ConnectedAt: start, GivenAt: start}},
		}},
	}
}

func TestSaveGrant_SecretsSealed(t *testing.T) {
	v, docs, _ := newVault(t)
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	got, err := v.Grant(t.Context(), "users/1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(grant(), got, cmpopts.IgnoreUnexported(vault.Grant{}), compareSecrets); diff != "" {
		t.Error(diff)
	}
	stored, err := docs.Get(t.Context(), "grants", "1")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range stored.Fields {
		raw, _ := value.([]byte)
		if strings.Contains(fmt.Sprint(value), "marked") || bytes.Contains(raw, []byte("marked")) {
			t.Errorf("field %s contains a secret in the clear", name)
		}
	}
}

// TestRecord_Planted: an attacker with write access to the store plants, alters or moves records.
func TestRecord_Planted(t *testing.T) {
	v, docs, clock := newVault(t)
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	stored, err := docs.Get(t.Context(), "grants", "1")
	if err != nil {
		t.Fatal(err)
	}
	if err := v.CreateRevocation(t.Context(), "users/1", 2, config.NewSecret("1//refresh")); err != nil {
		t.Fatal(err)
	}
	revocations, err := docs.List(t.Context(), "revocations", "", 10)
	if err != nil || len(revocations) != 1 {
		t.Fatalf("%v, %v", revocations, err)
	}
	altered := bytes.Clone(stored.Fields["sealed"].([]byte))
	altered[len(altered)-1] ^= 1
	for i, c := range []struct {
		name   string
		fields vault.Fields
	}{
		{"moved from another person", stored.Fields},
		{"altered", vault.Fields{"sealed": altered}},
		{"sealed as a revocation", vault.Fields{"sealed": revocations[0].Fields["sealed"]}},
		{"in the clear", vault.Fields{"clientId": "client", "status": "connected", "refreshToken": []byte("x")}},
		{"empty", vault.Fields{}},
		{"wrong type", vault.Fields{"sealed": "text"}},
	} {
		id := fmt.Sprint(100 + i)
		for _, collection := range []string{"grants", "operations", "pendingConsents", "templates", "sequences"} {
			if _, err := docs.Create(t.Context(), vault.Collection(collection), id, c.fields); err != nil {
				t.Fatal(err)
			}
		}
		g, err := v.Grant(t.Context(), resource.Person("users/"+id))
		if !errors.Is(err, seal.ErrNotAuthentic) || !g.Broken || !g.RefreshToken.Empty() || len(g.Approvals) > 0 {
			t.Errorf("%s: grant: %v, %+v", c.name, err, g)
		}
		_, err = v.Operation(t.Context(), id)
		if fault.KindOf(err) != fault.Internal || !errors.Is(err, seal.ErrNotAuthentic) {
			t.Errorf("%s: operation: %v", c.name, err)
		}
		if _, err := v.NextSeq(t.Context(), id, "key"); !errors.Is(err, seal.ErrNotAuthentic) {
			t.Errorf("%s: sequence: %v", c.name, err)
		}
	}
	state := config.NewSecret("state")
	if err := v.CreatePending(t.Context(), state, pending()); err != nil {
		t.Fatal(err)
	}
	all, err := docs.List(t.Context(), "pendingConsents", "", 99)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range all {
		if len(doc.ID) > 10 { // not planted above
			doc.Fields["expires"] = clock.now().Add(1000 * time.Hour)
			if _, err := docs.Replace(t.Context(), "pendingConsents", doc.ID, doc.Fields, doc.Version); err != nil {
				t.Fatal(err)
			}
		}
	}
	clock.advance(vault.PendingTTL)
	if _, err := v.TakePending(t.Context(), state, []byte("browser")); !errors.Is(err, vault.ErrExpired) {
		t.Errorf("extended expiry: %v", err)
	}
}

func TestSaveGrant_Conflict(t *testing.T) {
	v, _, _ := newVault(t)
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
		t.Errorf("delete of the current version: %v", err)
	}
}

func pending() vault.Pending {
	return vault.Pending{
		Person: "users/1", Capabilities: []string{"CreateSpaces"}, Purpose: "connect",
		Verifier: config.NewSecret("verifier"), ReturnTo: config.NewSecret("https://chat.google.com/x"),
		Nonce: "n", Browser: []byte("browser"),
	}
}

func TestTakePending_Once(t *testing.T) {
	v, docs, _ := newVault(t)
	if err := v.CreatePending(t.Context(), config.NewSecret("state"), pending()); err != nil {
		t.Fatal(err)
	}
	got, err := v.TakePending(t.Context(), config.NewSecret("state"), []byte("browser"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pending(), got, compareSecrets, cmpopts.IgnoreUnexported(vault.Pending{})); diff != "" {
		t.Error(diff)
	}
	_, err = v.TakePending(t.Context(), config.NewSecret("state"), []byte("browser"))
	if !errors.Is(err, vault.ErrUsed) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("second call: %v", err)
	}
	left, err := docs.List(t.Context(), "pendingConsents", "", 10)
	if err != nil || len(left) != 1 {
		t.Fatalf("%v, %v", left, err)
	}
	hasVerifier := bytes.Contains(left[0].Fields["sealed"].([]byte), []byte("verifier"))
	if len(left[0].Fields) != 2 || strings.Contains(left[0].ID, "state") || hasVerifier {
		t.Errorf("stored record: %v", left[0])
	}
}

func TestTakePending_Rejected(t *testing.T) {
	for name, c := range map[string]struct {
		state   config.Secret
		browser string
		wait    time.Duration
		want    error
	}{
		"just in time":  {config.NewSecret("state"), "browser", vault.PendingTTL - time.Microsecond, nil},
		"expired":       {config.NewSecret("state"), "browser", vault.PendingTTL, vault.ErrExpired},
		"unknown state": {config.NewSecret("other"), "browser", 0, vault.ErrExpired},
		"other browser": {config.NewSecret("state"), "Browser", 0, vault.ErrOtherBrowser},
		"no cookie":     {config.NewSecret("state"), "", 0, vault.ErrOtherBrowser},
	} {
		v, _, clock := newVault(t)
		if err := v.CreatePending(t.Context(), config.NewSecret("state"), pending()); err != nil {
			t.Fatal(err)
		}
		clock.advance(c.wait)
		if _, err := v.TakePending(t.Context(), c.state, []byte(c.browser)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestTakePending_OtherBrowser(t *testing.T) {
	v, docs, _ := newVault(t)
	if err := v.CreatePending(t.Context(), config.NewSecret("state"), pending()); err != nil {
		t.Fatal(err)
	}
	_, err := v.TakePending(t.Context(), config.NewSecret("state"), []byte("thief"))
	if !errors.Is(err, vault.ErrOtherBrowser) {
		t.Fatalf("got %v", err)
	}
	_, err = v.TakePending(t.Context(), config.NewSecret("state"), []byte("browser"))
	if !errors.Is(err, vault.ErrUsed) {
		t.Errorf("its own browser, afterwards: %v", err)
	}
	if err := v.CreatePending(t.Context(), config.NewSecret("used"), pending()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.TakePending(t.Context(), config.NewSecret("used"), []byte("browser")); err != nil {
		t.Fatal(err)
	}
	before, beforeErr := docs.List(t.Context(), "pendingConsents", "", 9)
	_, err = v.TakePending(t.Context(), config.NewSecret("used"), []byte("thief"))
	after, afterErr := docs.List(t.Context(), "pendingConsents", "", 9)
	if diff := cmp.Diff(before, after); !errors.Is(err, vault.ErrOtherBrowser) || diff != "" ||
		errors.Join(beforeErr, afterErr) != nil {
		t.Errorf("after its own browser: %v, %s", err, diff)
	}
}

// overtakenDocs is a store in which something happens before a Replace.
type overtakenDocs struct {
	vault.Docs
	beforeReplace func() // called once
}

func (d *overtakenDocs) Replace(
	ctx context.Context, c vault.Collection, id string, fields vault.Fields, at vault.Version,
) (vault.Version, error) {
	if before := d.beforeReplace; before != nil {
		d.beforeReplace = nil
		before()
	}
	return d.Docs.Replace(ctx, c, id, fields, at)
}

func TestPending_OneWinner(t *testing.T) {
	_, docs, clock := newVault(t)
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "project", "client")
	if err != nil {
		t.Fatal(err)
	}
	store := &overtakenDocs{Docs: docs}
	v := vault.New(store, keys, clock.now)
	state := config.NewSecret("state")
	take := func() error {
		_, err := v.TakePending(t.Context(), state, []byte("browser"))
		return err
	}
	if err := v.CreatePending(t.Context(), state, pending()); err != nil {
		t.Fatal(err)
	}
	// Another call takes it between the read and the write of this one.
	var otherErr error
	store.beforeReplace = func() { otherErr = take() }
	if err := take(); otherErr != nil || !errors.Is(err, vault.ErrUsed) {
		t.Errorf("first: %v, second: %v", otherErr, err)
	}
}
