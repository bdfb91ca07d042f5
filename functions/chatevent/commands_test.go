package chatevent_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/chatevent"
	"example.com/deputy/shared/capability"
)

// arguments are valid arguments of the commands that need some.
var arguments = map[string]string{
	"/createspace": "Plan", "/invite": "grace@example.com", "/say": "Hello",
	"/groupchat": "grace@example.com alan@example.com",
}

// run runs a command of the console in the space Team.
func (e *env) run(c chatevent.ConsoleCommand) reply {
	e.t.Helper()
	if c.OpensDialog {
		return e.send(quick(ada, team, c.ID))
	}
	return e.send(command(ada, team, c.ID, arguments[c.Name]))
}

// The console's list is what the handlers do: each command runs, opens a dialog if it says so, and needs no more than
// the list says. A new person is asked for all of it at once.
func TestConsoleCommands_MatchHandlers(t *testing.T) {
	for _, c := range chatevent.ConsoleCommands() {
		inBubble(t, func(e *env) {
			e.connect(ada, c.Needs...)
			r := e.run(c)
			r.wantNoText(t, c.Name, "Something didn't work", "Connect your account", "Deputy needs your permission")
			if (r.kind == "DIALOG") != c.OpensDialog {
				t.Errorf("%s: %s", c.Name, r.kind)
			}
		})
		if len(c.Needs) == 0 {
			continue
		}
		inBubble(t, func(e *env) {
			r := e.run(c)
			r.wantText(t, c.Name, "Connect your account", "[Connect]")
			if diff := cmp.Diff(e.choice(r.links["Connect"]).Needed, slices.DeleteFunc(capability.All(),
				func(one capability.Capability) bool { return !slices.Contains(c.Needs, one) })); diff != "" {
				t.Errorf("%s asks for something else: %s", c.Name, diff)
			}
		})
	}
	inBubble(t, func(e *env) {
		e.send(command(ada, team, 99, "")).wantText(t, "no such command", "Deputy doesn't have this command")
	})
}

func TestCommands_Arguments(t *testing.T) {
	for name, c := range map[string]struct {
		space string
		id    int
		args  string
		want  []string
	}{
		"invite, nobody":        {team, 6, "", []string{"Enter the people after the command"}},
		"invite, a word":        {team, 6, "Bob", []string{`Deputy doesn't recognize "Bob"`}},
		"invite, a long word":   {team, 6, strings.Repeat("x", 61), []string{`"` + strings.Repeat("x", 60) + `…"`}},
		"invite, 60 characters": {team, 6, strings.Repeat("x", 60), []string{`"` + strings.Repeat("x", 60) + `"`}},
		"invite, a path":        {team, 6, "a/b@example.com", []string{`Deputy doesn't recognize "a/b@example.com"`}},
		"invite, a display name": {
			team, 6, "Grace Hopper <grace@example.com>", []string{"People added\nAdded: grace@example.com"},
		},
		"invite, not ASCII":    {team, 6, "gräce@example.com", []string{"Deputy doesn't recognize"}},
		"invite, a long group": {team, 6, "groups/" + strings.Repeat("x", 65), []string{"Deputy doesn't recognize"}},
		"invite, directly":     {direct(ada), 6, "grace@example.com", []string{"Only you and Deputy are here"}},
		"invite, 50":           {team, 6, crowd(50), []string{"You named 50 people. You can add up to 49"}},
		"invite, 49":           {team, 6, crowd(49), []string{"People added", "member-49@example.com"}},
		"invite, separators": {
			team, 6, "Grace@Example.com;alan@example.com，groups/02oncall",
			[]string{"People added\nAdded: grace@example.com, alan@example.com, groups/02oncall"},
		},
		"say, nothing":         {team, 8, " ", []string{"Enter your message after the command"}},
		"say, directly":        {direct(ada), 8, "x", []string{"Only you and Deputy are here"}},
		"kickoff, directly":    {direct(ada), 10, "", []string{"Only you and Deputy are here"}},
		"kickoff, unknown":     {team, 10, "soon", []string{"Deputy doesn't recognize this time"}},
		"kickoff, in the past": {team, 10, "1999-01-01 10:00", []string{"That time is in the past"}},
		"groupchat, one": {
			team, 11, "grace@example.com", []string{"Enter at least two people after the command"},
		},
		"groupchat, a word":    {team, 11, "Bob Eve", []string{`Deputy doesn't recognize "Bob"`}},
		"groupchat, a group":   {team, 11, "grace@example.com groups/02oncall", []string{"can't contain groups"}},
		"spaces, no match":     {team, 7, "nothing", []string{"None of your spaces has a name that contains"}},
		"createspace, no name": {team, 5, "", []string{"Enter the space's name after the command", "[Open the form]"}},
	} {
		inBubble(t, func(e *env) {
			e.connectAll()
			r := e.send(command(ada, c.space, c.id, c.args))
			r.wantText(t, name, c.want...)
			r.wantNoText(t, name, "[Try again]")
		})
	}
}

