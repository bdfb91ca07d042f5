package grants

import (
	"context"
	"strings"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Reseal seals and codes everything that is stored for longer than the 30 days
// after which an old key is disabled, with the keys in use: once a run reports
// nothing resealed, changed or unopened, older keys can be disabled. It is safe to run
// twice, or in two places at once.
func (gs *Grants) Reseal(ctx context.Context) (vault.Resealed, error) {
	var out vault.Resealed
	for _, collection := range resealing() {
		for after, first := "", true; first || after != ""; first = false {
			page, last, err := gs.resealPage(ctx, collection, after)
			out.Add(page)
			if err != nil {
				return out, fault.Wrap("grants.Reseal", err)
			}
			after = last
		}
	}
	return out, nil
}

// sweepGrants is the stage of the sweep, and the collection, of grants.
const sweepGrants = "grants"

func resealing() []string { return append([]string{sweepGrants}, vault.Resealing...) }

// resealPage reseals a page of a collection and says where to go on, "" at the
// end.
func (gs *Grants) resealPage(ctx context.Context, collection, after string) (out vault.Resealed, last string, err error) {
	if collection != sweepGrants {
		return gs.vault.Reseal(ctx, vault.Collection(collection), after, sweepPage)
	}
	page, err := gs.vault.Grants(ctx, after, sweepPage)
	if err != nil {
		return out, after, err
	}
	for _, g := range page {
		out.Seen++
		if g.Err != nil {
			out.Unopened++
			continue
		}
		if !gs.vault.Stale(g.Grant) {
			continue
		}
		switch _, err := gs.saveGrant(ctx, g.Grant); {
		case err == nil:
			out.Resealed++
		case fault.KindOf(err) == fault.Conflict:
			out.Changed++
		default:
			return out, after, err
		}
	}
	if len(page) == sweepPage {
		last = strings.TrimPrefix(string(page[len(page)-1].Person), "users/")
	}
	return out, last, nil
}
