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

const allOfIt = `{"actAs":"ada@example.com","displayName":"Everything","description":"What","guidelines":"How","members":["grace@example.com","groups/oncall@example.com","kim@partner.example"],
 "kind":"ANNOUNCEMENTS","audience":"audiences/engineering","externalUserAllowed":true,"history":"HISTORY_OFF","firstMessage":"Welcome","addTheApp":true,
 "permissions":{"manageMembersAndGroups":"MANAGER","useAtMentionAll":"OWNER","replyMessages":"MEMBER"},
 "accessPermissions":{"discover":["audiences/default","audiences/engineering"],"join":["audiences/default"]}%s}`

func TestASpaceIsMadeWithEveryFieldThatASpaceHas(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	made := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(allOfIt, ""))
	if made.status != http.StatusCreated || strings.Contains(made.text, "FAILED") {
		t.Fatalf("%d %s", made.status, made.text)
	}
	var steps []string
	for _, s := range made.body["steps"].([]any) {
		steps = append(steps, fmt.Sprint(s.(map[string]any)["step"]))
	}
	if diff := cmp.Diff([]string{"history", "permissions", "access", "addTheApp", "firstMessage"}, steps); diff != "" {
		t.Error(diff)
	}
	var states []string
	for _, m := range made.body["members"].([]any) {
		member := m.(map[string]any)
		states = append(states, fmt.Sprint(member["member"], " ", member["state"]))
	}
	if diff := cmp.Diff([]string{"grace@example.com JOINED", "groups/oncall@example.com JOINED", "kim@partner.example INVITED"}, states); diff != "" {
		t.Error(diff)
	}
	got, _ := w.google.SpaceByName("Everything")
	want := google.Space{
		DisplayName: "Everything", Description: "What", Guidelines: "How", Discoverable: true, Audience: "audiences/engineering", AnnouncementOnly: true, ExternalAllowed: true, History: "HISTORY_OFF", App: true,
		DiscoverAudiences: []string{"audiences/default", "audiences/engineering"}, JoinAudiences: []string{"audiences/default"}, Groups: []string{"groups/02oncall"},
		Permissions: map[string]map[string]bool{
			"manageMembersAndGroups": {"managersAllowed": true, "assistantManagersAllowed": true, "membersAllowed": false},
			"useAtMentionAll":        {"managersAllowed": true, "assistantManagersAllowed": false, "membersAllowed": false},
			"replyMessages":          {"managersAllowed": true, "assistantManagersAllowed": true, "membersAllowed": true},
		},
	}
	want.ID, want.Created, want.Members, want.Messages = got.ID, got.Created, got.Members, got.Messages
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	read := w.api(t, "GET", "/v1/spaces/"+got.ID+"?actAs=ada@example.com", "")
	if read.body["audience"] != "audiences/engineering" || fmt.Sprint(read.body["permissions"]) != "map[manageMembersAndGroups:MANAGER replyMessages:MEMBER useAtMentionAll:OWNER]" {
		t.Errorf("%s", read.text)
	}
}

func TestThatNobodyFromOutsideMayBeInIsSaidToGoogleWhenItIsSaid(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	for field, want := range map[string]string{"": "<nil>", `,"externalUserAllowed":false`: "false", `,"externalUserAllowed":true`: "true"} {
		got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","dryRun":true`+field+`}`)
		body := got.body["requests"].([]any)[0].(map[string]any)["body"].(map[string]any)["space"].(map[string]any)
		if fmt.Sprint(body["externalUserAllowed"]) != want {
			t.Errorf("%s: %v", field, body)
		}
	}
}

