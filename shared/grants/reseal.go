package grants

import (
	"context"
	"strings"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// Reseal seals and codes with the current keys all records that are stored for more than 30 days, after which
// old keys are disabled. Disable them once a run reports nothing resealed, changed or unopened. Runs may overlap.
func (gs *Grants) Reseal(ctx context.Context) (vault.ResealCounts, error) {
	var total vault.ResealCounts
	for _, collection := range resealedCollections() {
		for after, first := "", true; first || after != ""; first = false {
			page, last, err := gs.resealPage(ctx, collection, after)
			total.Add(page)
			if err != nil {
				return total, fault.Wrap("grants.Reseal", err)
			}
			after = last
		}
	}
	return total, nil
}

const grantsStage = "grants"

func resealedCollections() []string { return append([]string{grantsStage}, vault.ResealCollections...) }

// resealPage reseals one page of a collection and returns the ID to continue after, "" at the end.
func (gs *Grants) resealPage(ctx context.Context, collection, after string) (r vault.ResealCounts, last string,
	err error,
) {
	if collection != grantsStage {
		return gs.vault.Reseal(ctx, vault.Collection(collection), after, pageSize)
	}
	page, err := gs.vault.Grants(ctx, after, pageSize)
	if err != nil {
		return r, after, err
	}
	for _, g := range page {
		r.Seen++
		if g.Err != nil {
			r.Unopened++
			continue
		}
		if !gs.vault.NeedsReseal(g.Grant) {
			continue
		}
		switch _, err := gs.saveGrant(ctx, g.Grant); {
		case err == nil:
			r.Resealed++
		case fault.KindOf(err) == fault.Conflict:
			r.Changed++
		default:
			return r, after, err
		}
	}
	if len(page) == pageSize {
		last = strings.TrimPrefix(string(page[len(page)-1].Person), "users/")
	}
	return r, last, nil
}
