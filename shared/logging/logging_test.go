package logging_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/logging"
)

func TestNew_CloudLoggingFields(t *testing.T) {
	var out strings.Builder
	log := logging.New(&out, "my-project", slog.LevelInfo)
	ctx := logging.NewContext(t.Context(), "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
	logging.AddAttrs(ctx, slog.String("command", "/help"), slog.String("outcome", "pending"))
	logging.AddAttrs(ctx, slog.String("outcome", "ok"))
	log.WarnContext(ctx, "request")

	var got map[string]any
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	want := map[string]any{
		"severity": "WARNING", "message": "request", "command": "/help", "outcome": "ok",
		"logging.googleapis.com/trace":  "projects/my-project/traces/4bf92f3577b34da6a3ce929d0e0e4736",
		"logging.googleapis.com/spanId": "00f067aa0ba902b7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReference(t *testing.T) {
	ctx := logging.NewContext(t.Context(), "abc", "")
	if got, want := logging.Reference(ctx), "abc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Attack: a client sends long texts to fill the log.
func TestLog_LongText(t *testing.T) {
	long := strings.Repeat("é", 500<<10)
	for name, newLogger := range map[string]func(*strings.Builder) *slog.Logger{
		"JSON": func(out *strings.Builder) *slog.Logger { return logging.New(out, "p", slog.LevelInfo) },
		"text": func(out *strings.Builder) *slog.Logger { return logging.NewText(out) },
	} {
		var out strings.Builder
		newLogger(&out).Info("request", slog.String("path", long))
		if out.Len() > 8<<10 || !strings.Contains(out.String(), "...") {
			t.Errorf("%s: %d bytes", name, out.Len())
		}
		out.Reset()
		newLogger(&out).Info("request", slog.String("stack_trace", long))
		if out.Len() < len(long) {
			t.Errorf("%s: stack trace truncated to %d bytes", name, out.Len())
		}
	}
}

// An unknown LOG_LEVEL is INFO, and the log says so.
func TestStart(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	for level, want := range map[logging.Level]int{"": 1, "INFO": 1, "DEBUG": 2, "ERROR": 0, "verbose": 2, " ": 2} {
		var out strings.Builder
		logging.Start(&out, "p", level)
		slog.Debug("debug")
		slog.Info("info")
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("%q: %d lines: %s", level, got, out.String())
		}
	}
}
