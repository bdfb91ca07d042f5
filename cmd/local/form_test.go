package main

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/vault"
)

// allow goes through the consent that a dialog or the Home tab links to.
func (b *browser) allow(p page, text string) {
	b.t.Helper()
	b.consent(b.link(p, text), decide{as: b.who})
}

// made is the person's space with this name.
func (w *world) made(t *testing.T, name string) google.Space {
	t.Helper()
	for _, s := range w.google.SpacesOf(ada) {
		if s.DisplayName == name {
			return s
		}
	}
	t.Fatalf("there is no space %q among %v", name, w.spaces(ada))
	return google.Space{}
}

var everything = url.Values{
	"name": {"Launch plan"}, "description": {"What we <do>"}, "guidelines": {"Be kind.\nBe \"brief\"."}, "people": {grace.User()},
	"others": {"kim@partner.example, alan@example.com\nnobody@example.com groups/g1"}, "history": {"HISTORY_OFF"}, "access": {"discoverable"},
	"kind": {"announcements"}, "external": {"on"}, "first": {"Welcome, everybody"}, "app": {"on"},
}

func TestTheFormMakesASpaceWithEverythingASpaceCanHave(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.in = "AAAAteam"
		b.has(b.say("/createspace"), "Create a space", "/createspace Launch plan", "Only visible to you")
		asked := b.press("Open the form")
		b.has(asked, "Connect your account")
		b.allow(asked, "Connect")
		form := b.send(b.chat(), "Continue", nil)
		b.has(form, "Name", "Description", "Guidelines", "E-mail addresses, or groups as", "Announcements: only managers can post")
		more := b.send(form, "Create", everything)
		b.has(more, "submit the form again. Your entries are kept", "What we <do>", "Welcome, everybody")
		if got := w.spaces(ada); got != nil {
			t.Errorf("made before the consent: %v", got)
		}
		b.allow(more, "Connect")
		done := b.send(b.chat(), "Create", nil)
		b.missing(done, `class="dialog"`, ">Open the form<")
		b.has(done, "Space created, but some steps failed", "Added", "Grace Hopper, alan@example.com", "Invited", "kim@partner.example",
			"nobody@example.com", "Google doesn't say why", "groups/g1", "Google didn't add this group", "Rename", "Delete", "Only visible to you")

		got := w.made(t, "Launch plan")
		var said []string
		for _, m := range got.Messages {
			if !m.Line {
				said = append(said, m.Sender.Name+": "+m.Text)
			}
		}
		if diff := cmp.Diff([]string{"Ada Lovelace: Welcome, everybody"}, said); diff != "" {
			t.Error(diff)
		}
		got.ID, got.Created, got.Members, got.Messages = "", time.Time{}, nil, nil
		want := google.Space{
			DisplayName: "Launch plan", Description: "What we <do>", Guidelines: "Be kind.\nBe \"brief\".", Discoverable: true, AnnouncementOnly: true, ExternalAllowed: true,
			History: "HISTORY_OFF", App: true,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAWrongFieldOpensTheFormAgainWithEverythingKeptAndTheFaultBesideIt(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.say("/createspace @Grace Hopper")
		form := b.press("Open the form")
		_, held := b.window(form)
		if diff := cmp.Diff([]string{grace.User()}, held["people"]); diff != "" {
			t.Errorf("who was mentioned: %s", diff)
		}
		wrong := url.Values{}
		for name, values := range everything {
			wrong[name] = values
		}
		wrong.Set("others", "kim@partner.example, Bob")
		again := b.send(form, "Create", wrong)
		body, held := b.window(again)
		if before, _, found := strings.Cut(body, "Deputy doesn&#39;t recognize &#34;Bob&#34;"); !found || strings.Count(before, `name="others"`) != 0 || strings.Count(before, `name="guidelines"`) != 1 {
			t.Errorf("the fault does not stand beside its field:\n%s", body)
		}
		for name, want := range wrong {
			if diff := cmp.Diff(want, held[name]); diff != "" {
				t.Errorf("%s is not kept: %s", name, diff)
			}
		}
		// What the client would not have let pass.
		if got := b.send(again, "Create", url.Values{"name": {strings.Repeat("x", 129)}}); !strings.Contains(got.body, "Name: too many characters") {
			t.Errorf("the client's check: %s", got.body)
		}
		if got := b.send(again, "Create", url.Values{"name": {""}}); !strings.Contains(got.body, "Fill in the required fields") {
			t.Errorf("the client's check: %s", got.body)
		}
		if got := w.count("chat.spaces.setup"); got != 0 {
			t.Errorf("calls: got %d, want 0", got)
		}
		b.has(b.send(b.chat(), "Create", url.Values{"name": {"  "}, "others": {""}}), "Enter a name for the space")
		var crowd strings.Builder
		for i := range 50 {
			_, _ = fmt.Fprintf(&crowd, "person-%d@example.com ", i)
		}
		b.has(b.send(b.chat(), "Create", url.Values{"name": {"Crowd"}, "others": {crowd.String()}}), "people. You can add up to 49")
	})
}

