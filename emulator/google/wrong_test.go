package google

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// invalidRequest is a request that Google rejects.
type invalidRequest struct {
	name, method, path string
	scopes             string // of the token, without authPrefix, after an optional owner; empty for no token
	body               string
	status             int
	code               string
}

func TestAPI_InvalidRequests(t *testing.T) {
	s, server := newServer(t)
	ada, grace, alan, robin := People()[0], People()[1], People()[2], People()[4]
	names := strings.NewReplacer(
		"{plan}", "spaces/"+s.CreateSpace("Plan", ada, grace).ID, // owned by Ada
		"{talk}", "spaces/"+s.CreateGroupChat(ada, grace).ID, "{dm}", "spaces/DM"+ada.Sub,
		"{ada}", ada.Sub, "{grace}", grace.Sub, "{kim}", People()[3].Sub,
	)
	owners := map[string]Person{"grace": grace, "alan": alan, "robin": robin}
	const (
		create, read, write        = "chat.spaces.create", "chat.spaces.readonly", "chat.spaces"
		members, membersRead, post = "chat.memberships", "chat.memberships.readonly", "chat.messages.create"
		setup, many                = "/v1/spaces:setup", `{"member":{"name":"users/1","type":"HUMAN"}},`
		admin                      = "alan chat.admin.spaces chat.admin.memberships chat.admin.delete"
		events                     = "/calendar/v3/calendars/primary/events"
		start                      = `"start":{"dateTime":"2027-01-01T10:00:00Z"}`
		end                        = `"end":{"dateTime":"2027-01-01T11:00:00Z"}`
		conference                 = `"conferenceData":{` +
			`"createRequest":{"requestId":"r","conferenceSolutionKey":{"type":"hangoutsMeet"}}}`
		key                           = "/v1/projects/p/locations/l/keyRings/r/cryptoKeys/k"
		account                       = "/v1/projects/-/serviceAccounts/x@p.iam.gserviceaccount.com:signJwt"
		invalid, denied, notFoundCode = "INVALID_ARGUMENT", "PERMISSION_DENIED", "NOT_FOUND"
	)
	space := func(fields string) string { return `{"space":{"spaceType":"SPACE",` + fields + `}}` }
	q := url.QueryEscape
	taken := `{"space":{"spaceType":"SPACE","displayName":"Taken"},"requestId":"used"}`
	if status, body := call(t, "POST", server.URL+setup, s.issueToken(ada, authPrefix+create), taken); status != 200 {
		t.Fatalf("valid request: %d %s", status, body)
	}
	table := []invalidRequest{
		{"setup: no token", "POST", setup, "", space(`"displayName":"X"`), 401, "UNAUTHENTICATED"},
		{"get: no token", "GET", "/v1/{plan}", "", "", 401, "UNAUTHENTICATED"},
		{"delete: no token", "DELETE", "/v1/{plan}", "", "", 401, "UNAUTHENTICATED"},
		{"meet: no token", "POST", "/v2/spaces", "", "{}", 401, "UNAUTHENTICATED"},
		{"calendar: no token", "GET", events, "", "", 401, "UNAUTHENTICATED"},
		{"setup: sign-in scopes", "POST", setup, "userinfo.email", space(`"displayName":"X"`), 403, denied},
		{"setup: read scope", "POST", setup, membersRead, space(`"displayName":"X"`), 403, denied},
		{"get: create scope", "GET", "/v1/{plan}", create, "", 403, denied},
		{"list: create scope", "GET", "/v1/spaces", create, "", 403, denied},
		{"search: members scope", "GET", "/v1/spaces:search", membersRead, "", 403, denied},
		{"patch: read scope", "PATCH", "/v1/{plan}?updateMask=displayName", read, `{"displayName":"Y"}`, 403, denied},
		{"delete: spaces scope", "DELETE", "/v1/{plan}", write, "", 403, denied},
		{"members: spaces scope", "GET", "/v1/{plan}/members", write, "", 403, denied},
		{
			"add: read scope", "POST", "/v1/{plan}/members", membersRead,
			`{"member":{"name":"users/x@example.com","type":"HUMAN"}}`, 403, denied,
		},
		{
			"add app: members scope", "POST", "/v1/{plan}/members", members,
			`{"member":{"name":"users/app","type":"BOT"}}`, 403, denied,
		},
		{
			"add person: app scope", "POST", "/v1/{plan}/members", "chat.memberships.app",
			`{"member":{"name":"users/{grace}","type":"HUMAN"}}`, 403, denied,
		},
		{
			"role: read scope", "PATCH", "/v1/{plan}/members/{grace}?updateMask=role", membersRead,
			`{"role":"ROLE_MANAGER"}`, 403, denied,
		},
		{"remove: read scope", "DELETE", "/v1/{plan}/members/{grace}", membersRead, "", 403, denied},
		{"post: spaces scope", "POST", "/v1/{plan}/messages", write, `{"text":"x"}`, 403, denied},
		{"meet: chat scope", "POST", "/v2/spaces", create, "{}", 403, denied},
		{"event: chat scope", "POST", events, create, `{` + start + `,` + end + `}`, 403, denied},
		{"group: chat scope", "GET", "/v1/groups:lookup?groupKey.id=oncall@example.com", create, "", 403, denied},
		{"sign: person's token", "POST", account, create, `{"payload":"{}"}`, 403, denied},
		{"encrypt: person's token", "POST", key + ":encrypt", create, `{}`, 403, denied},
		{"unknown path", "POST", "/v1/spaces:make", create, space(`"displayName":"X"`), 404, notFoundCode},
		{"wrong HTTP method", "GET", setup, create, "", 404, notFoundCode},
		{"unknown method", "GET", "/v1/{plan}/everything", read, "", 404, notFoundCode},
		{"unknown parameter", "POST", setup + "?requestID=1", create, space(`"displayName":"X"`), 400, invalid},
		{"parameter of another method", "GET", "/v1/{plan}?filter=x", read, "", 400, invalid},
		{"parameter not a boolean", "GET", "/v1/{plan}/members?showInvited=yes", membersRead, "", 400, invalid},
		{"parameter not a number", "GET", "/v1/{plan}/members?pageSize=many", membersRead, "", 400, invalid},
		{"unknown page token", "GET", "/v1/{plan}/members?pageToken=x", membersRead, "", 400, invalid},
		{"no body", "POST", setup, create, "", 400, invalid},
		{"invalid JSON", "POST", setup, create, `{"space":`, 400, invalid},
		{"array as body", "POST", setup, create, `[]`, 400, invalid},
		{"unexpected body", "GET", "/v1/{plan}/members", membersRead, "{}", 400, invalid},
		{"delete: unexpected body", "DELETE", "/v1/{plan}", "chat.delete", "{}", 400, invalid},
		{"setup: unknown field", "POST", setup, create, space(`"displayName":"X","dryRun":true`), 400, invalid},
		{
			"setup: unknown top-level field", "POST", setup, create,
			`{"space":{"spaceType":"SPACE","displayName":"X"},"dryRun":true}`, 400, invalid,
		},
		{"setup: numeric name", "POST", setup, create, space(`"displayName":7`), 400, invalid},
		{
			"setup: unknown type", "POST", setup, create,
			`{"space":{"spaceType":"ROOM","displayName":"X"}}`, 400, invalid,
		},
		{"setup: no type", "POST", setup, create, `{"space":{"displayName":"X"}}`, 400, invalid},
		{"setup: no name", "POST", setup, create, `{"space":{"spaceType":"SPACE"}}`, 400, invalid},
		{
			"setup: name too long", "POST", setup, create,
			space(`"displayName":"` + strings.Repeat("ä", 129) + `"`), 400, invalid,
		},
		{
			"setup: description too long", "POST", setup, create,
			space(`"displayName":"X","spaceDetails":{"description":"` + strings.Repeat("ä", 4097) + `"}`), 400, invalid,
		},
		{
			"setup: guidelines too long", "POST", setup, create,
			space(`"displayName":"X","spaceDetails":{"guidelines":"` + strings.Repeat("ä", 5001) + `"}`), 400, invalid,
		},
		{"setup: customer", "POST", setup, create, space(`"displayName":"X","customer":"customers/1"`), 400, invalid},
		{"setup: import mode", "POST", setup, create, space(`"displayName":"X","importMode":true`), 400, invalid},
		{
			"setup: unknown audience", "POST", setup, create,
			space(`"displayName":"X","accessSettings":{"audience":"audiences/none"}`), 400, invalid,
		},
		{
			"setup: consumer allows external users", "POST", setup, "robin " + create,
			space(`"displayName":"X","externalUserAllowed":true`), 400, invalid,
		},
		{
			"setup: 50 members", "POST", setup, create,
			`{"space":{"spaceType":"SPACE","displayName":"X"}` +
				`,"memberships":[` + strings.TrimSuffix(strings.Repeat(many, 50), ",") + `]}`,
			400, invalid,
		},
		{
			"setup: app as member", "POST", setup, create,
			`{"space":{"spaceType":"SPACE","displayName":"X"}` +
				`,"memberships":[{"member":{"name":"users/app","type":"BOT"}}]}`,
			400, invalid,
		},
		{
			"setup: email without users/", "POST", setup, create,
			`{"space":{"spaceType":"SPACE","displayName":"X"}` +
				`,"memberships":[{"member":{"name":"a@b.c","type":"HUMAN"}}]}`,
			400, invalid,
		},
		{
			"setup: member without type", "POST", setup, create,
			`{"space":{"spaceType":"SPACE","displayName":"X"}` +
				`,"memberships":[{"member":{"name":"users/1"}}]}`,
			400, invalid,
		},
		{
			"setup: group chat with name", "POST", setup, create,
			`{"space":{"spaceType":"GROUP_CHAT","displayName":"X"}` +
				`,"memberships":[` + many + strings.TrimSuffix(many, ",") + `]}`,
			400, invalid,
		},
		{
			"setup: group chat of two", "POST", setup, create,
			`{"space":{"spaceType":"GROUP_CHAT"},"memberships":[` + strings.TrimSuffix(many, ",") + `]}`, 400, invalid,
		},
		{
			"setup: group in group chat", "POST", setup, create,
			`{"space":{"spaceType":"GROUP_CHAT"}` +
				`,"memberships":[` + many + `{"groupMember":{"name":"groups/02oncall"}}]}`,
			400, invalid,
		},
		{
			"setup: direct message of three", "POST", setup, create,
			`{"space":{"spaceType":"DIRECT_MESSAGE"}` +
				`,"memberships":[` + many + strings.TrimSuffix(many, ",") + `]}`,
			400, invalid,
		},
		{
			"setup: direct message with name", "POST", setup, create,
			`{"space":{"spaceType":"DIRECT_MESSAGE","displayName":"X"}` +
				`,"memberships":[` + strings.TrimSuffix(many, ",") + `]}`,
			400, invalid,
		},
		{
			"setup: direct message with unknown person", "POST", setup, create,
			`{"space":{"spaceType":"DIRECT_MESSAGE"}` +
				`,"memberships":[{"member":{"name":"users/nobody@example.com","type":"HUMAN"}}]}`,
			400, invalid,
		},
		{"setup: name taken", "POST", setup, create, space(`"displayName":"taken"`), 409, "ALREADY_EXISTS"},
		{
			"setup: request ID of another user", "POST", setup, "grace " + create,
			`{"space":{"spaceType":"SPACE","displayName":"Y"},"requestId":"used"}`, 409, "ALREADY_EXISTS",
		},
		{"get: unknown space", "GET", "/v1/spaces/none", read, "", 404, notFoundCode},
		{"get: not a member", "GET", "/v1/{plan}", "robin " + read, "", 404, notFoundCode},
		{"list: no filter", "GET", "/v1/spaces", read, "", 400, invalid},
		{"search: no query", "GET", "/v1/spaces:search", read, "", 400, invalid},
		{"search: no space type", "GET", "/v1/spaces:search?query=" + q(`display_name:"x"`), read, "", 400, invalid},
		{
			"search: customer without admin access", "GET",
			"/v1/spaces:search?query=" + q(`customer = "customers/my_customer" AND space_type = "SPACE"`), read,
			"", 400, invalid,
		},
		{
			"search: too long", "GET",
			"/v1/spaces:search?query=" + q(`space_type = "SPACE" AND display_name:"`+strings.Repeat("x", 1000)+`"`),
			read, "", 400, invalid,
		},
		{"group chats: no users", "GET", "/v1/spaces:findGroupChats", membersRead, "", 400, invalid},
		{
			"group chats: 50 users", "GET",
			"/v1/spaces:findGroupChats?" + strings.Repeat("users=users/1&", 50),
			membersRead, "", 400, invalid,
		},
		{
			"group chats: unknown user", "GET", "/v1/spaces:findGroupChats?users=users/nobody@example.com", membersRead,
			"", 400, invalid,
		},
		{"patch: no mask", "PATCH", "/v1/{plan}", write, `{"displayName":"Y"}`, 400, invalid},
		{"patch: unknown field", "PATCH", "/v1/{plan}?updateMask=spaceUri", write, `{"spaceUri":"x"}`, 400, invalid},
		{"patch: no value for mask", "PATCH", "/v1/{plan}?updateMask=displayName", write, `{}`, 400, invalid},
		{
			"patch: name taken", "PATCH", "/v1/{plan}?updateMask=displayName", write,
			`{"displayName":"taken"}`, 409, "ALREADY_EXISTS",
		},
		{
			"patch: history with name", "PATCH", "/v1/{plan}?updateMask=displayName,spaceHistoryState", write,
			`{"displayName":"Y","spaceHistoryState":"HISTORY_OFF"}`, 400, invalid,
		},
		{
			"patch: unknown history state", "PATCH", "/v1/{plan}?updateMask=spaceHistoryState", write,
			`{"spaceHistoryState":"OFF"}`, 400, invalid,
		},
		{
			"patch: permissions with name", "PATCH",
			"/v1/{plan}?updateMask=displayName,permissionSettings.useAtMentionAll", write,
			`{"displayName":"Y"}`, 400, invalid,
		},
		{
			"patch: incomplete details", "PATCH", "/v1/{plan}?updateMask=spaceDetails", write,
			`{"spaceDetails":{"description":"x"}}`, 400, invalid,
		},
		{
			"patch: join without discover", "PATCH",
			"/v1/{plan}?updateMask=accessSettings.accessPermissionSettings.joinSpaceSetting", write,
			`{"accessSettings":{"accessPermissionSettings":{"joinSpaceSetting":` +
				`{"principals":[{"audience":{"name":"audiences/default"}}]}}}}`,
			400, invalid,
		},
		{
			"patch: not a manager", "PATCH", "/v1/{plan}?updateMask=displayName", "grace " + write,
			`{"displayName":"Y"}`, 403, denied,
		},
		{
			"patch: not a member", "PATCH", "/v1/{plan}?updateMask=displayName", "robin " + write,
			`{"displayName":"Y"}`, 404, notFoundCode,
		},
		{"delete: not a manager", "DELETE", "/v1/{plan}", "grace chat.delete", "", 403, denied},
		{"delete: unknown space", "DELETE", "/v1/spaces/none", "chat.delete", "", 404, notFoundCode},
		{"members: unknown space", "GET", "/v1/spaces/none/members", membersRead, "", 404, notFoundCode},
		{"member: not a member", "GET", "/v1/{plan}/members/{kim}", membersRead, "", 404, notFoundCode},
		{"add: no member", "POST", "/v1/{plan}/members", members, `{}`, 400, invalid},
		{
			"add: email without users/", "POST", "/v1/{plan}/members", members,
			`{"member":{"name":"x@example.com","type":"HUMAN"}}`, 400, invalid,
		},
		{
			"add: unknown person", "POST", "/v1/{plan}/members", members,
			`{"member":{"name":"users/nobody@example.com","type":"HUMAN"}}`, 403, denied,
		},
		{
			"add: external person", "POST", "/v1/{plan}/members", members,
			`{"member":{"name":"users/kim@partner.example","type":"HUMAN"}}`, 403, denied,
		},
		{
			"add: group by email", "POST", "/v1/{plan}/members", members,
			`{"groupMember":{"name":"groups/oncall@example.com"}}`, 404, notFoundCode,
		},
		{
			"add: direct message", "POST", "/v1/{dm}/members", members,
			`{"member":{"name":"users/{grace}","type":"HUMAN"}}`, 404, notFoundCode,
		},
		{
			"add: app twice", "POST", "/v1/{talk}/members", "chat.memberships.app",
			`{"member":{"name":"users/app","type":"BOT"}}`, 409, "ALREADY_EXISTS",
		},
		{
			"role: unknown role", "PATCH", "/v1/{plan}/members/{grace}?updateMask=role", members,
			`{"role":"OWNER"}`, 400, invalid,
		},
		{"role: no mask", "PATCH", "/v1/{plan}/members/{grace}", members, `{"role":"ROLE_MANAGER"}`, 400, invalid},
		{
			"role: not a manager", "PATCH", "/v1/{plan}/members/{ada}?updateMask=role", "grace " + members,
			`{"role":"ROLE_MEMBER"}`, 403, denied,
		},
		{"remove: not a manager", "DELETE", "/v1/{plan}/members/{ada}", "grace " + members, "", 403, denied},
		{"remove: not a member", "DELETE", "/v1/{plan}/members/{kim}", members, "", 404, notFoundCode},
		{"post: no text", "POST", "/v1/{plan}/messages", post, `{}`, 400, invalid},
		{
			"post: too long", "POST", "/v1/{plan}/messages", post,
			`{"text":"` + strings.Repeat("x", 32001) + `"}`, 400, invalid,
		},
		{"post: card", "POST", "/v1/{plan}/messages", post, `{"text":"x","cardsV2":[{"card":{}}]}`, 400, invalid},
		{
			"post: private message", "POST", "/v1/{plan}/messages", post,
			`{"text":"x","privateMessageViewer":{"name":"users/{grace}"}}`, 400, invalid,
		},
		{
			"post: ignored thread", "POST", "/v1/{plan}/messages", post,
			`{"text":"x","thread":{"name":"{plan}/threads/t"}}`, 400, invalid,
		},
		{"post: not a member", "POST", "/v1/{plan}/messages", "robin " + post, `{"text":"x"}`, 404, notFoundCode},
		{"admin: user scope", "GET", "/v1/{plan}?useAdminAccess=true", "alan " + write, "", 403, denied},
		{"admin: no useAdminAccess", "GET", "/v1/{plan}", admin, "", 403, denied},
		{"admin: not an administrator", "GET", "/v1/{plan}?useAdminAccess=true", "chat.admin.spaces", "", 403, denied},
		{"admin: group chat", "GET", "/v1/{talk}?useAdminAccess=true", admin, "", 404, notFoundCode},
		{
			"admin: history", "PATCH", "/v1/{plan}?useAdminAccess=true&updateMask=spaceHistoryState", admin,
			`{"spaceHistoryState":"HISTORY_OFF"}`, 400, invalid,
		},
		{
			"admin: audience", "PATCH", "/v1/{plan}?useAdminAccess=true&updateMask=accessSettings.audience", admin,
			`{"accessSettings":{"audience":""}}`, 400, invalid,
		},
		{"admin: members with apps", "GET", "/v1/{plan}/members?useAdminAccess=true", admin, "", 400, invalid},
		{
			"admin: add app", "POST", "/v1/{plan}/members?useAdminAccess=true", admin,
			`{"member":{"name":"users/app","type":"BOT"}}`, 400, invalid,
		},
		{
			"admin: external person", "POST", "/v1/{plan}/members?useAdminAccess=true", admin,
			`{"member":{"name":"users/kim@partner.example","type":"HUMAN"}}`, 403, denied,
		},
		{
			"admin: search without customer", "GET",
			"/v1/spaces:search?useAdminAccess=true&query=" + q(`space_type = "SPACE"`), admin,
			"", 400, invalid,
		},
		{"admin: create space", "POST", setup, admin, space(`"displayName":"X"`), 403, denied},
		{"admin: post", "POST", "/v1/{plan}/messages?useAdminAccess=true", "alan " + post, `{"text":"x"}`, 403, denied},
		{
			"event: no time", "POST", events + "?conferenceDataVersion=1", "calendar.events",
			`{` + conference + `}`, 400, invalid,
		},
		{
			"event: end before start", "POST", events + "?conferenceDataVersion=1", "calendar.events",
			`{"start":{"dateTime":"2027-01-01T11:00:00Z"},` +
				`"end":{"dateTime":"2027-01-01T10:00:00Z"},` + conference + `}`,
			400, invalid,
		},
		{
			"event: invalid ID", "POST", events + "?conferenceDataVersion=1", "calendar.events",
			`{"id":"XYZ-!",` + start + `,` + end + `,` + conference + `}`, 400, invalid,
		},
		{
			"event: unknown field", "POST", events + "?conferenceDataVersion=1", "calendar.events",
			`{"meet":true,` + start + `,` + end + `,` + conference + `}`, 400, invalid,
		},
		{"event: unknown event", "GET", events + "/none1", "calendar.events", "", 404, notFoundCode},
		{
			"group: unknown group", "GET",
			"/v1/groups:lookup?groupKey.id=none@example.com", "cloud-identity.groups.readonly",
			"", 403, denied,
		},
		{
			"group: another organization", "GET",
			"/v1/groups:lookup?groupKey.id=oncall@example.com", "robin cloud-identity.groups.readonly",
			"", 403, denied,
		},
		{"meet: unknown field", "POST", "/v2/spaces", "meetings.space.created", `{"title":"x"}`, 400, invalid},
		{"sign: another account", "POST", account, "cloud-platform", `{"payload":"{}"}`, 403, denied},
		{"sign: no claims", "POST", account, "cloud-platform", `{"payload":"x"}`, 400, invalid},
		{"encrypt: no checksum", "POST", key + ":encrypt", "cloud-platform", `{"plaintext":"eA=="}`, 400, invalid},
		{
			"decrypt: invalid ciphertext", "POST", key + ":decrypt", "cloud-platform",
			`{"ciphertext":"eA=="}`, 400, invalid,
		},
	}
	if len(table) < 100 {
		t.Errorf("got %d requests, want at least 100", len(table))
	}
	seen := map[string]bool{}
	for _, c := range table {
		if seen[c.name] {
			t.Errorf("duplicate name %q", c.name)
		}
		seen[c.name] = true
		token := ""
		if c.scopes != "" {
			scopes, owner := strings.Fields(c.scopes), ada
			if p, ok := owners[scopes[0]]; ok {
				scopes, owner = scopes[1:], p
			}
			for i := range scopes {
				scopes[i] = authPrefix + scopes[i]
			}
			token = s.issueToken(owner, scopes...)
		}
		status, body := call(t, c.method, server.URL+names.Replace(c.path), token, names.Replace(c.body))
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
		e := got.Error
		if status != c.status || e.Code != c.status || e.Status != c.code || e.Message == "" {
			t.Errorf("%s: got %d %s, want %d %s", c.name, status, body, c.status, c.code)
		}
	}
	if len(s.SpacesOf(ada)) != 5 { // the direct message with the app, Team, Plan, the group chat, Taken
		t.Errorf("got spaces %v, want no new ones", s.SpacesOf(ada))
	}
}
