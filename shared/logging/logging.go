// Package logging configures log/slog for Cloud Logging's structured logs: severity, message, time and
// trace. Attributes of a request are collected in its context and added to each of its lines.
//
// Field names: https://docs.cloud.google.com/logging/docs/structured-logging
package logging

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// New returns a logger that writes JSON lines. project is the project ID.
func New(w io.Writer, project string, level slog.Leveler) *slog.Logger {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: replaceAttr})
	return slog.New(&handler{Handler: h, trace: "projects/" + project + "/traces/"})
}

// NewText returns a logger that writes plain text, for local runs.
func NewText(w io.Writer) *slog.Logger {
	replace := func(_ []string, a slog.Attr) slog.Attr { return truncate(a) }
	return slog.New(&handler{Handler: slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: replace})})
}

// maxText is the maximum length of a logged string in bytes. Clients control some of the strings.
const maxText = 1024

// truncate shortens the string in a to maxText, unless it is a stack trace.
func truncate(a slog.Attr) slog.Attr {
	if text := a.Value; text.Kind() == slog.KindString && len(text.String()) > maxText && a.Key != "stack_trace" {
		a.Value = slog.StringValue(strings.ToValidUTF8(text.String()[:maxText], "") + "...")
	}
	return a
}

func replaceAttr(groups []string, a slog.Attr) slog.Attr {
	a = truncate(a)
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
	trace string // prefix of a trace ID, or "" to log only the ID
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if req := fromContext(ctx); req != nil {
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

// request holds the trace and the attributes of one request.
type request struct {
	mu          sync.Mutex
	trace, span string
	attrs       []slog.Attr
}

type key struct{}

func fromContext(ctx context.Context) *request {
	req, _ := ctx.Value(key{}).(*request)
	return req
}

// TraceID is a trace ID of the platform.
type TraceID string

// NewContext returns a context that collects the attributes of a request.
func NewContext(ctx context.Context, trace TraceID, span string) context.Context {
	return context.WithValue(ctx, key{}, &request{trace: string(trace), span: span})
}

// AddAttrs adds attributes to the later lines of the request. They replace attributes of
// the same key. Outside a request, AddAttrs does nothing.
func AddAttrs(ctx context.Context, attrs ...slog.Attr) {
	req := fromContext(ctx)
	if req == nil {
		return
	}
	req.mu.Lock()
	defer req.mu.Unlock()
	for _, a := range attrs {
		i := slices.IndexFunc(req.attrs, func(b slog.Attr) bool { return b.Key == a.Key })
		if i < 0 {
			req.attrs = append(req.attrs, a)
		} else {
			req.attrs[i] = a
		}
	}
}

// Reference returns the request's trace ID, which a user can give to an operator.
func Reference(ctx context.Context) string {
	if req := fromContext(ctx); req != nil {
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

// Level is a value of LOG_LEVEL: DEBUG, INFO, WARN or ERROR, or empty for INFO.
type Level string

// Start makes the default log write JSON lines to w. project is the project ID. An unknown level is INFO, and a line
// says so.
func Start(w io.Writer, project string, level Level) {
	var least slog.Level // INFO
	err := least.UnmarshalText([]byte(cmp.Or(level, "INFO")))
	slog.SetDefault(New(w, project, least))
	if err != nil {
		slog.Warn("LOG_LEVEL is not DEBUG, INFO, WARN or ERROR, so it is INFO")
	}
}
