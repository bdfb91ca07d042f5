package callers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

const (
	// fresh is how old the reading may be that decides a request: a change by
	// the operator acts within it.
	fresh = time.Minute
	// stale is how old it may be while newer readings fail. After that nobody
	// knows what is allowed: requests are Unavailable, never denied.
	stale = 10 * time.Minute
	// lull is between a reading that failed and the next.
	lull = 5 * time.Second
	// readTime bounds one reading, with its repetitions.
	readTime = 8 * time.Second
)

// File is the operator's file of callers, as it is read again and again. It is
// safe for concurrent use.
type File struct {
	store Store
	log   *slog.Logger
	now   func() time.Time

	flight singleflight.Group
	mu     sync.Mutex
	set    *Set
	at     time.Time // of the reading that set is from
	tried  time.Time // the last reading, good or bad
	failed error     // why the last reading failed; nil if it did not
}

// NewFile reads the file in store when it is first asked for.
func NewFile(store Store, log *slog.Logger, now func() time.Time) *File {
	return &File{store: store, log: log, now: now}
}

// FromEnv is where CALLERS says that the file is.
func FromEnv(env *config.Reader) string {
	location := env.Required("CALLERS")
	if location != "" {
		if err := CheckLocation(location); err != nil {
			env.Fault("CALLERS", err.Error())
		}
	}
	return location
}

// Open is the file at a location that CheckLocation accepts.
func Open(ctx context.Context, location string) (*File, error) {
	store, err := OpenStore(ctx, location)
	if err != nil {
		return nil, err
	}
	return NewFile(store, slog.Default(), time.Now), nil
}

// Reachable reports whether the file can be read, beside another check.
func (f *File) Reachable(other func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := f.Read(ctx)
		return errors.Join(other(ctx), err)
	}
}

// Read is what the file says, by a reading that is young enough. Requests that
// need a new one share it.
func (f *File) Read(ctx context.Context) (*Set, error) {
	set, due, err := f.current()
	if !due {
		return set, err
	}
	// The reading is everybody's: it must outlive the request that began it.
	done := f.flight.DoChan("", func() (any, error) {
		return nil, fault.Catch(func() error {
			if _, due, _ := f.current(); due { // not done by the flight before this one
				f.reread(context.WithoutCancel(ctx))
			}
			return nil
		})
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, fault.Wrap("callers.File", r.Err)
		}
		set, _, err := f.current()
		return set, err
	case <-ctx.Done():
		return nil, unread(ctx.Err())
	}
}

// current is what is at hand, and whether a new reading is due.
func (f *File) current() (set *Set, due bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.set != nil && now.Sub(f.at) < fresh {
		return f.set, false, nil
	}
	if f.failed == nil || now.Sub(f.tried) >= lull {
		due = true
	}
	if f.set != nil && now.Sub(f.at) < stale && f.failed != nil {
		return f.set, due, nil
	}
	return nil, due, f.failed
}

func (f *File) reread(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	began := f.now() // what changes while we read counts as not read
	text, _, err := f.store.Read(ctx)
	var set *Set
	if err == nil {
		set, err = Parse(text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tried = f.now()
	if err != nil {
		f.failed = unread(err)
		f.log.ErrorContext(ctx, "alarm", slog.String("alarm", "the file of callers cannot be read; the last reading counts for ten minutes"), slog.String("error", err.Error()))
		return
	}
	f.set, f.at, f.failed = set, began, nil
}

func unread(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok && fault.KindOf(err) == fault.Unavailable {
		return err
	}
	return &fault.Error{Op: "callers.File", Kind: fault.Unavailable, Public: words.ErrorCallersUnavailable, Err: err}
}
