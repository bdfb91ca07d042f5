package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
)

// connectWith sends a command, gives the consent that Deputy asks for, and continues.
func (b *browser) connectWith(command string) page {
	b.t.Helper()
	text, asked := "Connect", b.say(command)
	if strings.Contains(asked.body, ">Allow</a>") { // connected, but not for this
		text = "Allow"
	}
	b.consent(b.link(asked, text), decision{account: b.person})
	return b.press("Continue")
}

// teamMessages returns the messages that people posted in the team's space, as p sees them.
func (w *world) teamMessages(p google.Person) []string {
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

func TestSay_PostsAsPerson(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.wantText(b.connectWith("/say The build is done"), "Message posted", "Posted here as you")
		b.say("/say Please look,\n  @Grace Hopper,  soon")
		want := []string{
			"Ada Lovelace: The build is done", "Ada Lovelace: Please look,\n  <" + grace.User() + ">,  soon",
		}
		if diff := cmp.Diff(want, w.teamMessages(grace)); diff != "" {
			t.Error(diff)
		}
		b.wantChat("@Grace Hopper,  soon", "via Deputy")
		b.wantText(b.say("/say"), "Enter your message after")
		b.space = "DM" + ada.Sub
		b.wantText(b.say("/say hello"), "Only you and Deputy are here")
	})
}

func TestSay_TooLongForButton(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		reply := b.say("/say " + strings.Repeat("很长", 3000))
		b.wantText(reply, "enter the command again. It is too long to keep")
		b.wantNoText(reply, ">Continue<")
		b.consent(b.link(reply, "Connect"), decision{account: ada})
		b.say("/say " + strings.Repeat("很长", 3000))
		if got := w.teamMessages(ada); len(got) != 1 {
			t.Errorf("messages: %d", len(got))
		}
	})
}

func TestSay_Redelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.space = "AAAAteam"
	b.connectWith("/say First")
	event := command(ada, "spaces/AAAAteam/messages/m7", 8, "Second")
	event["space"] = map[string]any{"name": "spaces/AAAAteam", "spaceType": "SPACE"}
	for range 3 {
		if got := w.send(t, event); !strings.Contains(got, "Message posted") {
			t.Errorf("reply: %s", got)
		}
	}
	if diff := cmp.Diff([]string{"Ada Lovelace: First", "Ada Lovelace: Second"}, w.teamMessages(ada)); diff != "" {
		t.Error(diff)
	}
}

func TestInvite_ResultCard(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		w.google.SetStrict(0) // the usual shapes of answers
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.connectWith("/invite @Grace Hopper someone@else.example")
		b.wantChat("Some people weren't added", "Added", "Grace Hopper", "Not added", "someone@else.example",
			"Google Chat didn't allow adding this person")
		b.wantText(b.say("/invite"), "Enter the people after")
		b.wantText(b.say("/invite someone@else.example"),
			"Something didn't work", "Google Chat didn't allow adding this person")
		b.space = "DM" + ada.Sub
		b.wantText(b.say("/invite @Grace Hopper"), "Only you and Deputy are here")
	})
}

func TestSpaces_SearchAndPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	for i := range 12 {
		w.send(t, command(ada, fmt.Sprintf("spaces/DM/messages/p%d", i), 5, fmt.Sprintf("Plan %02d", i)))
	}
	w.send(t, command(ada, "spaces/DM/messages/q", 5, `The "quoted" \\ one`))
	b.consent(b.link(b.say("/spaces"), "Allow"), decision{account: ada})
	b.press("Continue")
	first := b.wantChat("Your spaces", "Plan 11", "Plan 03", "More") // newest first
	b.wantNoText(first, "<div class=\"field\">Plan 00")
	second := b.press("More")
	b.wantText(second, "Plan 00", "Team")
	b.wantText(b.say(`/spaces "quo \\`), `The "quoted" \\ one`)
	b.wantText(b.say("/spaces plan 07"), "Plan 07")
	b.wantText(b.say("/spaces nothing like it"), "None of your spaces has a name that contains these words")
}

func TestGroupChat_CreatesOrFinds(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.consent(b.link(b.say("/groupchat @Grace Hopper @Alan Turing"), "Configure"), decision{account: ada})
		b.wantChat("Group conversation", "Grace Hopper, Alan Turing", "Open")
		b.say("/groupchat @Alan Turing @Grace Hopper")
		b.wantChat("You already have this group conversation")
		groups := 0
		for _, s := range w.google.SpacesOf(grace) {
			if s.Group {
				groups++
			}
		}
		if groups != 1 {
			t.Errorf("group conversations: got %d, want 1", groups)
		}
		b.wantText(b.say("/groupchat @Grace Hopper"), "at least two people")
		b.wantText(b.say("/groupchat @Grace Hopper @Grace Hopper"), "at least two people")
		b.wantText(b.say("/groupchat grace@example.com ada@example.com"), "at least two people")
		b.wantText(b.say("/groupchat @Grace Hopper @Alan Turing groups/g1"), "can't contain groups")
		b.wantText(b.say("/groupchat @Alan Turing grace@example.com kim@partner.example"),
			"Group conversation started, but some people weren't added", "Not added", "kim@partner.example")
	})
}

