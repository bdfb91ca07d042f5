package googleauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"regexp"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	lru "github.com/hashicorp/golang-lru/v2"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Leeway is how far a signer's clock may run ahead of ours.
const Leeway = time.Minute

// Claims are what Deputy reads of a token that Google signed.
type Claims struct {
	Subject       string // never reused: the only key to a person
	Email         string // may change: for people to read
	EmailVerified bool
	Domain        string // hd: only for Workspace accounts
	Nonce         string
}

// Authoritative reports whether Google is the authority for Email: the address
// is of gmail.com, or of the Workspace organization whose account it is. Any
// other address only was the account holder's at some time.
// https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
func (c Claims) Authoritative() bool {
	domain := address.Domain(c.Email)
	return domain != "" && c.EmailVerified && (domain == "gmail.com" || domain == address.Lower(c.Domain))
}

// subject is the form of a sub: it becomes the id of records, so nothing else
// may be in it ("at most 255 ASCII characters", OpenID Connect Core, 2).
var subject = regexp.MustCompile(`^[A-Za-z0-9._|-]{1,255}$`)

const (
	// believed is how long a token that was verified counts as verified when
	// it comes again, and never past its end: a key that Google takes back
	// counts that much longer.
	believed      = 5 * time.Minute
	believedCache = 1_000 // tokens; some 300 bytes each
)

// Verifier checks RS256 tokens of one issuer for one audience. It is safe for
// concurrent use.
type Verifier struct {
	issuer string
	keys   *KeySet
	config oidc.Config
	now    func() time.Time
	known  *lru.Cache[[sha256.Size]byte, verified]
}

// verified is what a token was found to say, and until when that counts.
type verified struct {
	claims Claims
	until  time.Time
}

// NewVerifier checks tokens signed with keys. An empty audience is a mistake
// in the program: it would fit every token.
func NewVerifier(issuer IssuerURL, audience string, keys *KeySet, now func() time.Time) *Verifier {
	if audience == "" {
		panic("googleauth.NewVerifier: empty audience")
	}
	known, err := lru.New[[sha256.Size]byte, verified](believedCache)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Verifier{
		issuer: string(issuer), keys: keys, now: now, known: known,
		config: oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256}, Now: now},
	}
}

// witness remembers why the keys refused, since oidc keeps only the text.
type witness struct {
	keys *KeySet
	err  error
}

func (w *witness) VerifySignature(ctx context.Context, jwt string) (payload []byte, err error) {
	payload, w.err = w.keys.VerifySignature(ctx, jwt)
	return payload, w.err
}

// Verify checks signature, issuer, audience and times of a compact JWT. A
// token that fails is Unauthenticated, with the failed check in the log; keys
// that cannot be had are Unavailable. Google's services send one token with many
// requests: one that was verified a moment ago is known again by its hash.
func (v *Verifier) Verify(ctx context.Context, token config.Secret) (Claims, error) {
	hash := sha256.Sum256([]byte(token.Reveal()))
	if before, ok := v.known.Get(hash); ok && v.now().Before(before.until) {
		return before.claims, nil
	}
	claims, expiry, err := v.verify(ctx, token)
	if err == nil {
		until := v.now().Add(believed)
		if expiry.Before(until) {
			until = expiry
		}
		v.known.Add(hash, verified{claims, until})
	}
	return claims, err
}

func (v *Verifier) verify(ctx context.Context, token config.Secret) (Claims, time.Time, error) {
	if len(token.Reveal()) > mostToken {
		return Claims{}, time.Time{}, refuse(ErrNoToken)
	}
	w := &witness{keys: v.keys}
	t, err := oidc.NewVerifier(v.issuer, w, &v.config).Verify(ctx, token.Reveal())
	switch {
	case w.err != nil:
		return Claims{}, time.Time{}, fault.Wrap("googleauth.Verify", w.err)
	case err != nil:
		return Claims{}, time.Time{}, refuse(err)
	case t.Subject != "" && !subject.MatchString(t.Subject):
		return Claims{}, time.Time{}, refuse(errors.New("a sub that no account of Google's has"))
	case len(t.Audience) != 1:
		return Claims{}, time.Time{}, refuse(errors.New("more than one audience"))
	case t.IssuedAt.After(v.now().Add(Leeway)):
		return Claims{}, time.Time{}, refuse(errors.New("issued in the future"))
	}
	var c struct {
		Email         string  `json:"email"`
		EmailVerified lenient `json:"email_verified"`
		Domain        string  `json:"hd"`
	}
	if err := t.Claims(&c); err != nil {
		return Claims{}, time.Time{}, refuse(errors.New("claims of the wrong type"))
	}
	return Claims{Subject: t.Subject, Email: c.Email, EmailVerified: bool(c.EmailVerified), Domain: c.Domain, Nonce: t.Nonce}, t.Expiry, nil
}

func refuse(err error) error {
	return &fault.Error{Op: "googleauth.Verify", Kind: fault.Unauthenticated, Err: err}
}

// lenient reads a boolean that Google sometimes writes as a string.
type lenient bool

// UnmarshalJSON implements json.Unmarshaler.
func (l *lenient) UnmarshalJSON(b []byte) error {
	*l = string(b) == "true" || string(b) == `"true"`
	return nil
}
