package spaces_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/oauth2"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/googletest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

func TestAddMembers(t *testing.T) {
	yes := true
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		space := f.mustCreate(t, spaces.Request{DisplayName: "Plan", External: &yes}).Name
		f.requests()
		members := []spaces.Member{member(grace), byEmail(kim.Email), {User: "users/9"}, {User: oncall}}
		got, err := f.AddMembers(t.Context(), adaName, space, members)
		failed := got.Failed
		got.Failed = nil
		want := spaces.Outcome{Joined: []spaces.Member{member(grace), {User: oncall}}, Invited: members[1:2]}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		if len(failed) != 1 || failed[0].Member != members[2] || fault.KindOf(failed[0].Err) != fault.Denied {
			t.Errorf("failed: %v", failed)
		}
		path := "POST /v1/" + string(space) + "/members "
		wantRequests := []string{
			path + `{"member":{"name":"` + grace.User() + `","type":"HUMAN"}}`,
			path + `{"member":{"name":"users/kim@partner.example","type":"HUMAN"}}`,
			path + `{"member":{"name":"users/9","type":"HUMAN"}}`,
			path + `{"groupMember":{"name":"groups/02oncall"}}`,
		}
		if diff := cmp.Diff(wantRequests, f.requests()); diff != "" {
			t.Error(diff)
		}
	})
}

// refusingActor refuses to act with an error for each call; nil lets the call through.
type refusingActor struct {
	*googletest.Actor
	errs []error
}

// Act implements googlecall.Actor.
func (a *refusingActor) Act(
	ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	err := a.errs[0]
	if a.errs = a.errs[1:]; err != nil {
		return err
	}
	return a.Actor.Act(ctx, person, needed, do)
}

func TestAddMembers_Failures(t *testing.T) {
	refused, silent := fault.New(fault.Denied, fault.NoText), fault.New(fault.Unavailable, fault.NoText)
	consent := &capability.ConsentError{Missing: []capability.Capability{capability.ManageMembers}}
	for name, c := range map[string]struct {
		errs    []error
		want    error // nil: each member has their own result
		failed  int
		partial bool
	}{
		"one of each":         {[]error{silent, refused}, nil, 2, false},
		"both unavailable":    {[]error{silent, silent}, silent, 2, false},
		"refused twice":       {[]error{refused, refused}, refused, 2, false},
		"one refused":         {[]error{refused, nil}, nil, 1, false},
		"one unavailable":     {[]error{nil, silent}, nil, 1, false},
		"no consent at first": {[]error{consent}, consent, 0, false},
		"consent withdrawn":   {[]error{nil, consent}, consent, 0, true},
		"after a failure":     {[]error{refused, consent}, consent, 1, false},
	} {
		inBubble(t, func(t *testing.T, f fixture) {
			s := f.WithActor(&refusingActor{f.actor, c.errs})
			out, err := s.AddMembers(t.Context(), adaName, team, []spaces.Member{member(grace), member(alan)})
			_, partial := errors.AsType[*fault.PartialError](err)
			if !errors.Is(err, c.want) || len(out.Failed) != c.failed || partial != c.partial {
				t.Errorf("%s: %+v, %v", name, out, err)
			}
		})
	}
}

func TestAddMembers_Nobody(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		got, err := f.AddMembers(t.Context(), adaName, team, nil)
		if diff := cmp.Diff(spaces.Outcome{}, got); err != nil || diff != "" || f.requests() != nil {
			t.Errorf("%v, %s", err, diff)
		}
	})
}

// An invited member counts as a change, too.
func TestAddMembers_PartlyInvited(t *testing.T) {
	yes := true
	inBubble(t, func(t *testing.T, f fixture) {
		space := f.mustCreate(t, spaces.Request{DisplayName: "Plan", External: &yes}).Name
		s := f.WithActor(&refusingActor{f.actor, []error{nil, &capability.ConsentError{}}})
		_, err := s.AddMembers(t.Context(), adaName, space, []spaces.Member{byEmail(kim.Email), member(alan)})
		if _, partial := errors.AsType[*fault.PartialError](err); !partial {
			t.Error(err)
		}
	})
}

