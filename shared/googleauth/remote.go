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

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
)

const (
	fetchTimeout = 3 * time.Second
	minRefetch   = time.Minute     // minimum time before a fetch for missing content
	retryDelay   = 5 * time.Second // after a failed fetch, if there is a document
	firstDelay   = time.Second     // after a failed fetch, if there is none
	staleAge     = 6 * time.Hour   // how long an expired document is used while fetches fail
	defaultAge   = 5 * time.Minute // for a response without max-age
	maxAge       = 24 * time.Hour
)

// remote caches a small document of Google's for its max-age. It is fetched when it is
// needed; concurrent requests share a fetch. It is safe for concurrent use.
type remote[T any] struct {
	url   string
	http  *http.Client
	now   func() time.Time
	parse func([]byte) (T, error)

	flight fault.Flight[struct{}]
	mu     sync.Mutex
	value  T
	until  time.Time
	tried  time.Time // the last fetch, successful or not
	err    error     // of the last fetch
}

func newRemote[T any](
	url string, base http.RoundTripper, now func() time.Time, parse func([]byte) (T, error),
) *remote[T] {
	return &remote[T]{url: url, http: &http.Client{Transport: base}, now: now, parse: parse}
}

// get returns the document. If it is not enough, get fetches it again, but at most once a minute, and returns what
// there is. While fetches fail, an expired document is used for staleAge (RFC 5861, section 4). get fails with
// Unavailable if there is no document, or if the last fetch for missing content failed.
func (r *remote[T]) get(ctx context.Context, enough func(T) bool) (T, error) {
	value, state, err := r.cached(enough)
	switch state {
	case usable:
		return value, err
	case stale: // the next request gets what is fetched now
		go func() { _ = r.refresh(context.WithoutCancel(ctx), enough) }()
		return value, nil
	}
	if err := r.refresh(ctx, enough); err != nil {
		return value, fault.Wrap("googleauth.remote", err)
	}
	value, _, err = r.cached(enough)
	return value, err
}

// refresh fetches the document, once for all who wait.
func (r *remote[T]) refresh(ctx context.Context, enough func(T) bool) error {
	_, err := r.flight.Do(ctx, "", fetchTimeout, fault.NoText, func(ctx context.Context) (struct{}, error) {
		if _, state, _ := r.cached(enough); state != usable { // the previous flight has not fetched it
			r.fetch(ctx)
		}
		return struct{}{}, nil
	})
	return err
}

// state says whether a cached document will do.
type state int

const (
	due    state = iota // fetch it first
	stale               // use it, and fetch it
	usable              // use it, or its error
)

func (r *remote[T]) cached(enough func(T) bool) (T, state, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	fresh, wait := now.Before(r.until), minRefetch
	old := now.Before(r.until.Add(staleAge))
	switch {
	case r.err != nil && old:
		wait = retryDelay
	case r.err != nil: // nobody can be served before
		wait = firstDelay
	}
	recent := now.Sub(r.tried) < wait
	switch {
	case fresh && enough(r.value):
		return r.value, usable, nil
	case r.err != nil && old && enough(r.value):
		if recent {
			return r.value, usable, nil
		}
		return r.value, stale, nil
	case recent && (fresh || r.err != nil):
		return r.value, usable, r.err // after an error, the missing content may exist
	}
	return r.value, due, r.err
}

// fetchPolicy repeats a fetch, which a person waits for, within fetchTimeout. A slow answer is better than none.
var fetchPolicy = googlecall.Policy{Attempts: 3, AttemptTimeout: fetchTimeout}

func (r *remote[T]) fetch(ctx context.Context) {
	var value T
	var age time.Duration
	always := func(error) (time.Duration, bool) { return 0, true }
	err := fetchPolicy.Do(ctx, always, func(ctx context.Context) (err error) {
		value, age, err = r.load(ctx)
		return err
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried = r.now()
	if r.err = nil; err != nil {
		r.err = &fault.Error{Op: "googleauth.remote", Kind: fault.Unavailable, Err: fmt.Errorf("%s: %w", r.url, err)}
		return
	}
	r.value, r.until = value, r.tried.Add(age)
}

func (r *remote[T]) load(ctx context.Context) (value T, age time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return value, 0, err
	}
	res, err := r.http.Do(req)
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
	value, err = r.parse(body)
	return value, freshFor(res.Header), err
}

var maxAgeDirective = regexp.MustCompile(`(?:^|[ ,])max-age=(\d{1,9})`)

// freshFor returns the freshness lifetime of a response (RFC 9111: max-age minus Age).
func freshFor(h http.Header) time.Duration {
	m := maxAgeDirective.FindStringSubmatch(h.Get("Cache-Control"))
	if m == nil {
		return defaultAge
	}
	seconds, _ := strconv.Atoi(m[1])     // only digits: no error
	age, _ := strconv.Atoi(h.Get("Age")) // absent or invalid: 0
	return min(max(time.Duration(seconds-age)*time.Second, minRefetch), maxAge)
}
