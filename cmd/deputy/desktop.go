package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// desktopExpiryMargin is how long before its expiry an access token counts as expired.
const desktopExpiryMargin = 5 * time.Minute

// desktop acts with the credential of the person whose machine the program runs on, and for that person only, whatever
// person it is given. It is safe for concurrent use.
type desktop struct {
	google *googleauth.Provider
	grant  credential
	now    func() time.Time

	mu     sync.Mutex
	access config.Secret
	expiry time.Time
}

func newDesktop(google *googleauth.Provider, grant credential, now func() time.Time) *desktop {
	return &desktop{google: google, grant: grant, now: now}
}

// Act implements googlecall.Actor. It returns NeedsConsent if the grant lacks a capability or has ended.
func (d *desktop) Act(
	ctx context.Context, _ resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	if missing := capability.Missing(needed, d.grant.Scopes); len(missing) > 0 {
		return (&capability.ConsentError{Capabilities: needed, Missing: missing}).Fault()
	}
	var err error
	for range 2 { // a rejected token is replaced once
		token, tokenErr := d.token(ctx)
		ended, reauth := errors.Is(tokenErr, googleauth.ErrInvalidGrant), errors.Is(tokenErr, googleauth.ErrReauth)
		if ended || reauth {
			needs := &capability.ConsentError{Capabilities: needed, Missing: needed, Ended: ended}
			needs.SignInRequired = reauth
			return needs.Fault()
		}
		if tokenErr != nil {
			return fault.Wrap("deputy.desktop", tokenErr)
		}
		err = do(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.Reveal()}))
		if !isRejected(err) {
			break
		}
		d.discard(token)
	}
	if isRejected(err) { // although the token endpoint has just issued it
		return &fault.Error{
			Op: "deputy.desktop", Kind: fault.Unavailable, Public: words.ErrorGoogleUnavailable,
			Err: err,
		}
	}
	return err
}

// isRejected reports whether an API rejected a token.
func isRejected(err error) bool {
	return errors.Is(err, googlecall.ErrToken) || errors.Is(err, googlecall.ErrScope)
}

func (d *desktop) token(ctx context.Context) (config.Secret, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.access.Empty() && d.now().Add(desktopExpiryMargin).Before(d.expiry) {
		return d.access, nil
	}
	t, err := d.google.Refresh(ctx, config.NewSecret(d.grant.RefreshToken))
	if err != nil {
		return config.Secret{}, err
	}
	d.access, d.expiry = t.Access, d.now().Add(t.ExpiresIn)
	return d.access, nil
}

func (d *desktop) discard(token config.Secret) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.access.Equal(token) {
		d.access = config.Secret{}
	}
}

// Email implements googlecall.Actor.
func (d *desktop) Email(context.Context, resource.Person) (string, error) { return d.grant.Email, nil }
