// Package callers authenticates callers and authorizes their actions according to the
// operator's callers file. Everything that the file does not allow is denied.
//
// The policy is checked before any record of a person is read. A denied caller
// therefore cannot learn whether a person is connected.
package callers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// The actions, by their names in the callers file.
const (
	CreateSpaces     = "spaces.create"
	ReadSpaces       = "spaces.read"
	UpdateSpaces     = "spaces.update"
	DeleteSpaces     = "spaces.delete"
	ReadMembers      = "members.read"
	WriteMembers     = "members.write"
	CreateMessages   = "messages.create"
	UpdateMessages   = "messages.update"
	DeleteMessages   = "messages.delete"
	CreateMeetings   = "meetings.create"
	ReadPeople       = "people.read"
	InvitePeople     = "people.invite"
	ConnectPeople    = "people.connect"
	DisconnectPeople = "people.disconnect"
	// Actions that are not for a person:
	ReadTemplates  = "templates.read"
	WriteTemplates = "templates.write"
	Sweep          = "sweep" // for the scheduler
)

// The authorities.
const (
	AuthorityUser       vault.Authority = "user"       // the person's grant
	AuthorityAdmin      vault.Authority = "admin"      // administrator access (useAdminAccess)
	AuthorityDelegation vault.Authority = "delegation" // domain-wide delegation
)

// Actions returns all actions in the order of docs/api.md.
func Actions() []string {
	return []string{
		CreateSpaces, ReadSpaces, UpdateSpaces, DeleteSpaces, ReadMembers, WriteMembers, CreateMessages,
		UpdateMessages, DeleteMessages, CreateMeetings,
		ReadPeople, InvitePeople, ConnectPeople, DisconnectPeople, ReadTemplates, WriteTemplates, Sweep,
	}
}

// Authorities returns all authorities.
func Authorities() []vault.Authority {
	return []vault.Authority{AuthorityUser, AuthorityAdmin, AuthorityDelegation}
}

// ActionText returns the name of an action for people, or no text for other actions.
func ActionText(action string) i18n.Text {
	return map[string]i18n.Text{
		CreateSpaces: words.CapabilityCreateSpaces, ReadSpaces: words.CapabilityReadSpaces,
		UpdateSpaces: words.CapabilityEditSpaces,
		DeleteSpaces: words.CapabilityDeleteSpaces, ReadMembers: words.CapabilityReadMembers,
		WriteMembers:   words.CapabilityManageMembers,
		CreateMessages: words.CapabilityPostMessages, UpdateMessages: words.CapabilityEditMessages,
		DeleteMessages: words.CapabilityDeleteMessages, CreateMeetings: words.CapabilityMeet,
	}[action]
}

// Authenticator authenticates callers. It is safe for concurrent use.
type Authenticator struct {
	File      *File
	Audiences []string // one of which a token has
	tokens    *googleauth.Verifier
	limits    rateLimits
	now       func() time.Time
}

// NewAuthenticator returns an Authenticator that accepts Google's ID tokens for one of these audiences. keys are those
// at googleauth.Endpoints.Certs.
func NewAuthenticator(keys *googleauth.KeySet, file *File, now func() time.Time, audiences ...string) *Authenticator {
	tokens := googleauth.NewVerifier(googleauth.Issuer, keys, now, audiences...)
	return &Authenticator{File: file, Audiences: audiences, tokens: tokens, now: now}
}

