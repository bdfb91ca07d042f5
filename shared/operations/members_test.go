package operations_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

func TestMembers_ReadAndChange(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName(w.Google.CreateSpace("Plan", ada, grace, alan).ID)
		space = "spaces/" + space
		list := func(p operations.PageRequest) (out []string, next string) {
			t.Helper()
			page, err := w.ListMembers(t.Context(), call(""), space, p)
			check(t, err)
			for _, m := range page.Members {
				out = append(out, m.Email)
			}
			return out, page.Next
		}
		first, next := list(operations.PageRequest{Size: 2})
		last, end := list(operations.PageRequest{Size: 2, Token: next})
		if diff := cmp.Diff([]string{ada.Email, grace.Email, alan.Email}, append(first, last...)); diff != "" ||
			len(first) != 2 || end != "" {
			t.Error(diff)
		}
		member := operations.Member{Space: space, User: "users/grace@example.com"}
		updated, err := w.UpdateMember(t.Context(), call("a-key"), member, spaces.RoleManager)
		if err != nil || updated.Role != spaces.RoleManager || updated.User != grace.User() {
			t.Errorf("%+v, %v", updated, err)
		}
		found, err := w.GetMember(t.Context(), call(""), member)
		if err != nil || found.Role != spaces.RoleManager || found.User != grace.User() {
			t.Errorf("%+v, %v", found, err)
		}
		_, err = w.UpdateMember(t.Context(), call("a-key"), member, spaces.RoleMember)
		if !errors.Is(err, operations.ErrKeyReused) {
			t.Errorf("another role with the key: %v", err)
		}
		member.User = kim.User()
		_, err = w.GetMember(t.Context(), call(""), member)
		wantKind(t, "not a member", err, fault.NotFound)
	})
}

func TestRemoveMember(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada, grace).ID)
		remove := func(key resource.Key, space resource.SpaceName) error {
			m := operations.Member{Space: space, User: grace.User()}
			return w.RemoveMember(t.Context(), call(key), m)
		}
		check(t, remove("a-key", space))
		check(t, remove("b-key", space)) // not a member any more
		if s, _ := w.Google.SpaceByName("Plan"); len(s.Members) != 1 {
			t.Errorf("%v", s.Members)
		}
		wantKind(t, "no such space", remove("c-key", "spaces/none"), fault.NotFound)
		w.Google.Fail("chat.spaces.members.delete", 403)
		wantKind(t, "refused", remove("d-key", space), fault.Denied)
	})
}

func TestAddMembers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
		in := operations.NewMembers{Space: space, Members: users(
			"grace@example.com", "groups/oncall@example.com", "kim@partner.example", alan.User(), "grace@example.com")}
		// Alan has to wait; Kim is refused.
		w.Google.Fail("chat.spaces.members.create", 503, 503, 503, 503)
		in.Members[0], in.Members[3] = in.Members[3], in.Members[0]
		in.Members[4] = in.Members[0]
		got, err := w.AddMembers(t.Context(), call("a-key"), in)
		check(t, err)
		want := []string{
			alan.User() + " PENDING", "groups/oncall@example.com JOINED", "kim@partner.example FAILED",
			"grace@example.com JOINED",
		}
		if diff := cmp.Diff(want, states(got.Members)); diff != "" || !got.Pending() || len(got.Added.Joined) != 2 {
			t.Errorf("%s %+v", diff, got.Added)
		}
		if got.Members[2].Detail == "" || got.Members[1].Detail != "" {
			t.Errorf("%+v", got.Members)
		}
		calls := w.Google.Count("chat.spaces.members.create")
		w.Google.Fail("cloudidentity.groups.lookup", 403) // the group has its result
		got, err = w.AddMembers(t.Context(), call("a-key"), in)
		check(t, err)
		want[0] = alan.User() + " JOINED"
		if diff := cmp.Diff(want, states(got.Members)); diff != "" || got.Pending() {
			t.Error(diff)
		}
		if n := w.Google.Count("chat.spaces.members.create") - calls; n != 1 {
			t.Errorf("the retry made %d calls", n)
		}
		got, err = w.AddMembers(t.Context(), call("a-key"), in)
		check(t, err)
		if diff := cmp.Diff(want, states(got.Members)); diff != "" ||
			w.Google.Count("chat.spaces.members.create")-calls != 1 {
			t.Errorf("the stored result: %s", diff)
		}
	})
}

// A retry at which nobody can be added keeps the results of the first attempt.
func TestAddMembers_RetryFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
		in := operations.NewMembers{Space: space, Members: users("grace@example.com", "alan@example.com")}
		w.Google.Fail("chat.spaces.members.create", 503, 503, 503, 503)
		_, err := w.AddMembers(t.Context(), call("a-key"), in)
		check(t, err)
		fail(w, "chat.spaces.members.create", 503)
		got, err := w.AddMembers(t.Context(), call("a-key"), in)
		if diff := cmp.Diff([]string{"grace@example.com PENDING", "alan@example.com JOINED"},
			states(got.Members)); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		w.Connect(ada, without(capability.All(), capability.ManageMembers)...)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		_, err = w.AddMembers(t.Context(), call("a-key"), in)
		wantKind(t, "without the consent", err, fault.NeedsConsent)
	})
}

