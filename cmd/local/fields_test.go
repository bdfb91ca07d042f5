package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
)

// fullSpaceBody is a request body with every field of a space, and %s for more.
const fullSpaceBody = `{"actAs":"ada@example.com","displayName":"Everything","description":"What","guidelines":"How",
 "members":["grace@example.com","groups/oncall@example.com","kim@partner.example"],
 "kind":"ANNOUNCEMENTS","audience":"audiences/engineering","externalUserAllowed":true,"history":"HISTORY_OFF",
 "firstMessage":"Welcome","addTheApp":true,
 "permissions":{"manageMembersAndGroups":"MANAGER","useAtMentionAll":"OWNER","replyMessages":"MEMBER"},
 "accessPermissions":{"discover":["audiences/default","audiences/engineering"],"join":["audiences/default"]}%s}`

func TestCreate_AllFields(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	created := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(fullSpaceBody, ""))
	if created.status != http.StatusCreated || strings.Contains(created.text, "FAILED") {
		t.Fatalf("%d %s", created.status, created.text)
	}
	var steps []string
	for _, s := range created.body["steps"].([]any) {
		steps = append(steps, fmt.Sprint(s.(map[string]any)["step"]))
	}
	if diff := cmp.Diff([]string{"history", "permissions", "access", "addTheApp", "firstMessage"}, steps); diff != "" {
		t.Error(diff)
	}
	var states []string
	for _, m := range created.body["members"].([]any) {
		member := m.(map[string]any)
		states = append(states, fmt.Sprint(member["member"], " ", member["state"]))
	}
	wantStates := []string{
		"grace@example.com JOINED", "groups/oncall@example.com JOINED", "kim@partner.example INVITED",
	}
	if diff := cmp.Diff(wantStates, states); diff != "" {
		t.Error(diff)
	}
	got, _ := w.google.SpaceByName("Everything")
	allowed := func(assistantManagers, members bool) map[string]bool {
		return map[string]bool{
			"managersAllowed": true, "assistantManagersAllowed": assistantManagers, "membersAllowed": members,
		}
	}
	want := google.Space{
		DisplayName: "Everything", Description: "What", Guidelines: "How", Discoverable: true,
		Audience: "audiences/engineering", AnnouncementOnly: true, ExternalAllowed: true, History: "HISTORY_OFF",
		App: true,
		DiscoverAudiences: []string{
			"audiences/default",
			"audiences/engineering",
		}, JoinAudiences: []string{"audiences/default"},
		Groups: []string{"groups/02oncall"},
		Permissions: map[string]map[string]bool{
			"manageMembersAndGroups": allowed(true, false),
			"useAtMentionAll":        allowed(false, false),
			"replyMessages":          allowed(true, true),
		},
	}
	want.ID, want.Created, want.Members, want.Messages = got.ID, got.Created, got.Members, got.Messages
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	read := w.api(t, "GET", "/v1/spaces/"+got.ID+"?actAs=ada@example.com", "")
	permissions := fmt.Sprint(read.body["permissions"])
	if read.body["audience"] != "audiences/engineering" ||
		permissions != "map[manageMembersAndGroups:MANAGER replyMessages:MEMBER useAtMentionAll:OWNER]" {
		t.Errorf("%s", read.text)
	}
}

func TestCreate_ExternalUserAllowed(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	for field, want := range map[string]string{
		"":                             "<nil>",
		`,"externalUserAllowed":false`: "false",
		`,"externalUserAllowed":true`:  "true",
	} {
		got := w.api(t, "POST", "/v1/spaces:plan", `{"actAs":"ada@example.com","displayName":"x"`+field+`}`)
		body := got.body["requests"].([]any)[0].(map[string]any)["body"].(map[string]any)
		space := body["space"].(map[string]any)
		if fmt.Sprint(space["externalUserAllowed"]) != want {
			t.Errorf("%s: %v", field, space)
		}
	}
}

