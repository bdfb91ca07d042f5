package vault_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
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

func TestAGrantIsFoundByWhatGoogleTellsOfItsToken(t *testing.T) {
	v, docs, _ := open(t)
	g := grant()
	g.RefreshToken = googlesToken
	if _, err := v.SaveGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	want := []string{"users/1"}
	for _, mark := range []vault.TokenMark{{Prefix: googlesPrefix}, {Hash: hash(t, googlesHash)}, {Hash: hash(t, googlesHexHash)}} {
		if got, err := v.PeopleByToken(t.Context(), mark); err != nil || !slices.Equal(got, want) || !mark.Of(googlesToken) || mark.Of("1//0another-token") || mark.Of("") {
			t.Errorf("%v: %v, %v", mark, got, err)
		}
	}
	for _, mark := range []vault.TokenMark{{Prefix: "1//0another-toke"}, {}} {
		if got, err := v.PeopleByToken(t.Context(), mark); err != nil || len(got) != 0 || mark.Of(googlesToken) {
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
	g.RefreshToken, g.Status = "", vault.NeedsConsent
	saved, err := v.Grant(t.Context(), "users/1")
	if err != nil {
		t.Fatal(err)
	}
	saved.RefreshToken, saved.Status = "", vault.NeedsConsent
	if _, err := v.SaveGrant(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	if got, err := v.PeopleByToken(t.Context(), vault.TokenMark{Prefix: googlesPrefix}); err != nil || len(got) != 0 {
		t.Errorf("erased: %v, %v", got, err)
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
	if who, err := v.PersonByEmail(t.Context(), "Marked@example.com"); err != nil || who != "users/1" {
		t.Errorf("before resealing: %q, %v", who, err)
	}
	g, err := v.Grant(t.Context(), "users/1")
	if err != nil || !v.Stale(g) || g.RefreshToken != grant().RefreshToken {
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

func (b *between) Find(ctx context.Context, collection, field string, value any) ([]vault.Doc, error) {
	docs, err := b.Docs.Find(ctx, collection, field, value)
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
	if who, err := v.PersonByEmail(t.Context(), "marked@example.com"); err != nil || who != "users/1" {
		t.Errorf("got %q, %v", who, err)
	}
}

func TestASecurityEventIsSeenOnceForThirtyDays(t *testing.T) {
	v, _, clock := open(t)
	seen := func(issuer, jti string) bool {
		t.Helper()
		yes, err := v.SeenEvent(t.Context(), issuer, jti)
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	if seen("i", "1") {
		t.Error("seen before it was noted")
	}
	for range 2 {
		if err := v.NoteEvent(t.Context(), "i", "1"); err != nil {
			t.Fatal(err)
		}
	}
	if !seen("i", "1") || seen("i", "2") || seen("j", "1") {
		t.Error("not this event alone is seen")
	}
	clock.advance(31 * 24 * time.Hour)
	if seen("i", "1") {
		t.Error("it is seen for ever")
	}
}

func TestOnlyWhatHasExpiredIsRemoved(t *testing.T) {
	v, docs, clock := open(t)
	for i, wait := range []time.Duration{time.Minute, vault.PendingLife, 0} {
		if err := v.CreatePending(t.Context(), config.Secret(fmt.Sprint(i)), pending()); err != nil {
			t.Fatal(err)
		}
		clock.advance(wait)
	}
	if _, err := docs.Create(t.Context(), "pendingConsents", "another-versions", vault.Fields{"x": "no end"}); err != nil {
		t.Fatal(err)
	}
	removed := 0
	for after := ""; ; {
		n, last, err := v.RemoveExpired(t.Context(), "pendingConsents", after, 2, func() bool { return false })
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

func TestWithdrawingTakesEveryApprovalOfThePersonAndNobodyElses(t *testing.T) {
	v, docs, _ := open(t)
	for i := range 120 {
		if err := v.CreateApproval(t.Context(), "users/1", vault.Approval{Caller: fmt.Sprint(i), Operations: []string{"spaces.create"}, Authority: "user", Approved: start}); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.CreateApproval(t.Context(), "users/2", vault.Approval{Caller: "1"}); err != nil {
		t.Fatal(err)
	}
	if n, err := v.WithdrawApprovals(t.Context(), "users/1"); err != nil || n != 120 {
		t.Errorf("withdrawn: %d, %v", n, err)
	}
	left, err := docs.List(t.Context(), "approvals/2/callers", "", 9)
	if err != nil || len(left) != 1 {
		t.Errorf("another person's: %v, %v", left, err)
	}
}
