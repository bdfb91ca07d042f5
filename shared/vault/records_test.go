package vault_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// sampleToken and its hashes are the test vector of identity/protocols/risc.
const (
	sampleToken   = "1//0abcdefghijklmnopqrstuvwxyz"
	samplePrefix  = "1//0abcdefghijkl"
	sampleHash    = "EOiK4/AZqIs/aeU1dL/hnZm7+cSA4HDViXLJx+aIi/Gcq+olzAApjCYGdi6LRKGAypPGxAyYda5kB10sQGJuqg=="
	sampleHexHash = "DgkRlJaSGw/VSKIqtB/Tm0nZBLtNibccJOOGmmZiSahAUuVQKP8MKKbgdIG7sBFKZ323WtgnWId1CvyLx4f3Zw=="
)

func decodeHash(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPeopleByToken_WithoutKeys(t *testing.T) {
	v, docs, clock := newVault(t)
	g := grant()
	g.RefreshToken = config.NewSecret(sampleToken)
	if _, err := v.SaveGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	keyless := vault.New(docs, nil, clock.now)
	for _, mark := range []vault.TokenIdentifier{
		{Prefix: samplePrefix}, {Hash: decodeHash(t, sampleHash)}, {Hash: decodeHash(t, sampleHexHash)},
	} {
		if got, err := keyless.PeopleByToken(t.Context(), mark); err != nil || !slices.Equal(got, []string{"users/1"}) {
			t.Errorf("%v: %v, %v", mark, got, err)
		}
	}
	for _, mark := range []vault.TokenIdentifier{{Prefix: "1//0another-toke"}, {}} {
		if got, err := keyless.PeopleByToken(t.Context(), mark); err != nil || len(got) != 0 {
			t.Errorf("%v: %v, %v", mark, got, err)
		}
	}
	doc, err := docs.Get(t.Context(), "grants", "1")
	if err != nil {
		t.Fatal(err)
	}
	stored := fmt.Sprint(doc.Fields)
	for _, readable := range []string{
		samplePrefix, sampleHash, hex.EncodeToString(decodeHash(t, sampleHash)), "marked@example.com",
	} {
		if strings.Contains(stored, readable) {
			t.Errorf("%q is readable in the store", readable)
		}
	}
	saved, err := v.Grant(t.Context(), "users/1")
	if err != nil {
		t.Fatal(err)
	}
	saved.RefreshToken, saved.Email, saved.Status = config.Secret{}, config.Secret{}, vault.Revoked
	if _, err := v.SaveGrant(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	if doc, err = docs.Get(t.Context(), "grants", "1"); err != nil || len(doc.Fields) != 3 {
		t.Errorf("stored next to the two key IDs and the sealed record: %v, %v", doc.Fields, err)
	}
	got, err := keyless.PeopleByToken(t.Context(), vault.TokenIdentifier{Prefix: samplePrefix})
	if err != nil || len(got) != 0 {
		t.Errorf("erased: %v, %v", got, err)
	}
}

func TestMarkGrant(t *testing.T) {
	v, docs, clock := newVault(t)
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Hour)
	keyless := vault.New(docs, nil, clock.now)
	for _, c := range []struct {
		name        string
		at          time.Duration // from start
		moved       bool
		want        time.Duration
		person      string
		alsoMissing bool
	}{
		{name: "first", at: time.Minute, moved: true, want: time.Minute},
		{name: "repeated", at: time.Minute, moved: false, want: time.Minute},
		{name: "out of order", at: 0, moved: false, want: time.Minute},
		{name: "later", at: 2 * time.Minute, moved: true, want: 2 * time.Minute},
		{name: "in the future", at: 99 * time.Hour, moved: true, want: time.Hour}, // the clock
	} {
		moved, err := keyless.MarkGrant(t.Context(), "users/1", vault.RevokedAt, start.Add(c.at))
		g, readErr := v.Grant(t.Context(), "users/1")
		if err != nil || readErr != nil || moved != c.moved || !g.RevokedAt.Equal(start.Add(c.want)) {
			t.Errorf("%s: moved %v to %v, %v, %v", c.name, moved, g.RevokedAt, err, readErr)
		}
	}
	if moved, err := keyless.MarkGrant(t.Context(), "users/2", vault.RevokedAt, start); moved || err != nil {
		t.Errorf("no grant: %v, %v", moved, err)
	}
	g, err := v.Grant(t.Context(), "users/1")
	if err != nil {
		t.Fatal(err)
	}
	g.Scopes = []string{"x"}
	if g, err = v.SaveGrant(t.Context(), g); err != nil || g.RevokedAt.IsZero() {
		t.Errorf("mark lost by a save: %v, %v", g.RevokedAt, err)
	}
	if due, err := v.DueGrants(t.Context(), 10); err != nil || len(due) != 1 {
		t.Errorf("due: %v, %v", due, err)
	}
}

// TestEmail_NewestOwnerWins: an address moves from one account to another.
func TestEmail_NewestOwnerWins(t *testing.T) {
	v, docs, clock := newVault(t)
	save := func(person resource.Person, at time.Time) {
		t.Helper()
		g := grant()
		g.Person, g.EmailAt = person, at
		if _, err := v.SaveGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	save("users/1", clock.now())
	save("users/2", clock.now().Add(time.Minute))
	if g, err := v.GrantByEmail(t.Context(), "MARKED@example.com"); err != nil || g.Person != "users/2" {
		t.Errorf("two owners: %s, %v", g.Person, err)
	}
	save("users/25", clock.now().Add(-time.Minute))
	save("users/3", time.Time{})
	if g, err := v.GrantByEmail(t.Context(), "marked@example.com"); err != nil || g.Person != "users/2" {
		t.Errorf("not authoritative: %s, %v", g.Person, err)
	}
	if _, err := v.GrantByEmail(t.Context(), "mar\u212aed@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Kelvin sign: %v", err)
	}
	if doc, err := docs.Get(t.Context(), "grants", "3"); err != nil || doc.Fields["emailCode"] != nil {
		t.Errorf("not authoritative, in the store: %v, %v", doc.Fields["emailCode"], err)
	}
	// An attacker with write access to the store copies the address code to another grant.
	victim, err := docs.Get(t.Context(), "grants", "2")
	if err != nil {
		t.Fatal(err)
	}
	other := grant()
	other.Person, other.EmailAt = "users/4", clock.now().Add(time.Hour)
	other.Email = config.NewSecret("thief@example.com")
	if _, err := v.SaveGrant(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	planted, err := docs.Get(t.Context(), "grants", "4")
	if err != nil {
		t.Fatal(err)
	}
	planted.Fields["emailCode"] = victim.Fields["emailCode"]
	if _, err := docs.Replace(t.Context(), "grants", "4", planted.Fields, planted.Version); err != nil {
		t.Fatal(err)
	}
	if g, err := v.GrantByEmail(t.Context(), "marked@example.com"); err != nil || g.Person != "users/2" {
		t.Errorf("planted code: %s, %v", g.Person, err)
	}
}

func TestGrant_ResealAfterRotation(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	docs := &memory.Docs{}
	openWith := func(keyset, lookup config.Secret) *vault.Vault {
		keys, err := seal.New(keyset, lookup, "project", "client")
		if err != nil {
			t.Fatal(err)
		}
		return vault.New(docs, keys, time.Now)
	}
	rotate := func(text config.Secret) config.Secret {
		added, id, err := seal.Add(text)
		if err != nil {
			t.Fatal(err)
		}
		promoted, err := seal.Promote(added, id)
		if err != nil {
			t.Fatal(err)
		}
		return promoted
	}
	if _, err := openWith(keyset, lookup).SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	v := openWith(rotate(keyset), rotate(lookup))
	if g, err := v.GrantByEmail(t.Context(), "Marked@example.com"); err != nil || g.Person != "users/1" {
		t.Errorf("before resealing: %q, %v", g.Person, err)
	}
	g, err := v.Grant(t.Context(), "users/1")
	if err != nil || !v.NeedsReseal(g) || !g.RefreshToken.Equal(grant().RefreshToken) {
		t.Fatalf("stale: %v, %v", v.NeedsReseal(g), err)
	}
	if g, err = v.SaveGrant(t.Context(), g); err != nil || v.NeedsReseal(g) {
		t.Errorf("resealed: %v, %v", v.NeedsReseal(g), err)
	}
	_, err = openWith(keyset, lookup).Grant(t.Context(), "users/1")
	if !errors.Is(err, seal.ErrUnknownKey) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("instance without the new key: %v", err)
	}
}

// hookedDocs calls a function after the first lookup.
type hookedDocs struct {
	vault.Docs
	afterFind func()
}

func (d *hookedDocs) Find(
	ctx context.Context, c vault.Collection, field string, value any, limit int,
) ([]vault.Doc, error) {
	docs, err := d.Docs.Find(ctx, c, field, value, limit)
	if after := d.afterFind; after != nil {
		d.afterFind = nil
		after()
	}
	return docs, err
}

func TestGrantByEmail_DuringReseal(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	added, id, err := seal.Add(lookup)
	if err != nil {
		t.Fatal(err)
	}
	promoted, err := seal.Promote(added, id)
	if err != nil {
		t.Fatal(err)
	}
	docs := &hookedDocs{Docs: &memory.Docs{}}
	openWith := func(lookup config.Secret) *vault.Vault {
		keys, err := seal.New(keyset, lookup, "project", "client")
		if err != nil {
			t.Fatal(err)
		}
		return vault.New(docs, keys, time.Now)
	}
	old, v := openWith(lookup), openWith(promoted)
	if _, err := old.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	docs.afterFind = func() {
		g, err := v.Grant(t.Context(), "users/1")
		if err == nil {
			_, err = v.SaveGrant(t.Context(), g)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if g, err := v.GrantByEmail(t.Context(), "marked@example.com"); err != nil || g.Person != "users/1" {
		t.Errorf("got %q, %v", g.Person, err)
	}
}

func TestRemoveExpired(t *testing.T) {
	v, docs, clock := newVault(t)
	for i, wait := range []time.Duration{time.Minute, vault.PendingTTL, 0} {
		if err := v.CreatePending(t.Context(), config.NewSecret(fmt.Sprint(i)), pending()); err != nil {
			t.Fatal(err)
		}
		clock.advance(wait)
	}
	if _, err := docs.Create(t.Context(), "pendingConsents", "no-expiry", vault.Fields{"x": "text"}); err != nil {
		t.Fatal(err)
	}
	removed := 0
	for after := ""; ; {
		n, last, err := v.RemoveExpired(t.Context(), "pendingConsents", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if removed += n; last == "" {
			break
		}
		after = last
	}
	left, err := docs.List(t.Context(), "pendingConsents", "", 9)
	if err != nil || removed != 2 || len(left) != 2 {
		t.Errorf("removed %d, left %d, %v", removed, len(left), err)
	}
}

func TestReseal_EveryLongLivedRecord(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	docs := &memory.Docs{}
	openWith := func(keyset config.Secret) *vault.Vault {
		keys, err := seal.New(keyset, lookup, "project", "client")
		if err != nil {
			t.Fatal(err)
		}
		return vault.New(docs, keys, time.Now)
	}
	old := openWith(keyset)
	if err := old.CreateRevocation(t.Context(), "users/1", 1, config.NewSecret("token")); err != nil {
		t.Fatal(err)
	}
	if _, err := old.NextSeq(t.Context(), "t", "k"); err != nil {
		t.Fatal(err)
	}
	accept := func(*vault.Template) error { return nil }
	if err := old.PutTemplate(t.Context(), "ci", vault.Template{Name: "T"}, accept); err != nil {
		t.Fatal(err)
	}
	if _, err := old.SaveCursor(t.Context(), vault.Cursor{Stage: "grants"}); err != nil {
		t.Fatal(err)
	}
	added, id, err := seal.Add(keyset)
	if err != nil {
		t.Fatal(err)
	}
	promoted, err := seal.Promote(added, id)
	if err != nil {
		t.Fatal(err)
	}
	v := openWith(promoted)
	for _, collection := range vault.ResealCollections {
		for round, want := range []int{1, 0} {
			got, last, err := v.Reseal(t.Context(), vault.Collection(collection), "", 10)
			if err != nil || got.Seen != 1 || got.Resealed != want || last != "" {
				t.Errorf("%s, round %d: %+v, %q, %v", collection, round, got, last, err)
			}
		}
	}
	disabled, err := seal.Disable(promoted, firstKey(t, keyset))
	if err != nil {
		t.Fatal(err)
	}
	v = openWith(disabled)
	if n, err := v.LastSeq(t.Context(), "t"); err != nil || n != 1 {
		t.Errorf("sequence: %d, %v", n, err)
	}
	if _, err := v.Template(t.Context(), "ci", "T"); err != nil {
		t.Errorf("template: %v", err)
	}
}

func firstKey(t *testing.T, keyset config.Secret) uint32 {
	t.Helper()
	all, err := seal.Describe(keyset)
	if err != nil {
		t.Fatal(err)
	}
	return all[0].ID
}

// racingDocs changes a document just before the first commit, as another sweep might.
type racingDocs struct {
	*memory.Docs
	id   string
	once sync.Once
}

// Commit implements vault.Docs.
func (d *racingDocs) Commit(ctx context.Context, writes ...vault.Write) error {
	d.once.Do(func() {
		if doc, err := d.Get(ctx, "pendingConsents", d.id); err == nil {
			_, _ = d.Replace(ctx, "pendingConsents", d.id, doc.Fields, doc.Version)
		}
	})
	return d.Docs.Commit(ctx, writes...)
}

func TestRemoveExpired_ConcurrentChange(t *testing.T) {
	docs := &racingDocs{Docs: &memory.Docs{}, id: "a"}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		if _, err := docs.Create(t.Context(), "pendingConsents", id, vault.Fields{"expires": now}); err != nil {
			t.Fatal(err)
		}
	}
	v := vault.New(docs, nil, func() time.Time { return now.Add(time.Hour) })
	removed, last, err := v.RemoveExpired(t.Context(), "pendingConsents", "", 9)
	left, listErr := docs.List(t.Context(), "pendingConsents", "", 9)
	if err != nil || listErr != nil || removed != 4 || last != "" || len(left) != 1 || left[0].ID != "a" {
		t.Errorf("removed %d, left %v, %v", removed, left, err)
	}
}
