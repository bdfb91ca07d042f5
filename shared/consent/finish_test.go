package consent_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

func TestFinish_StoresGrantAndReturnsToChat(t *testing.T) {
	w := newWorld(t)
	out := w.SignIn(ada, create)
	if !out.ReturnTo.Equal(completion) || out.Email != "ada@example.com" || len(out.Missing) != 0 {
		t.Errorf("got %+v", out)
	}
	g, _ := w.StoredGrant(ada)
	want := []string{"email", "https://www.googleapis.com/auth/chat.spaces.create", "openid"}
	diff := cmp.Diff(want, g.Scopes)
	if diff != "" || g.Generation == 0 || g.Domain != "example.com" || g.RefreshToken.Empty() {
		t.Errorf("grant: generation %d, domain %s; %s", g.Generation, g.Domain, diff)
	}
	if err := w.Token(ada, create); err != nil {
		t.Error(err)
	}
	needs, ok := capability.AsConsentError(w.Token(ada, create, members))
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{members}) || needs.Declined {
		t.Errorf("got %+v", needs)
	}
	needs, ok = capability.AsConsentError(w.Token(grace, create))
	if !ok || !cmp.Equal(needs.Missing, []capability.Capability{create}) {
		t.Errorf("a person without a grant: got %+v", needs)
	}
}

func TestFinish_OpenRedirect(t *testing.T) {
	w := newWorld(t)
	alarms := 0
	for _, address := range []string{
		"https://evil.example/x", "http://chat.google.com/x", "https://chat.google.com.evil.example/x",
		"https://chat.google.com@evil.example/x", "https://user@chat.google.com/x", "https://CHAT.google.com/x",
		"https://chat.google.com:444/x", "https://chat.google.com%2eevil.example/x", "//chat.google.com/x",
		"https:chat.google.com", "javascript:alert(1)", `https://chat.google.com\@evil.example/x`,
		"https://evil.example#https://chat.google.com", "https://chat.goog1e.com/x",
		"https://sub.chat.google.com/x", " https://chat.google.com/x",
	} {
		out, err := w.Finish(t.Context(), w.GiveConsent(w.InvitePerson(ada, config.NewSecret(address), create), ada))
		if err != nil || !out.ReturnTo.Empty() {
			t.Errorf("%s: returns there, or %v", address, err)
		}
		alarms++
		if got := strings.Count(w.Log.String(), "ignored a completion URL that is not Google Chat's"); got != alarms {
			t.Errorf("%s: got %d alarms, want %d", address, got, alarms)
		}
	}
	mail := config.NewSecret("https://mail.google.com/chat?x=1")
	out, err := w.Finish(t.Context(), w.GiveConsent(w.InvitePerson(ada, mail, create), ada))
	if err != nil || out.ReturnTo.Empty() {
		t.Errorf("mail.google.com: %v", err)
	}
}

func TestFinish_InvalidCallback(t *testing.T) {
	type callback = consent.Callback
	for name, c := range map[string]struct {
		account google.Person
		change  func(*callback)
		want    consent.Reason

		exchanged bool // whether the code is sent to Google
	}{
		"other account": {grace, func(*callback) {}, consent.WrongAccount, true},
		"other browser": {ada, func(c *callback) {
			c.Cookies = []config.Secret{config.NewSecret("other")}
		}, consent.OtherBrowser, false},
		"no cookie": {ada, func(c *callback) {
			c.Cookies = nil
		}, consent.OtherBrowser, false},
		"other state": {ada, func(c *callback) {
			c.State = config.NewSecret(c.State.Reveal() + "x")
		}, consent.LinkExpired, false},
		"no state": {ada, func(c *callback) { c.State = config.Secret{} }, consent.LinkExpired, false},
		"other issuer": {ada, func(c *callback) {
			c.Issuer = "https://accounts.google.com/"
		}, consent.GoogleRefused, false},
		"declined": {ada, func(c *callback) {
			c.Code, c.Error = config.Secret{}, "access_denied"
		}, consent.Declined, false},
		"Google error": {ada, func(c *callback) { c.Error = "server_error" }, consent.GoogleRefused, false},
		"no code":      {ada, func(c *callback) { c.Code = config.Secret{} }, consent.GoogleRefused, false},
		"other code": {ada, func(c *callback) {
			c.Code = config.NewSecret("4/0Aother")
		}, consent.GoogleRefused, true},
	} {
		w := newWorld(t)
		callback := w.GiveConsent(w.InvitePerson(ada, completion, create), c.account)
		c.change(&callback)
		if out, err := w.Finish(t.Context(), callback); refusalReason(err) != c.want || out.Person != "" {
			t.Errorf("%s: got %+v, %v", name, out, err)
		}
		for _, p := range []google.Person{ada, grace} {
			if _, ok := w.StoredGrant(p); ok {
				t.Errorf("%s: a grant of %s is stored", name, p.Name)
			}
		}
		for _, call := range w.Google.Calls() {
			if call.Method == "revoke" || call.Method == "token" && !c.exchanged {
				t.Errorf("%s: called %s", name, call.Method)
			}
		}
	}
}

