package consent_test

import (
	"testing"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
)

func TestDelegated_AdminCapabilities(t *testing.T) {
	for _, c := range capability.All() {
		if !c.IsAdmin() {
			continue
		}
		d := grants.NewDelegated(nil, nil) // panics if it requests a token
		needed := []capability.Capability{capability.CreateSpaces, c}
		err := d.Act(t.Context(), "users/ada@example.com", needed, func(oauth2.TokenSource) error {
			t.Errorf("%s: not denied", c)
			return nil
		})
		if fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", c, err)
		}
	}
}
