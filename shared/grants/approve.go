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
	Request     string // ID of the operation that asked; empty for none
}

// Approve stores a person's approval. It stores nothing and returns false if the person has reconnected, or a
// security event has occurred, since they were asked.
func (gs *Grants) Approve(ctx context.Context, person resource.Person, a Approval) (bool, error) {
	for attempt := 1; ; attempt++ {
		g, _, err := gs.loadGrant(ctx, person)
		if err != nil || g.Person == "" || !gs.isUsable(g) || !g.ConnectedAt.Equal(a.ConnectedAt) ||
			!a.AskedAt.After(g.SessionsEndedAt) || !a.AskedAt.After(g.RevokedAt) {
			return false, fault.Wrap("grants.Approve", err)
		}
		g.Approve(a.Caller, a.Authority, a.Actions, gs.now())
		g.Due = gs.nextSweep(g)
		err = gs.vault.SaveAnswer(ctx, vault.Answer{ID: a.Request, Person: person, Given: a.Actions}, &g)
		if fault.KindOf(err) != fault.Conflict || err == nil || attempt == maxSaveAttempts {
			return err == nil, fault.Wrap("grants.Approve", err)
		}
	}
}

// Refuse stores that a person refused what an operation asked for.
func (gs *Grants) Refuse(ctx context.Context, person resource.Person, request string) error {
	return fault.Wrap("grants.Refuse", gs.vault.SaveAnswer(ctx, vault.Answer{ID: request, Person: person}, nil))
}

// Withdraw removes a person's approval of a caller under one authority, and reports whether there was one.
func (gs *Grants) Withdraw(ctx context.Context, p resource.Person, caller string, a vault.Authority) (bool, error) {
	_, withdrawn, err := gs.change(ctx, p, func(g *vault.Grant) bool { return g.WithdrawApproval(caller, a) })
	return withdrawn, fault.Wrap("grants.Withdraw", err)
}
