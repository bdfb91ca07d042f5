package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/vault"
)

func TestAdmin_SpaceWithoutMembership(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"as an administrator", "as a named administrator by delegation"} {
		c := authorityCases[name]
		w := c.setUp(t, "", nil)
		space := w.google.CreateSpace("Hidden plan", ada, grace)
		w.google.CreateSpace("Elsewhere", kim)
		const query = "?actAs=alan@example.com&authority=admin"
		const actor = `{"actAs":"alan@example.com","authority":"admin",`
		path := "/v1/" + space.Name()

		var found []string
		page := w.api(t, "GET", "/v1/spaces"+query+"&pageSize=1", "")
		for {
			for _, s := range page.body["spaces"].([]any) {
				found = append(found, s.(map[string]any)["displayName"].(string))
			}
			next, ok := page.body["nextPageToken"].(string)
			if !ok {
				break
			}
			page = w.api(t, "GET", "/v1/spaces"+query+"&pageSize=1&pageToken="+next, "")
		}
		if got := strings.Join(found, ", "); got != "Hidden plan, Team" {
			t.Errorf("%s: %s", name, got)
		}
		if got := w.api(t, "GET", "/v1/spaces"+query+"&query=hid", ""); len(got.body["spaces"].([]any)) != 1 {
			t.Errorf("%s: %s", name, got.text)
		}
		renamed := w.api(t, "PATCH", path+"?updateMask=displayName,permissions",
			actor+`"displayName":"Seen plan","permissions":{"manageApps":"OWNER"}}`, "Idempotency-Key", "rename-it")
		if renamed.body["displayName"] != "Seen plan" {
			t.Errorf("%s: %d %s", name, renamed.status, renamed.text)
		}
		added := w.api(t, "POST", path+"/members", actor+`"members":["member-9@example.com"]}`,
			"Idempotency-Key", "add-them")
		if !strings.Contains(added.text, "JOINED") {
			t.Errorf("%s: %d %s", name, added.status, added.text)
		}
		seen, _ := w.google.SpaceByName("Seen plan")
		last := seen.Messages[len(seen.Messages)-1].Text
		if last != "Your organization's administrator added Member 9" {
			t.Errorf("%s: Chat says %q", name, last)
		}
		// Chat does not name the administrator, so Deputy's audit log must.
		line := regexp.MustCompile(`msg=audit .*action=members.write authority=admin caller_id=` + incidentTool +
			` person=(\S+) target=` + space.Name() + ` .*outcome=(\w+)`)
		lines := line.FindAllStringSubmatch(w.log.String(), -1)
		if len(lines) != 2 || lines[0][2] != "begun" || lines[1][2] != "ok" ||
			lines[0][1] != alan.User() && lines[0][1] != "users/"+alan.Email {
			t.Errorf("%s: %v", name, lines)
		}
		refused := w.api(t, "DELETE", path+query+"&confirm=Hidden+plan", "", "Idempotency-Key", "not-this-one")
		if refused.problem() != "invalid_request" {
			t.Errorf("%s: %d %s", name, refused.status, refused.text)
		}
		deleted := w.api(t, "DELETE", path+query+"&confirm=Seen+plan", "", "Idempotency-Key", "but-this-one")
		if deleted.status != http.StatusNoContent {
			t.Errorf("%s: %d %s", name, deleted.status, deleted.text)
		}
	}
}

