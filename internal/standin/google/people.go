package google

import (
	"fmt"
	"slices"
	"strings"
)

// Person is a Google account.
type Person struct {
	Sub    string
	Name   string
	Email  string
	Domain string // of its Workspace organization
	Admin  bool   // it may manage Chat and Spaces conversations of its organization
}

// User is the person's resource name in Chat.
func (p Person) User() string { return "users/" + p.Sub }

// People are the accounts there are.
func People() []Person {
	return []Person{
		{"100000000000000000101", "Ada Lovelace", "ada@example.com", "example.com", false},
		{"100000000000000000102", "Grace Hopper", "grace@example.com", "example.com", false},
		{"100000000000000000103", "Alan Turing", "alan@example.com", "example.com", true},
		{"100000000000000000201", "Kim Park", "kim@partner.example", "partner.example", false},
	}
}

// Find is the person with this sub, e-mail, or users/{sub or e-mail}.
func Find(id string) (Person, bool) {
	for _, p := range People() {
		if id == p.Sub || id == p.Email || id == p.User() || id == "users/"+p.Email {
			return p, true
		}
	}
	return member(strings.TrimPrefix(id, "users/"))
}

// member is one of the many who have an account and are nowhere to be seen:
// member-1@example.com to member-999@example.com.
func member(id string) (Person, bool) {
	n := 0
	if _, err := fmt.Sscanf(id, "member-%d@example.com", &n); err != nil {
		if _, err := fmt.Sscanf(id, "2%020d", &n); err != nil {
			return Person{}, false
		}
	}
	p := Person{Sub: fmt.Sprintf("2%020d", n), Name: fmt.Sprintf("Member %d", n), Email: fmt.Sprintf("member-%d@example.com", n), Domain: "example.com"}
	return p, n > 0 && n < 1000 && (id == p.Sub || id == p.Email)
}

// Group is a Google group of example.com.
type Group struct{ Name, Email string }

// Groups are those there are.
func Groups() []Group {
	return []Group{{"groups/02oncall", "oncall@example.com"}}
}

func isGroup(name string) bool {
	return slices.ContainsFunc(Groups(), func(g Group) bool { return g.Name == name })
}
