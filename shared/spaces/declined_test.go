package spaces_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// unwilling is a person who has left boxes unticked.
type unwilling struct {
	missing []capability.Capability
	asked   [][]capability.Capability
}

// Act implements googlecall.Actor.
func (u *unwilling) Act(_ context.Context, _ resource.Person, needed []capability.Capability, _ func(oauth2.TokenSource) error) error {
	u.asked = append(u.asked, needed)
	return &capability.ConsentError{Capabilities: needed, Missing: u.missing, Declined: true}
}

// Email implements googlecall.Actor.
func (*unwilling) Email(context.Context, resource.Person) (string, error) { return "", nil }

func TestACreateIsTriedWithoutWhatWasDeclinedButNotWithoutTheRightToCreate(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	both := []capability.Capability{capability.CreateSpaces, capability.ReadMembers}
	for _, c := range []struct {
		missing []capability.Capability
		tries   int
	}{
		{[]capability.Capability{capability.ReadMembers}, 2}, // the second asks for CreateSpaces alone
		{both, 1}, // the person is asked for both together
	} {
		who := &unwilling{missing: c.missing}
		s, err := spaces.New(t.Context(), who, keys, spaces.Google, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Create(t.Context(), "users/1", "test", spaces.Request{DisplayName: "x", Members: []spaces.Member{{User: "users/2"}}})
		if needs, ok := capability.AsConsentError(err); !ok || !slices.Equal(who.asked[0], both) || len(who.asked) != c.tries || c.tries == 1 && !slices.Equal(needs.Capabilities, both) {
			t.Errorf("%v is missing: asked %v, %v", c.missing, who.asked, err)
		}
	}
}

// barred is an actor whose organization does not let it act.
type barred struct{ unwilling }

// Act implements googlecall.Actor.
func (*barred) Act(context.Context, resource.Person, []capability.Capability, func(oauth2.TokenSource) error) error {
	return fault.New(fault.Denied, words.ErrorAdminPolicy)
}

func TestWhoMayNotActIsToldThatAndNotThatTheMemberCannotBeAdded(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	s, err := spaces.New(t.Context(), &barred{}, keys, spaces.Google, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Invite(t.Context(), "users/1", "spaces/A", []spaces.Member{{User: "users/2"}})
	if said := fault.Public(i18n.In("en"), err, ""); !strings.Contains(said, "Your organization doesn't allow") {
		t.Errorf("%v: %s", err, said)
	}
}