func TestInvite_ReasonsAndRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.google.SetStrict(0) // the usual shapes of answers
	b := w.browser(t, ada)
	b.space = "AAAAteam"
	b.connectWith("/invite @Grace Hopper")
	w.google.Fail("chat.spaces.members.create", 0, 503, 503, 503, 503) // the first call succeeds
	shown := b.say("/invite @Grace Hopper,alan@example.com，someone@else.example")
	b.wantText(shown, "Some people weren't added", "Added", "Grace Hopper",
		"alan@example.com", "Google Chat has a temporary problem",
		"someone@else.example", "didn't allow adding this person")
	again := b.press("Try again")
	b.wantText(again, "alan@example.com", "someone@else.example")
	b.wantNoText(again, "Google Chat has a temporary problem", "Try again")
}

func TestInvite_UnknownWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.space = "AAAAteam"
	b.wantText(b.say("/invite @Grace Hopper please"), `Deputy doesn't recognize "please"`)
	b.wantText(b.say("/invite grace@例子.example"), `Deputy doesn't recognize "grace@例子.example"`)
	b.wantText(b.say("/invite "+strings.Repeat("很", 5000)),
		`Deputy doesn't recognize "`+strings.Repeat("很", 60)+`…"`)
}

func TestMeet_PostsLink(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.connectWith("/meet @Grace Hopper stand-up")
		want := "Ada Lovelace: <" + grace.User() + "> stand-up Meet: https://meet.google.com/aaa-bbbb-001"
		if diff := cmp.Diff([]string{want}, w.teamMessages(grace)); diff != "" {
			t.Error(diff)
		}
		b.space = "DM" + ada.Sub
		b.wantText(b.say("/meet"), "Meeting created", "https://meet.google.com/aaa-bbbb-002", "Join")
	})
}

func TestMeet_Redelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.space = "AAAAteam"
	b.connectWith("/meet")
	event := command(ada, "spaces/AAAAteam/messages/m7", 9, "")
	event["space"] = map[string]any{"name": "spaces/AAAAteam", "spaceType": "SPACE"}
	w.google.Fail("chat.spaces.messages.create", 503)
	for range 3 {
		if got := w.send(t, event); !strings.Contains(got, "Message posted") {
			t.Errorf("reply: %s", got)
		}
	}
	if got := len(w.teamMessages(ada)); got != 2 {
		t.Errorf("messages: got %d, want 2", got)
	}
}

func TestCommand_ScopeRequested(t *testing.T) {
	t.Parallel()
	for command, scope := range map[string]string{
		"/say Hello":            "chat.messages.create",
		"/invite @Grace Hopper": "chat.memberships",
		"/spaces":               "chat.spaces.readonly",
	} {
		w := newWorld(t)
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		consent := b.open(b.link(b.say(command), "Connect"))
		got := strings.Count(consent.body, `name="scope"`)
		if got != 1 || !strings.Contains(consent.body, "auth/"+scope+`"`) {
			t.Errorf("%s asks for %d scopes: %s", command, got, consent.body)
		}
	}
}

func TestCommand_GoogleError(t *testing.T) {
	t.Parallel()
	for command, method := range map[string]string{
		"/say Hello":            "chat.spaces.messages.create",
		"/invite @Grace Hopper": "chat.spaces.members.create",
		"/spaces":               "chat.spaces.list",
		"/spaces plan":          "chat.spaces.search",
		"/meet":                 "meet.spaces.create",

		"/groupchat @Grace Hopper @Alan Turing": "chat.spaces.findGroupChats",
	} {
		w := newWorld(t)
		b := w.browser(t, ada)
		b.space = "AAAAteam"
		b.connectWith(command)
		w.google.Fail(method, 401, 503)
		b.wantNoText(b.say(command), "Something didn't work") // Deputy refreshes the token and retries silently
		refusals := map[int]string{
			403: "denied this request", 404: "can't find this space", 400: "rejected the request",
		}
		if strings.HasPrefix(command, "/invite") {
			refusals[403], refusals[404] = "didn't allow adding this person", "can't find this person"
		}
		if command == "/meet" {
			refusals = map[int]string{
				403: "Google Meet denied this request", 404: "Google Meet didn't respond as expected",
			}
		}
		for status, want := range refusals {
			w.google.Fail(method, status)
			b.wantText(b.say(command), "Something didn't work", want)
		}
		w.google.RevokeGrant(ada)
		w.clock.advance(2 * time.Hour)
		b.wantText(b.say(command), "Google ended Deputy")
	}
}
