package spaces_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

func TestGet(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		allow := func(roles string) string { return `{` + roles + `}` }
		f.google.Answer("GET /v1/spaces/A", `{"name":"spaces/A","displayName":"Plan","spaceUri":"https://x.test/A",`+
			`"createTime":"2026-01-02T03:04:05Z","externalUserAllowed":true,"spaceHistoryState":"HISTORY_OFF",`+
			`"accessSettings":{"audience":"audiences/a"},"spaceDetails":{"description":"d","guidelines":"g"},`+
			`"permissionSettings":{"manageApps":`+allow(`"managersAllowed":true`)+
			`,"manageWebhooks":`+allow(`"managersAllowed":true,"assistantManagersAllowed":true`)+
			`,"replyMessages":`+allow(`"managersAllowed":true,"assistantManagersAllowed":true,"membersAllowed":true`)+
			`,"toggleHistory":`+allow(``)+`}}`, `{"name":"spaces/A","accessSettings":{}}`)
		got, err := f.Get(t.Context(), adaName, "spaces/A")
		want := spaces.Info{
			Name: "spaces/A", DisplayName: "Plan", Address: "https://x.test/A", Description: "d", Guidelines: "g",
			Discoverable: new(true), Audience: "audiences/a", External: true, History: spaces.HistoryOff,
			Created: "2026-01-02T03:04:05Z", Permissions: spaces.Permissions{
				"manageApps": spaces.RoleOwner, "manageWebhooks": spaces.RoleManager,
				"replyMessages": spaces.RoleMember,
			},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		got, err = f.GetToEdit(t.Context(), adaName, "spaces/A")
		want = spaces.Info{Name: "spaces/A", Address: "https://mail.google.com/chat/u/0/#chat/space/A"}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		asked := [][]capability.Capability{{capability.ReadSpaces}, {capability.EditSpaces}}
		if diff := cmp.Diff(asked, f.actor.Asked); diff != "" {
			t.Error(diff)
		}
		_, err = f.Get(t.Context(), adaName, "spaces/none")
		wantKind(t, "no such space", err, fault.NotFound)
	})
}

// names returns the names of found spaces.
func names(found []spaces.FoundSpace) []string {
	var out []string
	for _, s := range found {
		out = append(out, s.DisplayName)
	}
	return out
}

func TestSearch(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		list := func(next string) string {
			return `{"nextPageToken":"` + next + `","spaces":[` +
				`{"name":"spaces/A","displayName":"Old","createTime":"2025-01-01T00:00:00Z"},` +
				`{"name":"spaces/B","displayName":"New","createTime":"2026-01-01T00:00:00Z",` +
				`"spaceUri":"https://x.test/B"},` +
				`{"name":"spaces/C","displayName":"Undated"}]}`
		}
		f.google.Answer("GET /v1/spaces", list(""), `{"nextPageToken":"more"}`, list(""))
		for range 2 {
			found, cut, err := f.Search(t.Context(), adaName, "")
			if diff := cmp.Diff([]string{"New", "Old", "Undated"}, names(found)); err != nil || diff != "" || cut {
				t.Errorf("cut %v, %v, %s", cut, err, diff)
			}
			want := spaces.FoundSpace{Name: "spaces/B", DisplayName: "New", Address: "https://x.test/B"}
			if found[0] != want {
				t.Errorf("%+v", found[0])
			}
		}
		want := `GET /v1/spaces?fields=nextPageToken,spaces/name,spaces/displayName,spaces/spaceUri,spaces/createTime` +
			`&filter=spaceType = "SPACE"&pageSize=100`
		if diff := cmp.Diff([]string{want, want, want + "&pageToken=more"}, f.requests()); diff != "" {
			t.Error(diff)
		}
		for _, request := range []string{"chat.spaces.list", "chat.spaces.search"} {
			f.google.Fail(request, 403)
			_, _, err := f.Search(t.Context(), adaName, strings.TrimPrefix(request, "chat.spaces.list"))
			wantKind(t, request, err, fault.Denied)
		}
	})
}

