package callers

import (
	"cmp"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// defaultRate is the limit in requests per minute and instance for a caller without a rate in the file.
const defaultRate = 600

// rateLimits holds the rate limiter of each caller in the file. Limiters are kept when
// the file is read again. The zero value is ready to use.
type rateLimits struct {
	mu       sync.Mutex
	limiters map[string]*rate.Limiter // by caller ID
}

func (l *rateLimits) allow(c Caller, now time.Time) bool {
	perMinute := cmp.Or(c.Rate, defaultRate)
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.limiters[c.ID]
	if limiter == nil || limiter.Burst() != perMinute {
		if l.limiters == nil {
			l.limiters = map[string]*rate.Limiter{}
		}
		limiter = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
		l.limiters[c.ID] = limiter
	}
	return limiter.AllowN(now, 1)
}
