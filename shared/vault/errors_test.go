package vault_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

var accept = func(*vault.Template) error { return nil }

// strictDocs refuses to replace a document without its version, as Firestore does.
type strictDocs struct{ *memory.Docs }

// Replace implements vault.Docs.
func (d strictDocs) Replace(
	ctx context.Context, c vault.Collection, id string, fields vault.Fields, at vault.Version,
) (vault.Version, error) {
	if at == "" {
		return "", fault.New(fault.Conflict, fault.NoText)
	}
	return d.Docs.Replace(ctx, c, id, fields, at)
}

// failingVault returns a Vault whose store fails when fail returns an error.
func failingVault(t *testing.T, fail func(vaulttest.Call) error) (*vault.Vault, *vaulttest.Faulty) {
	t.Helper()
	docs := &vaulttest.Faulty{Docs: strictDocs{&memory.Docs{}}}
	docs.Inject = func(_ context.Context, c vaulttest.Call) error { return fail(c) }
	return vault.New(docs, newKeys(t), (&clock{}).now), docs
}

// failWrites returns an Inject that fails writes with *err, if that is set.
func failWrites(err *error) func(context.Context, vaulttest.Call) error {
	return func(_ context.Context, c vaulttest.Call) error {
		if c.Write {
			return *err
		}
		return nil
	}
}

// TestStoreErrors: the store fails at each call of each operation. The error must keep its kind.
func TestStoreErrors(t *testing.T) {
	var first, failAt int // the call that fails, counted from first
	v, docs := failingVault(t, func(c vaulttest.Call) error {
		if c.N == first+failAt && !c.Applied {
			return fault.New(fault.Unavailable, fault.NoText)
		}
		return nil
	})
	for _, c := range everyCall(v) {
		for failAt = 1; ; failAt++ {
			first = docs.Calls()
			err := c.run(t.Context())
			calls := docs.Calls() - first
			if calls < failAt {
				if err != nil || failAt == 1 {
					t.Errorf("%s, no failure: %d calls, %v", c.name, calls, err)
				}
				break
			}
			if calls > failAt || fault.KindOf(err) != fault.Unavailable {
				t.Errorf("%s, call %d of %d fails: %v", c.name, failAt, calls, err)
			}
		}
	}
}

// vaultCall is a call of a Vault.
type vaultCall struct {
	name string
	run  func(ctx context.Context) error
}

