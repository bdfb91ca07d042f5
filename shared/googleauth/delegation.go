package googleauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	"google.golang.org/api/googleapi"
	iamcredentials "google.golang.org/api/iamcredentials/v1"
	"google.golang.org/api/option"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// Why a service account may not act for a person, for errors.Is
// (oauth-admin.md 5.1).
var (
	// ErrTokenCreator: who runs Deputy may not sign as the service account.
	ErrTokenCreator = errors.New("no roles/iam.serviceAccountTokenCreator on the delegating service account, or the IAM Service Account Credentials API is off")
	// ErrNotDelegated: the Admin console delegates none of the scopes.
	ErrNotDelegated = errors.New("domain-wide delegation is not granted to the service account's unique id")
	// ErrScopeNotListed: the Admin console delegates some of the scopes only.
	ErrScopeNotListed = errors.New("domain-wide delegation does not list a scope")
	// ErrUnknownPerson: no active account of the organization has the address.
	ErrUnknownPerson = errors.New("no such account")
	// ErrDelegationPolicy: a policy of the organization forbids it.
	ErrDelegationPolicy = errors.New("a policy of the organization forbids it")
)

const (
	// assertionAudience is who the assertion is for, wherever it is sent.
	assertionAudience = "https://oauth2.googleapis.com/token"
	assertionLife     = time.Hour // the most that the token endpoint takes

	delegationTime  = 15 * time.Second // signing and exchange, with their repetitions
	delegationSpare = 5 * time.Minute  // before its end a token counts as expired
	delegationCache = 1_000            // of person and scopes; under 1 KB each
)

var delegationTries = googlecall.Policy{Tries: 3, Each: 6 * time.Second}

// Delegation gives access tokens for people of an organization whose
// administrator delegates that to a service account (domain-wide delegation).
// There is no key: IAM signs. It is safe for concurrent use.
type Delegation struct {
	name   string // projects/-/serviceAccounts/{account}
	sign   *iamcredentials.Service
	token  string
	http   *http.Client
	now    func() time.Time
	known  *lru.Cache[string, delegated]
	flight singleflight.Group
}

type delegated struct {
	token   config.Secret
	expires time.Time
}

// NewDelegation is the delegation to account (the e-mail address of a service
// account). The token endpoint is called over base, IAM with the options:
// without any it is Google's, with the credentials of where this runs.
func NewDelegation(ctx context.Context, account string, at Endpoints, base http.RoundTripper, now func() time.Time, options ...option.ClientOption) (*Delegation, error) {
	sign, err := iamcredentials.NewService(ctx, options...)
	if err != nil {
		return nil, &fault.Error{Op: "googleauth.NewDelegation", Kind: fault.Unavailable, Err: err}
	}
	known, err := lru.New[string, delegated](delegationCache)
	if err != nil {
		return nil, fault.Wrap("googleauth.NewDelegation", err) // only for a size below one
	}
	return &Delegation{name: "projects/-/serviceAccounts/" + account, sign: sign, token: at.Token, http: withoutRedirects(base), now: now, known: known}, nil
}

// Token is an access token for a person, named by their primary e-mail
// address, and exactly these scopes. It lasts for five minutes at least. One
// flight serves all who wait for the same.
func (d *Delegation) Token(ctx context.Context, email string, scopes []string) (config.Secret, error) {
	scopes = Scopes(scopes)
	key := email + " " + strings.Join(scopes, " ")
	if known, ok := d.known.Get(key); ok && d.now().Add(delegationSpare).Before(known.expires) {
		return known.token, nil
	}
	// One who gives up waiting must not spoil it for the others.
	shared := context.WithoutCancel(ctx)
	flight := d.flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(shared, delegationTime)
		defer cancel()
		var t delegated
		err := fault.Catch(func() (err error) {
			t, err = d.mint(ctx, email, scopes)
			if errors.Is(err, ErrNotDelegated) {
				err = d.which(ctx, email, scopes, err)
			}
			if err == nil {
				d.known.Add(key, t)
			}
			return err
		})
		return t.token, err
	})
	select {
	case r := <-flight:
		token, _ := r.Val.(config.Secret)
		return token, fault.Wrap("googleauth.Delegation", r.Err)
	case <-ctx.Done():
		return config.Secret{}, &fault.Error{Op: "googleauth.Delegation", Kind: fault.Unavailable, Public: words.ErrorGoogleSlow, Err: ctx.Err()}
	}
}

// Discard drops a token that an API has refused.
func (d *Delegation) Discard(email string, scopes []string) {
	d.known.Remove(email + " " + strings.Join(Scopes(scopes), " "))
}

// which tells apart what Google does not: nothing delegated, and some of the
// scopes.
func (d *Delegation) which(ctx context.Context, email string, scopes []string, refused error) error {
	var absent []string
	for _, s := range scopes {
		if _, err := d.mint(ctx, email, []string{s}); errors.Is(err, ErrNotDelegated) {
			absent = append(absent, s)
		}
	}
	if len(absent) == 0 || len(absent) == len(scopes) {
		return refused
	}
	return notListed(absent)
}

func notListed(scopes []string) error {
	return &fault.Error{
		Op: "googleauth.Delegation", Kind: fault.Denied, Err: fmt.Errorf("%w: %s", ErrScopeNotListed, strings.Join(scopes, " ")),
		Public: i18n.English("Your organization delegates to Deputy, but not this: %s. An administrator adds it in the Admin console, under Security, API controls, Domain-wide delegation."), Args: []any{strings.Join(scopes, ", ")},
	}
}