func TestATakenNameInTheFormIsFilledInWithAnother(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.connect()
	b.say("/createspace Launch plan")
	form := b.send(b.quick(101), "Create", url.Values{"name": {"Launch plan"}, "description": {"The second"}})
	b.has(form, `A space named "Launch plan" already exists`)
	if _, held := b.window(form); held.Get("name") != "Launch plan 2" || held.Get("description") != "The second" {
		t.Errorf("the form holds %v", held)
	}
	b.has(b.send(form, "Create", nil), "Space created", "Launch plan 2")
	if got := w.made(t, "Launch plan 2").Description; got != "The second" {
		t.Errorf("description: %q", got)
	}
}

func TestADoubleSubmitMakesOneSpaceAndTwoFormsMakeTwo(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		form := b.quick(101)
		var wg sync.WaitGroup
		for range 4 { // the client sends it again before it has heard
			tab := w.browser(t, ada)
			wg.Go(func() { tab.send(form, "Create", url.Values{"name": {"Launch plan"}}) })
		}
		wg.Wait()
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
		// The same again in another form is another act, also from one card: the
		// name is taken then.
		b.say("/createspace")
		first, second := b.press("Open the form"), b.press("Open the form")
		b.has(b.send(first, "Create", url.Values{"name": {"Other plan"}}), "Space created")
		b.post(w.address+"/quick", url.Values{"as": {ada.Sub}, "in": {b.in}, "command": {"101"}})
		b.has(b.send(second, "Create", url.Values{"name": {"Other plan"}}), "already exists")
	})
}

func TestATemplateFillsTheFormAndLeavesWhatItDoesNotSay(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.knows(t, vault.Template{
		Name: "Outage", Description: "What is broken", Members: []string{"users/grace@example.com", grace.User(), "groups/g1"}, History: "HISTORY_ON", Announcements: true,
	})
	b := w.browser(t, ada)
	b.connect()
	form := b.send(b.quick(101), "Use template", url.Values{"template": {"Outage"}, "name": {"The mail is down"}, "external": {"on"}, "guidelines": {"Mine"}, "others": {"alan@example.com"}})
	_, held := b.window(form)
	for name, want := range map[string]string{
		"template": "Outage", "name": "The mail is down", "description": "What is broken", "others": "alan@example.com, grace@example.com, groups/g1", "history": "HISTORY_ON",
		"kind": "announcements", "access": "usual", "external": "on", "guidelines": "Mine", "people": grace.User(),
	} {
		if held.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, held.Get(name), want)
		}
	}
}

