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

// allow consents at the link with this text on p.
func (b *browser) allow(p page, text string) {
	b.t.Helper()
	b.consent(b.link(p, text), decision{account: b.person})
}

// mustFindSpace returns Ada's space with this name, and fails the test if there is none.
func (w *world) mustFindSpace(t *testing.T, name string) google.Space {
	t.Helper()
	for _, s := range w.google.SpacesOf(ada) {
		if s.DisplayName == name {
			return s
		}
	}
	t.Fatalf("no space %q in %v", name, w.spaces(ada))
	return google.Space{}
}

// fullForm fills in every field of the form.
var fullForm = url.Values{
	"name": {"Launch plan"}, "description": {"What we <do>"}, "guidelines": {"Be kind.\nBe \"brief\"."},
	"people": {grace.User()}, "others": {"kim@partner.example, alan@example.com\nnobody@example.com groups/g1"},
	"history": {"HISTORY_OFF"}, "access": {"discoverable"}, "kind": {"announcements"}, "external": {"on"},
	"first": {"Welcome, everybody"}, "app": {"on"},
}

func TestForm_AllFields(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		w.google.SetStrict(0) // the usual shapes of answers
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.wantText(b.say("/createspace"), "Create a space", "/createspace Launch plan", "Only visible to you")
		reply := b.press("Open the form")
		b.wantText(reply, "Connect your account")
		b.allow(reply, "Connect")
		form := b.send(b.chat(), "Continue", nil)
		b.wantText(form, "Name", "Description", "Guidelines", "Email addresses of people",
			"Announcements: only managers can post")
		done := b.send(form, "Create", fullForm) // the first consent asked for all of it
		b.wantNoText(done, `class="dialog"`, ">Open the form<")
		b.wantText(done, "Space created, but some steps failed",
			"Added", "Grace Hopper, alan@example.com", "Invited", "kim@partner.example",
			"nobody@example.com", "Google doesn't say why", "groups/g1", "Google didn't add this group",
			"Rename", "Delete", "Only visible to you")

		got := w.mustFindSpace(t, "Launch plan")
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
			DisplayName: "Launch plan", Description: "What we <do>", Guidelines: "Be kind.\nBe \"brief\".",
			Discoverable: true, AnnouncementOnly: true, ExternalAllowed: true, History: "HISTORY_OFF", App: true,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestForm_InvalidFieldKeepsInput(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.say("/createspace @Grace Hopper")
		form := b.press("Open the form")
		_, fields := b.window(form)
		if diff := cmp.Diff([]string{grace.User()}, fields["people"]); diff != "" {
			t.Errorf("mentioned people: %s", diff)
		}
		wrong := url.Values{}
		for name, values := range fullForm {
			wrong[name] = values
		}
		wrong.Set("others", "kim@partner.example, Bob")
		again := b.send(form, "Create", wrong)
		body, fields := b.window(again)
		before, _, found := strings.Cut(body, "Deputy doesn&#39;t recognize &#34;Bob&#34;")
		if !found || strings.Count(before, `name="others"`) != 0 || strings.Count(before, `name="guidelines"`) != 1 {
			t.Errorf("the error is not next to its field:\n%s", body)
		}
		for name, want := range wrong {
			if diff := cmp.Diff(want, fields[name]); diff != "" {
				t.Errorf("%s is not kept: %s", name, diff)
			}
		}
		// Chat checks these fields itself and sends no event.
		long := b.send(again, "Create", url.Values{"name": {strings.Repeat("x", 129)}})
		if !strings.Contains(long.body, "Name: too many characters") {
			t.Errorf("Chat's check: %s", long.body)
		}
		empty := b.send(again, "Create", url.Values{"name": {""}})
		if !strings.Contains(empty.body, "Fill in the required fields") {
			t.Errorf("Chat's check: %s", empty.body)
		}
		if got := w.count("chat.spaces.setup"); got != 0 {
			t.Errorf("calls: got %d, want 0", got)
		}
		b.wantText(b.send(b.chat(), "Create", url.Values{"name": {"  "}, "others": {""}}), "Enter a name for the space")
		var crowd strings.Builder
		for i := range 50 {
			_, _ = fmt.Fprintf(&crowd, "person-%d@example.com ", i)
		}
		b.wantText(b.send(b.chat(), "Create", url.Values{"name": {"Crowd"}, "others": {crowd.String()}}),
			"people. You can add up to 49")
	})
}

