package spaces_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

func TestCreate_Request(t *testing.T) {
	no, yes := false, true
	const setup = "POST /v1/spaces:setup "
	for name, c := range map[string]struct {
		in   spaces.Request
		want string
	}{
		"name only": {
			spaces.Request{DisplayName: " Plan "},
			`{"requestId":"ID","space":{"displayName":"Plan","spaceType":"SPACE"}}`,
		},
		"description": {
			spaces.Request{DisplayName: "Plan", Description: " d\n"},
			`{"requestId":"ID","space":{"displayName":"Plan","spaceDetails":{"description":"d"},"spaceType":"SPACE"}}`,
		},
		"all": {
			spaces.Request{
				DisplayName: "Plan", Guidelines: "g", Discoverable: true, Announcements: true, External: &yes,
				Members: []spaces.Member{member(grace), {User: oncall}},
			},
			`{"memberships":[{"member":{"name":"` + grace.User() + `","type":"HUMAN"}},` +
				`{"groupMember":{"name":"` + oncall + `"}}],"requestId":"ID",` +
				`"space":{"accessSettings":{"audience":"audiences/default"},"displayName":"Plan",` +
				`"externalUserAllowed":true,"predefinedPermissionSettings":"ANNOUNCEMENT_SPACE",` +
				`"spaceDetails":{"guidelines":"g"},"spaceType":"SPACE"}}`,
		},
		"an audience, no outsiders": {
			spaces.Request{DisplayName: "Plan", Discoverable: true, Audience: "audiences/engineering", External: &no},
			`{"requestId":"ID","space":{"accessSettings":{"audience":"audiences/engineering"},` +
				`"displayName":"Plan","externalUserAllowed":false,"spaceType":"SPACE"}}`,
		},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			if _, err := f.Create(t.Context(), adaName, "key", c.in); err != nil {
				t.Fatal(name, err)
			}
			if diff := cmp.Diff(setup+c.want, f.requests()[0]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		})
	}
}

func TestCreate_Outcome(t *testing.T) {
	yes := true
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		r := spaces.Request{DisplayName: "Plan", External: &yes, Members: []spaces.Member{
			{User: grace.User()},
			byEmail(alan.Email), byEmail(kim.Email), byEmail("nobody@example.com"),
			{User: oncall, Label: "On call"},
		}}
		got := f.mustCreate(t, r)
		id := got.Address[len("https://chat.test/"):]
		want := spaces.CreatedSpace{
			Name: resource.SpaceName("spaces/" + id), DisplayName: "Plan", Address: "https://chat.test/" + id,
			Outcome: spaces.Outcome{
				Joined: []spaces.Member{
					{User: grace.User(), Label: grace.Name}, byEmail(alan.Email), {User: oncall, Label: "On call"},
				},
				Invited: []spaces.Member{byEmail(kim.Email)}, LeftOut: []spaces.Member{byEmail("nobody@example.com")},
			},
		}
		if diff := cmp.Diff(want, got, sameMembers); diff != "" {
			t.Error(diff)
		}
		// A repetition finds the space. Google's answer then has no address and no name.
		got = f.mustCreate(t, r)
		want.Address = "https://mail.google.com/chat/u/0/#chat/space/" + id
		if diff := cmp.Diff(want, got, sameMembers); diff != "" || f.google.Count("chat.spaces.setup") != 2 {
			t.Errorf("repeated: %s", diff)
		}
	})
}

func TestCreate_Errors(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		create := func(name string) error {
			_, err := f.Create(t.Context(), adaName, "key", spaces.Request{DisplayName: name})
			return err
		}
		wantKind(t, "no name", create(" "), fault.Invalid)
		if got := f.requests(); got != nil {
			t.Errorf("sent %v", got)
		}
		wantKind(t, "a taken name", create("Team"), fault.Conflict)
		f.google.Fail("chat.spaces.setup", 403)
		wantKind(t, "forbidden", create("x"), fault.Denied)
		f.actor.Declined = []capability.Capability{capability.CreateSpaces}
		err := create("x")
		if _, ok := capability.AsConsentError(err); !ok {
			t.Errorf("declined: %v", err)
		}
	})
}

