package capability_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/capability"
)

const prefix = "https://www.googleapis.com/auth/"

func TestMissing(t *testing.T) {
	wanted := []capability.Capability{capability.ReadSpaces, capability.ReadMembers}
	for _, c := range []struct {
		name, scope string
		want        []capability.Capability
	}{
		{"same scope", prefix + "chat.spaces.readonly", wanted[1:]},
		{"wider scope", prefix + "chat.spaces", wanted[1:]},
		{"narrower scope", prefix + "chat.spaces.create", wanted},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, capability.Missing(wanted, []string{c.scope})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestScopes_RemovedCapability(t *testing.T) {
	got := capability.Scopes(capability.FromNames([]string{"Removed", "DeleteSpaces"})...)
	if diff := cmp.Diff([]string{"openid", "email", prefix + "chat.delete"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAll_WordsAndScope(t *testing.T) {
	for _, c := range capability.All() {
		if !c.AllowedBy([]string{c.Scope()}) || c.Description() == capability.Capability("").Description() {
			t.Errorf("%s: scope %q", c, c.Scope())
		}
	}
}
