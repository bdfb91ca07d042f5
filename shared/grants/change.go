package grants

import (
	"context"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// change loads a person's grant, bypassing the cache, applies f, and saves the grant. After a conflict it
// tries again. If there is no grant or f returns false, it saves nothing. It returns the grant as stored.
//
// A grant that does not open can only be disconnected: a repaired keyset may open its record again.
func (gs *Grants) change(ctx context.Context, p resource.Person, f func(*vault.Grant) bool) (vault.Grant, bool, error) {
	for attempt := 1; ; attempt++ {
		g, _, err := gs.loadGrant(ctx, p)
		if err != nil || g.Person == "" {
			return g, false, err
		}
		before := g
		if !f(&g) || g.Broken && g.Status != vault.Disconnecting {
			return before, false, nil
		}
		saved, err := gs.saveGrant(ctx, g)
		if err == nil {
			gs.cacheGrant(p, saved, gs.now())
			return saved, true, nil
		}
		if fault.KindOf(err) != fault.Conflict || attempt == maxSaveAttempts {
			return before, false, err
		}
	}
}

func (gs *Grants) saveGrant(ctx context.Context, g vault.Grant, with ...vault.Write) (vault.Grant, error) {
	g.Due = gs.nextSweep(g)
	return gs.vault.SaveGrant(ctx, g, with...)
}
