package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/vault"
)

var incident = vault.Template{
	Name: "Incident", DisplayName: "INC-{{seq}} {{title}}",
	Description: "{{title}}, since {{date}}, told by {{person}}", FirstMessage: "{{title}} is number {{seq}}",
	Members: []string{"users/grace@example.com"}, History: "HISTORY_OFF",
}

// addTemplates stores templates of the operator.
func (w *world) addTemplates(t *testing.T, templates ...vault.Template) {
	t.Helper()
	for _, template := range templates {
		w.editCallers(t, func(d *callers.Draft) error { return d.PutTemplate(callers.NewTemplate(template)) })
	}
}

func TestTemplate_Placeholders(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.addTemplates(t, incident)
	today := w.clock.now().UTC().Format(time.DateOnly)
	for n := 1; n <= 2; n++ {
		body := fmt.Sprintf(
			`{"actAs":"ada@example.com","template":"Incident","displayName":"Disk full %d",`+
				`"members":["alan@example.com"],"guidelines":"{{date}} only"}`, n)
		created := w.api(t, "POST", "/v1/spaces", body, "Idempotency-Key", fmt.Sprint("incident-", n))
		want := fmt.Sprintf("INC-%d Disk full %d", n, n)
		if created.status != http.StatusCreated || created.body["displayName"] != want {
			t.Fatalf("%d %s", created.status, created.text)
		}
		again := w.api(t, "POST", "/v1/spaces", body, "Idempotency-Key", fmt.Sprint("incident-", n))
		if again.text != created.text {
			t.Errorf("again: %s", again.text)
		}
		read := w.api(t, "GET", "/v1/"+created.body["name"].(string)+"?actAs=ada@example.com", "")
		if got, want := read.body["description"],
			fmt.Sprintf("Disk full %d, since %s, told by ada@example.com", n, today); got != want {
			t.Errorf("description %q, not %q", got, want)
		}
		if read.body["guidelines"] != today+" only" || read.body["history"] != "HISTORY_OFF" {
			t.Errorf("%s", read.text)
		}
		space := w.google.SpacesOf(ada)[len(w.google.SpacesOf(ada))-1]
		if last := space.Messages[len(space.Messages)-1].Text; last != fmt.Sprintf("Disk full %d is number %d", n, n) ||
			len(space.Members) != 3 {
			t.Errorf("%q, %d members", last, len(space.Members))
		}
	}
}

func TestTemplate_RequestOverrides(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	plain := incident
	plain.Name, plain.DisplayName, plain.External = "Plain", "", true
	w.addTemplates(t, plain)
	created := w.api(t, "POST", "/v1/spaces",
		`{"actAs":"ada@example.com","template":"Plain","displayName":"Mine","description":"Mine",`+
			`"history":"HISTORY_ON","externalUserAllowed":false}`)
	read := w.api(t, "GET", "/v1/"+created.body["name"].(string)+"?actAs=ada@example.com", "")
	if read.body["displayName"] != "Mine" || read.body["description"] != "Mine" ||
		read.body["history"] != "HISTORY_ON" || read.body["externalUserAllowed"] != false {
		t.Errorf("%s", read.text)
	}
	plan := w.api(t, "POST", "/v1/spaces:plan",
		`{"actAs":"ada@example.com","template":"Plain","displayName":"Bare","description":"","firstMessage":"",`+
			`"access":"PRIVATE"}`)
	if plan.status != http.StatusOK || plain.Description == "" || strings.Contains(plan.text, `"description"`) {
		t.Errorf("an empty description: %d %s", plan.status, plan.text)
	}
	for body, want := range map[string]string{
		`{"actAs":"ada@example.com","template":"Nothing","displayName":"x"}`: "no template has this name",
		`{"actAs":"ada@example.com","template":"Plain"}`:                     "Enter a name for the space",
		`{"actAs":"ada@example.com","template":"a/b","displayName":"x"}`:     "no template has this name",
	} {
		if got := w.api(t, "POST", "/v1/spaces", body,
			"Idempotency-Key", "something-else"); got.problem() != "invalid_request" ||
			!strings.Contains(got.text, want) {
			t.Errorf("%s: %d %s", body, got.status, got.text)
		}
	}
}

