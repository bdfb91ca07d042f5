package grants_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// An API outage must not end any grant.
func TestAct_APIRejectsAllTokens(t *testing.T) {
	w := newWorld(t)
	people := w.storePeople(10)
	needed := []capability.Capability{create}
	for _, rejection := range []error{googlecall.ErrToken, googlecall.ErrScope, googlecall.ErrToken} {
		for _, p := range people {
			err := w.Act(t.Context(), resource.Person(p.User()), needed, func(oauth2.TokenSource) error {
				return fmt.Errorf("chat: %w", rejection)
			})
			if fault.KindOf(err) != fault.Unavailable {
				t.Fatalf("%v: %v", rejection, err)
			}
		}
		w.Advance(5 * time.Minute)
	}
	w.checkUnchanged(people)
	if got := strings.Count(w.Log.String(), "a Google API rejects tokens that Google has just issued"); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	for _, p := range people {
		err := w.Act(t.Context(), resource.Person(p.User()), needed, func(oauth2.TokenSource) error { return nil })
		if err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

func TestAct_APIDeniesScope(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create, members)
	calls := 0
	act := func() error {
		return w.Act(t.Context(), adaID, []capability.Capability{create, members}, func(oauth2.TokenSource) error {
			calls++
			return googlecall.ErrScope
		})
	}
	if err := act(); fault.KindOf(err) != fault.Unavailable || calls != 2 || w.RefreshCount() != 1 {
		t.Errorf("scope granted: %v, %d calls, %d refreshes", err, calls, w.RefreshCount())
	}
	if err := w.Token(ada, create, members); err != nil {
		t.Errorf("the API's answer removed a scope: %v", err)
	}
	w.Google.NarrowGrant(ada, createScope)
	needs, ok := capability.AsConsentError(act())
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) {
		t.Errorf("scope no longer granted: %+v", needs)
	}
	if err := w.Token(ada, create); err != nil {
		t.Errorf("other scope: %v", err)
	}
}

func TestAct_RejectedTokenReplacedOnce(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	var tokens []string
	err := w.Act(t.Context(), adaID, []capability.Capability{create}, func(source oauth2.TokenSource) error {
		token, err := source.Token()
		check(t, err)
		if tokens = append(tokens, token.AccessToken); len(tokens) == 1 {
			return googlecall.ErrToken
		}
		return nil
	})
	if err != nil || len(tokens) != 2 || tokens[0] == tokens[1] || w.RefreshCount() != 1 {
		t.Errorf("%v, %d calls, %d refreshes", err, len(tokens), w.RefreshCount())
	}
}