func TestAdmin_UnsupportedRequest(t *testing.T) {
	t.Parallel()
	w := authorityCases["as an administrator"].setUp(t, "", nil)
	space := w.google.CreateSpace("Plan", ada)
	path := "/v1/" + space.Name()
	const noReach = "history or access settings"
	for _, c := range []struct{ method, path, body, want string }{
		{"PATCH", path + "?updateMask=history", `"history":"HISTORY_OFF"`, noReach},
		{"PATCH", path + "?updateMask=access", `"access":"DISCOVERABLE"`, noReach},
		{
			"PATCH", path + "?updateMask=displayName,audience",
			`"displayName":"x","audience":"audiences/engineering"`, noReach,
		},
		{
			"PATCH", path + "?updateMask=accessPermissions",
			`"accessPermissions":{"join":["audiences/default"]}`, noReach,
		},
		{"POST", "/v1/spaces", `"displayName":"x"`, "Administrator access can't do this"},
		{"POST", "/v1/spaces:plan", `"displayName":"x"`, "Administrator access can't do this"},
		{
			"POST", "/v1/spaces", `"spaceType":"DIRECT_MESSAGE","members":["grace@example.com"]`,
			"Administrator access can't do this",
		},
		{"POST", path + "/messages", `"text":"x"`, "Administrator access can't do this"},
		{"POST", path + "/meetings", ``, "Administrator access can't do this"},
		{"POST", path + "/members", `"members":["somebody@gmail.com"]`, "only people in your organization"},
	} {
		before := len(w.google.Calls())
		body := strings.TrimSuffix(`{"actAs":"alan@example.com","authority":"admin",`+c.body, ",") + "}"
		got := w.api(t, c.method, c.path, body, "Idempotency-Key", "key-"+c.path+c.body[:min(len(c.body), 12)])
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

func TestAdmin_UnnamedPersonGetsNoToken(t *testing.T) {
	t.Parallel()
	w := authorityCases["as a named administrator by delegation"].setUp(t, "", func(c *callers.Caller) {
		c.Authorities = []vault.Authority{"admin", "delegation"}
	})
	for _, actAs := range []string{"ada@example.com", alan.User(), "alan@example.com.evil.example"} {
		got := w.api(t, "GET", "/v1/spaces?actAs="+actAs+"&authority=admin", "")
		if got.status != http.StatusForbidden || w.count("token") != 0 {
			t.Errorf("%s: %d %s", actAs, got.status, got.text)
		}
	}
}

func TestAdmin_ApprovalPage(t *testing.T) {
	t.Parallel()
	w := authorityCases["as an administrator"].setUp(t, "approval", nil)
	got := w.api(t, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin", "")
	link, _ := got.body["invitation"].(string)
	if got.problem() != "approval_required" {
		t.Fatalf("%d %s", got.status, got.text)
	}
	b := w.browser(t, alan)
	question := b.consent(link, decision{account: alan})
	b.wantText(question, "Allow Incidents to act as you?", "your administrator rights", "including those you aren't in")
	b.wantText(b.answer(question, "allow"), "Allowed")
	if got := w.api(t, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin", ""); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.text)
	}
	b.wantText(b.say("/status"), "Systems that can act as you", "Incidents",
		"With your administrator rights, in your whole organization: See your spaces")
	b.press("Withdraw")
	got = w.api(t, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin", "")
	if got.problem() != "approval_required" {
		t.Errorf("withdrawn: %d %s", got.status, got.text)
	}
}

func TestAdmin_NotAdministrator(t *testing.T) {
	t.Parallel()
	c := authorityCases["as an administrator"]
	c.person = ada
	w := c.setUp(t, "", nil)
	if got := w.api(t, "GET", "/v1/spaces?actAs=ada@example.com&authority=admin", ""); got.problem() != "denied" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestAPIPage_ContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	p := b.open(w.address + "/createspace/")
	b.wantText(p, "the HTTP API", "/v1/spaces/{space}/members", "PENDING")
	policy := p.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "style-src 'sha256-") ||
		strings.Contains(policy, "unsafe") {
		t.Errorf("%s", policy)
	}
	if got := b.open(w.address + "/createspace/nothing"); got.status != http.StatusNotFound {
		t.Errorf("%d", got.status)
	}
	if !strings.Contains(b.open(w.address+"/createspace/openapi.yaml").body, "openapi: 3.1.0") {
		t.Error("openapi.yaml is not served")
	}
}