func TestFinish_InjectedCode(t *testing.T) {
	w := newWorld(t)
	first := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	second := w.GiveConsent(w.InvitePerson(ada, completion, create, members), ada)
	first.Code = second.Code // which belongs to another PKCE verifier
	if _, err := w.Finish(t.Context(), first); refusalReason(err) != consent.GoogleRefused {
		t.Errorf("got %v", err)
	}
}

func TestFinish_OtherClient(t *testing.T) {
	w := newWorld(t)
	deps := w.Deps
	certs := googleauth.NewKeySet(w.GoogleURL+"/oauth2/v3/certs", http.DefaultTransport, deps.Now)
	// The ID token is for "client".
	deps.IDTokens = googleauth.NewVerifier(googleauth.Issuer, certs, deps.Now, "another-client")
	w.Instance = consenttest.NewInstance(deps)
	_, err := w.Finish(t.Context(), w.GiveConsent(w.InvitePerson(ada, completion, create), ada))
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("got %v", err)
	}
	if _, ok := w.StoredGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestFinish_DomainNotAllowed(t *testing.T) {
	w := newWorld(t)
	deps := w.Deps
	deps.Domains = []string{"other.example"}
	w.Instance = consenttest.NewInstance(deps)
	_, err := w.Finish(t.Context(), w.GiveConsent(w.InvitePerson(ada, completion, create), ada))
	if refusalReason(err) != consent.WrongDomain {
		t.Errorf("got %v", err)
	}
	if _, ok := w.StoredGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestFinish_ReplayedIDToken(t *testing.T) {
	w := newWorld(t)
	address, err := w.Start(t.Context(), w.InvitePerson(ada, completion, create), browser, false)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("nonce", "another") // as if the ID token came from another consent
	u.RawQuery = q.Encode()
	_, err = w.Finish(t.Context(), w.AllowAll(config.NewSecret(u.String()), ada))
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("got %v", err)
	}
	if _, ok := w.StoredGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestFinish_GoogleUnavailable(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	w.Google.Fail("token", 503)
	_, err := w.Finish(t.Context(), callback)
	refusal, _ := consent.AsRefusal(err)
	if refusalReason(err) != consent.Unfinished || refusal.RetryLink.Empty() || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

// An attacker plants or alters a pending consent.
func TestFinish_TamperedPendingConsent(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	docs, err := w.Docs.List(t.Context(), "pendingConsents", "", 10)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%v, %v", docs, err)
	}
	docs[0].Fields["sealed"] = []byte(`{"person":"users/666"}`)
	_, err = w.Docs.Replace(t.Context(), "pendingConsents", docs[0].ID, docs[0].Fields, docs[0].Version)
	check(t, err)
	_, err = w.Finish(t.Context(), callback)
	alarm := strings.Contains(w.Log.String(), "a pending consent does not open")
	if refusalReason(err) != consent.LinkExpired || !alarm {
		t.Errorf("%v; log %s", err, w.Log)
	}
	if _, ok := w.StoredGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

// Google asks for consent a second time only if no refresh token covers the request.
func TestFinish_SecondConsentPrompt(t *testing.T) {
	w := newWorld(t)
	finish := func(c ...capability.Capability) consent.Outcome {
		t.Helper()
		out, err := w.Finish(t.Context(), w.GiveConsent(w.InvitePerson(ada, completion, c...), ada))
		check(t, err)
		return out
	}
	if out := finish(create); !out.ConsentURL.Empty() {
		t.Error("the first sign-in asks twice")
	}
	if out := finish(create); !out.ConsentURL.Empty() {
		t.Error("asks twice although a refresh token is stored")
	}
	if out := finish(create, members); !strings.Contains(out.ConsentURL.Reveal(), "prompt=consent") ||
		out.Person != "" {
		t.Errorf("does not ask again although no refresh token covers the request: %+v", out)
	}
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	if out := finish(create); !out.ConsentURL.Empty() {
		t.Error("asks twice after a disconnect")
	}
}

// A browser that fetches the callback twice reads the outcome of the first, however often, and nothing is exchanged
// twice.
func TestFinish_FetchedTwice(t *testing.T) {
	for name, c := range map[string]struct {
		account google.Person
		invite  func(*consenttest.World) config.Secret
		change  func(*consenttest.World, *consent.Callback)
	}{
		"connected": {
			ada, func(w *consenttest.World) config.Secret { return w.InvitePerson(ada, completion, create) }, nil,
		},
		"question": {
			ada, func(w *consenttest.World) config.Secret { return inviteToApprove(t, w, wish, create) }, nil,
		},
		"missing": {
			ada, func(w *consenttest.World) config.Secret { return w.InvitePerson(ada, completion, create, members) },
			nil,
		},
		"wrong account": {
			grace, func(w *consenttest.World) config.Secret { return w.InvitePerson(ada, completion, create) }, nil,
		},
		"declined": {
			ada, func(w *consenttest.World) config.Secret { return w.InvitePerson(ada, completion, create) },
			func(_ *consenttest.World, c *consent.Callback) { c.Code, c.Error = config.Secret{}, "access_denied" },
		},
		"no refresh token": {
			ada, func(w *consenttest.World) config.Secret { return w.InvitePerson(ada, completion, create) },
			func(w *consenttest.World, _ *consent.Callback) { w.Google.OmitRefreshTokens() },
		},
	} {
		w := newWorld(t)
		if name == "missing" {
			w.Unselected = membersScope
		}
		if name == "no refresh token" {
			c.change(w, nil)
		}
		callback := w.GiveConsent(c.invite(w), c.account)
		if name == "declined" {
			c.change(w, &callback)
		}
		first, firstErr := w.Finish(t.Context(), callback)
		exchanges := w.Google.Count("token")
		for range 3 {
			again, err := w.Finish(t.Context(), callback)
			diff := cmp.Diff(first, again, cmp.Comparer(config.Secret.Equal), cmpopts.EquateEmpty())
			if diff != "" || refusalReason(err) != refusalReason(firstErr) || (err == nil) != (firstErr == nil) {
				t.Errorf("%s: %v, %v, %s", name, firstErr, err, diff)
			}
			one, _ := consent.AsRefusal(firstErr)
			two, _ := consent.AsRefusal(err)
			if one != nil && (!one.RetryLink.Equal(two.RetryLink) || one.Account != two.Account) {
				t.Errorf("%s: %+v, %+v", name, one, two)
			}
		}
		if w.Google.Count("token") != exchanges {
			t.Errorf("%s: exchanged again", name)
		}
		w.Advance(vault.PendingTTL)
		if _, err := w.Finish(t.Context(), callback); refusalReason(err) != consent.LinkUsed {
			t.Errorf("%s: after ten minutes: %v", name, err)
		}
	}
}

// Two fetches at once end alike, even if the first is dropped.
func TestFinish_FirstFetchDropped(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	ctx, drop := context.WithCancel(t.Context())
	started, release := make(chan struct{}), make(chan struct{})
	w.BeforeGoogleCall(func() { drop(); close(started); <-release })
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = w.Finish(ctx, callback) })
	<-started
	wg.Go(func() {
		if out, err := w.Finish(t.Context(), callback); err != nil || out.Person != adaID {
			t.Errorf("second fetch: %+v, %v", out, err)
		}
	})
	close(release)
	wg.Wait()
	if _, ok := w.StoredGrant(ada); !ok || w.Google.Count("token") != 1 {
		t.Errorf("stored: %v, %d exchanges", ok, w.Google.Count("token"))
	}
}

