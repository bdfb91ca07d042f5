package spaces_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
)

func TestUpdate_Requests(t *testing.T) {
	on, off, yes, no := spaces.HistoryOn, spaces.HistoryOff, true, false
	const patch = "PATCH /v1/spaces/AAAAteam?updateMask="
	const discover, join = patch + "accessSettings.accessPermissionSettings.discoverSpaceSetting ",
		patch + "accessSettings.accessPermissionSettings.joinSpaceSetting "
	const read = "GET /v1/spaces/AAAAteam"
	setting := func(name, audience string) string {
		return `{"accessSettings":{"accessPermissionSettings":{"` + name +
			`":{"principals":[{"audience":{"name":"` + audience + `"}}]}}}}`
	}
	for name, c := range map[string]struct {
		change spaces.Change
		want   []string // before the read of the result
	}{
		"nothing": {spaces.Change{}, nil},
		"name": {
			spaces.Change{DisplayName: new(" New\nname ")},
			[]string{patch + `displayName {"displayName":"New name"}`},
		},
		"description": {
			spaces.Change{Description: new("d")},
			[]string{read, patch + `spaceDetails {"spaceDetails":{"description":"d","guidelines":"old"}}`},
		},
		"no guidelines": {
			spaces.Change{Guidelines: new("")},
			[]string{read, patch + `spaceDetails {"spaceDetails":{"description":"old","guidelines":""}}`},
		},
		"history": {
			spaces.Change{History: &off}, []string{patch + `spaceHistoryState {"spaceHistoryState":"HISTORY_OFF"}`},
		},
		"history on": {
			spaces.Change{History: &on}, []string{patch + `spaceHistoryState {"spaceHistoryState":"HISTORY_ON"}`},
		},
		"permissions": {
			spaces.Change{Permissions: spaces.Permissions{
				"manageApps": spaces.RoleOwner, "replyMessages": spaces.RoleMember, "toggleHistory": spaces.RoleManager,
			}},
			[]string{patch + "permissionSettings.toggleHistory,permissionSettings.manageApps," +
				"permissionSettings.replyMessages " + `{"permissionSettings":{` +
				`"manageApps":{"assistantManagersAllowed":false,"managersAllowed":true,"membersAllowed":false},` +
				`"replyMessages":{"assistantManagersAllowed":true,"managersAllowed":true,"membersAllowed":true},` +
				`"toggleHistory":{"assistantManagersAllowed":true,"managersAllowed":true,"membersAllowed":false}}}`},
		},
		"discoverable": {
			spaces.Change{Discoverable: &yes},
			[]string{patch + `accessSettings.audience {"accessSettings":{"audience":"audiences/default"}}`},
		},
		"not discoverable": {
			spaces.Change{Discoverable: &no},
			[]string{patch + `accessSettings.audience {"accessSettings":{"audience":""}}`},
		},
		"audience": {
			spaces.Change{Audience: new("audiences/a")},
			[]string{patch + `accessSettings.audience {"accessSettings":{"audience":"audiences/a"}}`},
		},
		"access": {
			spaces.Change{Access: spaces.AccessPermissions{
				Discover: []string{"audiences/a"},
				Join:     []string{"audiences/a"},
			}},
			[]string{
				discover + setting("discoverSpaceSetting", "audiences/a"), join + setting("joinSpaceSetting",
					"audiences/a"),
			},
		},
		"discover only": {
			spaces.Change{Access: spaces.AccessPermissions{Discover: []string{"audiences/a"}}},
			[]string{discover + setting("discoverSpaceSetting", "audiences/a")},
		},
		"all that pauses": {
			spaces.Change{DisplayName: new("N"), History: &off, Discoverable: &yes},
			[]string{
				patch + `displayName {"displayName":"N"}`,
				patch + `spaceHistoryState {"spaceHistoryState":"HISTORY_OFF"}`,
				patch + `accessSettings.audience {"accessSettings":{"audience":"audiences/default"}}`,
			},
		},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			f.google.EnforceQuotas() // one write to a space in a second
			if c.change.Description != nil || c.change.Guidelines != nil {
				f.google.Answer(read,
					`{"name":"spaces/AAAAteam","spaceDetails":{"description":"old","guidelines":"old"}}`)
			}
			start := time.Now()
			got, err := f.Update(t.Context(), adaName, team, c.change)
			pauses := max(0, strings.Count(strings.Join(c.want, "\n"), "PATCH")-1)
			if took := time.Since(start); err != nil || got.Name != team || took != time.Duration(pauses)*time.Second {
				t.Errorf("%s: %+v, %v, in %v", name, got, err, took)
			}
			if diff := cmp.Diff(append(c.want, read), f.requests()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		})
	}
}

