package chatevent_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
)

// quick is the event of a quick command, which opens a dialog.
func quick(p google.Person, space string, id int) object {
	return event(p, space, "APP_COMMAND", func(e object) {
		e["appCommandMetadata"], e["isDialogEvent"], e["dialogEventType"] = object{"appCommandId": id}, true,
			"REQUEST_DIALOG"
	})
}

// fields are the values of a form.
type fields = chat.Inputs

// openForm opens the form for a new space.
func (e *env) openForm() reply {
	e.t.Helper()
	r := e.send(quick(ada, team, 101))
	if r.kind != "DIALOG" {
		e.t.Fatalf("no form: %+v", r)
	}
	return r
}

// submit sends a form with some values changed.
func (e *env) submit(form reply, name string, changed fields) reply {
	e.t.Helper()
	values := maps.Clone(form.fields)
	maps.Copy(values, changed)
	return e.send(click(ada, team, form.buttons[name], sending(values)))
}

// spaceNamed returns Ada's space with this name.
func (e *env) spaceNamed(name string) google.Space {
	e.t.Helper()
	for _, s := range e.google.SpacesOf(ada) {
		if s.DisplayName == name {
			return s
		}
	}
	e.t.Fatalf("no space %q\n%s", name, e.log.String())
	return google.Space{}
}

func TestForm_Validation(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		form := e.openForm()
		for name, c := range map[string]struct {
			wrong fields
			want  string // above a field
			field string
		}{
			"no name":         {fields{"name": {" "}}, "Enter a name for the space", "name"},
			"unknown history": {fields{"history": {"HALF"}}, "Choose a history setting", "history"},
			"unknown word": {
				fields{"others": {"grace@example.com, Bob"}}, `Deputy doesn't recognize "Bob"`, "others",
			},
			"long name": {fields{"name": {strings.Repeat("x", 129)}}, "The name has 129 characters", "name"},
			"too many":  {fields{"others": {crowd(50)}}, "You named 50 people. You can add up to 49", "others"},
		} {
			changed := fields{"name": {"Plan"}, "description": {"kept"}, "kind": {"announcements"}, "app": {"on"}}
			maps.Copy(changed, c.wrong)
			r := e.submit(form, "Create", changed)
			_, after, found := strings.Cut(r.text, "⚠️ ")
			lines := strings.SplitN(after, "\n", 3)
			if !found || r.kind != "DIALOG" || !strings.HasPrefix(lines[0], c.want) || lines[1] != "<"+c.field+">" {
				t.Errorf("%s: %s\n%s", name, r.kind, r.text)
			}
			for field, values := range changed {
				if field != "history" && cmp.Diff(values, r.fields[field]) != "" {
					t.Errorf("%s: %s is not kept: %v", name, field, r.fields[field])
				}
			}
		}
		if got := e.google.Count("chat.spaces.setup"); got != 0 {
			t.Errorf("%d spaces created", got)
		}
	})
}

// crowd is a list of n email addresses.
func crowd(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("member-%d@example.com", i+1))
	}
	return strings.Join(out, ", ")
}

func TestForm_AllFields(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.connectAll()
		r := e.submit(e.openForm(), "Create", fields{
			"name": {"Plan"}, "description": {"d"}, "guidelines": {"g"}, "people": {grace.User(), alan.Sub},
			"others": {"KIM@partner.example；groups/02oncall、nobody@example.com"}, "history": {"HISTORY_OFF"},
			"access": {"discoverable"}, "kind": {"announcements"}, "external": {"on"}, "first": {"Hello"},
			"app": {"on"},
		})
		r.wantText(t, "created", "Space created, but some steps failed: Plan", "Added: Grace Hopper, Alan Turing",
			"groups/02oncall", "Invited: kim@partner.example", "Not added: nobody@example.com",
			"Google doesn't say why",
			"[Open]", "[Rename]", "[Delete]")
		r.wantNoText(t, "created", "[Try again]", "[Allow]")
		if r.kind != "NEW_MESSAGE" && r.kind != "UPDATE_MESSAGE" {
			t.Errorf("the dialog stays open: %s", r.kind)
		}
		got := e.spaceNamed("Plan")
		if got.Description != "d" || got.Guidelines != "g" || got.History != "HISTORY_OFF" || !got.Discoverable ||
			!got.AnnouncementOnly || !got.ExternalAllowed || !got.App || len(got.Members) != 4 {
			t.Errorf("%+v", got)
		}
	})
}

