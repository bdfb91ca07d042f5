package resource_test

import (
	"testing"

	"example.com/deputy/shared/resource"
)

func TestAMemberIsAPersonOrAGroupByIDOrByAddress(t *testing.T) {
	for named, want := range map[string]string{
		"users/123": "users/123", "Ada@Example.com": "users/ada@example.com", "groups/0a_B-c": "groups/0a_B-c", "groups/Team@Example.com": "groups/team@example.com",
		"users/ada": "", "ada": "", "": "", "groups/": "", "groups/a/b": "", "users/1/../2": "", "Ada <ada@example.com>": "", `"a b"@example.com`: "", "a%2f@example.com": "", "groups/a/b@example.com": "",
	} {
		if got, ok := resource.Member(named); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v; want %q", named, got, ok, want)
		}
	}
	if _, ok := resource.User("groups/0a"); ok {
		t.Error("a group is taken for a person")
	}
}