func TestUpdate_Invalid(t *testing.T) {
	half := spaces.History("HALF")
	long := func(n int) *string { return new(strings.Repeat("ä", n)) }
	inBubble(t, func(t *testing.T, f fixture) {
		for name, c := range map[string]spaces.Change{
			"no name":          {DisplayName: new(" ")},
			"long description": {Description: long(spaces.MaxDescription + 1)},
			"long guidelines":  {Guidelines: long(spaces.MaxGuidelines + 1)},
			"unknown history":  {History: &half},
			"only one is good": {DisplayName: new("New"), History: &half},
		} {
			_, err := f.Update(t.Context(), adaName, team, c)
			wantKind(t, name, err, fault.Invalid)
		}
		if got := f.requests(); got != nil {
			t.Errorf("sent %v", got)
		}
		limit := spaces.Change{Description: long(spaces.MaxDescription), Guidelines: long(spaces.MaxGuidelines)}
		if _, err := f.Update(t.Context(), adaName, team, limit); err != nil {
			t.Errorf("as long as Chat allows: %v", err)
		}
	})
}

func TestUpdate_Failures(t *testing.T) {
	on := spaces.HistoryOn
	both := spaces.Change{DisplayName: new("New"), History: &on}
	access := spaces.AccessPermissions{Discover: []string{"audiences/a"}, Join: []string{"audiences/a"}}
	for name, c := range map[string]struct {
		change  spaces.Change
		prepare func(*testing.T, fixture)
		kind    fault.Kind
		partial bool
		writes  int
	}{
		"first step": {
			both, func(_ *testing.T, f fixture) { f.google.Fail("chat.spaces.patch", 403) }, fault.Denied,
			false, 1,
		},
		"second step": {
			both, func(_ *testing.T, f fixture) {
				f.google.Answer("PATCH /v1/spaces/AAAAteam", `{}`)
				f.google.Fail("chat.spaces.patch", 403)
			}, fault.Denied, true, 2,
		},
		"a taken name": {
			spaces.Change{DisplayName: new("Team 2")},
			func(t *testing.T, f fixture) {
				f.mustCreate(t,
					spaces.Request{DisplayName: "Team 2"})
			}, fault.Conflict, false, 1,
		},
		"the result can't be read": {
			both, func(_ *testing.T, f fixture) { f.google.Fail("chat.spaces.get", 403) }, fault.Unavailable, true, 2,
		},
		"only read": {
			spaces.Change{}, func(_ *testing.T,
				f fixture,
			) {
				f.google.Fail("chat.spaces.get", 403)
			}, fault.Denied, false, 0,
		},
		"the old description can't be read": {
			spaces.Change{Description: new("d")},
			func(_ *testing.T, f fixture) { f.google.Fail("chat.spaces.get", 403) },
			fault.Denied, false, 0,
		},
		"the audience that can find it": {
			spaces.Change{Access: access},
			func(_ *testing.T, f fixture) { f.google.Fail("chat.spaces.patch", 403) },
			fault.Denied, false, 1,
		},
		"the audience that can join": {
			spaces.Change{Access: access}, func(_ *testing.T, f fixture) {
				f.google.Answer("PATCH /v1/spaces/AAAAteam", `{}`)
				f.google.Fail("chat.spaces.patch", 403)
			}, fault.Denied, true, 2,
		},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			c.prepare(t, f)
			f.requests()
			_, err := f.Update(t.Context(), adaName, team, c.change)
			wantKind(t, name, err, c.kind)
			_, partial := errors.AsType[*fault.PartialError](err)
			writes := 0
			for _, r := range f.requests() {
				if strings.HasPrefix(r, "PATCH") {
					writes++
				}
			}
			if partial != c.partial || writes != c.writes {
				t.Errorf("%s: partial %v, %d writes: %v", name, partial, writes, err)
			}
		})
	}
}

