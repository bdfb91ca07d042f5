package grants_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

func TestRefresh_CanceledWaiter(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	reached, open := make(chan struct{}), make(chan struct{})
	w.BeforeGoogleCall(func() { close(reached); <-open })
	ctx, cancel := context.WithCancel(t.Context())
	canceled, waiting := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.TokenSource(ctx, adaID, create)
		canceled <- err
	}()
	<-reached
	go func() { waiting <- w.Token(ada, create) }()
	cancel()
	if err := <-canceled; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("canceled request: %v", err)
	}
	close(open)
	if err := <-waiting; err != nil {
		t.Errorf("waiting request: %v", err)
	}
	if got := w.RefreshCount(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestRefresh_OtherAccountsIDToken(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	graceToken, _ := w.Google.Connect(grace, createScope)
	g, _ := w.StoredGrant(ada)
	g.RefreshToken = config.NewSecret(graceToken)
	_, err := w.Deps.Vault.SaveGrant(t.Context(), g)
	check(t, err)
	w.Advance(2 * time.Hour)
	w.Instance = consenttest.NewInstance(w.Deps)
	_ = w.Token(ada, create)
	if !strings.Contains(w.Log.String(), "a refresh returned the ID token of another account") {
		t.Error("no alarm")
	}
	if g, _ := w.StoredGrant(ada); g.Email.Reveal() != ada.Email {
		t.Errorf("got address %s", g.Email.Reveal())
	}
}

// A panic in a shared refresh must not crash the program.
func TestRefresh_Panic(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	broken := w.InstanceWith(func(d *grants.Deps) { d.IDTokens = (*googleauth.Verifier)(nil) })
	_, err := broken.TokenSource(t.Context(), adaID, create)
	if _, ok := errors.AsType[*fault.PanicError](err); !ok {
		t.Errorf("got %v", err)
	}
	check(t, w.Token(ada, create))
}

func TestRefresh_ConcurrentRequests(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	if got := w.fetchTokens(200, w.Instance); got != 1 {
		t.Errorf("tokens: got %d different ones", got)
	}
	if got := w.RefreshCount(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestRefresh_TwoInstances(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	other := consenttest.NewInstance(w.Deps)
	w.Advance(2 * time.Hour)
	w.fetchTokens(200, w.Instance, other)
	if got := w.RefreshCount(); got < 1 || got > 2 {
		t.Errorf("refreshes: got %d, want 1 or 2", got)
	}
	for _, a := range []*consenttest.Instance{w.Instance, other, consenttest.NewInstance(w.Deps)} {
		source, err := a.TokenSource(t.Context(), adaID, create)
		if err != nil {
			t.Fatal(err)
		}
		if token, err := source.Token(); err != nil || !w.Google.AccessTokenValid(token.AccessToken) {
			t.Errorf("the token does not work: %v", err)
		}
	}
	if got := w.RefreshCount(); got > 2 {
		t.Errorf("afterwards: got %d refreshes", got)
	}
}

// fetchTokens requests Ada's token n times at once, from the instances in turn, and returns the number of
// different tokens.
func (w *world) fetchTokens(n int, instances ...*consenttest.Instance) int {
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

func TestRefresh_SaveConflict(t *testing.T) {
	for name, c := range map[string]struct {
		save func(t *testing.T, w *world, other *consenttest.Instance)
		kind fault.Kind // of the error; 0 for a working token
	}{
		"refresh": {func(t *testing.T, _ *world, other *consenttest.Instance) {
			if _, err := other.TokenSource(t.Context(), adaID, create); err != nil {
				t.Error(err)
			}
		}, 0},
		"bookkeeping": {func(t *testing.T, w *world, other *consenttest.Instance) {
			if err := other.RecordAppRemoved(t.Context(), adaID, w.Now()); err != nil {
				t.Error(err)
			}
		}, 0},
		"disconnect": {func(t *testing.T, _ *world, other *consenttest.Instance) {
			if _, err := other.Disconnect(t.Context(), adaID); err != nil {
				t.Error(err)
			}
		}, fault.NeedsConsent},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.SignIn(ada, create)
			w.Advance(2 * time.Hour)
			other := consenttest.NewInstance(w.Deps)
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
			g, _ := w.StoredGrant(ada)
			if source, err := other.TokenSource(t.Context(), adaID, create); name == "refresh" {
				check(t, err)
				token, _ = source.Token() // of the instance that refreshed first
			}
			if !w.Google.AccessTokenValid(token.AccessToken) || g.AccessToken.Reveal() != token.AccessToken {
				t.Error("the token is not the stored one, or does not work")
			}
		})
	}
}

func TestRefresh_NewerGenerationNotSuspended(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Google.RevokeGrant(ada)
	w.beforeNextSave(func() { w.SignIn(ada, create) }) // she reconnects meanwhile
	if err := w.Token(ada, create); err != nil {
		t.Errorf("got %v", err)
	}
	if g, _ := w.StoredGrant(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Errorf("the newer grant has changed: %s", g.Status)
	}
}

func TestRefresh_StoreUnavailable(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Instance = w.InstanceOn(&readOnlyDocs{Docs: w.Docs})
	if err := w.Token(ada, create); err != nil {
		t.Errorf("got %v", err)
	}
	if g, _ := w.StoredGrant(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant is lost")
	}
	if err := w.Token(ada, create); err != nil || w.RefreshCount() != 1 {
		t.Errorf("again: %v, %d refreshes", err, w.RefreshCount())
	}
}

func TestRefresh_InvalidClient(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Google.ClientSecret = "rotated at Google only"
	if err := w.Token(ada, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	_, err := w.Finish(t.Context(), w.GiveConsent(w.InvitePerson(grace, consenttest.Completion, create), grace))
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("consent: %v", err)
	}
	if got := strings.Count(w.Log.String(), "Google rejects the OAuth client; check OAUTH_CLIENT"); got < 1 || got > 2 {
		t.Errorf("alarms: got %d", got)
	}
	if g, _ := w.StoredGrant(ada); g.Status != vault.Connected || g.RefreshToken.Empty() {
		t.Error("the grant has changed")
	}
}

func TestRefresh_Answers(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	before, _ := w.StoredGrant(ada)
	restore := w.backup(ada)
	w.Advance(2 * time.Hour)
	for name, c := range map[string]struct {
		text   string
		change func(*vault.Grant)
	}{
		"only an access token": {``, func(*vault.Grant) {}},
		"scopes": {`,"scope":"` + membersScope + `"`, func(g *vault.Grant) {
			g.Scopes = []string{membersScope}
		}},
		"new refresh token": {`,"refresh_token":"1//0new"`, func(g *vault.Grant) {
			g.RefreshToken, g.Generation = config.NewSecret("1//0new"), w.Now().UnixMicro()
		}},
		"invalid ID token": {`,"id_token":"x.y.z"`, func(*vault.Grant) {}},
	} {
		text := `{"access_token":"ya29.new","token_type":"Bearer","expires_in":600` + c.text + `}`
		_, err := w.InstanceWith(consenttest.Answer(text)).TokenSource(t.Context(), adaID)
		check(t, err)
		want := before
		want.AccessToken, want.AccessExpiry = config.NewSecret("ya29.new"), w.Now().Add(10*time.Minute)
		want.RefreshedAt = w.Now()
		c.change(&want)
		got, _ := w.StoredGrant(ada)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(vault.Grant{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		restore()
	}
	if got := strings.Count(w.Log.String(), "refresh returned an invalid ID token"); got != 1 {
		t.Errorf("invalid ID token: logged %d times", got)
	}
}

// A new refresh token that cannot be stored must not be used: the old one may have ended.
func TestRefresh_NewTokenNotStored(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	a := w.InstanceWith(func(d *grants.Deps) {
		consenttest.Answer(`{"access_token":"a","token_type":"Bearer","expires_in":600,"refresh_token":"1//0new"}`)(d)
		d.Vault = vault.New(readOnlyDocs{w.Docs}, d.Keys, d.Now)
	})
	if _, err := a.TokenSource(t.Context(), adaID, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestRefresh_SignInRequired(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Google.RequireReauth(ada, true)
	for n := range 2 {
		writes := w.Docs.Writes()
		needs, ok := capability.AsConsentError(w.Token(ada, create))
		if !ok || !needs.SignInRequired || needs.Ended || w.Docs.Writes() != writes+int64(1-n) {
			t.Errorf("attempt %d: %+v, %d writes", n+1, needs, w.Docs.Writes()-writes)
		}
	}
	if c, err := w.Connection(t.Context(), adaID); err != nil || !c.SignInRequired || !c.Connected {
		t.Errorf("%+v, %v", c, err)
	}
	w.Google.RequireReauth(ada, false)
	check(t, w.Token(ada, create))
	if c, err := w.Connection(t.Context(), adaID); err != nil || c.SignInRequired {
		t.Errorf("after a sign-in: %+v, %v", c, err)
	}
}

// A sign-in that happens while Google asks for one must not be followed by another.
func TestRefresh_SignInMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Google.RequireReauth(ada, true)
	w.beforeNextSave(func() { w.SignIn(ada, create) })
	_, _ = w.TokenSource(t.Context(), adaID, create)
	if g, _ := w.StoredGrant(ada); g.NeedsSignIn {
		t.Error("the new sign-in counts as missing")
	}
}

// Google or the store may hang. Each call of the store during a refresh or a sweep of a grant has a deadline.
func TestRefresh_Deadline(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(151 * day)
	for name, do := range map[string]func(a *consenttest.Instance) error{
		"refresh": func(a *consenttest.Instance) error {
			_, err := a.TokenSource(t.Context(), adaID, create)
			return err
		},
		"sweep": func(a *consenttest.Instance) error {
			_, err := a.Sweep(t.Context(), w.Now().Add(time.Hour), 0)
			return err
		},
	} {
		restore := w.backup(ada)
		bounded := false
		err := do(w.InstanceOn(&vaulttest.Faulty{
			Docs: w.Docs,
			Inject: func(ctx context.Context, c vaulttest.Call) error {
				if deadline, ok := ctx.Deadline(); ok && c.Write && time.Until(deadline) <= 15*time.Second {
					bounded = true
				}
				return nil
			},
		}))
		if err != nil || !bounded {
			t.Errorf("%s: %v, bounded: %v", name, err, bounded)
		}
		restore()
	}
}

// The tokens of a sign-in during a refresh must not be replaced by the older ones.
func TestRefresh_ConsentMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	var want config.Secret
	w.beforeNextSave(func() {
		w.SignIn(ada, create, members)
		g, _ := w.StoredGrant(ada)
		want, g.AccessToken = g.RefreshToken, config.Secret{} // an API has rejected it
		_, err := w.Deps.Vault.SaveGrant(t.Context(), g)
		check(t, err)
	})
	if _, err := w.TokenSource(t.Context(), adaID, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if g, _ := w.StoredGrant(ada); !g.RefreshToken.Equal(want) {
		t.Error("the new refresh token is lost")
	}
	check(t, w.Token(ada, create, members))
}

// Two instances learn of the end of a grant at once. The person is notified once.
func TestRefresh_SuspendedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Google.RevokeGrant(ada)
	other := consenttest.NewInstance(w.Deps)
	w.beforeNextSave(func() {
		_, err := other.TokenSource(t.Context(), adaID, create)
		if fault.KindOf(err) != fault.NeedsConsent || !other.ClaimEndNotice(t.Context(), adaID) {
			t.Errorf("other instance: %v", err)
		}
	})
	needs, ok := capability.AsConsentError(w.Token(ada, create))
	if !ok || needs.Ended || w.ClaimEndNotice(t.Context(), adaID) {
		t.Errorf("got %+v", needs)
	}
	w.checkAudit("suspend", 1)
}

// Within a request, the operation runs while its new token is stored. The request ends after both.
func TestRefresh_StoresBeside(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	stored := make(chan struct{})
	docs := &vaulttest.Faulty{Docs: w.Docs, Inject: func(_ context.Context, c vaulttest.Call) error {
		if c.Write && !c.Applied {
			<-stored
		}
		return nil
	}}
	ctx := fault.WithBeside(t.Context())
	instance := w.InstanceOn(docs)
	source, err := instance.TokenSource(ctx, adaID, create)
	check(t, err)
	token, err := source.Token()
	check(t, err)
	if g, _ := w.StoredGrant(ada); g.AccessToken.Reveal() == token.AccessToken {
		t.Error("the token is stored already")
	}
	g, usable, err := instance.Lookup(t.Context(), resource.Named(adaID)) // meanwhile, another request reads the store
	if err != nil || !usable || g.AccessToken.Reveal() != token.AccessToken || w.RefreshCount() != 1 {
		t.Errorf("another request: %v, %v, %d refreshes", usable, err, w.RefreshCount())
	}
	close(stored)
	fault.WaitBeside(ctx)
	if g, _ := w.StoredGrant(ada); g.AccessToken.Reveal() != token.AccessToken {
		t.Error("the token is not stored")
	}
}
