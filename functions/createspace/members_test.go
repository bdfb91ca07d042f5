package createspace_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/vault"
)

func TestMembers(t *testing.T) {
	inFriendlyEnv(t, func(t *testing.T, e *env) {
		path := e.space("Plan", grace)
		names := path[len("/v1/"):] + "/members/"
		list := e.want(200, "GET", path+"/members"+asAda, "")
		want := []map[string]any{
			{
				"name": names + ada.Sub, "member": ada.User(), "displayName": "Ada Lovelace",
				"email": "ada@example.com", "state": "JOINED",
				"role": "MEMBER",
			},
			{
				"name": names + grace.Sub, "member": grace.User(), "displayName": "Grace Hopper",
				"email": "grace@example.com", "state": "JOINED",
				"role": "MEMBER",
			},
		}
		if diff := cmp.Diff(want, list.list("members")); diff != "" {
			t.Error(diff)
		}
		for i, role := range []string{"MANAGER", "OWNER", "MEMBER"} {
			for _, id := range []string{"grace@example.com", grace.Sub, "users%2F" + grace.Sub} { // all name her
				e.want(200, "PATCH", path+"/members/"+id, `{"actAs":"ada@example.com","role":"`+role+`"}`,
					"Idempotency-Key", "key number "+string(rune('1'+i))+id)
				got := e.want(200, "GET", path+"/members/"+id+asAda, "")
				if got.text("role") != role || got.text("member") != grace.User() {
					t.Errorf("%s", got.Body)
				}
			}
		}
		s, _ := e.Google.SpaceByName("Plan")
		if s.Members[1].Role != "ROLE_MEMBER" {
			t.Errorf("%v", s.Members)
		}
		e.want(204, "DELETE", path+"/members/"+grace.Sub+asAda, "")
		e.refuse("not_found", "", "GET", path+"/members/"+grace.Sub+asAda, "")
		for _, c := range [][2]string{
			{"GET", asAda}, {"DELETE", asAda}, {"PATCH", ""},
		} {
			body := ""
			if c[0] == "PATCH" {
				body = `{"actAs":"ada@example.com","role":"OWNER"}`
			}
			e.refuse("invalid_request", "The member in the path must be", c[0], path+"/members/grace"+c[1], body)
		}
	})
}

func TestAddMembers(t *testing.T) {
	inFriendlyEnv(t, func(t *testing.T, e *env) {
		path := e.space("Plan")
		e.Google.Fail("chat.spaces.members.create", 503, 503, 503, 503)
		const body = `{"actAs":"ada@example.com",
			"members":["Grace@example.com","groups/02oncall","kim@partner.example"]}`
		got := e.want(202, "POST", path+"/members", body)
		if got.Header().Get("Retry-After") != "30" || got.list("members")[0]["state"] != "PENDING" {
			t.Errorf("%v %s", got.Header(), got.Body)
		}
		got = e.want(200, "POST", path+"/members", body)
		want := []map[string]any{
			{"member": "Grace@example.com", "state": "JOINED"},
			{"member": "groups/02oncall", "state": "JOINED"},
			{"member": "kim@partner.example", "state": "FAILED"},
		}
		list := got.list("members")
		if detail, _ := list[2]["detail"].(string); detail == "" {
			t.Error("no reason")
		}
		delete(list[2], "detail")
		if diff := cmp.Diff(want, list); diff != "" || got.Header().Get("Retry-After") != "" {
			t.Error(diff)
		}
		members := e.want(200, "GET", path+"/members"+asAda, "").list("members")
		if last := members[len(members)-1]; last["member"] != "groups/02oncall" || last["role"] != nil {
			t.Errorf("a group has no role: %v", last)
		}
		for _, member := range []string{"x y", "users/ada", "<b>@x.example", "groups/a/b", "users/1/../2"} {
			e.refuse("invalid_request", "/members/1 is ", "POST", path+"/members",
				`{"actAs":"ada@example.com","members":["grace@example.com","`+member+`"]}`)
		}
		e.refuse(
			"denied",
			"",
			"POST",
			path+"/members",
			`{"actAs":"ada@example.com","members":["kim@partner.example"]}`,
			"Idempotency-Key",
			"another-key",
		)
	})
}

