package googleauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

const (
	account = "deputy@project.iam.gserviceaccount.com"
	spaces  = "https://www.googleapis.com/auth/chat.spaces.create"
	members = "https://www.googleapis.com/auth/chat.memberships"
)

// newDelegation returns a Delegation that uses an emulator without a network, for tests
// in a synctest bubble. A nil source stands for the emulator's own credentials.
func newDelegation(t *testing.T, source oauth2.TokenSource) (*google.Server, *googleauth.Delegation) {
	t.Helper()
	g := google.New(google.Config{ClientID: "c", ClientSecret: "s", Now: time.Now})
	if source == nil {
		source = g
	}
	return g, newDelegationOver(t, source, handlerTransport{g.Handler()})
}

// newDelegationOver returns a Delegation whose calls all go over base.
func newDelegationOver(t *testing.T, source oauth2.TokenSource, base http.RoundTripper) *googleauth.Delegation {
	t.Helper()
	client := &http.Client{Transport: &oauth2.Transport{Source: source, Base: base}}
	endpoints := googleauth.Endpoints{Token: "http://google/token"}
	d, err := googleauth.NewDelegation(t.Context(), account, endpoints, base, time.Now,
		option.WithEndpoint("http://google/"), option.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// handlerTransport passes requests to a handler without a network.
type handlerTransport struct{ http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestDelegation_CachesToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := newDelegation(t, nil)
		g.SetDelegation(account, spaces, members)
		both := []string{spaces, members}
		first, err := d.Token(t.Context(), "ada@example.com", both)
		if err != nil || !g.AccessTokenValid(first.Reveal()) {
			t.Fatalf("%v", err)
		}
		again, err := d.Token(t.Context(), "ada@example.com", []string{members, spaces})
		if err != nil || again != first {
			t.Errorf("a different token for the same scopes: %v", err)
		}
		for _, other := range []struct {
			email  string
			scopes []string
		}{{"grace@example.com", both}, {"ada@example.com", []string{spaces}}} {
			if token, err := d.Token(t.Context(), other.email, other.scopes); err != nil || token == first {
				t.Errorf("%v: %v", other, err)
			}
		}
		time.Sleep(54 * time.Minute) // by the bubble's clock: it takes no time
		last, err := d.Token(t.Context(), "ada@example.com", both)
		if err != nil || last != first {
			t.Errorf("after 54 minutes: %v", err)
		}
		time.Sleep(2 * time.Minute)
		last, err = d.Token(t.Context(), "ada@example.com", both)
		if err != nil || last == first || !g.AccessTokenValid(last.Reveal()) {
			t.Errorf("after 56 minutes, a token valid for less than five: %v", err)
		}
		if n := g.Count("token"); n != 4 {
			t.Errorf("%d exchanges", n)
		}
	})
}

func TestDelegation_SharesRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := newDelegation(t, nil)
		g.SetDelegation(account, spaces)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := d.Token(t.Context(), "ada@example.com", []string{spaces}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if g.Count("token") != 1 || g.Count("iamcredentials.projects.serviceAccounts.signJwt") != 1 {
			t.Errorf("%v", g.Calls())
		}
	})
}

func TestDelegation_Errors(t *testing.T) {
	one, both := []string{spaces}, []string{spaces, members}
	for name, c := range map[string]struct {
		set    func(*google.Server)
		email  string
		scopes []string
		want   error
		kind   fault.Kind
		text   string
	}{
		"unknown to IAM": {
			func(*google.Server) {}, "ada@example.com", one, googleauth.ErrTokenCreator, fault.Unavailable, "",
		},
		"no scopes": {
			func(g *google.Server) { g.SetDelegation(account) },
			"ada@example.com", both, googleauth.ErrNotDelegated, fault.Denied, members,
		},
		"other account": {
			func(g *google.Server) { g.SetDelegation("x@y.iam.gserviceaccount.com", spaces) },
			"ada@example.com", one, googleauth.ErrTokenCreator, fault.Unavailable, "",
		},
		"one scope missing": {
			func(g *google.Server) { g.SetDelegation(account, spaces) },
			"ada@example.com", both, googleauth.ErrScopeNotListed, fault.Denied, members,
		},
		"no Token Creator role": {
			func(g *google.Server) { g.SetDelegation(account, spaces); g.RevokeTokenCreator() },
			"ada@example.com", one, googleauth.ErrTokenCreator, fault.Unavailable, "",
		},
		"unknown person": {
			func(g *google.Server) { g.SetDelegation(account, spaces) },
			"nobody@example.com", one, googleauth.ErrUnknownPerson, fault.NotFound, "",
		},
		"other organization": {
			func(g *google.Server) { g.SetDelegation(account, spaces) },
			"kim@partner.example", one, googleauth.ErrUnknownPerson, fault.NotFound, "",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			g, d := newDelegation(t, nil)
			c.set(g)
			token, err := d.Token(t.Context(), c.email, c.scopes)
			if !token.Empty() || !errors.Is(err, c.want) || fault.KindOf(err) != c.kind ||
				!strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v", name, err)
			}
			list := strings.Join(googleauth.NormalizeScopes(c.scopes), ", ")
			if public := fault.Public(i18n.In("en"), err, ""); errors.Is(c.want, googleauth.ErrNotDelegated) &&
				!strings.Contains(public, list) {
				t.Errorf("%s: for people: %q", name, public)
			}
			if errors.Is(c.want, googleauth.ErrScopeNotListed) && strings.Contains(err.Error(), spaces) {
				t.Errorf("%s: a listed scope is in the error: %v", name, err)
			}
		})
	}
}

