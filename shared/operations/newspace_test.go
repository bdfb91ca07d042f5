package operations_test

import (
	"context"
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

const templates = `
templates:
- name: Incident
  displayName: "INC-{{seq}} {{title}} {{date}}"
  description: "Of {{person}}"
  guidelines: Facts first
  members: [grace@example.com, groups/02oncall]
  access: DISCOVERABLE
  kind: ANNOUNCEMENTS
  externalUserAllowed: true
  history: HISTORY_OFF
  firstMessage: "Hello {{title}}"
  addTheApp: true
- {name: Plain}
- {name: Long, displayName: "{{title}}{{title}}"}
`

// made is a space as a template and a request make it.
type made struct {
	Name, Description, Guidelines, History, First string
	Discoverable, Announcements, External, App    bool
	Members, Groups                               []string
}

func spaceAt(w *world, name resource.SpaceName) made {
	for _, s := range w.Google.SpacesOf(ada) {
		if s.Name() != string(name) {
			continue
		}
		out := made{
			Name: s.DisplayName, Description: s.Description, Guidelines: s.Guidelines, History: s.History,
			Discoverable: s.Discoverable, Announcements: s.AnnouncementOnly, External: s.ExternalAllowed, App: s.App,
			Groups: s.Groups, First: strings.Join(messages(w, name), "|"),
		}
		for _, m := range s.Members[1:] {
			out.Members = append(out.Members, m.Person.Email)
		}
		return out
	}
	return made{}
}

func TestTemplate_Merge(t *testing.T) {
	t.Parallel()
	whole := made{
		Name: "INC-1 Mail 2000-01-01", Description: "Of ada@example.com", Guidelines: "Facts first",
		History: "HISTORY_OFF", First: "Hello Mail", Discoverable: true, Announcements: true, External: true, App: true,
		Members: []string{"grace@example.com"}, Groups: []string{"groups/02oncall"},
	}
	with := func(change func(*made)) made { m := whole; change(&m); return m }
	for name, c := range map[string]struct {
		in   operations.NewSpace
		want made
	}{
		"template alone": {
			operations.NewSpace{Template: "Incident", Request: spaces.Request{DisplayName: " Mail "}}, whole,
		},
		"fields of the request": {
			operations.NewSpace{Template: "Incident", Request: spaces.Request{
				DisplayName: "Mail", Description: "d {{title}}", Guidelines: "g", External: new(false),
				Members: users("alan@example.com", "grace@example.com"),
				Rest:    spaces.FollowUp{History: spaces.HistoryOn, FirstMessage: "f {{seq}}"},
			}}, with(func(m *made) {
				m.Description, m.Guidelines, m.External, m.History, m.First = "d Mail", "g", false, "HISTORY_ON", "f 1"
				m.Members = []string{"alan@example.com", "grace@example.com"}
			}),
		},
		"ignored fields": {
			operations.NewSpace{
				Template: "Incident", Request: spaces.Request{DisplayName: "Mail"},
				IgnoreFields: []operations.Field{
					operations.Description, operations.Guidelines, operations.Discoverable,
					operations.Announcements, operations.AddTheApp, operations.FirstMessage,
				},
			}, with(func(m *made) {
				m.Description, m.Guidelines, m.First = "", "", ""
				m.Discoverable, m.Announcements, m.App = false, false, false
			}),
		},
		"template without content": {
			operations.NewSpace{Template: "Plain", Request: spaces.Request{
				DisplayName: "{{title}}", Discoverable: true, Announcements: true,
				Rest: spaces.FollowUp{AddTheApp: true},
			}}, made{Name: "{{title}}", Discoverable: true, Announcements: true, App: true, History: "HISTORY_ON"},
		},
		"no template": {
			operations.NewSpace{Request: spaces.Request{DisplayName: "{{seq}}"}},
			made{Name: "{{seq}}", History: "HISTORY_ON"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.CallersYAML = templates
				got, err := w.CreateSpace(t.Context(), call("a-key"), c.in)
				check(t, err)
				if diff := cmp.Diff(c.want, spaceAt(w, got.Name)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestNewSpace_Refused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   operations.NewSpace
		text string // part of what the caller reads; empty if the request is valid
	}{
		"no name":              {newSpace(""), "name"},
		"blank name":           {newSpace(" \t"), "name"},
		"no name and no title": {operations.NewSpace{Template: "Plain"}, "name"},
		"long name":            {newSpace(strings.Repeat("x", 129)), "129"},
		"longest name":         {newSpace(strings.Repeat("x", 128)), ""},
		"unknown template":     {operations.NewSpace{Template: "None"}, "no template has this name"},
		"filled-in name too long": {
			operations.NewSpace{Template: "Long", Request: spaces.Request{DisplayName: strings.Repeat("x", 65)}}, "130",
		},
		"longest filled-in name": {
			operations.NewSpace{Template: "Long", Request: spaces.Request{DisplayName: strings.Repeat("x", 64)}}, "",
		},
		"title too long by itself": {
			operations.NewSpace{Template: "Incident", Request: spaces.Request{DisplayName: strings.Repeat("x", 129)}},
			"129",
		},
		"long first message": {
			operations.NewSpace{Request: spaces.Request{
				DisplayName: "Plan", Rest: spaces.FollowUp{FirstMessage: strings.Repeat("ä", 4001)},
			}}, "firstMessage has more than 4000 characters",
		},
		"longest first message": {
			operations.NewSpace{Request: spaces.Request{
				DisplayName: "Plan", Rest: spaces.FollowUp{FirstMessage: strings.Repeat("ä", 4000)},
			}}, "",
		},
		"unknown group": {
			operations.NewSpace{Request: spaces.Request{
				DisplayName: "Plan", Members: users("groups/none@example.com"),
			}}, "none@example.com",
		},
		"too many members": {
			operations.NewSpace{Request: spaces.Request{DisplayName: "Plan", Members: named(501)}}, "501",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.CallersYAML = templates
				_, err := w.CreateSpace(t.Context(), call("a-key"), c.in)
				if c.text == "" {
					check(t, err)
					return
				}
				wantKind(t, "the request", err, fault.Invalid)
				if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, c.text) {
					t.Errorf("the caller reads %q", text)
				}
				if w.Google.Count("chat.spaces.setup") != 0 {
					t.Error("a space was created")
				}
			})
		})
	}
}

