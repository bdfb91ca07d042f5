// Package fault is the one error type that Deputy's packages hand to each
// other. It says what kind of trouble happened and what a person may read of
// it; the cause stays inside for the log.
//
// It does not translate anybody's errors: the package that makes a call does
// that, once, where it makes it. Whatever is not a *Error counts as Internal,
// so that an unexpected error never speaks to a user.
package fault

import (
	"errors"
	"fmt"
	"runtime/debug"

	"example.com/deputy/shared/i18n"
)

// Kind says what an error means for whoever has to answer for it.
type Kind int

// The kinds. The zero value is Internal, so the safe outcome is the default.
const (
	Internal        Kind = iota // a bug or a surprise: shown as a reference only
	Invalid                     // the input is wrong: say how to mend it
	Unauthenticated             // who calls is not proved
	NeedsConsent                // the person has to connect, or to allow more
	NeedsApproval               // the person has not approved this caller
	Denied                      // known, but not allowed
	NotFound                    // the named thing is not there, or not visible
	Conflict                    // it is there already, or has changed meanwhile
	RateLimited                 // too many requests: later
	Unavailable                 // somebody we depend on does not answer: later
)

var names = [...]string{
	"internal", "invalid", "unauthenticated", "needs_consent", "needs_approval",
	"denied", "not_found", "conflict", "rate_limited", "unavailable",
}

// String is the kind's name in logs and in problem types.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return names[Internal]
	}
	return names[k]
}

// Error is one failure on its way to the place that answers for it.
type Error struct {
	Op     string // package.Func in which it happened, for the log
	Kind   Kind
	Public i18n.Text // one plain sentence with what to do next; may be none
	Args   []any     // of Public
	Err    error     // the cause, for the log only
}

// Error is the text for the log: never show it to a user. The public sentence
// is in it only when there is no cause: one that quotes what a person typed
// must have a cause beside it, so that it stays out of the log.
func (e *Error) Error() string {
	text := e.Kind.String()
	if e.Public != None && e.Err == nil {
		text += " (" + i18n.In("en")(e.Public, e.Args...) + ")"
	}
	if e.Op != "" {
		text = e.Op + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// New is an error without a cause: kind, and the sentence a user may read, with
// its arguments.
func New(kind Kind, public i18n.Text, args ...any) error {
	return &Error{Kind: kind, Public: public, Args: args}
}

// None is the sentence of an error that nobody reads.
var None i18n.Text

// Wrap notes where err passed and keeps its kind. Wrap of nil is nil.
func Wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", op, err)
}

// Partly marks an error of an act that had done a part already: the same may
// go on, but nothing else may take its place.
type Partly struct{ Err error }

// Error is that of the part that failed.
func (p *Partly) Error() string { return "partly done: " + p.Err.Error() }

// Unwrap gives it to errors.Is and errors.As.
func (p *Partly) Unwrap() error { return p.Err }

// KindOf is the kind of the first *Error in err's chain, else Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Passes tells that the same may go well later.
func Passes(err error) bool {
	kind := KindOf(err)
	return err != nil && (kind == Unavailable || kind == RateLimited || kind == Internal)
}

// Public is the sentence a user may read, in their language. An error that has
// none, and every Internal one, gives a fixed sentence that only names the
// reference.
func Public(say i18n.Say, err error, reference string) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != Internal && e.Public != None && e.Public != i18n.Surprise {
		return say(e.Public, e.Args...)
	}
	return say(i18n.Surprise, reference)
}

// Panicked is a panic that Catch caught.
type Panicked struct {
	Value any
	Stack string // of the goroutine, for the log
}

// Error names the value, for the log.
func (p *Panicked) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Catch runs f and turns a panic into an Internal error that carries the stack.
// What runs in a goroutine of its own needs it: there, a panic would end the
// process.
func Catch(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &Error{Op: "fault.Catch", Err: &Panicked{value, string(debug.Stack())}}
		}
	}()
	return f()
}
