package spaces_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
)

const teamMembers = "GET /v1/spaces/AAAAteam/members"

// check returns what Finish says about members of Team.
func (f fixture) check(ctx context.Context, members ...spaces.Member) spaces.Outcome {
	return f.Finish(ctx, adaName, "key", team, spaces.Request{Members: members})
}

// The members of a list that spans pages, one of them empty, are all found (google/SP2-members-list.json).
func TestRoster_Pages(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		f.google.Answer(teamMembers,
			`{"memberships":[{"name":"spaces/AAAAteam/members/1","state":"JOINED","role":"ROLE_MANAGER",`+
				`"member":{"name":"users/1","type":"HUMAN"}}],"nextPageToken":"page-1"}`,
			`{"nextPageToken":"page-2"}`,
			`{"memberships":[{"state":"INVITED","member":{"name":"users/2"}}],"nextPageToken":"page-3"}`,
			`{"memberships":[{"state":"JOINED","groupMember":{"name":"groups/g"}}]}`)
		got := f.check(t.Context(), spaces.Member{User: "users/1"}, spaces.Member{User: "users/2"},
			spaces.Member{User: "groups/g"}, spaces.Member{User: "users/3"})
		if len(got.Joined) != 2 || len(got.Invited) != 1 || len(got.LeftOut) != 1 || got.LeftOut[0].User != "users/3" {
			t.Errorf("%+v", got)
		}
	})
}

// A member in a state that is neither JOINED nor INVITED is not in (google/SP9-members-create.json).
func TestRoster_OtherStates(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		f.google.Answer(teamMembers, `{"memberships":[{"state":"NOT_A_MEMBER","member":{"name":"users/1"}},`+
			`{"state":"STATE_OF_TOMORROW","member":{"name":"users/2"}}]}`)
		got := f.check(t.Context(), spaces.Member{User: "users/1"}, spaces.Member{User: "users/2"})
		if len(got.LeftOut) != 2 || got.Joined != nil {
			t.Errorf("listed: %+v", got)
		}
		f.google.Answer("POST /v1/spaces/AAAAteam/members", `{"name":"spaces/AAAAteam/members/3",`+
			`"state":"NOT_A_MEMBER","member":{"name":"users/3","type":"HUMAN"}}`, `{"state":"STATE_OF_TOMORROW"}`)
		got, err := f.AddMembers(t.Context(), adaName, team, []spaces.Member{{User: "users/3"}, {User: "users/4"}})
		if len(got.LeftOut) != 2 || got.Joined != nil || err != nil {
			t.Errorf("added: %+v, %v", got, err)
		}
	})
}

// One member who cannot be read does not hide the others (google/SP3-members-get-403.json).
func TestRoster_UnreadableMember(t *testing.T) {
	for status, transient := range map[int]bool{403: false, 400: false, 503: true} {
		inFriendlyBubble(t, func(t *testing.T, f fixture) {
			f.google.Answer(teamMembers, `{"memberships":[{"state":"JOINED","member":{"name":"users/1"}}]}`)
			f.failing("chat.spaces.members.get", status)
			got := f.check(t.Context(), byEmail("x@example.com"), spaces.Member{User: "users/1"})
			if len(got.Joined) != 1 || got.LeftOut != nil || len(got.Unchecked) != 1 {
				t.Fatalf("%d: %+v", status, got)
			}
			err := got.Unchecked[0].Err
			public := fault.Public(i18n.In("en"), err, "r")
			if fault.IsTransient(err) != transient || strings.Contains(public, "reference") {
				t.Errorf("%d: %v, %q", status, err, public)
			}
		})
	}
}

// Look-ups run side by side, within Chat's quota of 15 reads a second.
func TestRoster_LookUpPace(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		f.google.Answer(teamMembers, `{"memberships":[]}`)
		f.google.EnforceQuotas()
		started := time.Now()
		got := f.check(t.Context(), crowd(t, 49)...)
		if took := time.Since(started); len(got.LeftOut) != 49 || took < 4*time.Second || took > 5*time.Second {
			t.Errorf("%v: %+v", took, got)
		}
	})
}

// What time does not allow is not known yet, and nobody is thrown away.
func TestRoster_OutOfTime(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		f.google.Answer(teamMembers, `{"memberships":[]}`)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		got := f.check(ctx, crowd(t, 49)...)
		if n := len(got.Unchecked); n == 0 || n+len(got.LeftOut) != 49 || !fault.IsTransient(got.Unchecked[0].Err) {
			t.Errorf("%d unchecked, %d left out", n, len(got.LeftOut))
		}
	})
}

// In a space with more members than are listed, nobody is left out unseen.
func TestRoster_LongList(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		for page := range 21 {
			var list []string
			for i := range 100 {
				list = append(list, fmt.Sprintf(`{"state":"JOINED","member":{"name":"users/9%d"}}`, 100*page+i))
			}
			f.google.Answer(teamMembers, `{"memberships":[`+strings.Join(list, ",")+`],"nextPageToken":"more"}`)
		}
		got := f.check(t.Context(), spaces.Member{User: "users/90"}, member(grace), spaces.Member{User: "users/8"})
		if len(got.Joined) != 2 || len(got.LeftOut) != 1 || f.google.Count("chat.spaces.members.get") != 2 {
			t.Errorf("%+v, %d look-ups", got, f.google.Count("chat.spaces.members.get"))
		}
	})
}

// A member who is not known to Google does not prevent the space, and has a result that says so.
func TestCreate_UnknownMember(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		f.google.Fail("chat.spaces.setup", 404)
		f.google.Fail("chat.spaces.members.create", 0, 404)
		r := spaces.Request{DisplayName: "Plan", Members: []spaces.Member{member(grace), byEmail("typo@example.com")}}
		got := f.mustCreate(t, r)
		if len(got.Joined) != 1 || len(got.Failed) != 1 || got.Failed[0].User != "users/typo@example.com" {
			t.Fatalf("%+v", got)
		}
		if text := fault.Public(i18n.In("en"), got.Failed[0].Err, "r"); !strings.Contains(text, "Check the address") {
			t.Errorf("%q", text)
		}
		if again := f.mustCreate(t, r); again.Name != got.Name {
			t.Errorf("another space: %+v", again)
		}
		f.google.Fail("chat.spaces.members.create", 404)
		_, err := f.AddMembers(t.Context(), adaName, "spaces/none", []spaces.Member{member(grace)})
		if text := fault.Public(i18n.In("en"), err, "r"); !strings.Contains(text, "can't find this space") {
			t.Errorf("a space that is gone: %q", text)
		}
	})
}
