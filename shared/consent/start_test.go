package consent_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

func TestStart_ForgedInvitation(t *testing.T) {
	w := newWorld(t)
	good := w.InvitePerson(ada, completion, create).Reveal()
	content := []byte(`{"p":"users/1","e":"2999-01-01T00:00:00Z"}`)
	other, err := consenttest.NewKeys(t).Seal(content, seal.Place{Purpose: "invitation"})
	if err != nil {
		t.Fatal(err)
	}
	button, err := w.Deps.Keys.Seal(content, seal.Place{Purpose: "button"})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for name, text := range map[string]string{
		"altered": good[:len(good)-4] + "AAAA", "truncated": good[:20], "empty": "", "not base64url": "%",
		"other purpose": encode(button), "other keyset": encode(other),
	} {
		_, err = w.Start(t.Context(), config.NewSecret(text), browser, false)
		if refusalReason(err) != consent.LinkExpired {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(w.Log.String(), "level=ERROR") {
		t.Errorf("a forged link raises an alarm: %s", w.Log)
	}
	if got := w.Docs.Writes(); got != 0 {
		t.Errorf("writes: got %d, want 0", got)
	}
}

// Opening a link must not fill the store.
func TestStart_RepeatedInOneBrowser(t *testing.T) {
	w := newWorld(t)
	link := w.InvitePerson(ada, completion, create)
	var first config.Secret
	for i := range 500 {
		address, err := w.Start(t.Context(), link, browser, false)
		check(t, err)
		if i == 0 {
			first = address
		}
		if !address.Equal(first) {
			t.Fatal("the link started another consent")
		}
	}
	if left, err := w.Docs.List(t.Context(), "pendingConsents", "", 10); err != nil || len(left) != 1 {
		t.Errorf("%d consents in progress, %v", len(left), err)
	}
	other, err := w.Start(t.Context(), link, config.NewSecret("another-browser"), false)
	if err != nil || other.Equal(first) {
		t.Errorf("another browser gets the state of the first: %v", err)
	}
}

func TestStart_ManyTimesInOneBrowser(t *testing.T) {
	w := newWorld(t)
	link := w.InvitePerson(ada, completion, create)
	for n := range 8 {
		if _, err := w.Finish(t.Context(), w.GiveConsent(link, ada)); err != nil {
			t.Fatalf("consent %d: %v", n+1, err)
		}
	}
	if _, err := w.Start(t.Context(), link, browser, false); refusalReason(err) != consent.LinkExpired {
		t.Errorf("consent 9: %v", err)
	}
	if _, err := w.Start(t.Context(), link, config.NewSecret("another"), false); err != nil {
		t.Errorf("another browser: %v", err)
	}
}

func TestStart_AfterPendingExpired(t *testing.T) {
	w := newWorld(t)
	link := w.InvitePerson(ada, completion, create)
	late := w.GiveConsent(link, ada)
	w.Advance(vault.PendingTTL)
	if _, err := w.Finish(t.Context(), late); refusalReason(err) != consent.LinkExpired {
		t.Errorf("too late: %v", err)
	}
	if _, err := w.Finish(t.Context(), w.GiveConsent(link, ada)); err != nil {
		t.Errorf("opened again: %v", err)
	}
}

func TestStart_Parameters(t *testing.T) {
	w := newWorld(t)
	link, err := w.Invite(t.Context(), "Ada@Example.com", config.Secret{}, create, members)
	check(t, err)
	for hint, invitation := range map[string]config.Secret{
		ada.Sub: w.InvitePerson(ada, completion, create, members), ada.Email: w.Invitation(link),
	} {
		address, err := w.Start(t.Context(), invitation, browser, false)
		check(t, err)
		u, err := url.Parse(address.Reveal())
		check(t, err)
		want := strings.Join(capability.Scopes(create, members), " ")
		if q := u.Query(); q.Get("login_hint") != hint || q.Get("scope") != want || q.Has("prompt") {
			t.Errorf("%s: %s", hint, address.Reveal())
		}
	}
}

func TestStart_StoreUnavailable(t *testing.T) {
	w := newWorld(t)
	link := w.InvitePerson(ada, completion, create)
	_, err := w.InstanceOn(failAt(w, 1)).Start(t.Context(), link, browser, false)
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	_, err = w.Start(t.Context(), link, browser, false)
	check(t, err)
	// Opened again, the pending consent is read.
	_, err = w.InstanceOn(failAt(w, 2)).Start(t.Context(), link, browser, false)
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("opened again: %v", err)
	}
}