// Google may say that a member exists already; they may have to accept first.
func TestAddMembers_Existing(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		const path = "/v1/spaces/AAAAteam/members"
		for name, c := range map[string]struct {
			member  spaces.Member
			answer  string // of Google about the member
			invited bool
			reads   int
		}{
			"joined":     {member(grace), "", false, 1},
			"invited":    {byEmail(kim.Email), `{"state":"INVITED","member":{"name":"users/7"}}`, true, 1},
			"unreadable": {spaces.Member{User: "users/9"}, "", false, 1},
			"a group":    {spaces.Member{User: oncall}, "", false, 0},
		} {
			f.google.Fail("chat.spaces.members.create", 409)
			id := strings.TrimPrefix(c.member.User, "users/")
			if c.answer != "" {
				f.google.Answer("GET "+path+"/"+id, c.answer)
			}
			f.requests()
			got, err := f.AddMembers(t.Context(), adaName, team, []spaces.Member{c.member})
			if err != nil || len(got.Invited) > 0 != c.invited || len(got.Joined) > 0 == c.invited ||
				len(f.requests()) != 1+c.reads {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	})
}

func TestParticipants(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		got, err := f.Participants(t.Context(), adaName, team, capability.ScheduleEvents)
		var want []spaces.Participant
		for _, p := range []google.Person{ada, grace, alan} {
			want = append(want, spaces.Participant{User: resource.Person(p.User()), Label: p.Name, Email: p.Email})
		}
		want = append(want, spaces.Participant{User: resource.Person(kim.User())})
		if diff := cmp.Diff(spaces.Participants{People: want}, got); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		asked := [][]capability.Capability{{capability.ReadMembers, capability.ScheduleEvents}}
		if diff := cmp.Diff(asked, f.actor.Asked); diff != "" {
			t.Error(diff)
		}
		request := `GET /v1/spaces/AAAAteam/members?filter=member.type != "BOT"&pageSize=100&showGroups=true` +
			`&showInvited=true`
		if diff := cmp.Diff([]string{request}, f.requests()); diff != "" {
			t.Error(diff)
		}
		f.google.Answer("GET /v1/spaces/AAAAteam/members",
			`{"memberships":[{"state":"JOINED"},{"member":{"name":"users/9","email":"x@example.com"}},`+
				`{"state":"INVITED","member":{"name":"users/8"}},{"state":"NEW_STATE","member":{"name":"users/7"}},`+
				`{"state":"JOINED","groupMember":{"name":"groups/1"}}]}`)
		got, err = f.Participants(t.Context(), adaName, team)
		want = []spaces.Participant{{User: "users/9", Label: "x@example.com", Email: "x@example.com"}}
		if diff := cmp.Diff(spaces.Participants{People: want, Groups: 1}, got); err != nil || diff != "" {
			t.Errorf("no name: %v, %s", err, diff)
		}
		f.google.Fail("chat.spaces.members.list", 403)
		_, err = f.Participants(t.Context(), adaName, team)
		wantKind(t, "forbidden", err, fault.Denied)
	})
}

func TestMembers_Pages(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		space := f.mustCreate(t, spaces.Request{DisplayName: "Plan", Members: []spaces.Member{
			member(grace), {User: oncall},
		}}).Name
		f.requests()
		var got []spaces.Membership
		token := ""
		for {
			page, next, err := f.Members(t.Context(), adaName, space, 2, token)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page...)
			if token = next; token == "" {
				break
			}
		}
		want := []spaces.Membership{
			{User: ada.User(), DisplayName: ada.Name, Email: ada.Email, Role: spaces.RoleOwner, State: "JOINED"},
			{User: grace.User(), DisplayName: grace.Name, Email: grace.Email, Role: spaces.RoleMember, State: "JOINED"},
			{User: oncall, State: "JOINED"},
		}
		if diff := cmp.Diff(want, got, withoutName); diff != "" {
			t.Error(diff)
		}
		path := "GET /v1/" + string(space) + "/members?"
		requests := []string{
			path + "pageSize=2&showGroups=true&showInvited=true",
			path + "pageSize=2&pageToken=page-2&showGroups=true&showInvited=true",
		}
		if diff := cmp.Diff(requests, f.requests()); diff != "" {
			t.Error(diff)
		}
		_, _, err := f.Members(t.Context(), adaName, "spaces/none", 2, "")
		wantKind(t, "no such space", err, fault.NotFound)
	})
}