func TestADryRunShowsTheRequestsThatTheActMakesAndMakesNone(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	w.knows(t, incident)
	body := fmt.Sprintf(allOfIt, `,"template":"Incident"%s`)
	calls := len(w.google.Calls())
	plan := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(body, `,"dryRun":true`))
	if made := w.google.Calls()[calls:]; plan.status != http.StatusOK || slices.ContainsFunc(made, func(c google.Call) bool { return strings.HasPrefix(c.Method, "chat.") }) {
		t.Fatalf("%d %s: %v", plan.status, plan.text, made)
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
		"PATCH " + chat + "spaces/NEW", "PATCH " + chat + "spaces/NEW", "PATCH " + chat + "spaces/NEW", "PATCH " + chat + "spaces/NEW",
		"POST " + chat + "spaces/NEW/members", "POST " + chat + "spaces/NEW/messages",
		"GET " + chat + "spaces/NEW/members", "GET " + chat + "spaces/NEW/members/grace@example.com", "GET " + chat + "spaces/NEW/members/kim@partner.example",
	}
	if diff := cmp.Diff(want, planned); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(plan.text, `"displayName":"INC-1 Everything"`) || !strings.Contains(plan.text, `"text":"Welcome"`) || !strings.Contains(plan.text, "updateMask=spaceHistoryState") {
		t.Errorf("%s", plan.text)
	}
	// Nothing was used up: not the number, not the key.
	made := w.api(t, "POST", "/v1/spaces", fmt.Sprintf(body, ""))
	if made.status != http.StatusCreated || made.body["displayName"] != "INC-1 Everything" {
		t.Errorf("%d %s", made.status, made.text)
	}
	var done []string
	for _, c := range w.google.Calls() {
		if strings.HasPrefix(c.Method, "chat.spaces.") && !strings.HasSuffix(c.Method, "get") {
			done = append(done, c.Method)
		}
	}
	if diff := cmp.Diff([]string{
		"chat.spaces.setup", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.patch", "chat.spaces.members.create", "chat.spaces.messages.create", "chat.spaces.members.list",
	}, done); diff != "" {
		t.Error(diff)
	}
}