func TestMessages(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		post := func(key, fields string) answer {
			return e.want(201, "POST", team+"/messages", `{"actAs":"ada@example.com",`+fields+`}`,
				"Idempotency-Key", key)
		}
		first := post("first-key", `"text":" Hello "`)
		if again := post("first-key", `"text":"Hello"`); first.text("text") != "Hello" ||
			again.Body.String() != first.Body.String() {
			t.Errorf("%s %s", first.Body, again.Body)
		}
		post("second-key", `"text":"In a thread","thread":"spaces/AAAAteam/threads/t"`)
		s, _ := e.Google.SpaceByName("Team")
		if n := len(s.Messages); n != 2 || s.Messages[1].Thread != "spaces/AAAAteam/threads/t" ||
			!strings.HasSuffix(first.text("name"), "/"+s.Messages[0].OwnID) {
			t.Errorf("%+v", s.Messages)
		}
		for fields, text := range map[string]string{
			`"text":" \n"`: "text must not be empty", `"text":""`: "text has 0 characters",
			`"text":"x","thread":"spaces/AAAAother/threads/t"`:     "thread must belong to this space: spaces/AAAA",
			`"text":"x","thread":"spaces/AAAAteamother/threads/t"`: "thread must belong to this space",
			`"text":"x","thread":"t"`:                              "thread must match",
		} {
			e.refuse("invalid_request", text, "POST", team+"/messages", `{"actAs":"ada@example.com",`+fields+`}`)
		}
		meeting := e.want(201, "POST", team+"/meetings", `{"actAs":"ada@example.com","text":" Now: "}`)
		if meeting.text("text") != "Now: Meet: https://meet.google.com/aaa-bbbb-001" || meeting.text("name") == "" {
			t.Errorf("%s", meeting.Body)
		}
	})
}

func TestAuthority(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		secret := e.space("Secret")
		const asAlan = "?actAs=alan@example.com"
		e.refuse("not_found", "", "GET", secret+asAlan, "")
		e.want(200, "GET", secret+asAlan+"&authority=admin", "")
		e.want(200, "PATCH", secret+"?updateMask=description",
			`{"actAs":"alan@example.com","authority":"admin","description":"d"}`)
		e.want(201, "POST", team+"/messages", `{"actAs":"grace@example.com","authority":"delegation","text":"x"}`,
			"Idempotency-Key", "another-key")
		e.refuse("approval_required", "", "POST", team+"/messages", `{"actAs":"grace@example.com","text":"x"}`,
			"Idempotency-Key", "a-third-key")
		e.refuse("invalid_request", "actAs must be", "GET", team+"?actAs=users/ada", "")
	})
}

func TestPeople_Connection(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.Connect(ada, capability.Meet, capability.CreateSpaces)
		for _, person := range []string{"ada@example.com", ada.Sub} {
			got := e.want(200, "GET", "/v1/people/"+person+"/connection", "")
			want := map[string]any{
				"connected": true, "capabilities": []any{"CreateSpaces", "Meet"}, "approvals": []any{},
			}
			if diff := cmp.Diff(want, got.body); diff != "" {
				t.Error(diff)
			}
		}
		got := e.want(200, "GET", "/v1/people/1/connection", "")
		none := map[string]any{"connected": false, "capabilities": []any{}, "approvals": []any{}}
		if diff := cmp.Diff(none, got.body); diff != "" {
			t.Error(diff)
		}
		for range 2 {
			got := e.want(200, "DELETE", "/v1/people/ada@example.com/connection", "")
			if got.text("outcome") != "revoked" {
				t.Errorf("%s", got.Body)
			}
		}
		got = e.want(200, "DELETE", "/v1/people/"+ada.Sub+"/connection", "", "Idempotency-Key", "another-key")
		if got.text("outcome") != "not_connected" {
			t.Errorf("%s", got.Body)
		}
	})
}

