package chatevent_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// completing adds the address at which Chat repeats a command.
func completing(e object) object {
	e["configCompleteRedirectUrl"] = "https://chat.test/complete?token=x"
	return e
}

// Chat's own prompt is possible only for a command in the direct message, and only without a reason to show.
func TestConsent_Prompt(t *testing.T) {
	inBubble(t, func(e *env) {
		prompt := e.send(completing(command(ada, direct(ada), 1, "")))
		if prompt.kind != "REQUEST_CONFIG" || !strings.HasPrefix(prompt.url, "https://deputy.test/") ||
			prompt.text != "" {
			t.Errorf("%+v", prompt)
		}
		for name, event := range map[string]object{
			"in a space":    completing(command(ada, team, 1, "")),
			"not repeated":  command(ada, direct(ada), 1, ""),
			"in a dialog":   completing(quick(ada, direct(ada), 101)),
			"another words": completing(command(ada, team, 8, "Hello")),
		} {
			r := e.send(event)
			r.wantText(t, name, "Connect your account", "Deputy needs access to your Google Account",
				"[Connect]\n[Continue]")
			if r.url != "" || r.links["Connect"] == "" {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if r := e.send(command(ada, team, 1, "")); !r.private {
			t.Error("everyone sees the card")
		}
	})
}

// Google ended the grant: the person reads why, once.
func TestConsent_Ended(t *testing.T) {
	for name, show := range map[string]func(*env) reply{
		"command": func(e *env) reply { return e.send(completing(command(ada, direct(ada), 1, ""))) },
		"status":  func(e *env) reply { return e.send(command(ada, direct(ada), 3, "")) },
	} {
		inBubble(t, func(e *env) {
			e.connect(ada, capability.CreateSpaces)
			time.Sleep(2 * time.Hour)
			e.check(e.google.SetSwitch("invalid-grant", true))
			// The operation that finds it out in another space tells the person.
			if name == "status" {
				e.save(ada, nil, func(g *vault.Grant) { g.Status, g.NeedsNotice = vault.Revoked, true })
			}
			first := show(e)
			first.wantText(t, name, "Google ended Deputy's access to your account", "[Connect]")
			second := show(e)
			second.wantNoText(t, name, "Google ended Deputy's access")
			if name == "command" && second.kind != "REQUEST_CONFIG" {
				t.Errorf("then: %+v", second)
			}
		})
	}
}

func TestConnect(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		r := e.send(command(ada, direct(ada), 1, ""))
		r.wantText(t, "connected", "You're connected", "Account: ada@example.com", "Allowed: • Create spaces",
			"Connected since: 1 January 2000, 00:00 UTC", "[Allow everything Deputy can do]\n[Disconnect]")
		r.wantNoText(t, "connected", "Access ends", "Not allowed", "Your organization requires")
	})
}

func TestStatus(t *testing.T) {
	inBubble(t, func(e *env) {
		e.send(command(ada, direct(ada), 3, "")).wantText(t, "not connected", "You're not connected",
			"[Connect]", "Systems that can act as you\nYou haven't approved any other system.",
			"in the last 30 days\nNothing",
			"What Deputy stores about you", "[Download]\n[Erase everything]")
		e.save(ada, []capability.Capability{capability.CreateSpaces}, func(g *vault.Grant) {
			g.Declined, g.ConsentSystem = capability.Scopes(capability.Meet)[2:], "Portal"
			g.RefreshUntil, g.NeedsSignIn = time.Now().Add(time.Hour), true
		})
		r := e.send(command(ada, direct(ada), 3, ""))
		r.wantText(t, "all", "Allowed: • Create spaces", "Not allowed: • Create Meet meetings",
			"Deputy asks when you first need",
			"• See your spaces", "Portal connected your account",
			"Access ends, as you chose at Google: 1 January 2000, 01:00",
			"Your organization requires you to sign in", "[Connect]\n[Disconnect]")
		r.wantNoText(t, "all", "As an administrator", "Find groups")
		e.save(ada, []capability.Capability{capability.CreateSpaces}, func(g *vault.Grant) {
			g.Declined, g.DeclinedAt = capability.Scopes(capability.Meet)[2:], time.Now()
		})
		e.send(command(ada, direct(ada), 3, "")).wantText(t, "declined lately", "[Reconnect]\n[Disconnect]")
		time.Sleep(7 * 24 * time.Hour)
		e.send(command(ada, direct(ada), 3, "")).wantText(t, "a week later",
			"[Allow everything Deputy can do]\n[Disconnect]")
	})
}

