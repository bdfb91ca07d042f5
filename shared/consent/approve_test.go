package consent_test

import (
	"testing"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/vault"
)

// Attack: a question from an earlier connection is answered after the person has disconnected and reconnected.
func TestApprove_EarlierConnection(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, capability.CreateSpaces)
	g, _ := w.storedGrant(ada)
	for name, c := range map[string]struct {
		connected, asked time.Time
		want             bool
	}{
		"earlier connection": {g.ConnectedAt.Add(-time.Hour), w.deps.Now(), false},
		"this connection":    {g.ConnectedAt, w.deps.Now(), true},
	} {
		approved, err := w.Approve(t.Context(), adaID, grants.Approval{
			Caller: "ci", Authority: "user", Actions: []string{"spaces.create"},
			ConnectedAt: c.connected, AskedAt: c.asked,
		})
		stored, _ := w.storedGrant(ada)
		if err != nil || approved != c.want || stored.HasApproved("ci", "user", "spaces.create") != c.want {
			t.Errorf("%s: %v, %v", name, approved, err)
		}
		if _, err := w.Withdraw(t.Context(), adaID, "ci", vault.Authority("user")); err != nil {
			t.Fatal(err)
		}
	}
}
