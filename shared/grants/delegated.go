package grants

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// Delegated acts for people whose organization delegates that to a service
// account. A person is users/{primary e-mail address} here; nothing is stored.
type Delegated struct {
	tokens *googleauth.Delegation
	log    *slog.Logger
	admins bool
}

// NewDelegated gets its tokens there. An administrator's capabilities are
// refused, whoever asks for them.
func NewDelegated(tokens *googleauth.Delegation, log *slog.Logger) *Delegated {
	return &Delegated{tokens: tokens, log: log}
}

// ForAdministrators is d for administrators that the operator has named: with
// their capabilities.
func (d *Delegated) ForAdministrators() *Delegated { return &Delegated{d.tokens, d.log, true} }

// Act implements Actor. There is no consent to ask for: what is missing is
// Denied, and the organization's administrator mends it.
func (d *Delegated) Act(ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error) error {
	var scopes []string
	for _, c := range needed {
		if c.Administers() && !d.admins {
			return &fault.Error{Op: "grants.Delegated", Kind: fault.Denied, Err: errors.New("an administrator's capability: " + string(c)), Public: words.ErrorAdminPolicy}
		}
		scopes = append(scopes, c.Scope())
	}
	email := strings.TrimPrefix(string(person), "users/")
	var err error
	for range 2 { // a refused token is got anew, once
		token, failed := d.tokens.Token(ctx, email, scopes)
		if errors.Is(failed, googleauth.ErrTokenCreator) {
			d.log.ErrorContext(ctx, "alarm", slog.String("alarm", "IAM lets nobody sign as the delegating service account"), slog.String("error", failed.Error()))
		}
		if failed != nil {
			return fault.Wrap("grants.Delegated", failed)
		}
		err = do(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.Reveal()}))
		if !errors.Is(err, googlecall.ErrToken) {
			break
		}
		d.tokens.Discard(email, scopes)
	}
	if errors.Is(err, googlecall.ErrToken) || errors.Is(err, googlecall.ErrScope) {
		return &fault.Error{Op: "grants.Delegated", Kind: fault.Denied, Err: err, Public: words.ErrorDelegationRefused}
	}
	return err
}

// Email implements Actor.
func (d *Delegated) Email(_ context.Context, person resource.Person) (string, error) {
	return strings.TrimPrefix(string(person), "users/"), nil
}
