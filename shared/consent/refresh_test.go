package consent_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const (
	createScope  = "https://www.googleapis.com/auth/chat.spaces.create"
	membersScope = "https://www.googleapis.com/auth/chat.memberships.readonly"
)

func TestTwoHundredRequestsWithAnExpiredTokenRefreshOnce(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	if got := w.storm(200, w.instance); got != 1 {
		t.Errorf("tokens: got %d different ones", got)
	}
	if got := w.refreshes(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestTwoInstancesRefreshTwiceAtMostAndBothEndWithAWorkingToken(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	other := newInstance(w.deps)
	w.ahead.Add(int64(2 * time.Hour))
	w.storm(200, w.instance, other)
	if got := w.refreshes(); got < 1 || got > 2 {
		t.Errorf("refreshes: got %d, want 1 or 2", got)
	}
	for _, a := range []*instance{w.instance, other, newInstance(w.deps)} {
		source, err := a.TokenSource(t.Context(), resource.Person(ada.User()), create)
		if err != nil {
			t.Fatal(err)
		}
		if token, err := source.Token(); err != nil || !w.google.AccessTokenValid(token.AccessToken) {
			t.Errorf("the token does not work: %v", err)
		}
	}
	if got := w.refreshes(); got > 2 {
		t.Errorf("afterwards: got %d refreshes", got)
	}
}

// storm asks for Ada's token n times at once, over the instances in turn, and
// says how many different ones there were.
func (w *world) storm(n int, instances ...*instance) int {
	w.t.Helper()
	var wg sync.WaitGroup
	var tokens sync.Map
	for i := range n {
		wg.Go(func() {
			source, err := instances[i%len(instances)].TokenSource(w.t.Context(), resource.Person(ada.User()), create)
			if err != nil {
				w.t.Error(err)
				return
			}
			token, _ := source.Token()
			tokens.Store(token.AccessToken, true)
		})
	}
	wg.Wait()
	different := 0
	tokens.Range(func(any, any) bool { different++; return true })
	return different
}

func TestAColdInstanceUsesTheStoredTokenWithoutARefresh(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	if _, err := newInstance(w.deps).TokenSource(t.Context(), resource.Person(ada.User()), create); err != nil {
		t.Fatal(err)
	}
	if got := w.refreshes(); got != 0 {
		t.Errorf("refreshes: got %d, want 0", got)
	}
}

// interloper does something just before the next save of a grant.
type interloper struct {
	vault.Docs
	before atomic.Pointer[func()]
}

func (i *interloper) Replace(ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version) (vault.Version, error) {
	if collection == "grants" {
		if do := i.before.Swap(nil); do != nil {
			(*do)()
		}
	}
	return i.Docs.Replace(ctx, collection, id, f, at)
}

// between does something just before the next save.
func (w *world) between(do func()) {
	w.t.Helper()
	i := &interloper{Docs: w.docs}
	i.before.Store(&do)
	deps := w.deps
	deps.Vault = vault.New(i, deps.Keys, deps.Now)
	w.instance = newInstance(deps)
}

func TestWhoeverLosesTheSaveOfARefreshTakesWhatWon(t *testing.T) {
	for name, c := range map[string]struct {
		won  func(t *testing.T, w *world, other *instance)
		kind fault.Kind // of the answer; 0 for a working token
	}{
		"another refresh": {func(t *testing.T, _ *world, other *instance) {
			if _, err := other.TokenSource(t.Context(), resource.Person(ada.User()), create); err != nil {
				t.Error(err)
			}
		}, 0},
		"a mark on the grant": {func(t *testing.T, w *world, other *instance) {
			if err := other.AppRemoved(t.Context(), resource.Person(ada.User()), w.deps.Now()); err != nil {
				t.Error(err)
			}
		}, 0},
		"a disconnect": {func(t *testing.T, _ *world, other *instance) {
			if _, err := other.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
				t.Error(err)
			}
		}, fault.NeedsConsent},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			w.connect(ada, create)
			w.ahead.Add(int64(2 * time.Hour))
			other := newInstance(w.deps)
			w.between(func() { c.won(t, w, other) })
			source, err := w.TokenSource(t.Context(), resource.Person(ada.User()), create)
			if c.kind != 0 {
				if fault.KindOf(err) != c.kind {
					t.Errorf("got %v, want %v", err, c.kind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			token, _ := source.Token()
			if g, _ := w.stored(ada); !w.google.AccessTokenValid(token.AccessToken) || g.AccessToken.Reveal() != token.AccessToken {
				t.Error("the token is not the one that is stored, or does not work")
			}
		})
	}
}

func TestOnlyTheGenerationThatGoogleRefusesIsSuspended(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	w.google.RevokeGrant(ada)
	w.between(func() { w.connect(ada, create) }) // she has connected anew meanwhile
	if err := w.token(ada, create); err != nil {
		t.Errorf("got %v", err)
	}
	if g, _ := w.stored(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Errorf("the newer grant was touched: %s", g.Status)
	}
}

func TestATokenThatCannotBeStoredIsUsedAllTheSame(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	deps := w.deps
	deps.Vault = vault.New(&failing{Docs: w.docs}, deps.Keys, deps.Now)
	w.instance = newInstance(deps)
	if err := w.token(ada, create); err != nil {
		t.Errorf("got %v", err)
	}
	if g, _ := w.stored(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant is lost")
	}
}

// failing can be read, and not written.
type failing struct{ vault.Docs }

func (failing) Replace(context.Context, vault.Collection, string, vault.Fields, vault.Version) (vault.Version, error) {
	return "", fault.New(fault.Unavailable, fault.None)
}

func TestARefusedClientAlarmsTheOperatorAndHurtsNoGrant(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	w.google.ClientSecret = "rotated at Google, and not here"
	if err := w.token(ada, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if _, err := w.Finish(t.Context(), w.consented(w.invite(grace, answer, create), grace)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("at a consent: %v", err)
	}
	if got := strings.Count(w.log.String(), "Google refuses our OAuth client; check OAUTH_CLIENT"); got < 1 || got > 2 {
		t.Errorf("alarms: got %d", got)
	}
	if g, _ := w.stored(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant was touched")
	}
}

func TestWideningWorksThoughGoogleSendsNoNewRefreshToken(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	before, _ := w.stored(ada)
	w.google.OmitRefreshTokens()
	w.connect(ada, create, members)
	after, _ := w.stored(ada)
	if !after.RefreshToken.Equal(before.RefreshToken) {
		t.Error("the refresh token was lost")
	}
	if err := w.token(ada, create, members); err != nil {
		t.Errorf("now: %v", err)
	}
	// What the old token can still do is known from its next refresh on, and
	// the lack is asked for instead of failing.
	w.ahead.Add(int64(2 * time.Hour))
	if err := w.token(ada, create); err != nil {
		t.Errorf("later: %v", err)
	}
	g, _ := w.stored(ada)
	if diff := cmp.Diff([]string{"email", createScope, "openid"}, g.Scopes); diff != "" {
		t.Error(diff)
	}
	if needs, ok := capability.Needed(w.token(ada, create, members)); !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) {
		t.Errorf("got %+v", needs)
	}
}

// connectWithout goes through a consent and leaves one box unticked.
func (w *world) connectWithout(scope string, c ...capability.Capability) {
	w.t.Helper()
	w.unticked = scope
	w.connect(ada, c...)
	w.unticked = ""
}

func TestAnUntickedBoxIsRememberedUntilItIsTicked(t *testing.T) {
	w := begin(t)
	w.connectWithout(membersScope, create, members)
	w.connect(ada, create) // another consent, which does not ask for it
	c, err := w.Connection(t.Context(), resource.Person(ada.User()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]capability.Capability{create}, c.Allowed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]capability.Capability{members}, c.Declined); diff != "" {
		t.Error(diff)
	}
	if needs, ok := capability.Needed(w.token(ada, create, members)); !ok || !needs.Declined {
		t.Errorf("got %+v", needs)
	}
	w.connect(ada, create, members)
	if c, err := w.Connection(t.Context(), resource.Person(ada.User())); err != nil || len(c.Declined) != 0 || len(c.Allowed) != 2 {
		t.Errorf("once it is ticked: %+v, %v", c, err)
	}
}

func TestStatusShowsAConsentOfAnotherInstanceAtOnce(t *testing.T) {
	w := begin(t)
	w.connectWithout(membersScope, create, members)
	chat := newInstance(w.deps)
	if c, err := chat.Connection(t.Context(), resource.Person(ada.User())); err != nil || len(c.Declined) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	w.connect(ada, create, members) // in the browser, which another function serves
	if c, err := chat.Connection(t.Context(), resource.Person(ada.User())); err != nil || len(c.Declined) != 0 || len(c.Allowed) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAScopeThatAnAPIDeniesIsTheTokenEndpointsToJudge(t *testing.T) {
	w := begin(t)
	w.connect(ada, create, members)
	calls := 0
	act := func() error {
		return w.Act(t.Context(), resource.Person(ada.User()), []capability.Capability{create, members}, func(oauth2.TokenSource) error {
			calls++
			return googlecall.ErrScope
		})
	}
	if err := act(); fault.KindOf(err) != fault.Unavailable || calls != 2 || w.refreshes() != 1 {
		t.Errorf("Google still gives it: %v, %d calls, %d refreshes", err, calls, w.refreshes())
	}
	if err := w.token(ada, create, members); err != nil {
		t.Errorf("an API took a scope away: %v", err)
	}
	w.google.NarrowGrant(ada, createScope)
	needs, ok := capability.Needed(act())
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) {
		t.Errorf("Google gives it no more: %+v", needs)
	}
	if err := w.token(ada, create); err != nil {
		t.Errorf("the rest: %v", err)
	}
}

func TestATokenThatAnAPIRefusesIsRenewedOnce(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	var tokens []string
	err := w.Act(t.Context(), resource.Person(ada.User()), []capability.Capability{create}, func(source oauth2.TokenSource) error {
		token, err := source.Token()
		check(t, err)
		if tokens = append(tokens, token.AccessToken); len(tokens) == 1 {
			return googlecall.ErrToken
		}
		return nil
	})
	if err != nil || len(tokens) != 2 || tokens[0] == tokens[1] || w.refreshes() != 1 {
		t.Errorf("%v, %d calls, %d refreshes", err, len(tokens), w.refreshes())
	}
}

func TestAGrantThatGoogleRefusesIsToldToExactlyOneOfMany(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.RevokeGrant(ada)
	w.ahead.Add(int64(2 * time.Hour))
	if needs, ok := capability.Needed(w.token(ada, create)); !ok || !needs.Ended {
		t.Fatalf("got %+v", needs)
	}
	var wg sync.WaitGroup
	var told atomic.Int32
	for range 16 {
		wg.Go(func() {
			if w.Tell(t.Context(), resource.Person(ada.User())) {
				told.Add(1)
			}
		})
	}
	wg.Wait()
	if told.Load() != 1 {
		t.Errorf("told %d times", told.Load())
	}
	if needs, ok := capability.Needed(w.token(ada, create)); !ok || needs.Ended {
		t.Errorf("again: %+v", needs)
	}
}

func TestAccessForATimeOnlyIsRemembered(t *testing.T) {
	w := begin(t)
	w.google.SetGrantLifetime(24 * time.Hour)
	w.connect(ada, create)
	c, err := w.Connection(t.Context(), resource.Person(ada.User()))
	if err != nil || c.Until.Sub(w.deps.Now()).Round(time.Hour) != 24*time.Hour {
		t.Errorf("until %v, %v", c.Until, err)
	}
}

func TestASaveThatComesLateIntoTheCacheDoesNotReviveAGrant(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	slow := &slowSave{Docs: w.docs, landed: make(chan struct{}), open: make(chan struct{})}
	deps := w.deps
	deps.Vault = vault.New(slow, deps.Keys, deps.Now)
	w.instance = newInstance(deps)
	done := make(chan error, 1)
	go func() { done <- w.token(ada, create) }() // refreshes, and is held after its save
	<-slow.landed
	if _, err := w.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	close(slow.open)
	if err := <-done; err != nil && fault.KindOf(err) != fault.NeedsConsent {
		t.Fatal(err)
	}
	if err := w.token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("a grant that was ended is used: %v", err)
	}
}

