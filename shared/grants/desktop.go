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

// DesktopGrant is the consent of the one person whose machine a program runs on.
type DesktopGrant struct {
	Email   string
	Refresh config.Secret
	Scopes  []string
}

// Desktop acts for that person, whoever is named. It stores nothing. It is safe
// for concurrent use.
type Desktop struct {
	google *googleauth.Provider
	held   DesktopGrant
	now    func() time.Time

	mu     sync.Mutex
	access config.Secret
	until  time.Time
}

// NewDesktop acts by a consent.
func NewDesktop(google *googleauth.Provider, held DesktopGrant, now func() time.Time) *Desktop {
	return &Desktop{google: google, held: held, now: now}
}

// Act implements Actor. NeedsConsent when a capability was not allowed, or
// Google has ended the consent.
func (d *Desktop) Act(ctx context.Context, _ resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error) error {
	if absent := capability.Missing(needed, d.held.Scopes); len(absent) > 0 {
		return (&capability.Needs{Capabilities: needed, Missing: absent}).Fault()
	}
	var err error
	for range 2 { // a refused token is got anew, once
		token, failed := d.token(ctx)
		if errors.Is(failed, googleauth.ErrInvalidGrant) {
			return (&capability.Needs{Capabilities: needed, Missing: needed, Ended: true}).Fault()
		}
		if failed != nil {
			return fault.Wrap("grants.Desktop", failed)
		}
		if err = do(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.Reveal()})); !refusesToken(err) {
			break
		}
		d.discard(token)
	}
	if refusesToken(err) { // Google's token endpoint has just given it
		return &fault.Error{Op: "grants.Desktop", Kind: fault.Unavailable, Public: words.ErrorGoogleUnavailable, Err: err}
	}
	return err
}

func (d *Desktop) token(ctx context.Context) (config.Secret, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.access.Empty() && d.now().Add(early).Before(d.until) {
		return d.access, nil
	}
	t, err := d.google.Refresh(ctx, d.held.Refresh)
	if err != nil {
		return config.Secret{}, err
	}
	d.access, d.until = t.Access, d.now().Add(t.Life)
	return d.access, nil
}

func (d *Desktop) discard(token config.Secret) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.access.Equal(token) {
		d.access = config.Secret{}
	}
}

// Email implements Actor.
func (d *Desktop) Email(context.Context, resource.Person) (string, error) { return d.held.Email, nil }