// Fields that are not filled in leave Google's defaults.
func TestForm_OnlyName(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		form := e.openForm()
		want := fields{
			"name": {""}, "description": {""}, "guidelines": {""}, "people": nil, "others": {""}, "history": {"usual"},
			"access": {"usual"}, "kind": {"usual"}, "external": nil, "first": {""}, "app": nil,
		}
		if diff := cmp.Diff(want, form.fields); diff != "" {
			t.Error(diff)
		}
		e.google.TakeRequests()
		r := e.submit(form, "Create", fields{"name": {"Plan"}})
		r.wantText(t, "created", "Space created: Plan\n[Open]\n[Rename]\n[Delete]")
		requests := e.google.TakeRequests()
		if len(requests) != 1 || !strings.HasSuffix(requests[0],
			`"space":{"displayName":"Plan","spaceType":"SPACE"}}`) {
			t.Errorf("sent %v", requests)
		}
		// The form has one idempotency key, and another form another one.
		e.submit(form, "Create", fields{"name": {"Plan"}}).wantText(t, "sent twice", "Space created: Plan")
		e.submit(e.openForm(), "Create", fields{"name": {"Plan"}}).wantText(t, "another form", "already exists",
			"<name>")
	})
}

func TestForm_NameTaken(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		r := e.submit(e.openForm(), "Create", fields{"name": {"Team"}, "description": {"kept"}})
		r.wantText(t, "taken", `⚠️ A space named "Team" already exists`, "<name>")
		if r.fields.First("name") != "Team 2" || r.fields.First("description") != "kept" {
			t.Errorf("%v", r.fields)
		}
		e.submit(r, "Create", nil).wantText(t, "the next name", "Space created: Team 2")
		// The command offers the next name, too.
		r = e.send(command(ada, direct(ada), 5, "Team"))
		r.wantText(t, "command", "Something didn't work", `A space named "Team" already exists`,
			`[Create "Team 2" instead]`)
		r = e.send(click(ada, direct(ada), r.buttons[`Create "Team 2" instead`]))
		r.wantText(t, "also taken", `[Create "Team 3" instead]`)
	})
}

// A submitted form stays open with its values, whatever happens.
func TestForm_Redraw(t *testing.T) {
	entered := fields{"name": {"Plan"}, "description": {"kept"}, "first": {"Hello"}}
	for name, c := range map[string]struct {
		prepare func(*env)
		want    []string
	}{
		"Google fails": {
			func(e *env) {
				e.connectAll()
				time.Sleep(time.Hour) // until the old grant is no longer cached
				e.google.Fail("chat.spaces.setup", 500, 500, 500, 500)
			},
			[]string{"⚠️ Google Chat has a temporary problem", "<name>"},
		},
		"another consent is needed": {
			func(*env) {}, // to post messages
			[]string{
				"To post a message as you, Deputy needs to write messages.",
				"Select Allow, then come back and submit the form again", "[Allow]", "<name>",
			},
		},
		"a new sign-in is needed": {
			func(e *env) {
				time.Sleep(2 * time.Hour) // the access token expires
				e.check(e.google.SetSwitch("reauth", true))
			},
			[]string{"Your organization requires you to sign in to Google again", "[Connect]", "<name>"},
		},
		"a day has passed": {
			func(*env) { time.Sleep(24 * time.Hour) }, []string{"⚠️ This form was open for more than a day", "<name>"},
		},
	} {
		inBubble(t, func(e *env) {
			e.connect(ada, capability.CreateSpaces)
			form := e.openForm()
			c.prepare(e)
			r := e.submit(form, "Create", entered)
			r.wantText(t, name, append([]string{"Create a space"}, c.want...)...)
			if r.kind != "DIALOG" || r.buttons["Create"] == "" {
				t.Errorf("%s: %s", name, r.kind)
			}
			for field, want := range entered {
				if cmp.Diff(want, r.fields[field]) != "" {
					t.Errorf("%s: %s is not kept: %v", name, field, r.fields[field])
				}
			}
		})
	}
}