// Once the state is used up, an error has a link to try again.
func TestFinish_StoreUnavailable(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld(t)
		callback := w.GiveConsent(inviteToApprove(t, w, wish, create), ada)
		docs := failAt(w, at)
		_, err := w.InstanceOn(docs).Finish(t.Context(), callback)
		if docs.Calls() < at {
			if err != nil || docs.Calls() != 4 { // the grant, its question and the outcome are one commit
				t.Errorf("%d calls: %v", docs.Calls(), err)
			}
			return
		}
		if at == 3 { // the read during the exchange is repeated
			if err != nil {
				t.Errorf("call %d: %v", at, err)
			}
			continue
		}
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("call %d: %v", at, err)
		}
		if at <= 2 { // the state can be used again
			_, err = w.Finish(t.Context(), callback)
		} else if refusal, ok := consent.AsRefusal(err); !ok || refusal.Reason != consent.Unfinished {
			t.Errorf("call %d: %v", at, err)
		} else {
			_, err = w.Complete(w.Invitation(refusal.RetryLink), ada)
		}
		if err != nil {
			t.Errorf("repeated after call %d: %v", at, err)
		}
	}
}

func TestFinish_NoRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.Google.OmitRefreshTokens()
	out, err := w.Finish(t.Context(), w.GiveConsent(w.InvitePerson(ada, completion, create), ada))
	if err != nil || out.ConsentURL.Empty() {
		t.Fatalf("%+v, %v", out, err)
	}
	_, err = w.Finish(t.Context(), w.AllowAll(out.ConsentURL, ada))
	refusal, ok := consent.AsRefusal(err)
	if !ok || refusal.Reason != consent.GoogleRefused || refusal.RetryLink.Empty() {
		t.Errorf("asked twice: %v", err)
	}
	if _, ok := w.StoredGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

