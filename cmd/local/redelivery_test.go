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

// Chat redelivers an event when no answer arrives in time, and a client might repeat a click. Here each event arrives
// six times at once at two instances, which share only the store and Google.

// startTwin adds a second instance. From then on, each event arrives six times.
func (tr *trial) startTwin() {
	tr.t.Helper()
	o := tr.options
	o.peer = tr.program
	twin, err := assemble(tr.t.Context(), o, tr.address, "http://127.0.0.1:2")
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.peer = twin
}

// press presses the last button named text, on a card or in a dialog, and returns
// the page of Chat. The fields apply to a dialog only.
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
		return tr.postForm("/press", in, form)
	}
	button := regexp.MustCompile(`(?s)<form method="post" action="click" data-live>((?:<input[^>]*>)*)<button>` +
		regexp.QuoteMeta(text) + `</button>`)
	forms := button.FindAllStringSubmatch(shown, -1)
	if forms == nil {
		tr.t.Fatalf("there is no button %q:\n%s", text, shown)
	}
	return tr.postForm("/click", in, parseInputs(forms[len(forms)-1][1]))
}

var digitRuns = regexp.MustCompile(`\d+`)

// snapshot lists everything that exists in Ada's name.
func (tr *trial) snapshot() []string {
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
				out = append(out, "  "+digitRuns.ReplaceAllString(m.Text, "0")) // meeting codes differ
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

// writingCommands are the interactions that write. The function prepare leads to the last event, and run sends it.
var writingCommands = map[string]struct{ prepare, run func(*trial) }{
	"/createspace": {nil, func(tr *trial) { say("/createspace Launch plan @Grace Hopper")(tr, team) }},
	"/invite": {
		func(tr *trial) { tr.gatherWithoutAlan() },
		func(tr *trial) { say("/invite @Alan Turing")(tr, tr.saved["group"]) },
	},
	"/say":       {nil, func(tr *trial) { say("/say Hello")(tr, team) }},
	"/meet":      {nil, func(tr *trial) { say("/meet soon")(tr, team) }},
	"/kickoff":   {nil, func(tr *trial) { say("/kickoff")(tr, team) }},
	"/groupchat": {nil, func(tr *trial) { say("/groupchat @Grace Hopper @Alan Turing")(tr, team) }},
	"the form": {
		func(tr *trial) { tr.saved["shown"] = choose(101)(tr, team) },
		func(tr *trial) { tr.press(tr.saved["shown"], "Create", team, fullForm) },
	},
	"retry of failed steps": {
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
		func(tr *trial) { tr.addApprovedCaller(); tr.saved["shown"] = say("/status")(tr, team) },
		func(tr *trial) { tr.press(tr.saved["shown"], "Withdraw", team, nil) },
	},
	"erase everything": {
		func(tr *trial) {
			tr.addApprovedCaller()
			tr.saved["shown"] = tr.press(say("/status")(tr, team), "Erase everything", team, nil)
		},
		func(tr *trial) { tr.press(tr.saved["shown"], "Erase everything", team, nil) },
	},
}

func (tr *trial) addApprovedCaller() {
	(&world{program: tr.program, clock: tr.clock}).seedActivity(tr.t)
}

// gatherWithoutAlan creates a group conversation of Ada and Grace.
func (tr *trial) gatherWithoutAlan() { tr.saved["group"] = tr.google.CreateGroupChat(ada, grace).ID }

func TestRedelivery_SixTimesOnTwoInstances(t *testing.T) {
	for name, w := range writingCommands {
		for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
			t.Run(name+" "+string(format), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var want, got, before []string
					for _, twin := range []bool{false, true} {
						tr := newTrialAs(t, format, "", nil, false)
						tr.allow(capability.All()...)
						if w.prepare != nil {
							w.prepare(tr)
						}
						before = tr.snapshot()
						if twin {
							tr.startTwin()
						}
						w.run(tr)
						if got = tr.snapshot(); !twin {
							want = got
						}
						shown := html.UnescapeString(tr.postForm("/close", team, url.Values{}))
						if strings.Contains(shown, "is not responding") {
							t.Errorf("%s", visibleText(shown))
						}
					}
					if slices.Equal(before, got) {
						t.Errorf("nothing changed: %v", got)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Error(diff)
					}
				})
			})
		}
	}
}
