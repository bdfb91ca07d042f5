package chat

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// classicIssuer signs classic events with its own keys. (Google's guide also
// has classic events with the endpoint's address as audience; any other classic
// app could name our address, so those are refused: design section 6.)
const classicIssuer = "chat@system.gserviceaccount.com"

// Verifier tells requests of Chat for us from all others.
type Verifier struct {
	classic *googleauth.Verifier
}

// NewVerifier trusts classic events for this project number. keys are those at
// googleauth.Endpoints.ChatCerts.
func NewVerifier(keys *googleauth.KeySet, projectNumber string, now func() time.Time) *Verifier {
	return &Verifier{classic: googleauth.NewVerifier(classicIssuer, projectNumber, keys, now)}
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
	_, err := v.classic.Verify(r.Context(), config.Secret(token))
	return Classic, fault.Wrap("chat.Verify", err)
}

func unauthenticated(why string) error {
	return &fault.Error{Op: "chat.Verify", Kind: fault.Unauthenticated, Err: errors.New(why)}
}