func TestForm_NameTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	b.say("/createspace Launch plan")
	form := b.send(b.quickCommand(101), "Create", url.Values{"name": {"Launch plan"}, "description": {"The second"}})
	b.wantText(form, `A space named "Launch plan" already exists`)
	_, fields := b.window(form)
	if fields.Get("name") != "Launch plan 2" || fields.Get("description") != "The second" {
		t.Errorf("the form has %v", fields)
	}
	w.google.CreateSpace("Launch plan 2", ada)
	form = b.send(form, "Create", nil)
	if _, fields = b.window(form); fields.Get("name") != "Launch plan 3" {
		t.Errorf("the form has %v", fields)
	}
	b.wantText(b.send(form, "Create", nil), "Space created", "Launch plan 3")
	if got := w.mustFindSpace(t, "Launch plan 3").Description; got != "The second" {
		t.Errorf("description: %q", got)
	}
}

func TestForm_DoubleSubmit(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		form := b.quickCommand(101)
		var wg sync.WaitGroup
		for range 4 { // Chat sends the event again before it gets a reply
			tab := w.browser(t, ada)
			wg.Go(func() { tab.send(form, "Create", url.Values{"name": {"Launch plan"}}) })
		}
		wg.Wait()
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
		// A second form from the same card is another operation, so its name is taken.
		b.say("/createspace")
		first, second := b.press("Open the form"), b.press("Open the form")
		b.wantText(b.send(first, "Create", url.Values{"name": {"Other plan"}}), "Space created")
		b.post(w.address+"/quick", url.Values{"as": {ada.Sub}, "in": {b.space}, "command": {"101"}})
		b.wantText(b.send(second, "Create", url.Values{"name": {"Other plan"}}), "already exists")
	})
}

func TestForm_Template(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addTemplates(t, vault.Template{
		Name: "Outage", Description: "What is broken", History: "HISTORY_ON", Announcements: true,
		Members: []string{"users/grace@example.com", grace.User(), "groups/g1"},
	})
	b := w.browser(t, ada)
	b.connect()
	form := b.send(b.quickCommand(101), "Use template", url.Values{
		"template": {"Outage"}, "name": {"The mail is down"}, "external": {"on"}, "guidelines": {"Mine"},
		"others": {"alan@example.com"},
	})
	_, fields := b.window(form)
	for name, want := range map[string]string{
		"template": "Outage", "name": "The mail is down", "description": "What is broken",
		"others": "alan@example.com, grace@example.com, groups/g1", "history": "HISTORY_ON",
		"kind": "announcements", "access": "usual", "external": "on", "guidelines": "Mine", "people": grace.User(),
	} {
		if fields.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, fields.Get(name), want)
		}
	}
}

