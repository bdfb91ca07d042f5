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
	"example.com/deputy/shared/vault"
)

const (
	createScope  = "https://www.googleapis.com/auth/chat.spaces.create"
	membersScope = "https://www.googleapis.com/auth/chat.memberships.readonly"
)

func TestRefresh_ConcurrentRequests(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	if got := w.fetchTokens(200, w.instance); got != 1 {
		t.Errorf("tokens: got %d different ones", got)
	}
	if got := w.refreshCount(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestRefresh_TwoInstances(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	other := newInstance(w.deps)
	w.offset.Add(int64(2 * time.Hour))
	w.fetchTokens(200, w.instance, other)
	if got := w.refreshCount(); got < 1 || got > 2 {
		t.Errorf("refreshes: got %d, want 1 or 2", got)
	}
	for _, a := range []*instance{w.instance, other, newInstance(w.deps)} {
		source, err := a.TokenSource(t.Context(), adaID, create)
		if err != nil {
			t.Fatal(err)
		}
		if token, err := source.Token(); err != nil || !w.google.AccessTokenValid(token.AccessToken) {
			t.Errorf("the token does not work: %v", err)
		}
	}
	if got := w.refreshCount(); got > 2 {
		t.Errorf("afterwards: got %d refreshes", got)
	}
}

// fetchTokens requests Ada's token n times at once, from the instances in turn, and returns the number of
// different tokens.
func (w *world) fetchTokens(n int, instances ...*instance) int {
	w.t.Helper()
	var wg sync.WaitGroup
	var tokens sync.Map
	for i := range n {
		wg.Go(func() {
			source, err := instances[i%len(instances)].TokenSource(w.t.Context(), adaID, create)
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

func TestTokenSource_ColdInstance(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	if _, err := newInstance(w.deps).TokenSource(t.Context(), adaID, create); err != nil {
		t.Fatal(err)
	}
	if got := w.refreshCount(); got != 0 {
		t.Errorf("refreshes: got %d, want 0", got)
	}
}

// hookedDocs calls a function once, just before the next save of a grant.
type hookedDocs struct {
	vault.Docs
	before atomic.Pointer[func()]
}

func (i *hookedDocs) Replace(
	ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	if collection == "grants" {
		if do := i.before.Swap(nil); do != nil {
			(*do)()
		}
	}
	return i.Docs.Replace(ctx, collection, id, f, at)
}

// beforeNextSave calls do just before the next save of a grant.
func (w *world) beforeNextSave(do func()) {
	w.t.Helper()
	i := &hookedDocs{Docs: w.docs}
	i.before.Store(&do)
	deps := w.deps
	deps.Vault = vault.New(i, deps.Keys, deps.Now)
	w.instance = newInstance(deps)
}

func TestRefresh_SaveConflict(t *testing.T) {
	for name, c := range map[string]struct {
		save func(t *testing.T, w *world, other *instance)
		kind fault.Kind // of the error; 0 for a working token
	}{
		"refresh": {func(t *testing.T, _ *world, other *instance) {
			if _, err := other.TokenSource(t.Context(), adaID, create); err != nil {
				t.Error(err)
			}
		}, 0},
		"bookkeeping": {func(t *testing.T, w *world, other *instance) {
			if err := other.RecordAppRemoved(t.Context(), adaID, w.deps.Now()); err != nil {
				t.Error(err)
			}
		}, 0},
		"disconnect": {func(t *testing.T, _ *world, other *instance) {
			if _, err := other.Disconnect(t.Context(), adaID); err != nil {
				t.Error(err)
			}
		}, fault.NeedsConsent},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.connect(ada, create)
			w.offset.Add(int64(2 * time.Hour))
			other := newInstance(w.deps)
			w.beforeNextSave(func() { c.save(t, w, other) })
			source, err := w.TokenSource(t.Context(), adaID, create)
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
			g, _ := w.storedGrant(ada)
			if !w.google.AccessTokenValid(token.AccessToken) || g.AccessToken.Reveal() != token.AccessToken {
				t.Error("the token is not the stored one, or does not work")
			}
		})
	}
}

func TestRefresh_NewerGenerationNotSuspended(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	w.google.RevokeGrant(ada)
	w.beforeNextSave(func() { w.connect(ada, create) }) // she reconnects meanwhile
	if err := w.token(ada, create); err != nil {
		t.Errorf("got %v", err)
	}
	if g, _ := w.storedGrant(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Errorf("the newer grant has changed: %s", g.Status)
	}
}

func TestRefresh_StoreUnavailable(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	deps := w.deps
	deps.Vault = vault.New(&readOnlyDocs{Docs: w.docs}, deps.Keys, deps.Now)
	w.instance = newInstance(deps)
	if err := w.token(ada, create); err != nil {
		t.Errorf("got %v", err)
	}
	if g, _ := w.storedGrant(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant is lost")
	}
}

// readOnlyDocs fails to replace documents.
type readOnlyDocs struct{ vault.Docs }

func (readOnlyDocs) Replace(
	context.Context, vault.Collection, string, vault.Fields, vault.Version,
) (vault.Version, error) {
	return "", fault.New(fault.Unavailable, fault.NoText)
}

func TestRefresh_InvalidClient(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	w.google.ClientSecret = "rotated at Google only"
	if err := w.token(ada, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	_, err := w.Finish(t.Context(), w.giveConsent(w.invite(grace, completion, create), grace))
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("consent: %v", err)
	}
	if got := strings.Count(w.log.String(), "Google rejects the OAuth client; check OAUTH_CLIENT"); got < 1 || got > 2 {
		t.Errorf("alarms: got %d", got)
	}
	if g, _ := w.storedGrant(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant has changed")
	}
}

func TestConnect_WideningWithoutRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	before, _ := w.storedGrant(ada)
	w.google.OmitRefreshTokens()
	w.connect(ada, create, members)
	after, _ := w.storedGrant(ada)
	if !after.RefreshToken.Equal(before.RefreshToken) {
		t.Error("the refresh token was lost")
	}
	if err := w.token(ada, create, members); err != nil {
		t.Errorf("now: %v", err)
	}
	// The next refresh returns the old token's scopes. Deputy then asks for the missing one instead of failing.
	w.offset.Add(int64(2 * time.Hour))
	if err := w.token(ada, create); err != nil {
		t.Errorf("later: %v", err)
	}
	g, _ := w.storedGrant(ada)
	if diff := cmp.Diff([]string{"email", createScope, "openid"}, g.Scopes); diff != "" {
		t.Error(diff)
	}
	needs, ok := capability.AsConsentError(w.token(ada, create, members))
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) {
		t.Errorf("got %+v", needs)
	}
}

// connectWithout completes a consent with one scope left unselected.
func (w *world) connectWithout(scope string, c ...capability.Capability) {
	w.t.Helper()
	w.unselected = scope
	w.connect(ada, c...)
	w.unselected = ""
}

func TestConnection_DeclinedScope(t *testing.T) {
	w := newWorld(t)
	w.connectWithout(membersScope, create, members)
	w.connect(ada, create) // another consent, which does not request that scope
	c, err := w.Connection(t.Context(), adaID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]capability.Capability{create}, c.Allowed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]capability.Capability{members}, c.Declined); diff != "" {
		t.Error(diff)
	}
	if needs, ok := capability.AsConsentError(w.token(ada, create, members)); !ok || !needs.Declined {
		t.Errorf("got %+v", needs)
	}
	w.connect(ada, create, members)
	if c, err := w.Connection(t.Context(), adaID); err != nil || len(c.Declined) != 0 || len(c.Allowed) != 2 {
		t.Errorf("once granted: %+v, %v", c, err)
	}
}

