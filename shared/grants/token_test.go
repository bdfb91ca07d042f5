package grants_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

func TestTokenSource_InvalidGrantSuspends(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	w.Google.Fail("token", 500, 503, 429) // the first attempt and two retries
	if err := w.Token(ada, create); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if g, _ := w.StoredGrant(ada); g.RefreshToken.Empty() || g.Status != vault.Connected {
		t.Fatal("the grant has changed")
	}
	before, _ := w.StoredGrant(ada)
	w.Google.RequireReauth(ada, true)
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok {
		t.Error("a session policy does not require a sign-in")
	}
	if g, _ := w.StoredGrant(ada); !g.RefreshToken.Equal(before.RefreshToken) || g.Status != vault.Connected {
		t.Error("a session policy ended the grant")
	}
	w.Google.RequireReauth(ada, false)
	w.Google.RevokeGrant(ada)
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok {
		t.Error("a revoked grant does not require consent")
	}
	g, _ := w.StoredGrant(ada)
	if !g.RefreshToken.Equal(before.RefreshToken) || !g.AccessToken.Empty() || g.Status != vault.Suspended {
		t.Errorf("got status %s", g.Status)
	}
	calls := len(w.Google.Calls())
	if _, ok := capability.AsConsentError(w.Token(ada, create)); !ok || len(w.Google.Calls()) != calls {
		t.Error("a suspended grant was refreshed outside the sweep")
	}
}

func TestTokenSource_RefreshInOtherInstance(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	other := consenttest.NewInstance(w.Deps)
	w.Advance(54*time.Minute + 40*time.Second)
	if _, err := other.TokenSource(t.Context(), adaID, create); err != nil { // caches the current token
		t.Fatal(err)
	}
	w.Advance(40 * time.Second) // less than five minutes are left
	if err := w.Token(ada, create); err != nil {
		t.Fatal(err)
	}
	if _, err := other.TokenSource(t.Context(), adaID, create); err != nil {
		t.Fatal(err)
	}
	if got := w.RefreshCount(); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestTokenSource_ConsentInOtherInstance(t *testing.T) {
	w := newWorld(t)
	chat := consenttest.NewInstance(w.Deps) // one function receives Chat's events, another serves the browser
	token := func(c ...capability.Capability) error {
		_, err := chat.TokenSource(t.Context(), adaID, c...)
		return err
	}
	if fault.KindOf(token(create)) != fault.NeedsConsent {
		t.Fatal("got a token without a grant")
	}
	w.SignIn(ada, create)
	if err := token(create); err != nil {
		t.Errorf("after the first consent: %v", err)
	}
	if fault.KindOf(token(create, members)) != fault.NeedsConsent {
		t.Fatal("got a token for a scope that was not granted")
	}
	w.SignIn(ada, create, members)
	if err := token(create, members); err != nil {
		t.Errorf("after widening: %v", err)
	}
}

func TestTokenSource_OtherClientsGrant(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	g, _ := w.StoredGrant(ada)
	g.ClientID = "an-older-client"
	if _, err := w.Deps.Vault.SaveGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	w.Instance = consenttest.NewInstance(w.Deps)
	if fault.KindOf(w.Token(ada, create)) != fault.NeedsConsent {
		t.Error("another client's grant was used")
	}
}

func TestTokenSource_TamperedGrant(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	broken := w.corruptSeal(ada, brokenSeals["altered last byte"])
	w.Instance = consenttest.NewInstance(w.Deps)
	if err := w.Token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("got %v", err)
	}
	log := w.Log.String()
	if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "a stored grant does not open") {
		t.Errorf("no alarm: %s", log)
	}
	left, err := w.Docs.Get(t.Context(), "grants", ada.Sub)
	if err != nil || !cmp.Equal(left.Fields["sealed"], any(broken)) {
		t.Errorf("the ciphertext has changed: %v", err)
	}
	w.SignIn(ada, create)
	if err := w.Token(ada, create); err != nil {
		t.Errorf("after a new consent: %v", err)
	}
}

