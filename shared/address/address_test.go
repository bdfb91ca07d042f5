package address_test

import (
	"strings"
	"testing"

	"example.com/deputy/shared/address"
)

func TestLower(t *testing.T) {
	for in, want := range map[string]string{
		"Ada@Example.COM": "ada@example.com", "AZ": "az", "[`{": "[`{",
		"\u212aim@x.example": "\u212aim@x.example", // the Kelvin sign
		"İ@x.example":        "İ@x.example", "ſ@x.example": "ſ@x.example", "": "",
	} {
		if got := address.Lower(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestDomain(t *testing.T) {
	for in, want := range map[string]string{
		"ada@Example.com": "example.com", `"a@evil.example"@example.com`: "example.com",
		"ada": "", "ada@": "", "@x.example": "x.example", "users/1": "",
	} {
		if got := address.Domain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	const grace = "grace@example.com"
	for in, want := range map[string]string{
		grace: grace, " Grace@Example.com ": grace, "\u200egrace@example.com": grace, "grace@example.com\u200b": grace,
		"\ufeffgrace@example.com": grace, "\u00a0grace@example.com": grace, "\u2068grace@example.com\u2069": grace,
		"Grace Hopper <grace@example.com>": grace, `"Hopper, Grace" <grace@example.com>`: grace,
		"<grace@example.com>": grace, "mailto:grace@example.com": grace, "MAILTO:grace@example.com?subject=x": grace,
		"grace@example.com.": grace, "grace@example.com,": grace, "(grace@example.com)": grace,
		"grace\uff20example.com": grace, `"grace@example.com"`: grace, "\u201cgrace@example.com\u201d": grace,
		"@grace@example.com": grace, "o'brien+x@example.com": "o'brien+x@example.com",
		"": "", "grace": "", "@": "", "grace@": "", "a b@example.com": "", `"a b"@example.com`: "",
		"a/b@example.com":  "",
		"a%2f@example.com": "", "\u212aim@example.com": "", "grace@exam\u00adple.com": grace, "a@b, c@d": "",
		"a@b@c.example": "", "https://x.example/@grace": "", "users/1": "",
	} {
		got, ok := address.Parse(in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%+q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for in, want := range map[string]string{
		"a@x b@x":                         "a@x|b@x",
		"a@x, b@x;c@x\nd@x":               "a@x|b@x|c@x|d@x",
		"a@x\uff0cb@x\uff1bc@x\u3001d@x":  "a@x|b@x|c@x|d@x",
		"Grace Hopper <a@x>, b@x":         "Grace Hopper <a@x>|b@x",
		"Grace Hopper <a@x> Alan T <b@x>": "Grace Hopper <a@x>|Alan T <b@x>",
		"<a@x>b@x":                        "<a@x>|b@x",
		" \u200b , ":                      "",
		"groups/1 users/2":                "groups/1|users/2",
	} {
		if got := strings.Join(address.Split(in), "|"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