func TestConnection_ConsentInOtherInstance(t *testing.T) {
	w := newWorld(t)
	w.connectWithout(membersScope, create, members)
	chat := newInstance(w.deps)
	if c, err := chat.Connection(t.Context(), adaID); err != nil || len(c.Declined) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	w.connect(ada, create, members) // in the browser, served by another instance
	if c, err := chat.Connection(t.Context(), adaID); err != nil || len(c.Declined) != 0 || len(c.Allowed) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAct_APIDeniesScope(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create, members)
	calls := 0
	act := func() error {
		return w.Act(t.Context(), adaID, []capability.Capability{create, members}, func(oauth2.TokenSource) error {
			calls++
			return googlecall.ErrScope
		})
	}
	if err := act(); fault.KindOf(err) != fault.Unavailable || calls != 2 || w.refreshCount() != 1 {
		t.Errorf("scope granted: %v, %d calls, %d refreshes", err, calls, w.refreshCount())
	}
	if err := w.token(ada, create, members); err != nil {
		t.Errorf("the API's answer removed a scope: %v", err)
	}
	w.google.NarrowGrant(ada, createScope)
	needs, ok := capability.AsConsentError(act())
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) {
		t.Errorf("scope no longer granted: %+v", needs)
	}
	if err := w.token(ada, create); err != nil {
		t.Errorf("other scope: %v", err)
	}
}

