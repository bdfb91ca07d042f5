package userauth_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/userauth"
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
	if got := w.storm(200, w.Auth); got != 1 {
		t.Errorf("tokens: got %d different ones", got)
	}
	if got := w.refreshes(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestTwoInstancesRefreshTwiceAtMostAndBothEndWithAWorkingToken(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	other := userauth.New(w.deps)
	w.ahead.Add(int64(2 * time.Hour))
	w.storm(200, w.Auth, other)
	if got := w.refreshes(); got < 1 || got > 2 {
		t.Errorf("refreshes: got %d, want 1 or 2", got)
	}
	for _, a := range []*userauth.Auth{w.Auth, other, userauth.New(w.deps)} {
		source, err := a.TokenSource(t.Context(), ada.User(), create)
		if err != nil {
			t.Fatal(err)
		}
		if token, err := source.Token(); err != nil || !w.google.Works(token.AccessToken) {
			t.Errorf("the token does not work: %v", err)
		}
	}
	if got := w.refreshes(); got > 2 {
		t.Errorf("afterwards: got %d refreshes", got)
	}
}

// storm asks for Ada's token n times at once, over the instances in turn, and
// says how many different ones there were.
func (w *world) storm(n int, instances ...*userauth.Auth) int {
	w.t.Helper()
	var wg sync.WaitGroup
	var tokens sync.Map
	for i := range n {
		wg.Go(func() {
			source, err := instances[i%len(instances)].TokenSource(w.t.Context(), ada.User(), create)
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
	if _, err := userauth.New(w.deps).TokenSource(t.Context(), ada.User(), create); err != nil {
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

func (i *interloper) Replace(ctx context.Context, collection, id string, f vault.Fields, at vault.Version) (vault.Version, error) {
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
	w.Auth = userauth.New(deps)
}

func TestWhoeverLosesTheSaveOfARefreshTakesWhatWon(t *testing.T) {
	for name, c := range map[string]struct {
		won  func(t *testing.T, w *world, other *userauth.Auth)
		kind fault.Kind // of the answer; 0 for a working token
	}{
		"another refresh": {func(t *testing.T, _ *world, other *userauth.Auth) {
			if _, err := other.TokenSource(t.Context(), ada.User(), create); err != nil {
				t.Error(err)
			}
		}, 0},
		"a mark on the grant": {func(t *testing.T, w *world, other *userauth.Auth) {
			if err := other.Remove(t.Context(), ada.User(), w.deps.Now()); err != nil {
				t.Error(err)
			}
		}, 0},
		"a disconnect": {func(t *testing.T, _ *world, other *userauth.Auth) {
			if _, err := other.Disconnect(t.Context(), ada.User()); err != nil {
				t.Error(err)
			}
		}, fault.NeedsConsent},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			w.connect(ada, create)
			w.ahead.Add(int64(2 * time.Hour))
			other := userauth.New(w.deps)
			w.between(func() { c.won(t, w, other) })
			source, err := w.TokenSource(t.Context(), ada.User(), create)
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
			if g, _ := w.stored(ada); !w.google.Works(token.AccessToken) || g.AccessToken.Reveal() != token.AccessToken {
				t.Error("the token is not the one that is stored, or does not work")
			}
		})
	}
}

func TestOnlyTheGenerationThatGoogleCallsDeadIsErased(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	w.google.Revoke(ada)
	w.between(func() { w.connect(ada, create) }) // she has connected anew meanwhile
	if err := w.token(ada, create); err != nil {
		t.Errorf("got %v", err)
	}
	if g, _ := w.stored(ada); g.Status != vault.Active || g.RefreshToken == "" {
		t.Errorf("the newer grant was erased: %s", g.Status)
	}
}

func TestATokenThatCannotBeStoredIsUsedAllTheSame(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	deps := w.deps
	deps.Vault = vault.New(&failing{Docs: w.docs}, deps.Keys, deps.Now)
	w.Auth = userauth.New(deps)
	if err := w.token(ada, create); err != nil {
		t.Errorf("got %v", err)
	}
	if g, _ := w.stored(ada); g.Status != vault.Active || g.RefreshToken == "" {
		t.Error("the grant is lost")
	}
}

// failing can be read, and not written.
type failing struct{ vault.Docs }

func (failing) Replace(context.Context, string, string, vault.Fields, vault.Version) (vault.Version, error) {
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
	if got := strings.Count(w.log.String(), "Google refuses our OAuth client; check OAUTH_CLIENT"); got != 2 {
		t.Errorf("alarms: got %d, want 2", got)
	}
	if g, _ := w.stored(ada); g.Status != vault.Active || g.RefreshToken == "" {
		t.Error("the grant was touched")
	}
}

func TestWideningWorksThoughGoogleSendsNoNewRefreshToken(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	before, _ := w.stored(ada)
	w.google.NoRefresh()
	w.connect(ada, create, members)
	after, _ := w.stored(ada)
	if after.RefreshToken != before.RefreshToken {
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
	if needs, ok := userauth.Needed(w.token(ada, create, members)); !ok || !cmp.Equal(needs.Missing, []userauth.Capability{members}) {
		t.Errorf("got %+v", needs)
	}
}

// connectWithout goes through a consent and leaves one box unticked.
func (w *world) connectWithout(scope string, c ...userauth.Capability) {
	w.t.Helper()
	w.unticked = scope
	w.connect(ada, c...)
	w.unticked = ""
}

func TestAnUntickedBoxIsRememberedUntilItIsTicked(t *testing.T) {
	w := begin(t)
	w.connectWithout(membersScope, create, members)
	w.connect(ada, create) // another consent, which does not ask for it
	c, err := w.Connection(t.Context(), ada.User())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]userauth.Capability{create}, c.Allowed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]userauth.Capability{members}, c.Declined); diff != "" {
		t.Error(diff)
	}
	if needs, ok := userauth.Needed(w.token(ada, create, members)); !ok || !needs.Declined {
		t.Errorf("got %+v", needs)
	}
	w.connect(ada, create, members)
	if c, err := w.Connection(t.Context(), ada.User()); err != nil || len(c.Declined) != 0 || len(c.Allowed) != 2 {
		t.Errorf("once it is ticked: %+v, %v", c, err)
	}
}

func TestStatusShowsAConsentOfAnotherInstanceAtOnce(t *testing.T) {
	w := begin(t)
	w.connectWithout(membersScope, create, members)
	chat := userauth.New(w.deps)
	if c, err := chat.Connection(t.Context(), ada.User()); err != nil || len(c.Declined) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	w.connect(ada, create, members) // in the browser, which another function serves
	if c, err := chat.Connection(t.Context(), ada.User()); err != nil || len(c.Declined) != 0 || len(c.Allowed) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAScopeThatAnAPIDeniesIsAskedForAndTheGrantStays(t *testing.T) {
	w := begin(t)
	w.connect(ada, create, members)
	source, err := w.TokenSource(t.Context(), ada.User(), create, members)
	check(t, err)
	needs, ok := userauth.Needed(w.Lacks(t.Context(), ada.User(), source, []userauth.Capability{create, members}, members))
	if !ok || !cmp.Equal(needs.Missing, []userauth.Capability{members}) {
		t.Errorf("got %+v", needs)
	}
	if err := w.token(ada, create); err != nil {
		t.Errorf("the rest: %v", err)
	}
	if _, ok := userauth.Needed(w.token(ada, members)); !ok {
		t.Error("the scope is still believed")
	}
	w.connect(ada, create, members) // she allows it; the old token's refusal comes late
	if _, ok := userauth.Needed(w.Lacks(t.Context(), ada.User(), source, []userauth.Capability{create, members}, members)); !ok {
		t.Error("the late one is not told to consent")
	}
	if err := w.token(ada, create, members); err != nil {
		t.Errorf("a late refusal took the new scope away: %v", err)
	}
}

func TestASecond401CountsAsInvalidGrantOnlyForTheTokenInUse(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	source, err := w.TokenSource(t.Context(), ada.User(), create)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := w.Renew(t.Context(), ada.User(), source, create)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Refused(t.Context(), ada.User(), source, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a token that is not in use any more: %v", err)
	}
	needs, ok := userauth.Needed(w.Refused(t.Context(), ada.User(), renewed, create))
	if g, _ := w.stored(ada); !ok || !needs.Ended || g.Status != vault.NeedsConsent || g.RefreshToken != "" {
		t.Errorf("got %+v, %s", needs, g.Status)
	}
}

func TestADeadGrantIsToldToExactlyOneOfMany(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.Revoke(ada)
	w.ahead.Add(int64(2 * time.Hour))
	if needs, ok := userauth.Needed(w.token(ada, create)); !ok || !needs.Ended {
		t.Fatalf("got %+v", needs)
	}
	var wg sync.WaitGroup
	var told atomic.Int32
	for range 16 {
		wg.Go(func() {
			if w.Tell(t.Context(), ada.User()) {
				told.Add(1)
			}
		})
	}
	wg.Wait()
	if told.Load() != 1 {
		t.Errorf("told %d times", told.Load())
	}
	if needs, ok := userauth.Needed(w.token(ada, create)); !ok || needs.Ended {
		t.Errorf("again: %+v", needs)
	}
}

func TestAccessForATimeOnlyIsRemembered(t *testing.T) {
	w := begin(t)
	w.google.TimeBased(24 * time.Hour)
	w.connect(ada, create)
	c, err := w.Connection(t.Context(), ada.User())
	if err != nil || c.Until.Sub(w.deps.Now()).Round(time.Hour) != 24*time.Hour {
		t.Errorf("until %v, %v", c.Until, err)
	}
}

func TestGoogleSaysTheAccountIsGoneOrHijacked(t *testing.T) {
	t.Run("a consent given since then stays", func(t *testing.T) {
		w := begin(t)
		w.connect(ada, create)
		if done, err := w.End(t.Context(), ada.User(), w.deps.Now().Add(-time.Hour)); err != nil || done != userauth.Unconcerned {
			t.Errorf("%v, %v", done, err)
		}
	})
	t.Run("the tokens are erased and the person is told", func(t *testing.T) {
		w := begin(t)
		w.connect(ada, create)
		if done, err := w.End(t.Context(), ada.User(), w.deps.Now()); err != nil || done != userauth.Ended {
			t.Fatalf("%v, %v", done, err)
		}
		if g, _ := w.stored(ada); g.RefreshToken != "" || g.AccessToken != "" || !g.Untold {
			t.Errorf("left: %+v", g)
		}
		if done, err := w.End(t.Context(), ada.User(), w.deps.Now()); err != nil || done != userauth.Unconcerned {
			t.Errorf("twice: %v, %v", done, err)
		}
	})
	t.Run("a consent given some seconds later stays, and Google is asked", func(t *testing.T) {
		w := begin(t)
		at := w.deps.Now().Add(-30 * time.Second)
		w.connect(ada, create)
		if done, err := w.End(t.Context(), ada.User(), at); err != nil || done != userauth.Doubted {
			t.Errorf("%v, %v", done, err)
		}
		if err := w.token(ada, create); err != nil || w.refreshes() != 1 {
			t.Errorf("%v, %d refreshes", err, w.refreshes())
		}
	})
	t.Run("a revoked token ends no grant that has a newer one", func(t *testing.T) {
		w := begin(t)
		w.connect(ada, create)
		old, _ := w.stored(ada)
		w.between(func() { w.connect(ada, create, members) })
		if ended, err := w.EndToken(t.Context(), vault.TokenMark{Prefix: old.RefreshToken.Reveal()[:16]}); err != nil || ended != 0 {
			t.Errorf("ended %d, %v", ended, err)
		}
		if err := w.token(ada, create, members); err != nil {
			t.Error(err)
		}
	})
	t.Run("a deleted account leaves nothing", func(t *testing.T) {
		w := begin(t)
		w.connect(ada, create)
		if err := w.deps.Vault.CreateApproval(t.Context(), ada.User(), vault.Approval{Caller: "1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Erase(t.Context(), ada.User(), w.deps.Now()); err != nil {
			t.Fatal(err)
		}
		if _, ok := w.stored(ada); ok {
			t.Error("the grant is still there")
		}
		if n, err := w.deps.Vault.WithdrawApprovals(t.Context(), ada.User()); err != nil || n != 0 {
			t.Errorf("approvals left: %d, %v", n, err)
		}
	})
	t.Run("a dropped access token is asked for anew", func(t *testing.T) {
		w := begin(t)
		w.connect(ada, create)
		if done, err := w.Drop(t.Context(), ada.User()); err != nil || done != userauth.Dropped {
			t.Fatalf("%v, %v", done, err)
		}
		if err := w.token(ada, create); err != nil || w.refreshes() != 1 {
			t.Errorf("%v, %d refreshes", err, w.refreshes())
		}
	})
}

func TestASaveThatComesLateIntoTheCacheDoesNotReviveAGrant(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	slow := &slowSave{Docs: w.docs, landed: make(chan struct{}), open: make(chan struct{})}
	deps := w.deps
	deps.Vault = vault.New(slow, deps.Keys, deps.Now)
	w.Auth = userauth.New(deps)
	done := make(chan error, 1)
	go func() { done <- w.token(ada, create) }() // refreshes, and is held after its save
	<-slow.landed
	if _, err := w.Disconnect(t.Context(), ada.User()); err != nil {
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

func (s *slowSave) Replace(ctx context.Context, collection, id string, f vault.Fields, at vault.Version) (vault.Version, error) {
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
	if _, err := w.End(t.Context(), ada.User(), w.deps.Now()); err != nil {
		t.Fatal(err)
	}
	lost := &lostAnswer{Docs: w.docs}
	deps := w.deps
	deps.Vault = vault.New(lost, deps.Keys, deps.Now)
	if !userauth.New(deps).Tell(t.Context(), ada.User()) {
		t.Error("nobody tells")
	}
	if w.Tell(t.Context(), ada.User()) {
		t.Error("it is told twice")
	}
}

// lostAnswer is a store whose client repeats a write that took effect: the
// repetition conflicts with it.
type lostAnswer struct{ vault.Docs }

func (l lostAnswer) Replace(ctx context.Context, collection, id string, f vault.Fields, at vault.Version) (vault.Version, error) {
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
	if _, err := userauth.New(deps).Finish(t.Context(), callback); err != nil {
		t.Errorf("got %v", err)
	}
	if _, err := w.Finish(t.Context(), callback); reason(err) != userauth.LinkUsed {
		t.Errorf("again: %v", err)
	}
}

func TestDisconnectWithdrawsApprovalsAndSaysHowMany(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	for _, id := range []string{"1", "2"} {
		if err := w.deps.Vault.CreateApproval(t.Context(), ada.User(), vault.Approval{Caller: id}); err != nil {
			t.Fatal(err)
		}
	}
	done, err := w.Disconnect(t.Context(), ada.User())
	if want := (userauth.Farewell{Outcome: userauth.Revoked, Withdrawn: 2}); err != nil || done != want {
		t.Errorf("got %+v, %v", done, err)
	}
}

func TestADisconnectThatLeavesSomethingSaysSoAndIsFinishedLater(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	check(t, w.deps.Vault.CreateApproval(t.Context(), ada.User(), vault.Approval{Caller: "1"}))
	deps := w.deps
	deps.Vault = vault.New(&listless{Docs: w.docs}, deps.Keys, deps.Now)
	done, err := userauth.New(deps).Disconnect(t.Context(), ada.User())
	if want := (userauth.Farewell{Outcome: userauth.Revoked, Rest: true}); err != nil || done != want {
		t.Errorf("got %+v, %v", done, err)
	}
	w.Auth = userauth.New(w.deps)
	if err := w.token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("it is still used: %v", err)
	}
	w.sweep()
	if n, err := w.deps.Vault.WithdrawApprovals(t.Context(), ada.User()); err != nil || n != 0 {
		t.Errorf("approvals left: %d, %v", n, err)
	}
	if _, ok := w.stored(ada); ok {
		t.Error("the grant is still stored")
	}
}

// listless cannot list.
type listless struct{ vault.Docs }

func (listless) List(context.Context, string, string, int) ([]vault.Doc, error) {
	return nil, fault.New(fault.Unavailable, fault.None)
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
		for _, field := range []string{"refreshToken", "accessToken", "email"} {
			t.Run(name+" "+field, func(t *testing.T) {
				w := begin(t)
				w.connect(ada, create)
				doc, err := w.docs.Get(t.Context(), "grants", ada.Sub)
				if err != nil {
					t.Fatal(err)
				}
				spoilt := spoil(doc.Fields[field].([]byte))
				doc.Fields[field] = spoilt
				if _, err := w.docs.Replace(t.Context(), "grants", ada.Sub, doc.Fields, doc.Version); err != nil {
					t.Fatal(err)
				}
				w.Auth = userauth.New(w.deps)
				kind, alarm := fault.NeedsConsent, "a stored grant does not open"
				if name == "of an unknown key" {
					kind, alarm = fault.Unavailable, "KEYSET lacks a key that is in use"
				}
				if err := w.token(ada, create); fault.KindOf(err) != kind || !strings.Contains(w.log.String(), alarm) {
					t.Errorf("got %v; log %s", err, w.log)
				}
				for what, do := range map[string]func() error{
					"remove": func() error { return w.Remove(t.Context(), ada.User(), w.deps.Now()) },
					"drop":   func() error { _, err := w.Drop(t.Context(), ada.User()); return err },
					"sweep":  func() error { _, err := w.Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0); return err },
					"reseal": func() error { _, err := w.Reseal(t.Context()); return err },
				} {
					if err := do(); err != nil && fault.KindOf(err) != fault.Unavailable {
						t.Errorf("%s: %v", what, err)
					}
				}
				left, err := w.docs.Get(t.Context(), "grants", ada.Sub)
				if err != nil || !cmp.Equal(left.Fields[field], any(spoilt)) {
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
}
