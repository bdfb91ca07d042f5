package main

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
)

func TestStory_FirstUse(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)

		b.wantText(b.say("/createspace Launch plan"), "Deputy requires configuration", "Only visible to you")
		back := b.consent(b.link(b.chat(), "Configure"), decision{account: ada})

		if got, want := back.url.String(), w.address+"/?as="+ada.Sub+"&in=DM"+ada.Sub; got != want {
			t.Errorf("the browser is at %s, want %s", got, want)
		}
		b.wantText(back, "Space created", "Launch plan")
		b.wantNoText(back, "requires configuration")
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
		b.wantText(b.open(b.link(back, "Open")), "<h1>Launch plan</h1>", "Ada Lovelace created this space via Deputy")

		b.say("/status")
		b.wantChat("Your connection", "ada@example.com", "Create spaces", "Allowed")
		b.say("/help")
		b.wantChat("What Deputy can do", "/createspace [name] [@people]", "End Deputy's access to your account")
		b.say("/createspace Second plan")
		if got, want := w.count("token authorization_code"), 1; got != want {
			t.Errorf("consents: got %d, want %d", got, want)
		}

		b.say("/disconnect")
		b.press("Disconnect")
		b.wantChat("Deputy's access is revoked at Google and erased here")
		b.say("/status")
		b.wantChat("You're not connected")
		b.wantText(b.say("/createspace Third plan"), "Deputy requires configuration")
		if diff := cmp.Diff([]string{"Launch plan", "Second plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAdded_Greeting(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.wantText(b.post(w.address+"/add", url.Values{"as": {ada.Sub}, "in": {b.space}}), "Welcome to Deputy",
			"/createspace")
	})
}

func TestConsent_WrongAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	refused := b.consent(b.link(b.say("/createspace Launch plan"), "Configure"), decision{account: grace})
	b.wantText(refused, "Wrong account", "You chose grace@example.com", "so Deputy stored nothing")

	for _, p := range []google.Person{ada, grace} {
		if _, err := w.docs.Get(t.Context(), "grants", p.Sub); err == nil {
			t.Errorf("a grant of %s was stored", p.Name)
		}
	}
	if got := w.count("revoke"); got != 0 {
		t.Errorf("revocations: got %d, want 0", got)
	}
	b.consent(b.link(refused, "Choose another account"), decision{account: ada})
	b.wantChat("Space created")
}

func TestConsent_Declined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	declined := b.consent(b.link(b.say("/createspace Launch plan"), "Configure"), decision{account: ada, deny: true})
	b.wantText(declined, "You're not connected", "You didn't allow access")
	if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); err == nil {
		t.Error("a grant was stored")
	}
	b.consent(b.link(declined, "Try again"), decision{account: ada})
	b.wantChat("Space created")
}

func TestConsent_UnselectedScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	partial := b.consent(b.link(b.say("/createspace Launch plan"), "Configure"),
		decision{account: ada, untick: "chat.spaces.create auth/chat.spaces"})
	b.wantText(partial, "More access is needed", "also needs permission to: Create spaces")
	if got := w.spaces(ada); got != nil {
		t.Errorf("spaces: %v", got)
	}
	b.consent(b.link(partial, "Allow"), decision{account: ada})
	b.wantChat("Space created")
}

func TestCreateSpace_WithoutReadMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.wantText(b.consent(b.link(b.say("/createspace Launch plan @Grace Hopper"), "Configure"),
		decision{account: ada, untick: "memberships.readonly auth/chat.memberships"}), "More access is needed")
	b.say("/createspace Launch plan @Grace Hopper")
	b.consent(b.link(b.wantChat("Space created", "You haven't allowed Deputy to see members"), "Allow"),
		decision{account: ada})
	b.say("/createspace Second plan @Grace Hopper")
	b.wantChat("Space created", "Added")
	if diff := cmp.Diff([]string{"Launch plan", "Second plan"}, w.spaces(grace)); diff != "" {
		t.Error(diff)
	}
}

func TestCreateSpace_MembersOnCard(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.wantText(b.say("/createspace Launch plan @Grace Hopper @Kim Park"), "Outside example.com: Kim Park.")
		asked := b.press("Create anyway")
		b.wantText(asked, "Deputy needs your permission", "To see who is in a space, Deputy needs to read its members.")
		b.consent(b.link(asked, "Allow"), decision{account: ada})
		b.press("Continue")
		b.wantChat("Space created", "Added", "Grace Hopper", "Not added", "Kim Park", "Google doesn't say why")
	})
}

