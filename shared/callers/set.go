package callers

import (
	"slices"

	"example.com/deputy/shared/vault"
)

// Set is what the file of callers says.
type Set struct {
	Paused    bool // no caller may do anything
	Callers   []Caller
	Templates []vault.Template // the operator's, by name
	Removed   []string         // ids of callers that are gone: an id is never used again
}

// Caller is another system and what the operator lets it do.
type Caller struct {
	ID             string            `yaml:"id" json:"id"`                               // that the operator chose; never reused
	Kind           string            `yaml:"kind" json:"kind"`                           // service-account
	Email          string            `yaml:"email,omitempty" json:"email,omitempty"`     // of the service account
	UniqueID       string            `yaml:"uniqueId,omitempty" json:"uniqueId"`         // of the service account: its address can be made again
	Name           string            `yaml:"name" json:"name"`                           // as people know it
	Actions        []string          `yaml:"actions,flow" json:"actions"`                //
	People         []string          `yaml:"people,omitempty" json:"people,omitempty"`   // users/{id} or lower-case e-mail addresses, as the caller names them
	Domains        []string          `yaml:"domains,omitempty" json:"domains,omitempty"` // lower case
	Authorities    []vault.Authority `yaml:"authorities,omitempty,flow" json:"authorities"`
	Administrators []string          `yaml:"administrators,omitempty" json:"administrators,omitempty"` // by lower-case address, as whom it may act by delegation with the authority admin
	Rate           int               `yaml:"rate,omitempty" json:"rate,omitempty"`                     // requests in a minute, for each instance of Deputy; 0 is 600
	Paused         bool              `yaml:"paused,omitempty" json:"paused,omitempty"`

	// What is not built yet is named, so that its error can say so.
	NotBuilt `yaml:",inline" json:"-"`
}

// NotBuilt are the fields of a caller that later versions will have.
type NotBuilt struct {
	ReturnAddresses any `yaml:"returnAddresses,omitempty"`
	Webhook         any `yaml:"webhook,omitempty"`
	ClientIDs       any `yaml:"clientIds,omitempty"`
	RedirectURIs    any `yaml:"redirectUris,omitempty"`
	Issuer          any `yaml:"issuer,omitempty"`
}

// ServiceAccount is the one kind of caller there is so far.
const ServiceAccount = "service-account"

// Template is an operator's template as it stands in the file, in the words of
// the API.
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

type file struct {
	Paused    bool       `yaml:"paused,omitempty"`
	Callers   []Caller   `yaml:"callers,omitempty"`
	Templates []Template `yaml:"templates,omitempty"`
	Removed   []string   `yaml:"removed,omitempty"`
}

// Caller is the one with an id.
func (s *Set) Caller(id string) (Caller, bool) {
	at := slices.IndexFunc(s.Callers, func(c Caller) bool { return c.ID == id })
	if at < 0 {
		return Caller{}, false
	}
	return s.Callers[at], true
}

// Template is the operator's of that name.
func (s *Set) Template(name string) (vault.Template, bool) {
	at := slices.IndexFunc(s.Templates, func(t vault.Template) bool { return t.Name == name })
	if at < 0 {
		return vault.Template{}, false
	}
	return s.Templates[at], true
}

// serviceAccount are the callers with this account. What the file names of it has
// to be right, both if both are named. More than one, and nobody knows which it is.
func (s *Set) serviceAccount(uniqueID, email string) (is []Caller) {
	for _, c := range s.Callers {
		if (c.UniqueID == "" || c.UniqueID == uniqueID) && (c.Email == "" || c.Email == email) {
			is = append(is, c)
		}
	}
	return is
}
