package chatevent_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/vault"
)

// createAll is a form with all that can fail after the space is created.
var createAll = fields{
	"name": {"Plan"}, "people": {grace.User()}, "history": {"HISTORY_OFF"}, "first": {"Hello"}, "app": {"on"},
}

func TestCreated_FailedSteps(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.connectAll()
		e.google.Fail("chat.spaces.patch", 403)
		e.google.Fail("chat.spaces.members.create", 500, 500, 500, 500)
		r := e.submit(e.openForm(), "Create", createAll)
		r.wantText(t, "failed", "Space created, but some steps failed: Plan", "Added: Grace Hopper",
			"History wasn't set: Google Chat denied this request",
			"Deputy wasn't added: Google Chat has a temporary problem",
			"[Open]\n[Rename]\n[Delete]\n[Try again]")
		r.wantNoText(t, "failed", "The first message wasn't posted", "[Allow]", "Not added")
		again := e.send(click(ada, team, r.buttons["Try again"]))
		again.wantText(t, "again", "Space created: Plan\nAdded: Grace Hopper\n[Open]")
		again.wantNoText(t, "again", "[Try again]")
		got := e.spaceNamed("Plan")
		if again.links["Open"] != "https://mail.google.com/chat/u/0/#chat/space/"+got.ID ||
			got.History != "HISTORY_OFF" || !got.App || e.google.Count("chat.spaces.setup") != 1 ||
			e.google.Count("chat.spaces.messages.create") != 1 {
			t.Errorf("%v, %+v", again.links, got)
		}
	})
}

// Steps that the person declined can be allowed later.
func TestCreated_DeclinedSteps(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		declined := []capability.Capability{capability.ReadMembers, capability.EditSpaces, capability.AddTheApp}
		e.save(ada, []capability.Capability{capability.CreateSpaces, capability.PostMessages}, func(g *vault.Grant) {
			g.Declined = capability.Scopes(declined...)[2:]
		})
		r := e.submit(e.openForm(), "Create", createAll)
		r.wantText(t, "declined", "Space created, but some steps failed: Plan",
			"You haven't allowed Deputy to see members",
			"History wasn't set: You haven't allowed this yet", "Deputy wasn't added: You haven't allowed this yet",
			"[Allow]\n[Try again]")
		r.wantNoText(t, "declined", "The first message wasn't posted",
			"couldn't check who was added. Check the members")
		e.connectAll()
		time.Sleep(2 * time.Minute) // the old grant is no longer cached
		again := e.send(click(ada, team, r.buttons["Try again"]))
		again.wantText(t, "allowed", "Space created: Plan\nAdded: Grace Hopper\n[Open]")
	})
}

func TestCreated_Unchecked(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		e.google.Fail("chat.spaces.members.list", 503, 503, 503, 503)
		e.google.Fail("chat.spaces.members.list", 503, 503, 503, 503) // small pages, too
		r := e.send(command(ada, team, 5, "Plan", grace))
		r.wantText(t, "unchecked", "Space created, but some steps failed: Plan",
			"Not known if added: Grace Hopper\nGoogle Chat", "[Delete]\n[Try again]")
		again := e.send(click(ada, team, r.buttons["Try again"]))
		again.wantText(t, "again", "Space created: Plan\nAdded: Grace Hopper\n[Open]")
		e.google.Fail("chat.spaces.members.list", 503, 503, 503, 503)
		e.google.Fail("chat.spaces.members.list", 503, 503, 503, 503) // small pages, too
		group := e.send(command(ada, team, 11, "", grace, alan))
		group.wantText(t, "group", "Group conversation\nNot known if added: Grace Hopper, Alan Turing\nGoogle Chat",
			"[Open]")
	})
}

// The retry knows what the space allows, and the card offers to allow what the check needs.
func TestCreated_RetryOfCheck(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.connectAll()
		e.google.Fail("chat.spaces.members.list", 503, 503, 503, 503)
		e.google.Fail("chat.spaces.members.list", 503, 503, 503, 503) // small pages, too
		values := fields{"name": {"Plan"}, "others": {"x@partner.example"}, "external": {"on"}}
		r := e.submit(e.openForm(), "Create", values)
		again := e.send(click(ada, team, r.buttons["Try again"]))
		again.wantText(t, "again", "Not added: x@partner.example\nThey are outside your organization, and")
		e.save(ada, []capability.Capability{capability.CreateSpaces}, func(g *vault.Grant) {
			g.Declined = capability.Scopes(capability.ReadMembers)[2:]
		})
		time.Sleep(2 * time.Minute) // the old grant is no longer cached
		r = e.send(command(ada, team, 5, "Other", grace))
		r.wantText(t, "declined", "You haven't allowed Deputy to see members", "[Allow]\n[Try again]")
	})
}