// A setup takes 49 members; the others are added one by one. Each is requested once.
func TestNewSpace_SplitsMembers(t *testing.T) {
	t.Parallel()
	for n, added := range map[int]int{49: 0, 50: 1} {
		inMembers := named(n)
		t.Run("", func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				in := operations.NewSpace{Request: spaces.Request{
					DisplayName: "Plan", Members: append(inMembers[:n-1:n-1], inMembers[0]), More: inMembers[n-1:],
				}}
				got, err := w.CreateSpace(t.Context(), call("a-key"), in)
				check(t, err)
				if len(got.Members) != n || got.Members[n-1].State != operations.StateJoined {
					t.Errorf("%d members, the last %+v", len(got.Members), got.Members[len(got.Members)-1])
				}
				if calls := w.Google.Count("chat.spaces.members.create"); calls != added {
					t.Errorf("%d were added one by one", calls)
				}
			})
		})
	}
}

// A group that is named by its address needs the person's consent to look it up, and gets its own result.
func TestNewSpace_GroupAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const oncall = "groups/oncall@example.com"
		in := operations.NewSpace{Request: spaces.Request{
			DisplayName: "Plan", Members: append(users(oncall), named(49)...),
		}}
		w.Google.Fail("chat.spaces.setup", 503, 503, 503, 503)
		_, err := w.CreateSpace(t.Context(), call("a-key"), in)
		wantKind(t, "no answer", err, fault.Unavailable)
		w.Google.Fail("cloudidentity.groups.lookup", 403) // the retry uses what it found before
		got, err := w.CreateSpace(t.Context(), call("a-key"), in)
		check(t, err)
		if len(got.Members) != 50 || got.Members[0].Member != oncall || got.Members[0].State != operations.StateJoined {
			t.Errorf("%+v", got.Members)
		}
		if diff := cmp.Diff([]string{"groups/02oncall"}, spaceAt(w, got.Name).Groups); diff != "" {
			t.Error(diff)
		}
		w.Connect(ada, without(capability.All(), capability.ResolveGroups)...)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		in.Request.Members = append(named(49), users(oncall)...) // among those added one by one
		_, err = w.CreateSpace(t.Context(), call("b-key"), in)
		i, ok := invitationOf(err)
		if !ok || cmp.Diff([]capability.Capability{capability.ResolveGroups}, i.Needs.Missing) != "" {
			t.Errorf("%v", err)
		}
	})
}

