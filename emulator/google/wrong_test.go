package google

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// wrong is a request that Google refuses.
type wrong struct {
	name, method, path string
	scopes             string // of the token, without what they all begin with; empty for no token
	body               string
	status             int
	code               string
}

func TestAHundredWrongRequestsAreRefusedAsGoogleDoes(t *testing.T) {
	s, at := begin(t)
	ada, grace, alan, robin := People()[0], People()[1], People()[2], People()[4]
	// {plan} is Ada's space, with Grace in it; {talk} a group conversation of the two.
	names := strings.NewReplacer("{plan}", "spaces/"+s.Found("Plan", ada, grace).ID, "{talk}", "spaces/"+s.Gather(ada, grace).ID, "{dm}", "spaces/DM"+ada.Sub, "{ada}", ada.Sub, "{grace}", grace.Sub, "{kim}", People()[3].Sub)
	owners := map[string]Person{"grace": grace, "alan": alan, "robin": robin}
	const (
		create, read, write  = "chat.spaces.create", "chat.spaces.readonly", "chat.spaces"
		members, see, post   = "chat.memberships", "chat.memberships.readonly", "chat.messages.create"
		setup, many          = "/v1/spaces:setup", `{"member":{"name":"users/1","type":"HUMAN"}},`
		admin                = "alan chat.admin.spaces chat.admin.memberships chat.admin.delete"
		events               = "/calendar/v3/calendars/primary/events"
		at1, at2             = `"start":{"dateTime":"2027-01-01T10:00:00Z"}`, `"end":{"dateTime":"2027-01-01T11:00:00Z"}`
		room                 = `"conferenceData":{"createRequest":{"requestId":"r","conferenceSolutionKey":{"type":"hangoutsMeet"}}}`
		key, account         = "/v1/projects/p/locations/l/keyRings/r/cryptoKeys/k", "/v1/projects/-/serviceAccounts/x@p.iam.gserviceaccount.com:signJwt"
		invalid, denied, not = "INVALID_ARGUMENT", "PERMISSION_DENIED", "NOT_FOUND"
	)
	space := func(fields string) string { return `{"space":{"spaceType":"SPACE",` + fields + `}}` }
	q := url.QueryEscape
	if status, body := ask(t, "POST", at.URL+setup, s.hand(ada, "https://www.googleapis.com/auth/"+create), `{"space":{"spaceType":"SPACE","displayName":"Taken"},"requestId":"used"}`); status != 200 {
		t.Fatalf("a right call: %d %s", status, body)
	}
	table := []wrong{
		{"no token", "POST", setup, "", space(`"displayName":"X"`), 401, "UNAUTHENTICATED"},
		{"no token to read", "GET", "/v1/{plan}", "", "", 401, "UNAUTHENTICATED"},
		{"no token to delete", "DELETE", "/v1/{plan}", "", "", 401, "UNAUTHENTICATED"},
		{"no token for a meeting", "POST", "/v2/spaces", "", "{}", 401, "UNAUTHENTICATED"},
		{"no token for the calendar", "GET", events, "", "", 401, "UNAUTHENTICATED"},
		{"setup: the sign-in's scopes", "POST", setup, "userinfo.email", space(`"displayName":"X"`), 403, denied},
		{"setup: a reader's scope", "POST", setup, see, space(`"displayName":"X"`), 403, denied},
		{"get: the scope to create", "GET", "/v1/{plan}", create, "", 403, denied},
		{"list: the scope to create", "GET", "/v1/spaces", create, "", 403, denied},
		{"search: the scope of members", "GET", "/v1/spaces:search", see, "", 403, denied},
		{"patch: a reader's scope", "PATCH", "/v1/{plan}?updateMask=displayName", read, `{"displayName":"Y"}`, 403, denied},
		{"delete: the scope to change", "DELETE", "/v1/{plan}", write, "", 403, denied},
		{"members: the scope of spaces", "GET", "/v1/{plan}/members", write, "", 403, denied},
		{"add: a reader's scope", "POST", "/v1/{plan}/members", see, `{"member":{"name":"users/x@example.com","type":"HUMAN"}}`, 403, denied},
		{"add the app: the scope of people", "POST", "/v1/{plan}/members", members, `{"member":{"name":"users/app","type":"BOT"}}`, 403, denied},
		{"add people: the scope of the app", "POST", "/v1/{plan}/members", "chat.memberships.app", `{"member":{"name":"users/{grace}","type":"HUMAN"}}`, 403, denied},
		{"role: a reader's scope", "PATCH", "/v1/{plan}/members/{grace}?updateMask=role", see, `{"role":"ROLE_MANAGER"}`, 403, denied},
		{"remove: a reader's scope", "DELETE", "/v1/{plan}/members/{grace}", see, "", 403, denied},
		{"post: the scope of spaces", "POST", "/v1/{plan}/messages", write, `{"text":"x"}`, 403, denied},
		{"a room: the scope of chat", "POST", "/v2/spaces", create, "{}", 403, denied},
		{"an event: the scope of chat", "POST", events, create, `{` + at1 + `,` + at2 + `}`, 403, denied},
		{"a group: the scope of chat", "GET", "/v1/groups:lookup?groupKey.id=oncall@example.com", create, "", 403, denied},
		{"sign: a person's token", "POST", account, create, `{"payload":"{}"}`, 403, denied},
		{"encrypt: a person's token", "POST", key + ":encrypt", create, `{}`, 403, denied},
		{"an unknown path", "POST", "/v1/spaces:make", create, space(`"displayName":"X"`), 404, not},
		{"another HTTP method", "GET", setup, create, "", 404, not},
		{"a method of no version", "GET", "/v1/{plan}/everything", read, "", 404, not},
		{"an unknown parameter", "POST", setup + "?requestID=1", create, space(`"displayName":"X"`), 400, invalid},
		{"a parameter of another method", "GET", "/v1/{plan}?filter=x", read, "", 400, invalid},
		{"a parameter that is no truth", "GET", "/v1/{plan}/members?showInvited=yes", see, "", 400, invalid},
		{"a parameter that is no number", "GET", "/v1/{plan}/members?pageSize=many", see, "", 400, invalid},
		{"a page token of nowhere", "GET", "/v1/{plan}/members?pageToken=x", see, "", 400, invalid},
		{"no body", "POST", setup, create, "", 400, invalid},
		{"a broken body", "POST", setup, create, `{"space":`, 400, invalid},
		{"a list for a body", "POST", setup, create, `[]`, 400, invalid},
		{"a body where none goes", "GET", "/v1/{plan}/members", see, "{}", 400, invalid},
		{"a body to delete with", "DELETE", "/v1/{plan}", "chat.delete", "{}", 400, invalid},
		{"setup: an unknown field", "POST", setup, create, space(`"displayName":"X","dryRun":true`), 400, invalid},
		{"setup: an unknown field at the top", "POST", setup, create, `{"space":{"spaceType":"SPACE","displayName":"X"},"dryRun":true}`, 400, invalid},
		{"setup: a name that is a number", "POST", setup, create, space(`"displayName":7`), 400, invalid},
		{"setup: an unknown type", "POST", setup, create, `{"space":{"spaceType":"ROOM","displayName":"X"}}`, 400, invalid},
		{"setup: no type", "POST", setup, create, `{"space":{"displayName":"X"}}`, 400, invalid},
		{"setup: no name", "POST", setup, create, `{"space":{"spaceType":"SPACE"}}`, 400, invalid},
		{"setup: a long name", "POST", setup, create, space(`"displayName":"` + strings.Repeat("ä", 129) + `"`), 400, invalid},
		{"setup: a long description", "POST", setup, create, space(`"displayName":"X","spaceDetails":{"description":"` + strings.Repeat("ä", 4097) + `"}`), 400, invalid},
		{"setup: long guidelines", "POST", setup, create, space(`"displayName":"X","spaceDetails":{"guidelines":"` + strings.Repeat("ä", 5001) + `"}`), 400, invalid},
		{"setup: a customer", "POST", setup, create, space(`"displayName":"X","customer":"customers/1"`), 400, invalid},
		{"setup: to import", "POST", setup, create, space(`"displayName":"X","importMode":true`), 400, invalid},
		{"setup: an unknown audience", "POST", setup, create, space(`"displayName":"X","accessSettings":{"audience":"audiences/none"}`), 400, invalid},
		{"setup: guests of a consumer", "POST", setup, "robin " + create, space(`"displayName":"X","externalUserAllowed":true`), 400, invalid},
		{"setup: 50 members", "POST", setup, create, `{"space":{"spaceType":"SPACE","displayName":"X"},"memberships":[` + strings.TrimSuffix(strings.Repeat(many, 50), ",") + `]}`, 400, invalid},
		{"setup: an app as member", "POST", setup, create, `{"space":{"spaceType":"SPACE","displayName":"X"},"memberships":[{"member":{"name":"users/app","type":"BOT"}}]}`, 400, invalid},
		{"setup: a bare address", "POST", setup, create, `{"space":{"spaceType":"SPACE","displayName":"X"},"memberships":[{"member":{"name":"a@b.c","type":"HUMAN"}}]}`, 400, invalid},
		{"setup: a member without a type", "POST", setup, create, `{"space":{"spaceType":"SPACE","displayName":"X"},"memberships":[{"member":{"name":"users/1"}}]}`, 400, invalid},
		{"setup: a group chat with a name", "POST", setup, create, `{"space":{"spaceType":"GROUP_CHAT","displayName":"X"},"memberships":[` + many + strings.TrimSuffix(many, ",") + `]}`, 400, invalid},
		{"setup: a group chat of two", "POST", setup, create, `{"space":{"spaceType":"GROUP_CHAT"},"memberships":[` + strings.TrimSuffix(many, ",") + `]}`, 400, invalid},
		{"setup: a group in a group chat", "POST", setup, create, `{"space":{"spaceType":"GROUP_CHAT"},"memberships":[` + many + `{"groupMember":{"name":"groups/02oncall"}}]}`, 400, invalid},
		{"setup: a direct message of three", "POST", setup, create, `{"space":{"spaceType":"DIRECT_MESSAGE"},"memberships":[` + many + strings.TrimSuffix(many, ",") + `]}`, 400, invalid},
		{"setup: a direct message with a name", "POST", setup, create, `{"space":{"spaceType":"DIRECT_MESSAGE","displayName":"X"},"memberships":[` + strings.TrimSuffix(many, ",") + `]}`, 400, invalid},
		{"setup: a direct message with nobody there", "POST", setup, create, `{"space":{"spaceType":"DIRECT_MESSAGE"},"memberships":[{"member":{"name":"users/nobody@example.com","type":"HUMAN"}}]}`, 400, invalid},
		{"setup: a taken name", "POST", setup, create, space(`"displayName":"taken"`), 409, "ALREADY_EXISTS"},
		{"setup: another's request id", "POST", setup, "grace " + create, `{"space":{"spaceType":"SPACE","displayName":"Y"},"requestId":"used"}`, 409, "ALREADY_EXISTS"},
		{"get: no such space", "GET", "/v1/spaces/none", read, "", 404, not},
		{"get: a space one is not in", "GET", "/v1/{plan}", "robin " + read, "", 404, not},
		{"list: without a filter", "GET", "/v1/spaces", read, "", 400, invalid},
		{"search: without a query", "GET", "/v1/spaces:search", read, "", 400, invalid},
		{"search: without the type", "GET", "/v1/spaces:search?query=" + q(`display_name:"x"`), read, "", 400, invalid},
		{"search: the customer, as a person", "GET", "/v1/spaces:search?query=" + q(`customer = "customers/my_customer" AND space_type = "SPACE"`), read, "", 400, invalid},
		{"search: too long", "GET", "/v1/spaces:search?query=" + q(`space_type = "SPACE" AND display_name:"`+strings.Repeat("x", 1000)+`"`), read, "", 400, invalid},
		{"group chats: of nobody", "GET", "/v1/spaces:findGroupChats", see, "", 400, invalid},
		{"group chats: of 50", "GET", "/v1/spaces:findGroupChats?" + strings.Repeat("users=users/1&", 50), see, "", 400, invalid},
		{"group chats: of somebody unknown", "GET", "/v1/spaces:findGroupChats?users=users/nobody@example.com", see, "", 400, invalid},
		{"patch: no mask", "PATCH", "/v1/{plan}", write, `{"displayName":"Y"}`, 400, invalid},
		{"patch: an unknown field", "PATCH", "/v1/{plan}?updateMask=spaceUri", write, `{"spaceUri":"x"}`, 400, invalid},
		{"patch: no value for the mask", "PATCH", "/v1/{plan}?updateMask=displayName", write, `{}`, 400, invalid},
		{"patch: a taken name", "PATCH", "/v1/{plan}?updateMask=displayName", write, `{"displayName":"taken"}`, 409, "ALREADY_EXISTS"},
		{"patch: the history with the name", "PATCH", "/v1/{plan}?updateMask=displayName,spaceHistoryState", write, `{"displayName":"Y","spaceHistoryState":"HISTORY_OFF"}`, 400, invalid},
		{"patch: an unknown history", "PATCH", "/v1/{plan}?updateMask=spaceHistoryState", write, `{"spaceHistoryState":"OFF"}`, 400, invalid},
		{"patch: permissions with the name", "PATCH", "/v1/{plan}?updateMask=displayName,permissionSettings.useAtMentionAll", write, `{"displayName":"Y"}`, 400, invalid},
		{"patch: half of the details", "PATCH", "/v1/{plan}?updateMask=spaceDetails", write, `{"spaceDetails":{"description":"x"}}`, 400, invalid},
		{"patch: to join what one may not find", "PATCH", "/v1/{plan}?updateMask=accessSettings.accessPermissionSettings.joinSpaceSetting", write, `{"accessSettings":{"accessPermissionSettings":{"joinSpaceSetting":{"principals":[{"audience":{"name":"audiences/default"}}]}}}}`, 400, invalid},
		{"patch: another's space", "PATCH", "/v1/{plan}?updateMask=displayName", "grace " + write, `{"displayName":"Y"}`, 403, denied},
		{"patch: a space one is not in", "PATCH", "/v1/{plan}?updateMask=displayName", "robin " + write, `{"displayName":"Y"}`, 404, not},
		{"delete: another's space", "DELETE", "/v1/{plan}", "grace chat.delete", "", 403, denied},
		{"delete: no such space", "DELETE", "/v1/spaces/none", "chat.delete", "", 404, not},
		{"members: of no space", "GET", "/v1/spaces/none/members", see, "", 404, not},
		{"member: not in", "GET", "/v1/{plan}/members/{kim}", see, "", 404, not},
		{"add: no member", "POST", "/v1/{plan}/members", members, `{}`, 400, invalid},
		{"add: a bare address", "POST", "/v1/{plan}/members", members, `{"member":{"name":"x@example.com","type":"HUMAN"}}`, 400, invalid},
		{"add: nobody", "POST", "/v1/{plan}/members", members, `{"member":{"name":"users/nobody@example.com","type":"HUMAN"}}`, 403, denied},
		{"add: somebody from outside", "POST", "/v1/{plan}/members", members, `{"member":{"name":"users/kim@partner.example","type":"HUMAN"}}`, 403, denied},
		{"add: a group by its address", "POST", "/v1/{plan}/members", members, `{"groupMember":{"name":"groups/oncall@example.com"}}`, 404, not},
		{"add: to a direct message", "POST", "/v1/{dm}/members", members, `{"member":{"name":"users/{grace}","type":"HUMAN"}}`, 404, not},
		{"add: the app a second time", "POST", "/v1/{talk}/members", "chat.memberships.app", `{"member":{"name":"users/app","type":"BOT"}}`, 409, "ALREADY_EXISTS"},
		{"role: an unknown one", "PATCH", "/v1/{plan}/members/{grace}?updateMask=role", members, `{"role":"OWNER"}`, 400, invalid},
		{"role: no mask", "PATCH", "/v1/{plan}/members/{grace}", members, `{"role":"ROLE_MANAGER"}`, 400, invalid},
		{"role: by who is no manager", "PATCH", "/v1/{plan}/members/{ada}?updateMask=role", "grace " + members, `{"role":"ROLE_MEMBER"}`, 403, denied},
		{"remove: by who is no manager", "DELETE", "/v1/{plan}/members/{ada}", "grace " + members, "", 403, denied},
		{"remove: not in", "DELETE", "/v1/{plan}/members/{kim}", members, "", 404, not},
		{"post: no text", "POST", "/v1/{plan}/messages", post, `{}`, 400, invalid},
		{"post: too long", "POST", "/v1/{plan}/messages", post, `{"text":"` + strings.Repeat("x", 32001) + `"}`, 400, invalid},
		{"post: a card as a person", "POST", "/v1/{plan}/messages", post, `{"text":"x","cardsV2":[{"card":{}}]}`, 400, invalid},
		{"post: privately as a person", "POST", "/v1/{plan}/messages", post, `{"text":"x","privateMessageViewer":{"name":"users/{grace}"}}`, 400, invalid},
		{"post: a thread that is ignored", "POST", "/v1/{plan}/messages", post, `{"text":"x","thread":{"name":"{plan}/threads/t"}}`, 400, invalid},
		{"post: where one is not", "POST", "/v1/{plan}/messages", "robin " + post, `{"text":"x"}`, 404, not},
		{"admin: a person's right", "GET", "/v1/{plan}?useAdminAccess=true", "alan " + write, "", 403, denied},
		{"admin: the right without the word", "GET", "/v1/{plan}", admin, "", 403, denied},
		{"admin: who is none", "GET", "/v1/{plan}?useAdminAccess=true", "chat.admin.spaces", "", 403, denied},
		{"admin: a conversation without a name", "GET", "/v1/{talk}?useAdminAccess=true", admin, "", 404, not},
		{"admin: the history", "PATCH", "/v1/{plan}?useAdminAccess=true&updateMask=spaceHistoryState", admin, `{"spaceHistoryState":"HISTORY_OFF"}`, 400, invalid},
		{"admin: the audience", "PATCH", "/v1/{plan}?useAdminAccess=true&updateMask=accessSettings.audience", admin, `{"accessSettings":{"audience":""}}`, 400, invalid},
		{"admin: members with apps", "GET", "/v1/{plan}/members?useAdminAccess=true", admin, "", 400, invalid},
		{"admin: adding the app", "POST", "/v1/{plan}/members?useAdminAccess=true", admin, `{"member":{"name":"users/app","type":"BOT"}}`, 400, invalid},
		{"admin: somebody from outside", "POST", "/v1/{plan}/members?useAdminAccess=true", admin, `{"member":{"name":"users/kim@partner.example","type":"HUMAN"}}`, 403, denied},
		{"admin: a search without the customer", "GET", "/v1/spaces:search?useAdminAccess=true&query=" + q(`space_type = "SPACE"`), admin, "", 400, invalid},
		{"admin: making a space", "POST", setup, admin, space(`"displayName":"X"`), 403, denied},
		{"admin: posting", "POST", "/v1/{plan}/messages?useAdminAccess=true", "alan " + post, `{"text":"x"}`, 403, denied},
		{"an event: no time at all", "POST", events + "?conferenceDataVersion=1", "calendar.events", `{` + room + `}`, 400, invalid},
		{"an event: over before it begins", "POST", events + "?conferenceDataVersion=1", "calendar.events", `{"start":{"dateTime":"2027-01-01T11:00:00Z"},"end":{"dateTime":"2027-01-01T10:00:00Z"},` + room + `}`, 400, invalid},
		{"an event: an id of other letters", "POST", events + "?conferenceDataVersion=1", "calendar.events", `{"id":"XYZ-!",` + at1 + `,` + at2 + `,` + room + `}`, 400, invalid},
		{"an event: an unknown field", "POST", events + "?conferenceDataVersion=1", "calendar.events", `{"meet":true,` + at1 + `,` + at2 + `,` + room + `}`, 400, invalid},
		{"an event: no such", "GET", events + "/none1", "calendar.events", "", 404, not},
		{"a group: no such", "GET", "/v1/groups:lookup?groupKey.id=none@example.com", "cloud-identity.groups.readonly", "", 403, denied},
		{"a group: of another organization", "GET", "/v1/groups:lookup?groupKey.id=oncall@example.com", "robin cloud-identity.groups.readonly", "", 403, denied},
		{"a room: an unknown field", "POST", "/v2/spaces", "meetings.space.created", `{"title":"x"}`, 400, invalid},
		{"sign: another account", "POST", account, "cloud-platform", `{"payload":"{}"}`, 403, denied},
		{"sign: no claims", "POST", account, "cloud-platform", `{"payload":"x"}`, 400, invalid},
		{"encrypt: no checksum", "POST", key + ":encrypt", "cloud-platform", `{"plaintext":"eA=="}`, 400, invalid},
		{"decrypt: what was never encrypted", "POST", key + ":decrypt", "cloud-platform", `{"ciphertext":"eA=="}`, 400, invalid},
	}
	if len(table) < 100 {
		t.Errorf("there are %d", len(table))
	}
	seen := map[string]bool{}
	for _, c := range table {
		if seen[c.name] {
			t.Errorf("%s stands twice", c.name)
		}
		seen[c.name] = true
		token := ""
		if c.scopes != "" {
			scopes, who := strings.Fields(c.scopes), ada
			if p, ok := owners[scopes[0]]; ok {
				scopes, who = scopes[1:], p
			}
			for i := range scopes {
				scopes[i] = "https://www.googleapis.com/auth/" + scopes[i]
			}
			token = s.hand(who, scopes...)
		}
		status, body := ask(t, c.method, at.URL+names.Replace(c.path), token, names.Replace(c.body))
		var got struct {
			Error struct {
				Code    int    `json:"code"`
				Status  string `json:"status"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Errorf("%s: %v: %s", c.name, err, body)
		}
		if status != c.status || got.Error.Code != c.status || got.Error.Status != c.code || got.Error.Message == "" {
			t.Errorf("%s: got %d %s, want %d %s", c.name, status, body, c.status, c.code)
		}
	}
	if len(s.SpacesOf(ada)) != 5 { // the direct message, Team, Plan, the conversation, Taken
		t.Errorf("something was done: %v", s.SpacesOf(ada))
	}
}
