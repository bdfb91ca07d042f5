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

// Status is the state of a grant.
type Status string

// A Connected grant is usable. Suspended: Google returned invalid_grant; the grant
// is neither used nor erased while Deputy retries. Revoked: a security event from
// Google ended it. Disconnecting: the person ended it; its tokens await revocation.
const (
	Connected     Status = "connected"
	Suspended     Status = "suspended"
	Revoked       Status = "revoked"
	Disconnecting Status = "disconnecting"
)

// Grant is what one person allowed one OAuth client (collection grants, id: the
// person's sub). Times are in UTC, to the microsecond.
type Grant struct {
	Person        resource.Person `json:"-"`                   // users/{sub}
	ClientID      string          `json:"clientId"`            // the only client that can use the tokens
	Scopes        []string        `json:"scopes"`              // as granted, normalized
	Declined      []string        `json:"declined"`            // requested but not granted
	DeclinedAt    time.Time       `json:"declinedAt,omitzero"` // when the person last left something unselected
	RefreshToken  config.Secret   `json:"-"`
	AccessToken   config.Secret   `json:"-"`
	AccessExpiry  time.Time       `json:"accessExpiry"`
	RefreshedAt   time.Time       `json:"refreshed"` // when Google issued AccessToken
	Status        Status          `json:"status"`
	Generation    int64           `json:"generation"` // in microseconds; grows when the refresh token changes or ends
	Email         config.Secret   `json:"-"`
	EmailAt       time.Time       `json:"emailAt"` // when Google last confirmed Email; zero: not authoritative
	Domain        string          `json:"domain"`  // hd of the ID token; empty for a consumer account
	ConnectedAt   time.Time       `json:"connected"`
	SignedInAt    time.Time       `json:"signedIn"` // the last sign-in, which does not change ConnectedAt
	ConsentSystem string          `json:"via"`      // the system that handled the last consent; empty: a browser
	Approvals     []Approval      `json:"approvals"`

	NeedsNotice  bool      `json:"untold"`       // Google ended it and the person is not yet notified
	NoticeID     string    `json:"toldBy"`       // random ID of the save that recorded the notification
	NeedsSignIn  bool      `json:"signIn"`       // a session policy requires a new sign-in
	RemovedAt    time.Time `json:"removed"`      // when the app's direct message was removed; zero if it was not
	RefreshDay   time.Time `json:"refreshDay"`   // day of the last refresh: Google ends tokens unused for six months
	LastUsedDay  time.Time `json:"lastUsedDay"`  // day of the last refresh for an operation
	RefreshUntil time.Time `json:"refreshUntil"` // when time-based access ends; zero if it does not
	SuspendedAt  time.Time `json:"suspendedAt"`
	Retries      int       `json:"retries"` // refresh attempts since SuspendedAt

	// Due is when the sweep must process the grant; zero for never. Due and the
	// three marks (see Mark) are stored in the clear.
	Due                                   time.Time `json:"-"`
	RevokedAt, SessionsEndedAt, RecheckAt time.Time `json:"-"`

	// Broken reports that the record does not open. It must stay until a new consent or the person ends it.
	Broken bool `json:"-"`

	version Version // of the stored document; empty when new
	keys    [2]int64
}

// sealedGrant is the sealed content of a grant, with its secrets.
type sealedGrant struct {
	Grant
	RefreshToken string `json:"refreshToken"`
	AccessToken  string `json:"accessToken"`
	Email        string `json:"email"`
}

// Grant returns a person's grant, or NotFound. If the record does not open, it
// returns the error and a grant that is Broken.
func (v *Vault) Grant(ctx context.Context, person resource.Person) (Grant, error) {
	doc, err := v.docs.Get(ctx, grants, sub(person))
	if err != nil {
		return Grant{}, fault.Wrap("vault.Grant", err)
	}
	return v.decodeGrant(doc)
}

// ListedGrant is one grant of a list.
type ListedGrant struct {
	Grant
	Err error // why the record did not open
}

// Grants returns up to limit grants in order of sub, starting after the sub after.
func (v *Vault) Grants(ctx context.Context, after string, limit int) ([]ListedGrant, error) {
	docs, err := v.docs.List(ctx, grants, after, limit)
	return v.decodeGrants(docs), fault.Wrap("vault.Grants", err)
}

// DueGrants returns up to limit grants that are due for the sweep, the earliest first.
func (v *Vault) DueGrants(ctx context.Context, limit int) ([]ListedGrant, error) {
	docs, err := v.docs.Range(ctx, grants, Range{Field: dueField, To: v.now(), Limit: limit})
	return v.decodeGrants(docs), fault.Wrap("vault.DueGrants", err)
}

func (v *Vault) decodeGrants(docs []Doc) []ListedGrant {
	out := make([]ListedGrant, len(docs))
	for i, doc := range docs {
		out[i].Grant, out[i].Err = v.decodeGrant(doc)
	}
	return out
}