// The space is created although the person declined to let Deputy list and add members.
func TestCreate_DeclinedMembers(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		f.actor.Declined = []capability.Capability{capability.ReadMembers, capability.ManageMembers}
		r := spaces.Request{
			DisplayName: "Plan", Members: []spaces.Member{member(grace)},
			More: []spaces.Member{member(alan)},
		}
		got := f.mustCreate(t, r).Outcome
		if len(got.Unchecked) == 0 || !got.ListDeclined || got.Pending != nil || len(got.Failed) != 1 ||
			got.Failed[0].Member != member(alan) {
			t.Errorf("%+v", got)
		}
		if members := f.space(t, "spaces/AAAA0005").Members; len(members) != 2 {
			t.Errorf("members: %v", members)
		}
	})
}

// Members that exceed a setup are added one by one.
func TestCreate_MoreMembers(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		r := spaces.Request{DisplayName: "Plan", More: []spaces.Member{
			byEmail(grace.Email), {User: alan.User()}, member(kim), {User: "users/9"},
		}}
		got := f.mustCreate(t, r).Outcome
		want := spaces.Outcome{
			Joined: []spaces.Member{byEmail(grace.Email), {User: alan.User(), Label: alan.Name}},
		}
		failed := got.Failed
		got.Failed = nil
		if diff := cmp.Diff(want, got, sameMembers); diff != "" {
			t.Error(diff)
		}
		if len(failed) != 2 || failed[0].Member != member(kim) || fault.KindOf(failed[0].Err) != fault.Denied {
			t.Errorf("failed: %v", failed)
		}
		if got := f.space(t, "spaces/AAAA0005").Members; len(got) != 3 {
			t.Errorf("members: %v", got)
		}
	})
}

// Google may accept a member and not add them, and lists a member under another name than the request.
func TestFinish_AcceptedButLeftOut(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		f.google.BlockPeople(grace)
		space := f.mustCreate(t, spaces.Request{DisplayName: "Plan"}).Name
		more := []spaces.Member{member(grace), {User: "users/" + alan.Email}}
		got := f.Finish(t.Context(), adaName, "key", space, spaces.Request{More: more})
		want := spaces.Outcome{
			Joined:  []spaces.Member{{User: "users/" + alan.Email, Label: alan.Name}},
			LeftOut: []spaces.Member{member(grace)},
		}
		if diff := cmp.Diff(want, got, sameMembers); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFinish_NothingLeft(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		got := f.Finish(t.Context(), adaName, "key", team, spaces.Request{})
		if diff := cmp.Diff(spaces.Outcome{}, got, sameMembers); diff != "" || f.requests() != nil {
			t.Error(diff)
		}
		// A member who is there already is not added again.
		got = f.Finish(t.Context(), adaName, "key", team, spaces.Request{More: []spaces.Member{member(grace)}})
		want := spaces.Outcome{Joined: []spaces.Member{member(grace)}}
		if diff := cmp.Diff(want, got, sameMembers); diff != "" || len(f.requests()) != 1 {
			t.Error(diff)
		}
	})
}

func TestFinish_ListFails(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		f.failing("chat.spaces.members.list", 503) // with small pages, too
		f.failing("chat.spaces.members.list", 503)
		more := []spaces.Member{member(alan)}
		got := f.Finish(t.Context(), adaName, "key", team,
			spaces.Request{Members: []spaces.Member{member(grace)}, More: more})
		if len(got.Unchecked) != 1 || got.Unchecked[0].Member != member(grace) ||
			!fault.IsTransient(got.Unchecked[0].Err) ||
			!slices.Equal(got.Pending, more) {
			t.Errorf("%+v", got)
		}
		// The lookup of one member fails.
		f.failing("chat.spaces.members.get", 503)
		unlisted := []spaces.Member{byEmail("nobody@example.com")}
		got = f.Finish(t.Context(), adaName, "key", team, spaces.Request{Members: unlisted})
		if len(got.Unchecked) != 1 || got.Unchecked[0].Member != unlisted[0] || got.LeftOut != nil {
			t.Errorf("%+v", got)
		}
	})
}

