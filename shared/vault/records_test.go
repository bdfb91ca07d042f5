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

// googlesToken and its hashes are the vector of oauth-admin.md 3.4.
const (
	googlesToken   = "1//0abcdefghijklmnopqrstuvwxyz"
	googlesPrefix  = "1//0abcdefghijkl"
	googlesHash    = "EOiK4/AZqIs/aeU1dL/hnZm7+cSA4HDViXLJx+aIi/Gcq+olzAApjCYGdi6LRKGAypPGxAyYda5kB10sQGJuqg=="
	googlesHexHash = "DgkRlJaSGw/VSKIqtB/Tm0nZBLtNibccJOOGmmZiSahAUuVQKP8MKKbgdIG7sBFKZ323WtgnWId1CvyLx4f3Zw=="
)

func hash(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTokenMark_FindsGrantWithoutKeys(t *testing.T) {
	v, docs, clock := open(t)
	g := grant()
	g.RefreshToken = config.NewSecret(googlesToken)
	if _, err := v.SaveGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	keyless := vault.New(docs, nil, clock.now)
	for _, mark := range []vault.TokenMark{{Prefix: googlesPrefix}, {Hash: hash(t, googlesHash)}, {Hash: hash(t, googlesHexHash)}} {
		if got, err := keyless.PeopleByToken(t.Context(), mark); err != nil || !slices.Equal(got, []string{"users/1"}) {
			t.Errorf("%v: %v, %v", mark, got, err)
		}
	}
	for _, mark := range []vault.TokenMark{{Prefix: "1//0another-toke"}, {}} {
		if got, err := keyless.PeopleByToken(t.Context(), mark); err != nil || len(got) != 0 {
			t.Errorf("%v: %v, %v", mark, got, err)
		}
	}
	doc, err := docs.Get(t.Context(), "grants", "1")
	if err != nil {
		t.Fatal(err)
	}
	stored := fmt.Sprint(doc.Fields)
	for _, readable := range []string{googlesPrefix, googlesHash, hex.EncodeToString(hash(t, googlesHash)), "marked@example.com"} {
		if strings.Contains(stored, readable) {
			t.Errorf("%q can be read in the store", readable)
		}
	}
	saved, err := v.Grant(t.Context(), "users/1")
	if err != nil {
		t.Fatal(err)
	}
	saved.RefreshToken, saved.Status = config.Secret{}, vault.Revoked
	if _, err := v.SaveGrant(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	if got, err := keyless.PeopleByToken(t.Context(), vault.TokenMark{Prefix: googlesPrefix}); err != nil || len(got) != 0 {
		t.Errorf("erased: %v, %v", got, err)
	}
}

func TestMarkGrant(t *testing.T) {
	v, docs, clock := open(t)
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
		{name: "twice", at: time.Minute, moved: false, want: time.Minute},
		{name: "out of order", at: 0, moved: false, want: time.Minute},
		{name: "later", at: 2 * time.Minute, moved: true, want: 2 * time.Minute},
		{name: "in the future", at: 99 * time.Hour, moved: true, want: time.Hour}, // our clock
	} {
		moved, err := keyless.MarkGrant(t.Context(), "users/1", vault.RevokedAt, start.Add(c.at))
		g, readErr := v.Grant(t.Context(), "users/1")
		if err != nil || readErr != nil || moved != c.moved || !g.RevokedAt.Equal(start.Add(c.want)) {
			t.Errorf("%s: moved %v to %v, %v, %v", c.name, moved, g.RevokedAt, err, readErr)
		}
	}
	if moved, err := keyless.MarkGrant(t.Context(), "users/2", vault.RevokedAt, start); moved || err != nil {
		t.Errorf("somebody without a grant: %v, %v", moved, err)
	}
	g, err := v.Grant(t.Context(), "users/1")
	if err != nil {
		t.Fatal(err)
	}
	g.Scopes = []string{"x"}
	if g, err = v.SaveGrant(t.Context(), g); err != nil || g.RevokedAt.IsZero() {
		t.Errorf("a save loses the mark: %v, %v", g.RevokedAt, err)
	}
	if due, err := v.DueGrants(t.Context(), 10); err != nil || len(due) != 1 {
		t.Errorf("due: %v, %v", due, err)
	}
}

// TestEmail_NewestOwnerWins: an address passes from one account to another.
func TestEmail_NewestOwnerWins(t *testing.T) {
	v, docs, clock := open(t)
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
	save("users/3", time.Time{})
	if g, err := v.GrantByEmail(t.Context(), "marked@example.com"); err != nil || g.Person != "users/2" {
		t.Errorf("one for whom Google is no authority: %s, %v", g.Person, err)
	}
	if _, err := v.GrantByEmail(t.Context(), "mar\u212aed@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a Kelvin sign: %v", err)
	}
	// Who can write the store points the code of an address at another grant.
	victim, err := docs.Get(t.Context(), "grants", "2")
	if err != nil {
		t.Fatal(err)
	}
	other := grant()
	other.Person, other.Email, other.EmailAt = "users/4", config.NewSecret("thief@example.com"), clock.now().Add(time.Hour)
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
		t.Errorf("a planted code: %s, %v", g.Person, err)
	}
}

