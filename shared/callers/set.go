package callers

import (
	"slices"

	"example.com/deputy/shared/vault"
)

// Set is the content of the callers file.
type Set struct {
	Paused    bool // all callers are denied
	Callers   []Caller
	Templates []vault.Template // the operator's, sorted by name
	Removed   []string         // IDs of removed callers, which must not be reused
}

// Caller is a system that calls Deputy, and what the operator allows it.
type Caller struct {
	ID       string   `yaml:"id" json:"id"`     // chosen by the operator; never reused
	Kind     string   `yaml:"kind" json:"kind"` // service-account
	Email    string   `yaml:"email,omitempty" json:"email,omitempty"`
	UniqueID string   `yaml:"uniqueId,omitempty" json:"uniqueId"` // never reused, unlike an email address
	Name     string   `yaml:"name" json:"name"`                   // shown to people
	Actions  []string `yaml:"actions,flow" json:"actions"`
	// People are users/{id} or lower-case email addresses, as the caller names them.
	People      []string          `yaml:"people,omitempty" json:"people,omitempty"`
	Domains     []string          `yaml:"domains,omitempty" json:"domains,omitempty"` // lower case
	Authorities []vault.Authority `yaml:"authorities,omitempty,flow" json:"authorities"`
	// Administrators are lower-case addresses that the caller may use with the authority admin by delegation.
	Administrators []string `yaml:"administrators,omitempty" json:"administrators,omitempty"`
	Rate           int      `yaml:"rate,omitempty" json:"rate,omitempty"` // requests per minute and instance; 0 is 600
	Paused         bool     `yaml:"paused,omitempty" json:"paused,omitempty"`
	// ReturnAddresses are URLs that the last page of an approval may link to.
	ReturnAddresses []string `yaml:"returnAddresses,omitempty" json:"returnAddresses,omitempty"`

	// Planned lets Parse report planned fields as not supported yet.
	Planned `yaml:",inline" json:"-"`
}

// Planned are the fields of a caller that are planned for later versions.
type Planned struct {
	Webhook      any `yaml:"webhook,omitempty"`
	ClientIDs    any `yaml:"clientIds,omitempty"`
	RedirectURIs any `yaml:"redirectUris,omitempty"`
	Issuer       any `yaml:"issuer,omitempty"`
}

// ServiceAccount is the only supported kind of caller.
const ServiceAccount = "service-account"

// Template is an operator's template in the file, with the field names of the API.
type Template struct {
	Name          string   `yaml:"name"`
	DisplayName   string   `yaml:"displayName,omitempty"`
	Description   string   `yaml:"description,omitempty"`
	Guidelines    string   `yaml:"guidelines,omitempty"`
	Members       []string `yaml:"members,omitempty"`
	Access        string   `yaml:"access,omitempty"`
	Kind          string   `yaml:"kind,omitempty"`
	ExternalUsers bool     `yaml:"externalUserAllowed,omitempty"`
	History       string   `yaml:"history,omitempty"`
	FirstMessage  string   `yaml:"firstMessage,omitempty"`
	AddTheApp     bool     `yaml:"addTheApp,omitempty"`
}

type document struct {
	Paused    bool       `yaml:"paused,omitempty"`
	Callers   []Caller   `yaml:"callers,omitempty"`
	Templates []Template `yaml:"templates,omitempty"`
	Removed   []string   `yaml:"removed,omitempty"`
}

// Caller returns the caller with an ID.
func (s *Set) Caller(id string) (Caller, bool) {
	i := slices.IndexFunc(s.Callers, func(c Caller) bool { return c.ID == id })
	if i < 0 {
		return Caller{}, false
	}
	return s.Callers[i], true
}

// Template returns the operator's template of that name.
func (s *Set) Template(name string) (vault.Template, bool) {
	i := slices.IndexFunc(s.Templates, func(t vault.Template) bool { return t.Name == name })
	if i < 0 {
		return vault.Template{}, false
	}
	return s.Templates[i], true
}

// findServiceAccount returns the callers whose uniqueID and email both match, where the file gives them. A token
// without an email claim matches by uniqueID, which is never reused. More than one match is ambiguous.
func (s *Set) findServiceAccount(uniqueID, email string) (matches []Caller) {
	for _, c := range s.Callers {
		byID, byEmail := c.UniqueID == uniqueID, c.Email == email || email == "" && c.UniqueID != ""
		if (c.UniqueID == "" || byID) && (c.Email == "" || byEmail) {
			matches = append(matches, c)
		}
	}
	return matches
}
