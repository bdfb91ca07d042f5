package operations_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

var storeDown = fault.New(fault.Unavailable, fault.NoText)

// expire makes Deputy ask Google for Ada's next access token.
func expire(w *world) { w.ChangeGrant(ada, func(g *vault.Grant) { g.AccessExpiry = time.Now() }) }

func TestActor_Refused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, *operations.Call)
		want   fault.Kind
		text   string // part of what the caller reads
	}{
		"no address": {
			func(_ *world, c *operations.Call) { c.Person = "a b@example.com" }, fault.Invalid, "actAs must be",
		},
		"action not in the file": {
			func(_ *world, c *operations.Call) { c.Caller.Actions = without(callers.Actions(), "messages.create") },
			fault.Denied, "isn't allowed",
		},
		"authority not in the file": {
			func(_ *world, c *operations.Call) { c.Caller.Authorities = nil }, fault.Denied, "isn't allowed",
		},
		"another organization": {
			func(_ *world, c *operations.Call) { c.Person = "kim@partner.example" }, fault.Denied, "isn't allowed",
		},
		"another organization, by ID": {
			func(_ *world, c *operations.Call) {
				c.Person, c.Caller.Domains = resource.Named(ada.User()), []string{"partner.example"}
			}, fault.Denied, "isn't allowed",
		},
		"never connected": {
			func(_ *world, c *operations.Call) { c.Person = "grace@example.com" },
			fault.NeedsApproval, "hasn't approved",
		},
		"suspended": {
			func(w *world, _ *operations.Call) {
				w.ChangeGrant(ada, func(g *vault.Grant) { g.Status = vault.Suspended })
			}, fault.NeedsApproval, "hasn't approved",
		},
		"other actions approved": {
			func(w *world, _ *operations.Call) {
				w.ChangeGrant(ada, func(g *vault.Grant) { g.Approvals = nil })
				w.Approve(ada, callers.AuthorityUser, without(callers.Actions(), callers.CreateMessages)...)
				w.Approve(ada, callers.AuthorityAdmin, callers.CreateMessages)
			}, fault.NeedsApproval, "hasn't approved",
		},
		"address passed on": {
			func(w *world, _ *operations.Call) { w.Google.ChangeEmail(ada, "countess@example.com"); expire(w) },
			fault.NeedsApproval, "hasn't approved",
		},
		"Google can't confirm the address": {
			func(w *world, _ *operations.Call) { expire(w); fail(w, "token", 503) }, fault.Unavailable, "",
		},
		"store down": {
			func(w *world, _ *operations.Call) { failReads(w) }, fault.Unavailable, "",
		},
		"no message as an administrator": {
			func(_ *world, c *operations.Call) { c.Authority = callers.AuthorityAdmin }, fault.Invalid, "",
		},
		"delegation by ID": {
			func(_ *world, c *operations.Call) {
				c.Authority, c.Person, c.Caller.People = callers.AuthorityDelegation, resource.Named(ada.User()),
					[]string{ada.User()}
			}, fault.Invalid, "must be the person's primary email address",
		},
		"delegation without a record of the person": {
			func(w *world, c *operations.Call) {
				c.Authority = callers.AuthorityDelegation
				failReads(w)
			}, fault.Unavailable, "",
		},
		"delegation not set up": {
			func(w *world, c *operations.Call) {
				c.Authority, w.Deps.Delegated = callers.AuthorityDelegation, nil
				w.Operations = operations.New(w.Deps)
			}, fault.Denied, "isn't set up",
		},
		"delegation to another organization": {
			func(_ *world, c *operations.Call) {
				c.Authority, c.Person = callers.AuthorityDelegation, "kim@partner.example"
			}, fault.Denied, "isn't allowed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				asked := call("a-key")
				c.change(w, &asked)
				_, err := w.CreateMessage(t.Context(), asked, spaces.Message{Space: team, Text: "Hello"})
				wantKind(t, "the call", err, c.want)
				if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, c.text) {
					t.Errorf("the caller reads %q", text)
				}
				if _, invited := invitationOf(err); invited != (c.want == fault.NeedsApproval) {
					t.Errorf("an invitation: %v", invited)
				}
				if said := messages(w, team); said != nil || w.Google.Count("chat.spaces.messages.create") != 0 {
					t.Errorf("posted %q", said)
				}
				lines := w.Lines("audit")
				if len(lines) != 1 || !strings.HasSuffix(lines[0], "outcome="+c.want.String()) {
					t.Errorf("audit: %q", lines)
				}
			})
		})
	}
}

