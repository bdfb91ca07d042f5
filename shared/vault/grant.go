package vault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
)

const grants = "grants"

// Status says whether a grant can be used.
type Status string

// A grant is Connected until it ends. Suspended: Google answered invalid_grant;
// nothing of it is used and nothing is erased while Google is asked again.
// Revoked: Google said in a security event that it is over. Disconnecting: the
// person ended it, and its tokens wait for their revocation.
const (
	Connected     Status = "connected"
	Suspended     Status = "suspended"
	Revoked       Status = "revoked"
	Disconnecting Status = "disconnecting"
)

// Grant is what one person allowed one OAuth client (collection grants, id: the
// person's sub). All times are UTC, to the microsecond.
type Grant struct {
	Person       resource.Person `json:"-"`        // users/{sub}
	ClientID     string          `json:"clientId"` // whose tokens these are: no other client can use them
	Scopes       []string        `json:"scopes"`   // as granted, normalised
	Declined     []string        `json:"declined"` // asked for, and not given
	RefreshToken config.Secret   `json:"-"`
	AccessToken  config.Secret   `json:"-"`
	AccessExpiry time.Time       `json:"accessExpiry"`
	Refreshed    time.Time       `json:"refreshed"` // when Google gave AccessToken
	Status       Status          `json:"status"`
	Generation   int64           `json:"generation"` // grows whenever the refresh token changes or ends, and with the clock: microseconds
	Email        config.Secret   `json:"-"`
	EmailAt      time.Time       `json:"emailAt"` // when Google last signed that Email is this account's; zero: it is not authoritative
	Domain       string          `json:"domain"`  // hd of the ID token; empty for a consumer account
	Connected    time.Time       `json:"connected"`
	SignedIn     time.Time       `json:"signedIn"` // the last sign-in; it does not renew Connected
	Via          string          `json:"via"`      // the system that brought the last consent; empty: a browser
	Approvals    []Approval      `json:"approvals"`

	Untold       bool      `json:"untold"`       // Google ended it, and the person has not been told
	ToldBy       string    `json:"toldBy"`       // who told them, at random: to know one's own save again
	SignIn       bool      `json:"signIn"`       // a session policy wants the person to sign in again
	Removed      time.Time `json:"removed"`      // when the direct message with the app was removed; zero while it is there
	RefreshDay   time.Time `json:"refreshDay"`   // the day of the last refresh: Google ends tokens unused for six months
	LastUsedDay  time.Time `json:"lastUsedDay"`  // the day of the last refresh for an act
	RefreshUntil time.Time `json:"refreshUntil"` // when Google ends time-based access; zero if it does not
	SuspendedAt  time.Time `json:"suspendedAt"`
	Retries      int       `json:"retries"` // how often Google was asked again since then

	// Due is when the sweep has to look at it; zero for never. It and the three
	// times that follow stand in the clear. Marks tells of them.
	Due                          time.Time `json:"-"`
	RevokedAt, SessionsAt, AskAt time.Time `json:"-"`

	// Broken says that the record does not open: what is stored must stay until
	// a new consent, or the person, ends it.
	Broken bool `json:"-"`

	version Version // of the document this was read from; empty when new
	keys    [2]int64
}

// sealedGrant is a grant with its secrets, as it is sealed.
type sealedGrant struct {
	Grant
	RefreshToken string `json:"refreshToken"`
	AccessToken  string `json:"accessToken"`
	Email        string `json:"email"`
}

// Grant reads a person's grant; NotFound when there is none. One that does not
// open is given with its error, Broken.
func (v *Vault) Grant(ctx context.Context, person resource.Person) (Grant, error) {
	doc, err := v.docs.Get(ctx, grants, sub(person))
	if err != nil {
		return Grant{}, fault.Wrap("vault.Grant", err)
	}
	return v.grantOf(doc)
}

// ListedGrant is a grant of a list, and why it does not open.
type ListedGrant struct {
	Grant
	Err error
}

// Grants lists up to limit grants in the order of their persons' subs,
// beginning after the sub after.
func (v *Vault) Grants(ctx context.Context, after string, limit int) ([]ListedGrant, error) {
	docs, err := v.docs.List(ctx, grants, after, limit)
	return v.listed(docs), fault.Wrap("vault.Grants", err)
}

// DueGrants are up to limit grants that the sweep has to look at by now, the
// longest waiting first.
func (v *Vault) DueGrants(ctx context.Context, limit int) ([]ListedGrant, error) {
	docs, err := v.docs.Range(ctx, grants, Range{Field: dueField, To: v.now(), Limit: limit})
	return v.listed(docs), fault.Wrap("vault.DueGrants", err)
}

