package logging_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/logging"
)

func TestALineHasTheFieldsCloudLoggingReads(t *testing.T) {
	var out strings.Builder
	log := logging.New(&out, "my-project", slog.LevelInfo)
	ctx := logging.Begin(t.Context(), "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
	logging.Note(ctx, slog.String("command", "/help"), slog.String("outcome", "pending"))
	logging.Note(ctx, slog.String("outcome", "ok"))
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

func TestTheReferenceAUserQuotesIsTheTrace(t *testing.T) {
	ctx := logging.Begin(t.Context(), "abc", "")
	if got, want := logging.Reference(ctx), "abc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// S14: a stranger's text must not fill the log.
func TestATextOfAStrangerIsCutAndAStackIsNot(t *testing.T) {
	long := strings.Repeat("é", 500<<10)
	for name, log := range map[string]func(*strings.Builder) *slog.Logger{
		"JSON": func(out *strings.Builder) *slog.Logger { return logging.New(out, "p", slog.LevelInfo) },
		"text": func(out *strings.Builder) *slog.Logger { return logging.NewText(out) },
	} {
		var out strings.Builder
		log(&out).Info("request", slog.String("path", long))
		if out.Len() > 8<<10 || !strings.Contains(out.String(), "...") {
			t.Errorf("%s: %d bytes", name, out.Len())
		}
		out.Reset()
		log(&out).Info("request", slog.String("stack_trace", long))
		if out.Len() < len(long) {
			t.Errorf("%s: the stack was cut to %d bytes", name, out.Len())
		}
	}
}
