package operations

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// effect is what an operation changed.
type effect struct {
	created    string // resource name; may be empty
	incomplete bool   // a retry with the same key continues the operation
}

// run does an operation as the person whom a call names. It checks the policy first, so that a refused
// caller cannot learn who is connected. Without the person's own grant, it writes an audit line also before
// the operation. A write is done once for its key, and its response is stored. input is what it asks for.
func run[T any](
	ctx context.Context, o *Operations, c Call, op operation, input any, do func(actor) (T, error),
) (answer T, err error) {
	a, line := actor{done: &effect{}}, auditLine{c, op, c.id(op), ""}
	repeated := false
	resolve := func() (err error) {
		a, err = o.actor(ctx, c, op)
		line.person = a.person
		if err == nil && c.Authority != callers.AuthorityUser {
			o.writeAudit(ctx, line, "", false, "begun")
		}
		return err
	}
	q, err := newRequest(c, op, input)
	if err == nil {
		err = c.authorize(op.actions...)
	}
	switch {
	case err != nil:
	case q.ID == "":
		if err = resolve(); err == nil {
			answer, err = do(a)
			err = o.withInvitation(ctx, c, err)
			o.noteRead(ctx, line, a.known, err)
		}
	default:
		var wg sync.WaitGroup
		var refused error
		// Reading the grant and claiming the key take one round trip. The policy allowed both.
		wg.Go(func() { refused = fault.Catch(resolve) })
		repeated, err = o.runOnce(ctx, q, &answer, func(attempt Attempt) (bool, error) {
			if wg.Wait(); refused != nil {
				attempt.NothingDone()
				return false, refused
			}
			a.attempt = attempt
			attempt.SetPerson(a.known)
			if !c.self {
				a.key = resource.Key("caller " + attempt.RunID)
			}
			answer, err = do(a)
			if unsure := outcomeUnknown(err); err == nil || unsure || isPartial(err) {
				wg.Go(func() { o.noteWrite(ctx, line, a.known, attempt, a.done.created, unsure) })
			}
			return !a.done.incomplete, o.withInvitation(ctx, c, err)
		})
		wg.Wait()
		// A caller can read a stored answer even after the person withdraws the approval.
		if refused != nil && fault.KindOf(refused) != fault.NeedsApproval {
			repeated, err = false, refused
		}
	}
	if repeated && err == nil && c.OnRepeat != nil {
		c.OnRepeat()
	}
	o.audit(ctx, line, a.done.created, repeated, err)
	return answer, err
}

// newRequest returns the request by which a call is recognized when it is repeated.
// It is empty for a read, and for a person in Chat if Google itself accepts the key.
func newRequest(c Call, op operation, input any) (Request, error) {
	if c.Key == "" || c.self && !op.alwaysRecord {
		return Request{}, nil
	}
	text, err := json.Marshal(input)
	if err != nil {
		return Request{}, fault.Wrap("operations.newRequest", err)
	}
	person := address.Lower(string(c.Person))
	hash := Digest(op.name, string(op.space), person, string(c.Authority), string(text))
	q := Request{ID: c.id(op), Caller: c.Caller.ID, Hash: hash}
	if c.self {
		q.Caller = "chat"
	}
	return q, nil
}

// id returns the operation's id: the same for all its repetitions, empty for a read.
func (c Call) id(op operation) string {
	switch {
	case c.Key == "":
		return ""
	case c.self:
		return Digest("chat", op.name, string(c.Person), string(op.space), string(c.Key))
	}
	return Digest(c.Caller.ID, string(c.Key))
}

// isPartial reports whether a failed operation did a part of its work.
func isPartial(err error) bool {
	_, partial := errors.AsType[*fault.PartialError](err)
	return partial
}

// outcomeUnknown reports whether a failed operation may have been done, because no answer arrived.
func outcomeUnknown(err error) bool {
	return err != nil && !HadNoEffect(err) && !isPartial(err) && fault.KindOf(err) != fault.RateLimited
}

// runOnce calls do once for the request's key and stores the answer. For a
// repetition it loads the stored answer instead.
func (o *Operations) runOnce(
	ctx context.Context, q Request, answer any, do func(Attempt) (final bool, err error),
) (repeated bool, err error) {
	stored, repeated, err := o.runner.Do(ctx, q, func(attempt Attempt) ([]byte, bool, error) {
		final, err := do(attempt)
		if err != nil {
			return nil, false, err
		}
		text, err := json.Marshal(answer)
		return text, final, err
	})
	if err != nil || !repeated {
		return repeated, err
	}
	return true, fault.Wrap("operations.runOnce", json.Unmarshal(stored, answer))
}
