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

// RevocationTTL is how long a token is kept for its revocation.
const RevocationTTL = 7 * 24 * time.Hour

// Revocation is a token that is not yet revoked at Google (collection revocations,
// id: random). It is never used for anything else.
type Revocation struct {
	ID         string          `json:"-"`
	Person     resource.Person `json:"person"`
	Generation int64           `json:"generation"` // of the ended grant; a newer grant must not be affected
	Expires    time.Time       `json:"expires"`
	Token      config.Secret   `json:"-"`
	Err        error           `json:"-"` // why the record did not open; nil if it did

	version Version
}

type sealedRevocation struct {
	Revocation
	Token string `json:"token"`
}

// CreateRevocation stores a token for its revocation.
func (v *Vault) CreateRevocation(
	ctx context.Context, person resource.Person, generation int64, token config.Secret,
) error {
	r := Revocation{ID: rand.Text(), Person: person, Generation: generation}
	r.Expires = v.now().Add(RevocationTTL)
	content := sealedRevocation{r, token.Reveal()}
	_, err := v.save(ctx, Ref{revocations, r.ID}, "", content, Fields{expiresField: r.Expires})
	return fault.Wrap("vault.CreateRevocation", err)
}

// Revocations returns up to limit revocations in order of ID, starting after the ID after.
func (v *Vault) Revocations(ctx context.Context, after string, limit int) ([]Revocation, error) {
	docs, err := v.docs.List(ctx, revocations, after, limit)
	if err != nil {
		return nil, fault.Wrap("vault.Revocations", err)
	}
	out := make([]Revocation, len(docs))
	for i, doc := range docs {
		var content sealedRevocation
		err := v.open(revocations, doc, &content)
		r := content.Revocation
		r.Token, r.ID, r.version, r.Err = config.NewSecret(content.Token), doc.ID, doc.Version, err
		if err != nil {
			r.Expires = timeField(doc.Fields, expiresField)
		}
		out[i] = r
	}
	return out, nil
}

// DeleteRevocation removes r. It returns Conflict if r has changed since it was read.
func (v *Vault) DeleteRevocation(ctx context.Context, r Revocation) error {
	return fault.Wrap("vault.DeleteRevocation", v.docs.Delete(ctx, revocations, r.ID, r.version))
}
