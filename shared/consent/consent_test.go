package consent_test

import (
	"context"
	"errors"
	"testing"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

const (
	create  = capability.CreateSpaces
	members = capability.ReadMembers

	createScope  = "https://www.googleapis.com/auth/chat.spaces.create"
	membersScope = "https://www.googleapis.com/auth/chat.memberships.readonly"
)

var (
	ada, grace          = google.People()[0], google.People()[1]
	adaID               = resource.Person(ada.User())
	browser, completion = consenttest.Browser, consenttest.Completion
)

func newWorld(t *testing.T) *consenttest.World {
	t.Helper()
	return consenttest.New(t)
}

func check(t *testing.T, err error) {
	t.Helper()
	consenttest.Check(t, err)
}

func refusalReason(err error) consent.Reason {
	if r, ok := consent.AsRefusal(err); ok {
		return r.Reason
	}
	return ""
}

// failAt returns a store whose call number at fails before it takes effect.
func failAt(w *consenttest.World, at int) *vaulttest.Faulty {
	return &vaulttest.Faulty{Docs: w.Docs, Inject: func(_ context.Context, c vaulttest.Call) error {
		if c.N == at && !c.Applied {
			return fault.New(fault.Unavailable, fault.NoText)
		}
		return nil
	}}
}

func TestRefusal_Error(t *testing.T) {
	w := newWorld(t)
	_, err := w.Start(t.Context(), config.NewSecret("%"), browser, false)
	refusal, ok := consent.AsRefusal(err)
	if !ok || refusal.Error() != "link_expired: not base64url" || !errors.Is(err, refusal.Err) {
		t.Errorf("got %v", err)
	}
}
