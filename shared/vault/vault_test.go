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

// secrets compares them by what they hold.
var secrets = cmp.Comparer(func(a, b config.Secret) bool { return a.Equal(b) })

func grant() vault.Grant {
	return vault.Grant{
		Person: "users/1", ClientID: "client", Scopes: []string{"a", "b"}, Declined: []string{"c"},
		RefreshToken: config.NewSecret("1//marked-refresh"), AccessToken: config.NewSecret("ya29.marked-access"), AccessExpiry: start.Add(time.Hour),
		Status: vault.Connected, Generation: 3, Email: config.NewSecret("marked@example.com"), EmailAt: start, Domain: "example.com", Connected: start,
		Approvals: []vault.Approval{{Caller: "ci-marked", Authority: "user", Actions: []vault.Approved{{Action: "spaces.create", Connected: start, Given: start}}}},
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
	if diff := cmp.Diff(grant(), got, cmpopts.IgnoreUnexported(vault.Grant{}), secrets); diff != "" {
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

// TestRecord_Planted: who can write the store puts records there that are not
// ours, altered, or moved from elsewhere.
func TestRecord_Planted(t *testing.T) {
	v, docs, clock := open(t)
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	whole, err := docs.Get(t.Context(), "grants", "1")
	if err != nil {
		t.Fatal(err)
	}
	if err := v.CreateRevocation(t.Context(), "users/1", 2, config.NewSecret("1//refresh")); err != nil {
		t.Fatal(err)
	}
	kept, err := docs.List(t.Context(), "revocations", "", 10)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	altered := bytes.Clone(whole.Fields["sealed"].([]byte))
	altered[len(altered)-1] ^= 1
	for i, c := range []struct {
		name   string
		fields vault.Fields
	}{
		{"moved from another person", whole.Fields},
		{"altered", vault.Fields{"sealed": altered}},
		{"a token kept for its revocation", vault.Fields{"sealed": kept[0].Fields["sealed"]}},
		{"in the clear", vault.Fields{"clientId": "client", "status": "connected", "refreshToken": []byte("x")}},
		{"empty", vault.Fields{}},
		{"of another type", vault.Fields{"sealed": "text"}},
	} {
		id := fmt.Sprint(100 + i)
		for _, collection := range []string{"grants", "operations", "pendingConsents", "templates", "sequences"} {
			if _, err := docs.Create(t.Context(), vault.Collection(collection), id, c.fields); err != nil {
				t.Fatal(err)
			}
		}
		if g, err := v.Grant(t.Context(), resource.Person("users/"+id)); !errors.Is(err, seal.ErrNotAuthentic) || !g.Broken || !g.RefreshToken.Empty() || len(g.Approvals) > 0 {
			t.Errorf("%s: grant: %v, %+v", c.name, err, g)
		}
		if _, err := v.Operation(t.Context(), id); fault.KindOf(err) != fault.Internal || !errors.Is(err, seal.ErrNotAuthentic) {
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
		if len(doc.ID) > 10 { // ours
			doc.Fields["expires"] = clock.now().Add(1000 * time.Hour)
			if _, err := docs.Replace(t.Context(), "pendingConsents", doc.ID, doc.Fields, doc.Version); err != nil {
				t.Fatal(err)
			}
		}
	}
	clock.advance(vault.PendingLife)
	if _, err := v.TakePending(t.Context(), state, []byte("browser")); !errors.Is(err, vault.ErrExpired) {
		t.Errorf("a prolonged expiry: %v", err)
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
		Verifier: config.NewSecret("verifier"), ReturnTo: config.NewSecret("https://chat.google.com/x"), Nonce: "n", Browser: []byte("browser"),
	}
}

func TestAPendingConsentIsTakenOnceAndLeavesNoSecretBehind(t *testing.T) {
	v, docs, _ := open(t)
	if err := v.CreatePending(t.Context(), config.NewSecret("state"), pending()); err != nil {
		t.Fatal(err)
	}
	got, err := v.TakePending(t.Context(), config.NewSecret("state"), []byte("browser"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pending(), got, secrets); diff != "" {
		t.Error(diff)
	}
	if _, err := v.TakePending(t.Context(), config.NewSecret("state"), []byte("browser")); !errors.Is(err, vault.ErrUsed) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("again: %v", err)
	}
	left, err := docs.List(t.Context(), "pendingConsents", "", 10)
	if err != nil || len(left) != 1 {
		t.Fatalf("%v, %v", left, err)
	}
	if len(left[0].Fields) != 2 || strings.Contains(left[0].ID, "state") || bytes.Contains(left[0].Fields["sealed"].([]byte), []byte("verifier")) {
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
		"at the last moment": {config.NewSecret("state"), "browser", vault.PendingLife - time.Microsecond, nil},
		"too late":           {config.NewSecret("state"), "browser", vault.PendingLife, vault.ErrExpired},
		"unknown":            {config.NewSecret("other"), "browser", 0, vault.ErrExpired},
		"in another browser": {config.NewSecret("state"), "Browser", 0, vault.ErrOtherBrowser},
		"without a cookie":   {config.NewSecret("state"), "", 0, vault.ErrOtherBrowser},
	} {
		v, _, clock := open(t)
		if err := v.CreatePending(t.Context(), config.NewSecret("state"), pending()); err != nil {
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
	if err := v.CreatePending(t.Context(), config.NewSecret("state"), pending()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.TakePending(t.Context(), config.NewSecret("state"), []byte("thief")); !errors.Is(err, vault.ErrOtherBrowser) {
		t.Fatalf("got %v", err)
	}
	if _, err := v.TakePending(t.Context(), config.NewSecret("state"), []byte("browser")); err != nil {
		t.Errorf("the rightful browser: %v", err)
	}
}

// late is a store whose writes have an effect, and then lose their answer.
type late struct {
	vault.Docs
	fail bool
	meet func() // before a replacement
}

func (l *late) Replace(ctx context.Context, collection vault.Collection, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	if meet := l.meet; meet != nil {
		l.meet = nil
		meet()
	}
	version, err := l.Docs.Replace(ctx, collection, id, fields, at)
	if err == nil && l.fail {
		// The client sends it again, and meets its own work.
		_, err = l.Docs.Replace(ctx, collection, id, fields, at)
	}
	return version, err
}

func TestPending_OneWinner(t *testing.T) {
	_, docs, clock := open(t)
	a, b, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(a, b, "project", "client")
	if err != nil {
		t.Fatal(err)
	}
	store := &late{Docs: docs}
	v := vault.New(store, keys, clock.now)
	state := config.NewSecret("state")
	take := func() error {
		_, err := v.TakePending(t.Context(), state, []byte("browser"))
		return err
	}
	if err := v.CreatePending(t.Context(), state, pending()); err != nil {
		t.Fatal(err)
	}
	// Another one takes it between this one's read and its write.
	var other error
	store.meet = func() { other = take() }
	if err := take(); other != nil || !errors.Is(err, vault.ErrUsed) {
		t.Errorf("the first %v, the second %v", other, err)
	}
	// One's own write, met again, is no other's.
	state = config.NewSecret("again")
	if err := v.CreatePending(t.Context(), state, pending()); err != nil {
		t.Fatal(err)
	}
	store.fail = true
	if err := take(); err != nil {
		t.Errorf("its own write: %v", err)
	}
}
