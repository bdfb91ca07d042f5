package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
)

// connected goes through the consent that a command asks for in a space.
func (b *browser) connectThere(command string) page {
	b.t.Helper()
	b.consent(b.link(b.say(command), "Connect"), decide{as: b.who})
	return b.press("Continue")
}

// said are the texts people wrote in the team's space.
func (w *world) said(p google.Person) []string {
	var out []string
	for _, s := range w.google.SpacesOf(p) {
		for _, m := range s.Messages {
			if s.DisplayName == "Team" && !m.Line && m.Sender.Sub != "" && m.Private == "" {
				out = append(out, m.Sender.Name+": "+m.Text)
			}
		}
	}
	return out
}

func TestSayWritesAsThePersonWhereItWasTyped(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.in = "AAAAteam"
		b.has(b.connectThere("/say The build is done"), "Message posted", "Posted here as you")
		b.say("/say Please look,\n  @Grace Hopper,  soon")
		if diff := cmp.Diff([]string{"Ada Lovelace: The build is done", "Ada Lovelace: Please look,\n  <" + grace.User() + ">,  soon"}, w.said(grace)); diff != "" {
			t.Error(diff)
		}
		b.sees("@Grace Hopper,  soon", "via Deputy")
		b.has(b.say("/say"), "Enter your message after")
		b.in = "DM" + ada.Sub
		b.has(b.say("/say hello"), "Only you and Deputy are here")
	})
}

func TestWhatIsTooLongForAButtonIsSaidToBeTypedAgain(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.in = "AAAAteam"
		asked := b.say("/say " + strings.Repeat("很长", 3000))
		b.has(asked, "enter the command again. It is too long to keep")
		b.missing(asked, ">Continue<")
		b.consent(b.link(asked, "Connect"), decide{as: ada})
		b.say("/say " + strings.Repeat("很长", 3000))
		if got := w.said(ada); len(got) != 1 {
			t.Errorf("messages: %d", len(got))
		}
	})
}

func TestARedeliveredSayWritesOnce(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.in = "AAAAteam"
	b.connectThere("/say First")
	event := command(ada, "spaces/AAAAteam/messages/m7", 8, "Second")
	event["space"] = map[string]any{"name": "spaces/AAAAteam", "spaceType": "SPACE"}
	for range 3 {
		if got := w.send(t, event); got != "{}" {
			t.Errorf("reply: %s", got)
		}
	}
	if diff := cmp.Diff([]string{"Ada Lovelace: First", "Ada Lovelace: Second"}, w.said(ada)); diff != "" {
		t.Error(diff)
	}
}

func TestInviteAddsPeopleToTheSpaceAndSaysWhoGotIn(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.in = "AAAAteam"
		b.connectThere("/invite @Grace Hopper someone@else.example")
		b.sees("Some people weren't added", "Added", "Grace Hopper", "Not added", "someone@else.example", "Google Chat denied adding this person")
		b.has(b.say("/invite"), "Enter the people after")
		b.has(b.say("/invite someone@else.example"), "Something didn't work", "Google Chat denied adding this person")
		b.in = "DM" + ada.Sub
		b.has(b.say("/invite @Grace Hopper"), "Only you and Deputy are here")
	})
}

func TestSpacesAreFoundByWordsAndPaged(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.connect()
	for i := range 12 {
		w.send(t, command(ada, fmt.Sprintf("spaces/DM/messages/p%d", i), 5, fmt.Sprintf("Plan %02d", i)))
	}
	w.send(t, command(ada, "spaces/DM/messages/q", 5, `The "quoted" \\ one`))
	b.consent(b.link(b.say("/spaces"), "Configure"), decide{as: ada})
	first := b.sees("Your spaces", "Plan 11", "Plan 03", "More") // the newest
	b.missing(first, "<div class=\"field\">Plan 00")
	second := b.press("More")
	b.has(second, "Plan 00", "Team")
	b.has(b.say(`/spaces "quo \\`), `The "quoted" \\ one`)
	b.has(b.say("/spaces plan 07"), "Plan 07")
	b.has(b.say("/spaces nothing like it"), "None of your spaces has a name that contains these words")
}

func TestGroupChatBeginsAConversationOrFindsTheOneThereIs(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.consent(b.link(b.say("/groupchat @Grace Hopper @Alan Turing"), "Configure"), decide{as: ada})
		b.sees("Group conversation", "Grace Hopper, Alan Turing", "Open")
		b.say("/groupchat @Alan Turing @Grace Hopper")
		b.sees("You already have this group conversation")
		groups := 0
		for _, s := range w.google.SpacesOf(grace) {
			if s.Group {
				groups++
			}
		}
		if groups != 1 {
			t.Errorf("group conversations: got %d, want 1", groups)
		}
		b.has(b.say("/groupchat @Grace Hopper"), "at least two people")
		b.has(b.say("/groupchat @Grace Hopper @Grace Hopper"), "at least two people")
		b.has(b.say("/groupchat grace@example.com ada@example.com"), "at least two people")
		b.has(b.say("/groupchat @Grace Hopper @Alan Turing groups/g1"), "can't contain groups")
		b.has(b.say("/groupchat @Alan Turing grace@example.com kim@partner.example"), "Group conversation started, but some people weren't added", "Not added", "kim@partner.example")
	})
}