// Google sends no new refresh token although it asked twice. The stored one is kept.
func TestFinish_KeepsRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	before, _ := w.StoredGrant(ada)
	w.Google.OmitRefreshTokens()
	out, err := w.Complete(w.InvitePerson(ada, completion, create, members), ada)
	if err != nil || len(out.Missing) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if after, _ := w.StoredGrant(ada); !after.RefreshToken.Equal(before.RefreshToken) {
		t.Error("the refresh token has changed")
	}
}

func TestFinish_RetryLink(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	callback.Error = "access_denied"
	_, err := w.Finish(t.Context(), callback)
	refusal, ok := consent.AsRefusal(err)
	if !ok || refusal.Reason != consent.Declined {
		t.Fatalf("got %v", err)
	}
	retry := w.Invitation(refusal.RetryLink)
	if _, err := w.Finish(t.Context(), w.GiveConsent(retry, grace)); refusalReason(err) != consent.WrongAccount {
		t.Errorf("another account: %v", err)
	}
	if out, err := w.Complete(retry, ada); err != nil || !out.ReturnTo.Equal(completion) {
		t.Errorf("her account: %+v, %v", out, err)
	}
}

func TestFinish_InvalidClient(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	w.Google.ClientSecret = "another"
	_, err := w.Finish(t.Context(), callback)
	alarm := strings.Count(w.Log.String(), "Google rejects the OAuth client; check OAUTH_CLIENT")
	text := fault.Public(i18n.In("en"), err, "r")
	if _, refused := consent.AsRefusal(err); fault.KindOf(err) != fault.Unavailable || refused || alarm != 1 ||
		!strings.Contains(text, "isn't set up correctly") {
		t.Errorf("%v, %q, %d alarms", err, text, alarm)
	}
}

// What Google says of an account reaches the person, and nothing is stored (desk/refresh-account-restricted.txt).
func TestFinish_AccountRefused(t *testing.T) {
	for code, want := range map[string]string{
		"access_denied": "restricted this account", "admin_policy_enforced": "doesn't allow Deputy",
		"org_internal": "members of its own", "code_of_tomorrow": "refused access to this account",
	} {
		w := newWorld(t)
		callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
		w.Google.FailAs("token", google.Fault{Status: 400, Reason: code, Message: "marked"})
		_, err := w.Finish(t.Context(), callback)
		text, log := fault.Public(i18n.In("en"), err, "r"), err.Error()
		if fault.KindOf(err) != fault.Denied || !strings.Contains(text, want) || !strings.Contains(log, code) ||
			strings.Contains(log, "marked") {
			t.Errorf("%s: %q, %v", code, text, err)
		}
		if c, err := w.Connection(t.Context(), resource.Person(ada.User())); err != nil || c.Email != "" {
			t.Errorf("%s: stored: %+v, %v", code, c, err)
		}
	}
}

