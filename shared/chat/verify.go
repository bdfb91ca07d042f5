package chat

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// classicIssuer signs classic events with its own keys. Google's guide also
// has classic events with the endpoint's address as audience; any other classic
// app could name our address, so those are refused.
const classicIssuer = "chat@system.gserviceaccount.com"

// Verifier tells requests of Chat for us from all others.
type Verifier struct {
	classic, addOn *googleauth.Verifier
	addOnSender    string
}

// App is what Chat's console knows of us.
type App struct {
	ProjectNumber string
	Endpoint      string // where events go, to the letter
}

// NewVerifier trusts Chat for this app. chatKeys and googleKeys are those at
// googleauth.Endpoints.ChatCerts and Certs.
func NewVerifier(app App, chatKeys, googleKeys *googleauth.KeySet, now func() time.Time) *Verifier {
	return &Verifier{
		classic: googleauth.NewVerifier(classicIssuer, app.ProjectNumber, chatKeys, now),
		addOn:   googleauth.NewVerifier(googleauth.Issuer, app.Endpoint, googleKeys, now),
		// Of our own project, exactly: the same account of another project is
		// another project's add-on.
		addOnSender: "service-" + app.ProjectNumber + "@gcp-sa-gsuiteaddons.iam.gserviceaccount.com",
	}
}

// Verify checks who sent r, before anything of its body is read, and gives the
// format such a sender may use. Else Unauthenticated, or Unavailable when
// Google's keys cannot be had.
func (v *Verifier) Verify(r *http.Request) (Format, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return 0, unauthenticated("not exactly one Authorization header")
	}
	token, ok := strings.CutPrefix(headers[0], "Bearer ")
	if !ok {
		return 0, unauthenticated("no bearer token")
	}
	if claimedIssuer(token) == classicIssuer {
		_, err := v.classic.Verify(r.Context(), config.NewSecret(token))
		return Classic, fault.Wrap("chat.Verify", err)
	}
	claims, err := v.addOn.Verify(r.Context(), config.NewSecret(token))
	if err != nil {
		return 0, fault.Wrap("chat.Verify", err)
	}
	// Anybody's service account can get a token for our address.
	if claims.Email != v.addOnSender || !claims.EmailVerified {
		return 0, unauthenticated("signed by Google, but not for the add-on of our project")
	}
	return AddOn, nil
}

// claimedIssuer is what a token says of itself, to choose the keys it has to
// stand up to. Nothing else may be believed of it yet.
func claimedIssuer(token string) string {
	if len(token) > 8<<10 { // the verifiers take no longer one
		return ""
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	_ = json.Unmarshal(payload, &claims) // no claims, no issuer
	return claims.Issuer
}

func unauthenticated(why string) error {
	return &fault.Error{Op: "chat.Verify", Kind: fault.Unauthenticated, Err: errors.New(why)}
}