func TestEachReasonStandsWithItsOwnPeopleAndWhatMayPassIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.in = "AAAAteam"
	b.connectThere("/invite @Grace Hopper")
	w.google.Fail("chat.spaces.members.create", 0, 503, 503, 503, 503) // the first goes well
	shown := b.say("/invite @Grace Hopper,alan@example.com，someone@else.example")
	b.has(shown, "Some people weren't added", "Added", "Grace Hopper", "alan@example.com", "Google Chat has a temporary problem", "someone@else.example", "denied adding this person")
	again := b.press("Try again")
	b.has(again, "Grace Hopper, alan@example.com", "someone@else.example")
	b.missing(again, "Google Chat has a temporary problem", "Try again")
}

func TestAWordThatIsNobodyIsNamedAndNobodyIsLeftOut(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.in = "AAAAteam"
	b.has(b.say("/invite @Grace Hopper please"), `Deputy doesn't recognize "please"`)
	b.has(b.say("/invite grace@例子.example"), `Deputy doesn't recognize "grace@例子.example"`)
	b.has(b.say("/invite "+strings.Repeat("很", 5000)), `Deputy doesn't recognize "`+strings.Repeat("很", 60)+`…"`)
}

func TestMeetOpensARoomAndTellsOfItOnce(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.in = "AAAAteam"
		b.connectThere("/meet @Grace Hopper stand-up")
		want := "Ada Lovelace: <" + grace.User() + "> stand-up Meet: https://meet.google.com/aaa-bbbb-001"
		if diff := cmp.Diff([]string{want}, w.said(grace)); diff != "" {
			t.Error(diff)
		}
		b.in = "DM" + ada.Sub
		b.has(b.say("/meet"), "Meeting created", "https://meet.google.com/aaa-bbbb-002", "Join")
	})
}

func TestARedeliveredMeetTellsOfOneRoom(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.in = "AAAAteam"
	b.connectThere("/meet")
	event := command(ada, "spaces/AAAAteam/messages/m7", 9, "")
	event["space"] = map[string]any{"name": "spaces/AAAAteam", "spaceType": "SPACE"}
	w.google.Fail("chat.spaces.messages.create", 503)
	for range 3 {
		if got := w.send(t, event); got != "{}" {
			t.Errorf("reply: %s", got)
		}
	}
	if got := len(w.said(ada)); got != 2 {
		t.Errorf("messages: got %d, want the first and one more", got)
	}
}

func TestEachNewCommandAsksOnlyForItsOwnScope(t *testing.T) {
	t.Parallel()
	for command, scope := range map[string]string{
		"/say Hello": "chat.messages.create", "/invite @Grace Hopper": "chat.memberships", "/spaces": "chat.spaces.readonly",
	} {
		w := begin(t)
		b := w.browser(t, ada)
		b.in = "AAAAteam"
		consent := b.open(b.link(b.say(command), "Connect"))
		if got := strings.Count(consent.body, `name="scope"`); got != 1 || !strings.Contains(consent.body, "auth/"+scope+`"`) {
			t.Errorf("%s asks for %d scopes: %s", command, got, consent.body)
		}
	}
}

func TestWhatGoogleRefusesOrIsSlowToDoIsSaidForEachCommand(t *testing.T) {
	t.Parallel()
	for command, method := range map[string]string{
		"/say Hello": "chat.spaces.messages.create", "/invite @Grace Hopper": "chat.spaces.members.create", "/spaces": "chat.spaces.list",
		"/meet": "meet.spaces.create", "/spaces plan": "chat.spaces.search", "/groupchat @Grace Hopper @Alan Turing": "chat.spaces.findGroupChats",
	} {
		w := begin(t)
		b := w.browser(t, ada)
		b.in = "AAAAteam"
		b.connectThere(command)
		w.google.Fail(method, 401, 503)
		b.missing(b.say(command), "Something didn't work") // renewed, and tried again, without their noticing
		refusals := map[int]string{403: "denied this request", 404: "can't find this space", 400: "rejected the request"}
		if strings.HasPrefix(command, "/invite") {
			refusals[403] = "denied adding this person"
		}
		if command == "/meet" {
			refusals = map[int]string{403: "Google Meet denied this request", 404: "Google Meet didn't respond as expected"}
		}
		for status, want := range refusals {
			w.google.Fail(method, status)
			b.has(b.say(command), "Something didn't work", want)
		}
		w.google.RevokeGrant(ada)
		w.clock.advance(2 * time.Hour)
		b.has(b.say(command), "Google ended Deputy")
	}
}