// Verify returns the caller that sent r. It fails with Unauthenticated if the token is invalid, Denied if the file does
// not list the caller or pauses it, RateLimited, or Unavailable if the file cannot be read.
func (c *Authenticator) Verify(r *http.Request) (Caller, error) {
	claims, err := c.verifyToken(r)
	if err != nil {
		return Caller{}, err
	}
	set, err := c.File.Read(r.Context())
	if err != nil {
		return Caller{}, fault.Wrap("callers.Verify", err)
	}
	matches := set.findServiceAccount(claims.Subject, claims.Email)
	if len(matches) == 0 && claims.Email == "" {
		return Caller{UniqueID: claims.Subject}, c.refuse("The token has no email claim, and no caller has its " +
			"unique ID, " + claims.Subject + ". Ask for a token with the email claim, or ask Deputy's operator to " +
			"set this uniqueId.")
	}
	if len(matches) != 1 {
		reason := fmt.Sprintf("%d callers with this service account", len(matches))
		return Caller{UniqueID: claims.Subject}, denied(reason)
	}
	caller := matches[0]
	switch {
	case caller.Paused || set.Paused:
		return caller, denied("paused")
	case !c.limits.allow(caller, c.now()):
		return caller, &fault.Error{
			Op: "callers.Verify", Kind: fault.RateLimited, Err: &QuotaError{c.limits.quota(caller, c.now())},
			Public: i18n.English("Rate limit exceeded. Try again after the time in Retry-After."),
		}
	}
	return caller, nil
}

// Quota returns what a caller that Verify returned may still send.
func (c *Authenticator) Quota(caller Caller) Quota { return c.limits.quota(caller, c.now()) }

// Allow returns a Denied fault unless the caller may run actions with an authority for
// the named person (users/{id} or an email address). It reads no store. For a person
// named by ID, the domain is not known yet: Covers must check it later.
func (c Caller) Allow(authority vault.Authority, named resource.Named, actions ...string) error {
	for _, action := range actions {
		if !slices.Contains(c.Actions, action) {
			return lacks("the action " + action)
		}
	}
	if !slices.Contains(c.Authorities, authority) {
		return lacks("the authority " + string(authority))
	}
	_, byID := named.Person()
	byID = byID && authority != AuthorityDelegation
	inDomain := slices.Contains(c.Domains, address.Domain(string(named)))
	if c.listsPerson(named) || inDomain || byID && len(c.Domains) > 0 {
		return nil
	}
	return lacks("this person")
}

// Covers returns a Denied fault unless the caller may act for the named person, whose domain (hd) is known now.
func (c Caller) Covers(named resource.Named, domain string) error {
	if !c.listsPerson(named) && !slices.Contains(c.Domains, address.Lower(domain)) {
		return lacks("this person")
	}
	return nil
}

// follow lists what usually follows an action in the same job. None of them deletes anything.
var follow = map[string][]string{
	CreateSpaces: {ReadSpaces, UpdateSpaces, ReadMembers, WriteMembers, CreateMessages, CreateMeetings},
	ReadSpaces:   {ReadMembers},
	UpdateSpaces: {ReadSpaces},
	DeleteSpaces: {ReadSpaces},
	ReadMembers:  {ReadSpaces},
	WriteMembers: {ReadMembers},
}

// Likely returns actions and, of what the file allows the caller, what usually follows them, in the order of Actions.
func (c Caller) Likely(actions ...string) []string {
	wanted := slices.Clone(actions)
	for _, action := range actions {
		wanted = append(wanted, follow[action]...)
	}
	return slices.DeleteFunc(Actions(), func(action string) bool {
		isAllowed := slices.Contains(actions, action) || slices.Contains(c.Actions, action)
		return !isAllowed || !slices.Contains(wanted, action)
	})
}

func (c Caller) listsPerson(named resource.Named) bool {
	return slices.Contains(c.People, address.Lower(string(named)))
}

// AllowAction is like Allow, for an action that is not for a person.
func (c Caller) AllowAction(action string) error {
	if !slices.Contains(c.Actions, action) {
		return lacks("the action " + action)
	}
	return nil
}

// lacks returns the error for what a caller's own entry in the file does not include.
func lacks(what string) error {
	return &fault.Error{
		Op: "callers.Allow", Kind: fault.Denied, Err: errors.New("not allowed: " + what), Args: []any{what},
		Public: i18n.English("This caller isn't allowed to do that: its entry in the callers file doesn't include " +
			"%s. Ask Deputy's operator to add it."),
	}
}

func denied(reason string) error {
	public := i18n.English("This caller isn't allowed to do that for this person. Ask Deputy's operator to allow it.")
	err := errors.New("not allowed: " + reason)
	return &fault.Error{Op: "callers.Allow", Kind: fault.Denied, Public: public, Err: err}
}