func TestStatus_Approvals(t *testing.T) {
	for n, more := range map[int]bool{15: false, 16: true} {
		inBubble(t, func(e *env) {
			e.save(ada, []capability.Capability{capability.CreateSpaces}, func(g *vault.Grant) {
				for i := range n {
					at := time.Now().Add(time.Duration(i) * time.Minute)
					g.Approve(fmt.Sprintf("c%d", i), callers.AuthorityUser, []string{callers.CreateSpaces}, at)
					g.Approve(fmt.Sprintf("c%d", i), callers.AuthorityUser, []string{callers.ReadPeople},
						at.Add(-time.Hour))
				}
			})
			r := e.send(command(ada, direct(ada), 3, ""))
			r.wantText(t, "approvals", "Systems that can act as you",
				"00:00 UTC\n[Withdraw]", "c14: ", "00:14 UTC\n[Withdraw]")
			if strings.Contains(r.text, "The download shows the rest.") != more || strings.Contains(r.text, "c15: ") {
				t.Errorf("%d approvals: %s", n, r.text)
			}
			again := e.send(click(ada, direct(ada), r.buttons["Withdraw"])) // of the last one on the card
			again.wantNoText(t, "withdrawn", "c14: ")
			if !strings.Contains(e.log.String(), "caller_id=c14") {
				t.Error("the withdrawal is not in the log")
			}
		})
	}
}

func TestStatus_Names(t *testing.T) {
	inBubble(t, func(e *env) {
		e.callers.text = "callers:\n  - {id: tickets, kind: service-account, email: t@p.iam.gserviceaccount.com, " +
			"uniqueId: \"100000000000000000001\", name: Tickets, actions: [spaces.create], people: [ada@example.com]}\n"
		e.save(ada, nil, func(g *vault.Grant) {
			g.Approve("tickets", callers.AuthorityUser, []string{"some.action"}, time.Now())
			g.Approve("removed", callers.AuthorityAdmin, []string{"some.action"}, time.Now())
		})
		status := e.send(command(ada, direct(ada), 3, ""))
		if strings.Contains(e.log.String(), "optional step failed") {
			t.Fatal(e.log.String())
		}
		status.wantText(t, "names", "Tickets: some.action, ",
			"removed: With your administrator rights, in your whole organization: some.action")
		time.Sleep(11 * time.Minute)
		e.callers.err = errors.New("lost")
		e.send(command(ada, direct(ada), 3, "")).wantText(t, "without names", "tickets: some.action")
	})
}

func TestStatus_Activities(t *testing.T) {
	for n, more := range map[int]bool{10: false, 11: true} {
		inBubble(t, func(e *env) {
			for i := range n {
				a := vault.Activity{
					Time: time.Now(), Caller: fmt.Sprint("Caller ", i), Action: "some.action",
					OutcomeUnknown: i == n-1,
				}
				e.check(e.vault.RecordActivity(t.Context(), resource.Person(ada.User()), fmt.Sprint(i), a))
				time.Sleep(time.Minute)
			}
			r := e.send(command(ada, direct(ada), 3, ""))
			r.wantText(t, "activities", fmt.Sprintf("Caller %d, 1 January 2000", n-1),
				"some.action (Google didn't respond",
				fmt.Sprintf("Caller %d, 1 January 2000", n-10))
			if strings.Contains(r.text, "The download shows the rest.") != more ||
				strings.Contains(r.text, "Caller 0,") == more {
				t.Errorf("%d activities: %s", n, r.text)
			}
		})
	}
}

func TestDisconnect(t *testing.T) {
	inBubble(t, func(e *env) {
		ask := func() reply { return e.send(command(ada, direct(ada), 2, "")) }
		ask().wantText(t, "not connected", "Disconnect?", "Deputy has no working access", "[Disconnect]")
		e.save(ada, nil, func(g *vault.Grant) {
			g.Approve("tickets", callers.AuthorityUser, []string{"some.action"}, time.Now())
		})
		asked := ask()
		asked.wantText(t, "connected", "Disconnect?", "This ends Deputy's access", "[Disconnect]")
		if !e.isConnected() {
			t.Fatal("disconnected without a confirmation")
		}
		done := e.send(click(ada, direct(ada), asked.buttons["Disconnect"]))
		done.wantText(t, "done", "You're disconnected", "Deputy's access is revoked at Google",
			"1 other system can no longer")
		again := e.send(click(ada, direct(ada), asked.buttons["Disconnect"]))
		again.wantText(t, "again", "You weren't connected")
		again.wantNoText(t, "again", "other system")
		if e.isConnected() || e.google.Count("revoke") != 1 {
			t.Error("still connected")
		}
		// If the store fails, Try again asks again.
		e.connect(ada)
		asked = ask()
		e.inject = func(c vaulttest.Call) error {
			if c.Write {
				return errors.New("lost")
			}
			return nil
		}
		failed := e.send(click(ada, direct(ada), asked.buttons["Disconnect"]))
		e.inject = func(vaulttest.Call) error { return nil }
		failed.wantText(t, "failed", "Something didn't work", "[Try again]")
		e.send(click(ada, direct(ada), failed.buttons["Try again"])).wantText(t, "again", "Disconnect?", "[Disconnect]")
	})
}

