package callers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
)

// clientSuffix ends the audience of the ID tokens that people get, such as from gcloud without a service account.
const clientSuffix = `.apps.googleusercontent.com".`

// verifyToken returns the claims of the service account that sent r. Its email is empty if the token has none.
func (c *Authenticator) verifyToken(r *http.Request) (googleauth.Claims, error) {
	token, ok := googleauth.BearerToken(r)
	switch headers := r.Header.Values("Authorization"); {
	case len(headers) == 0:
		return googleauth.Claims{}, c.refuse("The request has no Authorization header.")
	case len(headers) > 1:
		return googleauth.Claims{}, c.refuse("The request has more than one Authorization header.")
	case strings.EqualFold(strings.TrimSpace(headers[0]), "Bearer"):
		return googleauth.Claims{},
			c.refuse("There is no token behind Bearer; the command that gets it might have failed.")
	case !ok:
		return googleauth.Claims{}, c.refuse("The Authorization header doesn't start with Bearer.")
	case strings.HasPrefix(token, "ya29."): // as Google's access tokens begin
		return googleauth.Claims{}, c.refuse("This is an access token, not an ID token.")
	}
	claims, err := c.tokens.Verify(r.Context(), config.NewSecret(token))
	if err != nil && fault.KindOf(err) == fault.Unauthenticated {
		return googleauth.Claims{}, c.unauthenticated(err)
	}
	if err != nil {
		return googleauth.Claims{}, fault.Wrap("callers.Verify", err)
	}
	isAccount := claims.EmailVerified && strings.HasSuffix(claims.Email, ".gserviceaccount.com")
	if claims.Email != "" && !isAccount {
		return googleauth.Claims{}, c.refuse("This is the token of a person, not of a service account.")
	}
	return claims, nil
}

// reasons says what is wrong with a token, in words for its caller.
var reasons = map[error]string{ //nolint:gosec // no credentials
	googleauth.ErrInvalidJWT:    "This isn't an ID token.",
	googleauth.ErrTokenExpired:  "The ID token has expired.",
	googleauth.ErrTokenIssuer:   "The ID token isn't issued by https://accounts.google.com.",
	googleauth.ErrTokenInFuture: "The ID token is issued in the future; check this machine's clock, and Deputy's.",
	googleauth.ErrSignatureRemoved: "Cloud Run removed the token's signature, because its own check of callers is on." +
		" Ask Deputy's operator to turn it off (docs/operate.md, Callers get 401).",
}

// unauthenticated returns the fault for a token. Its text says what is wrong with the token, and which one to send. It
// says nothing about other callers.
func (c *Authenticator) unauthenticated(err error) error {
	reason := "Google's keys don't verify the token: it isn't an ID token of Google's, or it was changed."
	for known, text := range reasons {
		if errors.Is(err, known) {
			reason = text
		}
	}
	if other, ok := errors.AsType[*googleauth.AudienceError](err); ok {
		reason = fmt.Sprintf("The ID token is for another audience, %.200q.", strings.Join(other.Audiences, " "))
		if strings.HasSuffix(reason, clientSuffix) {
			reason += " That is an OAuth client, so the token is of a person; use a service account."
		}
	}
	return c.badToken(reason, err)
}

// refuse returns the fault for a request without a valid token, with what is wrong, in words for its caller.
func (c *Authenticator) refuse(reason string) error { return c.badToken(reason, errors.New(reason)) }

func (c *Authenticator) badToken(reason string, err error) error {
	return &fault.Error{
		Op: "callers.Verify", Kind: fault.Unauthenticated, Err: err,
		Public: i18n.English("%s Send an ID token that Google signs for your service account, with the audience %s," +
			" as Authorization: Bearer TOKEN. The start page of this API says how your tool asks for one."),
		Args: []any{reason, strings.Join(c.Audiences, " or ")},
	}
}
