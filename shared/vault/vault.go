package vault

import (
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

// Vault keeps records on a Docs, their secrets sealed. It is safe for
// concurrent use.
type Vault struct {
	docs Docs
	keys *seal.Keys
	now  func() time.Time
}

// New is a Vault on docs whose secret fields are sealed with keys.
func New(docs Docs, keys *seal.Keys, now func() time.Time) *Vault {
	return &Vault{docs: docs, keys: keys, now: now}
}

// secretField is one sealed field on its way in or out of a record. An empty
// secret has no field.
type secretField struct {
	name  string
	value *config.Secret
}

func (v *Vault) sealAll(into Fields, purpose, collection, id string, secrets ...secretField) error {
	for _, s := range secrets {
		if *s.value == "" {
			continue
		}
		sealed, err := v.keys.Seal([]byte(s.value.Reveal()), seal.Place{Purpose: purpose, Collection: collection, Document: id, Field: s.name})
		if err != nil {
			return err
		}
		into[s.name] = sealed
	}
	return nil
}

func (v *Vault) openAll(from Fields, purpose, collection, id string, secrets ...secretField) error {
	for _, s := range secrets {
		sealed := data(from, s.name)
		if sealed == nil {
			continue
		}
		secret, err := v.keys.Open(sealed, seal.Place{Purpose: purpose, Collection: collection, Document: id, Field: s.name})
		if err != nil {
			return fault.Wrap("vault: "+collection+"."+s.name, err)
		}
		*s.value = config.Secret(secret)
	}
	return nil
}
