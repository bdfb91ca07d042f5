package grants

import (
	"context"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Approval is a person's yes to one caller for actions by an authority.
type Approval struct {
	Caller    string // the id that the operator chose
	Authority vault.Authority
	Actions   []string
	Connected time.Time // of the connection in which the person was asked
	Asked     time.Time
}

// Approve stores a person's approval, and reports whether the connection still
// stands in which they were asked, and no security event came since.
func (gs *Grants) Approve(ctx context.Context, person resource.Person, yes Approval) (bool, error) {
	_, given, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		if !gs.usable(*g) || !g.Connected.Equal(yes.Connected) || !yes.Asked.After(g.SessionsAt) || !yes.Asked.After(g.RevokedAt) {
			return false
		}
		g.Approve(yes.Caller, yes.Authority, yes.Actions, gs.now())
		return true
	})
	return given, fault.Wrap("grants.Approve", err)
}

// Withdraw takes back what a person approved to a caller by an authority, and
// reports whether there was anything.
func (gs *Grants) Withdraw(ctx context.Context, person resource.Person, caller string, authority vault.Authority) (bool, error) {
	_, withdrawn, err := gs.change(ctx, person, func(g *vault.Grant) bool { return g.Withdraw(caller, authority) })
	return withdrawn, fault.Wrap("grants.Withdraw", err)
}
