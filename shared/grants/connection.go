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

// Connection is what a person may know of their own grant.
type Connection struct {
	Person    resource.Person
	Connected bool
	Email     string
	Domain    string // of its Workspace organization; empty for a consumer account
	Since     time.Time
	Via       string                  // the system that brought the last consent; empty: a browser
	Until     time.Time               // when Google ends it by itself; zero if it does not
	Allowed   []capability.Capability // what the grant allows now
	Declined  []capability.Capability // whose box was left unticked
	Ended     bool                    // Google has ended it, and the person has not been told: see Tell
	SignIn    bool                    // a session policy wants the person to sign in again
	Approvals []vault.Approval
}

// Connection tells how a person is connected now, also by a consent in another
// instance a moment ago.
func (gs *Grants) Connection(ctx context.Context, person resource.Person) (Connection, error) {
	g, ok, err := gs.grantNow(ctx, person)
	switch {
	case err != nil:
		return Connection{}, fault.Wrap("grants.Connection", err)
	case !ok:
		return Connection{Ended: g.Untold}, nil
	}
	c := Connection{
		Person: person, Connected: true, Email: g.Email.Reveal(), Domain: g.Domain, Since: g.Connected, Via: g.Via, Until: g.RefreshUntil,
		Allowed: capability.Satisfied(g.Scopes), SignIn: g.SignIn, Approvals: g.Standing(),
	}
	c.Declined = slices.DeleteFunc(capability.Satisfied(g.Declined), func(d capability.Capability) bool { return slices.Contains(c.Allowed, d) })
	return c, nil
}

// Email implements Actor: the address that the person's grant was given from.
func (gs *Grants) Email(ctx context.Context, person resource.Person) (string, error) {
	c, err := gs.Connection(ctx, person)
	return c.Email, err
}
