package googleauth

import (
	"net/http"
	"time"
)

// IssuerURL names who signs ID tokens.
type IssuerURL string

// Issuer is who signs Google's ID tokens. Google also writes it without the
// scheme (OpenID Connect page, "An ID token's payload").
const Issuer IssuerURL = "https://accounts.google.com"

// Endpoints are the addresses Deputy uses of Google's accounts. They are
// constructor arguments, so that the stand-ins can be put in their place, and
// no variable of the environment sets them.
type Endpoints struct {
	Authorization string // where the browser goes
	Token         string
	Revocation    string
	Certs         string // JWK set of ID tokens
	ChatCerts     string // x509 certificates of chat@system.gserviceaccount.com
	Events        string // configuration of security events
}

// Google is where Google is.
// https://accounts.google.com/.well-known/openid-configuration
var Google = Endpoints{ //nolint:gosec // addresses, no credentials
	Authorization: "https://accounts.google.com/o/oauth2/v2/auth",
	Token:         "https://oauth2.googleapis.com/token",
	Revocation:    "https://oauth2.googleapis.com/revoke",
	Certs:         "https://www.googleapis.com/oauth2/v3/certs",
	ChatCerts:     "https://www.googleapis.com/service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com",
	Events:        "https://accounts.google.com/.well-known/risc-configuration",
}

// NewTransport is the one base transport of a function. It keeps as many
// connections as a busy instance has requests, so that an event opens none.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 100
	t.ResponseHeaderTimeout = 10 * time.Second
	return t
}