// A form that would be larger than Chat's limit loses its longest value.
func TestForm_TooLarge(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		r := e.submit(e.openForm(), "Create", fields{
			"name": {" "}, "description": {strings.Repeat("说", 4096)}, "guidelines": {strings.Repeat("<", 5000)},
			"first": {"short"},
		})
		r.wantText(t, "cut", "⚠️ Enter a name", "⚠️ The longest text is too long", "<name>")
		if r.fields.First("guidelines") != "" || len([]rune(r.fields.First("description"))) != 4096 ||
			r.fields.First("first") != "short" {
			t.Errorf("kept %d and %d bytes", len(r.fields.First("guidelines")), len(r.fields.First("description")))
		}
		long := strings.Repeat("\"", 16_000)
		r = e.submit(e.openForm(), "Create", fields{"name": {" "}, "others": {long}, "first": {long}})
		if r.fields.First("others") != "" || r.fields.First("first") != "" {
			t.Error("two long values are kept")
		}
	})
}

func TestForm_RenameAndDelete(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces, capability.EditSpaces, capability.DeleteSpaces)
		created := e.send(command(ada, team, 5, "Plan"))
		rename := e.send(click(ada, team, created.buttons["Rename"], opening))
		rename.wantText(t, "rename", "Rename space", "<name>", "[Rename]")
		if diff := cmp.Diff([]string{"Plan"}, rename.fields["name"]); diff != "" {
			t.Error(diff)
		}
		taken := e.submit(rename, "Rename", fields{"name": {"Team"}})
		taken.wantText(t, "taken", `⚠️ A space named "Team" already exists`, "<name>")
		renamed := e.submit(rename, "Rename", fields{"name": {" Better  plan "}})
		renamed.wantText(t, "renamed", "Space renamed: Better plan", "[Open]", "[Rename]", "[Delete]")
		if renamed.kind != "NEW_MESSAGE" { // the card that lists the members stays
			t.Errorf("renamed: %s", renamed.kind)
		}
		form := e.send(click(ada, team, renamed.buttons["Delete"], opening))
		form.wantText(t, "delete", "Delete space?", `This permanently deletes "Better plan"`, "<name>", "[Delete]")
		differs := e.submit(form, "Delete", fields{"name": {"Plan"}})
		differs.wantText(t, "another name", "⚠️ This isn't the space's name", "<name>")
		e.spaceNamed("Better plan")
		e.google.Fail("chat.spaces.delete", 403)
		e.submit(form, "Delete", fields{"name": {"Better plan"}}).wantText(t, "refused",
			"⚠️ Google Chat denied this request")
		deleted := e.submit(form, "Delete", fields{"name": {" Better\tplan"}})
		if deleted.wantText(t, "deleted", "Space deleted: Better plan"); deleted.kind != "UPDATE_MESSAGE" {
			t.Errorf("deleted: %s", deleted.kind)
		}
		e.submit(form, "Delete", fields{"name": {"Better plan"}}).wantText(t, "again", "Nothing to delete: Better plan")
	})
}

// A form opens only with the capabilities that it needs.
func TestForm_NeedsConsent(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		created := e.send(command(ada, team, 5, "Plan"))
		for _, name := range []string{"Rename", "Delete"} {
			r := e.send(click(ada, team, created.buttons[name], opening))
			if r.wantText(t, name, "Deputy needs your permission", "[Allow]", "[Continue]"); r.kind != "DIALOG" {
				t.Errorf("%s: %s", name, r.kind)
			}
		}
		asked := e.send(click(ada, team, created.buttons["Rename"], opening))
		e.connectAll()
		form := e.send(click(ada, team, asked.buttons["Continue"], sending(nil)))
		form.wantText(t, "continued", "Rename space", "<name>")
	})
}