// A response without a scope grants what was asked for (RFC 6749, section 5.1; desk/exchange-no-scope.json).
func TestFinish_NoScopeInResponse(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	w.Google.OmitScope(true)
	out, err := w.Finish(t.Context(), callback)
	if err != nil || len(out.Missing) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if c, err := w.Connection(t.Context(), out.Person); err != nil || !slices.Contains(c.Allowed, create) {
		t.Errorf("%+v, %v", c, err)
	}
}

// The operator has removed an origin since the invitation.
func TestFinish_OriginNoLongerAllowed(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	out, err := consent.New(w.Grants, w.Deps, "https://other.example").Finish(t.Context(), callback)
	if err != nil || !out.ReturnTo.Empty() {
		t.Errorf("%+v, %v", out, err)
	}
	if strings.Contains(w.Log.String(), "alarm=") {
		t.Errorf("false alarm: %s", w.Log)
	}
}

func TestFinish_NoIssuer(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	callback.Issuer = ""
	if out, err := w.Finish(t.Context(), callback); err != nil || out.Person != adaID {
		t.Errorf("%+v, %v", out, err)
	}
}

// An ID token without a sub belongs to nobody, whatever its address.
func TestFinish_NoSubject(t *testing.T) {
	w := newWorld(t)
	link, err := w.Invite(t.Context(), resource.Named(ada.Email), config.Secret{}, create)
	check(t, err)
	address, err := w.Start(t.Context(), w.Invitation(link), browser, false)
	check(t, err)
	u, err := url.Parse(address.Reveal())
	check(t, err)
	a := w.InstanceWith(consenttest.Answer(tokensWithoutSubject(w, u.Query().Get("nonce"))))
	_, err = a.Finish(t.Context(), consent.Callback{
		Redirect: googleauth.Redirect{State: config.NewSecret(u.Query().Get("state")), Code: config.NewSecret("4/0")},
		Cookies:  consenttest.Cookies,
	})
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("consent: %v", err)
	}
	_, err = a.AcceptAppCode(t.Context(), resource.Named(ada.Email), appCode(w, createScope))
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("app code: %v", err)
	}
	if left, err := w.Docs.List(t.Context(), "grants", "", 1); err != nil || len(left) != 0 {
		t.Errorf("a grant is stored: %v", err)
	}
}

// tokensWithoutSubject returns an answer of Google's token endpoint for Ada, whose ID token lacks a sub.
func tokensWithoutSubject(w *consenttest.World, nonce string) string {
	id := w.Google.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": "client", "email": ada.Email, "email_verified": true,
		"hd": ada.Domain, "nonce": nonce, "iat": w.Now().Unix(), "exp": w.Now().Add(time.Hour).Unix(),
	})
	return `{"access_token":"a","refresh_token":"r","token_type":"Bearer","expires_in":600,"scope":"` + createScope +
		`","id_token":"` + id + `"}`
}

// Other instances change the grant during every attempt to store it.
func TestFinish_GrantConflicts(t *testing.T) {
	w := newWorld(t)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	writes := 0
	docs := &vaulttest.Faulty{Docs: w.Docs, Inject: func(_ context.Context, c vaulttest.Call) error {
		if !c.Write || c.Applied {
			return nil
		}
		if writes++; writes == 1 { // marks the state as used
			return nil
		}
		return fault.New(fault.Conflict, fault.NoText)
	}}
	_, err := w.InstanceOn(docs).Finish(t.Context(), callback)
	refusal, ok := consent.AsRefusal(err)
	if !ok || refusal.Reason != consent.Unfinished || fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("got %v", err)
	}
	if _, err := w.Complete(w.Invitation(refusal.RetryLink), ada); err != nil {
		t.Errorf("repeated: %v", err)
	}
}
