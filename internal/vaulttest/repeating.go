package vaulttest

import (
	"context"

	"example.com/deputy/shared/vault"
)

// Repeating is a vault.Docs whose client gets no answer to a Create or a Replace that took effect, and repeats it.
type Repeating struct {
	vault.Docs
	Between func() // happens before the second try, if set
}

// Create implements vault.Docs.
func (d Repeating) Create(ctx context.Context, c vault.Collection, id string, f vault.Fields) (vault.Version, error) {
	return repeat(d.Between, func() (vault.Version, error) { return d.Docs.Create(ctx, c, id, f) })
}

// Replace implements vault.Docs.
func (d Repeating) Replace(
	ctx context.Context, c vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	return repeat(d.Between, func() (vault.Version, error) { return d.Docs.Replace(ctx, c, id, f, at) })
}

func repeat(between func(), write func() (vault.Version, error)) (vault.Version, error) {
	if version, err := write(); err != nil {
		return version, err
	}
	if between != nil {
		between()
	}
	return write()
}
