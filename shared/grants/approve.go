package grants

import (
	"context"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Approval is a person's yes to one caller for actions under one authority.
type Approval struct {
	Caller      string // the ID that the operator chose
	Authority   vault.Authority
	Actions     []string
	ConnectedAt time.Time // connection time of the grant when the person was asked
	AskedAt     time.Time
}

// Approve stores a person's approval. It stores nothing and returns false if the person has reconnected, or a
// security event has occurred, since they were asked.
func (gs *Grants) Approve(ctx context.Context, person resource.Person, a Approval) (bool, error) {
	_, approved, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		if !gs.isUsable(*g) || !g.ConnectedAt.Equal(a.ConnectedAt) ||
			!a.AskedAt.After(g.SessionsEndedAt) || !a.AskedAt.After(g.RevokedAt) {
			return false
		}
		g.Approve(a.Caller, a.Authority, a.Actions, gs.now())
		return true
	})
	return approved, fault.Wrap("grants.Approve", err)
}

// Withdraw removes a person's approval of a caller under one authority, and reports whether there was one.
func (gs *Grants) Withdraw(ctx context.Context, p resource.Person, caller string, a vault.Authority) (bool, error) {
	_, withdrawn, err := gs.change(ctx, p, func(g *vault.Grant) bool { return g.WithdrawApproval(caller, a) })
	return withdrawn, fault.Wrap("grants.Withdraw", err)
}
