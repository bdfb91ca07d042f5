package googleauth

import (
	"net/http"
	"strings"
)

// BearerToken returns the token of a request with exactly one Authorization header, whose scheme is Bearer in any case
// (RFC 9110, section 11.1). It returns false for any other request.
func BearerToken(r *http.Request) (string, bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return "", false
	}
	scheme, token, found := strings.Cut(headers[0], " ")
	return token, found && strings.EqualFold(scheme, "Bearer")
}
