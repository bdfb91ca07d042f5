package googleauth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"example.com/deputy/shared/fault"
)

const (
	fetchTime  = 3 * time.Second // of one fetch
	refetch    = time.Minute     // at the soonest, when what is at hand does not do
	lull       = 5 * time.Second // after a fetch that failed
	defaultAge = 5 * time.Minute // of an answer that names no max-age
	maxAge     = 24 * time.Hour
)

// remote is a small document of Google's, fetched when it is first needed and
// kept as long as its max-age says. Requests that need a fetch at once share
// it; after a fetch that failed the next waits some seconds. It is safe for
// concurrent use.
type remote[T any] struct {
	url   string
	http  *http.Client
	now   func() time.Time
	parse func([]byte) (T, error)

	flight singleflight.Group
	mu     sync.Mutex
	value  T
	until  time.Time
	tried  time.Time // the last fetch, good or bad
	failed error     // why the last fetch failed; nil if it did not
}

func newRemote[T any](url string, base http.RoundTripper, now func() time.Time, parse func([]byte) (T, error)) *remote[T] {
	return &remote[T]{url: url, http: &http.Client{Transport: base}, now: now, parse: parse}
}

// get gives the document. One that is not enough is fetched anew once a minute
// at most, and given as it is in between. Unavailable when it cannot be had, or
// when the fetch for what is missing has just failed.
func (d *remote[T]) get(ctx context.Context, enough func(T) bool) (T, error) {
	value, fetch, err := d.look(enough)
	if !fetch {
		return value, err
	}
	// The fetch is everybody's: it must outlive the request that began it.
	done := d.flight.DoChan("", func() (any, error) {
		return nil, fault.Catch(func() error {
			if _, fetch, _ := d.look(enough); fetch { // not done by the flight before this one
				d.fetch(context.WithoutCancel(ctx))
			}
			return nil
		})
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return value, fault.Wrap("googleauth.remote", r.Err)
		}
		value, _, err := d.look(enough)
		return value, err
	case <-ctx.Done():
		return value, &fault.Error{Op: "googleauth.remote", Kind: fault.Unavailable, Err: ctx.Err()}
	}
}

// look gives what is at hand and tells whether a fetch is due.
func (d *remote[T]) look(enough func(T) bool) (value T, fetch bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if now.Before(d.until) {
		wait := refetch
		if d.failed != nil {
			wait = lull
		}
		switch {
		case enough(d.value):
			return d.value, false, nil
		case now.Sub(d.tried) >= wait:
			return d.value, true, nil
		}
		return d.value, false, d.failed // what is missing may be there by now
	}
	return value, d.failed == nil || now.Sub(d.tried) >= lull, d.failed
}

func (d *remote[T]) fetch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	value, age, err := d.load(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tried = d.now()
	if d.failed = nil; err != nil {
		d.failed = &fault.Error{Op: "googleauth.remote", Kind: fault.Unavailable, Err: fmt.Errorf("%s: %w", d.url, err)}
		return
	}
	d.value, d.until = value, d.tried.Add(age)
}

func (d *remote[T]) load(ctx context.Context) (value T, age time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return value, 0, err
	}
	res, err := d.http.Do(req)
	if err != nil {
		return value, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return value, 0, fmt.Errorf("status %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return value, 0, err
	}
	value, err = d.parse(body)
	return value, ageOf(res.Header), err
}

var maxAgeOf = regexp.MustCompile(`(?:^|[ ,])max-age=(\d{1,9})`)

// ageOf is how long the answer may be used (RFC 9111: max-age less Age).
func ageOf(h http.Header) time.Duration {
	m := maxAgeOf.FindStringSubmatch(h.Get("Cache-Control"))
	if m == nil {
		return defaultAge
	}
	seconds, _ := strconv.Atoi(m[1])       // digits: never fails
	spent, _ := strconv.Atoi(h.Get("Age")) // absent or odd: 0
	return min(max(time.Duration(seconds-spent)*time.Second, refetch), maxAge)
}
