package main

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
)

func newTestDesktop(w *consenttest.World) *desktop {
	scope := capability.CreateSpaces.Scope()
	refresh, _ := w.Google.Connect(google.People()[0], scope)
	return newDesktop(w.Deps.Google, credential{
		Email: google.People()[0].Email, RefreshToken: refresh, Scopes: []string{scope},
	}, w.Now)
}

// act acts until there is no error left, and returns the last token.
func act(t *testing.T, d *desktop, errs ...error) (token string, calls int, err error) {
	t.Helper()
	needed := []capability.Capability{capability.CreateSpaces}
	err = d.Act(t.Context(), "", needed, func(source oauth2.TokenSource) error {
		got, err := source.Token()
		check(t, err)
		token = got.AccessToken
		if calls++; calls <= len(errs) {
			return errs[calls-1]
		}
		return nil
	})
	return token, calls, err
}

func TestDesktop_ReusesToken(t *testing.T) {
	w := consenttest.New(t)
	d := newTestDesktop(w)
	first, _, err := act(t, d)
	if err != nil || !w.Google.AccessTokenValid(first) {
		t.Fatalf("the token does not work: %v", err)
	}
	w.Advance(54 * time.Minute) // more than five minutes are left
	if again, _, err := act(t, d); err != nil || again != first || w.RefreshCount() != 1 {
		t.Errorf("before it expires: %v, %d refreshes", err, w.RefreshCount())
	}
	w.Advance(time.Minute)
	if next, _, err := act(t, d); err != nil || next == first || w.RefreshCount() != 2 {
		t.Errorf("five minutes before it expires: %v, %d refreshes", err, w.RefreshCount())
	}
	if email, err := d.Email(t.Context(), ""); err != nil || email != google.People()[0].Email {
		t.Errorf("address: %s, %v", email, err)
	}
}

func TestDesktop_RejectedToken(t *testing.T) {
	other := errors.New("other")
	for name, c := range map[string]struct {
		errs  []error
		fails bool
		kind  fault.Kind // of the error
		calls int
	}{
		"token, once":  {[]error{googlecall.ErrToken}, false, 0, 2},
		"scope, once":  {[]error{googlecall.ErrScope}, false, 0, 2},
		"token, twice": {[]error{googlecall.ErrToken, googlecall.ErrToken}, true, fault.Unavailable, 2},
		"other error":  {[]error{other}, true, fault.Internal, 1},
	} {
		w := consenttest.New(t)
		d := newTestDesktop(w)
		first, _, err := act(t, d)
		check(t, err)
		last, calls, err := act(t, d, c.errs...)
		if calls != c.calls || (err != nil) != c.fails || fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, %d calls", name, err, calls)
		}
		if replaced := last != first; replaced != (c.calls == 2) {
			t.Errorf("%s: token replaced: %v", name, replaced)
		}
	}
}

func TestDesktop_NeedsConsent(t *testing.T) {
	w := consenttest.New(t)
	d := newTestDesktop(w)
	needed := []capability.Capability{capability.CreateSpaces, capability.ReadMembers}
	do := func(oauth2.TokenSource) error {
		t.Error("acts without consent")
		return nil
	}
	needs, ok := capability.AsConsentError(d.Act(t.Context(), "", needed, do))
	if !ok || needs.Ended || !cmp.Equal(needs.Missing, []capability.Capability{capability.ReadMembers}) {
		t.Errorf("missing capability: %+v", needs)
	}
	w.Google.FailRefreshes(google.People()[0], true)
	needed = needed[:1]
	if err := d.Act(t.Context(), "", needed, do); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Google unavailable: %v", err)
	}
	w.Google.RevokeGrant(google.People()[0])
	needs, ok = capability.AsConsentError(d.Act(t.Context(), "", needed, do))
	if !ok || !needs.Ended || !cmp.Equal(needs.Missing, needed) {
		t.Errorf("ended grant: %+v", needs)
	}
}

// Two requests get the same token, which the API rejects. It is replaced once.
func TestDesktop_RejectedTwiceAtOnce(t *testing.T) {
	w := consenttest.New(t)
	d := newTestDesktop(w)
	var tokens []string
	needed := []capability.Capability{capability.CreateSpaces}
	err := d.Act(t.Context(), "", needed, func(source oauth2.TokenSource) error {
		token, err := source.Token()
		check(t, err)
		if tokens = append(tokens, token.AccessToken); len(tokens) > 1 {
			return nil
		}
		other, _, err := act(t, d, googlecall.ErrToken)
		tokens = append(tokens, other)
		return errors.Join(googlecall.ErrToken, err)
	})
	if err != nil || len(tokens) != 3 || tokens[1] != tokens[2] || w.RefreshCount() != 2 {
		t.Errorf("%v, %d calls, %d refreshes", err, len(tokens), w.RefreshCount())
	}
}
