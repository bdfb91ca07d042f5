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

// auditLine holds the fields of an audit line that are known before the outcome.
type auditLine struct {
	Call
	operation
	request string          // id of the operation
	person  resource.Person // by delegation known by address only
}

// audit writes the line of an operation that has ended.
func (o *Operations) audit(ctx context.Context, l auditLine, created string, repeated bool, err error) {
	outcome := "ok"
	if err != nil {
		outcome = fault.KindOf(err).String()
	}
	o.writeAudit(ctx, l, created, repeated, outcome)
}

// writeAudit writes one audit line (docs/operate.md). It holds no text and no token.
func (o *Operations) writeAudit(ctx context.Context, l auditLine, created string, repeated bool, outcome string) {
	authority := string(cmp.Or(l.Authority, callers.AuthorityUser))
	attrs := []any{slog.String("action", l.actions[0]), slog.String("authority", authority)}
	if !l.self {
		attrs = append(attrs, slog.String("caller_id", l.Caller.ID))
	}
	attrs = append(attrs, slog.String("person", string(l.person)), slog.String("target", string(l.space)),
		slog.String("resource", created), slog.String("request", l.request[:min(len(l.request), 32)]),
		slog.Bool("repeated", repeated), slog.String("outcome", outcome))
	o.deps.Log.InfoContext(ctx, "audit", attrs...)
}

// noteTime is the time to store an activity, even after the operation's own deadline.
const noteTime = 3 * time.Second

// noteWrite records in /status what was done as the person, or may have been.
func (o *Operations) noteWrite(
	ctx context.Context, l auditLine, person resource.Person, attempt Attempt, created string, unsure bool,
) {
	space := cmp.Or(resource.SpaceName(created), l.space)
	o.note(ctx, l, person, attempt.RunID[:32],
		vault.Activity{Time: attempt.FirstTried, Resource: string(space), OutcomeUnknown: unsure})
}

// noteRead records in /status that a caller read as the person, once an hour for each caller and action.
func (o *Operations) noteRead(ctx context.Context, l auditLine, person resource.Person, err error) {
	if err != nil || person == "" || l.self {
		return
	}
	hour := o.deps.Now().UTC().Truncate(time.Hour)
	id := Digest("read", l.Caller.ID, string(person), l.actions[0], string(l.Authority), hour.String())[:32]
	if known, _ := o.reads.ContainsOrAdd(id, struct{}{}); !known {
		o.note(ctx, l, person, id, vault.Activity{Time: hour})
	}
}

// note stores an activity of a caller. A person acted for by delegation who never
// connected has no /status. A failure is logged: the operation itself is done.
func (o *Operations) note(ctx context.Context, l auditLine, person resource.Person, id string, a vault.Activity) {
	if person == "" || l.self {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	a.Caller, a.Action, a.Authority = l.Caller.Name, l.actions[0], l.Authority
	err := fault.Catch(func() error { return o.deps.Vault.RecordActivity(ctx, person, id, a) })
	if err != nil {
		o.deps.Log.ErrorContext(ctx, "activity not stored",
			slog.String("person", string(person)), slog.String("error", err.Error()))
	}
}
