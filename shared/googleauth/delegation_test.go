package googleauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

const (
	account = "deputy@project.iam.gserviceaccount.com"
	spaces  = "https://www.googleapis.com/auth/chat.spaces.create"
	members = "https://www.googleapis.com/auth/chat.memberships"
)

// delegating is a Delegation against the stand-in, within a bubble of its own
// time.
func delegating(t *testing.T, as oauth2.TokenSource) (*google.Server, *googleauth.Delegation) {
	t.Helper()
	g := google.New(google.Config{ClientID: "c", ClientSecret: "s", Now: time.Now})
	if as == nil {
		as = g
	}
	way := inside{g.Handler()}
	d, err := googleauth.NewDelegation(t.Context(), account, googleauth.Endpoints{Token: "http://google/token"}, way, time.Now,
		option.WithEndpoint("http://google/"), option.WithHTTPClient(&http.Client{Transport: &oauth2.Transport{Source: as, Base: way}}))
	if err != nil {
		t.Fatal(err)
	}
	return g, d
}

// inside is the way to a handler without a network.
type inside struct{ http.Handler }

func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestADelegatedTokenIsForThatPersonAndThoseScopesAndIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := delegating(t, nil)
		g.SetDelegation(account, spaces, members)
		first, err := d.Token(t.Context(), "ada@example.com", []string{spaces, members})
		if err != nil || !g.AccessTokenValid(first.Reveal()) {
			t.Fatalf("%v", err)
		}
		again, err := d.Token(t.Context(), "ada@example.com", []string{members, spaces})
		if err != nil || again != first {
			t.Errorf("another token for the same: %v", err)
		}
		for _, other := range []struct {
			email  string
			scopes []string
		}{{"grace@example.com", []string{spaces, members}}, {"ada@example.com", []string{spaces}}} {
			if token, err := d.Token(t.Context(), other.email, other.scopes); err != nil || token == first {
				t.Errorf("%v: %v", other, err)
			}
		}
		time.Sleep(54 * time.Minute)
		if last, err := d.Token(t.Context(), "ada@example.com", []string{spaces, members}); err != nil || last != first {
			t.Errorf("after 54 minutes: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if last, err := d.Token(t.Context(), "ada@example.com", []string{spaces, members}); err != nil || last == first || !g.AccessTokenValid(last.Reveal()) {
			t.Errorf("after 56 minutes, a token that is not good for five: %v", err)
		}
		if n := g.Count("token"); n != 4 {
			t.Errorf("%d exchanges", n)
		}
	})
}

func TestFiftyWhoWaitForOneDelegatedTokenCauseOneExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := delegating(t, nil)
		g.SetDelegation(account, spaces)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := d.Token(t.Context(), "ada@example.com", []string{spaces}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if g.Count("token") != 1 || g.Count("iamcredentials.projects.serviceAccounts.signJwt") != 1 {
			t.Errorf("%v", g.Calls())
		}
	})
}

func TestEachRefusalOfADelegationHasItsOwnError(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*google.Server)
		email  string
		scopes []string
		want   error
		kind   fault.Kind
		says   string
	}{
		"not delegated":           {func(*google.Server) {}, "ada@example.com", []string{spaces}, googleauth.ErrTokenCreator, fault.Unavailable, ""}, // IAM does not know the account
		"nothing listed":          {func(g *google.Server) { g.SetDelegation(account) }, "ada@example.com", []string{spaces, members}, googleauth.ErrNotDelegated, fault.Denied, members},
		"another account":         {func(g *google.Server) { g.SetDelegation("x@y.iam.gserviceaccount.com", spaces) }, "ada@example.com", []string{spaces}, googleauth.ErrTokenCreator, fault.Unavailable, ""},
		"one scope is not listed": {func(g *google.Server) { g.SetDelegation(account, spaces) }, "ada@example.com", []string{spaces, members}, googleauth.ErrScopeNotListed, fault.Denied, members},
		"no Token Creator":        {func(g *google.Server) { g.SetDelegation(account, spaces); g.RevokeTokenCreator() }, "ada@example.com", []string{spaces}, googleauth.ErrTokenCreator, fault.Unavailable, ""},
		"nobody":                  {func(g *google.Server) { g.SetDelegation(account, spaces) }, "nobody@example.com", []string{spaces}, googleauth.ErrUnknownPerson, fault.NotFound, ""},
		"of elsewhere":            {func(g *google.Server) { g.SetDelegation(account, spaces) }, "kim@partner.example", []string{spaces}, googleauth.ErrUnknownPerson, fault.NotFound, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			g, d := delegating(t, nil)
			c.set(g)
			token, err := d.Token(t.Context(), c.email, c.scopes)
			if !token.Empty() || !errors.Is(err, c.want) || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
			if errors.Is(c.want, googleauth.ErrScopeNotListed) && strings.Contains(err.Error(), spaces) {
				t.Errorf("%s: what is listed is named too: %v", name, err)
			}
		})
	}
}

func TestWhatPassesIsTriedAgainAndWhatDoesNotIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := delegating(t, nil)
		g.SetDelegation(account, spaces)
		g.Fail("iamcredentials.projects.serviceAccounts.signJwt", 503)
		g.Fail("token", 500, 429)
		if _, err := d.Token(t.Context(), "ada@example.com", []string{spaces}); err != nil {
			t.Error(err)
		}
		g.Fail("iamcredentials.projects.serviceAccounts.signJwt", 503, 503, 503)
		if _, err := d.Token(t.Context(), "grace@example.com", []string{spaces}); fault.KindOf(err) != fault.Unavailable || errors.Is(err, googleauth.ErrTokenCreator) {
			t.Errorf("IAM is down: %v", err)
		}
		g.RevokeTokenCreator()
		before := len(g.Calls())
		_, _ = d.Token(t.Context(), "alan@example.com", []string{spaces})
		if n := len(g.Calls()) - before; n != 1 {
			t.Errorf("a refusal was tried %d times", n)
		}
	})
}

func TestWhoGivesUpWaitingForADelegatedTokenSpoilsItForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := delegating(t, nil)
		g.SetDelegation(account, spaces)
		g.Fail("token", 503)                                                   // a pause before the second try
		impatient, cancel := context.WithTimeout(t.Context(), time.Nanosecond) // the pause is by chance, and longer
		defer cancel()
		if _, err := d.Token(impatient, "ada@example.com", []string{spaces}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%v", err)
		}
		if _, err := d.Token(t.Context(), "ada@example.com", []string{spaces}); err != nil {
			t.Error(err)
		}
		if n := g.Count("iamcredentials.projects.serviceAccounts.signJwt"); n != 1 {
			t.Errorf("signed %d times", n)
		}
	})
}

func TestAnAssertionThatIsNotTheDelegatesIsRefusedByTheStandIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A token without cloud-platform may not sign.
		weak := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "no such token"})
		g, d := delegating(t, weak)
		g.SetDelegation(account, spaces)
		if _, err := d.Token(t.Context(), "ada@example.com", []string{spaces}); !errors.Is(err, googleauth.ErrTokenCreator) {
			t.Errorf("%v", err)
		}
		for _, c := range g.Calls() {
			if c.Method == "token" {
				t.Error("something was traded")
			}
		}
	})
}