func TestAddMembers_Refused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members []spaces.Member
		faults  []int
		missing capability.Capability
		want    fault.Kind
		text    string
	}{
		"nobody":          {want: fault.Invalid, text: "members must have 1 to 49 entries."},
		"too many":        {members: named(50), want: fault.Invalid, text: "members must have 1 to 49 entries."},
		"all refused":     {members: users("kim@partner.example"), want: fault.Denied},
		"all unavailable": {members: named(1), faults: []int{503, 503, 503, 503}, want: fault.Unavailable},
		"unknown group":   {users("groups/none@example.com"), nil, "", fault.Invalid, "none@example.com"},
		"consent for groups": {
			users("groups/oncall@example.com"), nil, capability.ResolveGroups, fault.NeedsConsent, "",
		},
		"consent for members": {named(1), nil, capability.ManageMembers, fault.NeedsConsent, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				if c.missing != "" {
					w.Connect(ada, without(capability.All(), c.missing)...)
					w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
				}
				space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
				w.Google.Fail("chat.spaces.members.create", c.faults...)
				in := operations.NewMembers{Space: space, Members: c.members}
				_, err := w.AddMembers(t.Context(), call("a-key"), in)
				wantKind(t, "the request", err, c.want)
				if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, c.text) {
					t.Errorf("the caller reads %q", text)
				}
				i, ok := invitationOf(err)
				if want := []capability.Capability{c.missing}; ok && cmp.Diff(want, i.Needs.Missing) != "" {
					t.Errorf("missing %v", i.Needs.Missing)
				}
			})
		})
	}
	t.Run("49 members and no group", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			w.Connect(ada, without(capability.All(), capability.ResolveGroups)...)
			w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
			space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
			again := append(named(49), named(1)...) // a duplicate does not count
			got, err := w.AddMembers(t.Context(), call("a-key"), operations.NewMembers{Space: space, Members: again})
			if err != nil || len(got.Members) != 49 {
				t.Errorf("%d, %v", len(got.Members), err)
			}
		})
	})
}

// The results so far are saved even if the caller has disconnected.
func TestAddMembers_CallerGone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
		in := operations.NewMembers{Space: space, Members: users("grace@example.com", "alan@example.com")}
		ctx, cancel := context.WithCancel(t.Context())
		w.CancelAfter("/members", cancel)
		got, err := w.AddMembers(ctx, call("a-key"), in)
		if diff := cmp.Diff([]string{"grace@example.com JOINED", "alan@example.com PENDING"},
			states(got.Members)); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
		w.Intercept = nil
		calls := w.Google.Count("chat.spaces.members.create")
		got, err = w.AddMembers(t.Context(), call("a-key"), in)
		if n := w.Google.Count("chat.spaces.members.create") - calls; err != nil || got.Pending() || n != 1 {
			t.Errorf("%d calls, %v, %v", n, got.Members, err)
		}
	})
}

// A group is found by its ID and by its address, and its own membership is removed.
func TestMember_Group(t *testing.T) {
	for name, user := range map[string]string{"by id": "groups/02oncall", "by address": "groups/oncall@example.com"} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada, grace).ID)
				group := operations.Member{Space: space, User: user}
				_, err := w.GetMember(t.Context(), call(""), group)
				wantKind(t, "not a member yet", err, fault.NotFound)
				check(t, w.RemoveMember(t.Context(), call("a-key"), group))
				_, err = w.AddMembers(t.Context(), call("b-key"),
					operations.NewMembers{Space: space, Members: []spaces.Member{{User: user}}})
				check(t, err)
				found, err := w.GetMember(t.Context(), call(""), group)
				if err != nil || found.User != "groups/02oncall" || found.State != "JOINED" || found.Role != "" {
					t.Errorf("%+v, %v", found, err)
				}
				_, err = w.UpdateMember(t.Context(), call("c-key"), group, spaces.RoleManager)
				wantKind(t, "a role", err, fault.Invalid)
				check(t, w.RemoveMember(t.Context(), call("d-key"), group))
				if s, _ := w.Google.SpaceByName("Plan"); len(s.Groups) != 0 || len(s.Members) != 2 {
					t.Errorf("removed: %v, %v", s.Groups, s.Members)
				}
				unknown := operations.Member{Space: space, User: "groups/none@example.com"}
				_, err = w.GetMember(t.Context(), call(""), unknown)
				wantKind(t, "an unknown group", err, fault.Invalid)
				wantKind(t, "an unknown group", w.RemoveMember(t.Context(), call("e-key"), unknown), fault.Invalid)
				group.Space = "spaces/none"
				wantKind(t, "no such space", w.RemoveMember(t.Context(), call("f-key"), group), fault.NotFound)
			})
		})
	}
}

// A person who may be in through a group is not reported as removed.
func TestMember_ThroughGroup(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
		_, err := w.AddMembers(t.Context(), call("a-key"),
			operations.NewMembers{Space: space, Members: []spaces.Member{{User: "groups/02oncall"}}})
		check(t, err)
		person := operations.Member{Space: space, User: grace.User()}
		_, getErr := w.GetMember(t.Context(), call(""), person)
		for name, err := range map[string]error{
			"read": getErr, "remove": w.RemoveMember(t.Context(), call("b-key"), person),
			"remove by address": w.RemoveMember(t.Context(), call("c-key"),
				operations.Member{Space: space, User: "users/grace@example.com"}),
		} {
			text := fault.Public(i18n.In("en"), err, "")
			if fault.KindOf(err) != fault.NotFound || !strings.Contains(text, "through one") {
				t.Errorf("%s: %v, %q", name, err, text)
			}
		}
		if s, _ := w.Google.SpaceByName("Plan"); len(s.Groups) != 1 {
			t.Errorf("%v", s.Groups)
		}
	})
}