func TestAct_RejectedTokenReplacedOnce(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	var tokens []string
	err := w.Act(t.Context(), adaID, []capability.Capability{create}, func(source oauth2.TokenSource) error {
		token, err := source.Token()
		check(t, err)
		if tokens = append(tokens, token.AccessToken); len(tokens) == 1 {
			return googlecall.ErrToken
		}
		return nil
	})
	if err != nil || len(tokens) != 2 || tokens[0] == tokens[1] || w.refreshCount() != 1 {
		t.Errorf("%v, %d calls, %d refreshes", err, len(tokens), w.refreshCount())
	}
}

func TestTell_ExactlyOnce(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.google.RevokeGrant(ada)
	w.offset.Add(int64(2 * time.Hour))
	if needs, ok := capability.AsConsentError(w.token(ada, create)); !ok || !needs.Ended {
		t.Fatalf("got %+v", needs)
	}
	var wg sync.WaitGroup
	var claims atomic.Int32
	for range 16 {
		wg.Go(func() {
			if w.ClaimEndNotice(t.Context(), adaID) {
				claims.Add(1)
			}
		})
	}
	wg.Wait()
	if claims.Load() != 1 {
		t.Errorf("ClaimEndNotice returned true %d times", claims.Load())
	}
	if needs, ok := capability.AsConsentError(w.token(ada, create)); !ok || needs.Ended {
		t.Errorf("again: %+v", needs)
	}
}

func TestConnection_TimeBasedAccess(t *testing.T) {
	w := newWorld(t)
	w.google.SetGrantLifetime(24 * time.Hour)
	w.connect(ada, create)
	c, err := w.Connection(t.Context(), adaID)
	if err != nil || c.Until.Sub(w.deps.Now()).Round(time.Hour) != 24*time.Hour {
		t.Errorf("until %v, %v", c.Until, err)
	}
}

func TestCache_LateSave(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	slow := &slowSaveDocs{Docs: w.docs, landed: make(chan struct{}), open: make(chan struct{})}
	deps := w.deps
	deps.Vault = vault.New(slow, deps.Keys, deps.Now)
	w.instance = newInstance(deps)
	done := make(chan error, 1)
	go func() { done <- w.token(ada, create) }() // refreshes, and blocks after its save
	<-slow.landed
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	close(slow.open)
	if err := <-done; err != nil && fault.KindOf(err) != fault.NeedsConsent {
		t.Fatal(err)
	}
	if err := w.token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("a disconnected grant is used: %v", err)
	}
}

// slowSaveDocs blocks the first save of a grant after it has taken effect.
type slowSaveDocs struct {
	vault.Docs
	once         sync.Once
	landed, open chan struct{}
}

