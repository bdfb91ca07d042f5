// Package callers decides which other system may act for whom: it checks who
// calls, and asks the operator's record of that caller. What is not allowed
// there is denied.
//
// It does not know what an operation does, nor whether a person is connected:
// the policy comes first, so that nobody learns that.
package callers

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// The operations, as callers' records name them.
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
	ByUser       = "user"       // the person's own grant
	ByAdmin      = "admin"      // an administrator's right over their organization
	ByDelegation = "delegation" // the organization's word for the person
)

// Operations are all there are, in the order of docs/api.md.
func Operations() []string {
	return []string{
		CreateSpaces, ReadSpaces, UpdateSpaces, DeleteSpaces, ReadMembers, WriteMembers, CreateMessages, CreateMeetings,
		ReadPeople, InvitePeople, ConnectPeople, DisconnectPeople, ReadTemplates, WriteTemplates, Sweep,
	}
}

// Authorities are all there are.
func Authorities() []string { return []string{ByUser, ByAdmin, ByDelegation} }

// Callers knows the systems that call. It is safe for concurrent use.
type Callers struct {
	tokens *googleauth.Verifier
	vault  *vault.Vault
	now    func() time.Time
	known  *lru.Cache[string, record]
}

// New trusts ID tokens of Google for this audience. keys are those at
// googleauth.Endpoints.Certs.
func New(audience string, keys *googleauth.KeySet, v *vault.Vault, now func() time.Time) *Callers {
	known, err := lru.New[string, record](cacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Callers{tokens: googleauth.NewVerifier(googleauth.Issuer, audience, keys, now), vault: v, now: now, known: known}
}

// Verify tells which caller sent r: a service account by its unique id, since
// the e-mail of a deleted one can be made again. Unauthenticated when the
// token is not right; Denied when there is no record of the caller, or it is
// paused.
func (c *Callers) Verify(r *http.Request) (vault.Caller, error) {
	headers := r.Header.Values("Authorization")
	token, bearer := "", false
	if len(headers) == 1 {
		token, bearer = strings.CutPrefix(headers[0], "Bearer ")
	}
	if !bearer {
		return vault.Caller{}, unauthenticated(errors.New("not exactly one bearer token"))
	}
	claims, err := c.tokens.Verify(r.Context(), config.Secret(token))
	if err != nil && fault.KindOf(err) == fault.Unauthenticated {
		return vault.Caller{}, unauthenticated(err)
	}
	if err != nil {
		return vault.Caller{}, fault.Wrap("callers.Verify", err)
	}
	if !claims.EmailVerified || !strings.HasSuffix(claims.Email, ".gserviceaccount.com") {
		return vault.Caller{}, unauthenticated(errors.New("not a service account's token"))
	}
	everything, err := c.read(r.Context(), Everything)
	if err != nil {
		return vault.Caller{}, fault.Wrap("callers.Verify", err)
	}
	this, err := c.read(r.Context(), claims.Subject)
	switch {
	case err != nil:
		return vault.Caller{}, fault.Wrap("callers.Verify", err)
	case this.caller.ID == "":
		return vault.Caller{}, denied("no record of this caller")
	case this.caller.Email != claims.Email:
		return vault.Caller{}, denied("the record names another e-mail")
	case this.caller.Paused || everything.caller.Paused:
		return vault.Caller{}, denied("paused")
	case !this.limit.AllowN(c.now(), 1):
		return vault.Caller{}, &fault.Error{
			Op: "callers.Verify", Kind: fault.RateLimited, Err: errors.New("more requests than the caller's record allows"),
			Public: words.English("That were more requests than this caller may make in a minute. Wait, and go on."),
		}
	}
	return this.caller, nil
}

// Subject is the person a caller wants to act for.
type Subject struct {
	Named  string // as the caller named them: users/{id} or e-mail
	Person string // users/{id}, if known
	Domain string // of the e-mail named, or of the person's grant
}

// Allow asks a caller's record whether it may do an operation for a person by
// an authority; Denied when not, whatever the reason.
func Allow(caller vault.Caller, operation, authority string, who Subject) error {
	people := slices.Contains(caller.People, strings.ToLower(who.Named)) || who.Person != "" && slices.Contains(caller.People, who.Person)
	domain := who.Domain != "" && slices.Contains(caller.Domains, strings.ToLower(who.Domain))
	switch {
	case !slices.Contains(caller.Operations, operation):
		return denied("operation " + operation)
	case !slices.Contains(caller.Authorities, authority):
		return denied("authority " + authority)
	case !people && !domain:
		return denied("this person")
	}
	return nil
}

// AllowOperation is Allow for an operation that is done for no person.
func AllowOperation(caller vault.Caller, operation string) error {
	if !slices.Contains(caller.Operations, operation) {
		return &fault.Error{Op: "callers.AllowOperation", Kind: fault.Denied, Public: words.English("This caller may not do that. Ask Deputy's operator to allow it."), Err: errors.New("not allowed: operation " + operation)}
	}
	return nil
}

func unauthenticated(why error) error {
	return &fault.Error{Op: "callers.Verify", Kind: fault.Unauthenticated, Public: words.English("Send a Google-signed ID token of your service account for this API's audience as bearer token."), Err: why}
}

func denied(why string) error {
	return &fault.Error{Op: "callers.Allow", Kind: fault.Denied, Public: words.English("This caller may not do that for this person. Ask Deputy's operator to allow it."), Err: errors.New("not allowed: " + why)}
}
