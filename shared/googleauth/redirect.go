package googleauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// Redirect is what Google's consent page sends back with the browser (RFC 6749, section 4.1.2; RFC 9207).
type Redirect struct {
	State, Code config.Secret
	Error       string // Google's error code; never shown to a person
	Issuer      string // iss; may be empty
}

// Errors of Redirect.Err, for errors.Is.
var (
	ErrAccessDenied = errors.New("access_denied")
	ErrNoCode       = errors.New("no authorization code")
	ErrOtherIssuer  = errors.New("redirect from another issuer")
)

// ParseRedirect returns the redirect in a query and ignores other parameters. It returns an Invalid fault if one is
// given more than once.
func ParseRedirect(q url.Values) (Redirect, error) {
	for _, name := range []string{"state", "code", "error", "iss"} {
		if len(q[name]) > 1 {
			return Redirect{}, fault.New(fault.Invalid, words.PageAddressChanged, name)
		}
	}
	return Redirect{
		config.NewSecret(q.Get("state")),
		config.NewSecret(q.Get("code")),
		q.Get("error"),
		q.Get("iss"),
	}, nil
}

// Err returns why the redirect has no code of Google's, or nil.
func (r Redirect) Err() error {
	switch {
	case r.Issuer != "" && IssuerURL(r.Issuer) != Issuer:
		return ErrOtherIssuer
	case r.Error == ErrAccessDenied.Error():
		return ErrAccessDenied
	case r.Error != "" || r.Code.Empty():
		return fmt.Errorf("%w: error %.60q", ErrNoCode, r.Error)
	}
	return nil
}

// IsNavigation reports whether a person's browser opens a page with this request. HEAD, a prefetch, and what a page
// loads are no navigation, so they must not use up what can be used once.
func IsNavigation(r *http.Request) bool {
	purpose := r.Header.Get("Sec-Purpose") + r.Header.Get("Purpose") + r.Header.Get("X-Moz")
	mode := r.Header.Get("Sec-Fetch-Mode")
	return r.Method != http.MethodHead && !strings.Contains(purpose, "prefetch") && (mode == "" || mode == "navigate")
}

// SignIn exchanges the code of a redirect and verifies with idTokens whose it is: the ID token must have a.Nonce and a
// subject, or the error is Unauthenticated. If Google names no scopes, they are a.Scopes (RFC 6749, section 5.1).
func (p *Provider) SignIn(
	ctx context.Context, a Authorization, code config.Secret,
	idTokens func(context.Context, config.Secret) (Claims, error),
) (Tokens, Claims, error) {
	tokens, err := p.Exchange(ctx, code, a.Verifier)
	if err != nil {
		return Tokens{}, Claims{}, err
	}
	if len(tokens.Scopes) == 0 {
		tokens.Scopes = NormalizeScopes(a.Scopes)
	}
	claims, err := idTokens(ctx, tokens.ID)
	if err != nil {
		return Tokens{}, Claims{}, err
	}
	if claims.Subject == "" || claims.Nonce != a.Nonce {
		err = errors.New("the ID token belongs to another sign-in")
		return Tokens{}, Claims{}, &fault.Error{Op: "googleauth.SignIn", Kind: fault.Unauthenticated, Err: err}
	}
	return tokens, claims, nil
}
