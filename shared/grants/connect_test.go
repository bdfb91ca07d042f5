package grants_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/vault"
)

func TestConnect_Widening(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	before, _ := w.StoredGrant(ada)
	w.SignIn(ada, create, members)
	after, _ := w.StoredGrant(ada)
	sameToken := after.RefreshToken.Equal(before.RefreshToken)
	if after.Generation <= before.Generation || sameToken || !after.ConnectedAt.Equal(before.ConnectedAt) {
		t.Errorf("generation %d after %d; same token: %v", after.Generation, before.Generation, sameToken)
	}
	if err := w.Token(ada, create, members); err != nil {
		t.Error(err)
	}
	// Nothing new is requested: Google sends no refresh token, and the stored one stays.
	w.SignIn(ada, create)
	if again, _ := w.StoredGrant(ada); !again.RefreshToken.Equal(after.RefreshToken) {
		t.Error("the refresh token was replaced by nothing")
	}
}

func TestConnect_GenerationAfterErasure(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Google.Fail("revoke", 503)
	if done, err := w.Disconnect(t.Context(), adaID); err != nil || done.Outcome != grants.RevokeLater {
		t.Fatalf("got %v, %v", done, err)
	}
	if !strings.Contains(w.Log.String(), "revocation failed") {
		t.Error("the failure is not logged")
	}
	kept, err := w.Docs.List(t.Context(), "revocations", "", 1)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	w.Advance(time.Second)
	w.SignIn(ada, create)
	r, err := w.Deps.Vault.Revocations(t.Context(), "", 1)
	if g, _ := w.StoredGrant(ada); err != nil || len(r) != 1 || g.Generation <= r[0].Generation {
		t.Error("the new grant's generation is not above the pending revocation's")
	}
}

func TestConnect_WideningWithoutRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	before, _ := w.StoredGrant(ada)
	w.Google.OmitRefreshTokens()
	w.SignIn(ada, create, members)
	after, _ := w.StoredGrant(ada)
	if !after.RefreshToken.Equal(before.RefreshToken) {
		t.Error("the refresh token was lost")
	}
	if err := w.Token(ada, create, members); err != nil {
		t.Errorf("now: %v", err)
	}
	// The next refresh returns the old token's scopes. Deputy then asks for the missing one instead of failing.
	w.Advance(2 * time.Hour)
	if err := w.Token(ada, create); err != nil {
		t.Errorf("later: %v", err)
	}
	g, _ := w.StoredGrant(ada)
	if diff := cmp.Diff([]string{"email", createScope, "openid"}, g.Scopes); diff != "" {
		t.Error(diff)
	}
	needs, ok := capability.AsConsentError(w.Token(ada, create, members))
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) {
		t.Errorf("got %+v", needs)
	}
}

// A disconnect in progress would revoke the token of a new sign-in.
func TestConnect_DuringDisconnect(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	callback := w.GiveConsent(w.InvitePerson(ada, consenttest.Completion, create), ada)
	stuck := w.InstanceOn(&undeletableDocs{Docs: w.Docs})
	if _, err := stuck.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(t.Context(), callback); err == nil {
		t.Error("stored a grant whose token is revoked")
	}
	w.SignIn(ada, create)
	check(t, w.Token(ada, create))
}

// newConsent returns Ada's consent for capabilities, which Google granted. refresh may be empty.
func newConsent(refresh string, c ...capability.Capability) grants.Consent {
	return grants.Consent{
		Requested: c,
		Tokens: googleauth.Tokens{
			Access: config.NewSecret("ya29.new"), Refresh: config.NewSecret(refresh), ExpiresIn: time.Hour,
			Scopes: capability.Scopes(c...),
		},
		Claims: googleauth.Claims{Subject: ada.Sub, Email: ada.Email, EmailVerified: true, Domain: ada.Domain},
	}
}

