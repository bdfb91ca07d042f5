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

// done is what came of an operation: what it made, and whether there is more to
// do under the same key.
type done struct {
	made       string // resource name; may be empty
	incomplete bool
}

// run does an operation as the person whom a call names: policy first, so that
// nobody learns who is connected; then the operation; then its audit line, which
// also goes before it when the person has not given the right themself. A write is
// done once for its key, and its answer kept; input is what it asks for.
func run[T any](ctx context.Context, o *Operations, c Call, op operation, input any, do func(actor) (T, done, error)) (answer T, err error) {
	var came done
	var beside sync.WaitGroup
	repeated := false
	q, err := request(c, op, input)
	if err != nil {
		return answer, err
	}
	who, err := o.actor(ctx, c, op)
	q.Person = who.known
	line := line{c, op, c.id(op), who.person}
	if err == nil && c.Authority != callers.ByUser {
		o.log(ctx, line, "", false, "begun")
	}
	switch {
	case err != nil && q.ID != "" && fault.KindOf(err) == fault.NeedsApproval:
		// The answer to what was done before is the caller's, whatever the
		// person has done since.
		repeated, err = o.before(ctx, q, &answer, err)
	case err != nil:
	case q.ID == "":
		answer, came, err = do(who)
		err = o.consent(ctx, c, err)
		o.noteRead(ctx, line, who.known, err)
	default:
		repeated, err = o.once(ctx, q, &answer, func(try Try) (bool, error) {
			who.try = try
			if !c.self {
				who.key = resource.Key("caller " + try.Act)
			}
			answer, came, err = do(who)
			if unsure := untold(err); err == nil || unsure || partly(err) {
				beside.Go(func() { o.note(ctx, line, who.known, try, came.made, unsure) }) // while the answer is stored
			}
			return !came.incomplete, o.consent(ctx, c, err)
		})
	}
	beside.Wait()
	o.audit(ctx, line, came.made, repeated, err)
	return answer, err
}

// request is what a call asks for, as it is known again. A key belongs to one
// request of one caller. What only reads, and what Google itself does once for its
// key, needs none.
func request(c Call, op operation, input any) (Request, error) {
	if c.Key == "" || c.self && !op.once {
		return Request{}, nil
	}
	text, err := json.Marshal(input)
	if err != nil {
		return Request{}, fault.Wrap("operations.request", err)
	}
	q := Request{ID: c.id(op), Caller: c.Caller.ID, Hash: Digest(op.name, string(op.space), address.Lower(string(c.Person)), string(c.Authority), string(text))}
	if c.self {
		q.Caller = "chat"
	}
	return q, nil
}

// id names an operation: the same for all its repetitions, empty for what only
// reads.
func (c Call) id(op operation) string {
	switch {
	case c.Key == "":
		return ""
	case c.self:
		return Digest("chat", op.name, string(c.Person), string(op.space), string(c.Key))
	}
	return Digest(c.Caller.ID, string(c.Key))
}

// partly reports whether an operation that failed had done a part already.
func partly(err error) bool {
	_, partly := errors.AsType[*fault.Partly](err)
	return partly
}

// untold reports whether an operation may have been done though it failed: no
// answer came.
func untold(err error) bool {
	return err != nil && !HadNoEffect(err) && !partly(err) && fault.KindOf(err) != fault.RateLimited
}

// once is do for a request that may be repeated under its key: the answer is
// kept, and given again.
func (o *Operations) once(ctx context.Context, q Request, answer any, do func(Try) (final bool, err error)) (repeated bool, err error) {
	kept, repeated, err := o.runner.Once(ctx, q, func(try Try) ([]byte, bool, error) {
		final, err := do(try)
		if err != nil {
			return nil, false, err
		}
		text, err := json.Marshal(answer)
		return text, final, err
	})
	if err != nil || !repeated {
		return repeated, err
	}
	return true, fault.Wrap("operations.once", json.Unmarshal(kept, answer))
}

// before is the stored answer to a request, if it was done before; else what
// says that it may not be done now.
func (o *Operations) before(ctx context.Context, q Request, answer any, refused error) (repeated bool, err error) {
	kept, err := o.runner.Result(ctx, q)
	switch {
	case err != nil:
		return false, err
	case kept == nil:
		return false, refused
	}
	return true, fault.Wrap("operations.before", json.Unmarshal(kept, answer))
}
