// Package grants keeps what people allowed Deputy: it gives access tokens for the
// capabilities that an operation needs, refreshes them, and ends a grant. To
// disconnect ends a grant at the person's wish, to revoke ends a token at Google,
// and to erase deletes records.
//
// It does not know how a consent is asked for (shared/consent), nor any API that the
// tokens are for. An operation walks through act.go, token.go and refresh.go; the
// ends are in disconnect.go (the person's) and ended.go (Google's). sweep.go keeps in
// order what lies unused.
package grants

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

const (
	seen      = 60 * time.Second // how long a grant that was read counts as current
	cacheSize = 10_000           // people; some 2 KB each
	tries     = 3                // of a save that somebody else came before
)

// Deps are what Grants works with. All but Domains are required.
type Deps struct {
	Vault    *vault.Vault
	Keys     *seal.Keys
	Google   *googleauth.Provider
	IDTokens *googleauth.Verifier // for our client id
	ClientID string
	// Address is the public address of oauthcallback; /export hangs below it.
	Address string
	// Domains may connect (hd of the ID token); empty means all.
	Domains []string
	Log     *slog.Logger
	Now     func() time.Time
}

// Grants acts for people. It is safe for concurrent use.
type Grants struct {
	deps    Deps
	vault   *vault.Vault
	log     *slog.Logger
	now     func() time.Time
	refresh singleflight.Group
	alarms  alarms

	mu    sync.Mutex // of what is put into cache
	cache *lru.Cache[resource.Person, read]
}

// read is a grant, or the lack of one, and when it was read or saved.
type read struct {
	grant vault.Grant
	at    time.Time
}

// New is an Auth with an empty cache.
func New(d Deps) *Grants {
	cache, err := lru.New[resource.Person, read](cacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	gs := &Grants{deps: d, vault: d.Vault, log: d.Log, now: vault.Clock(d.Now), cache: cache}
	d.Vault.Alarm(gs.unopened)
	return gs
}

// grant reads a person's grant, through the cache when it was read lately and
// is good for all of the capabilities: a lack may have been mended meanwhile,
// by a consent in another instance. One that cannot be used (none, ended,
// another client's, broken) is not ok.
func (gs *Grants) grant(ctx context.Context, person resource.Person, capabilities ...capability.Capability) (g vault.Grant, ok bool, err error) {
	r, hit := gs.cache.Get(person)
	if hit && gs.now().Sub(r.at) < seen && gs.usable(r.grant) && len(capability.Missing(capabilities, r.grant.Scopes)) == 0 {
		return r.grant, true, nil
	}
	return gs.grantNow(ctx, person)
}

// grantNow is grant past the cache.
func (gs *Grants) grantNow(ctx context.Context, person resource.Person) (g vault.Grant, ok bool, err error) {
	began := gs.now()
	g, err = gs.vault.Grant(ctx, person)
	return gs.judged(ctx, person, g, err, began)
}

// judged reports whether a grant that was just read can be used, and remembers
// it.
func (gs *Grants) judged(ctx context.Context, person resource.Person, g vault.Grant, err error, began time.Time) (vault.Grant, bool, error) {
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		gs.remember(person, vault.Grant{}, began)
		return vault.Grant{}, false, nil
	case g.Broken:
		// What is stored stays until a new consent is saved over it.
		gs.alarm(ctx, "a stored grant does not open", person, err)
		return g, false, nil
	case errors.Is(err, seal.ErrUnknownKey):
		gs.alarm(ctx, "KEYSET lacks a key that is in use", person, err)
		return g, false, err
	case err != nil:
		return vault.Grant{}, false, err
	}
	if revoked(g) && g.Status == vault.Connected {
		g.Untold = g.ToldBy == "" // until the sweep has erased it
	}
	gs.remember(person, g, began)
	return g, gs.usable(g), nil
}

func (gs *Grants) usable(g vault.Grant) bool {
	return g.Status == vault.Connected && g.ClientID == gs.deps.ClientID && !g.RefreshToken.Empty() && !revoked(g)
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
func (gs *Grants) remember(person resource.Person, g vault.Grant, at time.Time) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	known, ok := gs.cache.Peek(person)
	older := g.Person != "" && g.Generation < known.grant.Generation && at.Sub(known.at) < seen
	if !ok || !known.at.After(at) && !older {
		gs.cache.Add(person, read{g, at})
	}
}

// next is the generation after this one. It grows with time, so that it also
// grows over a grant that was erased.
func (gs *Grants) next(generation int64) int64 { return max(generation+1, gs.now().UnixMicro()) }

// Find is the person (users/{sub}) whose account an e-mail address belongs to,
// among those who have connected; NotFound when there is none.
func (gs *Grants) Find(ctx context.Context, email string) (resource.Person, error) {
	g, err := gs.vault.GrantByEmail(ctx, email)
	return g.Person, fault.Wrap("grants.Find", err)
}

// Person is the resource name of a Google account's sub. Chat's users/{id} is
// the same number (chat-protocol.md 1.2).
func Person(sub string) resource.Person { return resource.Person("users/" + sub) }