func TestForm_RenameAndDelete(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.say("/createspace Launch plan")
		b.say("/createspace Other plan")

		reply := b.press("Rename") // on the last card
		b.allow(reply, "Allow")
		form := b.send(b.chat(), "Continue", nil)
		if _, fields := b.window(form); fields.Get("name") != "Other plan" {
			t.Errorf("the form has %v", fields)
		}
		b.wantText(b.send(form, "Rename", url.Values{"name": {"Launch plan"}}),
			`A space named "Launch plan" already exists`)
		b.wantText(b.send(b.chat(), "Rename", url.Values{"name": {"Better plan"}}), "Space renamed", "Better plan")

		reply = b.press("Delete")
		b.allow(reply, "Allow")
		form = b.send(b.chat(), "Continue", nil)
		b.wantText(form, `This permanently deletes "Better plan"`)
		b.wantText(b.send(form, "Delete", url.Values{"name": {"Other plan"}}), "This isn't the space's name")
		if diff := cmp.Diff([]string{"Launch plan", "Better plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
		deleted := b.send(b.chat(), "Delete", url.Values{"name": {"Better plan"}})
		b.wantText(deleted, "Space deleted", "Better plan")
		b.wantNoText(deleted, `class="dialog"`)
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestForm_RetriesFailedSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	form := b.send(b.quickCommand(101), "Create", fullForm)
	b.consent(b.link(form, "Allow"), decision{account: ada, untick: "messages.create"})
	w.google.Fail("chat.spaces.patch", 403)
	done := b.send(b.chat(), "Create", nil)
	b.wantText(done, "Space created, but some steps failed", "History wasn't set",
		"Google Chat denied this request", "The first message wasn't posted", "You haven't allowed this yet")
	b.wantNoText(done, "Deputy wasn't added")
	b.consent(b.link(done, "Allow"), decision{account: ada})
	setups := w.count("chat.spaces.setup")
	retried := b.press("Try again")
	// nobody@example.com is still missing.
	b.wantText(retried, "Space created, but some steps failed", "Launch plan", "nobody@example.com")
	b.wantNoText(retried, "History wasn't set", "The first message wasn't posted", "Try again")
	got := w.mustFindSpace(t, "Launch plan")
	newSetups, messages := w.count("chat.spaces.setup")-setups, w.count("chat.spaces.messages.create")
	if got.History != "HISTORY_OFF" || newSetups != 0 || messages != 1 {
		t.Errorf("history %s, new setups %d, messages %d", got.History, newSetups, messages)
	}
}

func TestForm_RetryAfterGoogleError(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		w.google.Fail("chat.spaces.setup", 500, 500, 500, 500)
		form := b.send(b.quickCommand(101), "Create", url.Values{"name": {"Launch plan"}, "description": {"Kept"}})
		b.wantText(form, "Google Chat has a temporary problem", "Kept")
		b.wantText(b.send(form, "Create", nil), "Space created")
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestForm_TooLongToRedisplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	form := b.send(b.quickCommand(101), "Create", url.Values{
		"name": {"Launch plan"}, "description": {strings.Repeat("说", 4096)},
		"guidelines": {strings.Repeat("<", 5000)}, "others": {"Bob"},
	})
	b.wantText(form, "Deputy doesn't recognize", "The longest text is too long")
	if _, fields := b.window(form); fields.Get("guidelines") != "" || len([]rune(fields.Get("description"))) != 4096 {
		t.Errorf("kept: %d and %d bytes", len(fields.Get("guidelines")), len(fields.Get("description")))
	}
}

func TestForm_Closed(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.quickCommand(101)
		closed := b.post(w.address+"/close", url.Values{"as": {ada.Sub}, "in": {b.space}})
		b.wantNoText(closed, `class="dialog"`, "is not responding")
	})
	w := newWorld(t)
	event := map[string]any{
		"type": "CARD_CLICKED", "user": map[string]any{"name": ada.User()}, "space": map[string]any{"name": "spaces/x"},
		"isDialogEvent": true, "dialogEventType": "CANCEL_DIALOG",
		"common": map[string]any{"parameters": map[string]any{"value": "AAAA"}},
	}
	if got := w.send(t, event); got != "{}" {
		t.Errorf("got %s", got)
	}
}

func TestForm_OpenForADay(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		form := b.quickCommand(101)
		w.clock.advance(25 * time.Hour)
		again := b.send(form, "Create", url.Values{"name": {"Launch plan"}, "description": {"Long thought of"}})
		b.wantText(again, "This form was open for more than a day", "Long thought of")
		b.wantText(b.send(again, "Create", nil), "Space created")
	})
}

func TestForm_FitsChatLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 99 {
		w.addTemplates(t, vault.Template{Name: fmt.Sprintf("%02d %s", i, strings.Repeat("模板", 40))})
	}
	b := w.browser(t, ada)
	b.connect()
	people := make([]string, 49)
	for i := range people {
		people[i] = fmt.Sprintf("users/%021d", i)
	}
	for _, others := range []string{
		strings.Repeat("词", 6000), strings.Repeat("<", 3000), strings.Repeat("nobody@example.com, ", 500),
	} {
		form := b.send(b.quickCommand(101), "Create", url.Values{
			"name": {"  "}, "others": {others}, "people": people, "description": {strings.Repeat("说", 4096)},
			"guidelines": {strings.Repeat("&", 5000)}, "first": {strings.Repeat("\"", 2000)},
		})
		b.wantText(form, "⚠️", "is too long for this form")
		b.wantNoText(form, "is not responding")
	}
}

func TestForm_TooManyMentions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	event := command(ada, "spaces/DM/messages/m1", 5, "")
	var mentions []any
	for i := range 150 {
		user := map[string]any{
			"name": fmt.Sprintf("users/%d", i+1), "displayName": fmt.Sprint("N", i), "type": "HUMAN",
		}
		mentions = append(mentions, map[string]any{
			"type": "USER_MENTION", "userMention": map[string]any{"user": user},
		})
	}
	event["message"].(map[string]any)["annotations"] = mentions
	if got := w.send(t, event); !strings.Contains(got, "You named 150 people. You can add up to 49") {
		t.Errorf("got %s", got)
	}
}

func TestForm_DeleteUnusualName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	const name = `Plan "B" \ 👩‍💻`
	b.say("/createspace " + name)
	reply := b.press("Delete")
	b.allow(reply, "Allow")
	form := b.send(b.chat(), "Continue", nil)
	b.wantText(form, `This permanently deletes "`+name+`"`)
	b.wantText(b.send(form, "Delete", url.Values{"name": {name}}), "Space deleted")
}
