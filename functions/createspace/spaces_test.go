package createspace_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
)

// manyMembers is a body with members member-1 to member-n.
func manyMembers(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("member-%d@example.com", i+1))
	}
	text, _ := json.Marshal(list) // strings
	return `{"actAs":"ada@example.com","displayName":"Plan","members":` + string(text) + `}`
}

// Each field of the request goes to its place in the requests to Google.
func TestCreateSpace_Fields(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		const all = `"displayName":"Plan","description":"d","guidelines":"g","externalUserAllowed":false,
			"access":"DISCOVERABLE","audience":"audiences/a","kind":"ANNOUNCEMENTS","history":"HISTORY_OFF",
			"permissions":{"manageApps":"OWNER","toggleHistory":"MANAGER","replyMessages":"MEMBER"},
			"accessPermissions":{"discover":["audiences/a"],"join":["audiences/a"]},
			"members":["Grace@example.com","users/1","groups/g"],"addTheApp":true,"firstMessage":"Hello"`
		got := e.want(200, "POST", "/v1/spaces:plan", `{"actAs":"ada@example.com",`+all+`}`)
		var plan []string
		for _, r := range got.list("requests") {
			body := ""
			if object, ok := r["body"].(map[string]any); ok {
				delete(object, "requestId")
				text, err := json.Marshal(object)
				check(t, err)
				body = " " + string(text)
			}
			address, err := url.Parse(r["url"].(string))
			check(t, err)
			q := address.Query()
			plan = append(plan, fmt.Sprint(r["method"], " ", address.Path, " ", q.Get("updateMask"), body))
		}
		setting := func(assistants, members bool) string {
			const text = `{"assistantManagersAllowed":%v,"managersAllowed":true,"membersAllowed":%v}`
			return fmt.Sprintf(text, assistants, members)
		}
		const at, principals = "/v1/spaces/NEW", `{"principals":[{"audience":{"name":"audiences/a"}}]}`
		want := []string{
			`POST /v1/spaces:setup  {"memberships":[{"member":{"name":"users/grace@example.com","type":"HUMAN"}},` +
				`{"member":{"name":"users/1","type":"HUMAN"}},{"groupMember":{"name":"groups/g"}}],` +
				`"space":{"accessSettings":{"audience":"audiences/a"},"displayName":"Plan",` +
				`"externalUserAllowed":false,` +
				`"predefinedPermissionSettings":"ANNOUNCEMENT_SPACE",` +
				`"spaceDetails":{"description":"d","guidelines":"g"},` +
				`"spaceType":"SPACE"}}`,
			`PATCH ` + at + ` spaceHistoryState {"spaceHistoryState":"HISTORY_OFF"}`,
			`PATCH ` + at + ` permissionSettings.toggleHistory,permissionSettings.manageApps,` +
				`permissionSettings.replyMessages {"permissionSettings":{"manageApps":` + setting(false, false) +
				`,"replyMessages":` + setting(true, true) + `,"toggleHistory":` + setting(true, false) + `}}`,
			`PATCH ` + at + ` accessSettings.accessPermissionSettings.discoverSpaceSetting ` +
				`{"accessSettings":{"accessPermissionSettings":{"discoverSpaceSetting":` + principals + `}}}`,
			`PATCH ` + at + ` accessSettings.accessPermissionSettings.joinSpaceSetting ` +
				`{"accessSettings":{"accessPermissionSettings":{"joinSpaceSetting":` + principals + `}}}`,
			`POST ` + at + `/members  {"member":{"name":"users/app","type":"BOT"}}`,
			`POST ` + at + `/messages  {"markupSyntax":"MARKUP_SYNTAX_CHAT","text":"Hello"}`,
			`GET ` + at + `/members `, `GET ` + at + `/members/grace@example.com `,
		}
		if diff := cmp.Diff(want, plan); diff != "" {
			t.Error(diff)
		}
		if n := len(e.Google.Calls()); n != 1 { // for the keys of callers' tokens
			t.Errorf("%d calls to Google", n)
		}
	})
}

