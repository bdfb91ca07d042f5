// Package logging writes log/slog lines as Cloud Logging reads them: severity,
// message, time, and the trace they belong to. What is known about a request
// rides in its context, so that its one line at the end has it all.
//
// Field names: https://docs.cloud.google.com/logging/docs/structured-logging
package logging

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// New is a logger of JSON lines for the project with this id.
func New(w io.Writer, project string, level slog.Leveler) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: rename})
	return slog.New(&handler{Handler: h, trace: "projects/" + project + "/traces/"})
}

// NewText is a logger of the same lines in plain text, for the local run.
func NewText(w io.Writer) *slog.Logger {
	return slog.New(&handler{Handler: slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return bounded(a) }})})
}

// most is how many bytes of one text are logged: strangers choose some of them.
const most = 1024

// bounded is a without what is too long of its text. Only a stack may be longer.
func bounded(a slog.Attr) slog.Attr {
	if text := a.Value; text.Kind() == slog.KindString && len(text.String()) > most && a.Key != "stack_trace" {
		a.Value = slog.StringValue(strings.ToValidUTF8(text.String()[:most], "") + "...")
	}
	return a
}

func rename(groups []string, a slog.Attr) slog.Attr {
	a = bounded(a)
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		a.Key = "severity"
		if level, ok := a.Value.Any().(slog.Level); ok && level == slog.LevelWarn {
			a.Value = slog.StringValue("WARNING")
		}
	}
	return a
}

type handler struct {
	slog.Handler
	trace string // prefix of a trace's name; empty leaves the trace bare
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if req := of(ctx); req != nil {
		r = r.Clone()
		r.AddAttrs(req.attributes(h.trace)...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{Handler: h.Handler.WithAttrs(attrs), trace: h.trace}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), trace: h.trace}
}

// request is what has been learnt about one request so far.
type request struct {
	mu          sync.Mutex
	trace, span string
	attrs       []slog.Attr
}

type key struct{}

func of(ctx context.Context) *request {
	req, _ := ctx.Value(key{}).(*request)
	return req
}

// Trace is the id of a trace, as the platform named it.
type Trace string

// Begin starts a request's notes: trace and span as the platform named them.
func Begin(ctx context.Context, trace Trace, span string) context.Context {
	return context.WithValue(ctx, key{}, &request{trace: string(trace), span: span})
}

// Note adds to every later line of the request. A key noted again replaces
// the earlier value. Outside a request it does nothing.
func Note(ctx context.Context, attrs ...slog.Attr) {
	req := of(ctx)
	if req == nil {
		return
	}
	req.mu.Lock()
	defer req.mu.Unlock()
	for _, a := range attrs {
		at := slices.IndexFunc(req.attrs, func(b slog.Attr) bool { return b.Key == a.Key })
		if at < 0 {
			req.attrs = append(req.attrs, a)
		} else {
			req.attrs[at] = a
		}
	}
}

// Reference is the request's trace id: what a user may quote to an operator.
func Reference(ctx context.Context) string {
	if req := of(ctx); req != nil {
		return req.trace
	}
	return "none"
}

func (r *request) attributes(prefix string) []slog.Attr {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]slog.Attr, 0, len(r.attrs)+2)
	out = append(out, r.attrs...)
	if prefix == "" {
		return append(out, slog.String("trace", r.trace))
	}
	out = append(out, slog.String("logging.googleapis.com/trace", prefix+r.trace))
	if r.span != "" {
		out = append(out, slog.String("logging.googleapis.com/spanId", r.span))
	}
	return out
}

// Level reads LOG_LEVEL: DEBUG, INFO, WARN or ERROR; anything else is INFO.
func Level(text string) slog.Level {
	var level slog.Level // INFO
	_ = level.UnmarshalText([]byte(text))
	return level
}
