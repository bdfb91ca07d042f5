package firestore

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// operation is what a call does, as a set.
type operation int

const (
	reads   operation = 0
	creates operation = 1 << iota
	changes           // a document at a version
)

// answers are the codes that are no outage, or one that waiting doesn't mend. None is NotFound for people: Firestore
// answers that for a missing database, too.
var answers = map[codes.Code]struct {
	conflictOf operation // for which it means another's document or version
	kind       fault.Kind
	public     i18n.Text
}{
	codes.AlreadyExists:      {creates, fault.Unavailable, words.ErrorStoreUnavailable},
	codes.NotFound:           {changes, fault.Unavailable, words.ErrorSetUpBroken}, // otherwise no database
	codes.FailedPrecondition: {changes, fault.Unavailable, words.ErrorSetUpBroken}, // otherwise no index
	codes.PermissionDenied:   {reads, fault.Unavailable, words.ErrorSetUpBroken},
	codes.Unauthenticated:    {reads, fault.Unavailable, words.ErrorSetUpBroken},
	codes.InvalidArgument:    {reads, fault.Internal, fault.NoText},
	codes.OutOfRange:         {reads, fault.Internal, fault.NoText},
	codes.Unimplemented:      {reads, fault.Internal, fault.NoText},
	codes.Unknown:            {reads, fault.Internal, fault.NoText},
}

// translate converts a Firestore status into a fault. Any other code, and a missed deadline, is an outage.
func translate(op string, does operation, err error) error {
	if err == nil {
		return nil
	}
	a, known := answers[status.Code(err)]
	// The client may return these bare.
	isLate := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	switch {
	case isLate, !known:
		a.kind, a.public = fault.Unavailable, words.ErrorStoreUnavailable
	case a.conflictOf&does != 0:
		a.kind, a.public = fault.Conflict, fault.NoText
	}
	return &fault.Error{Op: op, Kind: a.kind, Public: a.public, Err: err}
}
