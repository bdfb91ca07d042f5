package text_test

import (
	"testing"

	"example.com/deputy/shared/text"
)

func TestInMessage(t *testing.T) {
	for in, want := range map[string]string{
		"Launch plan 4711":                "Launch plan 4711",
		"<users/all>":                     "‹users/all›",
		"<https://evil.example|Payroll>":  "‹https://evil.example|Payroll›",
		"[Payroll](https://evil.example)": "[Payroll] (https://evil.example)",
		"*bold* ~struck~ `code` **b**":    "∗bold∗ ∼struck∼ ˋcodeˋ ∗∗b∗∗",
		"_italic_ prod_db":                "＿italic＿ prod_db",
		"":                                "",
	} {
		if got := text.InMessage(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
