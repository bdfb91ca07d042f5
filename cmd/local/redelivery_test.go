package main

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/vault"
)

// Chat sends an event again when it has not heard in time, and a client may
// send a click again: here each event comes six times, at once, to two
// instances that share nothing but the store and Google.

// twice lets whatever comes from now on come six times.
func (tr *trial) twice() {
	tr.t.Helper()
	o := tr.options
	o.peer = tr.program
	twin, err := assemble(tr.t.Context(), o, tr.address, "http://127.0.0.1:2")
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.peer = twin
}

// press presses the last button with a text, on a card or in a dialog, with
// fields filled in.
func (tr *trial) press(shown, text, in string, fields url.Values) string {
	tr.t.Helper()
	if strings.Contains(shown, `class="dialog"`) {
		number := ""
		for _, m := range buttonPattern.FindAllStringSubmatch(shown, -1) {
			if m[2] == text {
				number = m[1]
			}
		}
		form := url.Values{"surface": {"dialog"}, "press": {number}}
		for name, values := range fields {
			form[name] = values
		}
		return tr.chats("/press", in, form)
	}
	forms := regexp.MustCompile(`(?s)<form method="post" action="click" data-live>((?:<input[^>]*>)*)<button>`+regexp.QuoteMeta(text)+`</button>`).FindAllStringSubmatch(shown, -1)
	if forms == nil {
		tr.t.Fatalf("there is no button %q:\n%s", text, shown)
	}
	return tr.chats("/click", in, parseInputs(forms[len(forms)-1][1]))
}

var digits = regexp.MustCompile(`\d+`)

// made is all that stands there in Ada's name.
func (tr *trial) made() []string {
	var out []string
	for _, s := range tr.google.SpacesOf(ada) {
		if s.Direct {
			continue
		}
		line := fmt.Sprintf("%s: %v %v app %v", s.DisplayName, s.Group, s.History, s.App)
		for _, m := range s.Members {
			line += ", " + m.Person.Name + " " + m.State
		}
		out = append(out, line)
		for _, m := range s.Messages {
			if m.Sender == ada && m.Private == "" || m.Line {
				out = append(out, "  "+digits.ReplaceAllString(m.Text, "0")) // one room is as good as another
			}
		}
	}
	for _, e := range tr.google.Events(ada) {
		out = append(out, fmt.Sprintf("event %s %v %v", e.Title, e.Start, e.Guests))
	}
	if g, ok := tr.grant(); ok {
		out = append(out, fmt.Sprintf("a grant, %s, %d approvals", g.Status, len(g.ValidApprovals())))
	}
	for _, collection := range []string{"activity/" + ada.Sub + "/acts", "revocations"} {
		docs, err := tr.store.List(tr.t.Context(), vault.Collection(collection), "", 10)
		if err != nil {
			tr.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s: %d", collection, len(docs)))
	}
	return out
}

const team = "AAAAteam"

// writing are the acts that write, each with what leads to its last event.
var writing = map[string]struct{ before, act func(*trial) }{
	"/createspace": {nil, func(tr *trial) { say("/createspace Launch plan @Grace Hopper")(tr, team) }},
	"/invite":      {func(tr *trial) { tr.lonely() }, func(tr *trial) { say("/invite @Alan Turing")(tr, tr.saved["lonely"]) }},
	"/say":         {nil, func(tr *trial) { say("/say Hello")(tr, team) }},
	"/meet":        {nil, func(tr *trial) { say("/meet soon")(tr, team) }},
	"/kickoff":     {nil, func(tr *trial) { say("/kickoff")(tr, team) }},
	"/groupchat":   {nil, func(tr *trial) { say("/groupchat @Grace Hopper @Alan Turing")(tr, team) }},
	"the form": {
		func(tr *trial) { tr.saved["shown"] = choose(101)(tr, team) },
		func(tr *trial) { tr.press(tr.saved["shown"], "Create", team, fullForm) },
	},
	"Try again for what was left": {
		func(tr *trial) {
			tr.google.Fail("chat.spaces.patch", 403)
			tr.google.Fail("chat.spaces.messages.create", 403)
			tr.google.Fail("chat.spaces.members.create", 403)
			tr.saved["shown"] = tr.press(choose(101)(tr, team), "Create", team, fullForm)
		},
		func(tr *trial) { tr.press(tr.saved["shown"], "Try again", team, nil) },
	},
	"rename": {
		func(tr *trial) {
			tr.saved["shown"] = tr.press(say("/createspace Launch plan")(tr, team), "Rename", team, nil)
		},
		func(tr *trial) { tr.press(tr.saved["shown"], "Rename", team, url.Values{"name": {"Better plan"}}) },
	},
	"delete": {
		func(tr *trial) {
			tr.saved["shown"] = tr.press(say("/createspace Launch plan")(tr, team), "Delete", team, nil)
		},
		func(tr *trial) { tr.press(tr.saved["shown"], "Delete", team, url.Values{"name": {"Launch plan"}}) },
	},
	"disconnect": {
		func(tr *trial) { tr.saved["shown"] = say("/disconnect")(tr, team) },
		func(tr *trial) { tr.press(tr.saved["shown"], "Disconnect", team, nil) },
	},
	"withdraw": {
		func(tr *trial) { tr.known(); tr.saved["shown"] = say("/status")(tr, team) },
		func(tr *trial) { tr.press(tr.saved["shown"], "Withdraw", team, nil) },
	},
	"erase everything": {
		func(tr *trial) {
			tr.known()
			tr.saved["shown"] = tr.press(say("/status")(tr, team), "Erase everything", team, nil)
		},
		func(tr *trial) { tr.press(tr.saved["shown"], "Erase everything", team, nil) },
	},
}

func (tr *trial) known() {
	(&world{program: tr.program, clock: tr.clock}).seedActivity(tr.t)
}

// lonely is a group conversation without Alan.
func (tr *trial) lonely() { tr.saved["lonely"] = tr.google.CreateGroupChat(ada, grace).ID }

func TestAnEventThatComesSixTimesToTwoInstancesActsOnce(t *testing.T) {
	for name, w := range writing {
		for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
			t.Run(name+" "+string(format), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var want, got, before []string
					for _, twice := range []bool{false, true} {
						tr := newTrialAs(t, format, "", nil, false)
						tr.allowed(capability.All()...)
						if w.before != nil {
							w.before(tr)
						}
						before = tr.made()
						if twice {
							tr.twice()
						}
						w.act(tr)
						if got = tr.made(); !twice {
							want = got
						}
						if shown := html.UnescapeString(tr.chats("/close", team, url.Values{})); strings.Contains(shown, "is not responding") {
							t.Errorf("%s", text(shown))
						}
					}
					if slices.Equal(before, got) {
						t.Errorf("nothing was done: %v", got)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Error(diff)
					}
				})
			})
		}
	}
}
