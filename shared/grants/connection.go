package grants

import (
	"context"
	"slices"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Connection is what a person can see of their own grant.
type Connection struct {
	Person         resource.Person
	Connected      bool
	Email          string
	Domain         string // of the Workspace organization; empty for a consumer account
	Since          time.Time
	Via            string                  // the system that submitted the last consent; empty for a browser
	Until          time.Time               // when time-based access ends; zero if it does not
	Allowed        []capability.Capability // what the grant allows now
	Declined       []capability.Capability // what the person left unselected
	Refused        []capability.Capability // of it, what isn't offered again yet unless a command needs it
	Ended          bool                    // Google ended it, and the person is not yet told; see ClaimEndNotice
	SignInRequired bool                    // a session policy requires a new sign-in
	Approvals      []vault.Approval
}

// declinedTime is how long what a person left unselected isn't offered again.
const declinedTime = 7 * 24 * time.Hour

// refused returns what a person left unselected within declinedTime.
func (gs *Grants) refused(g vault.Grant) []capability.Capability {
	if gs.now().Sub(g.DeclinedAt) >= declinedTime {
		return nil
	}
	return capability.Declined(g.Declined)
}

// Connection returns a person's connection. It bypasses the cache, so it sees consents of other instances.
func (gs *Grants) Connection(ctx context.Context, person resource.Person) (Connection, error) {
	g, usable, err := gs.loadGrant(ctx, person)
	switch {
	case err != nil:
		return Connection{}, fault.Wrap("grants.Connection", err)
	case !usable:
		return Connection{Ended: g.NeedsNotice, Refused: gs.refused(g)}, nil
	}
	allowed := capability.Allowed(g.Scopes)
	isAllowed := func(c capability.Capability) bool { return slices.Contains(allowed, c) }
	return Connection{
		Person: person, Connected: true, Email: g.Email.Reveal(), Domain: g.Domain,
		Since: g.ConnectedAt, Via: g.ConsentSystem, Until: g.RefreshUntil, SignInRequired: g.NeedsSignIn,
		Approvals: g.ValidApprovals(),
		Allowed:   allowed, Declined: slices.DeleteFunc(capability.Declined(g.Declined), isAllowed),
		Refused: gs.refused(g),
	}, nil
}

// Email implements googlecall.Actor. It returns the address of the account that gave the grant.
func (gs *Grants) Email(ctx context.Context, person resource.Person) (string, error) {
	c, err := gs.Connection(ctx, person)
	return c.Email, err
}
