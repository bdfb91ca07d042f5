package resource_test

import (
	"testing"

	"example.com/deputy/shared/resource"
)

func TestMember(t *testing.T) {
	for name, want := range map[string]string{
		"users/123":               "users/123",
		"Ada@Example.com":         "users/ada@example.com",
		"groups/0a_B-c":           "groups/0a_B-c",
		"groups/Team@Example.com": "groups/team@example.com",
		"users/ada":               "", "ada": "", "": "", "groups/": "", "groups/a/b": "", "users/1/../2": "",
		"Ada <ada@example.com>": "users/ada@example.com", `"a b"@example.com`: "",
		"a%2f@example.com": "", "groups/a/b@example.com": "",
	} {
		if got, ok := resource.ParseMember(name); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v; want %q", name, got, ok, want)
		}
	}
	if _, ok := resource.ParseUser("groups/0a"); ok {
		t.Error("User accepts a group")
	}
}