func TestMember(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		space := f.mustCreate(t, spaces.Request{DisplayName: "Plan", Members: []spaces.Member{member(grace)}}).Name
		got, err := f.SetRole(t.Context(), adaName, space, grace.Email, spaces.RoleManager)
		want := spaces.Membership{
			User: grace.User(), DisplayName: grace.Name, Email: grace.Email, Role: spaces.RoleManager, State: "JOINED",
		}
		if diff := cmp.Diff(want, got, withoutName); err != nil || diff != "" {
			t.Errorf("role: %v, %s", err, diff)
		}
		got, err = f.Member(t.Context(), adaName, space, grace.Sub)
		want.DisplayName, want.Email = "", "" // Google returns them in lists only
		if diff := cmp.Diff(want, got, withoutName); err != nil || diff != "" {
			t.Errorf("read: %v, %s", err, diff)
		}
		if err := f.RemoveMember(t.Context(), adaName, string(space)+"/members/"+grace.Sub); err != nil {
			t.Errorf("remove: %v", err)
		}
		for name, err := range map[string]error{
			"remove again": f.RemoveMember(t.Context(), adaName, string(space)+"/members/"+grace.Sub),
			"read":         second(f.Member(t.Context(), adaName, space, grace.Sub)),
			"role":         second(f.SetRole(t.Context(), adaName, space, grace.Sub, spaces.RoleMember)),
		} {
			wantKind(t, name, err, fault.NotFound)
		}
	})
}

// withoutName compares memberships without their resource names, which Google chooses.
var withoutName = cmpopts.IgnoreFields(spaces.Membership{}, "Name")

func second[T any](_ T, err error) error { return err }

func TestResolveGroups(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		in := []spaces.Member{member(grace), {User: "groups/oncall@example.com", Label: "On call"}, {User: "groups/x"}}
		got, err := f.ResolveGroups(t.Context(), adaName, in)
		want := []spaces.Member{member(grace), {User: oncall, Label: "On call"}, {User: "groups/x"}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
		if diff := cmp.Diff([]string{"GET /v1/groups:lookup?groupKey.id=oncall@example.com"},
			f.requests()); diff != "" {
			t.Error(diff)
		}
		for status, want := range map[int]fault.Kind{
			403: fault.Invalid, 404: fault.Invalid, 400: fault.Invalid, 503: fault.Unavailable, 429: fault.RateLimited,
		} {
			f.failing("cloudidentity.groups.lookup", status)
			_, err := f.ResolveGroups(t.Context(), adaName, in)
			wantKind(t, fmt.Sprint(status), err, want)
			unknown := strings.Contains(fmt.Sprint(err), "spaces.ResolveGroups: invalid")
			if unknown != (status == 403 || status == 404) {
				t.Errorf("%d: %v", status, err)
			}
			f.google.ClearFaults()
		}
		f.actor.Declined = []capability.Capability{capability.ResolveGroups}
		if got, err := f.ResolveGroups(t.Context(), adaName, in[:1]); err != nil || len(got) != 1 {
			t.Errorf("without a group: %v, %v", got, err)
		}
	})
}

func TestEnsureGroupChat(t *testing.T) {
	inFriendlyBubble(t, func(t *testing.T, f fixture) {
		members := []spaces.Member{
			member(grace), {User: "users/" + ada.Email}, {User: ada.User()}, member(grace), byEmail(alan.Email),
		}
		first, err := f.EnsureGroupChat(t.Context(), adaName, "a", members)
		want := spaces.Outcome{Joined: []spaces.Member{member(grace), byEmail(alan.Email)}}
		if diff := cmp.Diff(want, first.Outcome); err != nil || diff != "" || first.Found ||
			first.Address != "https://chat.test/"+strings.TrimPrefix(string(first.Name), "spaces/") {
			t.Fatalf("%+v, %v, %s", first, err, diff)
		}
		requests := []string{
			"GET /v1/spaces:findGroupChats?pageSize=30&users=" + grace.User() + "&users=users/alan@example.com",
			`POST /v1/spaces:setup {"memberships":[{"member":{"name":"` + grace.User() + `","type":"HUMAN"}},` +
				`{"member":{"name":"users/alan@example.com","type":"HUMAN"}}],"requestId":"ID",` +
				`"space":{"spaceType":"GROUP_CHAT"}}`,
			"GET /v1/" + string(first.Name) + "/members?pageSize=100&showGroups=true&showInvited=true",
		}
		if diff := cmp.Diff(requests, f.requests()); diff != "" {
			t.Error(diff)
		}
		again, err := f.EnsureGroupChat(t.Context(), adaName, "b", members)
		if err != nil || !again.Found || again.Name != first.Name || f.google.Count("chat.spaces.setup") != 1 {
			t.Errorf("again: %+v, %v", again, err)
		}
	})
}