func TestCreateSpace_Refused(t *testing.T) {
	inEnv(t, func(_ *testing.T, e *env) {
		for body, text := range map[string]string{
			`"displayName":""`:                                                    "displayName has 0 characters",
			`"description":"d"`:                                                   "name",
			`"displayName":"x","members":["a b"]`:                                 `/members/0 is "a b"`,
			`"displayName":"x","template":"None"`:                                 "no template has this name",
			`"displayName":"x","onDuplicate":"NO"`:                                "onDuplicate can't be",
			`"spaceType":"GROUP_CHAT"`:                                            "",
			`"displayName":"x","dryrun":true`:                                     "dryrun",
			`"displayName":"x","dryRun":true`:                                     `Unknown field "dryRun"`,
			`"spaceType":"DIRECT_MESSAGE","members":["users/1"],"addTheApp":true`: "A DIRECT_MESSAGE takes",
			`"spaceType":"GROUP_CHAT","members":["users/1"],"displayName":"x"`:    "A GROUP_CHAT takes only the fields",
			`"spaceType":"GROUP_CHAT","members":["users/1","x y"]`:                `/members/1 is "x y"`,
			`"displayName":"x","access":"PRIVATE","audience":"audiences/a"`:       "can't have an audience",
			`"displayName":"x","access":"PRIVATE","audience":"a"`:                 "audience must match",
		} {
			e.refuse("invalid_request", text, "POST", "/v1/spaces", `{"actAs":"ada@example.com",`+body+`}`)
		}
		const plan = "/v1/spaces:plan"
		e.want(200, "POST", plan, `{"actAs":"ada@example.com","displayName":"x",
			"access":"DISCOVERABLE","audience":"audiences/a"}`)
		e.want(200, "POST", plan, `{"actAs":"ada@example.com","displayName":"x","audience":"audiences/a"}`)
		e.refuse("invalid_request", "Only a SPACE can be planned, not a GROUP_CHAT", "POST", plan,
			`{"actAs":"ada@example.com","spaceType":"GROUP_CHAT","members":["users/1","users/2"]}`)
	})
}

// A field of the request replaces the template's, even with an empty value; a field that it omits does not.
func TestCreateSpace_Template(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.CallersYAML = callersFile(callers.Actions()...) + "- name: Whole\n  displayName: 'INC {{title}}'\n" +
			"  description: d\n  guidelines: g\n  firstMessage: f\n  access: DISCOVERABLE\n  kind: ANNOUNCEMENTS\n" +
			"  addTheApp: true\n"
		type made struct {
			Name, Description, Guidelines string
			Discoverable, Announcements   bool
			App                           bool
			Said                          int
		}
		whole := made{"INC x", "d", "g", true, true, true, 1}
		for body, change := range map[string]func(*made){
			``:                            func(*made) {},
			`,"description":""`:           func(m *made) { m.Description = "" },
			`,"guidelines":""`:            func(m *made) { m.Guidelines = "" },
			`,"access":"PRIVATE"`:         func(m *made) { m.Discoverable = false },
			`,"kind":"COLLABORATION"`:     func(m *made) { m.Announcements = false },
			`,"addTheApp":false`:          func(m *made) { m.App = false },
			`,"firstMessage":""`:          func(m *made) { m.Said = 0 },
			`,"description":"e"`:          func(m *made) { m.Description = "e" },
			`,"externalUserAllowed":true`: func(*made) {},
		} {
			want := whole
			change(&want)
			created := e.want(201, "POST", "/v1/spaces",
				`{"actAs":"ada@example.com","template":"Whole","displayName":"x"`+body+`}`,
				"Idempotency-Key", "the key of "+body)
			s, found := e.Google.SpaceByName("INC x")
			got := made{
				Name: s.DisplayName, Description: s.Description, Guidelines: s.Guidelines,
				Discoverable: s.Discoverable, Announcements: s.AnnouncementOnly, App: s.App,
			}
			for _, m := range s.Messages {
				if m.Text == "f" {
					got.Said++
				}
			}
			if diff := cmp.Diff(want, got); !found || diff != "" || created.text("displayName") != "INC x" {
				t.Errorf("%s: %s", body, diff)
			}
			e.Google.RenameSpace(s.ID, "done")
		}
	})
}

