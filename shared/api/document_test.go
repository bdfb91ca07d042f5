package api_test

import (
	"strings"
	"testing"

	"example.com/deputy/shared/api"
)

// The commands name one audience, the sentences all.
func TestForAudiences(t *testing.T) {
	document, page := api.ForAudiences([]string{"https://a.example", "https://b.example"})
	for _, text := range []string{string(document), string(page)} {
		text = strings.Join(strings.Fields(text), " ")
		for _, want := range []string{
			"with the audience https://a.example or https://b.example", "--audiences=https://a.example ",
			"identity?audience=https://a.example&",
		} {
			if !strings.Contains(text, want) || strings.Contains(text, "API_AUDIENCE") {
				t.Errorf("no %q: %.3000s", want, text)
			}
		}
	}
}
