package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/vault"
)

func TestAnAdministratorSeesAndRunsSpacesTheyAreNotIn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"as an administrator", "as a named administrator by delegation"} {
		x := ways[name]
		w := x.ready(t, "", nil)
		space := w.google.CreateSpace("Hidden plan", ada, grace)
		w.google.CreateSpace("Elsewhere", kim)
		const as = "?actAs=alan@example.com&authority=admin"
		at := "/v1/" + space.Name()

		var found []string
		page := w.api(t, "GET", "/v1/spaces"+as+"&pageSize=1", "")
		for {
			for _, s := range page.body["spaces"].([]any) {
				found = append(found, s.(map[string]any)["displayName"].(string))
			}
			next, ok := page.body["nextPageToken"].(string)
			if !ok {
				break
			}
			page = w.api(t, "GET", "/v1/spaces"+as+"&pageSize=1&pageToken="+next, "")
		}
		if got := strings.Join(found, ", "); got != "Hidden plan, Team" {
			t.Errorf("%s: %s", name, got)
		}
		if got := w.api(t, "GET", "/v1/spaces"+as+"&query=hid", ""); len(got.body["spaces"].([]any)) != 1 {
			t.Errorf("%s: %s", name, got.text)
		}
		if got := w.api(t, "PATCH", at+"?updateMask=displayName,permissions", `{"actAs":"alan@example.com","authority":"admin","displayName":"Seen plan","permissions":{"manageApps":"OWNER"}}`, "Idempotency-Key", "rename-it"); got.body["displayName"] != "Seen plan" {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
		if got := w.api(t, "POST", at+"/members", `{"actAs":"alan@example.com","authority":"admin","members":["member-9@example.com"]}`, "Idempotency-Key", "add-them"); !strings.Contains(got.text, "JOINED") {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
		there, _ := w.google.SpaceByName("Seen plan")
		if last := there.Messages[len(there.Messages)-1].Text; last != "Your organization's administrator added Member 9" {
			t.Errorf("%s: Chat says %q", name, last)
		}
		// So it is only Deputy's own log that knows who it was.
		line := regexp.MustCompile(`msg=audit .*act=members.write authority=admin caller_id=` + incidentTool + ` person=(\S+) in=` + space.Name() + ` .*outcome=(\w+)`)
		lines := line.FindAllStringSubmatch(w.log.String(), -1)
		if len(lines) != 2 || lines[0][2] != "begun" || lines[1][2] != "ok" || lines[0][1] != alan.User() && lines[0][1] != "users/"+alan.Email {
			t.Errorf("%s: %v", name, lines)
		}
		if got := w.api(t, "DELETE", at+as+"&confirm=Hidden+plan", "", "Idempotency-Key", "not-this-one"); got.problem() != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
		if got := w.api(t, "DELETE", at+as+"&confirm=Seen+plan", "", "Idempotency-Key", "but-this-one"); got.status != http.StatusNoContent {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
}

func TestWhatAnAdministratorsRightDoesNotReachIsSaidBeforeGoogleIsAsked(t *testing.T) {
	t.Parallel()
	w := ways["as an administrator"].ready(t, "", nil)
	space := w.google.CreateSpace("Plan", ada)
	at := "/v1/" + space.Name()
	for _, c := range []struct{ method, path, body, want string }{
		{"PATCH", at + "?updateMask=history", `"history":"HISTORY_OFF"`, "history or access settings"},
		{"PATCH", at + "?updateMask=access", `"access":"DISCOVERABLE"`, "history or access settings"},
		{"PATCH", at + "?updateMask=displayName,audience", `"displayName":"x","audience":"audiences/engineering"`, "history or access settings"},
		{"PATCH", at + "?updateMask=accessPermissions", `"accessPermissions":{"join":["audiences/default"]}`, "history or access settings"},
		{"POST", "/v1/spaces", `"displayName":"x"`, "Administrator access can't do this"},
		{"POST", "/v1/spaces", `"displayName":"x","dryRun":true`, "Administrator access can't do this"},
		{"POST", "/v1/spaces", `"spaceType":"DIRECT_MESSAGE","members":["grace@example.com"]`, "Administrator access can't do this"},
		{"POST", at + "/messages", `"text":"x"`, "Administrator access can't do this"},
		{"POST", at + "/meetings", ``, "Administrator access can't do this"},
		{"POST", at + "/members", `"members":["somebody@gmail.com"]`, "only people in your organization"},
	} {
		before := len(w.google.Calls())
		got := w.api(t, c.method, c.path, strings.TrimSuffix(`{"actAs":"alan@example.com","authority":"admin",`+c.body, ",")+"}", "Idempotency-Key", "key-"+c.path+c.body[:min(len(c.body), 12)])
		if got.problem() != "invalid_request" || !strings.Contains(got.text, c.want) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, got.status, got.text)
		}
		for _, call := range w.google.Calls()[before:] {
			if strings.HasPrefix(call.Method, "chat.") {
				t.Errorf("%s %s: %s was called", c.method, c.path, call.Method)
			}
		}
	}
}

func TestAdministratorsScopesAreMintedForNobodyWhoIsNotNamed(t *testing.T) {
	t.Parallel()
	x := ways["as a named administrator by delegation"]
	w := x.ready(t, "", func(c *callers.Caller) { c.Authorities = []vault.Authority{"admin", "delegation"} })
	for _, actAs := range []string{"ada@example.com", alan.User(), "alan@example.com.evil.example"} {
		got := w.api(t, "GET", "/v1/spaces?actAs="+actAs+"&authority=admin", "")
		if got.status != http.StatusForbidden || w.count("token") != 0 {
			t.Errorf("%s: %d %s", actAs, got.status, got.text)
		}
	}
}

func TestAnAdministratorIsAskedForTheirApprovalInPlainWords(t *testing.T) {
	t.Parallel()
	x := ways["as an administrator"]
	w := x.ready(t, "approval", nil)
	got := w.api(t, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin", "")
	link, _ := got.body["invitation"].(string)
	if got.problem() != "approval_required" {
		t.Fatalf("%d %s", got.status, got.text)
	}
	b := w.browser(t, alan)
	asked := b.consent(link, decide{as: alan})
	b.has(asked, "Allow Incidents to act as you?", "your administrator rights", "including those you aren't in")
	b.has(b.answer(asked, "allow"), "Allowed")
	if got := w.api(t, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin", ""); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.text)
	}
	b.has(b.say("/status"), "Who may act as you", "Incidents", "With your administrator rights, in your whole organization: See your spaces")
	b.press("Withdraw")
	if got := w.api(t, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin", ""); got.problem() != "approval_required" {
		t.Errorf("withdrawn: %d %s", got.status, got.text)
	}
}

func TestWhoIsNoAdministratorIsRefusedByGoogle(t *testing.T) {
	t.Parallel()
	x := ways["as an administrator"]
	x.as = ada
	w := x.ready(t, "", nil)
	if got := w.api(t, "GET", "/v1/spaces?actAs=ada@example.com&authority=admin", ""); got.problem() != "denied" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestThePageToReadHasItsOwnStyleAndNothingElse(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	p := b.open(w.address + "/createspace/")
	b.has(p, "the HTTP API", "/v1/spaces/{space}/members", "PENDING")
	if policy := p.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "style-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Errorf("%s", policy)
	}
	if got := b.open(w.address + "/createspace/nothing"); got.status != http.StatusNotFound {
		t.Errorf("%d", got.status)
	}
	if !strings.Contains(b.open(w.address+"/createspace/openapi.yaml").body, "openapi: 3.1.0") {
		t.Error("the document is not beside it")
	}
}