func TestADryRunIsAskedForLikeTheAct(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	const body = `{"actAs":"ada@example.com","displayName":"x","dryRun":true}`
	if got := w.api(t, "POST", "/v1/spaces", body); got.problem() != "approval_required" {
		t.Errorf("%d %s", got.status, got.text)
	}
	denied := beginWith(t, caller())
	if got := denied.api(t, "POST", "/v1/spaces", strings.Replace(body, "ada", "someone@elsewhere.example", 1)); got.status < 400 || got.status == 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestAGroupThatThePersonDoesNotSeeMakesNoSpace(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","members":["groups/secret@example.com"]}`)
	if got.problem() != "invalid_request" || !strings.Contains(got.text, "The group secret@example.com") || w.count("chat.spaces.setup") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.api(t, "POST", "/v1/spaces/AAAAteam/members", `{"actAs":"ada@example.com","members":["groups/oncall@example.com"]}`); got.status != http.StatusOK || !strings.Contains(got.text, "JOINED") {
		t.Errorf("%d %s", got.status, got.text)
	}
	at := strings.Index(w.log.String(), "secret@example.com")
	if at >= 0 {
		t.Error(lineAt(w.log.String(), at))
	}
}

func TestAGroupByAddressAsksForTheRightToFindIt(t *testing.T) {
	t.Parallel()
	w := beginWith(t, caller())
	w.browser(t, ada).connect()
	got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","members":["groups/oncall@example.com"]}`)
	if got.problem() != "consent_required" || !strings.Contains(fmt.Sprint(got.body["missing"]), "ResolveGroups") {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestAConversationWithoutANameIsFoundOrMade(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	for n, c := range []struct{ body, want string }{
		{`{"actAs":"ada@example.com","spaceType":"GROUP_CHAT","members":["grace@example.com","alan@example.com"]}`, ""},
		{`{"actAs":"ada@example.com","spaceType":"DIRECT_MESSAGE","members":["grace@example.com"]}`, ""},
		{`{"actAs":"ada@example.com","spaceType":"DIRECT_MESSAGE","members":["grace@example.com","alan@example.com"]}`, "exactly one member"},
		{`{"actAs":"ada@example.com","spaceType":"DIRECT_MESSAGE","members":["groups/02oncall"]}`, "people"},
		{`{"actAs":"ada@example.com","spaceType":"GROUP_CHAT","members":["grace@example.com"]}`, "two people"},
		{`{"actAs":"ada@example.com","spaceType":"GROUP_CHAT","displayName":"x","members":["grace@example.com","alan@example.com"]}`, "takes members, and nothing else"},
		{`{"actAs":"ada@example.com","spaceType":"DIRECT_MESSAGE","dryRun":true,"members":["grace@example.com"]}`, "takes members, and nothing else"},
	} {
		first := w.api(t, "POST", "/v1/spaces", c.body, "Idempotency-Key", fmt.Sprint("the-first-", n))
		if c.want != "" {
			if first.problem() != "invalid_request" || !strings.Contains(first.text, c.want) {
				t.Errorf("%s: %d %s", c.body, first.status, first.text)
			}
			continue
		}
		second := w.api(t, "POST", "/v1/spaces", c.body, "Idempotency-Key", fmt.Sprint("the-second-", n))
		if first.status != http.StatusCreated || second.status != http.StatusCreated || first.body["name"] != second.body["name"] || first.body["name"] == "" {
			t.Errorf("%s: %d %s; %d %s", c.body, first.status, first.text, second.status, second.text)
		}
	}
}

func TestAnAudienceHasTheFormOfOne(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	for _, field := range []string{`"audience":"everybody"`, `"audience":"audiences/a/b"`, `"accessPermissions":{"join":["x"]}`} {
		if got := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x",`+field+`}`); got.problem() != "invalid_request" || !strings.Contains(got.text, "^audiences/") {
			t.Errorf("%s: %d %s", field, got.status, got.text)
		}
	}
	if n := w.count("chat.spaces.setup"); n != 0 {
		t.Errorf("%d spaces", n)
	}
}

func TestASpaceIsChangedOnlyIfItIsStillWhatWasRead(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	space := w.google.CreateSpace("Plan", ada)
	at := "/v1/" + space.Name()
	read := w.api(t, "GET", at+"?actAs=ada@example.com", "")
	tag := read.header.Get("ETag")
	change := func(key, ifMatch, text string) answered {
		return w.api(t, "PATCH", at+"?updateMask=description", `{"actAs":"ada@example.com","description":"`+text+`"}`, "Idempotency-Key", key, "If-Match", ifMatch)
	}
	first := change("the-first", tag, "One")
	if first.status != http.StatusOK || first.header.Get("ETag") == "" || first.header.Get("ETag") == tag {
		t.Fatalf("%d %s %s", first.status, first.header.Get("ETag"), first.text)
	}
	if lost := change("the-second", tag, "Two"); lost.status != http.StatusPreconditionFailed || lost.problem() != "changed" {
		t.Errorf("%d %s", lost.status, lost.text)
	}
	if got, _ := w.google.SpaceByName("Plan"); got.Description != "One" {
		t.Errorf("%q", got.Description)
	}
	if again := w.api(t, "GET", at+"?actAs=ada@example.com", ""); again.header.Get("ETag") != first.header.Get("ETag") {
		t.Errorf("%s, not %s", again.header.Get("ETag"), first.header.Get("ETag"))
	}
	for key, tag := range map[string]string{"any-state": "*", "one-of-them": `"x", ` + first.header.Get("ETag")} {
		if got := change(key, tag, "One"); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", tag, got.status, got.text)
		}
	}
}

func TestATemplateIsReplacedAndRemovedOnlyIfItIsStillWhatWasRead(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	put := func(ifMatch, text string) answered {
		return w.api(t, "PUT", "/v1/templates/Plan", `{"description":"`+text+`"}`, "If-Match", ifMatch)
	}
	if got := put("*", "x"); got.status != http.StatusPreconditionFailed {
		t.Errorf("nothing to be replaced: %d %s", got.status, got.text)
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
	if got := w.api(t, "DELETE", "/v1/templates/Plan", "", "If-Match", tag); got.status != http.StatusPreconditionFailed {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/templates/Plan", ""); got.body["description"] != "Two" {
		t.Errorf("%s", got.text)
	}
}
