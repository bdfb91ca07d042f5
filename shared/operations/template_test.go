package operations

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

func TestARequestLeavesOutWhatItSaysOfATemplate(t *testing.T) {
	whole := vault.Template{
		Name: "Incident", DisplayName: "INC {{title}}", Description: "d", Guidelines: "g", Discoverable: true, Announcements: true, External: true,
		History: "HISTORY_OFF", First: "f", AddTheApp: true, Members: []string{"users/1"},
	}
	if diff := cmp.Diff(whole, without(whole, nil)); diff != "" {
		t.Error(diff)
	}
	bare := without(whole, []Field{Description, Guidelines, Discoverable, Announcements, AddTheApp, FirstMessage})
	want := vault.Template{Name: "Incident", DisplayName: "INC {{title}}", External: true, History: "HISTORY_OFF", Members: []string{"users/1"}}
	if diff := cmp.Diff(want, bare); diff != "" {
		t.Error(diff)
	}
}

// Attack: of two callers with one ETag, the second repeats its change after the
// first has won, and so writes over it.
func TestAChangeOfSomebodyElsesIsNotOurs(t *testing.T) {
	was := spaces.Info{Name: "spaces/A", DisplayName: "Plan", Description: "d", Permissions: spaces.Permissions{"toggleHistory": spaces.RoleOwner}}
	change := spaces.Change{DisplayName: new("Plan B"), Permissions: spaces.Permissions{"replyMessages": spaces.RoleManager}}
	half, theirs, both := was, was, change.Of(was)
	half.DisplayName, theirs.Description = "Plan B", "another"
	mixed := both
	mixed.Description = "another"
	for name, c := range map[string]struct {
		now  spaces.Info
		want bool
	}{"nothing done": {was, true}, "half done": {half, true}, "all done": {both, true}, "another's": {theirs, false}, "ours and another's": {mixed, false}} {
		if got := ours(asJSON(was), c.now, change); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOneKeyOfTwoPeopleOrInTwoSpacesNamesTwoOperations(t *testing.T) {
	op := operation{name: "createMeeting", space: "spaces/A"}
	first := Self("users/1", "m").id(op)
	elsewhere := op
	elsewhere.space = "spaces/B"
	for name, other := range map[string]string{
		"another person": Self("users/2", "m").id(op), "another space": Self("users/1", "m").id(elsewhere),
		"another operation": Self("users/1", "m").id(operation{name: "createMessage", space: "spaces/A"}), "a caller": Call{Key: "m"}.id(op),
	} {
		if other == first {
			t.Errorf("%s has the same id", name)
		}
	}
	if again := Self("users/1", "m").id(op); again != first {
		t.Error("a repetition has another id")
	}
}