// An invalid command is refused before the person is asked for anything.
func TestCommands_RefusedBeforeConsent(t *testing.T) {
	inBubble(t, func(e *env) {
		for id, args := range map[int]string{6: "Bob", 8: "", 10: "soon", 11: "Bob"} {
			e.send(command(ada, team, id, args)).wantNoText(t, fmt.Sprint(id), "Connect your account")
		}
		many := make([]google.Person, 50)
		for i := range many {
			many[i], _ = google.FindPerson(fmt.Sprintf("member-%d@example.com", i+1))
		}
		r := e.send(command(ada, team, 5, "Plan", many...))
		r.wantText(t, "50 mentions", "You named 50 people. You can add up to 49")
		e.send(command(ada, team, 5, "", many[:49]...)).wantText(t, "49 mentions", "[Open the form]")
	})
}

func TestInvite_Mentions(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces, capability.ManageMembers)
		e.send(command(ada, direct(ada), 5, "Plan"))
		space := "spaces/" + e.spaceNamed("Plan").ID
		r := e.send(command(ada, space, 6, "kim@partner.example 9@example.com", grace, alan))
		r.wantText(t, "partly", "Some people weren't added", "Added: Grace Hopper, Alan Turing",
			"Not added: kim@partner.example, 9@example.com", "Google Chat didn't allow adding this person")
		r.wantNoText(t, "partly", "[Try again]")
		e.google.Fail("chat.spaces.members.create", 500, 500, 500, 500)
		r = e.send(command(ada, space, 6, "member-1@example.com", grace))
		r.wantText(t, "for now", "Added: member-1@example.com", "Not added: Grace Hopper", "temporary problem",
			"[Try again]")
		r = e.send(click(ada, space, r.buttons["Try again"]))
		r.wantText(t, "again", "People added", "Added: Grace Hopper") // the others are not added again
		r.wantNoText(t, "again", "member-1")
	})
}

func TestSay_Thread(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		say := func(space, thread string) {
			c := command(ada, space, 8, "Hello\n  <you>", grace)
			c["message"].(object)["thread"] = object{"name": space + "/threads/" + thread}
			e.send(c)
		}
		say(team, "t1")
		group := e.send(command(ada, team, 11, "", grace, alan))
		group.wantText(t, "group", "Group conversation\nAdded: Grace Hopper, Alan Turing\n[Open]")
		conversation := "spaces/" + strings.TrimPrefix(group.links["Open"], "https://chat.test/")
		c := command(ada, conversation, 8, "Hi")
		c["space"] = object{"name": conversation, "spaceType": "GROUP_CHAT"}
		c["message"].(object)["thread"] = object{"name": conversation + "/threads/t2"}
		if r := e.send(c); r.text != "Message posted\nPosted here as you." || !r.private {
			t.Errorf("the reply: %+v", r)
		}
		want := map[string]string{
			team:         "Hello\n  <you> <" + grace.User() + "> in " + team + "/threads/t1",
			conversation: "Hi in ",
		}
		for _, s := range e.google.SpacesOf(ada) {
			for _, m := range s.Messages {
				if got := m.Text + " in " + m.Thread; !m.Line && got != want[s.Name()] {
					t.Errorf("%s: %q", s.Name(), got)
				}
			}
		}
		again := e.send(command(ada, team, 11, "", grace, alan))
		again.wantText(t, "again", "You already have this group conversation")
	})
}

