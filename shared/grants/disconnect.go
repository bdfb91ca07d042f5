package grants

import (
	"context"
	"errors"
	"log/slog"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Outcome is what became of a grant that a person ended.
type Outcome int

// String is the outcome's name in the log.
func (d Outcome) String() string {
	return [...]string{"not_connected", "revoked", "revoke_later", "erased"}[d]
}

// MarshalText implements encoding.TextMarshaler: it is stored by name.
func (d Outcome) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Outcome) UnmarshalText(text []byte) error {
	for *d = NotConnected; *d <= Erased; *d++ {
		if d.String() == string(text) {
			return nil
		}
	}
	return errors.New("no outcome of a disconnect: " + string(text))
}

// What can come of it.
const (
	NotConnected Outcome = iota // there was nothing to end
	Revoked                     // ended at Google and erased here
	RevokeLater                 // erased here; Google could not be asked yet
	Erased                      // erased here; there was no readable token left to revoke
)

// Disconnection is what Disconnect did.
type Disconnection struct {
	Outcome   Outcome
	Withdrawn int  // approvals of other systems
	Rest      bool // something is left here, which the sweep erases
}

// Disconnect ends a person's grant: a tombstone first, so that no instance uses
// it any more, then revocation at Google, then erasure, approvals included. A
// token Google could not be asked to revoke is kept for that purpose alone. What
// breaks off half-way, the next Disconnect or the sweep finishes.
func (gs *Grants) Disconnect(ctx context.Context, person resource.Person) (Disconnection, error) {
	g, err := gs.beginDisconnect(ctx, person, func(vault.Grant) bool { return true })
	if err != nil || g.Person == "" {
		return Disconnection{}, fault.Wrap("grants.Disconnect", err)
	}
	out, err := gs.finishDisconnect(ctx, g)
	return out, fault.Wrap("grants.Disconnect", err)
}

// beginDisconnect puts the tombstone on a person's grant, if it is one that may
// end, and gives it.
func (gs *Grants) beginDisconnect(ctx context.Context, person resource.Person, may func(vault.Grant) bool) (vault.Grant, error) {
	g, begun, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		if !may(*g) {
			return false
		}
		if g.ClientID == "" { // of a record that could not be read
			g.ClientID = gs.deps.ClientID
		}
		g.Status, g.Generation, g.Untold = vault.Disconnecting, gs.next(g.Generation), false
		return true
	})
	if !begun {
		return vault.Grant{}, err
	}
	return g, err
}

// finishDisconnect does what remains after the tombstone g. Once its tokens are
// revoked, or kept for it, the grant has ended: what cannot be erased now is
// logged, and left for the sweep.
func (gs *Grants) finishDisconnect(ctx context.Context, g vault.Grant) (out Disconnection, err error) {
	if out.Outcome, err = gs.revoke(ctx, g); err != nil {
		return Disconnection{}, err
	}
	out.Withdrawn = len(g.Standing())
	// A conflict means that the person has connected again meanwhile.
	if err := gs.vault.DeleteGrant(ctx, g); err != nil && fault.KindOf(err) != fault.Conflict {
		gs.log.ErrorContext(ctx, "a disconnect is left for the sweep", slog.String("person", string(g.Person)), slog.String("error", err.Error()))
		out.Rest = true
	}
	return out, nil
}

// revoke ends g's tokens at Google, or keeps them until that can be done.
func (gs *Grants) revoke(ctx context.Context, g vault.Grant) (Outcome, error) {
	token := g.RefreshToken
	if token.Empty() {
		token = g.AccessToken
	}
	if token.Empty() {
		return Erased, nil
	}
	err := gs.deps.Google.Revoke(ctx, token)
	if err == nil {
		return Revoked, nil
	}
	gs.log.ErrorContext(ctx, "revocation failed; the token is kept for it", slog.String("person", string(g.Person)), slog.String("error", err.Error()))
	return RevokeLater, gs.vault.CreateRevocation(ctx, g.Person, g.Generation, token)
}
