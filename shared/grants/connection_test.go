package grants_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/vault"
)

// An address that passed to another account must not lead to the first account.
func TestFindByEmail_ReassignedAddress(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.ChangeEmail(ada, "ada.lovelace@example.com")
	w.Advance(2 * time.Hour)
	check(t, w.Token(ada, create)) // refreshes, and receives an ID token
	if _, err := w.FindByEmail(t.Context(), "ada@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("old address: %v", err)
	}
	if person, err := w.FindByEmail(t.Context(), "Ada.Lovelace@example.com"); err != nil || person != adaID {
		t.Errorf("new address: %s, %v", person, err)
	}
	w.Google.ChangeEmail(grace, "ada@example.com")
	w.SignIn(grace, create)
	if person, err := w.FindByEmail(t.Context(), "ada@example.com"); err != nil || person != graceID {
		t.Errorf("new owner: %s, %v", person, err)
	}
}

// A consumer account may have a company's address, without Google confirming it as authoritative.
func TestFindByEmail_SpoofedCompanyAddress(t *testing.T) {
	w := newWorld(t)
	mallory := google.Person{Sub: "100000000000000000666", Name: "Mallory", Email: "mallory@example.com"}
	w.Google.AddAccount(mallory)
	w.SignIn(mallory, create)
	if _, err := w.FindByEmail(t.Context(), mallory.Email); fault.KindOf(err) != fault.NotFound {
		t.Errorf("found by address: %v", err)
	}
}

func TestFindByEmail_UnverifiedAddress(t *testing.T) {
	w := newWorld(t)
	w.Google.MarkEmailUnverified(ada)
	w.SignIn(ada, create)
	if _, err := w.FindByEmail(t.Context(), ada.Email); fault.KindOf(err) != fault.NotFound {
		t.Errorf("found by address: %v", err)
	}
}

func TestConnection_DeclinedScope(t *testing.T) {
	w := newWorld(t)
	w.unselect(membersScope, create, members)
	w.SignIn(ada, create) // another consent, which does not request that scope
	c, err := w.Connection(t.Context(), adaID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]capability.Capability{create}, c.Allowed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]capability.Capability{members}, c.Declined); diff != "" {
		t.Error(diff)
	}
	if needs, ok := capability.AsConsentError(w.Token(ada, create, members)); !ok || !needs.Declined {
		t.Errorf("got %+v", needs)
	}
	w.SignIn(ada, create, members)
	if c, err := w.Connection(t.Context(), adaID); err != nil || len(c.Declined) != 0 || len(c.Allowed) != 2 {
		t.Errorf("once granted: %+v, %v", c, err)
	}
}

func TestConnection_ConsentInOtherInstance(t *testing.T) {
	w := newWorld(t)
	w.unselect(membersScope, create, members)
	chat := consenttest.NewInstance(w.Deps)
	if c, err := chat.Connection(t.Context(), adaID); err != nil || len(c.Declined) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	w.SignIn(ada, create, members) // in the browser, served by another instance
	if c, err := chat.Connection(t.Context(), adaID); err != nil || len(c.Declined) != 0 || len(c.Allowed) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestConnection_TimeBasedAccess(t *testing.T) {
	w := newWorld(t)
	w.Google.SetGrantLifetime(24 * time.Hour)
	w.SignIn(ada, create)
	c, err := w.Connection(t.Context(), adaID)
	if err != nil || c.Until.Sub(w.Now()).Round(time.Hour) != 24*time.Hour {
		t.Errorf("until %v, %v", c.Until, err)
	}
}

func TestConnection(t *testing.T) {
	w := newWorld(t)
	if c, err := w.Connection(t.Context(), adaID); err != nil || c.Connected || c.Ended {
		t.Errorf("no grant: %+v, %v", c, err)
	}
	w.SignIn(ada, create)
	w.storeApprovals(ada, "tickets")
	want := grants.Connection{
		Person: adaID, Connected: true, Email: ada.Email, Domain: ada.Domain, Since: w.Now(),
		Allowed: just(create), Declined: []capability.Capability{},
		Approvals: []vault.Approval{{Caller: "tickets", Authority: "user", Actions: []vault.ApprovedAction{
			{Action: "spaces.create", ConnectedAt: w.Now(), GivenAt: w.Now()},
		}}},
	}
	got, err := w.Connection(t.Context(), adaID)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if email, err := w.Email(t.Context(), adaID); err != nil || email != ada.Email {
		t.Errorf("address: %s, %v", email, err)
	}
	w.Google.RevokeGrant(ada)
	w.Advance(2 * time.Hour)
	_ = w.Token(ada, create)
	if c, err := w.Connection(t.Context(), adaID); err != nil || c.Connected || !c.Ended {
		t.Errorf("ended: %+v, %v", c, err)
	}
}
