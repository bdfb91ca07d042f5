package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/resource"
)

const (
	backAddress = "https://incidents.example.com/approved"
	threeWishes = `{"actAs":"ada@example.com","actions":["spaces.create","members.write","messages.create"],` +
		`"returnAddress":"` + backAddress + `"}`
)

// approval is the response of the API to a request for approvals.
type approval struct {
	Name, State, Invitation string
	Given                   []string
}

func newAskingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	c := caller()
	c.Actions, c.ReturnAddresses = allActions, []string{backAddress}
	w.put(t, c)
	return w
}

func (w *world) approval(t *testing.T, status int, method, path, body string) (a approval) {
	t.Helper()
	got := w.api(t, method, path, body, "Idempotency-Key", "approve-1")
	if got.status != status || json.Unmarshal([]byte(got.text), &a) != nil {
		t.Fatalf("%s %s: %d %s", method, path, got.status, got.text)
	}
	return a
}

// One link asks for a whole job. The person leaves one part out, the system reads which, and a person withdraws.
func TestApprovals_OneLinkForAJob(t *testing.T) {
	t.Parallel()
	w := newAskingWorld(t)
	asked := w.approval(t, http.StatusCreated, "POST", "/v1/approvals", threeWishes)
	read := func() approval { return w.approval(t, http.StatusOK, "GET", "/v1/"+asked.Name, "") }
	if asked.State != "waiting" || asked.Invitation == "" || !cmp.Equal(read(), asked) {
		t.Errorf("asked: %+v, read: %+v", asked, read())
	}
	b := w.browser(t, ada)
	question := b.consent(asked.Invitation, decision{account: ada})
	b.wantText(question, "Create spaces", "Add people to your spaces", "Clear the boxes")
	form := parseInputs(question.body)
	form.Set("answer", "allow")
	form["action"] = slices.DeleteFunc(form["action"], func(s string) bool { return s == "messages.create" })
	allowed := b.post(w.address+"/oauthcallback/approve", form)
	if got := b.link(allowed, "Go back to Incidents"); got != backAddress {
		t.Errorf("the way back carries something: %s", got)
	}
	got := read()
	if got.State != "given" || !cmp.Equal(got.Given, []string{"spaces.create", "members.write"}) ||
		got.Invitation != "" {
		t.Errorf("given: %+v", got)
	}
	if got := w.api(t, "POST", "/v1/spaces", simplePlan); got.status != http.StatusCreated {
		t.Errorf("what was given: %d %s", got.status, got.text)
	}
	text := `{"actAs":"ada@example.com","text":"x"}`
	leftOut := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", text, "Idempotency-Key", "text-left-out")
	if leftOut.problem() != "approval_required" {
		t.Errorf("what was left out: %d %s", leftOut.status, leftOut.text)
	}
	connection := w.api(t, "GET", "/v1/people/ada@example.com/connection", "")
	if !strings.Contains(connection.text, `"approvals":[{"actions":["spaces.create","members.write"],`) {
		t.Errorf("connection: %s", connection.text)
	}
	if again := w.approval(t, http.StatusCreated, "POST", "/v1/approvals", threeWishes); again.State != "given" {
		t.Errorf("a repetition: %+v", again)
	}
	b.say("/status")
	b.press("Withdraw")
	if got := read(); got.State != "withdrawn" || len(got.Given) != 0 {
		t.Errorf("withdrawn: %+v", got)
	}
}

