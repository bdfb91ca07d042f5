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
	Domain string // of the Workspace organization; empty for a consumer account
	Admin  bool   // has the privilege to manage Chat and Spaces conversations of the organization
}

// User returns the person's resource name in Chat.
func (p Person) User() string { return "users/" + p.Sub }

// People returns the default accounts.
func People() []Person {
	return []Person{
		{"100000000000000000101", "Ada Lovelace", "ada@example.com", "example.com", false},
		{"100000000000000000102", "Grace Hopper", "grace@example.com", "example.com", false},
		{"100000000000000000103", "Alan Turing", "alan@example.com", "example.com", true},
		{"100000000000000000201", "Kim Park", "kim@partner.example", "partner.example", false},
		{"100000000000000000301", "Robin Doe", "robin@mail.example", "", false},
	}
}

// Accounts returns the server's accounts.
func (s *Server) Accounts() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accounts)
}

// Account returns the server's account with this ID: a sub, an email address, or users/ followed by either.
func (s *Server) Account(id string) (Person, bool) {
	for _, p := range s.Accounts() {
		if p.matches(id) {
			return p, true
		}
	}
	return Person{}, false
}

// AddAccount adds or replaces an account, with its direct message with the app.
func (s *Server) AddAccount(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts = slices.DeleteFunc(slices.Clone(s.accounts), func(o Person) bool { return o.Sub == p.Sub })
	s.accounts = append(s.accounts, p)
	if s.space("DM"+p.Sub) == nil {
		s.spaces = append(s.spaces, appDM(p))
	}
	s.notify()
}

// ChangeEmail changes an account's email address in ID tokens. Its sub stays the same.
func (s *Server) ChangeEmail(p Person, email string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newEmails[p.Sub] = email
}

// MarkEmailUnverified sets email_verified to false in an account's ID tokens.
func (s *Server) MarkEmailUnverified(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unverified[p.Sub] = true
}

func (p Person) matches(id string) bool {
	return id == p.Sub || id == p.Email || id == p.User() || id == "users/"+p.Email
}

// FindPerson returns the person with this ID, as Account does, among People and the numbered members.
func FindPerson(id string) (Person, bool) {
	for _, p := range People() {
		if p.matches(id) {
			return p, true
		}
	}
	return numberedMember(strings.TrimPrefix(id, "users/"))
}

// numberedMember returns the person with a sub or an email address from member-1@example.com to member-999@example.com.
// These exist for large spaces and are not in People.
func numberedMember(id string) (Person, bool) {
	n := 0
	if _, err := fmt.Sscanf(id, "member-%d@example.com", &n); err != nil {
		if _, err := fmt.Sscanf(id, "2%020d", &n); err != nil {
			return Person{}, false
		}
	}
	email := fmt.Sprintf("member-%d@example.com", n)
	p := Person{Sub: fmt.Sprintf("2%020d", n), Name: fmt.Sprintf("Member %d", n), Email: email, Domain: "example.com"}
	return p, n > 0 && n < 1000 && (id == p.Sub || id == p.Email)
}

// Group is a Google group of example.com.
type Group struct{ Name, Email string }

// Groups returns all groups.
func Groups() []Group {
	return []Group{{"groups/02oncall", "oncall@example.com"}}
}

func isGroup(name string) bool {
	return slices.ContainsFunc(Groups(), func(g Group) bool { return g.Name == name })
}
