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

// decliningActor is a person who declined capabilities on the consent screen.
type decliningActor struct {
	missing []capability.Capability
	asked   [][]capability.Capability
}

// Act implements googlecall.Actor.
func (d *decliningActor) Act(
	_ context.Context, _ resource.Person, needed []capability.Capability, _ func(oauth2.TokenSource) error,
) error {
	d.asked = append(d.asked, needed)
	return &capability.ConsentError{Capabilities: needed, Missing: d.missing, Declined: true}
}

// Email implements googlecall.Actor.
func (*decliningActor) Email(context.Context, resource.Person) (string, error) { return "", nil }

func TestCreate_DeclinedCapabilities(t *testing.T) {
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
		{[]capability.Capability{capability.ReadMembers}, 2}, // the second try asks for CreateSpaces alone
		{both, 1}, // one consent asks for both
	} {
		actor := &decliningActor{missing: c.missing}
		s, err := spaces.New(t.Context(), actor, keys, spaces.Google, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := spaces.Request{DisplayName: "x", Members: []spaces.Member{{User: "users/2"}}}
		_, err = s.Create(t.Context(), "users/1", "test", r)
		needs, ok := capability.AsConsentError(err)
		if !ok || !slices.Equal(actor.asked[0], both) || len(actor.asked) != c.tries ||
			c.tries == 1 && !slices.Equal(needs.Capabilities, both) {
			t.Errorf("%v is missing: asked %v, %v", c.missing, actor.asked, err)
		}
	}
}

// deniedActor is a person whose organization blocks Deputy.
type deniedActor struct{ decliningActor }

// Act implements googlecall.Actor.
func (*deniedActor) Act(
	context.Context, resource.Person, []capability.Capability, func(oauth2.TokenSource) error,
) error {
	return fault.New(fault.Denied, words.ErrorAdminPolicy)
}

// The error names the organization's policy, not the member.
func TestInvite_DeniedByOrganization(t *testing.T) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	s, err := spaces.New(t.Context(), &deniedActor{}, keys, spaces.Google, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.AddMembers(t.Context(), "users/1", "spaces/A", []spaces.Member{{User: "users/2"}})
	if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, "Your organization doesn't allow") {
		t.Errorf("%v: %s", err, text)
	}
}