func TestMeet(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		r := e.send(command(ada, direct(ada), 9, ""))
		r.wantText(t, "directly", "Meeting created", "[Join]")
		if !strings.HasPrefix(r.links["Join"], "https://meet.google.com/") {
			t.Error(r.links)
		}
		e.google.Fail("meet.spaces.create", 403)
		e.send(command(ada, direct(ada), 9, "")).wantText(t, "refused", "Google Meet denied this request")
		if r := e.send(command(ada, team, 9, "Stand-up")); !r.private || !strings.HasPrefix(r.text, "Message posted") {
			t.Errorf("%+v", r)
		}
		messages := e.spaceNamed("Team").Messages
		if text := messages[len(messages)-1].Text; !strings.HasPrefix(
			text,
			"Stand-up Meet: https://meet.google.com/",
		) {
			t.Error(text)
		}
	})
}

func TestKickoff(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.connectAll()
		r := e.send(command(ada, team, 10, "2000-06-01 10:00 45m"))
		r.wantText(t, "scheduled", "Meeting scheduled: Kickoff: Team", "When: 1 June 2000, 10:00 CEST",
			"Invited: Grace Hopper, Alan Turing", "Not invited: 1 person whose name",
			"Google doesn't show you their email",
			"[Open in Calendar]\n[Join]")
		events := e.google.Events(ada)
		if len(events) != 1 || events[0].End.Sub(events[0].Start) != 45*time.Minute ||
			!slices.Equal(events[0].Guests, []string{grace.Email, alan.Email}) {
			t.Errorf("%+v", events)
		}
		e.google.Answer("GET /v1/"+team+"/members", `{"memberships":[{"member":{"name":"`+ada.User()+`"}}]}`)
		e.google.Answer("POST /calendar/v3/calendars/primary/events", `{"htmlLink":"https://calendar.test/1"}`)
		alone := e.send(command(ada, team, 10, ""))
		alone.wantText(t, "alone", "When: 1 January 2000, 01:15 CET\nThe event has no Meet room", "[Open in Calendar]")
		alone.wantNoText(t, "alone", "Invited", "Not invited", "[Join]")
		e.google.Answer("GET /v1/"+team+"/members", `{"memberships":[`+
			`{"state":"JOINED","groupMember":{"name":"groups/1"}},`+
			`{"state":"JOINED","groupMember":{"name":"groups/2"}}]}`)
		e.google.Answer("POST /calendar/v3/calendars/primary/events", `{"htmlLink":"https://calendar.test/1",`+
			`"conferenceData":{"createRequest":{"status":{"statusCode":"pending"}}}}`)
		r = e.send(command(ada, team, 10, ""))
		r.wantText(t, "groups", "Not invited: 2 groups. Google doesn't show their members or addresses",
			"Google is still creating the Meet room")
		for method, text := range map[string]string{
			"calendar.events.list": "Google Calendar denied", "calendar.events.insert": "Google Calendar denied",
			"chat.spaces.members.list": "Google Chat denied",
		} {
			e.google.Fail(method, 403)
			e.send(command(ada, team, 10, "")).wantText(t, method, text)
		}
	})
}

func TestKickoff_ManyNames(t *testing.T) {
	for n, more := range map[int]bool{50: false, 51: true} {
		inBubble(t, func(e *env) {
			e.connectAll()
			var list []string
			for i := range n {
				list = append(list,
					fmt.Sprintf(`{"member":{"name":"users/9%d","displayName":"N%d.","email":"n%d@example.com"}}`, i, i,
						i))
			}
			e.google.Answer("GET /v1/"+team+"/members", `{"memberships":[`+strings.Join(list, ",")+`]}`)
			r := e.send(command(ada, team, 10, ""))
			r.wantText(t, "names", "Invited: N0., N1., ", "N49.")
			if strings.Contains(r.text, " …") != more || strings.Contains(r.text, "N50.") {
				t.Errorf("%d: %s", n, r.text)
			}
		})
	}
}