func (s *slowSaveDocs) Replace(
	ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
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

func TestTell_LostStoreResponse(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.google.RevokeGrant(ada)
	w.offset.Add(int64(2 * time.Hour))
	if _, ok := capability.AsConsentError(w.token(ada, create)); !ok {
		t.Fatal("the revoked grant is still used")
	}
	lost := &lostResponseDocs{Docs: w.docs}
	deps := w.deps
	deps.Vault = vault.New(lost, deps.Keys, deps.Now)
	if !newInstance(deps).ClaimEndNotice(t.Context(), adaID) {
		t.Error("Tell returned false")
	}
	if w.ClaimEndNotice(t.Context(), adaID) {
		t.Error("Tell returned true twice")
	}
}

// lostResponseDocs is a store whose client retries a write that took effect, so that the retry conflicts.
type lostResponseDocs struct{ vault.Docs }

func (l lostResponseDocs) Replace(
	ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	if _, err := l.Docs.Replace(ctx, collection, id, f, at); err != nil {
		return "", err
	}
	return l.Docs.Replace(ctx, collection, id, f, at)
}

func TestFinish_LostStoreResponse(t *testing.T) {
	w := newWorld(t)
	callback := w.giveConsent(w.invite(ada, completion, create), ada)
	deps := w.deps
	deps.Vault = vault.New(lostResponseDocs{w.docs}, deps.Keys, deps.Now)
	if _, err := newInstance(deps).Finish(t.Context(), callback); err != nil {
		t.Errorf("got %v", err)
	}
	if _, err := w.Finish(t.Context(), callback); refusalReason(err) != consent.LinkUsed {
		t.Errorf("again: %v", err)
	}
}

// storeApprovals stores a person's approvals of other systems.
func (w *world) storeApprovals(p google.Person, callers ...string) {
	w.t.Helper()
	g, _ := w.storedGrant(p)
	for _, caller := range callers {
		g.Approve(caller, "user", []string{"spaces.create"}, w.deps.Now())
	}
	_, err := w.deps.Vault.SaveGrant(w.t.Context(), g)
	check(w.t, err)
}

func TestDisconnect_CountsApprovals(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.storeApprovals(ada, "tickets", "builds")
	done, err := w.Disconnect(t.Context(), adaID)
	if want := (grants.Disconnection{Outcome: grants.Revoked, Withdrawn: 2}); err != nil || done != want {
		t.Errorf("got %+v, %v", done, err)
	}
	w.connect(ada, create)
	if g, _ := w.storedGrant(ada); len(g.Approvals) != 0 {
		t.Error("a new connection restored an approval")
	}
}

func TestDisconnect_Incomplete(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.storeApprovals(ada, "tickets")
	stuck := w.instanceWith(func(d *grants.Deps) { d.Vault = vault.New(&undeletableDocs{Docs: w.docs}, d.Keys, d.Now) })
	done, err := stuck.Disconnect(t.Context(), adaID)
	if want := (grants.Disconnection{Outcome: grants.Revoked, Withdrawn: 1, Incomplete: true}); err != nil ||
		done != want {
		t.Errorf("got %+v, %v", done, err)
	}
	w.instance = newInstance(w.deps)
	if err := w.token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("the disconnected grant is used: %v", err)
	}
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	if _, ok := w.storedGrant(ada); ok {
		t.Error("the grant is still stored")
	}
}

// undeletableDocs fails to delete documents.
type undeletableDocs struct{ vault.Docs }

func (undeletableDocs) Delete(context.Context, vault.Collection, string, vault.Version) error {
	return fault.New(fault.Unavailable, fault.NoText)
}

// brokenSeals are functions that damage a sealed field.
var brokenSeals = map[string]func(sealed []byte) []byte{
	"altered last byte":   func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
	"altered middle byte": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	"truncated":           func(b []byte) []byte { return b[:10] },
	"only the key ID":     func(b []byte) []byte { return b[:5] },
	"empty":               func([]byte) []byte { return []byte{} },
	"other version byte":  func(b []byte) []byte { b[0] = 0; return b },
	"unknown key":         func(b []byte) []byte { b[1] ^= 1; return b },
}

func TestTokenSource_BrokenSeals(t *testing.T) {
	for name, corrupt := range brokenSeals {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.connect(ada, create)
			corrupted := w.corruptSeal(ada, corrupt)
			w.instance = newInstance(w.deps)
			kind, alarm := fault.NeedsConsent, "a stored grant does not open"
			if name == "unknown key" {
				kind, alarm = fault.Unavailable, "KEYSET lacks a key that is in use"
			}
			if err := w.token(ada, create); fault.KindOf(err) != kind || !strings.Contains(w.log.String(), alarm) {
				t.Errorf("got %v; log %s", err, w.log)
			}
			w.offset.Add(int64(151 * day)) // the grant is due
			for action, do := range map[string]func() error{
				"remove": func() error { return w.RecordAppRemoved(t.Context(), adaID, w.deps.Now()) },
				"sweep":  func() error { _, err := w.Sweep(t.Context(), w.deps.Now().Add(time.Hour), 0); return err },
				"reseal": func() error { _, err := w.Reseal(t.Context()); return err },
			} {
				if err := do(); err != nil && fault.KindOf(err) != fault.Unavailable {
					t.Errorf("%s: %v", action, err)
				}
			}
			left, err := w.docs.Get(t.Context(), "grants", ada.Sub)
			if err != nil || !cmp.Equal(left.Fields["sealed"], any(corrupted)) {
				t.Errorf("the ciphertext has changed: %v", err)
			}
			if kind == fault.Unavailable {
				return // the operator has to restore the key
			}
			w.connect(ada, create)
			if err := w.token(ada, create); err != nil {
				t.Errorf("after a new consent: %v", err)
			}
		})
	}
}
