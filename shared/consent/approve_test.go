package consent_test

import (
	"testing"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Attack: a question from an earlier connection is answered in a later one, whose
// person has taken everything back in between.
func TestAnApprovalCountsOnlyInTheConnectionItWasAskedIn(t *testing.T) {
	w := begin(t)
	w.connect(ada, capability.CreateSpaces)
	g, _ := w.stored(ada)
	for name, c := range map[string]struct {
		connected, asked time.Time
		given            bool
	}{
		"another connection": {g.Connected.Add(-time.Hour), w.deps.Now(), false},
		"this one":           {g.Connected, w.deps.Now(), true},
	} {
		yes := grants.Approval{Caller: "ci", Authority: "user", Actions: []string{"spaces.create"}, Connected: c.connected, Asked: c.asked}
		given, err := w.Approve(t.Context(), resource.Person(ada.User()), yes)
		if now, _ := w.stored(ada); err != nil || given != c.given || now.Approved("ci", "user", "spaces.create") != c.given {
			t.Errorf("%s: %v, %v", name, given, err)
		}
		if _, err := w.Withdraw(t.Context(), resource.Person(ada.User()), "ci", vault.Authority("user")); err != nil {
			t.Fatal(err)
		}
	}
}