// everyCall returns calls of v that succeed in this order, and leave an empty store.
func everyCall(v *vault.Vault) []vaultCall {
	state, browser := config.NewSecret("state"), []byte("browser")
	o := vault.Operation{ID: "op", Person: "users/1"}
	known := vault.Activity{Time: start}
	unknown := vault.Activity{Time: start, OutcomeUnknown: true}
	return []vaultCall{
		{"ping", v.Ping},
		{"create grant", func(ctx context.Context) error { _, err := v.SaveGrant(ctx, grant()); return err }},
		{"grant", func(ctx context.Context) error { _, err := v.Grant(ctx, "users/1"); return err }},
		{"grants", func(ctx context.Context) error { _, err := v.Grants(ctx, "", 9); return err }},
		{"due grants", func(ctx context.Context) error { _, err := v.DueGrants(ctx, 9); return err }},
		{"by email", func(ctx context.Context) error {
			_, err := v.GrantByEmail(ctx, "marked@example.com")
			return err
		}},
		{"by token", func(ctx context.Context) error {
			_, err := v.PeopleByToken(ctx, vault.TokenIdentifier{Prefix: "x", Hash: []byte("x")})
			return err
		}},
		{"mark", func(ctx context.Context) error {
			_, err := v.MarkGrant(ctx, "users/1", vault.RevokedAt, start)
			return err
		}},
		{"postpone", func(ctx context.Context) error { return v.PostponeSweep(ctx, "users/1", start) }},
		{"count removals", func(ctx context.Context) error { _, err := v.CountRemovals(ctx, start, 9); return err }},
		{"create pending", func(ctx context.Context) error { return v.CreatePending(ctx, state, pending()) }},
		{"pending", func(ctx context.Context) error { _, err := v.Pending(ctx, state, browser); return err }},
		{"take pending", func(ctx context.Context) error { _, err := v.TakePending(ctx, state, browser); return err }},
		{"create operation", func(ctx context.Context) error { _, err := v.CreateOperation(ctx, o); return err }},
		{"save operation", func(ctx context.Context) error {
			o, err := v.Operation(ctx, "op")
			if err == nil {
				_, err = v.SaveOperation(ctx, o)
			}
			return err
		}},
		{"operations", func(ctx context.Context) error { _, err := v.Operations(ctx, "users/1", 9); return err }},
		{"erase operations", func(ctx context.Context) error { return v.EraseOperations(ctx, "users/1") }},
		{"create revocation", func(ctx context.Context) error {
			return v.CreateRevocation(ctx, "users/1", 1, config.NewSecret("token"))
		}},
		{"revocations", func(ctx context.Context) error {
			_, err := v.Revocations(ctx, "", 9)
			return err
		}},
		{"delete revocation", func(ctx context.Context) error {
			all, err := v.Revocations(ctx, "", 9)
			if err == nil {
				err = v.DeleteRevocation(ctx, all[0])
			}
			return err
		}},
		{"record", func(ctx context.Context) error { return v.RecordActivity(ctx, "users/1", "a", unknown) }},
		{"record again", func(ctx context.Context) error { return v.RecordActivity(ctx, "users/1", "a", known) }},
		{"activities", func(ctx context.Context) error { _, err := v.Activities(ctx, "users/1", 9); return err }},
		{"erase activity", func(ctx context.Context) error { return v.EraseActivity(ctx, "users/1") }},
		{"create template", func(ctx context.Context) error {
			return v.PutTemplate(ctx, "ci", vault.Template{Name: "T"}, accept)
		}},
		{"replace template", func(ctx context.Context) error {
			return v.PutTemplate(ctx, "ci", vault.Template{Name: "T"}, accept)
		}},
		{"template", func(ctx context.Context) error { _, err := v.Template(ctx, "ci", "T"); return err }},
		{"templates", func(ctx context.Context) error { _, err := v.Templates(ctx, "ci"); return err }},
		{"delete template", func(ctx context.Context) error { return v.DeleteTemplate(ctx, "ci", "T", accept) }},
		{"first number", func(ctx context.Context) error { _, err := v.NextSeq(ctx, "T", "1"); return err }},
		{"next number", func(ctx context.Context) error { _, err := v.NextSeq(ctx, "T", "2"); return err }},
		{"last number", func(ctx context.Context) error { _, err := v.LastSeq(ctx, "T"); return err }},
		{"save cursor", func(ctx context.Context) error {
			c, err := v.Cursor(ctx)
			if err == nil {
				_, err = v.SaveCursor(ctx, c)
			}
			return err
		}},
		{"reseal", func(ctx context.Context) error { _, _, err := v.Reseal(ctx, "sweep", "", 9); return err }},
		{"remove expired", func(ctx context.Context) error {
			_, _, err := v.RemoveExpired(ctx, "pendingConsents", "", 9)
			return err
		}},
		{"delete grant", func(ctx context.Context) error {
			g, err := v.Grant(ctx, "users/1")
			if err == nil {
				err = v.DeleteGrant(ctx, g)
			}
			return err
		}},
	}
}