func TestConsent_UsedOrExpiredLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.space = "AAAAteam"
	link := b.link(b.say("/createspace Launch plan"), "Connect")
	b.consent(link, decision{account: ada})

	var callback *url.URL
	for _, u := range b.visited {
		if strings.HasSuffix(u.Path, "/callback") {
			callback = u
		}
	}
	b.wantText(b.open(callback.String()), "You're connected") // the same outcome for the same browser
	other := w.browser(t, ada)
	other.wantText(other.open(callback.String()), "Use the same browser")
	if got, want := w.count("token authorization_code"), 1; got != want {
		t.Errorf("exchanges: got %d, want %d", got, want)
	}

	w.clock.advance(11 * time.Minute)
	if replayed := b.open(callback.String()); replayed.status != 409 {
		t.Errorf("status: got %d, want 409", replayed.status)
	}

	w.clock.advance(25 * time.Hour)
	b.wantText(b.open(link), "This link has expired")
	b.wantText(b.open(w.address+"/oauthcallback/start?invitation=nonsense"), "This link has expired")
	b.wantText(b.open(w.address+"/oauthcallback/callback?state=unknown&code=x"), "This link has expired")
}

func TestConsent_OtherBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	victim, attacker := w.browser(t, ada), w.browser(t, ada)
	consent := attacker.open(attacker.link(attacker.say("/connect"), "Configure"))
	brought := victim.submit(consent, decision{account: ada})
	victim.wantText(brought, "Use the same browser")
	if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); err == nil {
		t.Error("a grant was stored")
	}
	if address := brought.url.String(); strings.Contains(address, "code") || strings.Contains(address, "state") {
		t.Errorf("the address can be sent on: %s", address)
	}
}

// TestAttack_ConsentFix: the attacker begins a consent, the person brings the code to Deputy, and is tricked into
// sending its address back. The attacker's browser can't use it any more.
func TestAttack_ConsentFix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	victim, attacker := w.browser(t, ada), w.browser(t, ada)
	consent := attacker.open(attacker.link(attacker.say("/connect"), "Configure"))
	victim.submit(consent, decision{account: ada})
	i := slices.IndexFunc(victim.visited, func(u *url.URL) bool { return strings.HasSuffix(u.Path, "/callback") })
	attacker.wantText(attacker.open(victim.visited[i].String()), "another browser opened the link")
	if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); err == nil {
		t.Error("a grant was stored")
	}
	if n := w.count("token"); n != 0 {
		t.Errorf("%d exchanges", n)
	}
}

func TestConsent_DoubleClick(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	link := b.link(b.say("/createspace Launch plan"), "Configure")
	first, second := b.open(link), b.open(link)
	b.submit(first, decision{account: ada})
	b.submit(second, decision{account: ada})
	b.wantChat("Space created")
	if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
		t.Error(diff)
	}
}

func TestConsent_Prefetch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	link := b.link(b.say("/connect"), "Configure")
	before := w.docs.Writes()
	callback := w.address + "/oauthcallback/callback?state=x&code=y"
	for _, header := range [][2]string{
		{"Sec-Purpose", "prefetch;prerender"},
		{"Purpose", "prefetch"},
		{"Sec-Fetch-Mode", "no-cors"},
		{"Sec-Fetch-Mode", "cors"},
	} {
		for _, address := range []string{link, callback} {
			r := request(t, "GET", address, nil)
			r.Header.Set(header[0], header[1])
			if got := b.do(r).status; got != 204 {
				t.Errorf("%v: got %d, want 204", header, got)
			}
		}
	}
	if got := b.do(request(t, "HEAD", link, nil)).status; got != 204 {
		t.Errorf("HEAD: got %d, want 204", got)
	}
	if got := w.docs.Writes(); got != before {
		t.Errorf("writes: got %d, want %d", got, before)
	}
}

func TestConsent_PrivateInSpace(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.say("/createspace Secret plan")
		prompted := b.wantChat("Connect your account", "Only visible to you")
		b.wantNoText(prompted, "requires configuration")
		other := w.browser(t, grace)
		other.space = "AAAAteam"
		other.wantNoText(other.chat(), "Secret plan", "Connect your account")

		b.wantText(b.consent(b.link(prompted, "Connect"), decision{account: ada}), "You're connected",
			"select Continue")
		b.press("Continue")
		b.wantChat("Space created", "Secret plan")
		other.wantNoText(other.chat(), "Secret plan", "Space created")
	})
}

func TestCreateSpace_NameTaken(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.say("/createspace Launch plan")
		b.say("/createspace launch plan")
		b.wantChat("Something didn't work", `A space named "launch plan" already exists`)
		b.press(`Create "launch plan 2" instead`)
		b.wantChat("Space created", "launch plan 2")
		b.say("/createspace Launch plan")
		b.press(`Create "Launch plan 2" instead`)
		b.press(`Create "Launch plan 3" instead`)
		b.say("/createspace Incident 911")
		b.say("/createspace Incident 911")
		b.press(`Create "Incident 911 2" instead`)
		b.say("/createspace Incident 911")
		b.press(`Create "Incident 911 2" instead`)
		b.press(`Create "Incident 911 3" instead`)
		want := []string{
			"Launch plan", "launch plan 2", "Launch plan 3", "Incident 911", "Incident 911 2", "Incident 911 3",
		}
		if diff := cmp.Diff(want, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCommands_InvalidInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.say("/createspace")
	b.wantChat("Enter the space's name after the command")
	b.say("/createspace " + strings.Repeat("x", 129))
	b.wantChat("The name has 129 characters. Google Chat allows up to 128")
	b.say("hello?")
	b.wantChat("What Deputy can do")
}

func TestCreateSpace_MarkupInName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	b.say(`/createspace <b>Q&A</b> "plan"`)
	b.wantChat("Space created", `<b>Q&A</b> "plan"`)
}