func TestCreateSpace_OnDuplicate(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		path := e.space("Plan")
		create := func(how string) answer {
			return e.call("POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"Plan"`+how+`}`,
				"Idempotency-Key", "the key of "+how)
		}
		for _, how := range []string{"", `,"onDuplicate":"FAIL"`} {
			if got := create(how); got.problem() != "conflict" {
				t.Errorf("%s: %s", how, got.Body)
			}
		}
		again := e.refuse("conflict", "", "POST", "/v1/spaces",
			`{"actAs":"ada@example.com","displayName":"Plan","onDuplicate":"FAIL"}`, "Idempotency-Key", "the key of ")
		if again.problem() == "key_reused" {
			t.Error("the default and FAIL are different requests")
		}
		if got := create(`,"onDuplicate":"SUFFIX"`); got.text("displayName") != "Plan 2" || got.body["reused"] != nil {
			t.Errorf("%s", got.Body)
		}
		for i, want := range []string{"Incident 911", "Incident 911 2", "Incident 911 3"} {
			body := `{"actAs":"ada@example.com","displayName":"Incident 911","onDuplicate":"SUFFIX"}`
			key := "the number of " + want
			if got := e.want(201, "POST", "/v1/spaces", body, "Idempotency-Key", key); got.text("displayName") != want {
				t.Errorf("%d: %s", i, got.Body)
			}
		}
		got := create(`,"onDuplicate":"REUSE"`)
		if "/v1/"+got.text("name") != path || got.body["reused"] != true || got.Code != 201 {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

func TestCreateSpace_Conversations(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		group := e.want(201, "POST", "/v1/spaces", `{"actAs":"ada@example.com","spaceType":"GROUP_CHAT",
			"members":["grace@example.com","alan@example.com"]}`)
		direct := e.want(201, "POST", "/v1/spaces", `{"actAs":"ada@example.com","spaceType":"DIRECT_MESSAGE",
			"authority":"user","members":["grace@example.com"]}`, "Idempotency-Key", "another-key")
		if group.text("name") == direct.text("name") || len(group.list("members")) != 2 ||
			len(direct.list("members")) != 1 || group.text("address") == "" {
			t.Errorf("%s %s", group.Body, direct.Body)
		}
		space := e.want(201, "POST", "/v1/spaces", `{"actAs":"ada@example.com","spaceType":"SPACE","displayName":"x"}`,
			"Idempotency-Key", "a-third-key")
		if space.text("displayName") != "x" {
			t.Errorf("%s", space.Body)
		}
	})
}

// What is not finished is a 202: after a second if only time is short, else after half a minute.
func TestCreateSpace_Unfinished(t *testing.T) {
	inFriendlyEnv(t, func(t *testing.T, e *env) {
		e.Google.Fail("chat.spaces.members.list", 500, 500, 500, 500)
		e.Google.Fail("chat.spaces.members.list", 500, 500, 500, 500) // small pages, too
		body := `{"actAs":"ada@example.com","displayName":"Plan","members":["grace@example.com","none@example.com"],` +
			`"firstMessage":"Hello"}`
		got := e.want(202, "POST", "/v1/spaces", body)
		if got.Header().Get("Retry-After") != "30" || got.list("members")[0]["state"] != "UNCHECKED" {
			t.Errorf("%v %s", got.Header(), got.Body)
		}
		got = e.want(201, "POST", "/v1/spaces", body)
		members, steps := got.list("members"), got.list("steps")
		if members[0]["state"] != "JOINED" || members[0]["detail"] != nil || members[1]["state"] != "LEFT_OUT" ||
			members[1]["detail"] == nil || steps[0]["step"] != "firstMessage" || steps[0]["state"] != "DONE" {
			t.Errorf("%s", got.Body)
		}
	})
}

