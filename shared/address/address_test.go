package address_test

import (
	"testing"

	"example.com/deputy/shared/address"
)

func TestLower(t *testing.T) {
	for in, want := range map[string]string{
		"Ada@Example.COM": "ada@example.com", "\u212aim@x.example": "\u212aim@x.example", // the Kelvin sign
		"İ@x.example": "İ@x.example", "ſ@x.example": "ſ@x.example", "": "",
	} {
		if got := address.Lower(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestDomain(t *testing.T) {
	for in, want := range map[string]string{
		"ada@Example.com": "example.com", `"a@evil.example"@example.com`: "example.com",
		"ada": "", "ada@": "", "users/1": "",
	} {
		if got := address.Domain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
