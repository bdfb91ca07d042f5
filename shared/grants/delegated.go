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

// Delegated acts by domain-wide delegation: the organization lets a service account act for its people. Here a
// person is users/{primary email address}. Nothing is stored.
type Delegated struct {
	tokens *googleauth.Delegation
	log    *slog.Logger
	admins bool
}

// NewDelegated returns a Delegated that gets its tokens from tokens and denies administrator capabilities.
func NewDelegated(tokens *googleauth.Delegation, log *slog.Logger) *Delegated {
	return &Delegated{tokens: tokens, log: log}
}

// WithAdminCapabilities returns a copy of d that also allows administrator capabilities. It is for the
// administrators that the operator has named.
func (d *Delegated) WithAdminCapabilities() *Delegated { return &Delegated{d.tokens, d.log, true} }

// Act implements googlecall.Actor. There is no consent to ask for, so a missing scope is Denied: the
// organization's administrator has to delegate it.
func (d *Delegated) Act(
	ctx context.Context, person resource.Person, needed []capability.Capability, do func(oauth2.TokenSource) error,
) error {
	var scopes []string
	for _, c := range needed {
		if c.IsAdmin() && !d.admins {
			err := errors.New("administrator capability: " + string(c))
			return &fault.Error{Op: "grants.Delegated", Kind: fault.Denied, Err: err, Public: words.ErrorAdminPolicy}
		}
		scopes = append(scopes, c.Scope())
	}
	email := strings.TrimPrefix(string(person), "users/")
	var err error
	for range 2 { // a rejected token is replaced once
		token, tokenErr := d.tokens.Token(ctx, email, scopes)
		if errors.Is(tokenErr, googleauth.ErrTokenCreator) {
			d.log.ErrorContext(ctx, "alarm", slog.String("error", tokenErr.Error()),
				slog.String("alarm", "IAM denies signing as the delegation service account"))
		}
		if tokenErr != nil {
			return fault.Wrap("grants.Delegated", tokenErr)
		}
		err = do(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.Reveal()}))
		if !errors.Is(err, googlecall.ErrToken) {
			break
		}
		d.tokens.Discard(email, scopes)
	}
	if isTokenRejection(err) {
		return &fault.Error{Op: "grants.Delegated", Kind: fault.Denied, Err: err, Public: words.ErrorDelegationRefused}
	}
	return err
}

// Email implements googlecall.Actor.
func (d *Delegated) Email(_ context.Context, person resource.Person) (string, error) {
	return strings.TrimPrefix(string(person), "users/"), nil
}
