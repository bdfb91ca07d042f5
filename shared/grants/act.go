package grants

import (
	"cmp"
	"context"
	"errors"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// Act does something with the token of a person that allows needed. When the API
// refuses the token (googlecall.ErrToken, googlecall.ErrScope), the token endpoint is asked for a new
// one, once, and do is called again: it has to be safe to repeat. The token
// endpoint alone decides whether the grant has ended, and what it allows. An API
// that goes on refusing what the token endpoint has just given has trouble of
// its own: Unavailable.
func (gs *Grants) Act(ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error) error {
	token, err := gs.TokenSource(ctx, person, needed...)
	return gs.act(ctx, person, token, err, needed, do)
}

func (gs *Grants) act(ctx context.Context, person resource.Person, token oauth2.TokenSource, err error, needed []capability.Capability, do func(oauth2.TokenSource) error) error {
	if err != nil {
		return err
	}
	if err = do(token); !refusesToken(err) {
		return err
	}
	if token, err = gs.Renew(ctx, person, token, needed...); err != nil {
		return err
	}
	if err = do(token); refusesToken(err) {
		gs.alarmOnce(ctx, "a Google API refuses tokens that Google has just given", person, err)
		err = &fault.Error{Op: "grants.Act", Kind: fault.Unavailable, Public: words.ErrorGoogleUnavailable, Err: err}
	}
	return err
}

func refusesToken(err error) bool {
	return errors.Is(err, googlecall.ErrToken) || errors.Is(err, googlecall.ErrScope)
}

// Lookup reads the grant of a person (users/{sub}, or an e-mail address) from
// the store, never from the cache, and reports whether it can be used. One who
// never connected has none, without an error. It makes one call of the store,
// whoever is named.
func (gs *Grants) Lookup(ctx context.Context, named resource.Named) (vault.Grant, bool, error) {
	began := gs.now()
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
	g, ok, err := gs.judged(ctx, cmp.Or(g.Person, person), g, err, began)
	return g, ok, fault.Wrap("grants.Lookup", err)
}

// Current is a grant that Lookup has found by an e-mail address, after Google was
// asked anew where the access token is over. It reports whether the address is
// still the account's: it may have passed to another one. What has ended
// meanwhile is given as it is.
func (gs *Grants) Current(ctx context.Context, named resource.Named, g vault.Grant) (vault.Grant, bool, error) {
	if _, byID := named.Person(); byID {
		return g, true, nil
	}
	if !gs.fresh(g) {
		now, ok, err := gs.renew(ctx, g.Person)
		if err != nil || !ok {
			return g, true, err
		}
		g = now
	}
	return g, !g.EmailAt.IsZero() && address.Lower(g.Email.Reveal()) == address.Lower(string(named)), nil
}

// With is a for one request of a caller's: it acts by a grant that Lookup has
// just read.
func (gs *Grants) With(g vault.Grant) googlecall.Actor { return &withGrant{gs, g} }

type withGrant struct {
	*Grants
	read vault.Grant
}

// Act implements Actor.
func (w *withGrant) Act(ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error) error {
	if person != w.read.Person {
		return w.Grants.Act(ctx, person, needed, do)
	}
	token, err := w.source(ctx, person, w.read, w.usable(w.read), nil, needed)
	return w.act(ctx, person, token, err, needed, do)
}