func TestSpaces_Pages(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces, capability.ReadSpaces)
		var list []string
		for i := range 21 {
			list = append(list, fmt.Sprintf(`{"name":"spaces/%d","displayName":"Plan %d."}`, i, i))
		}
		body := `{"spaces":[` + strings.Join(list, ",") + `]}`
		e.google.Answer("GET /v1/spaces", body, body, body)
		pages := []reply{e.send(command(ada, team, 7, ""))}
		for pages[len(pages)-1].buttons["More"] != "" && len(pages) < 3 {
			pages = append(pages, e.send(click(ada, team, pages[len(pages)-1].buttons["More"])))
		}
		if len(pages) != 3 {
			t.Fatalf("%d pages", len(pages))
		}
		pages[0].wantText(t, "first", "Your spaces\nPlan 0.\n[Open]\nPlan 1.", "Plan 9.\n[Open]\n[More]")
		pages[1].wantText(t, "second", "Your spaces\nPlan 10.", "Plan 19.\n[Open]\n[More]")
		pages[2].wantText(t, "last", "Your spaces\nPlan 20.\n[Open]")
		pages[2].wantNoText(t, "last", "Google lists only some")
		e.google.Answer("GET /v1/spaces", `{}`)
		e.send(command(ada, team, 7, "")).wantText(t, "none", "You aren't in any named space yet")
	})
}

func TestSpaces_OnePage(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces, capability.ReadSpaces)
		for i := range 9 {
			e.send(command(ada, direct(ada), 5, fmt.Sprintf("Plan %d", i)))
			time.Sleep(time.Minute)
		}
		r := e.send(command(ada, team, 7, "")) // with Team, these are ten
		r.wantText(t, "ten", "Your spaces", "Plan 8\n[Open]\nPlan 7", "Team\n[Open]")
		r.wantNoText(t, "ten", "[More]", "Google lists only some")
		e.google.Fail("chat.spaces.list", 403)
		e.send(command(ada, team, 7, "")).wantText(t, "refused", "Google Chat denied this request")
	})
}

// Chat's requests are verified before anything else, and the reply says nothing to others.
func TestRequest_Refused(t *testing.T) {
	inBubble(t, func(e *env) {
		token := "Bearer " + e.google.ChatToken()
		c := command(ada, direct(ada), 1, "")
		for name, want := range map[string]int{"": 401, "Bearer x": 401, token: 200} {
			status, body := e.post(c, name)
			if status != want || status != http.StatusOK && len(body) > 0 {
				t.Errorf("%q: %d %s", name, status, body)
			}
		}
		if status, _ := e.post(object{"chat": object{"messagePayload": object{}}}, token); status != 401 {
			t.Errorf("the other format: %d", status)
		}
	})
}

// Events that need no reply get none.
func TestEvent_NoReply(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		closed := click(ada, team, "x", sending(nil))
		closed["dialogEventType"] = "CANCEL_DIALOG"
		for name, of := range map[string]object{
			"closed dialog": closed, "unknown": event(ada, team, "SOMETHING_NEW"),
			"removed from a space": event(ada, team, "REMOVED_FROM_SPACE"),
			"removed":              event(ada, direct(ada), "REMOVED_FROM_SPACE"),
		} {
			if diff := cmp.Diff("", e.send(of).text); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

// An event without a person has no reply: Deputy would act for nobody.
func TestEvent_WithoutPerson(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		for name, event := range map[string]object{
			"click": click(ada, team, "x"),
			"added": event(ada, team, "ADDED_TO_SPACE"),
			"command": event(ada, team, "APP_COMMAND", func(o object) {
				o["appCommandMetadata"] = object{"appCommandId": 3}
			}),
		} {
			delete(event, "user")
			if r := e.send(event); r.text != "" || r.url != "" ||
				!strings.Contains(e.log.String(), "event without a person") {
				t.Errorf("%s: %+v, %s", name, r, e.log.String())
			}
		}
		typed := command(ada, team, 3, "")
		delete(typed, "user")
		typed["message"].(object)["sender"] = object{"name": ada.User(), "type": "HUMAN"}
		e.send(typed).wantText(t, "the sender typed the message", "Your connection")
		typed["message"].(object)["sender"] = object{"name": "users/app", "type": "BOT"}
		if r := e.send(typed); r.text != "" {
			t.Errorf("a message of an app: %+v", r)
		}
	})
}