// slowSave holds the first save of a grant after it has landed.
type slowSave struct {
	vault.Docs
	once         sync.Once
	landed, open chan struct{}
}

func (s *slowSave) Replace(ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version) (vault.Version, error) {
	version, err := s.Docs.Replace(ctx, collection, id, f, at)
	first := false
	if collection == "grants" {
		s.once.Do(func() { first = true })
	}
	if first {
		close(s.landed)
		<-s.open
	}
	return version, err
}

func TestWhoTellsIsSureEvenWhenTheAnswerOfTheStoreIsLost(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.RevokeGrant(ada)
	w.ahead.Add(int64(2 * time.Hour))
	if _, ok := capability.Needed(w.token(ada, create)); !ok {
		t.Fatal("it is still used")
	}
	lost := &lostAnswer{Docs: w.docs}
	deps := w.deps
	deps.Vault = vault.New(lost, deps.Keys, deps.Now)
	if !newInstance(deps).Tell(t.Context(), resource.Person(ada.User())) {
		t.Error("nobody tells")
	}
	if w.Tell(t.Context(), resource.Person(ada.User())) {
		t.Error("it is told twice")
	}
}

// lostAnswer is a store whose client repeats a write that took effect: the
// repetition conflicts with it.
type lostAnswer struct{ vault.Docs }

