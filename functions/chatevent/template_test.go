package chatevent

import (
	"testing"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/vault"
)

func TestApplyTemplate_SimilarAddresses(t *testing.T) {
	t.Parallel()
	in := chat.Inputs{othersField: {"joann@example.com，Groups/02oncall2"}}
	members := []string{"users/joann@example.com", "users/ann@example.com", "groups/02oncall"}
	got := applyTemplate(in, vault.Template{Members: members}).First(othersField)
	if want := "joann@example.com，Groups/02oncall2, ann@example.com, groups/02oncall"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestApplyTemplate_Twice(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"Team {{title}}":        "Team Plan",
		"INC-{{seq}} {{title}}": "INC-{{seq}} Plan",
		"{{title}} of {{date}}": "Plan of {{date}}",
		"{{title}}":             "Plan",
		"Fixed":                 "Fixed",
	} {
		template := vault.Template{DisplayName: pattern}
		once := applyTemplate(chat.Inputs{nameField: {"Plan"}}, template)
		if twice := applyTemplate(once, template); once.First(nameField) != want || twice.First(nameField) != want {
			t.Errorf("%s: got %q, then %q, want %q", pattern, once.First(nameField), twice.First(nameField), want)
		}
	}
}

// A typed name that only resembles the template's is the title.
func TestApplyTemplate_Resembling(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"aba": "abababa", "abba": "abba", "abxba": "abxba", "abx": "ababxba", "xba": "abxbaba",
	} {
		in := chat.Inputs{nameField: {name}}
		got := applyTemplate(in, vault.Template{DisplayName: "ab{{title}}ba"}).First(nameField)
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