// The answer about a person who has not approved is the same whether or not they are connected.
func TestActor_RevealsNoConnection(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Connect(ada, capability.All()...)
		ask := func(person resource.Named) operations.InvitationError {
			c := call("a-key")
			c.Person = person
			_, err := w.CreateMeeting(t.Context(), c, spaces.Message{Space: team}, i18n.In("en"))
			invitation, ok := invitationOf(err)
			if !ok || !strings.HasSuffix(err.Error(), "consent needed for PostMessages, Meet") {
				t.Fatalf("%s: %v", person, err)
			}
			return invitation
		}
		connected, unknown := ask("ada@example.com"), ask("grace@example.com")
		if diff := cmp.Diff(connected.Needs, unknown.Needs); diff != "" {
			t.Error(diff)
		}
		if a, b := len(connected.Link.Reveal()), len(unknown.Link.Reveal()); a != b {
			t.Errorf("the links have %d and %d characters", a, b)
		}
	})
}

func TestActor_ByID(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := call("a-key")
		c.Person = resource.Named(ada.User())
		_, err := w.CreateMessage(t.Context(), c, spaces.Message{Space: team, Text: "Hello"})
		check(t, err)
		c.Caller.Domains, c.Caller.People, c.Key = nil, []string{ada.User()}, "b-key"
		_, err = w.CreateMessage(t.Context(), c, spaces.Message{Space: team, Text: "Again"})
		check(t, err)
		if diff := cmp.Diff([]string{"Hello", "Again"}, messages(w, team)); diff != "" {
			t.Error(diff)
		}
	})
}

// An approval that is withdrawn in another instance ends at once.
func TestActor_NewestGrant(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		_, err := w.GetSpace(t.Context(), call(""), team)
		check(t, err)
		w.ChangeGrant(ada, func(g *vault.Grant) { g.Approvals = nil }) // in another instance
		_, err = w.GetSpace(t.Context(), call(""), team)
		wantKind(t, "after the person withdrew", err, fault.NeedsApproval)
	})
}

func TestActor_MissingCapability(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Connect(ada, without(without(capability.All(), capability.PostMessages), capability.EditMessages)...)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		_, err := w.CreateMessage(t.Context(), call("a-key"), hello)
		wantKind(t, "a caller", err, fault.NeedsConsent)
		want := []capability.Capability{capability.PostMessages}
		if i, ok := invitationOf(err); !ok || cmp.Diff(want, i.Needs.Missing) != "" ||
			!strings.Contains(fault.Public(i18n.In("en"), err, ""), "Send them the invitation") {
			t.Errorf("%v", err)
		}
		_, err = w.CreateMessage(t.Context(), operations.Self(resource.Person(ada.User()), "m1"), hello)
		wantKind(t, "the person", err, fault.NeedsConsent)
		if _, ok := invitationOf(err); ok {
			t.Error("a person in Chat gets the invitation of a caller")
		}
		w.Connect(ada, capability.All()...)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		if _, err := w.CreateMessage(t.Context(), call("a-key"), hello); err != nil {
			t.Errorf("the same request after the consent: %v", err)
		}
	})
}

func TestDelegation(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := call("a-key")
		c.Authority, c.Person = callers.AuthorityDelegation, "Grace@Example.com"
		posted, err := w.CreateMessage(t.Context(), c, hello) // she never connected
		check(t, err)
		c.Person = "ada@example.com"
		c.Key = "b-key"
		_, err = w.CreateMessage(t.Context(), c, hello)
		check(t, err)
		var people []string
		for _, made := range w.Google.Calls() {
			if made.Method == "chat.spaces.messages.create" {
				people = append(people, made.Person)
			}
		}
		if diff := cmp.Diff([]string{grace.User(), ada.User()}, people); diff != "" {
			t.Error(diff)
		}
		lines := w.Lines("audit")
		if len(lines) != 4 {
			t.Fatalf("%q", lines)
		}
		for i, want := range []string{`resource="" `, "resource=" + posted.Name + " "} {
			outcome := [...]string{"outcome=begun", "outcome=ok"}[i]
			if !strings.Contains(lines[i], "authority=delegation caller_id=ci person=users/grace@example.com "+
				"target=spaces/AAAAteam "+want) || !strings.HasSuffix(lines[i], outcome) {
				t.Errorf("line %d: %s", i, lines[i])
			}
		}
		if got := w.Activities(ada); len(got) != 1 || got[0].Authority != callers.AuthorityDelegation {
			t.Errorf("her /status: %v", got)
		}
		if got := w.Activities(grace); len(got) != 0 {
			t.Errorf("/status of a person who never connected: %v", got)
		}
	})
}

