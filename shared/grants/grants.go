// Package grants stores what people allowed Deputy. It gives out access tokens for the capabilities that an
// operation needs, refreshes them, and ends grants. To disconnect ends a grant at the person's wish, to revoke
// ends a token at Google, and to erase deletes records.
//
// It does not know how a consent is requested (shared/consent), nor the APIs that accept the tokens. An
// operation passes through act.go, token.go and refresh.go. A grant ends in disconnect.go (by the person) or due.go
// (by Google, in the sweep). refresh.go suspends it. ended.go records notices and app removals.
package grants

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

const (
	cacheTTL        = 60 * time.Second // how long a grant that was read counts as current
	cacheSize       = 10_000           // people, at about 2 KB each
	maxSaveAttempts = 3                // of a change whose saves conflict
)

// Deps are the dependencies of Grants. All but Domains are required.
type Deps struct {
	Vault    *vault.Vault
	Keys     *seal.Keys
	Google   *googleauth.Provider
	IDTokens *googleauth.Verifier // for our client ID
	ClientID string
	Address  string   // public address of oauthcallback, without /export
	Domains  []string // that may connect (hd of the ID token); empty means all
	Log      *slog.Logger
	Now      func() time.Time
}

// Grants gives out tokens for acting as people. It is safe for concurrent use.
type Grants struct {
	deps      Deps
	vault     *vault.Vault
	log       *slog.Logger
	now       func() time.Time
	refreshes fault.Flight[refreshed]
	storing   sync.Map // by resource.Person: a *vault.Grant with a new token that is being stored
	alarms    alarms

	mu    sync.Mutex // held while cache is written
	cache *lru.Cache[resource.Person, cacheEntry]
}

// cacheEntry is a grant, empty if there is none, and when it was read or saved.
type cacheEntry struct {
	grant vault.Grant
	at    time.Time
}

// New returns a Grants with an empty cache.
func New(d Deps) *Grants {
	cache, err := lru.New[resource.Person, cacheEntry](cacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	gs := &Grants{
		deps: d, vault: d.Vault, log: d.Log, now: vault.MicrosecondClock(d.Now), cache: cache,
		alarms: alarms{raised: map[string]time.Time{}, suspended: map[resource.Person]time.Time{}},
	}
	d.Vault.OnOpenError(gs.reportUnopened)
	return gs
}

// cachedGrant returns a person's grant and whether it is usable. A grant is not usable if it is absent, ended,
// of another client or broken. The cache answers only if its grant is current, usable and allows all
// capabilities, because a consent in another instance may have added some.
func (gs *Grants) cachedGrant(
	ctx context.Context, person resource.Person, capabilities []capability.Capability,
) (g vault.Grant, usable bool, err error) {
	e, found := gs.cache.Get(person)
	if found && gs.now().Sub(e.at) < cacheTTL && gs.isUsable(e.grant) &&
		len(capability.Missing(capabilities, e.grant.Scopes)) == 0 {
		return e.grant, true, nil
	}
	return gs.loadGrant(ctx, person)
}

// loadGrant is cachedGrant without the cache.
func (gs *Grants) loadGrant(ctx context.Context, person resource.Person) (g vault.Grant, usable bool, err error) {
	start := gs.now()
	g, err = gs.vault.Grant(ctx, person)
	return gs.evaluate(ctx, person, g, err, start)
}

// justRead is how long a request may take from the read of a grant to its change. The precondition of the write guards
// it.
const justRead = time.Second

// recentGrant is loadGrant for a change. It does not read again a usable grant, or none, that was read since a time: in
// the same request.
func (gs *Grants) recentGrant(
	ctx context.Context, person resource.Person, since time.Time,
) (g vault.Grant, usable bool, err error) {
	e, found := gs.cache.Get(person)
	usable = gs.isUsable(e.grant)
	if found && !e.at.Before(since) && (usable || e.grant.Person == "") {
		return e.grant, usable, nil
	}
	return gs.loadGrant(ctx, person)
}

// Prefetch reads a person's grant for the Connect that follows. It returns Consent.ReadSince.
func (gs *Grants) Prefetch(ctx context.Context, person resource.Person) time.Time {
	start := gs.now()
	if _, _, err := gs.loadGrant(ctx, person); err != nil {
		return time.Time{}
	}
	return start
}

// evaluate reports whether a grant is usable, and caches it. It was read at start, with the error err.
func (gs *Grants) evaluate(
	ctx context.Context, person resource.Person, g vault.Grant, err error, start time.Time,
) (vault.Grant, bool, error) {
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		gs.cacheGrant(person, vault.Grant{}, start)
		return vault.Grant{}, false, nil
	case g.Broken:
		// The record stays until a new consent replaces it.
		gs.alarm(ctx, "a stored grant does not open", person, err)
		return g, false, nil
	case errors.Is(err, seal.ErrUnknownKey):
		gs.alarm(ctx, "KEYSET lacks a key that is in use", person, err)
		return g, false, err
	case err != nil:
		return vault.Grant{}, false, err
	}
	if isRevoked(g) && g.Status == vault.Connected {
		g.NeedsNotice = g.NoticeID == "" // until the sweep has erased the grant
	}
	g = gs.withNewestToken(g)
	gs.cacheGrant(person, g, start)
	return g, gs.isUsable(g), nil
}

