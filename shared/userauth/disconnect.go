package userauth

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Disconnected is what became of a grant that a person ended.
type Disconnected int

// String is the outcome's name in the log.
func (d Disconnected) String() string {
	return [...]string{"not_connected", "revoked", "revoke_later", "erased"}[d]
}

// What can come of it.
const (
	NotConnected Disconnected = iota // there was nothing to end
	Revoked                          // ended at Google and erased here
	RevokeLater                      // erased here; Google could not be asked yet
	Erased                           // erased here; there was no readable token left to revoke
)

// Farewell is what Disconnect did.
type Farewell struct {
	Outcome   Disconnected
	Withdrawn int  // approvals of other systems
	Rest      bool // something is left here, which the sweep erases
}

// Disconnect ends a person's grant: a tombstone first, so that no instance
// uses it any more, then revocation at Google, then the approvals the person
// gave, then erasure. A token Google could not be asked to revoke is kept for
// that purpose alone. What breaks off half-way, the next Disconnect or the
// sweep finishes.
func (a *Auth) Disconnect(ctx context.Context, person string) (Farewell, error) {
	g, err := a.bid(ctx, person, func(vault.Grant) bool { return true })
	if err != nil {
		return Farewell{}, fault.Wrap("userauth.Disconnect", err)
	}
	if g.Person == "" { // approvals may be left of an earlier grant
		withdrawn, err := a.Vault.WithdrawApprovals(ctx, person)
		return Farewell{Withdrawn: withdrawn}, fault.Wrap("userauth.Disconnect", err)
	}
	out, err := a.leave(ctx, g)
	return out, fault.Wrap("userauth.Disconnect", err)
}

// bid puts the tombstone on a person's grant, if it is one that may end, and
// gives it.
func (a *Auth) bid(ctx context.Context, person string, may func(vault.Grant) bool) (vault.Grant, error) {
	g, bidden, err := a.change(ctx, person, func(g *vault.Grant) bool {
		if !may(*g) {
			return false
		}
		g.Status, g.Generation, g.Untold = vault.Ending, a.next(g.Generation), false
		return true
	})
	if !bidden {
		return vault.Grant{}, err
	}
	return g, err
}

// leave does what remains after the tombstone g. Once its tokens are revoked,
// or kept for it, the grant has ended: what cannot be erased now is logged, and
// left for the sweep.
func (a *Auth) leave(ctx context.Context, g vault.Grant) (out Farewell, err error) {
	if out.Outcome, err = a.revoke(ctx, g); err != nil {
		return Farewell{}, err
	}
	out.Withdrawn, err = a.Vault.WithdrawApprovals(ctx, g.Person)
	if err == nil {
		err = a.Vault.DeleteGrant(ctx, g)
	}
	// A conflict means that the person has connected anew meanwhile.
	if err != nil && fault.KindOf(err) != fault.Conflict {
		a.Log.ErrorContext(ctx, "a disconnect is left for the sweep", slog.String("person", g.Person), slog.String("error", err.Error()))
		out.Rest = true
	}
	return out, nil
}

// revoke ends g's tokens at Google, or keeps them until that can be done.
func (a *Auth) revoke(ctx context.Context, g vault.Grant) (Disconnected, error) {
	token := g.RefreshToken
	if token == "" {
		token = g.AccessToken
	}
	if token == "" {
		return Erased, nil
	}
	err := a.Google.Revoke(ctx, token)
	if err == nil {
		return Revoked, nil
	}
	a.Log.ErrorContext(ctx, "revocation failed; the token is kept for it", slog.String("person", g.Person), slog.String("error", err.Error()))
	return RevokeLater, a.Vault.CreateRevocation(ctx, g.Person, g.Generation, token)
}
