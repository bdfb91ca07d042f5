package grants_test

import (
	"fmt"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const (
	create  = capability.CreateSpaces
	members = capability.ReadMembers

	createScope  = "https://www.googleapis.com/auth/chat.spaces.create"
	membersScope = "https://www.googleapis.com/auth/chat.memberships.readonly"
)

var ada, grace = google.People()[0], google.People()[1]

var adaID, graceID = resource.Person(ada.User()), resource.Person(grace.User())

// world is a consenttest.World with what only the tests of grants need.
type world struct {
	*consenttest.World
	t       *testing.T
	oldKeys []uint32 // IDs of the replaced keys in Keyset and Lookup
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{World: consenttest.New(t), t: t}
}

func check(t *testing.T, err error) {
	t.Helper()
	consenttest.Check(t, err)
}

// corruptSeal changes the sealed field of a stored grant and returns it.
func (w *world) corruptSeal(p google.Person, corrupt func([]byte) []byte) []byte {
	w.t.Helper()
	doc, err := w.Docs.Get(w.t.Context(), "grants", p.Sub)
	check(w.t, err)
	sealed, _ := doc.Fields["sealed"].([]byte)
	doc.Fields["sealed"] = corrupt(sealed)
	_, err = w.Docs.Replace(w.t.Context(), "grants", p.Sub, doc.Fields, doc.Version)
	check(w.t, err)
	return doc.Fields["sealed"].([]byte)
}

// storePeople stores grants of n people, each with an approval of one system, and returns the people.
func (w *world) storePeople(n int) []google.Person {
	w.t.Helper()
	now := w.Now()
	out := make([]google.Person, n)
	for i := range out {
		email := fmt.Sprintf("person-%d@example.com", i)
		p := google.Person{Sub: fmt.Sprintf("2%020d", i), Email: email, Domain: "example.com"}
		refresh, access := w.Google.Connect(p, createScope)
		g := vault.Grant{
			Person: resource.Person(p.User()), ClientID: "client", Scopes: []string{"email", createScope, "openid"},
			Status: vault.Connected, Generation: 1, ConnectedAt: now, SignedInAt: now,
			RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access),
			AccessExpiry: now.Add(time.Hour), RefreshedAt: now,
			Email: config.NewSecret(p.Email), EmailAt: now, Domain: p.Domain,
			RefreshDay: now, LastUsedDay: now, Due: now.Add(150 * day),
		}
		g.Approve("tickets", "user", []string{"spaces.create"}, now)
		_, err := w.Deps.Vault.SaveGrant(w.t.Context(), g)
		check(w.t, err)
		out[i] = p
	}
	return out
}

// checkUnchanged checks that each grant is connected and has its approval.
func (w *world) checkUnchanged(people []google.Person) {
	w.t.Helper()
	for _, p := range people {
		g, ok := w.StoredGrant(p)
		approved := g.HasApproved("tickets", "user", "spaces.create")
		if !ok || g.Status != vault.Connected || g.RefreshToken.Empty() || !approved {
			w.t.Fatalf("%s: %v, %s, %d approvals", p.Email, ok, g.Status, len(g.ValidApprovals()))
		}
	}
}

// beforeNextSave calls do just before the next save of a grant.
func (w *world) beforeNextSave(do func()) {
	w.t.Helper()
	i := &hookedDocs{Docs: w.Docs}
	i.before.Store(&do)
	w.Instance = w.InstanceOn(i)
}

// unselect completes a consent with one scope left unselected.
func (w *world) unselect(scope string, c ...capability.Capability) {
	w.t.Helper()
	w.Unselected = scope
	w.SignIn(ada, c...)
	w.Unselected = ""
}

// storeApprovals stores a person's approvals of other systems.
func (w *world) storeApprovals(p google.Person, callers ...string) {
	w.t.Helper()
	g, _ := w.StoredGrant(p)
	for _, caller := range callers {
		g.Approve(caller, "user", []string{"spaces.create"}, w.Now())
	}
	_, err := w.Deps.Vault.SaveGrant(w.t.Context(), g)
	check(w.t, err)
}

const day = 24 * time.Hour

// sweep runs a sweep from the cursor to the end.
func (w *world) sweep() grants.SweepResult {
	w.t.Helper()
	done, err := w.Sweep(w.t.Context(), w.Now().Add(time.Hour), 0)
	if err != nil || !done.Finished {
		w.t.Fatalf("%+v, %v", done, err)
	}
	return done
}

func (w *world) revocationCount() int {
	w.t.Helper()
	kept, err := w.Docs.List(w.t.Context(), "revocations", "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(kept)
}

// storeGrants stores n grants with this refresh token.
func (w *world) storeGrants(n int, token string) {
	w.t.Helper()
	for i := range n {
		g := vault.Grant{
			Person: resource.Person(fmt.Sprintf("users/%06d", i)), ClientID: "client", Scopes: []string{createScope},
			Status: vault.Connected, Generation: 1, RefreshToken: config.NewSecret(token),
			ConnectedAt: w.Now(), RefreshDay: w.Now().UTC().Truncate(day),
		}
		g.Due = g.RefreshDay.Add(150 * day)
		if _, err := w.Deps.Vault.SaveGrant(w.t.Context(), g); err != nil {
			w.t.Fatal(err)
		}
	}
}

// storeSweepWork stores records of every kind that a sweep has to process, and advances the clock until they are due.
func (w *world) storeSweepWork() {
	w.t.Helper()
	w.SignIn(grace, create)
	w.Google.Fail("revoke", 503)
	_, err := w.Disconnect(w.t.Context(), graceID)
	check(w.t, err)
	w.SignIn(ada, create)
	w.Advance(151 * day)
	check(w.t, w.Deps.Vault.CreateRevocation(w.t.Context(), graceID, 1, config.NewSecret("1//0gone")))
	long := w.Now().Add(-9 * day)
	for id, g := range map[string]vault.Grant{
		"901": {Status: vault.Disconnecting, RefreshToken: config.NewSecret("1//0ending"), Due: long},
		"902": {
			Status: vault.Connected, RefreshToken: config.NewSecret("1//0removed"),
			RemovedAt: long, RefreshDay: w.Now(), Due: long,
		},
		"903": {Status: vault.Revoked, Generation: 1, Due: long},
		"904": {Status: vault.Connected, RefreshToken: config.NewSecret("1//0stale"), RefreshDay: w.Now()},
		"905": {
			Status: vault.Suspended, RefreshToken: config.NewSecret("1//0refused"),
			SuspendedAt: long, Retries: 2, Due: long,
		},
		"906": {
			Status: vault.Connected, RefreshToken: config.NewSecret("1//0event"),
			ConnectedAt: long, RevokedAt: long.Add(time.Hour), Due: long,
		},
	} {
		g.Person, g.ClientID, g.Scopes = resource.Person("users/"+id), "client", []string{createScope}
		_, err := w.Deps.Vault.SaveGrant(w.t.Context(), g)
		check(w.t, err)
	}
}

// backup returns a function that restores the record of a person's grant as it is now.
func (w *world) backup(p google.Person) (restore func()) {
	w.t.Helper()
	old, err := w.Docs.Get(w.t.Context(), "grants", p.Sub)
	check(w.t, err)
	return func() {
		w.t.Helper()
		now, err := w.Docs.Get(w.t.Context(), "grants", p.Sub)
		check(w.t, err)
		_, err = w.Docs.Replace(w.t.Context(), "grants", p.Sub, old.Fields, now.Version)
		check(w.t, err)
	}
}
