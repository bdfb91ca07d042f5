package operations

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// line is what an audit line says of an operation before its outcome.
type line struct {
	Call
	operation
	request string          // id of the operation
	person  resource.Person // by delegation known by address only
}

// audit writes the line of an operation that has ended.
func (o *Operations) audit(ctx context.Context, l line, made string, repeated bool, err error) {
	outcome := "ok"
	if err != nil {
		outcome = fault.KindOf(err).String()
	}
	o.log(ctx, l, made, repeated, outcome)
}

// log writes one audit line (docs/operate.md): who did what as whom, and what
// came of it; no text, no token.
func (o *Operations) log(ctx context.Context, l line, made string, repeated bool, outcome string) {
	what := []any{slog.String("act", l.actions[0]), slog.String("authority", string(cmp.Or(l.Authority, callers.ByUser)))}
	if !l.self {
		what = append(what, slog.String("caller_id", l.Caller.ID))
	}
	what = append(what, slog.String("person", string(l.person)), slog.String("in", string(l.space)), slog.String("made", made),
		slog.String("request", l.request[:min(len(l.request), 32)]), slog.Bool("repeated", repeated), slog.String("outcome", outcome))
	o.deps.Log.InfoContext(ctx, "audit", what...)
}

// noteTime is for the note of an operation, also when it took all of its time.
const noteTime = 3 * time.Second

// note lets the person see in /status what was done as them, or may have been.
// The operation is done whatever comes of this.
func (o *Operations) note(ctx context.Context, l line, person resource.Person, try Try, made string, unsure bool) {
	o.noteAs(ctx, l, person, try.Act[:32], vault.Activity{When: try.Began, Made: string(cmp.Or(resource.SpaceName(made), l.space)), Unsure: unsure})
}

// noteRead lets the person see in /status that a system read as them: once an
// hour for each system and action.
func (o *Operations) noteRead(ctx context.Context, l line, person resource.Person, err error) {
	if err != nil || person == "" || l.self {
		return
	}
	hour := o.deps.Now().UTC().Truncate(time.Hour)
	id := Digest("read", l.Caller.ID, string(person), l.actions[0], string(l.Authority), hour.String())[:32]
	if known, _ := o.reads.ContainsOrAdd(id, struct{}{}); !known {
		o.noteAs(ctx, l, person, id, vault.Activity{When: hour})
	}
}

// noteAs stores an activity of the person's. What they do themself is none, and by
// delegation one who never connected has no /status.
func (o *Operations) noteAs(ctx context.Context, l line, person resource.Person, id string, done vault.Activity) {
	if person == "" || l.self {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	done.Caller, done.Action, done.Authority = l.Caller.Name, l.actions[0], l.Authority
	err := fault.Catch(func() error { return o.deps.Vault.NoteActivity(ctx, person, id, done) })
	if err != nil {
		o.deps.Log.ErrorContext(ctx, "an activity is not noted", slog.String("person", string(person)), slog.String("error", err.Error()))
	}
}
