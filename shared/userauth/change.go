package userauth

import (
	"context"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// change reads a person's grant past the cache, lets edit change it, and saves
// it; once more when somebody else saved meanwhile. Without a grant, or when
// edit says no, nothing is saved. The grant is given as it is then.
//
// A grant that does not open is only ever ended: anything else would write
// over what a mended keyset may open again.
func (a *Auth) change(ctx context.Context, person string, edit func(*vault.Grant) bool) (g vault.Grant, changed bool, err error) {
	for try := 1; ; try++ {
		g, _, err := a.grantNow(ctx, person)
		if err != nil || g.Person == "" {
			return g, false, err
		}
		before := g
		if !edit(&g) || g.Broken && g.Status != vault.Disconnecting {
			return before, false, nil
		}
		saved, err := a.saveGrant(ctx, g)
		if err == nil {
			a.remember(person, saved, a.Now())
			return saved, true, nil
		}
		if fault.KindOf(err) != fault.Conflict || try == tries {
			return before, false, err
		}
	}
}

// saveGrant saves a grant, with the time when the sweep has to look at it.
func (a *Auth) saveGrant(ctx context.Context, g vault.Grant) (vault.Grant, error) {
	g.Due = a.due(g)
	return a.Vault.SaveGrant(ctx, g)
}
