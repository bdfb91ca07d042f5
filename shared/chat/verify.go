package chat

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/strictjson"
)

// classicIssuer signs classic events with its own keys. Google also documents classic events with the endpoint's URL as
// audience. Deputy rejects those, because any other classic app could configure Deputy's URL.
const classicIssuer = "chat@system.gserviceaccount.com"

// Verifier checks that a request comes from Chat and is meant for this app.
type Verifier struct {
	classic, addOn *googleauth.Verifier
	addOnSender    string
}

// App is the app's configuration in Chat's console.
type App struct {
	ProjectNumber string
	Endpoint      string // URL that receives events, exactly as in the console
}

// NewVerifier returns a Verifier for the app. chatKeys and googleKeys are the keys at googleauth.Endpoints.ChatCerts
// and Certs.
func NewVerifier(app App, chatKeys, googleKeys *googleauth.KeySet, now func() time.Time) *Verifier {
	return &Verifier{
		classic: googleauth.NewVerifier(classicIssuer, chatKeys, now, app.ProjectNumber),
		addOn:   googleauth.NewVerifier(googleauth.Issuer, googleKeys, now, app.Endpoint),
		// The project number must match: every project has such an account, for its own add-ons.
		addOnSender: "service-" + app.ProjectNumber + "@gcp-sa-gsuiteaddons.iam.gserviceaccount.com",
	}
}

// Verify checks who sent r, without reading the body, and returns the format that this sender must use. It fails with
// Unauthenticated, or with Unavailable when Google's keys can't be fetched.
func (v *Verifier) Verify(r *http.Request) (Format, error) {
	token, ok := googleauth.BearerToken(r)
	if !ok {
		return 0, unauthenticated("not exactly one bearer token")
	}
	if claimedIssuer(token) == classicIssuer {
		_, err := v.classic.Verify(r.Context(), config.NewSecret(token))
		return Classic, fault.Wrap("chat.Verify", err)
	}
	claims, err := v.addOn.Verify(r.Context(), config.NewSecret(token))
	if err != nil {
		return 0, fault.Wrap("chat.Verify", err)
	}
	// Any service account can get a token with this endpoint as audience.
	if claims.Email != v.addOnSender || !claims.EmailVerified {
		return 0, unauthenticated("signed by Google, but the sender is not this project's add-on")
	}
	return AddOn, nil
}

// claimedIssuer returns the unverified issuer of a token. Use it only to choose the keys that verify the token.
func claimedIssuer(token string) string {
	if len(token) > 8<<10 { // the limit of the verifiers
		return ""
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	_ = strictjson.Decode(payload, &claims) // invalid claims have no issuer
	return claims.Issuer
}

func unauthenticated(reason string) error {
	return &fault.Error{Op: "chat.Verify", Kind: fault.Unauthenticated, Err: errors.New(reason)}
}
