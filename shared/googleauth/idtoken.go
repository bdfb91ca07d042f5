package googleauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	lru "github.com/hashicorp/golang-lru/v2"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/strictjson"
)

// leeway is how far ahead the clock of a token's signer may be. OpenID Connect Core does not ask for the check.
const leeway = 5 * time.Minute

// Claims are the claims of a verified Google ID token that Deputy uses.
type Claims struct {
	Subject       string // never reused, so it identifies a person
	Email         string // can change; identifies a person only if Authoritative
	EmailVerified bool
	Domain        string // hd; only for Workspace accounts
	Nonce         string
}

// Authoritative reports whether Google is authoritative for Email: a gmail.com address, or an address
// of the account's Workspace organization. The account holder might no longer own any other address.
// https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
func (c Claims) Authoritative() bool {
	domain := address.Domain(c.Email)
	return domain != "" && c.EmailVerified && (domain == "gmail.com" || domain == address.Lower(c.Domain))
}

// subject matches a valid sub (at most 255 ASCII characters: OpenID Connect Core, 2). It
// is strict because a sub becomes the ID of records.
var subject = regexp.MustCompile(`^[A-Za-z0-9._|-]{1,255}$`)

const (
	// verifiedAge is how long a verified token is cached, at most until it expires. A
	// key that Google revokes is accepted for that much longer.
	verifiedAge       = 5 * time.Minute
	verifiedCacheSize = 1_000 // tokens; about 300 bytes each
)

// The reasons why Verify rejects a token, for errors.Is. Any other reason is ErrInvalidJWT or a claim's own.
var (
	ErrTokenExpired  = errors.New("token expired")
	ErrTokenIssuer   = errors.New("another issuer")
	ErrTokenInFuture = errors.New("issued in the future")
	// ErrSignatureRemoved means that Cloud Run checked the token itself, and removed its signature.
	// https://cloud.google.com/run/docs/troubleshooting#signature-removed
	ErrSignatureRemoved = errors.New("signature removed by Cloud Run, whose own check of the invoker is on; turn it" +
		" off with --no-invoker-iam-check")
)

// AudienceError is the reason why Verify rejects a valid token of Google's that is for somebody else.
type AudienceError struct{ Audiences []string }

// Error names the token's audiences.
func (e *AudienceError) Error() string { return fmt.Sprintf("another audience: %.200q", e.Audiences) }

// removedSignature takes the place of the signature in a token that Cloud Run has checked.
const removedSignature = ".SIGNATURE_REMOVED_BY_GOOGLE"

// Verifier verifies RS256 tokens of one issuer for one of its audiences. It is safe for concurrent use.
type Verifier struct {
	issuer    string
	audiences []string
	keys      *KeySet
	config    oidc.Config
	now       func() time.Time
	cache     *lru.Cache[[sha256.Size]byte, verified]
}

type verified struct {
	claims Claims
	until  time.Time
}