func TestARenamedAndADeletedSpaceIsConfirmedByName(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.say("/createspace Launch plan")
		b.say("/createspace Other plan")

		asked := b.press("Rename") // of the last card
		b.allow(asked, "Connect")
		form := b.send(b.chat(), "Continue", nil)
		if _, held := b.window(form); held.Get("name") != "Other plan" {
			t.Errorf("the form holds %v", held)
		}
		b.has(b.send(form, "Rename", url.Values{"name": {"Launch plan"}}), `A space named "Launch plan" already exists`)
		b.has(b.send(b.chat(), "Rename", url.Values{"name": {"Better plan"}}), "Space renamed", "Better plan")

		asked = b.press("Delete")
		b.allow(asked, "Connect")
		form = b.send(b.chat(), "Continue", nil)
		b.has(form, `This permanently deletes "Better plan"`)
		b.has(b.send(form, "Delete", url.Values{"name": {"Other plan"}}), "This isn't the space's name")
		if diff := cmp.Diff([]string{"Launch plan", "Better plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
		gone := b.send(b.chat(), "Delete", url.Values{"name": {"Better plan"}})
		b.has(gone, "Space deleted", "Better plan")
		b.missing(gone, `class="dialog"`)
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatCouldNotBeDoneIsToldApartAndTriedAgainAlone(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.connect()
	form := b.send(b.quick(101), "Create", everything)
	b.consent(b.link(form, "Connect"), decide{as: ada, untick: "messages.create"})
	w.google.Fail("chat.spaces.patch", 403)
	done := b.send(b.chat(), "Create", nil)
	b.has(done, "Space created, but some steps failed", "History wasn't set", "Google Chat denied this request",
		"The first message wasn't posted", "You haven't allowed this yet")
	b.missing(done, "Deputy wasn't added")
	b.consent(b.link(done, "Allow"), decide{as: ada})
	setups := w.count("chat.spaces.setup")
	finished := b.press("Try again")
	b.has(finished, "Space created, but some steps failed", "Launch plan", "nobody@example.com") // still not in it
	b.missing(finished, "History wasn't set", "The first message wasn't posted", "Try again")
	got := w.made(t, "Launch plan")
	if got.History != "HISTORY_OFF" || w.count("chat.spaces.setup") != setups || w.count("chat.spaces.messages.create") != 1 {
		t.Errorf("history %s, setups %d, messages %d", got.History, w.count("chat.spaces.setup"), w.count("chat.spaces.messages.create"))
	}
}

func TestAFormIsKeptWhenGoogleFailsAndSendingItAgainMakesOneSpace(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		w.google.Fail("chat.spaces.setup", 500, 500, 500, 500)
		form := b.send(b.quick(101), "Create", url.Values{"name": {"Launch plan"}, "description": {"Kept"}})
		b.has(form, "Google Chat has a temporary problem", "Kept")
		b.has(b.send(form, "Create", nil), "Space created")
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFormThatIsTooLongToBeShownAgainSaysSo(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.connect()
	form := b.send(b.quick(101), "Create", url.Values{
		"name": {"Launch plan"}, "description": {strings.Repeat("说", 4096)}, "guidelines": {strings.Repeat("<", 5000)}, "others": {"Bob"},
	})
	b.has(form, "Deputy doesn't recognize", "The longest text was too long to keep")
	if _, held := b.window(form); held.Get("guidelines") != "" || len([]rune(held.Get("description"))) != 4096 {
		t.Errorf("kept: %d and %d", len(held.Get("guidelines")), len(held.Get("description")))
	}
}

func TestAClosedDialogDoesNothing(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.quick(101)
		closed := b.post(w.address+"/close", url.Values{"as": {ada.Sub}, "in": {b.in}})
		b.missing(closed, `class="dialog"`, "is not responding")
	})
	w := begin(t)
	event := map[string]any{
		"type": "CARD_CLICKED", "user": map[string]any{"name": ada.User()}, "space": map[string]any{"name": "spaces/x"}, "isDialogEvent": true, "dialogEventType": "CANCEL_DIALOG",
		"common": map[string]any{"parameters": map[string]any{"value": "AAAA"}},
	}
	if got := w.send(t, event); got != "{}" {
		t.Errorf("got %s", got)
	}
}

func TestAFormThatWasOpenForMoreThanADayIsKept(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		form := b.quick(101)
		w.clock.advance(25 * time.Hour)
		again := b.send(form, "Create", url.Values{"name": {"Launch plan"}, "description": {"Long thought of"}})
		b.has(again, "This form was open for more than a day", "Long thought of")
		b.has(b.send(again, "Create", nil), "Space created")
	})
}

func TestNoFormIsTooLargeForChatWhateverItHolds(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for i := range 99 {
		w.knows(t, vault.Template{Name: fmt.Sprintf("%02d %s", i, strings.Repeat("模板", 40))})
	}
	b := w.browser(t, ada)
	b.connect()
	people := make([]string, 49)
	for i := range people {
		people[i] = fmt.Sprintf("users/%021d", i)
	}
	for name, others := range map[string]string{"one word": strings.Repeat("词", 6000), "markup": strings.Repeat("<", 3000), "many": strings.Repeat("nobody@example.com, ", 500)} {
		form := b.send(b.quick(101), "Create", url.Values{
			"name": {"  "}, "others": {others}, "people": people, "description": {strings.Repeat("说", 4096)}, "guidelines": {strings.Repeat("&", 5000)}, "first": {strings.Repeat("\"", 2000)},
		})
		b.has(form, "⚠️", "was too long to keep")
		b.missing(form, "is not responding")
		if _, held := b.window(form); len(held["people"]) != 2 { // those whom the page can show
			t.Logf("%s: people on the page: %v", name, held["people"])
		}
	}
}

func TestTooManyMentionsAreSaidBeforeAFormIsOffered(t *testing.T) {
	t.Parallel()
	w := begin(t)
	event := command(ada, "spaces/DM/messages/m1", 5, "")
	var mentions []any
	for i := range 150 {
		mentions = append(mentions, map[string]any{"type": "USER_MENTION", "userMention": map[string]any{"user": map[string]any{"name": fmt.Sprintf("users/%d", i+1), "displayName": fmt.Sprint("N", i), "type": "HUMAN"}}})
	}
	event["message"].(map[string]any)["annotations"] = mentions
	if got := w.send(t, event); !strings.Contains(got, "You named 150 people. You can add up to 49") {
		t.Errorf("got %s", got)
	}
}

func TestADeletionIsConfirmedByTheNameAsItIsShown(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.connect()
	const name = `Plan "B" \ 👩‍💻`
	b.say("/createspace " + name)
	asked := b.press("Delete")
	b.allow(asked, "Connect")
	form := b.send(b.chat(), "Continue", nil)
	b.has(form, `This permanently deletes "`+name+`"`)
	b.has(b.send(form, "Delete", url.Values{"name": {name}}), "Space deleted")
}