// The numbers of a template are its own: of the operator's, all callers use one.
func TestTemplate_Numbers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.CallersYAML = templates
		other := ci()
		other.ID = "other"
		w.ChangeGrant(ada, func(g *vault.Grant) {
			g.Approve("other", callers.AuthorityUser, callers.Actions(), time.Now())
		})
		for _, c := range []callers.Caller{ci(), other} {
			_, err := w.PutTemplate(t.Context(), c, vault.Template{Name: "Own", DisplayName: c.ID + "-{{seq}}"}, nil)
			check(t, err)
		}
		create := func(c callers.Caller, key, template string) string {
			t.Helper()
			asked := call(resource.Key(key))
			asked.Caller = c
			got, err := w.CreateSpace(t.Context(), asked, operations.NewSpace{
				Template: template, Request: spaces.Request{DisplayName: "x"},
			})
			check(t, err)
			return got.DisplayName
		}
		got := []string{
			create(ci(), "1-key", "Incident"), create(other, "2-key", "Incident"), create(ci(), "3-key", "Own"),
			create(other, "4-key", "Own"), create(ci(), "3-key", "Own"), create(ci(), "5-key", "Own"),
		}
		want := []string{"INC-1 x 2000-01-01", "INC-2 x 2000-01-01", "ci-1", "other-1", "ci-1", "ci-2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		c := call("6-key")
		c.Caller.Actions = without(callers.Actions(), callers.CreateSpaces)
		_, err := w.CreateSpace(t.Context(), c, operations.NewSpace{Template: "None"})
		wantKind(t, "which templates exist", err, fault.Denied)
		self := operations.Self(resource.Person(ada.User()), "m1")
		byAda, err := w.CreateSpace(t.Context(), self, operations.NewSpace{
			Template: "Incident", Request: spaces.Request{DisplayName: "x"},
		})
		if err != nil || byAda.DisplayName != "INC-3 x 2000-01-01" {
			t.Errorf("in Chat: %v, %v", byAda, err)
		}
	})
}