// A step that would begin after the deadline is not tried.
func TestUpdate_Deadline(t *testing.T) {
	off := spaces.HistoryOff
	access := spaces.AccessPermissions{Discover: []string{"audiences/a"}, Join: []string{"audiences/a"}}
	for name, change := range map[string]spaces.Change{
		"the second field":    {DisplayName: new("New"), History: &off},
		"the second audience": {Access: access},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := f.Update(ctx, adaName, team, change)
			if err == nil || len(f.requests()) != 1 {
				t.Errorf("%s: %v", name, err)
			}
			_, partial := errors.AsType[*fault.PartialError](err)
			text := fault.Public(i18n.In("en"), err, "")
			if !partial || !strings.Contains(text, "didn't respond in time") {
				t.Errorf("%s: %v, %s", name, err, text)
			}
		})
	}
}

func TestChange_Apply(t *testing.T) {
	on, yes, no := spaces.HistoryOn, true, false
	old := spaces.Info{
		Name: team, DisplayName: "Team", Description: "d", Guidelines: "g", History: spaces.HistoryOff,
		Discoverable: new(true), Audience: "audiences/a",
		Permissions: spaces.Permissions{"manageApps": spaces.RoleOwner},
	}
	change := func(change func(*spaces.Info)) spaces.Info {
		out := old
		change(&out)
		return out
	}
	for name, c := range map[string]struct {
		change spaces.Change
		want   spaces.Info
	}{
		"nothing": {spaces.Change{}, old},
		"texts": {
			spaces.Change{DisplayName: new("N"), Description: new("D"), Guidelines: new("G"), History: &on},
			change(func(i *spaces.Info) {
				i.DisplayName, i.Description, i.Guidelines, i.History = "N", "D", "G", spaces.HistoryOn
			}),
		},
		"hidden": {
			spaces.Change{Discoverable: &no},
			change(func(i *spaces.Info) { i.Discoverable, i.Audience = new(false), "" }),
		},
		"for the organization": {
			spaces.Change{Discoverable: &yes}, change(func(i *spaces.Info) { i.Audience = "audiences/default" }),
		},
		"for an audience": {
			spaces.Change{Audience: new("audiences/b")}, change(func(i *spaces.Info) { i.Audience = "audiences/b" }),
		},
		"a permission": {
			spaces.Change{Permissions: spaces.Permissions{"toggleHistory": spaces.RoleMember}},
			change(func(i *spaces.Info) {
				i.Permissions = spaces.Permissions{"manageApps": spaces.RoleOwner, "toggleHistory": spaces.RoleMember}
			}),
		},
	} {
		if diff := cmp.Diff(c.want, c.change.Apply(old)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if len(old.Permissions) != 1 {
		t.Errorf("the old permissions changed: %v", old.Permissions)
	}
	first := spaces.Permissions{"manageApps": spaces.RoleOwner}
	if diff := cmp.Diff(first, spaces.Change{Permissions: first}.Apply(spaces.Info{}).Permissions); diff != "" {
		t.Errorf("the first permission: %s", diff)
	}
	if diff := cmp.Diff(spaces.Info{}, spaces.Change{}.Apply(spaces.Info{})); diff != "" {
		t.Errorf("nothing: %s", diff)
	}
}

// After a space is created, its settings follow, at most one in a second. A failure does not stop the next.
func TestFinish_Steps(t *testing.T) {
	rest := spaces.FollowUp{
		History: spaces.HistoryOff, Permissions: spaces.Permissions{"manageApps": spaces.RoleOwner},
		Access: spaces.AccessPermissions{Join: []string{"audiences/a"}}, AddTheApp: true, FirstMessage: "Hello",
	}
	inBubble(t, func(t *testing.T, f fixture) {
		space := f.mustCreate(t, spaces.Request{DisplayName: "Plan"}).Name
		f.google.EnforceQuotas()
		f.requests()
		got := f.Finish(t.Context(), adaName, "key", space, spaces.Request{Rest: rest})
		// Google allows only audiences that can find the space to join it.
		steps, kind := got.StepsLeft(), fault.Internal
		if len(steps) == 1 {
			kind = fault.KindOf(got.FailedSteps[0].Err)
		}
		if diff := cmp.Diff([]spaces.Step{spaces.SetAccess}, steps); diff != "" || kind != fault.Invalid {
			t.Errorf("%s, %v", diff, kind)
		}
		path := " /v1/" + string(space)
		want := []string{
			"PATCH" + path + `?updateMask=spaceHistoryState {"spaceHistoryState":"HISTORY_OFF"}`,
			"PATCH" + path + `?updateMask=permissionSettings.manageApps {"permissionSettings":{"manageApps":` +
				`{"assistantManagersAllowed":false,"managersAllowed":true,"membersAllowed":false}}}`,
			"PATCH" + path + "?updateMask=accessSettings.accessPermissionSettings.joinSpaceSetting " +
				`{"accessSettings":{"accessPermissionSettings":{"joinSpaceSetting":` +
				`{"principals":[{"audience":{"name":"audiences/a"}}]}}}}`,
			"POST" + path + `/members {"member":{"name":"users/app","type":"BOT"}}`,
			"POST" + path + `/messages?messageId=client-ID&requestId=ID ` +
				`{"markupSyntax":"MARKUP_SYNTAX_CHAT","text":"Hello"}`,
		}
		if diff := cmp.Diff(want, f.requests()); diff != "" {
			t.Error(diff)
		}
		// The app is a member already, and the message was posted already.
		time.Sleep(time.Second)
		again := f.Finish(t.Context(), adaName, "key", space,
			spaces.Request{Rest: rest.Select(spaces.AddTheApp, spaces.PostFirst)})
		isOther := func(m google.Message) bool { return m.Text != "Hello" }
		messages := slices.DeleteFunc(f.space(t, space).Messages, isOther)
		if again.FailedSteps != nil || len(messages) != 1 {
			t.Errorf("repeated: %+v, %v", again, messages)
		}
		f.google.Fail("chat.spaces.members.create", 403)
		refused := f.Finish(t.Context(), adaName, "key", space, spaces.Request{Rest: spaces.FollowUp{AddTheApp: true}})
		if diff := cmp.Diff([]spaces.Step{spaces.AddTheApp}, refused.StepsLeft()); diff != "" {
			t.Errorf("refused: %s", diff)
		}
	})
}

// Steps after the deadline are not tried, except the app's membership, which does not count as a write to the space.
func TestFinish_StepsDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		space := f.mustCreate(t, spaces.Request{DisplayName: "Plan"}).Name
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		rest := spaces.FollowUp{History: spaces.HistoryOff, AddTheApp: true, FirstMessage: "Hello"}
		got := f.Finish(ctx, adaName, "key", space, spaces.Request{Rest: rest})
		if diff := cmp.Diff([]spaces.Step{spaces.PostFirst}, got.StepsLeft()); diff != "" {
			t.Fatal(diff)
		}
		wantKind(t, "the last step", got.FailedSteps[0].Err, fault.Unavailable)
		if s := f.space(t, space); !s.App || s.History != "HISTORY_OFF" {
			t.Errorf("%+v", s)
		}
	})
}

func TestRename(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		name, err := f.Rename(t.Context(), adaName, team, " The	team ")
		if err != nil || name != "The team" || f.space(t, team).DisplayName != name {
			t.Errorf("%q, %v", name, err)
		}
		f.mustCreate(t, spaces.Request{DisplayName: "Plan"})
		_, err = f.Rename(t.Context(), adaName, team, "Plan")
		wantKind(t, "a taken name", err, fault.Conflict)
		if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, `"Plan"`) {
			t.Errorf("a taken name: %s", text)
		}
		f.requests()
		_, err = f.Rename(t.Context(), adaName, team, " ")
		if wantKind(t, "no name", err, fault.Invalid); f.requests() != nil {
			t.Error("sent without a name")
		}
	})
}

func TestDelete(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		space := f.mustCreate(t, spaces.Request{DisplayName: "Plan"}).Name
		if err := f.Delete(t.Context(), adaName, space); err != nil {
			t.Error(err)
		}
		wantKind(t, "again", f.Delete(t.Context(), adaName, space), fault.NotFound)
	})
}