func TestForm_Mentions(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		offer := e.send(command(ada, team, 5, "", grace))
		offer.wantText(t, "without a name", "Create a space", "/createspace Launch plan", "[Open the form]")
		form := e.send(click(ada, team, offer.buttons["Open the form"], opening))
		if diff := cmp.Diff([]string{grace.User()}, form.fields["people"]); diff != "" {
			t.Error(diff)
		}
		e.submit(form, "Create", fields{"name": {"Plan"}}).wantText(t, "created", "Space created: Plan",
			"Added: Grace Hopper")
	})
}

const templates = `
templates:
  - {name: Outage, displayName: "INC-{{seq}} {{title}}", description: "by {{person}}", members: [grace@example.com]}
`

func TestForm_Template(t *testing.T) {
	inBubble(t, func(e *env) {
		e.callers.text = templates
		e.connectAll()
		form := e.openForm()
		if diff := cmp.Diff([]string{"usual"}, form.fields["template"]); diff != "" {
			t.Error(diff)
		}
		none := e.submit(form, "Use template", fields{"name": {"Mail"}})
		if none.fields.First("name") != "Mail" || none.fields.First("description") != "" {
			t.Errorf("no template: %v", none.fields)
		}
		filled := e.submit(form, "Use template", fields{"name": {"Mail"}, "template": {"Outage"}})
		want := maps.Clone(form.fields)
		maps.Copy(want, fields{
			"template": {"Outage"}, "name": {"INC-{{seq}} Mail"}, "description": {"by {{person}}"},
			"others": {"grace@example.com"},
		})
		if diff := cmp.Diff(want, filled.fields); diff != "" {
			t.Error(diff)
		}
		gone := e.submit(filled, "Create", fields{"template": {"Removed"}})
		gone.wantText(t, "gone", "⚠️ This template no longer exists", "<template>")
		e.submit(filled, "Create", nil).wantText(t, "first", "Space created: INC-1 Mail", "Added: grace@example.com")
		if got := e.spaceNamed("INC-1 Mail").Description; got != "by ada@example.com" {
			t.Errorf("description: %s", got)
		}
		e.submit(filled, "Create", nil).wantText(t, "sent twice", "Space created: INC-1 Mail")
		again := e.submit(e.openForm(), "Use template", fields{"name": {"Web"}, "template": {"Outage"}})
		e.submit(again, "Create", nil).wantText(t, "second", "Space created: INC-2 Web")
		// Without a template, braces are plain text.
		plain := e.submit(e.openForm(), "Create", fields{"name": {"{{seq}}"}})
		plain.wantText(t, "plain", "Space created: {{seq}}")
	})
}

func TestForm_TemplatesUnreadable(t *testing.T) {
	inBubble(t, func(e *env) {
		e.callers.text = templates
		e.connectAll()
		filled := e.submit(e.openForm(), "Use template", fields{"name": {"Mail"}, "template": {"Outage"}})
		time.Sleep(11 * time.Minute)
		e.callers.err = errors.New("lost")
		form := e.openForm()
		if _, ok := form.fields["template"]; ok || form.buttons["Create"] == "" {
			t.Errorf("the form without templates: %s", form.text)
		}
		for _, button := range []string{"Use template", "Create"} {
			r := e.submit(filled, button, nil)
			r.wantText(t, button, "⚠️ Deputy can't read its list of systems")
			if r.fields.First("name") != "INC-{{seq}} Mail" {
				t.Errorf("%s: %v", button, r.fields)
			}
		}
		if !strings.Contains(e.log.String(), "optional step failed") {
			t.Error("the error is not logged")
		}
	})
}

func TestForm_ManyTemplates(t *testing.T) {
	inBubble(t, func(e *env) {
		var text strings.Builder
		text.WriteString("templates:\n")
		for i := range 99 {
			fmt.Fprintf(&text, "  - {name: %q}\n", fmt.Sprintf("%02d %s", i, strings.Repeat("模板", 40)))
		}
		e.callers.text = text.String()
		e.connectAll()
		many := fields{"name": {" "}, "others": {strings.Repeat("词", 3000)}, "description": {strings.Repeat("说", 4096)}}
		for i := range 49 {
			many["people"] = append(many["people"], fmt.Sprintf("users/%021d", i))
		}
		// send checks that the card fits.
		e.submit(e.openForm(), "Create", many).wantText(t, "large", "⚠️")
	})
}
