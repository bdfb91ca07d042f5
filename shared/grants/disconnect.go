package grants

import (
	"cmp"
	"context"
	"log/slog"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Outcome is the result of disconnecting a grant.
type Outcome string

// The outcomes.
const (
	NotConnected Outcome = "not_connected" // there was nothing to disconnect
	Revoked      Outcome = "revoked"       // revoked at Google and erased here
	RevokeLater  Outcome = "revoke_later"  // erased here; revocation at Google is pending
	Erased       Outcome = "erased"        // erased here; there was no readable token to revoke
)

// Disconnection describes what Disconnect did.
type Disconnection struct {
	Outcome    Outcome
	Withdrawn  int  // number of approvals that ended with the grant
	Incomplete bool // the record could not be erased yet; the sweep does it
}

// Disconnect ends a person's grant, including its approvals. It first marks the grant as disconnecting, so that
// no instance uses it, then revokes it at Google, then erases it. If revocation fails, the token is kept for
// that purpose only. The next Disconnect or the sweep completes an interrupted disconnect.
func (gs *Grants) Disconnect(ctx context.Context, person resource.Person) (Disconnection, error) {
	g, err := gs.beginDisconnect(ctx, person, func(vault.Grant) bool { return true })
	if err != nil || g.Person == "" {
		return Disconnection{Outcome: NotConnected}, fault.Wrap("grants.Disconnect", err)
	}
	out, err := gs.finishDisconnect(ctx, g)
	return out, fault.Wrap("grants.Disconnect", err)
}

// beginDisconnect marks a person's grant as disconnecting, if shouldEnd allows it, and returns it.
func (gs *Grants) beginDisconnect(
	ctx context.Context, person resource.Person, shouldEnd func(vault.Grant) bool,
) (vault.Grant, error) {
	g, begun, err := gs.change(ctx, person, func(g *vault.Grant) bool {
		if !shouldEnd(*g) {
			return false
		}
		if g.ClientID == "" { // the record could not be read
			g.ClientID = gs.deps.ClientID
		}
		g.Status, g.Generation, g.NeedsNotice = vault.Disconnecting, gs.nextGeneration(g.Generation), false
		return true
	})
	if !begun {
		return vault.Grant{}, err
	}
	return g, err
}

// finishDisconnect revokes and erases the disconnecting grant g. Once its token is revoked, or kept to be
// revoked later, the grant has ended: a record that cannot be erased is logged and left to the sweep.
func (gs *Grants) finishDisconnect(ctx context.Context, g vault.Grant) (out Disconnection, err error) {
	if out.Outcome, err = gs.revoke(ctx, g); err != nil {
		return Disconnection{}, err
	}
	out.Withdrawn = len(g.ValidApprovals())
	// A conflict means that the person has reconnected.
	if err := gs.vault.DeleteGrant(ctx, g); err != nil && fault.KindOf(err) != fault.Conflict {
		gs.log.ErrorContext(ctx, "erasing a disconnected grant failed; left to the sweep",
			slog.String("person", string(g.Person)), slog.String("error", err.Error()))
		out.Incomplete = true
	}
	return out, nil
}

// revoke revokes the token of g at Google, or stores it for a later revocation.
func (gs *Grants) revoke(ctx context.Context, g vault.Grant) (Outcome, error) {
	token := cmp.Or(g.RefreshToken, g.AccessToken)
	if token.Empty() {
		return Erased, nil
	}
	err := gs.deps.Google.Revoke(ctx, token)
	if err == nil {
		return Revoked, nil
	}
	gs.log.ErrorContext(ctx, "revocation failed; token kept for a retry",
		slog.String("person", string(g.Person)), slog.String("error", err.Error()))
	return RevokeLater, gs.vault.CreateRevocation(ctx, g.Person, g.Generation, token)
}