// found is Google's answer with n spaces.
func found(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`{"space":{"name":"spaces/%d","displayName":"Plan %d"}}`, i, i))
	}
	return `{"results":[` + strings.Join(out, ",") + `]}`
}

func TestSearch_Words(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		f.mustCreate(t, spaces.Request{DisplayName: `Plan "B" \ x`})
		f.requests()
		got, cut, err := f.Search(t.Context(), adaName, `"b" \`)
		if diff := cmp.Diff([]string{`Plan "B" \ x`}, names(got)); err != nil || diff != "" || cut {
			t.Errorf("cut %v, %v, %s", cut, err, diff)
		}
		want := `GET /v1/spaces:search?orderBy=create_time DESC&pageSize=100&` +
			`query=space_type = "SPACE" AND display_name:"\"b\" \\"`
		if diff := cmp.Diff([]string{want}, f.requests()); diff != "" {
			t.Error(diff)
		}
		for n, want := range map[int]bool{99: false, 100: true} {
			f.google.Answer("GET /v1/spaces:search", found(n))
			if got, cut, err := f.Search(t.Context(), adaName, "plan"); len(got) != n || cut != want || err != nil {
				t.Errorf("%d spaces: got %d, cut %v, %v", n, len(got), cut, err)
			}
		}
	})
}

func TestList(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		f.mustCreate(t, spaces.Request{DisplayName: "Plan"})
		f.requests()
		first, err := f.List(t.Context(), adaName, "", 1, "")
		if err != nil || len(first.Spaces) != 1 || first.Spaces[0].DisplayName != "Plan" || first.Next == "" {
			t.Fatalf("%+v, %v", first, err)
		}
		last, err := f.List(t.Context(), adaName, "", 1, first.Next)
		if err != nil || len(last.Spaces) != 1 || last.Spaces[0].DisplayName != "Team" || last.Next != "" ||
			last.Truncated {
			t.Errorf("%+v, %v", last, err)
		}
		path := `GET /v1/spaces?filter=spaceType = "SPACE"&pageSize=1`
		if diff := cmp.Diff([]string{path, path + "&pageToken=" + first.Next}, f.requests()); diff != "" {
			t.Error(diff)
		}
		for n, want := range map[int]bool{99: false, 100: true} {
			f.google.Answer("GET /v1/spaces:search", found(n))
			got, err := f.List(t.Context(), adaName, "plan", 1, "")
			if len(got.Spaces) != n || got.Truncated != want || err != nil {
				t.Errorf("%d spaces: got %d, truncated %v, %v", n, len(got.Spaces), got.Truncated, err)
			}
		}
		f.google.Fail("chat.spaces.list", 403)
		_, err = f.List(t.Context(), adaName, "", 1, "")
		wantKind(t, "list", err, fault.Denied)
		f.google.Fail("chat.spaces.search", 403)
		_, err = f.List(t.Context(), adaName, "plan", 1, "")
		wantKind(t, "search", err, fault.Denied)
	})
}

// With admin access, the administrator reaches spaces that they are not in, with other capabilities.
func TestAdmin_Requests(t *testing.T) {
	admin := resource.Person(alan.User())
	for name, c := range map[string]struct {
		do    func(context.Context, *spaces.Spaces) error
		asked capability.Capability
		want  string
	}{
		"list": {
			func(ctx context.Context, s *spaces.Spaces) error { return second(s.List(ctx, admin, "", 7, "")) },
			capability.AdminSpaces, "GET /v1/spaces:search?orderBy=create_time DESC&pageSize=7&" +
				`query=customer = "customers/my_customer" AND space_type = "SPACE"&useAdminAccess=true`,
		},
		"search": {
			func(ctx context.Context, s *spaces.Spaces) error {
				return second(s.List(ctx, admin, "plan", 7, "page-1"))
			},
			capability.AdminSpaces, "GET /v1/spaces:search?orderBy=create_time DESC&pageSize=7&pageToken=page-1&" +
				`query=customer = "customers/my_customer" AND space_type = "SPACE" AND display_name:"plan"` +
				"&useAdminAccess=true",
		},
		"read": {
			func(ctx context.Context, s *spaces.Spaces) error { return second(s.Get(ctx, admin, "spaces/AAAA0005")) },
			capability.AdminSpaces, "GET /v1/spaces/AAAA0005?useAdminAccess=true",
		},
		"rename": {
			func(ctx context.Context, s *spaces.Spaces) error {
				return second(s.Rename(ctx, admin, "spaces/AAAA0005", "New"))
			},
			capability.AdminSpaces,
			`PATCH /v1/spaces/AAAA0005?updateMask=displayName&useAdminAccess=true {"displayName":"New"}`,
		},
		"delete": {
			func(ctx context.Context, s *spaces.Spaces) error { return s.Delete(ctx, admin, "spaces/AAAA0005") },
			capability.AdminDelete, "DELETE /v1/spaces/AAAA0005?useAdminAccess=true",
		},
		"members": {
			func(ctx context.Context, s *spaces.Spaces) error {
				_, _, err := s.Members(ctx, admin, "spaces/AAAA0005", 7, "")
				return err
			},
			capability.AdminMembers,
			`GET /v1/spaces/AAAA0005/members?filter=member.type != "BOT"&pageSize=7` +
				"&showGroups=true&showInvited=true&useAdminAccess=true",
		},
		"member": {
			func(ctx context.Context, s *spaces.Spaces) error {
				return second(s.Member(ctx, admin, "spaces/AAAA0005", grace.Sub))
			},
			capability.AdminMembers, "GET /v1/spaces/AAAA0005/members/" + grace.Sub + "?useAdminAccess=true",
		},
		"role": {
			func(ctx context.Context, s *spaces.Spaces) error {
				return second(s.SetRole(ctx, admin, "spaces/AAAA0005", grace.Sub, spaces.RoleOwner))
			},
			capability.AdminMembers, "PATCH /v1/spaces/AAAA0005/members/" + grace.Sub +
				`?updateMask=role&useAdminAccess=true {"role":"ROLE_MANAGER"}`,
		},
		"remove": {
			func(ctx context.Context, s *spaces.Spaces) error {
				return s.RemoveMember(ctx, admin, "spaces/AAAA0005/members/"+grace.Sub)
			},
			capability.AdminMembers, "DELETE /v1/spaces/AAAA0005/members/" + grace.Sub + "?useAdminAccess=true",
		},
		"add": {
			func(ctx context.Context, s *spaces.Spaces) error {
				return second(s.AddMembers(ctx, admin, "spaces/AAAA0005", []spaces.Member{member(alan)}))
			},
			capability.AdminMembers, "POST /v1/spaces/AAAA0005/members?useAdminAccess=true " +
				`{"member":{"name":"` + alan.User() + `","type":"HUMAN"}}`,
		},
	} {
		inFriendlyBubble(t, func(t *testing.T, f fixture) {
			f.mustCreate(t, spaces.Request{DisplayName: "Plan", Members: []spaces.Member{member(grace)}})
			f.requests()
			f.actor.Asked = nil
			if err := c.do(t.Context(), f.WithAdminAccess()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff([]string{c.want}, f.requests()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if diff := cmp.Diff([][]capability.Capability{{c.asked}}, f.actor.Asked); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		})
	}
}

// Deputy refuses what Google refuses with admin access, with a text of its own.
func TestAdmin_Refused(t *testing.T) {
	on, yes := spaces.HistoryOn, true
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		s := f.WithAdminAccess()
		for name, c := range map[string]spaces.Change{
			"history": {History: &on}, "discoverable": {Discoverable: &yes}, "audience": {Audience: new("audiences/a")},
			"access": {Access: spaces.AccessPermissions{Discover: []string{"audiences/a"}}},
		} {
			_, err := s.Update(t.Context(), adaName, team, c)
			wantKind(t, name, err, fault.Invalid)
		}
		for _, email := range []string{"Robin@GMail.com", "robin@googlemail.com"} {
			_, err := s.AddMembers(t.Context(), adaName, team, []spaces.Member{byEmail(email)})
			wantKind(t, email, err, fault.Invalid)
		}
		_, err := s.PostMessage(t.Context(), adaName, "key", spaces.Message{Space: team, Text: "x"})
		wantKind(t, "post", err, fault.Invalid)
		wantKind(t, "check", s.CheckCapabilities(t.Context(), adaName, capability.PostMessages), fault.Invalid)
		if got := f.requests(); got != nil {
			t.Errorf("sent %v", got)
		}
		_, err = s.List(t.Context(), adaName, "", 1, "")
		wantKind(t, "not an administrator", err, fault.Denied)
		// Without admin access, Google decides about a consumer account.
		_, err = f.AddMembers(t.Context(), adaName, team, []spaces.Member{byEmail("robin@gmail.com")})
		wantKind(t, "gmail.com", err, fault.Denied)
	})
}

func TestAdmin_Update(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		got, err := f.WithAdminAccess().Update(t.Context(), resource.Person(alan.User()), team, spaces.Change{
			DisplayName: new("New"), Description: new("d"),
			Permissions: spaces.Permissions{"manageApps": spaces.RoleOwner},
		})
		if err != nil || got.DisplayName != "New" || got.Description != "d" || len(got.Permissions) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestCheckCapabilities(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		f.actor.Declined = []capability.Capability{capability.AdminMembers}
		if err := f.CheckCapabilities(t.Context(), adaName, capability.ManageMembers); err != nil {
			t.Errorf("allowed: %v", err)
		}
		err := f.WithAdminAccess().CheckCapabilities(t.Context(), adaName, capability.ManageMembers)
		if _, ok := capability.AsConsentError(err); !ok || f.requests() != nil {
			t.Errorf("declined: %v", err)
		}
	})
}

func TestPlan(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		f.actor.Declined = capability.All() // a plan needs no token
		r := spaces.Request{
			DisplayName: "Plan", Members: []spaces.Member{member(grace)},
			More: []spaces.Member{{User: "groups/oncall@example.com"}},
			Rest: spaces.FollowUp{History: spaces.HistoryOff, FirstMessage: "Hello"},
		}
		got, err := f.Plan(t.Context(), func(ctx context.Context, s *spaces.Spaces) (err error) {
			if r.More, err = s.ResolveGroups(ctx, adaName, r.More); err == nil {
				_, err = s.Create(ctx, adaName, "key", r)
			}
			return err
		})
		var lines []string
		for _, p := range got {
			url, _, _ := strings.Cut(p.URL, "?")
			lines = append(lines, strings.TrimSpace(p.Method+" "+url+" "+requestIDs.ReplaceAllString(string(p.Body),
				"ID")))
		}
		const chat = "https://chat.googleapis.com/v1/spaces"
		want := []string{
			"GET https://cloudidentity.googleapis.com/v1/groups:lookup",
			"POST " + chat + `:setup {"memberships":[{"member":{"name":"` + grace.User() + `","type":"HUMAN"}}],` +
				`"requestId":"ID","space":{"displayName":"Plan","spaceType":"SPACE"}}`,
			"PATCH " + chat + `/NEW {"spaceHistoryState":"HISTORY_OFF"}`,
			"POST " + chat + `/NEW/messages {"markupSyntax":"MARKUP_SYNTAX_CHAT","text":"Hello"}`,
			"GET " + chat + "/NEW/members",
			"POST " + chat + `/NEW/members {"groupMember":{"name":"groups/ID"}}`,
		}
		if diff := cmp.Diff(want, lines); err != nil || diff != "" || f.requests() != nil {
			t.Errorf("%v, %s", err, diff)
		}
		_, err = f.Plan(t.Context(), func(context.Context, *spaces.Spaces) error {
			return fault.New(fault.Denied, fault.NoText)
		})
		wantKind(t, "the error of do", err, fault.Denied)
		if _, err := f.Get(t.Context(), adaName, team); err == nil {
			t.Error("the plan changed the original")
		}
	})
}
