package grants

import (
	"cmp"
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// Act calls do with an access token for person, whose grant must allow all needed capabilities. If the API
// rejects the token (googlecall.ErrToken, ErrScope), Act gets a new one and calls do once more, so do must be
// safe to repeat. If the API rejects the new token too, Act returns Unavailable: only the token endpoint
// decides whether a grant has ended and which scopes it has.
func (gs *Grants) Act(
	ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	token, err := gs.TokenSource(ctx, person, needed...)
	if err != nil {
		return err
	}
	return gs.doWithToken(ctx, person, token, needed, do)
}

func (gs *Grants) doWithToken(
	ctx context.Context, person resource.Person, token oauth2.TokenSource,
	needed []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	err := do(token)
	if !isTokenRejection(err) {
		return err
	}
	if token, err = gs.ReplaceToken(ctx, person, token, needed...); err != nil {
		return err
	}
	if err = do(token); isTokenRejection(err) {
		gs.alarmOnce(ctx, "a Google API rejects tokens that Google has just issued", person, err)
		err = &fault.Error{Op: "grants.Act", Kind: fault.Unavailable, Public: words.ErrorGoogleUnavailable, Err: err}
	}
	return err
}

func isTokenRejection(err error) bool {
	return errors.Is(err, googlecall.ErrToken) || errors.Is(err, googlecall.ErrScope)
}

// Lookup reads a person's grant from the store, with exactly one call that bypasses the cache, and reports
// whether it is usable. For a person who never connected it returns an empty grant and no error.
func (gs *Grants) Lookup(ctx context.Context, named resource.Named) (vault.Grant, bool, error) {
	start := gs.now()
	var g vault.Grant
	var err error
	person, byID := named.Person()
	if byID {
		g, err = gs.vault.Grant(ctx, person)
	} else if g, err = gs.vault.GrantByEmail(ctx, string(named)); g.Person == "" {
		if err != nil && fault.KindOf(err) == fault.NotFound {
			err = nil
		}
		return g, false, fault.Wrap("grants.Lookup", err)
	}
	g, usable, err := gs.evaluate(ctx, cmp.Or(g.Person, person), g, err, start)
	return g, usable, fault.Wrap("grants.Lookup", err)
}

// ConfirmEmail updates a grant that Lookup found by email address and reports whether the account still has that
// address. It refreshes an expired access token first. A grant that has ended is returned unchanged.
func (gs *Grants) ConfirmEmail(ctx context.Context, named resource.Named, g vault.Grant) (vault.Grant, bool, error) {
	if _, byID := named.Person(); byID {
		return g, true, nil
	}
	if !gs.isFresh(g) {
		refreshed, usable, err := gs.refresh(ctx, g.Person, gs.now().Add(-justRead))
		if err != nil || !usable {
			return g, true, err
		}
		g = refreshed
	}
	return g, !g.EmailAt.IsZero() && address.Lower(g.Email.Reveal()) == address.Lower(string(named)), nil
}

// ActorFor returns an Actor for one caller's request that uses g, which Lookup has just read.
func (gs *Grants) ActorFor(g vault.Grant) googlecall.Actor {
	return &grantActor{gs, g, gs.now().Add(-justRead)}
}

type grantActor struct {
	*Grants
	grant vault.Grant
	since time.Time // when the request began to read grant, or a little before
}

// Act implements googlecall.Actor.
func (a *grantActor) Act(
	ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	if person != a.grant.Person {
		return a.Grants.Act(ctx, person, needed, do)
	}
	token, err := a.tokenSource(ctx, person, a.grant, a.isUsable(a.grant), needed, a.since)
	if err != nil {
		return err
	}
	return a.doWithToken(ctx, person, token, needed, do)
}