// The card gives the likely reason why Google left people out, which depends on the space and the person's domain.
func TestCreated_LeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		external []string // the form's switch
		others   string
		email    string // of Ada's account
		want     []string
	}{
		"outside": {
			nil, kim.Email, ada.Email,
			[]string{"Not added: kim@partner.example\nThey seem to be outside"},
		},
		"outside, allowed": {
			[]string{"on"},
			"x@partner.example", ada.Email,
			[]string{"They are outside your organization, and"},
		},
		"unknown home": {nil, kim.Email, "", []string{"Not added: kim@partner.example\nGoogle doesn't say why"}},
		"a group": {
			nil, "groups/none", ada.Email,
			[]string{"Not added: groups/none\nGoogle didn't add this group"},
		},
		"inside": {
			nil, "no@example.com", ada.Email,
			[]string{"Not added: no@example.com\nGoogle doesn't say why"},
		},
		"several": {
			nil, "x@partner.example no@example.com y@partner.example", ada.Email,
			[]string{
				"Not added: x@partner.example, y@partner.example\nThey seem",
				"Not added: no@example.com\nGoogle doesn't",
			},
		},
	} {
		inFriendlyBubble(t, func(e *env) {
			needed := []capability.Capability{capability.CreateSpaces, capability.ReadMembers}
			e.save(ada, needed, func(g *vault.Grant) { g.Email = config.NewSecret(c.email) })
			values := fields{"name": {"Plan"}, "others": {c.others}, "external": c.external}
			r := e.submit(e.openForm(), "Create", values)
			if strings.Contains(r.text, "Outside example.com") { // first, Deputy says it
				r = e.submit(r, "Create", values)
			}
			r.wantText(t, name, append([]string{"Space created, but some steps failed"}, c.want...)...)
			r.wantNoText(t, name, "[Try again]")
		})
	}
	inFriendlyBubble(t, func(e *env) {
		e.connectAll()
		e.google.BlockPeople(grace)
		r := e.send(command(ada, team, 11, "", grace, alan))
		r.wantText(t, "group",
			"some people weren't added\nAdded: Alan Turing\nNot added: Grace Hopper\nGoogle doesn't say why")
	})
}

// People whom neither the request nor Google names are counted.
func TestCreated_UnknownNames(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.connectAll()
		people := []string{"users/8", "users/9", grace.User()}
		r := e.submit(e.openForm(), "Create", fields{"name": {"Plan"}, "people": people})
		r.wantText(t, "names", "Added: Grace Hopper\nNot added: 2 people whose names aren't available\n")
		one := e.submit(e.openForm(), "Create", fields{"name": {"Other"}, "people": people[1:]})
		one.wantText(t, "one", "Not added: 1 person whose name isn't available\n")
	})
}

// The function runs 200 requests at once. One more is told so, and a form keeps its values.
func TestBusy(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		form := e.openForm()
		continued := e.send(command(grace, team, 8, "Hello")).buttons["Continue"]
		e.check(e.google.SetSwitch("slow", true))
		var running sync.WaitGroup
		hold := func(n int) {
			for range n {
				event := command(ada, direct(ada), 9, "")
				running.Go(func() { e.send(event).wantText(t, "held", "Meeting created") })
			}
			synctest.Wait() // each waits for Google
		}
		hold(199)
		// A click that runs a command takes one place.
		e.send(click(grace, team, continued)).wantText(t, "the last place", "Connect your account")
		hold(1)
		for name, event := range map[string]object{
			"command": command(ada, team, 8, "Hello"), "click": click(grace, team, continued), "home": homeEvent(),
		} {
			e.send(event).wantText(t, name, "Something didn't work", "Deputy is busy", "[Try again]")
		}
		r := e.submit(form, "Create", fields{"name": {"Plan"}, "description": {"kept"}})
		r.wantText(t, "form", "⚠️ Deputy is busy", "<name>")
		if r.fields.First("name") != "Plan" || r.fields.First("description") != "kept" {
			t.Errorf("the form has %v", r.fields)
		}
		running.Wait()
		e.check(e.google.SetSwitch("slow", false))
		e.submit(form, "Create", fields{"name": {"Plan"}}).wantText(t, "later", "Space created: Plan")
	})
}

// Whatever fails in the store, the person gets a card that Chat accepts.
func TestStoreFails(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		status := e.send(command(ada, direct(ada), 3, ""))
		form := e.openForm()
		for name, event := range map[string]object{
			"connect": command(ada, direct(ada), 1, ""), "disconnect": command(ada, direct(ada), 2, ""),
			"status": command(ada, direct(ada), 3, ""), "home": homeEvent(),
			"erase": click(ada, direct(ada), status.buttons["Erase everything"]),
			"form":  click(ada, team, form.buttons["Create"], sending(fields{"name": {"Plan"}})),
		} {
			for n := 1; ; n++ { // the call that fails
				calls := 0
				e.inject = func(c vaulttest.Call) error {
					if !c.Applied {
						calls++
					}
					if !c.Applied && calls == n {
						return errors.New("lost")
					}
					return nil
				}
				r := e.send(event)
				if calls < n {
					break
				}
				if r.text == "" {
					t.Errorf("%s, call %d: %+v", name, n, r)
				}
			}
			e.inject = func(vaulttest.Call) error { return nil }
		}
	})
}

// The largest cards fit Chat's limits: send checks them.
func TestCards_Fit(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.save(ada, capability.All(), func(g *vault.Grant) {
			for i := range 40 {
				g.Approve(fmt.Sprintf("caller-%d", i), "user", []string{"some.action"}, time.Now())
			}
		})
		e.callers.text = templates
		e.send(command(ada, direct(ada), 3, "")).wantText(t, "status", "The download shows the rest.")
		r := e.submit(e.openForm(), "Create", fields{"name": {"Plan"}, "others": {crowd(49)}, "first": {"Hello"}})
		r.wantText(t, "created", "Space created: Plan", "member-49@example.com")
		e.google.Answer("POST /v1/"+team+"/members", `{"state":"JOINED"}`)
		e.google.Fail("chat.spaces.members.create", slices.Repeat([]int{403}, 48)...)
		failed := e.send(command(ada, team, 6, crowd(49)))
		failed.wantText(t, "invite", "Added: member-1@example.com\nNot added: member-2@example.com",
			"member-49@example.com")
	})
}