func TestTemplate_NotRevealedWithoutAction(t *testing.T) {
	t.Parallel()
	c := caller()
	c.Actions = []string{"spaces.read"}
	w := newWorldWithCaller(t, c)
	w.addTemplates(t, incident)
	for _, name := range []string{"Incident", "Nothing"} {
		if got := w.api(t, "POST", "/v1/spaces",
			`{"actAs":"ada@example.com","template":"`+name+`","displayName":"x"}`); got.problem() != "denied" {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
}

func TestTemplate_RetryAfterChange(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	dated := incident
	dated.DisplayName = "{{date}} {{seq}} {{title}}"
	w.addTemplates(t, dated)
	const body = `{"actAs":"ada@example.com","template":"Incident","displayName":"Disk full"}`
	w.google.Fail("chat.spaces.messages.create", 503, 503, 503, 503)
	first := w.api(t, "POST", "/v1/spaces", body)
	w.clock.advance(25 * time.Hour)
	dated.DisplayName = "Other {{seq}} {{title}}"
	w.addTemplates(t, dated)
	second := w.api(t, "POST", "/v1/spaces", body)
	if first.status != http.StatusAccepted || second.status != http.StatusCreated ||
		first.body["displayName"] != second.body["displayName"] || len(w.spaces(ada)) != 1 {
		t.Errorf("%d %s\n%d %s", first.status, first.text, second.status, second.text)
	}
	if w.count("chat.spaces.setup") != 1 {
		t.Errorf("chat.spaces.setup: %d calls, want 1", w.count("chat.spaces.setup"))
	}
}

func TestTemplate_FormPlaceholders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addTemplates(t, incident)
	b := w.browser(t, ada)
	b.connect()
	form := b.send(b.quickCommand(101), "Use template", url.Values{"name": {"Disk full"}, "template": {"Incident"}})
	b.wantText(form, "INC-{{seq}} Disk full", "{{title}} is number {{seq}}")
	prompted := b.send(form, "Create", nil)
	b.allow(prompted, "Allow")
	done := b.send(b.chat(), "Create", nil)
	b.wantText(done, "Space created")
	space := w.mustFindSpace(t, "INC-1 Disk full")
	today := w.clock.now().UTC().Format(time.DateOnly)
	if want := "INC-1 Disk full, since " + today + ", told by ada@example.com"; space.Description != want {
		t.Errorf("%q, not %q", space.Description, want)
	}
	if got := space.Messages[len(space.Messages)-1].Text; got != "INC-1 Disk full is number 1" {
		t.Errorf("%q", got)
	}
}

func TestTemplate_ReadThenStore(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.api(t, "PUT", "/v1/templates/Plan", `{"displayName":"Plan {{seq}}","members":["grace@example.com","`+alan.User()+
		`","groups/02oncall","groups/oncall@example.com"],"kind":"ANNOUNCEMENTS"}`)
	first := w.api(t, "GET", "/v1/templates/Plan", "")
	delete(first.body, "name")
	text, err := json.Marshal(first.body)
	if err != nil {
		t.Fatal(err)
	}
	again := w.api(t, "PUT", "/v1/templates/Plan", string(text))
	delete(again.body, "name")
	if diff := cmp.Diff(first.body, again.body); again.status != http.StatusOK || diff != "" {
		t.Errorf("%d %s", again.status, diff)
	}
}

// Attack: a form sends the name of a template that it does not list.
func TestTemplate_ForgedChoice(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Incident", "a/b", "..", strings.Repeat("x", 2_000)} {
		w := newConnectedWorld(t)
		w.addTemplates(t, incident)
		b := w.browser(t, ada)
		form := b.send(b.quickCommand(101), "Use template", url.Values{"name": {"Disk full"}, "template": {"Incident"}})
		b.wantText(form, "INC-{{seq}} Disk full")
		w.editCallers(t, func(d *callers.Draft) error {
			d.RemoveTemplate("Incident")
			return nil
		})
		b.wantText(b.send(form, "Create", url.Values{"template": {name}}), "This template no longer exists")
		if sequences, err := w.docs.List(t.Context(), "sequences", "", 10); err != nil || len(sequences) != 0 ||
			w.count("chat.spaces.setup") != 0 {
			t.Errorf("%s: %v, %v", name, sequences, err)
		}
	}
}