func (v *Vault) listed(docs []Doc) []ListedGrant {
	out := make([]ListedGrant, len(docs))
	for i, doc := range docs {
		out[i].Grant, out[i].Err = v.grantOf(doc)
	}
	return out
}

func (v *Vault) grantOf(doc Doc) (Grant, error) {
	var read sealedGrant
	err := v.open(grants, doc, &read)
	if err == nil && (read.ClientID == "" || !slices.Contains([]Status{Connected, Suspended, Revoked, Disconnecting}, read.Status)) {
		err = errUnopened
	}
	g := read.Grant
	if err != nil {
		g = Grant{Broken: errors.Is(err, seal.ErrNotAuthentic)}
	}
	g.RefreshToken, g.AccessToken, g.Email = config.NewSecret(read.RefreshToken), config.NewSecret(read.AccessToken), config.NewSecret(read.Email)
	g.Person, g.version = resource.Person("users/"+doc.ID), doc.Version
	g.keys = [2]int64{number(doc.Fields, "keyId"), number(doc.Fields, "lookupKeyId")}
	g.Due = moment(doc.Fields, dueField)
	g.RevokedAt, g.SessionsAt, g.AskAt = moment(doc.Fields, string(RevokedAt)), moment(doc.Fields, string(SessionsAt)), moment(doc.Fields, string(AskAt))
	return g, fault.Wrap("vault.Grant", err)
}

// SaveGrant stores g over the state it was read from, or as a new record;
// Conflict when somebody else stored one meanwhile. It returns g as stored.
// Everything is sealed and coded anew, with the keys in use.
func (v *Vault) SaveGrant(ctx context.Context, g Grant) (Grant, error) {
	id := sub(g.Person)
	g.keys = v.keysInUse()
	for _, t := range []*time.Time{
		&g.AccessExpiry, &g.Refreshed, &g.EmailAt, &g.Connected, &g.SignedIn, &g.Removed, &g.RefreshDay, &g.LastUsedDay, &g.RefreshUntil,
		&g.SuspendedAt, &g.Due, &g.RevokedAt, &g.SessionsAt, &g.AskAt,
	} {
		*t = t.UTC().Truncate(time.Microsecond)
	}
	for _, a := range g.Approvals {
		for i := range a.Actions {
			a.Actions[i].Connected = a.Actions[i].Connected.UTC().Truncate(time.Microsecond) // compared with that of g
		}
	}
	clear := Fields{"keyId": g.keys[0], "lookupKeyId": g.keys[1]}
	for name, t := range map[string]time.Time{dueField: g.Due, string(RevokedAt): g.RevokedAt, string(SessionsAt): g.SessionsAt, string(AskAt): g.AskAt} {
		if !t.IsZero() {
			clear[name] = t
		}
	}
	if !g.Removed.IsZero() {
		clear[removedDay] = g.Removed.Format(time.DateOnly)
	}
	err := v.codeAll(clear, g)
	if err == nil {
		clear, err = v.sealed(grants, id, sealedGrant{g, g.RefreshToken.Reveal(), g.AccessToken.Reveal(), g.Email.Reveal()}, clear)
	}
	if err != nil {
		return Grant{}, fault.Wrap("vault.SaveGrant", err)
	}
	if g.version == "" {
		g.version, err = v.docs.Create(ctx, grants, id, clear)
	} else {
		g.version, err = v.docs.Replace(ctx, grants, id, clear, g.version)
	}
	g.Broken = false
	return g, fault.Wrap("vault.SaveGrant", err)
}

// Renewed is a grant without any content, to be saved in the place of this one:
// nothing of what was there counts any more but the marks.
func (g Grant) Renewed() Grant {
	return Grant{Person: g.Person, Generation: g.Generation, RevokedAt: g.RevokedAt, SessionsAt: g.SessionsAt, AskAt: g.AskAt, version: g.version}
}

// DeleteGrant removes g in the state it was read or saved; Conflict when it
// has changed since.
func (v *Vault) DeleteGrant(ctx context.Context, g Grant) error {
	return fault.Wrap("vault.DeleteGrant", v.docs.Delete(ctx, grants, sub(g.Person), g.version))
}

// Stale reports whether g is sealed or coded with keys that are not in use any
// more: saving it as it is mends that.
func (v *Vault) Stale(g Grant) bool { return g.keys != v.keysInUse() }

// KeysInUse names the keys that seal and code now.
func (v *Vault) KeysInUse() [2]int64 { return v.keysInUse() }

func (v *Vault) keysInUse() [2]int64 {
	seals, codes := v.keys.Primary()
	return [2]int64{int64(seals), int64(codes)}
}

func sub(person resource.Person) string { return strings.TrimPrefix(string(person), "users/") }
