package vault

import (
	"context"
	"crypto/rand"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

const revocations = "revocations"

// RevocationLife is how long a token still to be revoked is kept.
const RevocationLife = 7 * 24 * time.Hour

// CreateRevocation keeps a token that Google could not be asked to revoke. It
// is sealed for that purpose only: it can never be used to act.
func (v *Vault) CreateRevocation(ctx context.Context, person string, generation int64, token config.Secret) error {
	id := rand.Text()
	f := Fields{
		"person": person, "generation": generation, "attempts": int64(1),
		"expires": v.now().Add(RevocationLife),
	}
	if err := v.sealAll(f, "revoke", revocations, id, secretField{"token", &token}); err != nil {
		return err
	}
	_, err := v.docs.Create(ctx, revocations, id, f)
	return fault.Wrap("vault.CreateRevocation", err)
}
