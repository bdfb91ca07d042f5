package google

// Person is a Google account.
type Person struct {
	Sub    string
	Name   string
	Email  string
	Domain string // of its Workspace organization
}

// User is the person's resource name in Chat.
func (p Person) User() string { return "users/" + p.Sub }

// People are the accounts there are.
func People() []Person {
	return []Person{
		{"100000000000000000101", "Ada Lovelace", "ada@example.com", "example.com"},
		{"100000000000000000102", "Grace Hopper", "grace@example.com", "example.com"},
		{"100000000000000000103", "Alan Turing", "alan@example.com", "example.com"},
		{"100000000000000000201", "Kim Park", "kim@partner.example", "partner.example"},
	}
}

// Find is the person with this sub, e-mail, or users/{sub or e-mail}.
func Find(id string) (Person, bool) {
	for _, p := range People() {
		if id == p.Sub || id == p.Email || id == p.User() || id == "users/"+p.Email {
			return p, true
		}
	}
	return Person{}, false
}
