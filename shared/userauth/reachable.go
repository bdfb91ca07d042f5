package userauth

import (
	"context"

	"example.com/deputy/shared/fault"
)

// Reachable tells whether the store answers: Unavailable when it does not, or
// when there is no such database.
func (a *Auth) Reachable(ctx context.Context) error {
	_, err := a.Vault.Grants(ctx, "", 1)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return &fault.Error{Op: "userauth.Reachable", Kind: fault.Unavailable, Err: err}
	}
	return err
}
