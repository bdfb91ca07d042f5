package firestore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/deputy/shared/fault"
)

func TestTranslate(t *testing.T) {
	for code, want := range map[codes.Code]fault.Kind{
		codes.NotFound:           fault.Unavailable, // "no such database", too
		codes.AlreadyExists:      fault.Unavailable,
		codes.FailedPrecondition: fault.Unavailable, // such as a missing index
		codes.Aborted:            fault.Unavailable,
		codes.Unavailable:        fault.Unavailable,
		codes.DeadlineExceeded:   fault.Unavailable,
		codes.Canceled:           fault.Unavailable,
		codes.ResourceExhausted:  fault.Unavailable,
		codes.PermissionDenied:   fault.Unavailable,
		codes.Unauthenticated:    fault.Unavailable,
		codes.Internal:           fault.Unavailable,
		codes.InvalidArgument:    fault.Internal,
	} {
		got, _ := errors.AsType[*fault.Error](translate("x", reads, status.Error(code, "x")))
		if got.Kind != want || (got.Public != fault.NoText) != (want == fault.Unavailable) {
			t.Errorf("%v: got %v with text %v, want %v", code, got.Kind, got.Public, want)
		}
	}
	for _, err := range []error{context.DeadlineExceeded, context.Canceled} {
		if got := fault.KindOf(translate("x", reads, err)); got != fault.Unavailable {
			t.Errorf("bare %v: got %v", err, got)
		}
	}
	if translate("x", reads, nil) != nil {
		t.Error("nil became an error")
	}
}

func TestRetryAborted(t *testing.T) {
	for code, want := range map[codes.Code]int{codes.Aborted: 3, codes.FailedPrecondition: 1, codes.Unavailable: 1} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			err := call(t.Context(), "x", reads, func(context.Context) error {
				if calls++; calls < 3 {
					return status.Error(code, "x")
				}
				return nil
			})
			if calls != want || (err == nil) != (code == codes.Aborted) {
				t.Errorf("%v: %d calls, %v", code, calls, err)
			}
		})
	}
}