func TestTokenSource_UnknownKey(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	deps := w.Deps
	deps.Keys = consenttest.NewKeys(t)
	deps.Vault = vault.New(w.Docs, deps.Keys, deps.Now)
	writes := w.Docs.Writes()
	_, err := consenttest.NewInstance(deps).TokenSource(t.Context(), adaID, create)
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if got := w.Docs.Writes(); got != writes {
		t.Errorf("writes: got %d, want %d", got, writes)
	}
	if !strings.Contains(w.Log.String(), "KEYSET lacks a key that is in use") {
		t.Errorf("no alarm: %s", w.Log)
	}
}

// A narrower ALLOWED_DOMAINS must also apply to connected people.
func TestAllowedDomains_Narrowed(t *testing.T) {
	w := newWorld(t)
	robin := google.People()[4] // a consumer account
	w.SignIn(ada, create)
	w.SignIn(robin, create)
	for name, c := range map[string]struct {
		domains    []string
		ada, robin bool
	}{
		"all":                {nil, true, true},
		"Ada's":              {[]string{"partner.example", "example.com"}, true, false},
		"another":            {[]string{"other.example"}, false, false},
		"part of its name":   {[]string{"ample.com"}, false, false},
		"one of a subdomain": {[]string{"sub.example.com"}, false, false},
	} {
		a := w.InstanceWith(func(d *grants.Deps) { d.Domains = c.domains })
		for p, want := range map[google.Person]bool{ada: c.ada, robin: c.robin} {
			_, err := a.TokenSource(t.Context(), resource.Person(p.User()), create)
			if (err == nil) != want || err != nil && fault.KindOf(err) != fault.Denied {
				t.Errorf("%s, %s: %v", name, p.Name, err)
			}
		}
	}
	if !w.InstanceWith(func(d *grants.Deps) { d.Domains = []string{"example.com"} }).AllowsDomain("EXAMPLE.com") {
		t.Error("the case counts")
	}
}

func TestTokenSource_ColdInstance(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	if _, err := consenttest.NewInstance(w.Deps).TokenSource(t.Context(), adaID, create); err != nil {
		t.Fatal(err)
	}
	if got := w.RefreshCount(); got != 0 {
		t.Errorf("refreshes: got %d, want 0", got)
	}
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
			w.SignIn(ada, create)
			corrupted := w.corruptSeal(ada, corrupt)
			w.Instance = consenttest.NewInstance(w.Deps)
			kind, alarm := fault.NeedsConsent, "a stored grant does not open"
			if name == "unknown key" {
				kind, alarm = fault.Unavailable, "KEYSET lacks a key that is in use"
			}
			if err := w.Token(ada, create); fault.KindOf(err) != kind || w.countAlarms(alarm) != 1 {
				t.Errorf("got %v; log %s", err, w.Log)
			}
			if w.countAlarms("a stored record does not open") != 0 {
				t.Error("two alarms for one grant")
			}
			w.Advance(151 * day) // the grant is due
			for action, do := range map[string]func() error{
				"remove": func() error { return w.RecordAppRemoved(t.Context(), adaID, w.Now()) },
				"sweep":  func() error { _, err := w.Sweep(t.Context(), w.Now().Add(time.Hour), 0); return err },
				"reseal": func() error { _, err := w.Reseal(t.Context()); return err },
			} {
				if err := do(); err != nil && fault.KindOf(err) != fault.Unavailable {
					t.Errorf("%s: %v", action, err)
				}
			}
			left, err := w.Docs.Get(t.Context(), "grants", ada.Sub)
			if err != nil || !cmp.Equal(left.Fields["sealed"], any(corrupted)) {
				t.Errorf("the ciphertext has changed: %v", err)
			}
			if kind == fault.Unavailable {
				return // the operator has to restore the key
			}
			w.SignIn(ada, create)
			if err := w.Token(ada, create); err != nil {
				t.Errorf("after a new consent: %v", err)
			}
		})
	}
}

func TestTokenSource_Declined(t *testing.T) {
	w := newWorld(t)
	w.unselect(membersScope, create, members)
	for _, c := range []struct {
		needed   []capability.Capability
		declined bool
	}{
		{just(create, members), true},
		{just(create, capability.Meet), false},
		{just(members, capability.Meet), false}, // one of them was never asked for
	} {
		needs, ok := capability.AsConsentError(w.Token(ada, c.needed...))
		if !ok || needs.Declined != c.declined || !cmp.Equal(needs.Capabilities, c.needed) {
			t.Errorf("%v: %+v", c.needed, needs)
		}
	}
}
