package vault_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/vault"
)

// A year later, another action is approved. What was approved before keeps its date, and what was approved for an
// earlier connection does not come back.
func TestAttack_OldApprovalRenewed(t *testing.T) {
	later := start.Add(365 * 24 * time.Hour)
	g := vault.Grant{ConnectedAt: start}
	g.Approve("ci", "user", []string{"read"}, start.Add(1))
	g.Approve("ci", "user", []string{"read", "write"}, later)
	want := []vault.ApprovedAction{
		{Action: "read", ConnectedAt: start, GivenAt: start.Add(1)},
		{Action: "write", ConnectedAt: start, GivenAt: later},
	}
	if diff := cmp.Diff(want, g.Approvals[0].Actions); diff != "" {
		t.Error(diff)
	}
	g.ConnectedAt = later
	g.Approve("ci", "user", []string{"post"}, later.Add(1))
	for action, want := range map[string]bool{"read": false, "write": false, "post": true} {
		if got := g.HasApproved("ci", "user", action); got != want {
			t.Errorf("%s: approved %v, want %v", action, got, want)
		}
	}
}
