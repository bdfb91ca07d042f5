package grants_test

import (
	"strings"
	"testing"
	"time"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

func TestReseal_OldKeysDisabled(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.SignIn(grace, create)
	w.Google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), graceID); err != nil {
		t.Fatal(err)
	}
	rotated := w.rotateKeys()
	done, err := rotated.Reseal(t.Context())
	if want := (vault.ResealCounts{Seen: 2, Resealed: 2}); err != nil || done != want {
		t.Fatalf("got %+v, %v", done, err)
	}
	if again, err := rotated.Reseal(t.Context()); err != nil || again.Resealed != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	last := w.disableOldKeys()
	if _, err := last.TokenSource(t.Context(), adaID, create); err != nil {
		t.Errorf("with the old keys disabled: %v", err)
	}
	swept, err := last.Sweep(t.Context(), w.Now().Add(time.Hour), 0)
	if err != nil || swept.Revoked != 1 || swept.Unopened != 0 {
		t.Errorf("revocation: %+v, %v", swept, err)
	}
}

func TestSweep_Reseals(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	done, err := w.rotateKeys().Sweep(t.Context(), w.Now().Add(time.Hour), 0)
	if err != nil || done.Resealed != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
}

// rotateKeys adds and promotes new keys and returns an instance that uses them.
func (w *world) rotateKeys() *consenttest.Instance {
	w.t.Helper()
	for _, text := range []*config.Secret{&w.Keyset, &w.LookupKeys} {
		old, err := seal.Describe(*text)
		check(w.t, err)
		added, id, err := seal.Add(*text)
		check(w.t, err)
		*text, err = seal.Promote(added, id)
		check(w.t, err)
		check(w.t, err)
		w.oldKeys = append(w.oldKeys, old[0].ID)
	}
	return w.withKeys(w.Keyset, w.LookupKeys)
}

// disableOldKeys returns an instance with the new keys only.
func (w *world) disableOldKeys() *consenttest.Instance {
	w.t.Helper()
	keyset, err := seal.Disable(w.Keyset, w.oldKeys[0])
	check(w.t, err)
	lookup, err := seal.Disable(w.LookupKeys, w.oldKeys[1])
	check(w.t, err)
	return w.withKeys(keyset, lookup)
}

// withKeys returns an instance with these keysets on the same store.
func (w *world) withKeys(keyset, lookup config.Secret) *consenttest.Instance {
	w.t.Helper()
	keys, err := seal.New(keyset, lookup, "project", "client")
	check(w.t, err)
	deps := w.Deps
	deps.Keys, deps.Vault = keys, vault.New(w.Docs, keys, deps.Now)
	return consenttest.NewInstance(deps)
}

func TestRotation_MixedInstances(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	before := w.Instance
	added, id, err := seal.Add(w.Keyset)
	check(t, err)
	promoted, err := seal.Promote(added, id)
	check(t, err)
	// Each step is deployed while instances of the previous step still run.
	for _, pair := range [][2]*consenttest.Instance{
		{before, w.withKeys(added, w.LookupKeys)},
		{w.withKeys(added, w.LookupKeys), w.withKeys(promoted, w.LookupKeys)},
	} {
		for range 3 {
			for _, a := range pair {
				w.Advance(2 * time.Hour) // each instance refreshes and seals the grant
				if _, err := a.TokenSource(t.Context(), adaID, create); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// Without the added key the result is Unavailable and nothing changes. Deploying the key resolves it.
	writes := w.Docs.Writes()
	_, err = consenttest.NewInstance(w.Deps).TokenSource(t.Context(), adaID, create)
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if w.Docs.Writes() != writes || !strings.Contains(w.Log.String(), "KEYSET lacks a key that is in use") {
		t.Error("a write was made, or no alarm was raised")
	}
	if _, err := w.withKeys(added, w.LookupKeys).TokenSource(t.Context(), adaID, create); err != nil {
		t.Errorf("deployed: %v", err)
	}
}

func TestSweep_ResealsUnrefreshable(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(151 * day)
	w.Google.FailRefreshes(ada, true)
	done, err := w.rotateKeys().Sweep(t.Context(), w.Now().Add(time.Hour), 0)
	if err != nil || done.Failed != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
	if g, err := w.disableOldKeys().Deps.Vault.Grant(t.Context(), adaID); err != nil || g.RefreshToken.Empty() {
		t.Errorf("the grant is still sealed with the old keys: %v", err)
	}
}

func TestReseal_Counts(t *testing.T) {
	w := newWorld(t)
	w.storeGrants(201, "1//0x")
	w.SignIn(ada, create)
	w.corruptSeal(ada, brokenSeals["truncated"])
	rotated := w.rotateKeys()
	busy := w.InstanceWith(func(d *grants.Deps) {
		d.Keys = rotated.Deps.Keys
		d.Vault = vault.New(w.faulty(func(c vaulttest.Call) bool { return c.Write }, fault.Conflict), d.Keys, d.Now)
	})
	for _, c := range []struct {
		a    *consenttest.Instance
		want vault.ResealCounts
	}{
		{w.Instance, vault.ResealCounts{Seen: 202, Unopened: 1}},
		{busy, vault.ResealCounts{Seen: 202, Unopened: 1, Changed: 201}},
		{rotated, vault.ResealCounts{Seen: 202, Unopened: 1, Resealed: 201}},
		{rotated, vault.ResealCounts{Seen: 202, Unopened: 1}},
	} {
		if got, err := c.a.Reseal(t.Context()); err != nil || got != c.want {
			t.Errorf("got %+v, %v, want %+v", got, err, c.want)
		}
	}
}