func TestDelegation_Retries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := newDelegation(t, nil)
		g.SetDelegation(account, spaces)
		g.Fail("iamcredentials.projects.serviceAccounts.signJwt", 503)
		g.Fail("token", 500, 429)
		if _, err := d.Token(t.Context(), "ada@example.com", []string{spaces}); err != nil {
			t.Error(err)
		}
		g.Fail("iamcredentials.projects.serviceAccounts.signJwt", 503, 503, 503)
		_, err := d.Token(t.Context(), "grace@example.com", []string{spaces})
		if fault.KindOf(err) != fault.Unavailable || errors.Is(err, googleauth.ErrTokenCreator) ||
			!strings.Contains(err.Error(), "IAM: status 503") {
			t.Errorf("IAM unavailable: %v", err)
		}
		g.RevokeTokenCreator()
		before := len(g.Calls())
		_, _ = d.Token(t.Context(), "alan@example.com", []string{spaces})
		if n := len(g.Calls()) - before; n != 1 {
			t.Errorf("a permanent error caused %d calls", n)
		}
	})
}

func TestDelegation_CanceledRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := newDelegation(t, nil)
		g.SetDelegation(account, spaces)
		g.Fail("token", 503)                                             // causes a delay before the second attempt
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond) // shorter than the random delay
		defer cancel()
		if _, err := d.Token(ctx, "ada@example.com", []string{spaces}); fault.KindOf(err) != fault.Unavailable {
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

func TestDelegation_UnknownCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unknown := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "no such token"})
		g, d := newDelegation(t, unknown)
		g.SetDelegation(account, spaces)
		_, err := d.Token(t.Context(), "ada@example.com", []string{spaces})
		if !errors.Is(err, googleauth.ErrTokenCreator) {
			t.Errorf("%v", err)
		}
		for _, c := range g.Calls() {
			if c.Method == "token" {
				t.Error("an assertion was exchanged")
			}
		}
	})
}

func TestDelegation_Discard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := newDelegation(t, nil)
		g.SetDelegation(account, spaces, members)
		first, _ := d.Token(t.Context(), "ada@example.com", []string{spaces, members})
		d.Discard("grace@example.com", []string{members, spaces})
		d.Discard("ada@example.com", []string{members})
		if again, err := d.Token(t.Context(), "ada@example.com", []string{spaces, members}); err != nil ||
			again != first {
			t.Errorf("discarded with another: %v", err)
		}
		d.Discard("ada@example.com", []string{members, spaces})
		if again, err := d.Token(t.Context(), "ada@example.com", []string{spaces, members}); err != nil ||
			again == first {
			t.Errorf("not discarded: %v", err)
		}
	})
}

// The retries of a silent service end in time for an answer to the person.
func TestDelegation_NoResponse(t *testing.T) {
	for path, timeout := range map[string]time.Duration{"/token": 15 * time.Second, ":signJwt": 15 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			g := google.New(google.Config{ClientID: "c", ClientSecret: "s", Now: time.Now})
			g.SetDelegation(account, spaces)
			base := &silent{path: path, next: handlerTransport{g.Handler()}}
			d, start := newDelegationOver(t, g, base), time.Now()
			_, err := d.Token(t.Context(), "ada@example.com", []string{spaces})
			if took := time.Since(start); fault.KindOf(err) != fault.Unavailable || took != timeout || base.n != 3 ||
				!strings.Contains(err.Error(), "deadline exceeded") {
				t.Errorf("%s: %d calls in %v, %v", path, base.n, took, err)
			}
		})
	}
}

