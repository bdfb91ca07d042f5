package consent_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
)

// appCode is a code of Ada for create that any system may submit.
func appCode(w *consenttest.World, scopes ...string) consent.AppCode {
	return consent.AppCode{
		Code: config.NewSecret(w.Google.IssueAuthCode(ada, "", true, scopes...)), Via: "Tickets",
		CheckDomain: func(string) error { return nil },
	}
}

func TestAcceptAppCode(t *testing.T) {
	for _, named := range []resource.Named{resource.Named(ada.User()), "Ada@Example.com"} {
		w := newWorld(t)
		code := appCode(w, createScope)
		code.CheckDomain = func(domain string) error {
			if domain != ada.Domain {
				t.Errorf("domain %q", domain)
			}
			return nil
		}
		got, err := w.AcceptAppCode(t.Context(), named, code)
		want, getErr := w.Connection(t.Context(), adaID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || getErr != nil {
			t.Errorf("%s: %v, %v, %s", named, err, getErr, diff)
		}
		if !got.Connected || got.Via != "Tickets" || !cmp.Equal(got.Allowed, []capability.Capability{create}) {
			t.Errorf("%s: got %+v", named, got)
		}
		check(t, w.Token(ada, create))
		_, err = w.AcceptAppCode(t.Context(), named, code)
		if fault.KindOf(err) != fault.Invalid || !errors.Is(err, googleauth.ErrInvalidGrant) {
			t.Errorf("%s: used code: %v", named, err)
		}
	}
}

func TestAcceptAppCode_Refused(t *testing.T) {
	ownDomain := errors.New("the system serves another organization")
	type request struct {
		named resource.Named
		code  consent.AppCode
		deps  grants.Deps
	}
	for name, c := range map[string]struct {
		change func(w *consenttest.World, r *request)
		kind   fault.Kind
		reason string // part of the error
	}{
		"another person's ID": {func(_ *consenttest.World, r *request) {
			r.named = "users/999"
		}, fault.Invalid, "another person"},
		"another person's address": {func(_ *consenttest.World, r *request) {
			r.named = "grace@example.com"
		}, fault.Invalid, "another person"},
		"unverified address": {func(w *consenttest.World, r *request) {
			w.Google.MarkEmailUnverified(ada)
			r.named = "ada@example.com"
		}, fault.Invalid, "another person"},
		"organization not allowed": {func(_ *consenttest.World, r *request) {
			r.deps.Domains = []string{"other.example"}
		}, fault.Denied, "ALLOWED_DOMAINS"},
		"the system's other organization": {func(_ *consenttest.World, r *request) {
			r.code.CheckDomain = func(string) error { return ownDomain }
		}, fault.Internal, ownDomain.Error()},
		"no refresh token": {func(w *consenttest.World, r *request) {
			r.code.Code = config.NewSecret(w.Google.IssueAuthCode(ada, "", false, createScope))
		}, fault.Invalid, "no refresh token"},
		"other client": {func(w *consenttest.World, r *request) {
			certs := googleauth.NewKeySet(w.GoogleURL+"/oauth2/v3/certs", http.DefaultTransport, w.Now)
			r.deps.IDTokens = googleauth.NewVerifier(googleauth.Issuer, certs, w.Now, "another-client")
		}, fault.Invalid, "aud"},
		"Google unavailable": {func(w *consenttest.World, _ *request) {
			w.Google.Fail("token", 503)
		}, fault.Unavailable, ""},
		"keys unavailable": {func(w *consenttest.World, r *request) {
			certs := googleauth.NewKeySet(w.GoogleURL+"/nothing", http.DefaultTransport, w.Now)
			r.deps.IDTokens = googleauth.NewVerifier(googleauth.Issuer, certs, w.Now, "client")
		}, fault.Unavailable, ""},
	} {
		w := newWorld(t)
		r := request{resource.Named(ada.User()), appCode(w, createScope), w.Deps}
		c.change(w, &r)
		_, err := consenttest.NewInstance(r.deps).AcceptAppCode(t.Context(), r.named, r.code)
		if err == nil || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := w.StoredGrant(ada); ok || w.Docs.Writes() != 0 {
			t.Errorf("%s: something is stored", name)
		}
	}
}

func TestAcceptAppCode_AllowsLess(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create, members)
	before, _ := w.StoredGrant(ada)
	_, err := w.AcceptAppCode(t.Context(), resource.Named(ada.User()), appCode(w, createScope))
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
	if after, _ := w.StoredGrant(ada); !after.RefreshToken.Equal(before.RefreshToken) {
		t.Error("the grant has changed")
	}
	all := capability.Scopes(create, members)
	if _, err := w.AcceptAppCode(t.Context(), resource.Named(ada.User()), appCode(w, all...)); err != nil {
		t.Errorf("the same capabilities: %v", err)
	}
}

func TestAcceptAppCode_StoreUnavailable(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld(t)
		docs := failAt(w, at)
		_, err := w.InstanceOn(docs).AcceptAppCode(t.Context(), resource.Named(ada.User()), appCode(w, createScope))
		if docs.Calls() < at {
			if err != nil || at < 5 {
				t.Errorf("%d calls: %v", docs.Calls(), err)
			}
			return
		}
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("call %d: %v", at, err)
		}
	}
}