func TestAGrantIsFoundAndResealedAfterARotation(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	docs := &memory.Docs{}
	with := func(keyset, lookup config.Secret) *vault.Vault {
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
	if _, err := with(keyset, lookup).SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	v := with(rotate(keyset), rotate(lookup))
	if g, err := v.GrantByEmail(t.Context(), "Marked@example.com"); err != nil || g.Person != "users/1" {
		t.Errorf("before resealing: %q, %v", g.Person, err)
	}
	g, err := v.Grant(t.Context(), "users/1")
	if err != nil || !v.Stale(g) || !g.RefreshToken.Equal(grant().RefreshToken) {
		t.Fatalf("stale: %v, %v", v.Stale(g), err)
	}
	if g, err = v.SaveGrant(t.Context(), g); err != nil || v.Stale(g) {
		t.Errorf("resealed: %v, %v", v.Stale(g), err)
	}
	if _, err := with(keyset, lookup).Grant(t.Context(), "users/1"); !errors.Is(err, seal.ErrUnknownKey) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an instance without the new key: %v", err)
	}
}

// between does something after the first look-up.
type between struct {
	vault.Docs
	do func()
}

func (b *between) Find(ctx context.Context, collection vault.Collection, field string, value any, limit int) ([]vault.Doc, error) {
	docs, err := b.Docs.Find(ctx, collection, field, value, limit)
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return docs, err
}

func TestALookUpDuringAResealMissesNobody(t *testing.T) {
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
	docs := &between{Docs: &memory.Docs{}}
	with := func(lookup config.Secret) *vault.Vault {
		keys, err := seal.New(keyset, lookup, "project", "client")
		if err != nil {
			t.Fatal(err)
		}
		return vault.New(docs, keys, time.Now)
	}
	old, v := with(lookup), with(promoted)
	if _, err := old.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	docs.do = func() {
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

func TestOnlyWhatHasExpiredIsRemoved(t *testing.T) {
	v, docs, clock := open(t)
	for i, wait := range []time.Duration{time.Minute, vault.PendingLife, 0} {
		if err := v.CreatePending(t.Context(), config.NewSecret(fmt.Sprint(i)), pending()); err != nil {
			t.Fatal(err)
		}
		clock.advance(wait)
	}
	if _, err := docs.Create(t.Context(), "pendingConsents", "another-versions", vault.Fields{"x": "no end"}); err != nil {
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
	with := func(keyset config.Secret) *vault.Vault {
		keys, err := seal.New(keyset, lookup, "project", "client")
		if err != nil {
			t.Fatal(err)
		}
		return vault.New(docs, keys, time.Now)
	}
	old := with(keyset)
	if err := old.CreateRevocation(t.Context(), "users/1", 1, config.NewSecret("token")); err != nil {
		t.Fatal(err)
	}
	if _, err := old.NextSeq(t.Context(), "t", "k"); err != nil {
		t.Fatal(err)
	}
	if err := old.PutTemplate(t.Context(), "ci", vault.Template{Name: "T"}, func(*vault.Template) error { return nil }); err != nil {
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
	v := with(promoted)
	for _, collection := range vault.Resealing {
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
	v = with(disabled)
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

// meddling changes a document just before the first commit, as another sweep does.
type meddling struct {
	*memory.Docs
	id   string
	once sync.Once
}

// Commit implements vault.Docs.
func (m *meddling) Commit(ctx context.Context, writes ...vault.Write) error {
	m.once.Do(func() {
		if doc, err := m.Get(ctx, "pendingConsents", m.id); err == nil {
			_, _ = m.Replace(ctx, "pendingConsents", m.id, doc.Fields, doc.Version)
		}
	})
	return m.Docs.Commit(ctx, writes...)
}

func TestRemoveExpired_LeavesWhatHasJustChangedAndTakesTheRest(t *testing.T) {
	docs := &meddling{Docs: &memory.Docs{}, id: "c"}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		if _, err := docs.Create(t.Context(), "pendingConsents", id, vault.Fields{"expires": now}); err != nil {
			t.Fatal(err)
		}
	}
	v := vault.New(docs, nil, func() time.Time { return now.Add(time.Hour) })
	removed, last, err := v.RemoveExpired(t.Context(), "pendingConsents", "", 9)
	left, listed := docs.List(t.Context(), "pendingConsents", "", 9)
	if err != nil || listed != nil || removed != 4 || last != "" || len(left) != 1 || left[0].ID != "c" {
		t.Errorf("removed %d, left %v, %v", removed, left, err)
	}
}
