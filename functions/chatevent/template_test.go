package chatevent

import (
	"testing"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/vault"
)

func TestATemplatesPeopleComeAlthoughTheirAddressesEndAlike(t *testing.T) {
	t.Parallel()
	got := filled(chat.Inputs{othersField: {"joann@example.com，Groups/02oncall2"}}, vault.Template{Members: []string{"users/joann@example.com", "users/ann@example.com", "groups/02oncall"}})
	if want := "joann@example.com，Groups/02oncall2, ann@example.com, groups/02oncall"; got.First(othersField) != want {
		t.Errorf("%q, not %q", got.First(othersField), want)
	}
}

func TestATemplateUsedTwiceNamesTheSpaceOnce(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{"Team {{title}}": "Team Plan", "INC-{{seq}} {{title}}": "INC-{{seq}} Plan", "{{title}} of {{date}}": "Plan of {{date}}", "{{title}}": "Plan", "Fixed": "Fixed"} {
		of := vault.Template{DisplayName: pattern}
		once := filled(chat.Inputs{nameField: {"Plan"}}, of)
		if twice := filled(once, of); once.First(nameField) != want || twice.First(nameField) != want {
			t.Errorf("%s: %q, then %q", pattern, once.First(nameField), twice.First(nameField))
		}
	}
}
