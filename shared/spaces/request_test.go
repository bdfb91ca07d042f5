package spaces_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// people are n members from the number first.
func people(first, n int) []spaces.Member {
	var out []spaces.Member
	for i := range n {
		out = append(out, spaces.Member{User: "users/" + strings.Repeat("1", first+i)})
	}
	return out
}

func TestNormalize_Limits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("ä", n) }
	for name, c := range map[string]struct {
		r  spaces.Request
		ok bool
	}{
		"49 members":           {spaces.Request{Members: people(1, 49)}, true},
		"50 members":           {spaces.Request{Members: people(1, 50)}, false},
		"451 more":             {spaces.Request{Members: people(1, 49), More: people(50, 451)}, true},
		"452 more":             {spaces.Request{More: people(1, 452)}, false},
		"description":          {spaces.Request{Description: " " + long(4096) + " "}, true},
		"long description":     {spaces.Request{Description: long(4097)}, false},
		"guidelines":           {spaces.Request{Guidelines: long(5000) + "\n"}, true},
		"long guidelines":      {spaces.Request{Guidelines: long(5001)}, false},
		"first message":        {spaces.Request{Rest: spaces.FollowUp{FirstMessage: long(16_000) + " "}}, true},
		"long first message":   {spaces.Request{Rest: spaces.FollowUp{FirstMessage: long(16_000) + "x"}}, false},
		"history on":           {spaces.Request{Rest: spaces.FollowUp{History: spaces.HistoryOn}}, true},
		"history off":          {spaces.Request{Rest: spaces.FollowUp{History: spaces.HistoryOff}}, true},
		"unknown history":      {spaces.Request{Rest: spaces.FollowUp{History: "HALF"}}, false},
		"the person is no one": {spaces.Request{Members: append(people(1, 49), spaces.Member{User: "users/me"})}, true},
	} {
		c.r.DisplayName = "Plan"
		if _, err := c.r.Normalize("users/me"); (err == nil) != c.ok || err != nil &&
			fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A member is added once, and in the setup if possible.
	r := spaces.Request{DisplayName: "Plan", Members: people(1, 2), More: people(2, 2)}
	got, err := r.Normalize("users/me")
	if diff := cmp.Diff(people(3, 1), got.More); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	crowd := spaces.Request{DisplayName: "Plan", Members: people(1, 49), More: people(50, 452)}
	_, err = crowd.Normalize("users/me")
	if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, "501") || !strings.Contains(text, "500") {
		t.Error(text)
	}
}

// everything has every step.
var everything = spaces.FollowUp{
	History: spaces.HistoryOn, Permissions: spaces.Permissions{"manageApps": spaces.RoleOwner},
	Access: spaces.AccessPermissions{Join: []string{"audiences/a"}}, AddTheApp: true, FirstMessage: "Hello",
}

func TestRequest_Capabilities(t *testing.T) {
	for name, c := range map[string]struct {
		r    spaces.Request
		want []capability.Capability
	}{
		"nothing else": {spaces.Request{}, nil},
		"members":      {spaces.Request{Members: people(1, 1)}, []capability.Capability{capability.ReadMembers}},
		"more members": {spaces.Request{More: people(1, 1)}, []capability.Capability{capability.ManageMembers}},
		"all steps": {spaces.Request{Rest: everything}, []capability.Capability{
			capability.EditSpaces, capability.AddTheApp, capability.PostMessages,
		}},
	} {
		want := append([]capability.Capability{capability.CreateSpaces}, c.want...)
		if diff := cmp.Diff(want, c.r.Capabilities()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRest_Select(t *testing.T) {
	all := []spaces.Step{
		spaces.SetHistory, spaces.SetPermissions, spaces.SetAccess, spaces.AddTheApp, spaces.PostFirst,
	}
	if diff := cmp.Diff(all, everything.Steps()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(everything, everything.Select(all...)); diff != "" {
		t.Error(diff)
	}
	for _, step := range all {
		if diff := cmp.Diff([]spaces.Step{step}, everything.Select(step).Steps()); diff != "" {
			t.Errorf("%s: %s", step, diff)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	p := spaces.Placeholders{
		Title: "{{seq}}", Date: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Person: "ada@example.com", Seq: 7,
	}
	r := spaces.Request{
		DisplayName: "INC-{{seq}} {{title}}", Description: "by {{person}}", Guidelines: "{{unknown}}",
		Rest: spaces.FollowUp{FirstMessage: "on {{date}}"},
	}
	want := spaces.Request{
		DisplayName: "INC-7 {{seq}}", Description: "by ada@example.com", Guidelines: "{{unknown}}",
		Rest: spaces.FollowUp{FirstMessage: "on 2026-11-23"},
	}
	if diff := cmp.Diff(want, r.FillIn(p)); diff != "" {
		t.Error(diff)
	}
	r.Rest.FirstMessage = "We talk about {{title}} with {{person}}"
	p.Title = "<users/all> <https://evil.example|Payroll>"
	if got := r.FillIn(p).Rest.FirstMessage; strings.ContainsAny(got, "<>") { // text, never markup
		t.Errorf("the title is markup in the message: %s", got)
	}
	for text, c := range map[string][2]bool{ // has placeholders, uses the sequence
		"Plan": {}, "{{unknown}}": {}, "{seq}": {}, "{{title}}": {true}, "a {{date}}": {true}, "{{person}}": {true},
		"{{seq}}": {true, true},
	} {
		for field, r := range map[string]spaces.Request{
			"name": {DisplayName: text}, "description": {Description: text}, "guidelines": {Guidelines: text},
			"first message": {Rest: spaces.FollowUp{FirstMessage: text}},
		} {
			if got := [2]bool{r.HasPlaceholders(), r.UsesSeq()}; got != c {
				t.Errorf("%s %q: got %v, want %v", field, text, got, c)
			}
		}
	}
}

func TestLikelyReason(t *testing.T) {
	inside, outside := byEmail("x@example.com"), byEmail("x@partner.example")
	for name, c := range map[string]struct {
		member   spaces.Member
		home     string
		external bool
		want     i18n.Text
	}{
		"group": {
			spaces.Member{User: "groups/x@partner.example"},
			"example.com", false,
			words.CreatedLeftOutGroup,
		},
		"outside":              {outside, "example.com", false, words.CreatedLeftOutOutside},
		"outside, allowed":     {outside, "example.com", true, words.CreatedLeftOutOutsideAllowed},
		"inside":               {inside, "example.com", false, words.CreatedLeftOutInside},
		"inside, others too":   {inside, "example.com", true, words.CreatedLeftOutInside},
		"the home is unknown":  {outside, "", false, words.CreatedLeftOutInside},
		"unknown, others too":  {outside, "", true, words.CreatedLeftOutInside},
		"an id has no address": {spaces.Member{User: "users/9"}, "example.com", false, words.CreatedLeftOutInside},
		"an id, others too":    {spaces.Member{User: "users/9"}, "example.com", true, words.CreatedLeftOutInside},
	} {
		if got := spaces.LikelyReason(c.member, c.home, c.external); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestMember_IsGroupAddress(t *testing.T) {
	for user, want := range map[string]bool{
		"groups/oncall@example.com": true, "groups/02oncall": false, "users/ada@example.com": false,
	} {
		if got := (spaces.Member{User: user}).IsGroupAddress(); got != want {
			t.Errorf("%s: %v", user, got)
		}
	}
}