// An unknown event leaves a warning with the names of its fields, and none of their values.
func TestEvent_UnknownIsLogged(t *testing.T) {
	inBubble(t, func(e *env) {
		unknown := event(ada, team, "EVENT_OF_TOMORROW", func(o object) { o["payload"] = object{"text": "marked"} })
		if r := e.send(unknown); r.text != "" {
			t.Errorf("%+v", r)
		}
		got := e.log.String()
		if !strings.Contains(got, `level=WARN msg="unknown event"`) || !strings.Contains(got, "payload") ||
			strings.Contains(got, "marked") {
			t.Error(got)
		}
	})
}

// The command's own name, typed behind the picked command, is no argument.
func TestCommand_NameTypedAgain(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		e.send(command(ada, team, 5, " /createspace Launch plan")).
			wantText(t, "createspace", "Space created: Launch plan")
		e.send(command(ada, team, 5, "/CreateSpace")).wantText(t, "alone", "[Open the form]")
		e.send(command(ada, team, 6, "/invite grace@example.com")).wantText(t, "invite", "Added: grace@example.com")
		e.send(command(ada, team, 8, "/say hello")).wantText(t, "say", "Message posted")
		e.send(command(ada, team, 7, "/spaces")).wantText(t, "spaces", "Your spaces")
		e.send(command(ada, team, 5, "/invite")).wantText(t, "another command", "Space created: /invite")
		messages := e.spaceNamed("Team").Messages
		if text := messages[len(messages)-1].Text; text != "hello" {
			t.Errorf("posted %q", text)
		}
	})
}

// A message is posted in the syntax in which it was typed.
func TestSay_Markup(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		for syntax, want := range map[string]string{
			"MARKUP_SYNTAX_MARKDOWN": "MARKUP_SYNTAX_MARKDOWN", "MARKUP_SYNTAX_CHAT": "MARKUP_SYNTAX_CHAT",
			"": "MARKUP_SYNTAX_CHAT",
		} {
			c := command(ada, team, 8, "**bold**")
			c["message"].(object)["markupSyntax"] = syntax
			e.send(c)
			messages := e.spaceNamed("Team").Messages
			if got := messages[len(messages)-1]; got.Text != "**bold**" || got.Markup != want {
				t.Errorf("%s: %+v", syntax, got)
			}
		}
	})
}

// One person, mentioned and named by address, counts once.
func TestGroupChat_SamePersonTwice(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		c := command(ada, team, 11, "Grace@example.com", grace)
		annotation := c["message"].(object)["annotations"].([]any)[0].(object)
		annotation["userMention"].(object)["user"].(object)["email"] = "grace@Example.com"
		e.send(c).wantText(t, "group", "Enter at least two people")
		invite := command(ada, team, 6, "grace@example.com alan@example.com", grace)
		annotation = invite["message"].(object)["annotations"].([]any)[0].(object)
		annotation["userMention"].(object)["user"].(object)["email"] = "grace@example.com"
		e.send(invite).wantText(t, "invite", "Added: Grace Hopper, alan@example.com")
		if n := e.google.Count("chat.spaces.members.create"); n != 2 {
			t.Errorf("%d additions", n)
		}
	})
}
