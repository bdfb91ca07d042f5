package googleauth

// IssuerURL is the issuer of ID tokens.
type IssuerURL string

// Issuer is the issuer of Google's ID tokens. Google also writes it without the scheme
// (OpenID Connect page, "An ID token's payload").
const Issuer IssuerURL = "https://accounts.google.com"

// Endpoints are the URLs of Google's authorization server. Emulators replace them
// through constructors; no environment variable sets them.
type Endpoints struct {
	Authorization string // for the browser
	Token         string
	Revocation    string
	Certs         string // JWK set of ID tokens
	ChatCerts     string // x509 certificates of chat@system.gserviceaccount.com
	Events        string // RISC configuration
}

// Google holds Google's endpoints.
// https://accounts.google.com/.well-known/openid-configuration
var Google = Endpoints{ //nolint:gosec // URLs, not credentials
	Authorization: "https://accounts.google.com/o/oauth2/v2/auth",
	Token:         "https://oauth2.googleapis.com/token",
	Revocation:    "https://oauth2.googleapis.com/revoke",
	Certs:         "https://www.googleapis.com/oauth2/v3/certs",
	ChatCerts:     "https://www.googleapis.com/service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com",
	Events:        "https://accounts.google.com/.well-known/risc-configuration",
}