func (l lostAnswer) Replace(ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version) (vault.Version, error) {
	if _, err := l.Docs.Replace(ctx, collection, id, f, at); err != nil {
		return "", err
	}
	return l.Docs.Replace(ctx, collection, id, f, at)
}

func TestAConsentIsTakenEvenWhenTheAnswerOfTheStoreIsLost(t *testing.T) {
	w := begin(t)
	callback := w.consented(w.invite(ada, answer, create), ada)
	deps := w.deps
	deps.Vault = vault.New(lostAnswer{w.docs}, deps.Keys, deps.Now)
	if _, err := newInstance(deps).Finish(t.Context(), callback); err != nil {
		t.Errorf("got %v", err)
	}
	if _, err := w.Finish(t.Context(), callback); reason(err) != consent.LinkUsed {
		t.Errorf("again: %v", err)
	}
}

// approve stores what the person allows another system.
func (w *world) approve(p google.Person, callers ...string) {
	w.t.Helper()
	g, _ := w.stored(p)
	for _, caller := range callers {
		g.Approve(caller, "user", []string{"spaces.create"}, w.deps.Now())
	}
	_, err := w.deps.Vault.SaveGrant(w.t.Context(), g)
	check(w.t, err)
}

func TestDisconnectWithdrawsApprovalsAndSaysHowMany(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.approve(ada, "tickets", "builds")
	done, err := w.Disconnect(t.Context(), resource.Person(ada.User()))
	if want := (grants.Disconnection{Outcome: grants.Revoked, Withdrawn: 2}); err != nil || done != want {
		t.Errorf("got %+v, %v", done, err)
	}
	w.connect(ada, create)
	if g, _ := w.stored(ada); len(g.Approvals) != 0 {
		t.Error("an approval came back with a new connection")
	}
}