// withNewestToken returns g with the token of a refresh that this instance is still storing.
func (gs *Grants) withNewestToken(g vault.Grant) vault.Grant {
	storing, _ := gs.storing.Load(g.Person)
	newer, ok := storing.(*vault.Grant)
	if ok && newer.Generation == g.Generation && newer.RefreshedAt.After(g.RefreshedAt) {
		g.AccessToken, g.AccessExpiry, g.RefreshedAt = newer.AccessToken, newer.AccessExpiry, newer.RefreshedAt
	}
	return g
}

func (gs *Grants) isUsable(g vault.Grant) bool {
	return g.Status == vault.Connected && g.ClientID == gs.deps.ClientID && !g.RefreshToken.Empty() && !isRevoked(g)
}

// maxSkew is how far Google's clock and ours may differ when the time of a security event is compared with that
// of a sign-in.
const maxSkew = time.Minute

// isRevoked reports whether a security event ended the grant after the person's last sign-in.
func isRevoked(g vault.Grant) bool { return g.RevokedAt.Sub(g.SignedInAt) > maxSkew }

// isDoubtful reports whether a security event was so close to the sign-in that only Google knows which came first.
func isDoubtful(g vault.Grant) bool {
	return !g.RevokedAt.IsZero() && g.RevokedAt.Sub(g.SignedInAt).Abs() <= maxSkew
}

// cacheGrant caches a grant as of a time, unless the cache has a later one. Otherwise a slow read or a delayed
// save could bring back a grant that has ended.
func (gs *Grants) cacheGrant(person resource.Person, g vault.Grant, at time.Time) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	cached, found := gs.cache.Peek(person)
	older := g.Person != "" && g.Generation < cached.grant.Generation && at.Sub(cached.at) < cacheTTL
	if !found || !cached.at.After(at) && !older {
		gs.cache.Add(person, cacheEntry{g, at})
	}
}

// nextGeneration returns the generation that follows this one. It is at least the current time, so that a new
// grant also has a higher generation than an erased one.
func (gs *Grants) nextGeneration(last int64) int64 { return max(last+1, gs.now().UnixMicro()) }

// FindByEmail returns the connected person (users/{sub}) whose account has an email address, or NotFound.
func (gs *Grants) FindByEmail(ctx context.Context, email string) (resource.Person, error) {
	g, err := gs.vault.GrantByEmail(ctx, email)
	return g.Person, fault.Wrap("grants.FindByEmail", err)
}

// Person returns the resource name for the sub of a Google account. It is the same number as in Chat's
// users/{id} (workspace/chat/receive-respond-interactions).
func Person(sub string) resource.Person { return resource.Person("users/" + sub) }