func TestListSpaces(t *testing.T) {
	inFriendlyEnv(t, func(t *testing.T, e *env) {
		for i := range 3 {
			e.space(fmt.Sprint("Plan ", i))
		}
		names := func(a answer) (out []string) {
			for _, s := range a.list("spaces") {
				out = append(out, s["displayName"].(string))
			}
			return out
		}
		first := e.want(200, "GET", "/v1/spaces"+asAda+"&pageSize=3", "")
		last := e.want(200, "GET", "/v1/spaces"+asAda+"&pageSize=3&pageToken="+first.text("nextPageToken"), "")
		all := append(names(first), names(last)...)
		if diff := cmp.Diff([]string{"Plan 0", "Plan 1", "Plan 2", "Team"}, all); diff != "" ||
			last.body["nextPageToken"] != nil {
			t.Error(diff)
		}
		found := names(e.want(200, "GET", "/v1/spaces"+asAda+"&query=+plan+1+", ""))
		if diff := cmp.Diff([]string{"Plan 1"}, found); diff != "" {
			t.Error(diff)
		}
		none := e.want(200, "GET", "/v1/spaces"+asAda+"&query=nothing", "")
		if none.Body.String() != "{\"spaces\":[]}\n" {
			t.Errorf("%s", none.Body)
		}
		for i := range 100 {
			e.space(fmt.Sprint("Many ", i))
		}
		if got := e.want(200, "GET", "/v1/spaces"+asAda+"&query=many", ""); got.body["incomplete"] != true {
			t.Errorf("Google returns at most 100: %v", got.body["incomplete"])
		}
		if got := e.want(200, "GET", "/v1/spaces"+asAda, ""); len(got.list("spaces")) != 100 {
			t.Errorf("the default page has %d", len(got.list("spaces")))
		}
		const alone = "can't be combined with pageSize"
		e.refuse("invalid_request", alone, "GET", "/v1/spaces"+asAda+"&query=x&pageSize=3", "")
		e.want(200, "GET", "/v1/spaces"+asAda+"&query=+&pageSize=3", "")
		const asAlan = "/v1/spaces?actAs=alan@example.com&authority=admin"
		if got := e.want(200, "GET", asAlan+"&query=plan&pageSize=2", ""); len(got.list("spaces")) != 2 {
			t.Errorf("%s", got.Body)
		}
		e.want(200, "GET", asAlan+"&query="+strings.Repeat("%C3%A4", 200), "")
		e.refuse("invalid_request", "", "GET", asAlan+"&query="+strings.Repeat("%C3%A4", 201), "")
	})
}

// A page token is good for the list that it came from.
func TestPageToken_OfOtherList(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		plan, other := e.space("Plan", grace, alan), e.space("Other", grace, alan)
		token := e.want(200, "GET", "/v1/spaces"+asAda+"&pageSize=1", "").text("nextPageToken")
		admin := e.want(200, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin&pageSize=1", "").
			text("nextPageToken")
		members := e.want(200, "GET", plan+"/members"+asAda+"&pageSize=1", "").text("nextPageToken")
		for _, path := range []string{
			"/v1/spaces?actAs=alan@example.com&pageToken=" + token,
			"/v1/spaces?actAs=alan@example.com&pageToken=" + admin,
			"/v1/spaces" + asAda + "&query=x&pageToken=" + token, "/v1/spaces" + asAda + "&pageToken=" + members,
			"/v1/spaces" + asAda + "&pageToken=page-1", "/v1/spaces" + asAda + "&pageToken=%20",
			"/v1/spaces" + asAda + "&pageToken=" + token[:11], // the list without a page
			other + "/members" + asAda + "&pageToken=" + members,
			plan + "/members?actAs=" + ada.User() + "&pageToken=" + members,
		} {
			e.refuse("invalid_request", "pageToken isn't from this list", "GET", path, "")
		}
		next := e.want(200, "GET", plan+"/members"+asAda+"&pageSize=1&pageToken="+members, "")
		if next.list("members")[0]["member"] != grace.User() {
			t.Errorf("%s", next.Body)
		}
		first := e.want(200, "GET", plan+"/members"+asAda+"&pageSize=1&pageToken=", "")
		if first.list("members")[0]["member"] != ada.User() {
			t.Errorf("%s", first.Body)
		}
	})
}

