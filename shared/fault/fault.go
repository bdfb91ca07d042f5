// Package fault is the error type that Deputy's packages return to each other.
// An Error has a kind and a text for people; its cause is for the log only.
//
// The package that makes a call translates the errors of that call. Any error
// that is not an *Error counts as Internal, so that its text never reaches a user.
package fault

import (
	"errors"
	"fmt"
	"runtime/debug"

	"example.com/deputy/shared/i18n"
)

// Kind classifies an error for the code that reports it.
type Kind int

// The kinds. The zero value is Internal, so the safe outcome is the default.
const (
	Internal        Kind = iota // a bug or an unexpected error: people see only a reference
	Invalid                     // the input is wrong: the text says how to correct it
	Unauthenticated             // the request doesn't prove who sent it
	NeedsConsent                // the person must connect, or allow more
	NeedsApproval               // the person has not approved this caller
	Denied                      // authenticated, but not allowed
	NotFound                    // the resource doesn't exist, or isn't visible
	Conflict                    // the resource already exists, or has changed
	RateLimited                 // too many requests: try again later
	Unavailable                 // a dependency does not respond: try again later
)

var names = [...]string{
	"internal", "invalid", "unauthenticated", "needs_consent", "needs_approval",
	"denied", "not_found", "conflict", "rate_limited", "unavailable",
}

// String returns the kind's name as used in logs and problem types.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return names[Internal]
	}
	return names[k]
}

// Error is an error with a kind, a text for people, and a cause for the log.
type Error struct {
	Op     string // package.Func that failed, for the log
	Kind   Kind
	Public i18n.Text // one plain sentence that says what to do next, or NoText
	Args   []any     // arguments of Public
	Err    error     // the cause, for the log only
}

// Error returns the text for the log; never show it to a user. It includes Public only if there is no cause. A sentence
// that quotes what a person typed must therefore come with a cause, which keeps it out of the log.
func (e *Error) Error() string {
	text := e.Kind.String()
	if e.Public != NoText && e.Err == nil {
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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error without a cause. args are the arguments of public.
func New(kind Kind, public i18n.Text, args ...any) error {
	return &Error{Kind: kind, Public: public, Args: args}
}

// NoText is the empty text, for errors that people never read.
var NoText i18n.Text

// Wrap adds op to the text of err and keeps its kind. It returns nil if err is nil.
func Wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", op, err)
}

// PartialError wraps the error of an operation that had already made some changes. The
// same operation may continue, but no other may replace it.
type PartialError struct{ Err error }

// Error implements error.
func (p *PartialError) Error() string { return "partially completed: " + p.Err.Error() }

// Unwrap returns the error of the step that failed.
func (p *PartialError) Unwrap() error { return p.Err }

// KindOf returns the kind of the first *Error in err's chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// IsTransient reports whether the same call may succeed later.
func IsTransient(err error) bool {
	kind := KindOf(err)
	return err != nil && (kind == Unavailable || kind == RateLimited || kind == Internal)
}

// Public returns the text of err for a user, in their language. For an Internal
// error, or one without a text, it returns a fixed sentence with the reference.
func Public(say i18n.Say, err error, reference string) string {
	e, ok := errors.AsType[*Error](err)
	if ok && e.Kind != Internal && e.Public != NoText && e.Public != i18n.InternalError {
		return say(e.Public, e.Args...)
	}
	return say(i18n.InternalError, reference)
}

// PanicError is the error that Catch returns for a panic.
type PanicError struct {
	Value any
	Stack string // of the goroutine, for the log
}

// Error returns the panic's value as text, for the log.
func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Catch runs f and turns a panic into an Internal error that carries the stack. A function that runs in
// its own goroutine needs Catch, because a panic there would end the process.
func Catch(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &Error{Op: "fault.Catch", Err: &PanicError{value, string(debug.Stack())}}
		}
	}()
	return f()
}