func TestPlan_ListsRequests(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	w.google.SetStrict(0) // the test compares the calls with those of the plan
	w.addTemplates(t, incident)
	body := fmt.Sprintf(fullSpaceBody, `,"template":"Incident"%s`)
	calls := len(w.google.Calls())
	plan := w.api(t, "POST", "/v1/spaces:plan", fmt.Sprintf(body, ""))
	sent := w.google.Calls()[calls:]
	isChat := func(c google.Call) bool { return strings.HasPrefix(c.Method, "chat.") }
	if plan.status != http.StatusOK || slices.ContainsFunc(sent, isChat) {
		t.Fatalf("%d %s: %v", plan.status, plan.text, sent)
	}
	var planned []string
	for _, r := range plan.body["requests"].([]any) {
		request := r.(map[string]any)
		address, _, _ := strings.Cut(request["url"].(string), "?")
		planned = append(planned, request["method"].(string)+" "+address)
	}
	chat := "https://chat.googleapis.com/v1/"
	want := []string{
		"GET https://cloudidentity.googleapis.com/v1/groups:lookup",
		"POST " + chat + "spaces:setup",
		"PATCH " + chat + "spaces/NEW", "PATCH " + chat + "spaces/NEW",
		"PATCH " + chat + "spaces/NEW", "PATCH " + chat + "spaces/NEW",
		"POST " + chat + "spaces/NEW/members", "POST " + chat + "spaces/NEW/messages",
		"GET " + chat + "spaces/NEW/members", "GET " + chat + "spaces/NEW/members/grace@example.com",
		"GET " + chat + "spaces/NEW/members/kim@partner.example",
	}
	if diff := cmp.Diff(want, planned); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{
		`"displayName":"INC-1 Everything"`, `"text":"Welcome"`, "updateMask=spaceHistoryState",
	} {
		if !strings.Contains(plan.text, part) {
			t.Errorf("%s", plan.text)
		}
	}
	// The dry run used up neither the template's number nor the idempotency key.
	created := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(body, ""))
	if created.status != http.StatusCreated || created.body["displayName"] != "INC-1 Everything" {
		t.Errorf("%d %s", created.status, created.text)
	}
	var done []string
	for _, c := range w.google.Calls() {
		if strings.HasPrefix(c.Method, "chat.spaces.") && !strings.HasSuffix(c.Method, "get") {
			done = append(done, c.Method)
		}
	}
	if diff := cmp.Diff([]string{
		"chat.spaces.setup", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.patch",
		"chat.spaces.members.create", "chat.spaces.messages.create", "chat.spaces.members.list",
	}, done); diff != "" {
		t.Error(diff)
	}
}

