package googleauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"google.golang.org/api/googleapi"
	iamcredentials "google.golang.org/api/iamcredentials/v1"
	"google.golang.org/api/option"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// Errors of Delegation.Token, for errors.Is (identity/protocols/oauth2/service-account).
var (
	ErrTokenCreator = errors.New("no roles/iam.serviceAccountTokenCreator on the delegating service account, " +
		"or the IAM Service Account Credentials API is disabled")
	ErrNotDelegated     = errors.New("no domain-wide delegation for the service account's unique ID") // of any scope
	ErrScopeNotListed   = errors.New("domain-wide delegation does not list a scope")
	ErrUnknownPerson    = errors.New("no active account with this address")
	ErrDelegationPolicy = errors.New("forbidden by an organization policy")
)

const (
	// assertionAudience is fixed, even if the assertion is sent to an emulator.
	assertionAudience = "https://oauth2.googleapis.com/token"
	assertionLifetime = time.Hour // the maximum at the token endpoint

	delegationTimeout = 15 * time.Second // signing and exchange, with retries
	minTokenLifetime  = 5 * time.Minute  // a token with less time left is replaced
	tokenCacheSize    = 1_000            // entries per person and scopes; under 1 KB each

	addScopes = "An administrator adds them in the Admin console, under Security, API controls, Domain-wide delegation"
)

var delegationRetry = googlecall.Policy{Attempts: 3, AttemptTimeout: 6 * time.Second}

// Delegation provides access tokens for the people of an organization by domain-wide delegation to a
// service account. It needs no key, because IAM signs the assertions. It is safe for concurrent use.
type Delegation struct {
	account  string // email address
	iam      *iamcredentials.Service
	tokenURL string
	http     *http.Client
	now      func() time.Time
	cache    *lru.Cache[string, tokenEntry]
	flight   fault.Flight[config.Secret]
}

type tokenEntry struct {
	token   config.Secret
	expires time.Time
}

// NewDelegation returns a Delegation to account, a service account's email address. It calls the token endpoint over
// base, and IAM with options. Without options it uses Google's service and the application default credentials.
func NewDelegation(
	ctx context.Context, account string, endpoints Endpoints, base http.RoundTripper, now func() time.Time,
	options ...option.ClientOption,
) (*Delegation, error) {
	scopes := []string{iamcredentials.CloudPlatformScope}
	options, err := googlecall.OwnOptions("https://iamcredentials.googleapis.com/", scopes, options...)
	if err != nil {
		return nil, fault.Wrap("googleauth.NewDelegation", err)
	}
	iam, err := iamcredentials.NewService(ctx, options...)
	if err != nil {
		return nil, &fault.Error{Op: "googleauth.NewDelegation", Kind: fault.Unavailable, Err: err}
	}
	cache, err := lru.New[string, tokenEntry](tokenCacheSize)
	if err != nil {
		return nil, fault.Wrap("googleauth.NewDelegation", err) // only for a size below one
	}
	return &Delegation{
		account: account, iam: iam, tokenURL: endpoints.Token,
		http: withoutRedirects(base), now: now, cache: cache,
	}, nil
}

// Token returns an access token for a person, named by primary email address, with exactly these scopes. The token is
// valid for at least five minutes. Concurrent calls for the same token share one request.
func (d *Delegation) Token(ctx context.Context, email string, scopes []string) (config.Secret, error) {
	scopes = NormalizeScopes(scopes)
	key := email + " " + strings.Join(scopes, " ")
	mint := func(ctx context.Context) (config.Secret, error) {
		t, ok := d.cache.Get(key)
		if ok && d.now().Add(minTokenLifetime).Before(t.expires) {
			return t.token, nil
		}
		t, err := d.mint(ctx, email, scopes)
		if errors.Is(err, ErrNotDelegated) {
			err = d.findMissingScopes(ctx, email, scopes, err)
		}
		if err == nil {
			d.cache.Add(key, t)
		}
		return t.token, err
	}
	token, err := d.flight.Do(ctx, key, delegationTimeout, words.ErrorGoogleSlow, mint)
	return token, fault.Wrap("googleauth.Delegation", err)
}

// Discard removes a token that an API rejected from the cache.
func (d *Delegation) Discard(email string, scopes []string) {
	d.cache.Remove(email + " " + strings.Join(NormalizeScopes(scopes), " "))
}

