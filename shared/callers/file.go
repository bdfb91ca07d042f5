package callers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

const (
	// maxFresh is how long a copy of the file is used before it is read again. The
	// operator's changes take effect within this time.
	maxFresh = time.Minute
	// maxStale is how long a copy is used while reads fail. After that the policy is
	// unknown, so requests fail with Unavailable, never Denied.
	maxStale = 10 * time.Minute
	// retryDelay is the time between a failed read and the next one.
	retryDelay = 5 * time.Second
	// readTimeout limits one read, with its retries.
	readTimeout = 8 * time.Second
)

// File caches the operator's callers file. It is safe for concurrent use.
type File struct {
	store Store
	log   *slog.Logger
	now   func() time.Time

	flight fault.Flight[*Set]
	mu     sync.Mutex
	set    *Set
	readAt time.Time // when set was read
	tried  time.Time // the last read, successful or not
	err    error     // of the last read
}

// NewFile returns a File that reads the file in store when it is first needed.
func NewFile(store Store, log *slog.Logger, now func() time.Time) *File {
	return &File{store: store, log: log, now: now}
}

// LocationFromEnv returns the location in CALLERS, and adds an error to env if it is invalid.
func LocationFromEnv(env *config.Reader) string {
	location := env.Required("CALLERS")
	if err := CheckLocation(location); err != nil && location != "" {
		env.AddError("CALLERS", err.Error())
	}
	return location
}

// Open returns the File at a location that CheckLocation accepts.
func Open(ctx context.Context, location string) (*File, error) {
	store, err := OpenStore(ctx, location)
	if err != nil {
		return nil, err
	}
	return NewFile(store, slog.Default(), time.Now), nil
}

// WithReadCheck returns a check that other succeeds and that the file can be read.
func (f *File) WithReadCheck(other func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := f.Read(ctx)
		return errors.Join(other(ctx), err)
	}
}

// Read returns the content of the file, from a copy that is recent enough. Concurrent
// requests that need a new copy share one read.
func (f *File) Read(ctx context.Context) (*Set, error) {
	set, due, err := f.cached()
	if !due {
		return set, err
	}
	read := func(ctx context.Context) (*Set, error) {
		if _, due, _ := f.cached(); due { // the previous flight has not read it
			f.refresh(ctx)
		}
		set, _, err := f.cached()
		return set, err
	}
	return f.flight.Do(ctx, "", readTimeout, words.ErrorCallersUnavailable, read)
}

// cached returns the cached copy, if it is usable, and whether a new read is due.
func (f *File) cached() (set *Set, due bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.set != nil && now.Sub(f.readAt) < maxFresh {
		return f.set, false, nil
	}
	due = f.err == nil || now.Sub(f.tried) >= retryDelay
	if f.set != nil && now.Sub(f.readAt) < maxStale && f.err != nil {
		return f.set, due, nil
	}
	return nil, due, f.err
}

func (f *File) refresh(ctx context.Context) {
	start := f.now() // the copy may lack changes made after this
	text, _, err := f.store.Read(ctx)
	var set *Set
	if err == nil {
		set, err = Parse(text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tried = f.now()
	if err != nil {
		if f.err = err; fault.KindOf(err) != fault.Unavailable {
			f.err = &fault.Error{
				Op: "callers.File", Kind: fault.Unavailable, Public: words.ErrorCallersUnavailable, Err: err,
			}
		}
		f.log.ErrorContext(ctx, "alarm",
			slog.String("alarm", "cannot read the callers file; its last version is used for ten minutes"),
			slog.String("error", err.Error()))
		return
	}
	f.set, f.readAt, f.err = set, start, nil
}