func TestCreateSpace_TransientError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	w.google.Fail("chat.spaces.setup", 503, 429)
	b.say("/createspace Launch plan")
	b.wantChat("Space created")
	if got, want := w.count("chat.spaces.setup"), 3; got != want {
		t.Errorf("calls: got %d, want %d", got, want)
	}
}

func TestCreateSpace_TryAgain(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		w.google.Fail("chat.spaces.setup", 500, 500, 500, 500)
		b.say("/createspace Launch plan")
		b.wantChat("Something didn't work", "Google Chat has a temporary problem")
		b.press("Try again")
		b.wantChat("Space created")
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestGrant_RevokedAtGoogle(t *testing.T) {
	t.Parallel()
	for name, elapsed := range map[string]time.Duration{
		"refresh due":              2 * time.Hour,
		"access token still valid": 0,
	} {
		t.Run(name, func(t *testing.T) {
			inBothFormats(t, func(t *testing.T, w *world) {
				b := w.browser(t, ada)
				b.connect()
				w.google.RevokeGrant(ada)
				w.clock.advance(elapsed)
				ended := b.say("/createspace Launch plan")
				b.wantText(ended, "Google ended Deputy")
				b.wantNoText(ended, "requires configuration")
				// The reason is shown once. The next prompt is Chat's own, which has no text.
				b.wantText(b.say("/createspace Other plan"), "requires configuration")
				b.consent(b.link(ended, "Connect"), decision{account: ada})
				b.press("Continue")
				b.wantChat("Space created", "Launch plan")
			})
		})
	}
}

func TestGrant_SessionPolicyReauth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	w.google.RequireReauth(ada, true)
	w.clock.advance(2 * time.Hour)
	prompted := b.say("/createspace Launch plan")
	b.wantText(prompted, "Your organization requires you to sign in to Google again")
	b.say("/status")
	b.wantChat("ada@example.com", "Your organization requires you to sign in to Google again")
	w.google.RequireReauth(ada, false) // she has signed in
	b.consent(b.link(prompted, "Connect"), decision{account: ada})
	b.press("Continue")
	b.wantChat("Space created")
}

func TestToken_RefreshedAfter401(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	w.google.Fail("chat.spaces.setup", 401)
	b.say("/createspace Launch plan")
	b.wantChat("Space created")
	w.google.Fail("chat.spaces.setup", 401, 401) // the refreshed token is rejected, too, so the fault is at the API
	b.wantNoText(b.say("/createspace Second plan"), "Google ended Deputy")
	b.wantText(b.say("/status"), "ada@example.com")
}

func TestToken_RefreshedForMemberList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.consent(b.link(b.say("/createspace First plan @Grace Hopper"), "Configure"), decision{account: ada})
	w.google.Fail("chat.spaces.members.list", 401)
	b.say("/createspace Second plan @Grace Hopper")
	b.wantChat("Space created", "Second plan", "Added")
	if got := w.count("token refresh_token"); got != 1 {
		t.Errorf("refreshes: got %d, want 1", got)
	}
}

func TestConsent_ScopeMissingAtGoogle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	w.google.NarrowGrant(ada)
	b.consent(b.link(b.say("/createspace Launch plan"), "Allow"), decision{account: ada})
	b.wantText(b.press("Continue"), "Space created")
}

func TestStatus_NothingAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.consent(b.link(b.say("/createspace Launch plan"), "Configure"),
		decision{account: ada, untick: "chat.spaces.create auth/chat.spaces"})
	b.say("/status")
	b.wantChat("Your connection", "Create spaces", "Not allowed", "Reconnect")
	w.clock.advance(8 * 24 * time.Hour)
	b.say("/status")
	b.wantChat("Allow everything Deputy can do")
}

func TestDisconnect_GoogleUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	w.google.Fail("revoke", 503)
	b.say("/disconnect")
	b.press("Disconnect")
	b.wantChat("couldn't reach Google to revoke it", "myaccount.google.com/permissions")
	if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); err == nil {
		t.Error("the grant is still stored")
	}
	if stored, err := w.docs.List(t.Context(), "revocations", "", 10); err != nil || len(stored) != 1 {
		t.Errorf("tokens kept for revocation: %v, %v", stored, err)
	}
}
