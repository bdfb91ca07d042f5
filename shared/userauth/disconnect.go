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
	Withdrawn int // approvals of other systems
}

// Disconnect ends a person's grant: a tombstone first, so that no instance
// uses it any more, then revocation at Google, then the approvals the person
// gave, then erasure. A token Google could not be asked to revoke is kept for
// that purpose alone. What breaks off half-way, the next Disconnect or the
// sweep finishes.
func (a *Auth) Disconnect(ctx context.Context, person string) (Farewell, error) {
	g, _, err := a.change(ctx, person, func(g *vault.Grant) bool {
		g.Status, g.Generation, g.Untold = vault.Ending, a.next(g.Generation), false
		return true
	})
	if err != nil {
		return Farewell{}, fault.Wrap("userauth.Disconnect", err)
	}
	out, err := a.leave(ctx, person, g)
	return out, fault.Wrap("userauth.Disconnect", err)
}

// leave does what remains after the tombstone g; without one, only what may be
// left of an earlier grant.
func (a *Auth) leave(ctx context.Context, person string, g vault.Grant) (out Farewell, err error) {
	if g.Person != "" {
		if out.Outcome, err = a.revoke(ctx, g); err != nil {
			return Farewell{}, err
		}
	}
	if out.Withdrawn, err = a.Vault.WithdrawApprovals(ctx, person); err != nil || g.Person == "" {
		return out, err
	}
	// A conflict means that the person has connected anew meanwhile.
	if err := a.Vault.DeleteGrant(ctx, g); err != nil && fault.KindOf(err) != fault.Conflict {
		return Farewell{}, err
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