// The placeholder {{person}} and the likely reason for a left-out member know the person's domain from the address.
func TestDelegation_Home(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.CallersYAML = "templates:\n- {name: T, displayName: 'Of {{person}}'}\n"
		c := call("a-key")
		c.Authority, c.Person = callers.AuthorityDelegation, "Grace@example.com"
		made, err := w.CreateSpace(t.Context(), c, operations.NewSpace{
			Template: "T", Request: spaces.Request{Members: users("kim@partner.example")},
		})
		check(t, err)
		if made.DisplayName != "Of grace@example.com" || len(made.Members) != 1 ||
			!strings.Contains(made.Members[0].Detail, "outside") {
			t.Errorf("%+v", made)
		}
	})
}

func TestAdministrator(t *testing.T) {
	for name, c := range map[string]struct {
		administrators []string
		delegated      bool
	}{
		"own grant": {nil, false}, "listed": {[]string{"alan@example.com"}, true},
		"another listed": {[]string{"ada@example.com"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				asked := call("")
				asked.Authority, asked.Person = callers.AuthorityAdmin, "Alan@example.com"
				asked.Caller.Administrators = c.administrators
				secret := w.Google.CreateSpace("Secret", ada)
				found, err := w.GetSpace(t.Context(), asked, resource.SpaceName(secret.Name()))
				if err != nil || found.DisplayName != "Secret" {
					t.Fatalf("%v, %v", found, err)
				}
				signed := w.Google.Count("iamcredentials.projects.serviceAccounts.signJwt") > 0
				if signed != c.delegated || len(w.Lines("audit")) != 2 {
					t.Errorf("by delegation: %v\n%s", signed, w.Log())
				}
				w.ChangeGrant(alan, func(g *vault.Grant) { g.Approvals = nil })
				_, err = w.GetSpace(t.Context(), asked, resource.SpaceName(secret.Name()))
				if approved := err == nil; approved != c.delegated {
					t.Errorf("without the administrator's approval: %v", err)
				}
				asked.Authority = callers.AuthorityUser
				_, err = w.GetSpace(t.Context(), asked, team)
				wantKind(t, "with the authority user", err, fault.NeedsApproval)
			})
		})
	}
}

// An error of the consent names what the operation needs as an administrator.
func TestAdministrator_NeedsItsOwnConsent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Connect(alan, capability.ReadSpaces)
		asked := call("")
		asked.Authority, asked.Person = callers.AuthorityAdmin, "alan@example.com"
		_, err := w.GetSpace(t.Context(), asked, team)
		i, ok := invitationOf(err)
		want := []capability.Capability{capability.AdminSpaces, capability.AdminMembers} // members.read usually follows
		if !ok || cmp.Diff(want, i.Needs.Missing) != "" {
			t.Errorf("%v", err)
		}
	})
}

func TestSelf_NeedsNoApproval(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Connect(ada, capability.All()...) // has approved nobody
		self := operations.Self(resource.Person(ada.User()), "m1")
		for range 2 {
			made, err := w.CreateSpace(t.Context(), self, newSpace("Plan"))
			if err != nil || made.Name != "spaces/AAAA0005" {
				t.Fatalf("%v, %v", made, err)
			}
		}
		lines := w.Lines("audit")
		if strings.Contains(strings.Join(lines, ""), "caller_id") || len(lines) != 2 || len(w.Activities(ada)) != 0 {
			t.Errorf("%q, %v", lines, w.Activities(ada))
		}
		if left, err := w.Docs.List(t.Context(), "operations", "", 9); err != nil || len(left) != 0 {
			t.Errorf("records of what Google itself does once: %v, %v", left, err)
		}
		_, err := w.GetSpace(t.Context(), self, "spaces/none")
		wantKind(t, "no such space", err, fault.NotFound)
	})
}