// A member whose address Google omits from the list is looked up.
func TestFinish_LookUpByEmail(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		list := "GET /v1/" + string(team) + "/members"
		f.google.Answer(list, `{"memberships":[{"state":"JOINED"},{"state":"JOINED","member":{"name":"users/9"}}]}`)
		members := []spaces.Member{byEmail(grace.Email), {User: "users/9"}, {User: "users/8"}, {User: oncall}}
		got := f.Finish(t.Context(), adaName, "key", team, spaces.Request{Members: members})
		want := spaces.Outcome{
			Joined:  []spaces.Member{byEmail(grace.Email), {User: "users/9"}},
			LeftOut: []spaces.Member{{User: "users/8"}, {User: oncall}},
		}
		if diff := cmp.Diff(want, got, sameMembers); diff != "" {
			t.Error(diff)
		}
		wantRequests := []string{
			"GET /v1/spaces/AAAAteam/members?pageSize=100&showGroups=true&showInvited=true",
			"GET /v1/spaces/AAAAteam/members/" + grace.Email,
		}
		if diff := cmp.Diff(wantRequests, f.requests()); diff != "" {
			t.Error(diff)
		}
	})
}

// crowd is n people of the organization.
func crowd(t *testing.T, n int) []spaces.Member {
	t.Helper()
	var out []spaces.Member
	for i := range n {
		p, ok := google.FindPerson(fmt.Sprintf("member-%d@example.com", 1+i))
		if !ok {
			t.Fatal("no such person")
		}
		out = append(out, byEmail(p.Email))
	}
	return out
}

func TestFinish_TransientErrors(t *testing.T) {
	const create = "chat.spaces.members.create"
	for name, c := range map[string]struct {
		fail    func(fixture)
		pending int // of three members
		calls   int
	}{
		"one can't be added for now": {func(f fixture) { f.failing(create, 503) }, 0, 6},
		"the quota is used up":       {func(f fixture) { f.failing(create, 429) }, 2, 4},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			space := f.mustCreate(t, spaces.Request{DisplayName: "Plan"}).Name
			c.fail(f)
			more := crowd(t, 3)
			got := f.Finish(t.Context(), adaName, "key", space, spaces.Request{More: more})
			if len(got.Failed) != 1 || got.Failed[0].Member != more[0] || !fault.IsTransient(got.Failed[0].Err) ||
				len(got.Pending) != c.pending || len(got.Joined) != 2-c.pending || f.google.Count(create) != c.calls {
				t.Errorf("%s: %+v, %d calls", name, got, f.google.Count(create))
			}
		})
	}
}

// After the first 49, members are added at a pace of 2.5 in a second, until the time that is left is needed for a call.
func TestFinish_Pace(t *testing.T) {
	for name, c := range map[string]struct {
		limit  time.Duration // 0 is none
		joined int
		took   time.Duration
	}{
		"enough time": {0, 52, 1200 * time.Millisecond},
		"short time":  {9*time.Second + 500*time.Millisecond, 50, 400 * time.Millisecond},
		"no time":     {9 * time.Second, 0, 0},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			space := f.mustCreate(t, spaces.Request{DisplayName: "Plan"}).Name
			ctx, more, start := t.Context(), crowd(t, 52), time.Now()
			if c.limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.limit)
				defer cancel()
			}
			got := f.Finish(ctx, adaName, "key", space, spaces.Request{More: more})
			took := time.Since(start)
			if len(got.Joined) != c.joined || len(got.Pending) != 52-c.joined || took != c.took {
				t.Errorf("%s: joined %d, pending %d, in %v", name, len(got.Joined), len(got.Pending), took)
			}
		})
	}
}
