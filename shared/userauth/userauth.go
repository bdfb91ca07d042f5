// Package userauth lets Deputy act as a person: it invites to the consent,
// leads through it, keeps the grant, gives access tokens for the capabilities
// an act needs, and ends the grant.
//
// It does not know Chat's events, HTML or any API that the tokens are for. A
// consent walks through invite.go, start.go and finish.go; an act through
// token.go and refresh.go; the ends are in disconnect.go (the person's) and
// ended.go (Google's). sweep.go keeps what lies unused in order.
package userauth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

const (
	seen      = 60 * time.Second // how long a grant that was read counts as current
	cacheSize = 10_000           // people; some 2 KB each
	tries     = 3                // of a save that somebody else came before
)

// Deps are what Auth works with. All but Domains are required.
type Deps struct {
	Vault    *vault.Vault
	Keys     *seal.Keys
	Google   *googleauth.Provider
	IDTokens *googleauth.Verifier // for our client id
	ClientID string
	// Address is the public address of oauthcallback; /start hangs below it.
	Address string
	// ReturnOrigins are where a consent may end: https://chat.google.com ...
	ReturnOrigins []string
	// Domains may connect (hd of the ID token); empty means all.
	Domains []string
	Log     *slog.Logger
	Now     func() time.Time
}

// Auth acts for people. It is safe for concurrent use.
type Auth struct {
	Deps
	refresh singleflight.Group
	alarms  alarms

	mu    sync.Mutex // of what is put into cache
	cache *lru.Cache[string, read]
}

// read is a grant, or the lack of one, and when it was read or saved.
type read struct {
	grant vault.Grant
	at    time.Time
}

// New is an Auth with an empty cache.
func New(d Deps) *Auth {
	cache, err := lru.New[string, read](cacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	d.Now = vault.Clock(d.Now)
	a := &Auth{Deps: d, cache: cache}
	d.Vault.Alarm(a.unopened)
	return a
}

// Needs is why an act cannot be done as a person yet: what they have to allow.
type Needs struct {
	Capabilities []capability.Capability // what the act needs
	Missing      []capability.Capability // what of it is not granted
	Declined     bool                    // all that is missing was asked for before, and its box left unticked
	Ended        bool                    // Google has ended the grant, and the person has not been told: see Tell
	SignIn       bool                    // a session policy wants the person to sign in again
}

// Error names what is missing, for the log.
func (n *Needs) Error() string {
	return "consent needed for " + strings.Join(capability.Names(n.Missing), ", ")
}

func needs(n Needs) error {
	return &fault.Error{Op: "userauth", Kind: fault.NeedsConsent, Public: words.ConnectFirst, Err: &n}
}

// Needed finds the Needs in err's chain.
func Needed(err error) (*Needs, bool) { return errors.AsType[*Needs](err) }

// grant reads a person's grant, through the cache when it was read lately and
// is good for all of the capabilities: a lack may have been mended meanwhile,
// by a consent in another instance. One that cannot be used (none, ended,
// another client's, broken) is not ok.
func (a *Auth) grant(ctx context.Context, person string, capabilities ...capability.Capability) (g vault.Grant, ok bool, err error) {
	r, hit := a.cache.Get(person)
	if hit && a.Now().Sub(r.at) < seen && a.usable(r.grant) && len(capability.Missing(capabilities, r.grant.Scopes)) == 0 {
		return r.grant, true, nil
	}
	return a.grantNow(ctx, person)
}

// grantNow is grant past the cache.
func (a *Auth) grantNow(ctx context.Context, person string) (g vault.Grant, ok bool, err error) {
	began := a.Now()
	g, err = a.Vault.Grant(ctx, person)
	return a.judged(ctx, person, g, err, began)
}

// judged reports whether a grant that was just read can be used, and remembers
// it.
func (a *Auth) judged(ctx context.Context, person string, g vault.Grant, err error, began time.Time) (vault.Grant, bool, error) {
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		a.remember(person, vault.Grant{}, began)
		return vault.Grant{}, false, nil
	case g.Broken:
		// What is stored stays until a new consent is saved over it.
		a.alarm(ctx, "a stored grant does not open", person, err)
		return g, false, nil
	case errors.Is(err, seal.ErrUnknownKey):
		a.alarm(ctx, "KEYSET lacks a key that is in use", person, err)
		return g, false, err
	case err != nil:
		return vault.Grant{}, false, err
	}
	if revoked(g) && g.Status == vault.Connected {
		g.Untold = g.ToldBy == "" // until the sweep has erased it
	}
	a.remember(person, g, began)
	return g, a.usable(g), nil
}

func (a *Auth) usable(g vault.Grant) bool {
	return g.Status == vault.Connected && g.ClientID == a.ClientID && !g.RefreshToken.Empty() && !revoked(g)
}

// skew is how far Google's clock and ours may differ when a security event is
// held against a sign-in.
const skew = time.Minute

// revoked reports whether Google said, after the person last signed in, that
// the grant is over.
func revoked(g vault.Grant) bool { return g.RevokedAt.Sub(g.SignedIn) > skew }

// doubtful reports whether that was so close to the sign-in that only Google
// knows which came first.
func doubtful(g vault.Grant) bool {
	return !g.RevokedAt.IsZero() && g.RevokedAt.Sub(g.SignedIn).Abs() <= skew
}

// remember keeps a grant as it was at a time, unless something later is known:
// a slow read must not come after a save, nor one save after a later one that
// ended the grant.
func (a *Auth) remember(person string, g vault.Grant, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.cache.Peek(person)
	older := g.Person != "" && g.Generation < known.grant.Generation && at.Sub(known.at) < seen
	if !ok || !known.at.After(at) && !older {
		a.cache.Add(person, read{g, at})
	}
}

// next is the generation after this one. It grows with time, so that it also
// grows over a grant that was erased.
func (a *Auth) next(generation int64) int64 { return max(generation+1, a.Now().UnixMicro()) }

// Find is the person (users/{sub}) whose account an e-mail address belongs to,
// among those who have connected; NotFound when there is none.
func (a *Auth) Find(ctx context.Context, email string) (string, error) {
	g, err := a.Vault.GrantByEmail(ctx, email)
	return g.Person, fault.Wrap("userauth.Find", err)
}

// Person is the resource name of a Google account's sub. Chat's users/{id} is
// the same number (chat-protocol.md 1.2).
func Person(sub string) string { return "users/" + sub }

// ReturnTo is where Chat wants the browser after a consent. Whoever opens it
// makes Chat repeat the person's command, so it is a secret.
type ReturnTo struct {
	Address config.Secret
	Until   time.Time // it counts for an hour from its event
}