// findMissingScopes requests each scope alone and returns an error that lists the scopes
// that are not delegated. It returns cause if that is all of them or none.
func (d *Delegation) findMissingScopes(ctx context.Context, email string, scopes []string, cause error) error {
	var missing []string
	for _, s := range scopes {
		if _, err := d.mint(ctx, email, []string{s}); errors.Is(err, ErrNotDelegated) {
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 || len(missing) == len(scopes) {
		return cause
	}
	return scopesNotListed(missing)
}

func scopesNotListed(scopes []string) error {
	return &fault.Error{
		Op: "googleauth.Delegation", Kind: fault.Denied,
		Err:    fmt.Errorf("%w: %s", ErrScopeNotListed, strings.Join(scopes, " ")),
		Public: i18n.English("Your organization doesn't delegate these scopes to Deputy: %s. " + addScopes + "."),
		Args:   []any{strings.Join(scopes, ", ")},
	}
}

// mint signs an assertion and exchanges it for an access token (RFC 7523).
func (d *Delegation) mint(ctx context.Context, email string, scopes []string) (tokenEntry, error) {
	assertion, err := d.signJWT(ctx, map[string]any{
		"sub": email, "scope": strings.Join(scopes, " "), "aud": assertionAudience,
	})
	if err != nil {
		return tokenEntry{}, err
	}
	var out tokenEntry
	err = delegationRetry.Do(ctx, retryGrant, func(ctx context.Context) (err error) {
		out, err = d.exchange(ctx, assertion)
		return err
	})
	return out, grantFault(err, scopes)
}

// AccountToken returns a JWT for the service account itself. A Google API accepts it instead of an
// access token if audience names that API (RFC 7519; identity/protocols/risc).
func (d *Delegation) AccountToken(ctx context.Context, audience string) (config.Secret, error) {
	token, err := d.signJWT(ctx, map[string]any{"sub": d.account, "aud": audience})
	return token, fault.Wrap("googleauth.AccountToken", err)
}

// signJWT adds issuer and times to claims and signs them as the service account through IAM.
func (d *Delegation) signJWT(ctx context.Context, claims map[string]any) (config.Secret, error) {
	now := d.now()
	claims["iss"], claims["iat"], claims["exp"] = d.account, now.Unix(), now.Add(assertionLifetime).Unix()
	payload, err := json.Marshal(claims)
	if err != nil {
		return config.Secret{}, fault.Wrap("googleauth.Delegation", err)
	}
	call := d.iam.Projects.ServiceAccounts.SignJwt("projects/-/serviceAccounts/"+d.account,
		&iamcredentials.SignJwtRequest{Payload: string(payload)})
	var signed *iamcredentials.SignJwtResponse
	err = delegationRetry.Do(ctx, retryAPI, func(ctx context.Context) (err error) {
		signed, err = call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return config.Secret{}, signFault(err)
	}
	return config.NewSecret(signed.SignedJwt), nil
}

// grantError is an error response of the token endpoint (RFC 6749, 5.2).
type grantError struct {
	status            int
	code, description string
}

func (e *grantError) Error() string { return fmt.Sprintf("status %d %.40q", e.status, e.code) }

func (d *Delegation) exchange(ctx context.Context, assertion config.Secret) (tokenEntry, error) {
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion.Reveal()}}
	var body struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	status, err := postForm(ctx, d.http, d.tokenURL, form, &body)
	switch {
	case status == 0:
		return tokenEntry{}, err
	case status != http.StatusOK:
		return tokenEntry{}, &grantError{status, body.Error, body.Description}
	case err != nil || body.AccessToken == "":
		return tokenEntry{}, errors.New("unreadable response")
	}
	return tokenEntry{config.NewSecret(body.AccessToken), d.now().Add(time.Duration(body.ExpiresIn) * time.Second)}, nil
}

func retryGrant(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*grantError](err)
	return 0, !ok || isTransientAnswer(e.status, e.code)
}

func retryAPI(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*googleapi.Error](err)
	return 0, !ok || isTransient(e.Code)
}

func signFault(err error) error {
	e, ok := errors.AsType[*googleapi.Error](err)
	f := &fault.Error{
		Op: "googleauth.signFault", Kind: fault.Unavailable, Public: words.ErrorGoogleSilent,
		Err: withoutBody(err),
	}
	switch {
	case !ok:
	case isTransient(e.Code):
		f.Err = fmt.Errorf("IAM: status %d", e.Code)
	default: // 403, or 404 for an unknown account
		f.Public, f.Err = words.ErrorSetUpBroken, fmt.Errorf("%w (status %d)", ErrTokenCreator, e.Code)
	}
	return f
}

// grantFault converts an error of the token endpoint to a fault. It uses the description
// only where Google has one code for two errors.
func grantFault(err error, scopes []string) error {
	if err == nil {
		return nil
	}
	f := &fault.Error{Op: "googleauth.Delegation", Kind: fault.Unavailable, Public: words.ErrorGoogleSilent}
	e, ok := errors.AsType[*grantError](err)
	if !ok {
		f.Err = withoutBody(err)
		return f
	}
	f.Err = e
	badAssertion := strings.Contains(e.description, "JWT") // a wrong clock, or a wrong service account
	switch code := e.code; {
	case isTransientAnswer(e.status, e.code):
	case code == "unauthorized_client":
		f.Kind, f.Err = fault.Denied, fmt.Errorf("%w: %s", ErrNotDelegated, strings.Join(scopes, " "))
		f.Public = i18n.English("Your organization doesn't delegate these scopes to Deputy: %s. " +
			addScopes + "; changes can take up to a day.")
		f.Args = []any{strings.Join(scopes, ", ")}
	case code == "access_denied", code == "invalid_scope":
		return scopesNotListed(scopes)
	case slices.Contains([]string{"invalid_grant", "invalid_request"}, code) && !badAssertion:
		f.Kind, f.Err = fault.NotFound, ErrUnknownPerson
		f.Public = i18n.English("Your organization has no active account with that primary address.")
	case code == "admin_policy_enforced", code == "org_internal":
		f.Kind, f.Public, f.Err = fault.Denied, words.ErrorAdminPolicy, fmt.Errorf("%w: %s", ErrDelegationPolicy, code)
	default:
		f.Public = words.ErrorSetUpBroken
	}
	return f
}