func (v *Vault) decodeGrant(doc Doc) (Grant, error) {
	var content sealedGrant
	err := v.open(grants, doc, &content)
	statuses := []Status{Connected, Suspended, Revoked, Disconnecting}
	if err == nil && (content.ClientID == "" || !slices.Contains(statuses, content.Status)) {
		err = errBrokenRecord
	}
	g := content.Grant
	if err != nil {
		g = Grant{Broken: errors.Is(err, seal.ErrNotAuthentic)}
	}
	g.RefreshToken, g.AccessToken = config.NewSecret(content.RefreshToken), config.NewSecret(content.AccessToken)
	g.Email = config.NewSecret(content.Email)
	g.Person, g.version = resource.Person("users/"+doc.ID), doc.Version
	g.keys = [2]int64{intField(doc.Fields, "keyId"), intField(doc.Fields, "lookupKeyId")}
	g.Due, g.RecheckAt = timeField(doc.Fields, dueField), timeField(doc.Fields, string(RecheckAt))
	g.RevokedAt, g.SessionsEndedAt = timeField(doc.Fields, string(RevokedAt)), timeField(doc.Fields,
		string(SessionsEndedAt))
	return g, fault.Wrap("vault.Grant", err)
}

// SaveGrant stores g over the version it was read from, or creates it. It returns Conflict if the grant has changed
// since. It reseals the record and its lookup codes with the current keys and returns g as stored. With other writes,
// it makes all or none; then the returned grant can be read, but not saved.
func (v *Vault) SaveGrant(ctx context.Context, g Grant, with ...Write) (Grant, error) {
	g, write, err := v.grantWrite(g)
	switch {
	case err != nil:
	case len(with) > 0:
		g.version, err = "", v.docs.Commit(ctx, append(with, write)...)
	default:
		g.version, err = v.make(ctx, write)
	}
	g.Broken = false
	return g, fault.Wrap("vault.SaveGrant", err)
}

// grantWrite returns the write of a grant, and the grant as it is stored.
func (v *Vault) grantWrite(g Grant) (Grant, Write, error) {
	g.keys = v.KeysInUse()
	for _, t := range []*time.Time{
		&g.AccessExpiry, &g.RefreshedAt, &g.EmailAt, &g.ConnectedAt, &g.SignedInAt, &g.RemovedAt, &g.RefreshDay,
		&g.LastUsedDay, &g.DeclinedAt, &g.RefreshUntil, &g.SuspendedAt, &g.Due, &g.RevokedAt, &g.SessionsEndedAt,
		&g.RecheckAt,
	} {
		*t = t.UTC().Truncate(time.Microsecond)
	}
	for _, a := range g.Approvals {
		for i, action := range a.Actions { // compared with g.ConnectedAt
			a.Actions[i].ConnectedAt = action.ConnectedAt.UTC().Truncate(time.Microsecond)
		}
	}
	fields := Fields{"keyId": g.keys[0], "lookupKeyId": g.keys[1]}
	for name, t := range map[string]time.Time{
		dueField: g.Due, string(RevokedAt): g.RevokedAt, string(SessionsEndedAt): g.SessionsEndedAt,
		string(RecheckAt): g.RecheckAt,
	} {
		if !t.IsZero() {
			fields[name] = t
		}
	}
	if !g.RemovedAt.IsZero() {
		fields[removedDay] = g.RemovedAt.Format(time.DateOnly)
	}
	if err := v.addLookupFields(fields, g); err != nil {
		return g, Write{}, err
	}
	content := sealedGrant{g, g.RefreshToken.Reveal(), g.AccessToken.Reveal(), g.Email.Reveal()}
	write, err := v.write(Ref{grants, sub(g.Person)}, g.version, content, fields)
	return g, write, err
}

// WithoutContent returns a grant that replaces g on save and keeps only its person, generation and marks.
func (g Grant) WithoutContent() Grant {
	return Grant{
		Person: g.Person, Generation: g.Generation,
		RevokedAt: g.RevokedAt, SessionsEndedAt: g.SessionsEndedAt, RecheckAt: g.RecheckAt, version: g.version,
	}
}

// DeleteGrant removes g. It returns Conflict if g has changed since it was read.
func (v *Vault) DeleteGrant(ctx context.Context, g Grant) error {
	return fault.Wrap("vault.DeleteGrant", v.docs.Delete(ctx, grants, sub(g.Person), g.version))
}

// NeedsReseal reports whether g uses keys other than the current ones. SaveGrant moves it to the current keys.
func (v *Vault) NeedsReseal(g Grant) bool { return g.keys != v.KeysInUse() }

// KeysInUse returns the IDs of the current keyset key and lookup key.
func (v *Vault) KeysInUse() [2]int64 {
	keysetID, lookupID := v.keys.Primary()
	return [2]int64{int64(keysetID), int64(lookupID)}
}

func sub(person resource.Person) string { return strings.TrimPrefix(string(person), "users/") }