// mint signs an assertion and trades it for an access token (RFC 7523).
func (d *Delegation) mint(ctx context.Context, email string, scopes []string) (delegated, error) {
	now := d.now()
	assertion, err := d.signed(ctx, map[string]any{
		"iss": d.account(), "sub": email, "scope": strings.Join(scopes, " "), "aud": assertionAudience, "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return delegated{}, err
	}
	var out delegated
	err = delegationTries.Do(ctx, laterGrant, func(ctx context.Context) (err error) {
		out, err = d.exchange(ctx, assertion)
		return err
	})
	return out, refusedGrant(err, scopes)
}

func (d *Delegation) account() string {
	return strings.TrimPrefix(d.name, "projects/-/serviceAccounts/")
}

// Own is a token of the service account itself for an API of Google's that
// takes signed JWTs in place of access tokens; audience names the API (RFC
// 7519; oauth-admin.md 3.1).
func (d *Delegation) Own(ctx context.Context, audience string) (config.Secret, error) {
	now := d.now()
	token, err := d.signed(ctx, map[string]any{"iss": d.account(), "sub": d.account(), "aud": audience, "iat": now.Unix(), "exp": now.Add(assertionLife).Unix()})
	return token, fault.Wrap("googleauth.Own", err)
}

// signed lets IAM sign claims as the service account.
func (d *Delegation) signed(ctx context.Context, claims map[string]any) (config.Secret, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return config.Secret{}, fault.Wrap("googleauth.Delegation", err)
	}
	call := d.sign.Projects.ServiceAccounts.SignJwt(d.name, &iamcredentials.SignJwtRequest{Payload: string(payload)})
	var signed *iamcredentials.SignJwtResponse
	err = delegationTries.Do(ctx, laterAPI, func(ctx context.Context) (err error) {
		signed, err = call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return config.Secret{}, signing(err)
	}
	return config.NewSecret(signed.SignedJwt), nil
}

// grantRefused is an answer of the token endpoint that gives no token.
type grantRefused struct {
	status            int
	code, description string
}

func (g *grantRefused) Error() string { return fmt.Sprintf("status %d %.40q", g.status, g.code) }

func (d *Delegation) exchange(ctx context.Context, assertion config.Secret) (delegated, error) {
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion.Reveal()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.token, strings.NewReader(form.Encode()))
	if err != nil {
		return delegated{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := d.http.Do(req)
	if err != nil {
		return delegated{}, err
	}
	defer func() { _ = res.Body.Close() }()
	var body struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	err = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&body)
	switch {
	case res.StatusCode != http.StatusOK:
		return delegated{}, &grantRefused{res.StatusCode, body.Error, body.Description}
	case err != nil || body.AccessToken == "":
		return delegated{}, errors.New("an answer that cannot be read")
	}
	return delegated{config.NewSecret(body.AccessToken), d.now().Add(time.Duration(body.ExpiresIn) * time.Second)}, nil
}

func laterGrant(err error) (time.Duration, bool) {
	refusal, ok := errors.AsType[*grantRefused](err)
	return 0, !ok || passing(refusal.status)
}

func laterAPI(err error) (time.Duration, bool) {
	refusal, ok := errors.AsType[*googleapi.Error](err)
	return 0, !ok || passing(refusal.Code)
}

// signing turns an error of IAM into a fault.
func signing(err error) error {
	refusal, ok := errors.AsType[*googleapi.Error](err)
	f := &fault.Error{Op: "googleauth.sign", Kind: fault.Unavailable, Public: words.ErrorGoogleSilent, Err: withoutBody(err)}
	switch {
	case !ok:
	case passing(refusal.Code):
		f.Err = fmt.Errorf("IAM: status %d", refusal.Code)
	default: // 403, or 404 for an account that is not there
		f.Public, f.Err = words.ErrorSetUpBroken, fmt.Errorf("%w (status %d)", ErrTokenCreator, refusal.Code)
	}
	return f
}

// refusedGrant turns a refusal of the token endpoint into a fault. The
// description decides only where Google has one code for two things.
func refusedGrant(err error, scopes []string) error {
	if err == nil {
		return nil
	}
	f := &fault.Error{Op: "googleauth.Delegation", Kind: fault.Unavailable, Public: words.ErrorGoogleSilent}
	refusal, ok := errors.AsType[*grantRefused](err)
	if !ok {
		f.Err = withoutBody(err)
		return f
	}
	f.Err = refusal
	ours := strings.Contains(refusal.description, "JWT") // the assertion itself: our clock, or the account
	switch code := refusal.code; {
	case passing(refusal.status):
	case code == "unauthorized_client":
		f.Kind, f.Err = fault.Denied, fmt.Errorf("%w: %s", ErrNotDelegated, strings.Join(scopes, " "))
		f.Public = i18n.English("Your organization does not delegate this to Deputy: an administrator adds its service account in the Admin console, under Security, API controls, Domain-wide delegation, with these scopes: %s. It can take a day to count.")
		f.Args = []any{strings.Join(scopes, ", ")}
	case code == "access_denied", code == "invalid_scope":
		return notListed(scopes)
	case slices.Contains([]string{"invalid_grant", "invalid_request"}, code) && !ours:
		f.Kind, f.Err = fault.NotFound, ErrUnknownPerson
		f.Public = i18n.English("Google knows no active account with that primary address in your organization.")
	case code == "admin_policy_enforced", code == "org_internal":
		f.Kind, f.Public, f.Err = fault.Denied, words.ErrorAdminPolicy, fmt.Errorf("%w: %s", ErrDelegationPolicy, code)
	default:
		f.Public = words.ErrorSetUpBroken
	}
	return f
}
