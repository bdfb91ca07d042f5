package consent_test

import (
	"testing"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
)

func TestWhoeverAsksForThemAnAdministratorsScopesAreNotDelegated(t *testing.T) {
	for _, c := range capability.All() {
		if !c.Administers() {
			continue
		}
		// There is nothing that could give a token: it must not come to that.
		err := grants.NewDelegated(nil, nil).Act(t.Context(), "users/ada@example.com", []capability.Capability{capability.CreateSpaces, c}, func(oauth2.TokenSource) error {
			t.Errorf("%s: it was done", c)
			return nil
		})
		if fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", c, err)
		}
	}
}
