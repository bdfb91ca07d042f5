package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

const grants = "grants"

// Status says whether a grant can be used.
type Status string

// A grant is Active until it ends. NeedsConsent: Google called it dead, and
// its tokens are erased. Ending: the tombstone of a disconnect that is under
// way; its tokens wait for their revocation and are not used any more.
const (
	Active       Status = "active"
	NeedsConsent Status = "needs_consent"
	Ending       Status = "ending"
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
	Generation   int64 // grows whenever the refresh token changes or ends, and with the clock: microseconds
	Email        config.Secret
	Domain       string // hd of the ID token; empty for a consumer account
	Connected    time.Time
	Via          string // the system that brought the last consent; empty: a browser

	Untold       bool      // Google ended it, and the person has not been told
	ToldBy       string    // who told them, at random: to know one's own save again
	SignIn       bool      // a session policy wants the person to sign in again
	Removed      time.Time // when the direct message with the app was removed; zero while it is there
	RefreshDay   time.Time // the day of the last refresh: Google ends tokens unused for six months
	LastUsedDay  time.Time // the day of the last refresh for an act
	RefreshUntil time.Time // when Google ends time-based access; zero if it does not

	// Broken says that a secret field did not open: what is stored must stay
	// until a new consent, or the person, ends it.
	Broken bool

	version Version // of the document this was read from; empty when new
	keys    [2]int64
}

// Grant reads a person's grant; NotFound when there is none. One that does not
// open is given with its error, Broken.
func (v *Vault) Grant(ctx context.Context, person string) (Grant, error) {
	doc, err := v.docs.Get(ctx, grants, sub(person))
	if err != nil {
		return Grant{}, fault.Wrap("vault.Grant", err)
	}
	return v.grantOf(doc)
}

// ListedGrant is one of Grants: a grant, and why it does not open.
type ListedGrant struct {
	Grant
	Err error
}

// Grants lists up to limit grants in the order of their persons' subs,
// beginning behind the sub after.
func (v *Vault) Grants(ctx context.Context, after string, limit int) ([]ListedGrant, error) {
	docs, err := v.docs.List(ctx, grants, after, limit)
	if err != nil {
		return nil, fault.Wrap("vault.Grants", err)
	}
	out := make([]ListedGrant, len(docs))
	for i, doc := range docs {
		out[i].Grant, out[i].Err = v.grantOf(doc)
	}
	return out, nil
}

func (v *Vault) grantOf(doc Doc) (Grant, error) {
	f := doc.Fields
	g := Grant{
		Person: "users/" + doc.ID, ClientID: text(f, "clientId"), Scopes: texts(f, "scopes"), Declined: texts(f, "declined"),
		AccessExpiry: moment(f, "accessExpiry"), Status: Status(text(f, "status")), Generation: number(f, "generation"),
		Domain: text(f, "domain"), Connected: moment(f, "connected"), Via: text(f, "via"),
		Untold: flag(f, "untold"), ToldBy: text(f, "toldBy"), SignIn: flag(f, "signIn"), Removed: moment(f, "removed"),
		RefreshDay: moment(f, "refreshDay"), LastUsedDay: moment(f, "lastUsedDay"), RefreshUntil: moment(f, "refreshUntil"),
		version: doc.Version, keys: [2]int64{number(f, "keyId"), number(f, "lookupKeyId")},
	}
	err := v.openAll(f, "act", grants, doc.ID, g.secrets()...)
	if err == nil && (g.ClientID == "" || !slices.Contains([]Status{Active, NeedsConsent, Ending}, g.Status)) {
		err = &fault.Error{Kind: fault.NeedsConsent, Err: fmt.Errorf("not a grant's record: %w", seal.ErrBroken)}
	}
	g.Broken = errors.Is(err, seal.ErrBroken)
	return g, fault.Wrap("vault.Grant", err)
}

// SaveGrant stores g over the state it was read from, or as a new record;
// Conflict when somebody else stored one meanwhile. It returns g as stored.
// Everything is sealed and coded anew, with the keys in use.
func (v *Vault) SaveGrant(ctx context.Context, g Grant) (Grant, error) {
	id := sub(g.Person)
	g.keys = v.keysInUse()
	f := Fields{
		"clientId": g.ClientID, "scopes": g.Scopes, "declined": g.Declined, "accessExpiry": g.AccessExpiry,
		"status": string(g.Status), "generation": g.Generation, "domain": g.Domain, "connected": g.Connected, "via": g.Via,
		"untold": g.Untold, "toldBy": g.ToldBy, "signIn": g.SignIn, "removed": g.Removed,
		"refreshDay": g.RefreshDay, "lastUsedDay": g.LastUsedDay, "refreshUntil": g.RefreshUntil,
		"keyId": g.keys[0], "lookupKeyId": g.keys[1],
	}
	err := errors.Join(v.sealAll(f, "act", grants, id, g.secrets()...), v.codeAll(f, g))
	if err != nil {
		return Grant{}, fault.Wrap("vault.SaveGrant", err)
	}
	if g.version == "" {
		g.version, err = v.docs.Create(ctx, grants, id, f)
	} else {
		g.version, err = v.docs.Replace(ctx, grants, id, f, g.version)
	}
	g.Broken = false
	return g, fault.Wrap("vault.SaveGrant", err)
}

// DeleteGrant removes g in the state it was read or saved; Conflict when it
// has changed since.
func (v *Vault) DeleteGrant(ctx context.Context, g Grant) error {
	return fault.Wrap("vault.DeleteGrant", v.docs.Delete(ctx, grants, sub(g.Person), g.version))
}

// Stale tells that g is sealed or coded with keys that are not in use any
// more: saving it as it is mends that.
func (v *Vault) Stale(g Grant) bool { return g.keys != v.keysInUse() }

func (v *Vault) keysInUse() [2]int64 {
	seals, codes := v.keys.Primary()
	return [2]int64{int64(seals), int64(codes)}
}

func (g *Grant) secrets() []secretField {
	return []secretField{{"refreshToken", &g.RefreshToken}, {"accessToken", &g.AccessToken}, {"email", &g.Email}}
}

func sub(person string) string { return strings.TrimPrefix(person, "users/") }
