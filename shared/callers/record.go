package callers

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/time/rate"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

const (
	// Everything is the id of a record that pauses all callers at once.
	Everything = "everything"

	cacheSize = 1_000
	fresh     = time.Minute // how long a record is believed: a pause acts within it
	usualRate = 600         // requests in a minute
)

// record is a caller's record as it was read, and how fast it may call.
type record struct {
	caller vault.Caller // empty when there is none
	at     time.Time
	limit  *rate.Limiter
}

// read is the record of a caller, at most a minute old. What a caller has used
// of its rate is remembered over a new reading.
func (c *Callers) read(ctx context.Context, id string) (record, error) {
	known, hit := c.known.Get(id)
	if hit && c.now().Sub(known.at) < fresh {
		return known, nil
	}
	caller, err := c.vault.Caller(ctx, id)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return record{}, err
	}
	r := record{caller, c.now(), known.limit}
	minute := int(cmp.Or(caller.Rate, usualRate))
	if r.limit == nil || r.limit.Burst() != minute {
		r.limit = rate.NewLimiter(rate.Limit(float64(minute)/60), minute)
	}
	c.known.Add(id, r)
	return r, nil
}
