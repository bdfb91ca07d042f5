package grants_test

import (
	"errors"
	"net/http"
	"testing"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
)

const serviceAccount = "deputy@project.iam.gserviceaccount.com"

const delegatedAda = resource.Person("users/ada@example.com")

func newDelegated(w *world, scopes ...string) *grants.Delegated {
	w.t.Helper()
	w.Google.SetDelegation(serviceAccount, scopes...)
	client := &http.Client{Transport: &oauth2.Transport{Source: w.Google}}
	tokens, err := googleauth.NewDelegation(w.t.Context(), serviceAccount,
		googleauth.Endpoints{Token: w.GoogleURL + "/token"}, http.DefaultTransport, w.Now,
		option.WithEndpoint(w.GoogleURL+"/"), option.WithHTTPClient(client))
	check(w.t, err)
	return grants.NewDelegated(tokens, w.Deps.Log)
}

func TestDelegated(t *testing.T) {
	other := errors.New("other")
	for name, c := range map[string]struct {
		errs  []error
		fails bool
		kind  fault.Kind // of the error
		calls int
	}{
		"accepted":     {nil, false, 0, 1},
		"token, once":  {[]error{googlecall.ErrToken}, false, 0, 2},
		"token, twice": {[]error{googlecall.ErrToken, googlecall.ErrToken}, true, fault.Denied, 2},
		"scope":        {[]error{googlecall.ErrScope}, true, fault.Denied, 1},
		"other error":  {[]error{other}, true, fault.Internal, 1},
	} {
		w := newWorld(t)
		d := newDelegated(w, createScope)
		first, _, err := actFor(t, d, delegatedAda)
		if err != nil || !w.Google.AccessTokenValid(first) {
			t.Fatalf("%s: the token does not work: %v", name, err)
		}
		last, calls, err := actFor(t, d, delegatedAda, c.errs...)
		if calls != c.calls || (err != nil) != c.fails || fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, %d calls", name, err, calls)
		}
		if replaced := last != first; replaced != (c.calls == 2) {
			t.Errorf("%s: token replaced: %v", name, replaced)
		}
	}
}

func TestDelegated_NoToken(t *testing.T) {
	const alarm = "IAM denies signing as the delegation service account"
	w := newWorld(t)
	if _, calls, err := actFor(t, newDelegated(w), delegatedAda); fault.KindOf(err) != fault.Denied || calls != 0 {
		t.Errorf("scope not delegated: %v, %d calls", err, calls)
	}
	if w.countAlarms(alarm) != 0 {
		t.Error("false alarm")
	}
	d := newDelegated(w, createScope)
	w.Google.RevokeTokenCreator()
	if _, calls, err := actFor(t, d, delegatedAda); err == nil || calls != 0 || w.countAlarms(alarm) != 1 {
		t.Errorf("no role: %v, %d calls, log %s", err, calls, w.Log)
	}
}

func TestDelegated_AdminCapabilities(t *testing.T) {
	w := newWorld(t)
	d := newDelegated(w, capability.Scopes(capability.All()...)...)
	for _, c := range capability.All() {
		if !c.IsAdmin() {
			continue
		}
		needed := []capability.Capability{create, c}
		calls := 0
		do := func(oauth2.TokenSource) error { calls++; return nil }
		if err := d.Act(t.Context(), delegatedAda, needed, do); fault.KindOf(err) != fault.Denied || calls != 0 {
			t.Errorf("%s: %v, %d calls", c, err, calls)
		}
		if err := d.WithAdminCapabilities().Act(t.Context(), delegatedAda, needed, do); err != nil || calls != 1 {
			t.Errorf("%s, for a named administrator: %v, %d calls", c, err, calls)
		}
	}
	if email, err := d.Email(t.Context(), delegatedAda); err != nil || email != ada.Email {
		t.Errorf("address: %s, %v", email, err)
	}
}
