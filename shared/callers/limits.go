package callers

import (
	"cmp"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// usualRate is how many requests a caller may make in a minute, on one instance,
// when the file does not say.
const usualRate = 600

// limits are how fast each known caller may call. What a caller has used of its
// rate is kept over every new reading of the file; strangers have none. The zero
// value is ready.
type limits struct {
	mu sync.Mutex
	of map[string]*rate.Limiter // by the caller's id
}

func (l *limits) allow(c Caller, now time.Time) bool {
	minute := cmp.Or(c.Rate, usualRate)
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.of[c.ID]
	if limiter == nil || limiter.Burst() != minute {
		if l.of == nil {
			l.of = map[string]*rate.Limiter{}
		}
		limiter = rate.NewLimiter(rate.Limit(float64(minute)/60), minute)
		l.of[c.ID] = limiter
	}
	return limiter.AllowN(now, 1)
}
