package fault_test

import (
	"errors"
	"strings"
	"testing"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
)

func TestPublic_UnknownError(t *testing.T) {
	err := errors.New("dial tcp 10.0.0.1: secret detail")
	if got, want := fault.KindOf(err), fault.Internal; got != want {
		t.Errorf("kind: got %v, want %v", got, want)
	}
	text := fault.Public(i18n.In("en"), err, "ref-1")
	if strings.Contains(text, "secret detail") || !strings.Contains(text, "ref-1") {
		t.Errorf("public text: %q", text)
	}
}

func TestPublic_InternalHidesText(t *testing.T) {
	err := &fault.Error{Kind: fault.Internal, Public: i18n.English("a nil map in grants")}
	if text := fault.Public(i18n.In("en"), err, "r"); strings.Contains(text, "nil map") {
		t.Errorf("public text: %q", text)
	}
}

func TestWrap(t *testing.T) {
	cause := fault.New(fault.Conflict, i18n.English("Already used."))
	err := fault.Wrap("consent.Finish", fault.Wrap("vault.Take", cause))
	if got, want := fault.KindOf(err), fault.Conflict; got != want {
		t.Errorf("kind: got %v, want %v", got, want)
	}
	if got, want := fault.Public(i18n.In("en"), err, "r"), "Already used."; got != want {
		t.Errorf("public: got %q, want %q", got, want)
	}
	if got, want := err.Error(), "consent.Finish: vault.Take: conflict (Already used.)"; got != want {
		t.Errorf("log text: got %q, want %q", got, want)
	}
	if fault.Wrap("x", nil) != nil {
		t.Error("Wrap of nil is not nil")
	}
}
