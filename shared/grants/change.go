package grants

import (
	"context"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// change reads a person's grant past the cache, lets edit change it, and saves
// it; once more when somebody else saved meanwhile. Without a grant, or when
// edit says no, nothing is saved. The grant is given as it is then.
//
// A grant that does not open is only ever ended: anything else would write
// over what a mended keyset may open again.
func (gs *Grants) change(ctx context.Context, person resource.Person, edit func(*vault.Grant) bool) (g vault.Grant, changed bool, err error) {
	for try := 1; ; try++ {
		g, _, err := gs.grantNow(ctx, person)
		if err != nil || g.Person == "" {
			return g, false, err
		}
		before := g
		if !edit(&g) || g.Broken && g.Status != vault.Disconnecting {
			return before, false, nil
		}
		saved, err := gs.saveGrant(ctx, g)
		if err == nil {
			gs.remember(person, saved, gs.now())
			return saved, true, nil
		}
		if fault.KindOf(err) != fault.Conflict || try == tries {
			return before, false, err
		}
	}
}

// saveGrant saves a grant, with the time when the sweep has to look at it.
func (gs *Grants) saveGrant(ctx context.Context, g vault.Grant) (vault.Grant, error) {
	g.Due = gs.due(g)
	return gs.vault.SaveGrant(ctx, g)
}