func TestPeople_InviteOrAccept(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		const path = "/v1/people/grace@example.com/connection"
		link := e.want(201, "POST", path, `{"capabilities":["Meet","CreateSpaces"]}`).text("invitation")
		if len(link) < 1000 {
			t.Errorf("%q", link)
		}
		for body, text := range map[string]string{
			`{}`:                  "capabilities is missing",
			`{"capabilities":[]}`: "capabilities has 0 entries",
			`{"capabilities":["Meet"],"serverAuthCode":"code"}`: `Unknown field "serverAuthCode"`,
		} {
			e.refuse("invalid_request", text, "POST", path, body)
		}
		for body, text := range map[string]string{
			`{}`:                        "serverAuthCode, clientType is missing",
			`{"serverAuthCode":"code"}`: "clientType is missing",
			`{"serverAuthCode":"code","clientType":"IOS","capabilities":["Meet"]}`: `Unknown field "capabilities"`,
			`{"serverAuthCode":"code","clientType":"TV_AND_LIMITED_INPUT"}`:        "can't connect a person",
		} {
			e.refuse("invalid_request", text, "POST", path+":connect", body)
		}
		e.AcceptCode(grace, "postmessage", capability.Meet)
		got := e.want(200, "POST", path+":connect", `{"serverAuthCode":"code","clientType":"CHROME"}`)
		want := map[string]any{"connected": true, "capabilities": []any{"Meet"}, "approvals": []any{}}
		if diff := cmp.Diff(want, got.body); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTemplates(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		const body = `{"displayName":"INC {{title}}","description":"d","guidelines":"g","access":"DISCOVERABLE",
			"kind":"ANNOUNCEMENTS","externalUserAllowed":true,"history":"HISTORY_OFF","firstMessage":"f",
			"addTheApp":true,"members":["Grace@example.com","groups/g","users/1"]}`
		want := map[string]any{
			"name": "Out of office", "displayName": "INC {{title}}", "description": "d", "guidelines": "g",
			"access": "DISCOVERABLE", "kind": "ANNOUNCEMENTS", "externalUserAllowed": true, "history": "HISTORY_OFF",
			"firstMessage": "f", "addTheApp": true, "members": []any{"grace@example.com", "groups/g", "users/1"},
		}
		put := e.want(200, "PUT", "/v1/templates/Out%20of%20office", body)
		got := e.want(200, "GET", "/v1/templates/Out%20of%20office", "")
		list := e.want(200, "GET", "/v1/templates", "").list("templates")
		if len(list) != 2 || list[0]["name"] != "Operators" {
			t.Fatalf("%v", list)
		}
		for name, body := range map[string]map[string]any{"put": put.body, "get": got.body, "list": list[1]} {
			if diff := cmp.Diff(want, body); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		e.refuse("invalid_request", "/members/0 is", "PUT", "/v1/templates/T", `{"members":["x y"]}`)
		e.refuse("denied", "belongs to the operator", "PUT", "/v1/templates/Operators", `{}`)
	})
}

func TestTemplates_None(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.CallersYAML, _, _ = strings.Cut(e.CallersYAML, "templates:")
		if got := e.want(200, "GET", "/v1/templates", ""); got.Body.String() != "{\"templates\":[]}\n" {
			t.Errorf("%s", got.Body)
		}
	})
}

func TestSweep(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		e.ChangeGrant(ada, func(g *vault.Grant) { g.Status, g.Due = vault.Disconnecting, g.ConnectedAt })
		got := e.want(200, "POST", "/v1/sweep", "")
		want := map[string]any{
			"seen": 1.0, "refreshed": 0.0, "restored": 0.0, "resealed": 0.0, "ended": 1.0, "erased": 0.0,
			"revoked": 0.0,
			"expired": 0.0, "unopened": 0.0, "failed": 0.0, "finished": true,
		}
		if diff := cmp.Diff(want, got.body); diff != "" {
			t.Error(diff)
		}
		e.refuse("invalid_request", "takes no body", "POST", "/v1/sweep", "{}")
	})
}

// A group in a path is written with an escaped slash.
func TestMembers_GroupInPath(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		path := e.space("Plan")
		e.want(200, "POST", path+"/members", `{"actAs":"ada@example.com","members":["groups/oncall@example.com"]}`)
		for _, name := range []string{"groups%2F02oncall", "groups%2Foncall@example.com"} {
			if got := e.want(200, "GET", path+"/members/"+name+asAda, ""); got.text("member") != "groups/02oncall" {
				t.Errorf("%s: %s", name, got.Body)
			}
		}
		e.refuse("invalid_request", "groups%2F", "GET", path+"/members/groups%2Fa%2Fb"+asAda, "")
		e.refuse("invalid_request", "A group has no role", "PATCH", path+"/members/groups%2F02oncall",
			`{"actAs":"ada@example.com","role":"MANAGER"}`)
		e.refuse("not_found", "through one", "DELETE", path+"/members/grace@example.com"+asAda, "",
			"Idempotency-Key", "a-key-of-a-person")
		e.want(
			204,
			"DELETE",
			path+"/members/groups%2Foncall@example.com"+asAda,
			"",
			"Idempotency-Key",
			"a-key-of-a-group",
		)
		e.want(
			204,
			"DELETE",
			path+"/members/grace@example.com"+asAda,
			"",
			"Idempotency-Key",
			"another-key-of-a-person",
		)
	})
}