func TestADisconnectThatLeavesSomethingSaysSoAndIsFinishedLater(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.approve(ada, "tickets")
	done, err := w.another(func(d *grants.Deps) { d.Vault = vault.New(&undeleting{Docs: w.docs}, d.Keys, d.Now) }).Disconnect(t.Context(), resource.Person(ada.User()))
	if want := (grants.Disconnection{Outcome: grants.Revoked, Withdrawn: 1, Rest: true}); err != nil || done != want {
		t.Errorf("got %+v, %v", done, err)
	}
	w.instance = newInstance(w.deps)
	if err := w.token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("it is still used: %v", err)
	}
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	if _, ok := w.stored(ada); ok {
		t.Error("the grant is still stored")
	}
}

// undeleting cannot delete.
type undeleting struct{ vault.Docs }

func (undeleting) Delete(context.Context, vault.Collection, string, vault.Version) error {
	return fault.New(fault.Unavailable, fault.None)
}

// everySeal is what can be wrong with a seal; each spoils a grant's field.
var everySeal = map[string]func(sealed []byte) []byte{
	"altered at its end":    func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
	"altered in its middle": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	"cut short":             func(b []byte) []byte { return b[:10] },
	"cut to the key's id":   func(b []byte) []byte { return b[:5] },
	"empty":                 func([]byte) []byte { return []byte{} },
	"another version byte":  func(b []byte) []byte { b[0] = 0; return b },
	"of an unknown key":     func(b []byte) []byte { b[1] ^= 1; return b },
}

func TestEverySealThatDoesNotOpenIsAnsweredAndKept(t *testing.T) {
	for name, spoil := range everySeal {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			w.connect(ada, create)
			spoilt := w.spoil(ada, spoil)
			w.instance = newInstance(w.deps)
			kind, alarm := fault.NeedsConsent, "a stored grant does not open"
			if name == "of an unknown key" {
				kind, alarm = fault.Unavailable, "KEYSET lacks a key that is in use"
			}
			if err := w.token(ada, create); fault.KindOf(err) != kind || !strings.Contains(w.log.String(), alarm) {
				t.Errorf("got %v; log %s", err, w.log)
			}
			w.ahead.Add(int64(151 * oneDay)) // it is due
			for what, do := range map[string]func() error{
				"remove": func() error { return w.AppRemoved(t.Context(), resource.Person(ada.User()), w.deps.Now()) },
				"sweep":  func() error { _, err := w.Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0); return err },
				"reseal": func() error { _, err := w.Reseal(t.Context()); return err },
			} {
				if err := do(); err != nil && fault.KindOf(err) != fault.Unavailable {
					t.Errorf("%s: %v", what, err)
				}
			}
			left, err := w.docs.Get(t.Context(), "grants", ada.Sub)
			if err != nil || !cmp.Equal(left.Fields["sealed"], any(spoilt)) {
				t.Errorf("the ciphertext was touched: %v", err)
			}
			if kind == fault.Unavailable {
				return // the operator brings the key back
			}
			w.connect(ada, create)
			if err := w.token(ada, create); err != nil {
				t.Errorf("after a new consent: %v", err)
			}
		})
	}
}