func TestApprovals_States(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(*testing.T, *world, *browser, approval)
		want string
	}{
		"refused": {func(_ *testing.T, _ *world, b *browser, a approval) {
			b.answer(b.consent(a.Invitation, decision{account: ada}), "refuse")
		}, "refused"},
		"nothing ticked": {func(_ *testing.T, w *world, b *browser, a approval) {
			form := parseInputs(b.consent(a.Invitation, decision{account: ada}).body)
			form.Set("answer", "allow")
			form.Del("action")
			b.wantText(b.post(w.address+"/oauthcallback/approve", form), "Not allowed", "Go back to Incidents")
		}, "refused"},
		"an action that was not asked": {func(_ *testing.T, w *world, b *browser, a approval) {
			form := parseInputs(b.consent(a.Invitation, decision{account: ada}).body)
			form.Set("answer", "allow")
			form["action"] = []string{"spaces.delete"}
			b.post(w.address+"/oauthcallback/approve", form)
		}, "refused"},
		"expired": {func(_ *testing.T, w *world, _ *browser, _ approval) {
			w.clock.advance(24 * time.Hour)
		}, "expired"},
		"refused after it was given": {func(_ *testing.T, w *world, b *browser, a approval) {
			b.answer(b.consent(a.Invitation, decision{account: ada}), "allow")
			again := w.browser(b.t, ada)
			again.answer(again.consent(a.Invitation, decision{account: ada}), "refuse")
		}, "given"},
		"disconnected": {func(t *testing.T, w *world, b *browser, a approval) {
			b.answer(b.consent(a.Invitation, decision{account: ada}), "allow")
			if _, err := w.grants.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
				t.Error(err)
			}
		}, "withdrawn"},
		"the wrong account": {func(_ *testing.T, w *world, _ *browser, a approval) {
			b := w.browser(t, grace)
			b.wantText(b.consent(a.Invitation, decision{account: grace}), "Wrong account")
		}, "waiting"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAskingWorld(t)
			a := w.approval(t, http.StatusCreated, "POST", "/v1/approvals", threeWishes)
			c.do(t, w, w.browser(t, ada), a)
			if got := w.approval(t, http.StatusOK, "GET", "/v1/"+a.Name, ""); got.State != c.want {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A system may not read another one's approvals, send people to any address, or ask for what the operator forbids.
func TestApprovals_OtherCaller(t *testing.T) {
	t.Parallel()
	w := newAskingWorld(t)
	a := w.approval(t, http.StatusCreated, "POST", "/v1/approvals", threeWishes)
	for name, body := range map[string]string{
		"invalid_request": strings.Replace(threeWishes, backAddress, "https://attacker.example/", 1),
		"denied":          strings.Replace(threeWishes, "ada@example.com", "kim@partner.example", 1),
	} {
		if got := w.api(t, "POST", "/v1/approvals", body, "Idempotency-Key", "approve-"+name); got.problem() != name {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	other := caller()
	other.ID, other.UniqueID, other.Email = "other", "109000000000000000009", "other@tools.iam.gserviceaccount.com"
	w.put(t, other)
	token := w.callerToken(map[string]any{"sub": other.UniqueID, "azp": other.UniqueID, "email": other.Email})
	if got := w.api(t, "GET", "/v1/"+a.Name, "", "Authorization", token); got.problem() != "not_found" {
		t.Errorf("another caller: %d %s", got.status, got.text)
	}
	got := w.api(t, "POST", "/v1/approvals", threeWishes, "Authorization", token, "Idempotency-Key", "approve-1")
	if got.problem() != "invalid_request" {
		t.Errorf("another caller's return address: %d %s", got.status, got.text)
	}
}

// A caller that may no longer act for a person learns no more what they do: the file decides first, also for a read.
func TestApprovals_NoLongerAllowed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*callers.Caller){
		"another organization": func(c *callers.Caller) { c.Domains = []string{"example.org"} },
		"an action less":       func(c *callers.Caller) { c.Actions = []string{"spaces.create", "members.write"} },
	} {
		w := newAskingWorld(t)
		a := w.approval(t, http.StatusCreated, "POST", "/v1/approvals", threeWishes)
		b := w.browser(t, ada)
		b.answer(b.consent(a.Invitation, decision{account: ada}), "allow")
		c := caller()
		c.Actions = allActions
		change(&c)
		w.put(t, c)
		if got := w.api(t, "GET", "/v1/"+a.Name, ""); got.problem() != "denied" {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
}

// The operator takes a return address away: nobody is sent there any more.
func TestApprovals_ReturnAddressRemoved(t *testing.T) {
	t.Parallel()
	w := newAskingWorld(t)
	a := w.approval(t, http.StatusCreated, "POST", "/v1/approvals", threeWishes)
	c := caller()
	c.Actions = allActions
	w.put(t, c)
	b := w.browser(t, ada)
	allowed := b.answer(b.consent(a.Invitation, decision{account: ada}), "allow")
	if b.wantText(allowed, "Allowed"); strings.Contains(allowed.body, "incidents.example.com") {
		t.Errorf("still a link: %s", allowed.body)
	}
}

// The request and its link are the same for a person who is connected and for one who isn't.
func TestApprovals_RevealNoConnection(t *testing.T) {
	t.Parallel()
	w := newAskingWorld(t)
	w.approve(t, caller())
	seen := map[int]bool{}
	for _, person := range []string{"ada@example.com", "may@example.com"} {
		body := strings.Replace(threeWishes, "ada@example.com", person, 1)
		got := w.api(t, "POST", "/v1/approvals", body, "Idempotency-Key", "approve-"+person)
		link, _ := got.body["invitation"].(string)
		if got.body["state"] != "waiting" || link == "" {
			t.Errorf("%s: %s", person, got.text)
		}
		seen[len(link)] = true
	}
	if len(seen) != 1 {
		t.Errorf("links of different lengths: %v", seen)
	}
}

// Who leaves a permission out at Google is asked about the actions that don't need it.
func TestApprovals_PermissionLeftOut(t *testing.T) {
	t.Parallel()
	w := newAskingWorld(t)
	a := w.approval(t, http.StatusCreated, "POST", "/v1/approvals", threeWishes)
	b := w.browser(t, ada)
	question := b.consent(a.Invitation, decision{account: ada, untick: "chat.messages.create"})
	b.wantText(question, "Allow Incidents to act as you?", "Create spaces")
	if strings.Contains(question.body, `value="messages.create"`) {
		t.Error("asks for an action that can't be done")
	}
}
