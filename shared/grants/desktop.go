package grants

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
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// DesktopGrant is the consent of the person whose machine the program runs on.
type DesktopGrant struct {
	Email        string
	RefreshToken config.Secret
	Scopes       []string
}

// Desktop acts for that person only, whatever person it is given. It is safe for concurrent use.
type Desktop struct {
	google *googleauth.Provider
	grant  DesktopGrant
	now    func() time.Time

	mu     sync.Mutex
	access config.Secret
	expiry time.Time
}

// NewDesktop returns a Desktop that uses grant.
func NewDesktop(google *googleauth.Provider, grant DesktopGrant, now func() time.Time) *Desktop {
	return &Desktop{google: google, grant: grant, now: now}
}

// Act implements googlecall.Actor. It returns NeedsConsent if the grant lacks a capability or has ended.
func (d *Desktop) Act(
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
			return fault.Wrap("grants.Desktop", tokenErr)
		}
		err = do(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.Reveal()}))
		if !isTokenRejection(err) {
			break
		}
		d.discard(token)
	}
	if isTokenRejection(err) { // although the token endpoint has just issued it
		return &fault.Error{
			Op: "grants.Desktop", Kind: fault.Unavailable, Public: words.ErrorGoogleUnavailable,
			Err: err,
		}
	}
	return err
}

func (d *Desktop) token(ctx context.Context) (config.Secret, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.access.Empty() && d.now().Add(expiryMargin).Before(d.expiry) {
		return d.access, nil
	}
	t, err := d.google.Refresh(ctx, d.grant.RefreshToken)
	if err != nil {
		return config.Secret{}, err
	}
	d.access, d.expiry = t.Access, d.now().Add(t.ExpiresIn)
	return d.access, nil
}

func (d *Desktop) discard(token config.Secret) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.access.Equal(token) {
		d.access = config.Secret{}
	}
}

// Email implements googlecall.Actor.
func (d *Desktop) Email(context.Context, resource.Person) (string, error) { return d.grant.Email, nil }
