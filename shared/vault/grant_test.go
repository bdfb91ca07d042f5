package vault_test

import (
	"encoding/json"
	"errors"
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

var compareGrants = cmp.Options{cmpopts.IgnoreUnexported(vault.Grant{}), compareSecrets}

// SaveGrant returns what the store returns later, also for times of a finer clock in another zone.
func TestSaveGrant_ReturnsStored(t *testing.T) {
	v, docs, _ := newVault(t)
	at := time.Date(2026, 11, 22, 1, 2, 3, 123456789, time.FixedZone("", -11*3600))
	g := grant()
	g.Broken = true
	for _, field := range []*time.Time{
		&g.AccessExpiry, &g.RefreshedAt, &g.EmailAt, &g.ConnectedAt, &g.SignedInAt, &g.RemovedAt, &g.RefreshDay,
		&g.LastUsedDay, &g.RefreshUntil, &g.SuspendedAt, &g.Due, &g.RevokedAt, &g.SessionsEndedAt, &g.RecheckAt,
	} {
		*field = at
	}
	g.Approvals[0].Actions[0].ConnectedAt, g.Approvals[0].Actions[0].GivenAt = at, at.Add(time.Hour)
	saved, err := v.SaveGrant(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Grant(t.Context(), "users/1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(saved, got, compareGrants); diff != "" {
		t.Error(diff)
	}
	if want := at.UTC().Truncate(time.Microsecond); !got.RecheckAt.Equal(want) || got.Broken || v.NeedsReseal(saved) {
		t.Errorf("got %v, want %v; broken %v", got.RecheckAt, want, got.Broken)
	}
	if !got.HasApproved("ci-marked", "user", "spaces.create") {
		t.Error("the approval belongs to another connection than the one it was given in")
	}
	doc, err := docs.Get(t.Context(), "grants", "1")
	if err != nil || doc.Fields["removedDay"] != "2026-11-22" {
		t.Errorf("removed on %v, %v", doc.Fields["removedDay"], err)
	}
	// The next save needs the version that this one returned.
	saved.Due, saved.RemovedAt = time.Time{}, time.Time{}
	if _, err := v.SaveGrant(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	doc, err = docs.Get(t.Context(), "grants", "1")
	if err != nil || doc.Fields["due"] != nil || doc.Fields["removedDay"] != nil {
		t.Errorf("due %v, removed %v, %v", doc.Fields["due"], doc.Fields["removedDay"], err)
	}
}

func TestGrants(t *testing.T) {
	v, docs, _ := newVault(t)
	for _, person := range []resource.Person{"users/1", "users/2", "users/4"} {
		g := grant()
		g.Person = person
		if _, err := v.SaveGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := docs.Create(t.Context(), "grants", "3", vault.Fields{"due": start.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	page, err := v.Grants(t.Context(), "1", 2)
	if err != nil || len(page) != 2 {
		t.Fatalf("%v, %v", page, err)
	}
	want := grant()
	want.Person = "users/2"
	if diff := cmp.Diff(want, page[0].Grant, compareGrants); diff != "" || page[0].Err != nil {
		t.Error(page[0].Err, diff)
	}
	broken := vault.Grant{Person: "users/3", Broken: true, Due: start.Add(-time.Hour)}
	if diff := cmp.Diff(broken, page[1].Grant, compareGrants); diff != "" ||
		!errors.Is(page[1].Err, seal.ErrNotAuthentic) {
		t.Error(page[1].Err, diff)
	}
	if _, err := v.Grant(t.Context(), "users/9"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no grant: %v", err)
	}
}

func TestDueGrants(t *testing.T) {
	v, _, clock := newVault(t)
	for person, due := range map[resource.Person]time.Time{
		"users/1": clock.now(), "users/2": clock.now().Add(-time.Hour), "users/3": clock.now().Add(time.Microsecond),
		"users/4": {},
	} {
		g := grant()
		g.Person, g.Due = person, due
		if _, err := v.SaveGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int][]resource.Person{9: {"users/2", "users/1"}, 1: {"users/2"}} {
		due, err := v.DueGrants(t.Context(), limit)
		var got []resource.Person
		for _, g := range due {
			got = append(got, g.Person)
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("limit %d: %v %s", limit, err, diff)
		}
	}
}

// What remains of an ended grant: marks restrict the next one, too.
func TestWithoutContent(t *testing.T) {
	v, _, _ := newVault(t)
	g := grant()
	g.RevokedAt, g.SessionsEndedAt, g.RecheckAt, g.Due = start, start.Add(1), start.Add(2), start
	g, err := v.SaveGrant(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	next := g.WithoutContent()
	want := vault.Grant{
		Person: g.Person, Generation: g.Generation,
		RevokedAt: g.RevokedAt, SessionsEndedAt: g.SessionsEndedAt, RecheckAt: g.RecheckAt,
	}
	if diff := cmp.Diff(want, next, compareGrants); diff != "" {
		t.Error(diff)
	}
	next.ClientID, next.Status = "client", vault.Connected
	if _, err := v.SaveGrant(t.Context(), next); err != nil {
		t.Errorf("saved over the old grant: %v", err)
	}
}

// TestRecord_OtherContent: a record that was sealed for its place, but whose content is not what the place requires.
func TestRecord_OtherContent(t *testing.T) {
	keys, docs := newKeys(t), &memory.Docs{}
	v := vault.New(docs, keys, (&clock{}).now)
	for name, content := range map[string]string{
		"not JSON": "{", "other type": `[]`, "no client": `{"status":"connected"}`,
		"no status": `{"clientId":"c"}`, "unknown status": `{"clientId":"c","status":"x","refreshToken":"1//x"}`,
	} {
		place := seal.Place{Purpose: "record", Collection: "grants", Document: name, Field: "sealed"}
		box, err := keys.Seal([]byte(content), place)
		if err == nil {
			_, err = docs.Create(t.Context(), "grants", name, vault.Fields{"sealed": box})
		}
		if err != nil {
			t.Fatal(err)
		}
		g, err := v.Grant(t.Context(), resource.Person("users/"+name))
		if !errors.Is(err, seal.ErrNotAuthentic) || fault.KindOf(err) != fault.Internal || !g.Broken {
			t.Errorf("%s: %v, %+v", name, err, g)
		}
	}
	for _, status := range []vault.Status{vault.Connected, vault.Suspended, vault.Revoked, vault.Disconnecting} {
		g := grant()
		g.Person, g.Status = resource.Person("users/"+string(status)), status
		_, saveErr := v.SaveGrant(t.Context(), g)
		if _, err := v.Grant(t.Context(), g.Person); err != nil || saveErr != nil {
			t.Errorf("%s: %v, %v", status, saveErr, err)
		}
	}
	// Content of another form must not pass as an empty record.
	for collection, content := range map[string]string{"operations": "[]", "sweep": `{"stage":"x","after":5}`} {
		place := seal.Place{Purpose: "record", Collection: collection, Document: "cursor", Field: "sealed"}
		box, err := keys.Seal([]byte(content), place)
		if err == nil {
			_, err = docs.Create(t.Context(), vault.Collection(collection), "cursor", vault.Fields{"sealed": box})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if o, err := v.Operation(t.Context(), "cursor"); !errors.Is(err, seal.ErrNotAuthentic) {
		t.Errorf("operation: %+v, %v", o, err)
	}
	if c, err := v.Cursor(t.Context()); err != nil || c.Stage != "" {
		t.Errorf("cursor: %+v, %v", c, err)
	}
	// The content of a template must have the name that its ID is made of.
	id := vault.TemplateID("ci", "T")
	content, err := json.Marshal(vault.Template{Name: "Other"})
	if err != nil {
		t.Fatal(err)
	}
	place := seal.Place{Purpose: "record", Collection: "templates", Document: id, Field: "sealed"}
	box, err := keys.Seal(content, place)
	if err == nil {
		_, err = docs.Create(t.Context(), "templates", id, vault.Fields{"sealed": box, "owner": "ci"})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Template(t.Context(), "ci", "T"); !errors.Is(err, seal.ErrNotAuthentic) {
		t.Errorf("other name: %v", err)
	}
}

func TestKeysInUse(t *testing.T) {
	keys := newKeys(t)
	keysetID, lookupID := keys.Primary()
	v := vault.New(&memory.Docs{}, keys, time.Now)
	if got := v.KeysInUse(); got != [2]int64{int64(keysetID), int64(lookupID)} {
		t.Errorf("got %v, want %d and %d", got, keysetID, lookupID)
	}
	if !v.NeedsReseal(vault.Grant{}) {
		t.Error("a grant of unknown keys needs no reseal")
	}
}

func TestGrantByEmail_BrokenRecord(t *testing.T) {
	v, docs, _ := newVault(t)
	if _, err := v.SaveGrant(t.Context(), grant()); err != nil {
		t.Fatal(err)
	}
	doc, err := docs.Get(t.Context(), "grants", "1")
	if err != nil {
		t.Fatal(err)
	}
	planted := vault.Fields{"emailCode": doc.Fields["emailCode"], "sealed": []byte("x")}
	if _, err := docs.Create(t.Context(), "grants", "0", planted); err != nil {
		t.Fatal(err)
	}
	if g, err := v.GrantByEmail(t.Context(), "marked@example.com"); err != nil || g.Person != "users/1" {
		t.Errorf("next to a broken record: %q, %v", g.Person, err)
	}
	if err := docs.Delete(t.Context(), "grants", "1", doc.Version); err != nil {
		t.Fatal(err)
	}
	if _, err := v.GrantByEmail(t.Context(), "marked@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("only a broken record: %v", err)
	}
}

func TestPeopleByToken_Short(t *testing.T) {
	v, _, _ := newVault(t)
	for person, token := range map[resource.Person]string{
		"users/1": "short", "users/2": sampleToken, "users/3": samplePrefix + "other",
	} {
		g := grant()
		g.Person, g.RefreshToken = person, config.NewSecret(token)
		if _, err := v.SaveGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	hash := decodeHash(t, sampleHash)
	for name, c := range map[string]struct {
		token vault.TokenIdentifier
		want  []string
	}{
		"short token":            {vault.TokenIdentifier{Prefix: "short"}, []string{"users/1"}},
		"two with one prefix":    {vault.TokenIdentifier{Prefix: samplePrefix}, []string{"users/2", "users/3"}},
		"hash, unknown prefix":   {vault.TokenIdentifier{Prefix: "x", Hash: hash}, []string{"users/2"}},
		"the whole token":        {vault.TokenIdentifier{Prefix: sampleToken}, nil},
		"another token's digest": {vault.TokenIdentifier{Hash: make([]byte, 64)}, nil},
	} {
		got, err := v.PeopleByToken(t.Context(), c.token)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}
