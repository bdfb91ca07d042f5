package resource_test

import (
	"strings"
	"testing"

	"example.com/deputy/shared/resource"
)

// FuzzParseMember checks that a parsed name is safe in a path of Google's APIs and parses to itself.
func FuzzParseMember(f *testing.F) {
	for _, name := range []string{
		"users/1", "Ada@Example.com", "groups/oncall", "groups/on@example.com",
		"users/../x",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		member, ok := resource.ParseMember(name)
		if !ok {
			return
		}
		kind, id, _ := strings.Cut(member, "/")
		if (kind != "users" && kind != "groups") || id == "" || strings.ContainsAny(id, "/?#%\" ") {
			t.Errorf("%q became %q", name, member)
		}
		if again, ok := resource.ParseMember(resource.MemberLabel(member)); !ok || again != member {
			t.Errorf("%q became %q, and that became %q, %v", name, member, again, ok)
		}
	})
}
