package userauth

import (
	"context"
	"strings"

	"example.com/deputy/shared/fault"
)

// Resealed counts what Reseal did.
type Resealed struct {
	Seen     int `json:"seen"`     // grants, and tokens still to be revoked
	Resealed int `json:"resealed"` // that were sealed or coded with other keys
	Unopened int `json:"unopened"` // with the keys there are: they stay as they were
	Changed  int `json:"changed"`  // by somebody else at the same moment
}

// Reseal seals and codes everything that is stored with the keys in use, so
// that older keys can be disabled: once a run reports nothing resealed, changed
// or unopened. It is safe to run twice, or in two places at once.
func (a *Auth) Reseal(ctx context.Context) (Resealed, error) {
	var out Resealed
	for after := ""; ; {
		page, err := a.Vault.Grants(ctx, after, sweepPage)
		if err != nil {
			return out, fault.Wrap("userauth.Reseal", err)
		}
		for _, g := range page {
			after = strings.TrimPrefix(g.Person, "users/")
			err := out.save(g.Err == nil, a.Vault.Stale(g.Grant), func() error { _, err := a.Vault.SaveGrant(ctx, g.Grant); return err })
			if err != nil {
				return out, fault.Wrap("userauth.Reseal", err)
			}
		}
		if len(page) < sweepPage {
			break
		}
	}
	for after := ""; ; {
		page, err := a.Vault.Revocations(ctx, after, sweepPage)
		if err != nil {
			return out, fault.Wrap("userauth.Reseal", err)
		}
		for _, r := range page {
			after = r.ID
			err := out.save(r.Err == nil, a.Vault.StaleRevocation(r), func() error { return a.Vault.SaveRevocation(ctx, r) })
			if err != nil {
				return out, fault.Wrap("userauth.Reseal", err)
			}
		}
		if len(page) < sweepPage {
			return out, nil
		}
	}
}

// save counts one record, and saves it if it is stale.
func (r *Resealed) save(opens, stale bool, save func() error) error {
	r.Seen++
	if !opens {
		r.Unopened++
		return nil
	}
	if !stale {
		return nil
	}
	switch err := save(); {
	case err == nil:
		r.Resealed++
	case fault.KindOf(err) == fault.Conflict:
		r.Changed++
	default:
		return err
	}
	return nil
}
