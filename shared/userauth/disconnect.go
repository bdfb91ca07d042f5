package userauth

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Disconnected is what Disconnect did.
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

// Disconnect ends a person's grant: a tombstone first, so that no instance
// uses it any more, then revocation at Google, then erasure. A token Google
// could not be asked to revoke is kept for that purpose alone.
func (a *Auth) Disconnect(ctx context.Context, person string) (Disconnected, error) {
	g, token, err := a.tombstone(ctx, person)
	if err != nil || g.Person == "" {
		return NotConnected, fault.Wrap("userauth.Disconnect", err)
	}
	done := Revoked
	if token == "" {
		done = Erased
	} else if err := a.Google.Revoke(ctx, token); err != nil {
		a.Log.ErrorContext(ctx, "revocation failed; the token is kept for it", slog.String("person", person), slog.String("error", err.Error()))
		if err := a.Vault.CreateRevocation(ctx, person, g.Generation, token); err != nil {
			return NotConnected, fault.Wrap("userauth.Disconnect", err)
		}
		done = RevokeLater
	}
	// A conflict means that the person has connected anew meanwhile.
	if err := a.Vault.DeleteGrant(ctx, g); err != nil && fault.KindOf(err) != fault.Conflict {
		return NotConnected, fault.Wrap("userauth.Disconnect", err)
	}
	return done, nil
}

// tombstone marks a person's grant as ended and gives the token to revoke. No
// grant gives none.
func (a *Auth) tombstone(ctx context.Context, person string) (vault.Grant, config.Secret, error) {
	for try := 1; ; try++ {
		g, _, err := a.grantNow(ctx, person)
		if err != nil || g.Person == "" {
			return vault.Grant{}, "", err
		}
		g.Status, g.Generation = vault.NeedsConsent, a.next(g.Generation)
		token := g.RefreshToken
		if token == "" {
			token = g.AccessToken
		}
		saved, err := a.Vault.SaveGrant(ctx, g)
		if err == nil {
			a.remember(person, saved, a.Now())
			return saved, token, nil
		}
		if fault.KindOf(err) != fault.Conflict || try == tries {
			return vault.Grant{}, "", err
		}
	}
}