func TestEnsureGroupChat_Refused(t *testing.T) {
	many := func(n int) []spaces.Member {
		var out []spaces.Member
		for i := range n {
			p, _ := google.FindPerson(fmt.Sprintf("member-%d@example.com", i+1))
			out = append(out, member(p))
		}
		return out
	}
	inBubble(t, func(t *testing.T, f fixture) {
		for name, members := range map[string][]spaces.Member{
			"one other":   {member(grace), {User: ada.User()}},
			"a group":     {member(grace), member(alan), {User: oncall}},
			"50 others":   many(50),
			"nobody else": nil,
		} {
			_, err := f.EnsureGroupChat(t.Context(), adaName, "key", members)
			wantKind(t, name, err, fault.Invalid)
		}
		if got := f.requests(); got != nil {
			t.Errorf("sent %v", got)
		}
		if _, err := f.EnsureGroupChat(t.Context(), adaName, "key", many(49)); err != nil {
			t.Errorf("49 others: %v", err)
		}
		two := []spaces.Member{member(grace), member(alan)}
		for _, method := range []string{"chat.spaces.findGroupChats", "chat.spaces.setup"} {
			f.google.Fail(method, 403)
			_, err := f.EnsureGroupChat(t.Context(), adaName, "key", two)
			wantKind(t, method, err, fault.Denied)
		}
	})
}

func TestEnsureDirectMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		first, err := f.EnsureDirectMessage(t.Context(), adaName, "a", member(grace))
		if err != nil || first.Name == "" || first.Address == "" ||
			!cmp.Equal(first.Outcome, spaces.Outcome{Joined: []spaces.Member{member(grace)}}) {
			t.Fatalf("%+v, %v", first, err)
		}
		want := []string{`POST /v1/spaces:setup {"memberships":[{"member":{"name":"` + grace.User() +
			`","type":"HUMAN"}}],"requestId":"ID","space":{"spaceType":"DIRECT_MESSAGE"}}`}
		if diff := cmp.Diff(want, f.requests()); diff != "" {
			t.Error(diff)
		}
		again, err := f.EnsureDirectMessage(t.Context(), adaName, "b", member(grace))
		if err != nil || again.Name != first.Name {
			t.Errorf("again: %+v, %v", again, err)
		}
		_, err = f.EnsureDirectMessage(t.Context(), adaName, "c", spaces.Member{User: oncall})
		wantKind(t, "a group", err, fault.Invalid)
		_, err = f.EnsureDirectMessage(t.Context(), adaName, "d", spaces.Member{User: "users/9"})
		wantKind(t, "no such person", err, fault.Invalid)
	})
}

func TestPostMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, f fixture) {
		m := spaces.Message{Space: team, Text: "Hello"}
		first, err := f.PostMessage(t.Context(), adaName, "key", m)
		if err != nil || first.Text != "Hello" || !strings.HasPrefix(first.Name, "spaces/AAAAteam/messages/") {
			t.Fatalf("%+v, %v", first, err)
		}
		if first.Thread != "spaces/AAAAteam/threads/m1.m1" {
			t.Errorf("in the thread %q", first.Thread)
		}
		first.Thread = "" // Google may leave it out of a repetition
		again, err := f.PostMessage(t.Context(), adaName, "key", m)
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Errorf("repeated: %v, %s", err, diff)
		}
		inThread := m
		inThread.Thread = "spaces/AAAAteam/threads/1"
		if other, err := f.PostMessage(t.Context(), adaName, "key", inThread); err != nil || other.Name == first.Name {
			t.Errorf("in a thread: %+v, %v", other, err)
		}
		const post = "POST /v1/spaces/AAAAteam/messages?"
		want := []string{
			post + `messageId=client-ID&requestId=ID {"markupSyntax":"MARKUP_SYNTAX_CHAT","text":"Hello"}`,
			post + `messageId=client-ID&requestId=ID {"markupSyntax":"MARKUP_SYNTAX_CHAT","text":"Hello"}`,
			post + "messageId=client-ID&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD&requestId=ID " +
				`{"markupSyntax":"MARKUP_SYNTAX_CHAT","text":"Hello","thread":{"name":"spaces/AAAAteam/threads/1"}}`,
		}
		if diff := cmp.Diff(want, f.requests()); diff != "" {
			t.Error(diff)
		}
		m.Text = strings.Repeat("x", 32_000)
		if _, err := f.PostMessage(t.Context(), adaName, "long", m); err != nil {
			t.Errorf("32,000 bytes: %v", err)
		}
		f.requests()
		m.Text += "x"
		_, err = f.PostMessage(t.Context(), adaName, "longer", m)
		if wantKind(t, "32,001 bytes", err, fault.Invalid); f.requests() != nil {
			t.Error("a long message was sent")
		}
		_, err = f.PostMessage(t.Context(), adaName, "x", spaces.Message{Space: "spaces/none", Text: "x"})
		wantKind(t, "no such space", err, fault.NotFound)
	})
}
