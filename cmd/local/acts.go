package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// act is what a caller did, from its audit line.
type act struct {
	Time                                     time.Time
	Caller, Action, Person, Resource, Result string
}

// maxActs limits what is kept.
const maxActs = 100

// acts holds the latest acts of callers. It is safe for concurrent use.
type acts struct {
	mu   sync.Mutex
	list []act // newest first
}

// latest returns the acts, newest first.
func (a *acts) latest() []act {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.list)
}

// actsHandler keeps audit lines of callers in acts.
type actsHandler struct {
	slog.Handler

	acts *acts
}

// Handle implements slog.Handler.
func (h actsHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "audit" {
		a := act{Time: r.Time}
		into := map[string]*string{
			"caller_id": &a.Caller, "action": &a.Action, "person": &a.Person, "resource": &a.Resource,
			"outcome": &a.Result,
		}
		r.Attrs(func(attr slog.Attr) bool {
			if field := into[attr.Key]; field != nil {
				*field = attr.Value.String()
			}
			return true
		})
		if a.Caller != "" && a.Result != "" && a.Result != "begun" {
			h.acts.mu.Lock()
			h.acts.list = append([]act{a}, h.acts.list[:min(len(h.acts.list), maxActs-1)]...)
			h.acts.mu.Unlock()
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h actsHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return actsHandler{h.Handler.WithAttrs(attrs), h.acts}
}

// WithGroup implements slog.Handler.
func (h actsHandler) WithGroup(name string) slog.Handler {
	return actsHandler{h.Handler.WithGroup(name), h.acts}
}