func TestConnect_NoRefreshToken(t *testing.T) {
	nothing, signIn := func(*world) {}, func(w *world) { w.SignIn(ada, create) }
	change := func(f func(*vault.Grant)) func(*world) {
		return func(w *world) {
			w.SignIn(ada, create)
			g, _ := w.StoredGrant(ada)
			f(&g)
			_, err := w.Deps.Vault.SaveGrant(w.t.Context(), g)
			check(w.t, err)
		}
	}
	for name, c := range map[string]struct {
		stored             func(w *world)
		requested, granted []capability.Capability
		once, twice        bool // whether it is stored when Google asked for consent once or twice
	}{
		"no grant":                {nothing, just(create), just(create), false, false},
		"covered":                 {signIn, just(create), just(create), true, true},
		"covers what was granted": {signIn, just(create, members), just(create), true, true},
		"not covered":             {signIn, just(create, members), just(create, members), false, true},
		"sign-in required": {
			change(func(g *vault.Grant) { g.NeedsSignIn = true }), just(create), just(create), false, true,
		},
		"suspended": {
			change(func(g *vault.Grant) { g.Status = vault.Suspended }), just(create), just(create), false, false,
		},
		"other client": {
			change(func(g *vault.Grant) { g.ClientID = "other" }), just(create), just(create), false, false,
		},
		"ended by an event": {func(w *world) {
			w.SignIn(ada, create)
			w.Advance(10 * time.Minute)
			w.MarkGrant(ada, vault.RevokedAt, w.Now())
		}, just(create), just(create), false, false},
		"doubtful": {func(w *world) {
			w.SignIn(ada, create)
			w.MarkGrant(ada, vault.RevokedAt, w.Now())
		}, just(create), just(create), false, false},
		"doubtful, refreshed since": {func(w *world) {
			w.SignIn(ada, create)
			w.MarkGrant(ada, vault.RevokedAt, w.Now())
			w.Advance(time.Second)
			w.Instance = consenttest.NewInstance(w.Deps)
			check(w.t, w.Token(ada, create))
		}, just(create), just(create), true, true},
	} {
		for reprompted, stored := range map[bool]bool{false: c.once, true: c.twice} {
			w := newWorld(t)
			c.stored(w)
			before, _ := w.StoredGrant(ada)
			w.Advance(time.Second)
			given := newConsent("", c.requested...)
			given.Tokens.Scopes, given.Reprompted = capability.Scopes(c.granted...), reprompted
			_, err := w.Connect(t.Context(), given)
			if errors.Is(err, grants.ErrNoRefreshToken) == stored || stored && err != nil {
				t.Errorf("%s, reprompted %v: %v", name, reprompted, err)
			}
			g, _ := w.StoredGrant(ada)
			if !g.RefreshToken.Equal(before.RefreshToken) || (g.AccessToken.Reveal() == "ya29.new") != stored {
				t.Errorf("%s, reprompted %v: the tokens are wrong", name, reprompted)
			}
		}
	}
}

func just(c ...capability.Capability) []capability.Capability { return c }

// A new consent keeps what belongs to the connection, and clears what an end or a removal had set.
func TestConnect_Again(t *testing.T) {
	w := newWorld(t)
	first := newConsent("1//0first", create, members)
	first.Tokens.Scopes, first.Tokens.RefreshExpiresIn = []string{createScope}, day
	first.Via = "Tickets"
	_, err := w.Connect(t.Context(), first)
	check(t, err)
	since := w.Now()
	w.Advance(time.Hour)
	check(t, w.RecordAppRemoved(t.Context(), adaID, w.Now()))
	_, err = w.Connect(t.Context(), newConsent("", create))
	check(t, err)
	g, _ := w.StoredGrant(ada)
	if !g.ConnectedAt.Equal(since) || !g.SignedInAt.Equal(w.Now()) || !g.RefreshUntil.Equal(since.Add(day)) {
		t.Errorf("connected %v, signed in %v, until %v", g.ConnectedAt, g.SignedInAt, g.RefreshUntil)
	}
	if diff := cmp.Diff([]string{membersScope}, g.Declined); diff != "" {
		t.Error(diff)
	}
	if !g.RemovedAt.IsZero() || g.ConsentSystem != "" {
		t.Errorf("removed %v, via %q", g.RemovedAt, g.ConsentSystem)
	}
	w.Advance(time.Hour)
	_, err = w.Connect(t.Context(), newConsent("1//0second", create))
	check(t, err)
	if g, _ := w.StoredGrant(ada); !g.RefreshUntil.IsZero() || !g.ConnectedAt.Equal(since) {
		t.Errorf("connected %v, until %v", g.ConnectedAt, g.RefreshUntil)
	}
}

// A grant that has ended passes nothing on to a new consent but what the person declined.
func TestConnect_AfterEnd(t *testing.T) {
	w := newWorld(t)
	w.unselect(membersScope, create, members)
	w.storeApprovals(ada, "tickets")
	w.Google.RevokeGrant(ada)
	w.Advance(2 * time.Hour)
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok {
		t.Fatal("the grant is used")
	}
	w.SignIn(ada, create)
	g, _ := w.StoredGrant(ada)
	if !g.ConnectedAt.Equal(w.Now()) || g.NeedsNotice || g.Status != vault.Connected || len(g.Approvals) != 0 {
		t.Errorf("connected %v, %s, %d approvals", g.ConnectedAt, g.Status, len(g.Approvals))
	}
	if diff := cmp.Diff([]string{membersScope}, g.Declined); diff != "" {
		t.Error(diff)
	}
}