func TestErase(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada)
		e.check(e.vault.RecordActivity(t.Context(), resource.Person(ada.User()), "1", vault.Activity{
			Time: time.Now(), Caller: "Tickets", Action: "some.action",
		}))
		status := e.send(command(ada, direct(ada), 3, ""))
		asked := e.send(click(ada, direct(ada), status.buttons["Erase everything"]))
		asked.wantText(t, "asked", "Erase everything?", "[Erase everything]")
		if !e.isConnected() {
			t.Fatal("erased without a confirmation")
		}
		e.send(click(ada, direct(ada), asked.buttons["Erase everything"])).wantText(t, "erased", "Erased")
		all, err := e.vault.Activities(t.Context(), resource.Person(ada.User()), 1)
		if e.isConnected() || err != nil || len(all) != 0 {
			t.Errorf("left: %v, %v", all, err)
		}
	})
}

func TestHome(t *testing.T) {
	inBubble(t, func(e *env) {
		out := e.send(homeEvent())
		out.wantText(t, "not connected", "Deputy\nDeputy acts in Google Chat as you.", "[Connect]\n[Continue]",
			"/createspace")
		e.save(ada, nil, func(g *vault.Grant) { g.NeedsSignIn = true })
		e.send(homeEvent()).wantText(t, "sign-in", "Your organization requires you to sign in", "[Connect]\n[Continue]")
		e.connect(ada, capability.CreateSpaces)
		e.send(homeClick(out.buttons["Continue"])).wantText(t, "connected", "Connected as: ada@example.com",
			"[Create a space]\n[Your connection]\n[Refresh]", "Your newest spaces",
			"allow Deputy to see them.\n[Allow]")
	})
}

func TestHome_Recent(t *testing.T) {
	for n, want := range map[int]string{
		0: "You aren't in any named space yet.", 1: "Your newest spaces\nPlan 0.\n[Open]\nWhat Deputy can do",
		5: "Plan 4.\n[Open]\nWhat Deputy can do", 6: "Plan 4.\n[Open]\nWhat Deputy can do",
	} {
		inBubble(t, func(e *env) {
			e.connect(ada, capability.CreateSpaces, capability.ReadSpaces)
			var list []string
			for i := range n {
				list = append(list, fmt.Sprintf(`{"name":"spaces/%d","displayName":"Plan %d."}`, i, i))
			}
			e.google.Answer("GET /v1/spaces", `{"spaces":[`+strings.Join(list, ",")+`]}`)
			e.send(homeEvent()).wantText(t, fmt.Sprint(n), want)
		})
	}
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces, capability.ReadSpaces)
		e.google.Fail("chat.spaces.list", 403)
		e.send(homeEvent()).wantText(t, "refused", "Connected as", "Deputy can't show your spaces right now",
			"/createspace")
		time.Sleep(2 * time.Hour)
		e.check(e.google.SetSwitch("reauth", true))
		e.send(homeEvent()).wantText(t, "sign-in needed", "Connect your account",
			"Your organization requires you to sign in")
	})
}

func TestHelpAndWelcome(t *testing.T) {
	for name, c := range map[string]struct {
		event object
		want  string
	}{
		"help": {
			command(ada, direct(ada), 4, ""),
			"What Deputy can do\n/connect: Let Deputy act as you\n/disconnect: ",
		},
		"any message": {event(ada, direct(ada), "MESSAGE"), "What Deputy can do\n/connect: "},
		"added": {
			event(ada, direct(ada), "ADDED_TO_SPACE"),
			"Welcome to Deputy\nDeputy acts in Google Chat as you.",
		},
		"added to space": {event(ada, team, "ADDED_TO_SPACE"), "Welcome to Deputy\nDeputy acts in Google Chat as you."},
	} {
		inBubble(t, func(e *env) {
			r := e.send(c.event)
			if r.wantText(t, name, c.want); r.links["Connect"] == "" {
				t.Errorf("%s: no way to connect: %s", name, r.text)
			}
			e.connect(ada)
			r = e.send(c.event)
			if r.wantText(t, name, c.want); r.links["Connect"] != "" {
				t.Errorf("%s, connected: %s", name, r.text)
			}
			e.inject = func(vaulttest.Call) error { return errors.New("lost") }
			if r = e.send(c.event); r.links["Connect"] != "" {
				t.Errorf("%s, without the store: %s", name, r.text)
			}
			r.wantText(t, name, c.want)
		})
	}
}

// Whether a person has removed the app's direct message is recorded, because the grant then ends sooner.
func TestRemoved(t *testing.T) {
	inBubble(t, func(e *env) {
		removed := func() bool {
			g, err := e.vault.Grant(t.Context(), resource.Person(ada.User()))
			e.check(err)
			return !g.RemovedAt.IsZero()
		}
		e.connect(ada)
		for _, c := range []struct {
			space, kind string
			want        bool
		}{
			{team, "REMOVED_FROM_SPACE", false},
			{direct(ada), "REMOVED_FROM_SPACE", true},
			{team, "ADDED_TO_SPACE", true},
			{direct(ada), "ADDED_TO_SPACE", false},
		} {
			if e.send(event(ada, c.space, c.kind)); removed() != c.want {
				t.Errorf("%s %s: recorded %v", c.kind, c.space, removed())
			}
		}
		if diff := cmp.Diff("", e.send(event(ada, direct(ada), "REMOVED_FROM_SPACE")).kind); diff != "" {
			t.Error(diff)
		}
	})
}