func TestDelegation_TokenEndpoint(t *testing.T) {
	scopes, setUp := []string{spaces}, i18n.In("en")(words.ErrorSetUpBroken)
	for name, c := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		is     error
		text   string // for people, or for the log
	}{
		"access denied": {400, `{"error":"access_denied"}`, fault.Denied, googleauth.ErrScopeNotListed, spaces},
		"invalid scope": {400, `{"error":"invalid_scope"}`, fault.Denied, googleauth.ErrScopeNotListed, spaces},
		"not delegated": {
			401, `{"error":"unauthorized_client"}`, fault.Denied, googleauth.ErrNotDelegated,
			spaces,
		},
		"unknown person": {
			400, `{"error":"invalid_grant"}`, fault.NotFound, googleauth.ErrUnknownPerson,
			"no active account",
		},
		"invalid request": {400, `{"error":"invalid_request"}`, fault.NotFound, googleauth.ErrUnknownPerson, ""},
		"policy": {
			400, `{"error":"admin_policy_enforced"}`, fault.Denied, googleauth.ErrDelegationPolicy,
			"",
		},
		"members only": {400, `{"error":"org_internal"}`, fault.Denied, googleauth.ErrDelegationPolicy, ""},
		"wrong clock": {
			400, `{"error":"invalid_grant","error_description":"Invalid JWT: x"}`,
			fault.Unavailable, nil, setUp,
		},
		"unknown error":       {400, `{"error":"new"}`, fault.Unavailable, nil, `status 400 "new"`},
		"unknown, for people": {400, `{"error":"new"}`, fault.Unavailable, nil, setUp},
		"transient policy":    {503, `{"error":"org_internal"}`, fault.Unavailable, nil, ""},
		"unreadable":          {200, `marked`, fault.Unavailable, nil, "unreadable response"},
		"no token":            {200, `{"marked":1}`, fault.Unavailable, nil, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := google.New(google.Config{ClientID: "c", ClientSecret: "s", Now: time.Now})
			g.SetDelegation(account, spaces)
			e := &endpoint{status: c.status, body: c.body}
			mux := http.NewServeMux()
			mux.Handle("/", g.Handler())
			mux.Handle("/token", e)
			d := newDelegationOver(t, g, handlerTransport{mux})
			token, err := d.Token(t.Context(), "ada@example.com", scopes)
			public := fault.Public(i18n.In("en"), err, "")
			if !token.Empty() || fault.KindOf(err) != c.kind || c.is != nil && !errors.Is(err, c.is) ||
				!strings.Contains(public+err.Error(), c.text) || strings.Contains(err.Error(), "marked") {
				t.Errorf("%s: %v, %q", name, err, public)
			}
			for _, r := range e.requests {
				if r.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || r.Get("query") != "" {
					t.Errorf("%s: %v", name, r)
				}
			}
		})
	}
}

func TestDelegation_AccountToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, d := newDelegation(t, nil)
		g.SetDelegation(account)
		token, err := d.AccountToken(t.Context(), "https://risc.googleapis.com/")
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token.Reveal(), ".")[1])
		if err != nil || json.Unmarshal(payload, &got) != nil {
			t.Fatal(err)
		}
		now := float64(time.Now().Unix())
		want := map[string]any{
			"iss": account, "sub": account, "aud": "https://risc.googleapis.com/", "iat": now, "exp": now + 3600,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		g.RevokeTokenCreator()
		if token, err := d.AccountToken(t.Context(), "x"); !errors.Is(err, googleauth.ErrTokenCreator) ||
			!token.Empty() {
			t.Errorf("%v", err)
		}
	})
}

func TestNewDelegation_NoCredentials(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
	_, err := googleauth.NewDelegation(t.Context(), account, googleauth.Google, nil, time.Now)
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
}

// Google's answer for each scope alone may differ from its answer for all, while an administrator changes them.
func TestDelegation_ScopesAddedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := google.New(google.Config{ClientID: "c", ClientSecret: "s", Now: time.Now})
		g.SetDelegation(account)
		n := 0
		mux := http.NewServeMux()
		mux.Handle("/", g.Handler())
		mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 2 {
				g.SetDelegation(account, spaces, members)
			}
			g.Handler().ServeHTTP(w, r)
		})
		d := newDelegationOver(t, g, handlerTransport{mux})
		both := []string{spaces, members}
		if _, err := d.Token(t.Context(), "ada@example.com", both); !errors.Is(err, googleauth.ErrNotDelegated) {
			t.Errorf("%v", err)
		}
		if _, err := d.Token(t.Context(), "ada@example.com", both); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
