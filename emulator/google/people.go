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
	Domain string // of its Workspace organization; empty for a consumer account
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
		{"100000000000000000301", "Robin Doe", "robin@mail.example", "", false},
	}
}

// Accounts are those that the server has.
func (s *Server) Accounts() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accounts)
}

// Account is the one of the server's with this sub, e-mail, or users/{sub or
// e-mail}.
func (s *Server) Account(id string) (Person, bool) {
	for _, p := range s.Accounts() {
		if p.is(id) {
			return p, true
		}
	}
	return Person{}, false
}

// Admit adds an account, with its direct message with the app.
func (s *Server) Admit(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts = append(slices.DeleteFunc(slices.Clone(s.accounts), func(o Person) bool { return o.Sub == p.Sub }), p)
	if s.space("DM"+p.Sub) == nil {
		s.spaces = append(s.spaces, direct(p))
	}
	s.touch()
}

// ReAddress gives an account another address: its sub stays, and the address may
// become another account's.
func (s *Server) ReAddress(p Person, email string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renamed[p.Sub] = email
}

// Unverified makes Google say of an account's address that it is not verified.
func (s *Server) Unverified(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unverified[p.Sub] = true
}

func (p Person) is(id string) bool {
	return id == p.Sub || id == p.Email || id == p.User() || id == "users/"+p.Email
}

// Find is the person with this sub, e-mail, or users/{sub or e-mail}.
func Find(id string) (Person, bool) {
	for _, p := range People() {
		if p.is(id) {
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