// NewVerifier returns a Verifier of tokens signed with keys. It panics if there is no audience, or an empty one.
func NewVerifier(issuer IssuerURL, keys *KeySet, now func() time.Time, audiences ...string) *Verifier {
	if len(audiences) == 0 || slices.Contains(audiences, "") {
		panic("googleauth.NewVerifier: empty audience")
	}
	cache, err := lru.New[[sha256.Size]byte, verified](verifiedCacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Verifier{
		issuer: string(issuer), audiences: audiences, keys: keys, now: now, cache: cache,
		config: oidc.Config{ // issuer, audience and times are compared after the signature is verified
			SkipIssuerCheck: true, SkipClientIDCheck: true, SkipExpiryCheck: true,
			SupportedSigningAlgs: []string{oidc.RS256}, Now: now,
		},
	}
}

// recorder records the error of the key set, because package oidc keeps only its text.
type recorder struct {
	keys *KeySet
	err  error
}

func (r *recorder) VerifySignature(ctx context.Context, jwt string) (payload []byte, err error) {
	payload, r.err = r.keys.VerifySignature(ctx, jwt)
	return payload, r.err
}

// Verify verifies signature, issuer, audience and times of a compact JWT. It fails with
// Unauthenticated for an invalid token, and Unavailable if the keys cannot be fetched.
// Results are cached by the token's hash, because Google sends a token several times.
func (v *Verifier) Verify(ctx context.Context, token config.Secret) (Claims, error) {
	hash := sha256.Sum256([]byte(token.Reveal()))
	if cached, ok := v.cache.Get(hash); ok && v.now().Before(cached.until) {
		return cached.claims, nil
	}
	claims, expiry, err := v.verify(ctx, token)
	if err == nil {
		until := v.now().Add(verifiedAge)
		if expiry.Before(until) {
			until = expiry
		}
		v.cache.Add(hash, verified{claims, until})
	}
	return claims, err
}

func (v *Verifier) verify(ctx context.Context, token config.Secret) (Claims, time.Time, error) {
	if len(token.Reveal()) > maxToken {
		return Claims{}, time.Time{}, invalid(ErrInvalidJWT)
	}
	if strings.HasSuffix(token.Reveal(), removedSignature) {
		return Claims{}, time.Time{}, invalid(ErrSignatureRemoved)
	}
	if err := checkNames(token.Reveal()); err != nil {
		return Claims{}, time.Time{}, invalid(err)
	}
	r := &recorder{keys: v.keys}
	t, err := oidc.NewVerifier(v.issuer, r, &v.config).Verify(ctx, token.Reveal())
	switch {
	case r.err != nil:
		return Claims{}, time.Time{}, fault.Wrap("googleauth.Verify", r.err)
	case err != nil:
		return Claims{}, time.Time{}, invalid(err)
	}
	var c struct {
		Email         string      `json:"email"`
		EmailVerified lenientBool `json:"email_verified"`
		Domain        string      `json:"hd"`
		NotBefore     float64     `json:"nbf"` // seconds
	}
	if err := t.Claims(&c); err != nil { // checkNames has checked them
		return Claims{}, time.Time{}, invalid(errors.New("claim of the wrong type"))
	}
	isIssuer := t.Issuer == v.issuer || v.issuer == string(Issuer) && "https://"+t.Issuer == v.issuer
	ahead := max(t.IssuedAt.Sub(v.now()), time.Unix(int64(c.NotBefore), 0).Sub(v.now()))
	switch {
	case t.Expiry.Before(v.now()):
		err = ErrTokenExpired
	case !isIssuer:
		err = fmt.Errorf("%w: %.100q", ErrTokenIssuer, t.Issuer)
	case t.Subject != "" && !subject.MatchString(t.Subject):
		err = errors.New("invalid sub")
	case len(t.Audience) != 1 || !slices.Contains(v.audiences, t.Audience[0]):
		err = &AudienceError{t.Audience}
	case ahead > leeway:
		err = fmt.Errorf("%w: this machine's clock is about %.0f minutes behind", ErrTokenInFuture,
			ahead.Round(time.Minute).Minutes())
	}
	if err != nil {
		return Claims{}, time.Time{}, invalid(err)
	}
	return Claims{
		Subject: t.Subject, Email: c.Email, EmailVerified: bool(c.EmailVerified), Domain: c.Domain, Nonce: t.Nonce,
	}, t.Expiry, nil
}

// checkNames checks the header and the claims of a compact JWT, before package oidc sees them: encoding/json would take
// SUB for sub, and the last of two (hashicorp/cap#191).
func checkNames(token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ErrInvalidJWT
	}
	for i, names := range []any{&headerNames{}, &claimNames{}} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || strictjson.Check(text, names) != nil {
			return ErrInvalidJWT
		}
	}
	return nil
}

// headerNames are the header parameters that package jose reads (RFC 7515, section 4.1).
type headerNames struct {
	Algorithm any `json:"alg"`
	KeyID     any `json:"kid"`
	Key       any `json:"jwk"`
	Type      any `json:"typ"`
	Critical  any `json:"crit"`
	Nonce     any `json:"nonce"`
}

// claimNames are the claims that package oidc and Verify read.
type claimNames struct {
	Issuer        any `json:"iss"`
	Subject       any `json:"sub"`
	Audience      any `json:"aud"`
	Expiry        any `json:"exp"`
	IssuedAt      any `json:"iat"`
	NotBefore     any `json:"nbf"`
	Nonce         any `json:"nonce"`
	Hash          any `json:"at_hash"`
	ClaimNames    any `json:"_claim_names"`
	Sources       any `json:"_claim_sources"`
	Email         any `json:"email"`
	EmailVerified any `json:"email_verified"`
	Domain        any `json:"hd"`
}

func invalid(err error) error {
	return &fault.Error{Op: "googleauth.Verify", Kind: fault.Unauthenticated, Err: err}
}

// lenientBool is a boolean that Google sometimes encodes as a string.
type lenientBool bool

// UnmarshalJSON implements json.Unmarshaler.
func (l *lenientBool) UnmarshalJSON(b []byte) error {
	*l = string(b) == "true" || string(b) == `"true"`
	return nil
}
