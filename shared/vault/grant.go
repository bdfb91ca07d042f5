package vault

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

const grants = "grants"

// Status says whether a grant can be used.
type Status string

// A grant is Active until it ends; NeedsConsent is its tombstone.
const (
	Active       Status = "active"
	NeedsConsent Status = "needs_consent"
)

// Grant is what one person allowed one OAuth client (collection grants, id:
// the person's sub).
type Grant struct {
	Person       string   // users/{sub}
	ClientID     string   // whose tokens these are: no other client can use them
	Scopes       []string // as granted, normalised
	Declined     []string // asked for, and not given
	RefreshToken config.Secret
	AccessToken  config.Secret
	AccessExpiry time.Time
	Status       Status
	Generation   int64 // grows whenever the refresh token changes or ends
	Email        config.Secret
	Domain       string // hd of the ID token; empty for a consumer account
	Connected    time.Time

	version Version // of the document this was read from; empty when new
}

// Grant reads a person's grant; NotFound when there is none.
func (v *Vault) Grant(ctx context.Context, person string) (Grant, error) {
	id := sub(person)
	doc, err := v.docs.Get(ctx, grants, id)
	if err != nil {
		return Grant{}, fault.Wrap("vault.Grant", err)
	}
	f := doc.Fields
	g := Grant{
		Person: person, ClientID: text(f, "clientId"), Scopes: texts(f, "scopes"), Declined: texts(f, "declined"),
		AccessExpiry: moment(f, "accessExpiry"), Status: Status(text(f, "status")), Generation: number(f, "generation"),
		Domain: text(f, "domain"), Connected: moment(f, "connected"), version: doc.Version,
	}
	err = v.openAll(f, "act", grants, id, g.secrets()...)
	return g, err
}

// SaveGrant stores g over the state it was read from, or as a new record;
// Conflict when somebody else stored one meanwhile. It returns g as stored.
func (v *Vault) SaveGrant(ctx context.Context, g Grant) (Grant, error) {
	id := sub(g.Person)
	f := Fields{
		"clientId": g.ClientID, "scopes": g.Scopes, "declined": g.Declined, "accessExpiry": g.AccessExpiry,
		"status": string(g.Status), "generation": g.Generation, "domain": g.Domain, "connected": g.Connected,
	}
	err := v.sealAll(f, "act", grants, id, g.secrets()...)
	if err == nil && g.Email != "" {
		f["emailCode"], err = v.emailCode(g.Email.Reveal())
	}
	if err != nil {
		return Grant{}, err
	}
	if g.version == "" {
		g.version, err = v.docs.Create(ctx, grants, id, f)
	} else {
		g.version, err = v.docs.Replace(ctx, grants, id, f, g.version)
	}
	return g, fault.Wrap("vault.SaveGrant", err)
}

// DeleteGrant removes g in the state it was read or saved; Conflict when it
// has changed since.
func (v *Vault) DeleteGrant(ctx context.Context, g Grant) error {
	return fault.Wrap("vault.DeleteGrant", v.docs.Delete(ctx, grants, sub(g.Person), g.version))
}

// PersonByEmail is the person (users/{sub}) whose grant has this e-mail
// address; NotFound when there is none, or more than one.
func (v *Vault) PersonByEmail(ctx context.Context, email string) (string, error) {
	code, err := v.emailCode(email)
	if err != nil {
		return "", err
	}
	docs, err := v.docs.Find(ctx, grants, "emailCode", code)
	if err != nil {
		return "", fault.Wrap("vault.PersonByEmail", err)
	}
	if len(docs) != 1 {
		// An address can pass from one account to another: then the next
		// consent tells whose it is.
		return "", fault.New(fault.NotFound, "")
	}
	return "users/" + docs[0].ID, nil
}

// emailCode is under what an address is looked up, without the store knowing it.
func (v *Vault) emailCode(email string) (string, error) {
	code, err := v.keys.Code("email", strings.ToLower(email))
	return hex.EncodeToString(code), err
}

func (g *Grant) secrets() []secretField {
	return []secretField{{"refreshToken", &g.RefreshToken}, {"accessToken", &g.AccessToken}, {"email", &g.Email}}
}

func sub(person string) string { return strings.TrimPrefix(person, "users/") }
