package callers

import (
	"cmp"
	"fmt"
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

// Quota is what a caller may still send to this instance.
type Quota struct {
	PerMinute int
	Left      int           // requests that are answered now
	Reset     time.Duration // until Left is PerMinute again
	Next      time.Duration // until the next request is answered; 0 if Left is at least one
}

// QuotaError is the error of a request beyond the caller's quota.
type QuotaError struct{ Quota }

// Error says when the next request is answered, for the log.
func (q *QuotaError) Error() string {
	return fmt.Sprintf("rate limit of the caller exceeded, next in %v", q.Next)
}

// quota returns a caller's quota without using it.
func (l *rateLimits) quota(c Caller, now time.Time) Quota {
	limiter := l.of(c)
	tokens, perMinute := max(0, limiter.TokensAt(now)), limiter.Burst()
	wait := func(tokens float64) time.Duration { return time.Duration(tokens / float64(limiter.Limit()) * 1e9) }
	return Quota{perMinute, int(tokens), wait(float64(perMinute) - tokens), wait(max(0, 1-tokens))}
}

func (l *rateLimits) allow(c Caller, now time.Time) bool { return l.of(c).AllowN(now, 1) }

// of returns the limiter of a caller.
func (l *rateLimits) of(c Caller) *rate.Limiter {
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
	return limiter
}