// actFor returns the access token that do gets, and how often do was called. do fails with these errors in turn.
func actFor(t *testing.T, a googlecall.Actor, p resource.Person, errs ...error) (token string, calls int, err error) {
	t.Helper()
	err = a.Act(t.Context(), p, []capability.Capability{create}, func(source oauth2.TokenSource) error {
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

func TestAct_Errors(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	other := errors.New("the API has another error")
	if _, calls, err := actFor(t, w, adaID, other); !errors.Is(err, other) || calls != 1 {
		t.Errorf("other error: %v, %d calls", err, calls)
	}
	if _, calls, err := actFor(t, w, adaID, googlecall.ErrToken, other); !errors.Is(err, other) || calls != 2 {
		t.Errorf("other error of the second call: %v, %d calls", err, calls)
	}
	if _, calls, err := actFor(t, w, graceID); fault.KindOf(err) != fault.NeedsConsent || calls != 0 {
		t.Errorf("no grant: %v, %d calls", err, calls)
	}
}

func TestReplaceToken_AlreadyReplaced(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	rejected, err := w.TokenSource(t.Context(), adaID, create)
	check(t, err)
	w.Advance(2 * time.Hour)
	check(t, w.Token(ada, create))
	source, err := w.ReplaceToken(t.Context(), adaID, rejected, create)
	check(t, err)
	token, err := source.Token()
	g, _ := w.StoredGrant(ada)
	if err != nil || token.AccessToken != g.AccessToken.Reveal() || w.RefreshCount() != 1 {
		t.Errorf("%v, %d refreshes", err, w.RefreshCount())
	}
	if _, err := w.ReplaceToken(t.Context(), adaID, brokenSource{}, create); !errors.Is(err, errSource) {
		t.Errorf("no rejected token: %v", err)
	}
}

// A rejected token must not disturb a disconnect.
func TestReplaceToken_Disconnecting(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	rejected, err := w.TokenSource(t.Context(), adaID, create)
	check(t, err)
	_, err = w.InstanceOn(undeletableDocs{w.Docs}).Disconnect(t.Context(), adaID)
	check(t, err)
	writes := w.Docs.Writes()
	_, err = w.ReplaceToken(t.Context(), adaID, rejected, create)
	if fault.KindOf(err) != fault.NeedsConsent || w.Docs.Writes() != writes {
		t.Errorf("%v, %d writes", err, w.Docs.Writes()-writes)
	}
}

var errSource = errors.New("no token")

// brokenSource has no token.
type brokenSource struct{}

func (brokenSource) Token() (*oauth2.Token, error) { return nil, errSource }

func TestLookup(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	for name, c := range map[string]struct {
		named  resource.Named
		person resource.Person
	}{
		"ID":                                  {resource.Named(ada.User()), adaID},
		"address":                             {resource.Named(ada.Email), adaID},
		"ID of a person without a grant":      {resource.Named(grace.User()), ""},
		"address of a person without a grant": {resource.Named(grace.Email), ""},
	} {
		reads := w.Docs.Reads()
		g, usable, err := w.Lookup(t.Context(), c.named)
		if err != nil || g.Person != c.person || usable != (c.person != "") || w.Docs.Reads() != reads+1 {
			t.Errorf("%s: %s, %v, %v, %d reads", name, g.Person, usable, err, w.Docs.Reads()-reads)
		}
		down := w.failingInstance(func(vaulttest.Call) bool { return true })
		if _, _, err := down.Lookup(t.Context(), c.named); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: store unavailable: %v", name, err)
		}
	}
	if w.RefreshCount() != 0 {
		t.Error("Lookup refreshed a token")
	}
}

func TestConfirmEmail(t *testing.T) {
	address, byID := resource.Named("ADA@example.com"), resource.Named(ada.User())
	for name, c := range map[string]struct {
		named     resource.Named
		wait      time.Duration
		meanwhile func(w *world)
		confirmed bool
		kind      fault.Kind // 0 for no error
		refreshes int
	}{
		"ID":            {byID, 2 * time.Hour, func(*world) {}, true, 0, 0},
		"fresh token":   {address, time.Minute, func(*world) {}, true, 0, 0},
		"expired token": {address, 2 * time.Hour, func(*world) {}, true, 0, 1},
		"address changed": {address, 2 * time.Hour, func(w *world) {
			w.Google.ChangeEmail(ada, "a@example.com")
		}, false, 0, 1},
		"no longer verified": {address, 2 * time.Hour, func(w *world) {
			w.Google.MarkEmailUnverified(ada)
		}, false, 0, 1},
		"grant ended at Google": {address, 2 * time.Hour, func(w *world) { w.Google.RevokeGrant(ada) }, true, 0, 1},
		"Google unavailable": {address, 2 * time.Hour, func(w *world) {
			w.Google.FailRefreshes(ada, true)
		}, true, fault.Unavailable, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.SignIn(ada, create)
			w.Advance(c.wait)
			g, _, err := w.Lookup(t.Context(), c.named)
			check(t, err)
			c.meanwhile(w)
			g, confirmed, err := w.ConfirmEmail(t.Context(), c.named, g)
			if confirmed != c.confirmed || (err != nil) != (c.kind != 0) || c.kind != 0 && fault.KindOf(err) != c.kind {
				t.Errorf("%v, %v", confirmed, err)
			}
			if g.Person != adaID || w.RefreshCount() != c.refreshes {
				t.Errorf("%s, %d refreshes", g.Person, w.RefreshCount())
			}
		})
	}
}

func TestActorFor(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.SignIn(grace, create)
	w.Instance = consenttest.NewInstance(w.Deps) // with an empty cache
	stored, _, err := w.Lookup(t.Context(), resource.Named(ada.User()))
	check(t, err)
	actor := w.ActorFor(stored)
	reads := w.Docs.Reads()
	token, _, err := actFor(t, actor, adaID)
	if err != nil || token != stored.AccessToken.Reveal() || w.Docs.Reads() != reads {
		t.Errorf("its person: %v, %d reads", err, w.Docs.Reads()-reads)
	}
	g, _ := w.StoredGrant(grace)
	if token, _, err := actFor(t, actor, graceID); err != nil || token != g.AccessToken.Reveal() {
		t.Errorf("another person: %v", err)
	}
	next, calls, err := actFor(t, actor, adaID, googlecall.ErrToken)
	if err != nil || calls != 2 || next == token || w.RefreshCount() != 1 {
		t.Errorf("rejected token: %v, %d calls, %d refreshes", err, calls, w.RefreshCount())
	}
	stored.Status = vault.Suspended
	if _, calls, err := actFor(t, w.ActorFor(stored), adaID); fault.KindOf(err) != fault.NeedsConsent || calls != 0 {
		t.Errorf("ended grant: %v, %d calls", err, calls)
	}
}
