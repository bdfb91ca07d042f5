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

// Revocation is a token that Google could not be asked to revoke yet
// (collection revocations, id: random). It is sealed for that purpose only: it
// can never be used to act.
type Revocation struct {
	ID         string
	Person     string
	Generation int64 // of the grant it ended; a newer grant must not be hurt
	Attempts   int64
	Expires    time.Time
	Token      config.Secret
	Err        error // why Token did not open; nil if it did

	version Version
	key     int64
}

// CreateRevocation keeps a token for its revocation.
func (v *Vault) CreateRevocation(ctx context.Context, person string, generation int64, token config.Secret) error {
	r := Revocation{Person: person, Generation: generation, Attempts: 1, Expires: v.now().Add(RevocationLife), Token: token, ID: rand.Text()}
	f, err := v.revocationFields(r)
	if err == nil {
		_, err = v.docs.Create(ctx, revocations, r.ID, f)
	}
	return fault.Wrap("vault.CreateRevocation", err)
}

// Revocations lists up to limit of them in the order of their ids, beginning
// behind the id after.
func (v *Vault) Revocations(ctx context.Context, after string, limit int) ([]Revocation, error) {
	docs, err := v.docs.List(ctx, revocations, after, limit)
	if err != nil {
		return nil, fault.Wrap("vault.Revocations", err)
	}
	out := make([]Revocation, len(docs))
	for i, doc := range docs {
		f := doc.Fields
		r := Revocation{
			Person: text(f, "person"), Generation: number(f, "generation"), Attempts: number(f, "attempts"), Expires: moment(f, "expires"),
			ID: doc.ID, version: doc.Version, key: number(f, "keyId"),
		}
		r.Err = v.openAll(f, "revoke", revocations, r.ID, secretField{"token", &r.Token})
		out[i] = r
	}
	return out, nil
}

// SaveRevocation stores r anew; Conflict when it has changed since it was read.
func (v *Vault) SaveRevocation(ctx context.Context, r Revocation) error {
	f, err := v.revocationFields(r)
	if err == nil {
		_, err = v.docs.Replace(ctx, revocations, r.ID, f, r.version)
	}
	return fault.Wrap("vault.SaveRevocation", err)
}

// StaleRevocation tells that r is sealed with a key that is not in use any
// more: saving it as it is mends that.
func (v *Vault) StaleRevocation(r Revocation) bool { return r.key != v.keysInUse()[0] }

// DeleteRevocation removes r; Conflict when it has changed since it was read.
func (v *Vault) DeleteRevocation(ctx context.Context, r Revocation) error {
	return fault.Wrap("vault.DeleteRevocation", v.docs.Delete(ctx, revocations, r.ID, r.version))
}

func (v *Vault) revocationFields(r Revocation) (Fields, error) {
	f := Fields{"person": r.Person, "generation": r.Generation, "attempts": r.Attempts, "expires": r.Expires, "keyId": v.keysInUse()[0]}
	return f, v.sealAll(f, "revoke", revocations, r.ID, secretField{"token", &r.Token})
}