func TestGetSpace_Fields(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		made := e.want(201, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"Plan","description":"d",
			"guidelines":"g","audience":"audiences/engineering","externalUserAllowed":true,"history":"HISTORY_OFF",
			"permissions":{"manageApps":"OWNER","toggleHistory":"MANAGER","replyMessages":"MEMBER"}}`)
		got := e.want(200, "GET", "/v1/"+made.text("name")+asAda, "")
		want := map[string]any{
			"name": made.text("name"), "displayName": "Plan", "address": made.text("address"), "access": "DISCOVERABLE",
			"description": "d", "guidelines": "g", "audience": "audiences/engineering", "externalUserAllowed": true,
			"history": "HISTORY_OFF", "createTime": "2000-01-01T00:00:00Z",
			"permissions": map[string]any{"manageApps": "OWNER", "toggleHistory": "MANAGER", "replyMessages": "MEMBER"},
		}
		if diff := cmp.Diff(want, got.body); diff != "" {
			t.Error(diff)
		}
		bare := e.want(200, "GET", team+asAda, "")
		for _, field := range []string{"description", "guidelines", "audience", "permissions"} {
			if bare.body[field] != nil {
				t.Errorf("%s: %v", field, bare.body[field])
			}
		}
		if bare.body["access"] != "PRIVATE" || bare.body["externalUserAllowed"] != false {
			t.Errorf("%s", bare.Body)
		}
	})
}

func TestUpdateSpace_Fields(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		path := e.space("Plan")
		n := 0
		patch := func(mask, fields string) answer {
			t.Helper()
			n++
			return e.want(200, "PATCH", path+"?updateMask="+mask, `{"actAs":"ada@example.com"`+fields+`}`,
				"Idempotency-Key", fmt.Sprint("key number ", n))
		}
		got := patch("displayName,description,guidelines,history,access,permissions", `,"displayName":"Plan B",
			"description":"d","guidelines":"g","history":"HISTORY_OFF","access":"DISCOVERABLE",
			"permissions":{"manageApps":"MANAGER"}`)
		want := map[string]any{
			"displayName": "Plan B", "description": "d", "guidelines": "g", "history": "HISTORY_OFF",
			"access": "DISCOVERABLE", "audience": "audiences/default",
			"permissions": map[string]any{"manageApps": "MANAGER"},
		}
		for field, value := range want {
			if diff := cmp.Diff(value, got.body[field]); diff != "" {
				t.Errorf("%s: %s", field, diff)
			}
		}
		// A field in the mask that the body omits is cleared.
		got = patch("description,access", "")
		if got.body["description"] != nil || got.text("guidelines") != "g" || got.text("access") != "PRIVATE" {
			t.Errorf("%s", got.Body)
		}
		got = patch("access,audience,guidelines", `,"access":"DISCOVERABLE","audience":"audiences/engineering"`)
		if got.text("audience") != "audiences/engineering" || got.body["guidelines"] != nil {
			t.Errorf("%s", got.Body)
		}
		if got = patch("audience", ""); got.text("access") != "PRIVATE" {
			t.Errorf("%s", got.Body)
		}
		patch("accessPermissions", `,"accessPermissions":{"discover":["audiences/a"],"join":["audiences/a"]}`)
		s, _ := e.Google.SpaceByName("Plan B")
		if diff := cmp.Diff([]string{"audiences/a"}, append(s.DiscoverAudiences, s.JoinAudiences[1:]...)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestUpdateSpace_Mask(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		for _, c := range []struct{ mask, fields, text string }{
			{"", ``, `updateMask names the unknown field ""`},
			{"color", ``, `updateMask names the unknown field "color"`},
			{"description,", ``, `updateMask names the unknown field ""`},
			{"displayName,%20description", ``, `updateMask names the unknown field " description"`},
			{"description", `,"displayName":"x"`, "displayName is in the body but not in updateMask"},
			{"description", `,"permissions":{}`, "permissions is in the body but not in updateMask"},
			{"description", `,"history":"HISTORY_ON"`, "history is in the body but not in updateMask"},
			{"permissions", ``, "permissions can't be cleared"},
			{"accessPermissions", ``, "accessPermissions can't be cleared"},
			{"access,audience", `,"access":"PRIVATE","audience":"audiences/a"`, "can't have an audience"},
			{"displayName", ``, "name"},
			{"history", ``, "history"},
		} {
			body := `{"actAs":"ada@example.com"` + c.fields + `}`
			e.refuse("invalid_request", c.text, "PATCH", team+"?updateMask="+c.mask, body)
		}
		if e.Google.Count("chat.spaces.patch") != 0 {
			t.Error("something was changed")
		}
	})
}

func TestETag(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		path := e.space("Plan")
		const body = `{"actAs":"ada@example.com","description":"d"}`
		first := e.want(200, "GET", path+asAda, "").Header().Get("ETag")
		updated := e.want(200, "PATCH", path+"?updateMask=description", body, "If-Match", first).Header().Get("ETag")
		now := e.want(200, "GET", path+asAda, "").Header().Get("ETag")
		if first == "" || updated == first || updated != now {
			t.Errorf("space: %s, %s, %s", first, updated, now)
		}
		e.refuse("changed", "nothing was done", "PATCH", path+"?updateMask=description", body, "If-Match", first,
			"Idempotency-Key", "another-key")

		for i, tag := range []string{"W/" + now, `"another", W/` + now, "*"} { // proxies mark tags as weak
			e.want(200, "PATCH", path+"?updateMask=description", body, "If-Match", tag,
				"Idempotency-Key", fmt.Sprint("the key of tag ", i))
		}
		for i, tag := range []string{strings.Trim(now, `"`), "w/" + now, now + " " + now, `"open`, "*, " + now} {
			e.refuse("invalid_request", "If-Match", "PATCH", path+"?updateMask=description", body, "If-Match", tag,
				"Idempotency-Key", fmt.Sprint("the key of text ", i))
		}

		got := e.want(200, "PUT", "/v1/templates/T", `{"description":"d"}`)
		first = got.Header().Get("ETag")
		if control := got.Header().Get("Cache-Control"); !strings.Contains(control, "no-transform") {
			t.Errorf("Cache-Control: %q", control)
		}
		if now := e.want(200, "GET", "/v1/templates/T", "").Header().Get("ETag"); now != first || now == "" {
			t.Errorf("template: %s, %s", first, now)
		}
		e.want(200, "PUT", "/v1/templates/T", `{"description":"e"}`, "If-Match", first)
		e.refuse("changed", "", "PUT", "/v1/templates/T", `{"description":"f"}`, "If-Match", first)
		e.refuse("changed", "", "DELETE", "/v1/templates/T", "", "If-Match", "W/"+first)
		e.want(204, "DELETE", "/v1/templates/T", "")
		e.refuse("not_found", "", "GET", "/v1/templates/T", "")
	})
}

// Postman fills in <string> for every key, so the second message would never be posted.
func TestKey_Placeholder(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		const plan = `{"actAs":"ada@example.com","displayName":"Plan"}`
		for _, key := range []string{"<string>", "<Idempotency-Key>", "{{idempotencyKey}}", "{{$guid}}"} {
			e.refuse("invalid_request", "is a placeholder", "POST", "/v1/spaces", plan, "Idempotency-Key", key)
		}
		if e.Google.Count("chat.spaces.setup") != 0 {
			t.Error("created")
		}
		e.want(201, "POST", "/v1/spaces", plan, "Idempotency-Key", "{3f6f7c1e-8a55-4c1b-9a52-0f3c6f0f6f6b}")
	})
}

func TestKey_Replayed(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		path := e.space("Plan")
		for _, c := range []struct {
			status             int
			method, path, body string
		}{
			{201, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"Another"}`},
			{200, "PATCH", path + "?updateMask=description", `{"actAs":"ada@example.com","description":"d"}`},
			{201, "POST", path + "/messages", `{"actAs":"ada@example.com","text":"Hello"}`},
		} {
			key := "the key of " + c.path + c.method
			first := e.want(c.status, c.method, c.path, c.body, "Idempotency-Key", key)
			again := e.want(c.status, c.method, c.path, c.body, "Idempotency-Key", key)
			if first.Header().Get("Idempotent-Replayed") != "" || again.Header().Get("Idempotent-Replayed") != "true" ||
				first.Body.String() != again.Body.String() {
				t.Errorf("%s: %v, %v", c.path, first.Header(), again.Header())
			}
		}
	})
}