// A retry creates the space of the first attempt, whatever the template says meanwhile, with the same number.
func TestTemplate_ChangedMeanwhile(t *testing.T) {
	t.Parallel()
	in := operations.NewSpace{Template: "Incident", Request: spaces.Request{DisplayName: "Mail"}}
	for name, c := range map[string]struct {
		authority vault.Authority
		yaml      string
		change    func(*world, *operations.Call)
		want      fault.Kind // Internal for success
		missing   []capability.Capability
	}{
		"unchanged": {yaml: templates},
		"deleted":   {yaml: "templates: []\n"},
		"file unreadable": {yaml: templates, change: func(w *world, _ *operations.Call) {
			w.CallersErr = storeDown
			time.Sleep(20 * time.Minute)
			w.ChangeGrant(ada, func(g *vault.Grant) { g.AccessExpiry = time.Now().Add(time.Hour) })
		}},
		"posts no more, may not post": {
			yaml: "templates: [{name: Incident, displayName: x}]\n", change: func(_ *world, c *operations.Call) {
				c.Caller.Actions = without(callers.Actions(), callers.CreateMessages)
			}, want: fault.Denied,
		},
		"posts no more, posting not approved": {
			yaml: "templates: [{name: Incident, displayName: x}]\n", change: func(w *world, _ *operations.Call) {
				w.ChangeGrant(ada, func(g *vault.Grant) { g.Approvals = nil })
				w.Approve(ada, callers.AuthorityUser, callers.CreateSpaces)
			}, want: fault.NeedsApproval,
		},
		"posts no more, no record of the approval": {
			yaml: "templates: [{name: Incident, displayName: x}]\n", change: func(w *world, _ *operations.Call) {
				w.Docs.Docs = goneGrant{w.Docs.Docs}
			}, want: fault.Unavailable,
		},
		"posts no more, but may": {yaml: "templates: [{name: Incident, displayName: x}]\n"},
		"posts no more, by delegation": {
			authority: callers.AuthorityDelegation,
			yaml:      "templates: [{name: Incident, displayName: x}]\n", change: func(w *world, _ *operations.Call) {
				w.Docs.Docs = goneGrant{w.Docs.Docs} // the person need not have connected
			},
		},
		"posts no more, without the consent": {
			yaml: "templates: [{name: Incident, displayName: x}]\n", change: func(w *world, _ *operations.Call) {
				w.Connect(ada, without(without(capability.All(), capability.PostMessages), capability.EditMessages)...)
				w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
			}, want: fault.NeedsConsent, missing: []capability.Capability{capability.PostMessages},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.CallersYAML = templates
				fail(w, "chat.spaces.setup", 503)
				asked := call("a-key")
				if c.authority != "" {
					asked.Authority = c.authority
				}
				_, err := w.CreateSpace(t.Context(), asked, in)
				wantKind(t, "no answer", err, fault.Unavailable)
				w.CallersYAML = c.yaml
				time.Sleep(2 * time.Minute) // the file is read again
				if c.change != nil {
					c.change(w, &asked)
				}
				got, err := w.CreateSpace(t.Context(), asked, in)
				if c.want != fault.Internal {
					wantKind(t, "the retry", err, c.want)
					if i, ok := invitationOf(err); ok && c.missing != nil &&
						cmp.Diff(c.missing, i.Needs.Missing) != "" {
						t.Errorf("missing %v", i.Needs.Missing)
					}
					if w.Google.Count("chat.spaces.setup") != 4 {
						t.Error("the retry created the space")
					}
					return
				}
				check(t, err)
				if s := spaceAt(w, got.Name); s.Name != "INC-1 Mail 2000-01-01" || s.First != "Hello Mail" {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// Without a number, or a record of it, no space is created: a retry would take another number.
func TestTemplate_NotRecorded(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(vault.Docs) vault.Docs{
		"number":  func(d vault.Docs) vault.Docs { return brokenNumbers{d} },
		"journal": func(d vault.Docs) vault.Docs { return brokenJournal{d} },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.CallersYAML = templates
				w.Docs.Docs = broken(w.Docs.Docs)
				in := operations.NewSpace{Template: "Incident", Request: spaces.Request{DisplayName: "Mail"}}
				_, err := w.CreateSpace(t.Context(), call("a-key"), in)
				wantKind(t, "the store is down", err, fault.Unavailable)
				if w.Google.Count("chat.spaces.setup") != 0 {
					t.Error("a space was created")
				}
			})
		})
	}
}

// brokenNumbers stores no numbers.
type brokenNumbers struct{ vault.Docs }

func (b brokenNumbers) Create(
	ctx context.Context, name vault.Collection, id string, f vault.Fields,
) (vault.Version, error) {
	if name == "sequences" {
		return "", storeDown
	}
	return b.Docs.Create(ctx, name, id, f)
}

// goneGrant reads no grant by its person, only by email address.
type goneGrant struct{ vault.Docs }

func (g goneGrant) Get(ctx context.Context, name vault.Collection, id string) (vault.Doc, error) {
	if name == "grants" {
		return vault.Doc{}, storeDown
	}
	return g.Docs.Get(ctx, name, id)
}
