package consent_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
)

func TestInvite_Expiry(t *testing.T) {
	w := newWorld(t)
	invitation := w.InvitePerson(ada, completion, create)
	w.Advance(61 * time.Minute)
	out, err := w.Finish(t.Context(), w.GiveConsent(invitation, ada))
	if err != nil || !out.ReturnTo.Empty() {
		t.Errorf("after an hour: %+v, %v", out, err)
	}
	w.Advance(23 * time.Hour)
	if _, err := w.Start(t.Context(), invitation, browser, false); refusalReason(err) != consent.LinkExpired {
		t.Errorf("after a day: %v", err)
	}
}

func TestInvite_ByEmail(t *testing.T) {
	w := newWorld(t)
	invite := func() config.Secret {
		link, err := w.Invite(t.Context(), "Ada@Example.com", config.Secret{}, create)
		if err != nil {
			t.Fatal(err)
		}
		return w.Invitation(link)
	}
	if _, err := w.Finish(t.Context(), w.GiveConsent(invite(), grace)); refusalReason(err) != consent.WrongAddress {
		t.Errorf("other account: %v", err)
	}
	if _, err := w.FindByEmail(t.Context(), "ada@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("before: %v", err)
	}
	out, err := w.Finish(t.Context(), w.GiveConsent(invite(), ada))
	if err != nil || out.Person != adaID {
		t.Fatalf("got %+v, %v", out, err)
	}
	if found, err := w.FindByEmail(t.Context(), "ADA@example.com"); err != nil || found != adaID {
		t.Errorf("after: %s, %v", found, err)
	}
	if _, err := w.FindByEmail(t.Context(), "grace@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("other address: %v", err)
	}
}

// Creating or forwarding a link must not reveal who is connected.
func TestInvite_LinkRevealsNothing(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create, members)
	type observation struct {
		size          int
		reads, writes int64
		parameters    string
	}
	observe := func(named resource.Named) observation {
		t.Helper()
		reads := w.Docs.Reads()
		link, err := w.InviteToApprove(t.Context(), named, wish, create, members)
		check(t, err)
		writes := w.Docs.Writes()
		address, err := w.Start(t.Context(), w.Invitation(link), browser, false)
		check(t, err)
		u, err := url.Parse(address.Reveal())
		check(t, err)
		q := u.Query()
		if q.Get("prompt") != "" {
			t.Errorf("%s: prompt=%s", named, q.Get("prompt"))
		}
		for _, name := range []string{"state", "nonce", "code_challenge", "login_hint"} {
			q.Set(name, fmt.Sprint(len(q.Get(name)) > 0))
		}
		return observation{len(link.Reveal()), w.Docs.Reads() - reads, w.Docs.Writes() - writes, q.Encode()}
	}
	connected, unknown := observe("ada@example.com"), observe("somebody.with.a.long.address@example.com")
	if connected != unknown {
		t.Errorf("connected %+v, unknown %+v", connected, unknown)
	}
	byID := observe(resource.Named(ada.User()))
	if byID != observe("users/999") || byID.size != connected.size {
		t.Errorf("by ID: %+v", byID)
	}
}

// The length of a link reveals nothing: it is that of a sealed invitation of 1536 bytes.
func TestInvite_Size(t *testing.T) {
	w := newWorld(t)
	sealed, err := w.Deps.Keys.Seal(make([]byte, 1536), seal.Place{Purpose: "invitation"})
	check(t, err)
	want := base64.RawURLEncoding.EncodedLen(len(sealed))
	for name, invitation := range map[string]config.Secret{
		"short":                 w.InvitePerson(ada, config.Secret{}, create),
		"with a completion URL": w.InvitePerson(ada, completion, create),
		"with a question":       inviteToApprove(t, w, wish, capability.All()...),
	} {
		if got := len(invitation.Reveal()); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	long := config.NewSecret(completion.Reveal() + strings.Repeat("x", 2000))
	out, err := w.Finish(t.Context(), w.GiveConsent(w.InvitePerson(ada, long, create), ada))
	if err != nil || !out.ReturnTo.Equal(long) {
		t.Errorf("long completion URL: %v", err)
	}
}

func TestInvite_ReturnExpiresMeanwhile(t *testing.T) {
	w := newWorld(t)
	invitation := w.InvitePerson(ada, completion, create)
	w.Advance(time.Hour - time.Second)
	callback := w.GiveConsent(invitation, ada)
	w.Advance(time.Second)
	if out, err := w.Finish(t.Context(), callback); err != nil || !out.ReturnTo.Empty() {
		t.Errorf("%+v, %v", out, err)
	}
}

// An address that Google does not confirm must not lead to the invitation of its owner.
func TestInvite_UnconfirmedAddress(t *testing.T) {
	w := newWorld(t)
	w.Google.MarkEmailUnverified(ada)
	mallory := google.Person{Sub: "100000000000000000666", Name: "Mallory", Email: "mallory@example.com"}
	w.Google.AddAccount(mallory)
	for name, p := range map[string]google.Person{"not verified": ada, "consumer account": mallory} {
		link, err := w.Invite(t.Context(), resource.Named(p.Email), config.Secret{}, create)
		check(t, err)
		_, err = w.Finish(t.Context(), w.GiveConsent(w.Invitation(link), p))
		refusal, _ := consent.AsRefusal(err)
		if refusalReason(err) != consent.WrongAccount || refusal.Account != p.Email || refusal.RetryLink.Empty() {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := w.StoredGrant(p); ok {
			t.Errorf("%s: a grant is stored", name)
		}
	}
}

func TestStart_SealedGarbage(t *testing.T) {
	w := newWorld(t)
	sealed, err := w.Deps.Keys.Seal([]byte("x"), seal.Place{Purpose: "invitation"})
	check(t, err)
	link := config.NewSecret(base64.RawURLEncoding.EncodeToString(sealed))
	if _, err := w.Start(t.Context(), link, browser, false); fault.KindOf(err) != fault.Internal {
		t.Errorf("got %v", err)
	}
}
