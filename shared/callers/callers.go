// Package callers decides which other system may act for whom: it checks who
// calls, and asks the operator's file of callers. What is not allowed there is
// denied.
//
// It does not know what an action does, nor whether a person is connected: the
// policy comes first, so that nobody learns that. file.go reads the file,
// parse.go says what stands in it, edit.go changes it for the operator.
package callers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// The actions, as the file of callers names them.
const (
	CreateSpaces     = "spaces.create"
	ReadSpaces       = "spaces.read"
	UpdateSpaces     = "spaces.update"
	DeleteSpaces     = "spaces.delete"
	ReadMembers      = "members.read"
	WriteMembers     = "members.write"
	CreateMessages   = "messages.create"
	CreateMeetings   = "meetings.create"
	ReadPeople       = "people.read"
	InvitePeople     = "people.invite"
	ConnectPeople    = "people.connect"
	DisconnectPeople = "people.disconnect"
	// For nobody in particular:
	ReadTemplates  = "templates.read"
	WriteTemplates = "templates.write"
	Sweep          = "sweep" // the scheduler's
)

// The authorities (design section 1).
const (
	ByUser       vault.Authority = "user"       // the person's own grant
	ByAdmin      vault.Authority = "admin"      // an administrator's right over their organization
	ByDelegation vault.Authority = "delegation" // the organization's word for the person
)

// Actions are all there are, in the order of docs/api.md.
func Actions() []string {
	return []string{
		CreateSpaces, ReadSpaces, UpdateSpaces, DeleteSpaces, ReadMembers, WriteMembers, CreateMessages, CreateMeetings,
		ReadPeople, InvitePeople, ConnectPeople, DisconnectPeople, ReadTemplates, WriteTemplates, Sweep,
	}
}

// Authorities are all there are.
func Authorities() []vault.Authority { return []vault.Authority{ByUser, ByAdmin, ByDelegation} }

// Words says what an action is, to a person.
func Words(action string) i18n.Text {
	return map[string]i18n.Text{
		CreateSpaces: words.CapabilityCreateSpaces, ReadSpaces: words.CapabilityReadSpaces, UpdateSpaces: words.CapabilityEditSpaces, DeleteSpaces: words.CapabilityDeleteSpaces,
		ReadMembers: words.CapabilityReadMembers, WriteMembers: words.CapabilityManageMembers, CreateMessages: words.CapabilityPostMessages, CreateMeetings: words.CapabilityMeet,
	}[action]
}

// Callers knows the systems that call. It is safe for concurrent use.
type Callers struct {
	File   *File
	tokens *googleauth.Verifier
	limits limits
	now    func() time.Time
}

// New trusts ID tokens of Google for this audience. keys are those at
// googleauth.Endpoints.Certs.
func New(audience string, keys *googleauth.KeySet, file *File, now func() time.Time) *Callers {
	return &Callers{File: file, tokens: googleauth.NewVerifier(googleauth.Issuer, audience, keys, now), now: now}
}

// Verify tells which caller sent r. Unauthenticated when the token is not right;
// Denied when the file does not name the caller, or pauses it; Unavailable when
// the file cannot be read.
func (c *Callers) Verify(r *http.Request) (Caller, error) {
	headers := r.Header.Values("Authorization")
	token, bearer := "", false
	if len(headers) == 1 {
		token, bearer = strings.CutPrefix(headers[0], "Bearer ")
	}
	if !bearer {
		return Caller{}, unauthenticated(errors.New("not exactly one bearer token"))
	}
	claims, err := c.tokens.Verify(r.Context(), config.NewSecret(token))
	if err != nil && fault.KindOf(err) == fault.Unauthenticated {
		return Caller{}, unauthenticated(err)
	}
	if err != nil {
		return Caller{}, fault.Wrap("callers.Verify", err)
	}
	if !claims.EmailVerified || !strings.HasSuffix(claims.Email, ".gserviceaccount.com") {
		return Caller{}, unauthenticated(errors.New("not a service account's token"))
	}
	all, err := c.File.Read(r.Context())
	if err != nil {
		return Caller{}, fault.Wrap("callers.Verify", err)
	}
	is := all.serviceAccount(claims.Subject, claims.Email)
	if len(is) != 1 {
		return Caller{UniqueID: claims.Subject}, denied(fmt.Sprintf("the file names %d callers with this service account", len(is)))
	}
	this := is[0]
	switch {
	case this.Paused || all.Paused:
		return this, denied("paused")
	case !c.limits.allow(this, c.now()):
		return this, &fault.Error{
			Op: "callers.Verify", Kind: fault.RateLimited, Err: errors.New("more requests than the caller's rate"),
			Public: i18n.English("Rate limit exceeded. Try again in a minute."),
		}
	}
	return this, nil
}

// Allow asks whether a caller may do actions by an authority for the person whom
// it names: users/{id}, or an e-mail address. It asks no store, so that nobody
// learns who is connected. A person named by id may turn out to belong to a
// domain that the caller may act for: Covers decides that, once there is an
// approval to read.
func (c Caller) Allow(authority vault.Authority, named resource.Named, actions ...string) error {
	for _, action := range actions {
		if !slices.Contains(c.Actions, action) {
			return denied("action " + action)
		}
	}
	if !slices.Contains(c.Authorities, authority) {
		return denied(string("authority " + authority))
	}
	_, byID := named.Person()
	byID = byID && authority != ByDelegation
	if c.names(named) || slices.Contains(c.Domains, address.Domain(string(named))) || byID && len(c.Domains) > 0 {
		return nil
	}
	return denied("this person")
}

// Covers asks whether the person whom a caller named is one it may act for, now
// that their organization (hd) is known.
func (c Caller) Covers(named resource.Named, domain string) error {
	if !c.names(named) && !slices.Contains(c.Domains, address.Lower(domain)) {
		return denied("this person's organization")
	}
	return nil
}

func (c Caller) names(named resource.Named) bool {
	return slices.Contains(c.People, address.Lower(string(named)))
}

// AllowAction is Allow for an action that is done for no person.
func (c Caller) AllowAction(action string) error {
	if !slices.Contains(c.Actions, action) {
		return &fault.Error{Op: "callers.AllowAction", Kind: fault.Denied, Public: i18n.English("This caller may not do that. Ask Deputy's operator to allow it."), Err: errors.New("not allowed: action " + action)}
	}
	return nil
}

func unauthenticated(why error) error {
	return &fault.Error{Op: "callers.Verify", Kind: fault.Unauthenticated, Public: i18n.English("Send a Google-signed ID token of your service account for this API's audience as bearer token."), Err: why}
}

func denied(why string) error {
	return &fault.Error{Op: "callers.Allow", Kind: fault.Denied, Public: i18n.English("This caller may not do that for this person. Ask Deputy's operator to allow it."), Err: errors.New("not allowed: " + why)}
}