func TestPlan_ApprovalRequired(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	const body = `{"actAs":"ada@example.com","displayName":"x"}`
	if got := w.api(t, "POST", "/v1/spaces:plan", body); got.problem() != "approval_required" {
		t.Errorf("%d %s", got.status, got.text)
	}
	denied := newWorldWithCaller(t, caller())
	elsewhere := strings.Replace(body, "ada@example.com", "someone@elsewhere.example", 1)
	got := denied.api(t, "POST", "/v1/spaces:plan", elsewhere)
	if got.problem() != "denied" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestCreate_UnknownGroup(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	got := w.api(t, "POST", "/v1/spaces",
		`{"actAs":"ada@example.com","displayName":"x","members":["groups/secret@example.com"]}`)
	if got.problem() != "invalid_request" || w.count("chat.spaces.setup") != 0 ||
		!strings.Contains(got.text, "The group secret@example.com") {
		t.Errorf("%d %s", got.status, got.text)
	}
	added := w.api(t, "POST", "/v1/spaces/AAAAteam/members",
		`{"actAs":"ada@example.com","members":["groups/oncall@example.com"]}`)
	if added.status != http.StatusOK || !strings.Contains(added.text, "JOINED") {
		t.Errorf("%d %s", added.status, added.text)
	}
	if i := strings.Index(w.log.String(), "secret@example.com"); i >= 0 {
		t.Error(lineAt(w.log.String(), i))
	}
}

func TestCreate_GroupNeedsConsent(t *testing.T) {
	t.Parallel()
	w := newWorldWithCaller(t, caller())
	w.browser(t, ada).connect()
	got := w.api(t, "POST", "/v1/spaces",
		`{"actAs":"ada@example.com","displayName":"x","members":["groups/oncall@example.com"]}`)
	if got.problem() != "consent_required" || !strings.Contains(fmt.Sprint(got.body["missing"]), "ResolveGroups") {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestCreate_UnnamedConversation(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	const (
		group     = `{"actAs":"ada@example.com","spaceType":"GROUP_CHAT",`
		direct    = `{"actAs":"ada@example.com","spaceType":"DIRECT_MESSAGE",`
		onePerson = `"members":["grace@example.com"]}`
		twoPeople = `"members":["grace@example.com","alan@example.com"]}`
	)
	for n, c := range []struct{ body, want string }{
		{group + twoPeople, ""},
		{direct + onePerson, ""},
		{direct + twoPeople, "exactly one member"},
		{direct + `"members":["groups/02oncall"]}`, "people"},
		{group + onePerson, "two people"},
		{group + `"displayName":"x",` + twoPeople, "takes only the fields actAs"},
		{direct + `"addTheApp":true,` + onePerson, "takes only the fields actAs"},
	} {
		first := w.api(t, "POST", "/v1/spaces", c.body, "Idempotency-Key", fmt.Sprint("the-first-", n))
		if c.want != "" {
			if first.problem() != "invalid_request" || !strings.Contains(first.text, c.want) {
				t.Errorf("%s: %d %s", c.body, first.status, first.text)
			}
			continue
		}
		second := w.api(t, "POST", "/v1/spaces", c.body, "Idempotency-Key", fmt.Sprint("the-second-", n))
		if first.status != http.StatusCreated || second.status != http.StatusCreated ||
			first.body["name"] != second.body["name"] || first.body["name"] == "" {
			t.Errorf("%s: %d %s; %d %s", c.body, first.status, first.text, second.status, second.text)
		}
	}
}

func TestCreate_InvalidAudience(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	for _, field := range []string{
		`"audience":"everybody"`, `"audience":"audiences/a/b"`, `"accessPermissions":{"join":["x"]}`,
	} {
		got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x",`+field+`}`)
		if got.problem() != "invalid_request" || !strings.Contains(got.text, "^audiences/") {
			t.Errorf("%s: %d %s", field, got.status, got.text)
		}
	}
	if n := w.count("chat.spaces.setup"); n != 0 {
		t.Errorf("%d spaces", n)
	}
}

func TestIfMatch_Space(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	space := w.google.CreateSpace("Plan", ada)
	path := "/v1/" + space.Name()
	read := w.api(t, "GET", path+"?actAs=ada@example.com", "")
	tag := read.header.Get("ETag")
	change := func(key, ifMatch, text string) apiResponse {
		return w.api(t, "PATCH", path+"?updateMask=description",
			`{"actAs":"ada@example.com","description":"`+text+`"}`, "Idempotency-Key", key, "If-Match", ifMatch)
	}
	first := change("the-first", tag, "One")
	if first.status != http.StatusOK || first.header.Get("ETag") == "" || first.header.Get("ETag") == tag {
		t.Fatalf("%d %s %s", first.status, first.header.Get("ETag"), first.text)
	}
	second := change("the-second", tag, "Two")
	if second.status != http.StatusPreconditionFailed || second.problem() != "changed" {
		t.Errorf("%d %s", second.status, second.text)
	}
	if got, _ := w.google.SpaceByName("Plan"); got.Description != "One" {
		t.Errorf("%q", got.Description)
	}
	again := w.api(t, "GET", path+"?actAs=ada@example.com", "")
	if again.header.Get("ETag") != first.header.Get("ETag") {
		t.Errorf("%s, not %s", again.header.Get("ETag"), first.header.Get("ETag"))
	}
	for key, tag := range map[string]string{"any-state": "*", "one-of-them": `"x", ` + first.header.Get("ETag")} {
		if got := change(key, tag, "One"); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", tag, got.status, got.text)
		}
	}
}

func TestIfMatch_Template(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t)
	put := func(ifMatch, text string) apiResponse {
		return w.api(t, "PUT", "/v1/templates/Plan", `{"description":"`+text+`"}`, "If-Match", ifMatch)
	}
	if got := put("*", "x"); got.status != http.StatusPreconditionFailed {
		t.Errorf("no template yet: %d %s", got.status, got.text)
	}
	first := w.api(t, "PUT", "/v1/templates/Plan", `{"description":"One"}`)
	tag := first.header.Get("ETag")
	if got := w.api(t, "GET", "/v1/templates/Plan", ""); got.header.Get("ETag") != tag || tag == "" {
		t.Errorf("%s, not %s", got.header.Get("ETag"), tag)
	}
	if got := put(tag, "Two"); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := put(tag, "Three"); got.status != http.StatusPreconditionFailed || got.problem() != "changed" {
		t.Errorf("%d %s", got.status, got.text)
	}
	got := w.api(t, "DELETE", "/v1/templates/Plan", "", "If-Match", tag)
	if got.status != http.StatusPreconditionFailed {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/templates/Plan", ""); got.body["description"] != "Two" {
		t.Errorf("%s", got.text)
	}
}