// JSON cannot hold a year after 9999. Nothing may be stored then.
func TestSave_InvalidTime(t *testing.T) {
	v, docs := failingVault(t, func(vaulttest.Call) error { return nil })
	bad := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	g := grant()
	g.AccessExpiry = bad
	p := pending()
	p.ReturnUntil = bad
	o := vault.Operation{ID: "o", Lease: bad}
	a, c := vault.Activity{Time: bad}, vault.Cursor{Finished: bad}
	for name, save := range map[string]func() error{
		"grant":          func() error { _, err := v.SaveGrant(t.Context(), g); return err },
		"pending":        func() error { return v.CreatePending(t.Context(), config.NewSecret("s"), p) },
		"activity":       func() error { return v.RecordActivity(t.Context(), "users/1", "a", a) },
		"cursor":         func() error { _, err := v.SaveCursor(t.Context(), c); return err },
		"operation":      func() error { _, err := v.CreateOperation(t.Context(), o); return err },
		"save operation": func() error { _, err := v.SaveOperation(t.Context(), o); return err },
	} {
		if err := save(); err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := docs.Calls(); got != 0 {
		t.Errorf("%d calls to the store", got)
	}
}

// TestUnknownKey: an instance without the current key must not treat records as broken, or as absent.
func TestUnknownKey(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	docs, c := &memory.Docs{}, &clock{}
	openWith := func(keyset config.Secret) *vault.Vault {
		keys, err := seal.New(keyset, lookup, "project", "client")
		if err != nil {
			t.Fatal(err)
		}
		return vault.New(docs, keys, c.now)
	}
	current, v := openWith(keyset), openWith(other)
	state := config.NewSecret("state")
	_, grantErr := current.SaveGrant(t.Context(), grant())
	_, operationErr := current.CreateOperation(t.Context(), vault.Operation{ID: "op", Person: "users/1"})
	if err := errors.Join(grantErr, operationErr,
		current.CreatePending(t.Context(), state, pending()),
		current.PutTemplate(t.Context(), "ci", vault.Template{Name: "T"}, accept)); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() error{
		"by email":   func() error { _, err := v.GrantByEmail(t.Context(), "marked@example.com"); return err },
		"pending":    func() error { _, err := v.TakePending(t.Context(), state, []byte("browser")); return err },
		"operation":  func() error { _, err := v.Operation(t.Context(), "op"); return err },
		"operations": func() error { _, err := v.Operations(t.Context(), "users/1", 9); return err },
		"templates":  func() error { _, err := v.Templates(t.Context(), "ci"); return err },
		"put template": func() error {
			return v.PutTemplate(t.Context(), "ci", vault.Template{Name: "T"}, accept)
		},
		"delete template": func() error { return v.DeleteTemplate(t.Context(), "ci", "T", accept) },
		"grant": func() error {
			g, err := v.Grant(t.Context(), "users/1")
			if g.Broken {
				t.Error("the grant counts as broken")
			}
			return err
		},
	} {
		if err := read(); !errors.Is(err, seal.ErrUnknownKey) || fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, last, err := v.Reseal(t.Context(), "templates", "", 9)
	if diff := cmp.Diff(vault.ResealCounts{Seen: 1, Unopened: 1}, got); err != nil || last != "" || diff != "" {
		t.Errorf("reseal: %q, %v %s", last, err, diff)
	}
	if _, err := current.Template(t.Context(), "ci", "T"); err != nil {
		t.Errorf("the template was changed: %v", err)
	}
}

// Every record that does not open is reported, for an alarm.
func TestOnOpenError(t *testing.T) {
	v, docs, _ := newVault(t)
	var got []vault.Collection
	v.OnOpenError(func(collection vault.Collection, err error) {
		if !errors.Is(err, seal.ErrNotAuthentic) {
			t.Errorf("%s: %v", collection, err)
		}
		got = append(got, collection)
	})
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Grant(t.Context(), "users/1"); err != nil || got != nil {
		t.Errorf("a record that opens: %v, %v", err, got)
	}
	for _, collection := range []vault.Collection{"grants", "operations"} {
		if _, err := docs.Create(t.Context(), collection, "2", vault.Fields{"sealed": []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	_, grantErr := v.Grant(t.Context(), "users/2")
	_, operationErr := v.Operation(t.Context(), "2")
	if grantErr == nil || operationErr == nil {
		t.Errorf("planted records opened: %v, %v", grantErr, operationErr)
	}
	if diff := cmp.Diff([]vault.Collection{"grants", "operations"}, got); diff != "" {
		t.Error(diff)
	}
}