// Windows tools write a byte order mark or UTF-16, and some clients compress what they send.
func TestBody_Encodings(t *testing.T) {
	const plan = `{"actAs":"ada@example.com","displayName":"Plän"}`
	inEnv(t, func(t *testing.T, e *env) {
		e.want(201, "POST", "/v1/spaces", "\ufeff"+plan)
		e.want(201, "POST", "/v1/spaces", plan) // the same request
		for text, body := range map[string]string{
			"UTF-16": "\xff\xfe{\x00}\x00", "Latin-1": "{\"displayName\":\"Pl\xe4n\"}", "gzip": "\x1f\x8b\x08\x00",
		} {
			if got := e.refuse("invalid_request", "not valid UTF-8", "POST", "/v1/spaces", body); got.Code != 400 {
				t.Errorf("%s: %d", text, got.Code)
			}
		}
		got := e.refuse("unsupported_media_type", `encoding "gzip"`, "POST", "/v1/spaces", plan,
			"Content-Encoding", "gzip")
		if got.Code != 415 || e.Google.Count("chat.spaces.setup") != 1 {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

func TestDeleteSpace(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		path := e.space("Plan")
		e.refuse("invalid_request", "confirm is missing", "DELETE", path+asAda, "")
		e.refuse("invalid_request", "Nothing was deleted", "DELETE", path+asAda+"&confirm=Team", "")
		got := e.want(204, "DELETE", path+asAda+"&confirm=Plan", "")
		if _, found := e.Google.SpaceByName("Plan"); found || got.Body.Len() != 0 {
			t.Errorf("%s", got.Body)
		}
		e.refuse("not_found", "", "GET", path+asAda, "")
	})
}
