package vault

import (
	"context"
	"crypto/rand"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

const revocations = "revocations"

// RevocationLife is how long a token still to be revoked is kept.
const RevocationLife = 7 * 24 * time.Hour

// Revocation is a token that Google could not be asked to revoke yet
// (collection revocations, id: random). It can never be used to act.
type Revocation struct {
	ID         string          `json:"-"`
	Person     resource.Person `json:"person"`
	Generation int64           `json:"generation"` // of the grant it ended; a newer grant must not be hurt
	Attempts   int64           `json:"attempts"`
	Expires    time.Time       `json:"expires"`
	Token      config.Secret   `json:"-"`
	Err        error           `json:"-"` // why the record did not open; nil if it did

	version Version
}

type sealedRevocation struct {
	Revocation
	Token string `json:"token"`
}

// CreateRevocation keeps a token for its revocation.
func (v *Vault) CreateRevocation(ctx context.Context, person resource.Person, generation int64, token config.Secret) error {
	r := Revocation{Person: person, Generation: generation, Attempts: 1, Expires: v.now().Add(RevocationLife), Token: token, ID: rand.Text()}
	f, err := v.revocationFields(r)
	if err == nil {
		_, err = v.docs.Create(ctx, revocations, r.ID, f)
	}
	return fault.Wrap("vault.CreateRevocation", err)
}

// Revocations lists up to limit of them in the order of their ids, beginning
// after the id after.
func (v *Vault) Revocations(ctx context.Context, after string, limit int) ([]Revocation, error) {
	docs, err := v.docs.List(ctx, revocations, after, limit)
	if err != nil {
		return nil, fault.Wrap("vault.Revocations", err)
	}
	out := make([]Revocation, len(docs))
	for i, doc := range docs {
		var read sealedRevocation
		err := v.open(revocations, doc, &read)
		r := read.Revocation
		r.Token, r.ID, r.version, r.Err = config.NewSecret(read.Token), doc.ID, doc.Version, err
		if err != nil {
			r.Expires = moment(doc.Fields, expiresField) // when the store forgets it anyway
		}
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

// DeleteRevocation removes r; Conflict when it has changed since it was read.
func (v *Vault) DeleteRevocation(ctx context.Context, r Revocation) error {
	return fault.Wrap("vault.DeleteRevocation", v.docs.Delete(ctx, revocations, r.ID, r.version))
}

func (v *Vault) revocationFields(r Revocation) (Fields, error) {
	return v.sealed(revocations, r.ID, sealedRevocation{r, r.Token.Reveal()}, Fields{expiresField: r.Expires})
}
