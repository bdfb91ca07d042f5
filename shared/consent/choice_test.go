package consent_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/resource"
)

// askedAt returns the scopes and the prompt that Start asks Google for.
func askedAt(t *testing.T, w *consenttest.World, link config.Secret, everything bool) (scopes []string, prompt string) {
	t.Helper()
	address, err := w.Start(t.Context(), w.Invitation(link), browser, everything)
	check(t, err)
	u, err := url.Parse(address.Reveal())
	check(t, err)
	return strings.Fields(u.Query().Get("scope")), u.Query().Get("prompt")
}

// A new person chooses; both answers ask for what the command needs, and everything is all that Chat can use.
func TestChoice(t *testing.T) {
	w := newWorld(t)
	wish := consent.Wish{Needed: just(create), Optional: just(capability.DeleteSpaces)}
	link, err := w.InviteInChat(t.Context(), resource.Person(ada.User()), wish)
	check(t, err)
	choice, err := w.Choice(w.Invitation(link))
	check(t, err)
	both := []capability.Capability{create, capability.DeleteSpaces}
	if diff := cmp.Diff(both, choice.Needed); diff != "" || len(choice.More) != len(capability.InChat())-2 {
		t.Errorf("%s, %d more", diff, len(choice.More))
	}
	needed, prompt := askedAt(t, w, link, false)
	if diff := cmp.Diff(capability.Scopes(both...), needed); diff != "" || prompt != "" {
		t.Errorf("only what this needs: %s, prompt %q", diff, prompt)
	}
	all, _ := askedAt(t, w, link, true)
	for _, c := range capability.InChat() {
		if !slices.Contains(all, c.Scope()) {
			t.Errorf("everything lacks %s", c)
		}
	}
}

// Attack: a caller's link is opened with ask=everything. It asks for no more than the caller did.
func TestChoice_NotForCallers(t *testing.T) {
	w := newWorld(t)
	link, err := w.Invite(t.Context(), resource.Named(ada.User()), config.Secret{}, create)
	check(t, err)
	if choice, err := w.Choice(w.Invitation(link)); choice != nil || err != nil {
		t.Errorf("%+v, %v", choice, err)
	}
	scopes, _ := askedAt(t, w, link, true)
	if diff := cmp.Diff(capability.Scopes(create), scopes); diff != "" {
		t.Error(diff)
	}
}

// What the command doesn't need may stay unselected: the person goes back to Chat, and it isn't asked for a week.
func TestChoice_OptionalLeftOut(t *testing.T) {
	w := newWorld(t)
	w.Unselected = capability.DeleteSpaces.Scope()
	wish := consent.Wish{Needed: just(create), Optional: just(capability.DeleteSpaces), Completion: completion}
	link, err := w.InviteInChat(t.Context(), resource.Person(ada.User()), wish)
	check(t, err)
	out, err := w.Complete(w.Invitation(link), ada)
	if err != nil || len(out.Missing) != 0 || !out.ReturnTo.Equal(completion) {
		t.Errorf("%+v, %v", out, err)
	}
	c, err := w.Connection(t.Context(), resource.Person(ada.User()))
	check(t, err)
	if diff := cmp.Diff(just(capability.DeleteSpaces), c.Refused); diff != "" {
		t.Error(diff)
	}
	w.Advance(7 * 24 * time.Hour)
	if c, err = w.Connection(t.Context(), resource.Person(ada.User())); err != nil || c.Refused != nil {
		t.Errorf("a week later: %v, %v", c.Refused, err)
	}
}

// Who is connected and has to allow more sees Google's page once: only it gives a new refresh token.
func TestChoice_ConnectedAsksOnce(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	wish := consent.Wish{Needed: just(capability.Meet), Connected: true}
	link, err := w.InviteInChat(t.Context(), resource.Person(ada.User()), wish)
	check(t, err)
	if _, prompt := askedAt(t, w, link, false); prompt != "consent" {
		t.Errorf("prompt %q", prompt)
	}
	out, err := w.Finish(t.Context(), w.GiveConsent(w.Invitation(link), ada))
	if err != nil || !out.ConsentURL.Empty() {
		t.Errorf("%+v, %v", out, err)
	}
}

func just(c capability.Capability) []capability.Capability { return []capability.Capability{c} }
