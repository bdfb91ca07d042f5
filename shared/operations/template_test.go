package operations

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

func TestClearFields(t *testing.T) {
	whole := vault.Template{
		Name: "Incident", DisplayName: "INC {{title}}", Description: "d", Guidelines: "g", Discoverable: true,
		Announcements: true, External: true, History: "HISTORY_OFF", FirstMessage: "f", AddApp: true,
		Members: []string{"users/1"},
	}
	if diff := cmp.Diff(whole, clearFields(whole, nil)); diff != "" {
		t.Error(diff)
	}
	all := []Field{Description, Guidelines, Discoverable, Announcements, AddTheApp, FirstMessage}
	bare := clearFields(whole, all)
	want := vault.Template{
		Name: "Incident", DisplayName: "INC {{title}}", External: true, History: "HISTORY_OFF",
		Members: []string{"users/1"},
	}
	if diff := cmp.Diff(want, bare); diff != "" {
		t.Error(diff)
	}
}

// Attack: of two callers with the same ETag, the second repeats its change
// after the first has won and so overwrites it.
func TestIsOwnChange(t *testing.T) {
	before := spaces.Info{
		Name: "spaces/A", DisplayName: "Plan", Description: "d",
		Permissions: spaces.Permissions{"toggleHistory": spaces.RoleOwner},
	}
	change := spaces.Change{
		DisplayName: new("Plan B"), Permissions: spaces.Permissions{"replyMessages": spaces.RoleManager},
	}
	half, other, all := before, before, change.Apply(before)
	half.DisplayName, other.Description = "Plan B", "another"
	mixed := all
	mixed.Description = "another"
	for name, c := range map[string]struct {
		now  spaces.Info
		want bool
	}{
		"unchanged": {before, true}, "half_done": {half, true}, "all_done": {all, true},
		"other_change": {other, false}, "own_and_other_change": {mixed, false},
	} {
		if got := isOwnChange(mustJSON(before), c.now, change); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSelf_DistinctIDs(t *testing.T) {
	op := operation{name: "createMeeting", space: "spaces/A"}
	first := Self("users/1", "m").id(op)
	elsewhere := op
	elsewhere.space = "spaces/B"
	for name, other := range map[string]string{
		"other_person": Self("users/2", "m").id(op), "other_space": Self("users/1", "m").id(elsewhere),
		"other_operation": Self("users/1", "m").id(operation{name: "createMessage", space: "spaces/A"}),
		"caller":          Call{Key: "m"}.id(op),
	} {
		if other == first {
			t.Errorf("%s has the same id", name)
		}
	}
	if again := Self("users/1", "m").id(op); again != first {
		t.Error("a repetition has another id")
	}
}
