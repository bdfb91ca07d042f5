package consent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

// Start begins a consent from an invitation, in the browser that holds this
// cookie, and gives Google's address to send it to. A link that does not open
// is a Refusal. It asks nothing about the person: who opens a link must not learn
// who is connected.
func (f *Flow) Start(ctx context.Context, link, browser config.Secret) (config.Secret, error) {
	inv, err := f.open(link)
	if err != nil {
		return config.Secret{}, err
	}
	return f.begin(ctx, link.Reveal(), browser, cmp.Or(inv.Email, strings.TrimPrefix(string(inv.Person), "users/")), vault.Pending{
		Person: inv.Person, Email: inv.Email, Capabilities: inv.Capabilities, Purpose: purposeConnect, Caller: inv.Caller, Actions: inv.Actions, Authority: inv.Authority,
		ReturnTo: config.NewSecret(inv.ReturnTo), ReturnUntil: inv.ReturnUntil,
	})
}

// mostConsents is how often one link can be begun anew in one browser.
const mostConsents = 8

// begin stores a pending consent and gives Google's address for it. State,
// verifier and nonce are codes over the seed and the browser's cookie: however
// often a browser opens one link, there is one pending consent, until it is used.
func (f *Flow) begin(ctx context.Context, seed string, browser config.Secret, hint string, p vault.Pending) (config.Secret, error) {
	p.Browser = browserHash(browser)
	for n := range mostConsents {
		state, err := f.code("state", seed, browser, n)
		verifier, bad := f.code("verifier", seed, browser, n)
		nonce, worse := f.code("nonce", seed, browser, n)
		if err := errors.Join(err, bad, worse); err != nil {
			return config.Secret{}, fault.Wrap("consent.begin", err)
		}
		p.Verifier, p.Nonce = verifier, nonce.Reveal()
		err = f.vault.CreatePending(ctx, state, p)
		if err != nil && fault.KindOf(err) == fault.Conflict {
			_, err = f.vault.Pending(ctx, state, p.Browser)
		}
		if errors.Is(err, vault.ErrUsed) || errors.Is(err, vault.ErrExpired) {
			continue
		}
		if err != nil {
			return config.Secret{}, fault.Wrap("consent.begin", err)
		}
		return config.NewSecret(f.deps.Google.AuthorizationURL(googleauth.Authorization{
			State: state, Verifier: verifier, Nonce: p.Nonce, Scopes: capability.Scopes(capability.FromNames(p.Capabilities)...), LoginHint: hint, Consent: p.Again,
		})), nil
	}
	return config.Secret{}, refused(LinkExpired, errors.New("begun too often in this browser"))
}

func (f *Flow) code(what, seed string, browser config.Secret, n int) (config.Secret, error) {
	code, err := f.deps.Keys.Code("consent "+what, seed, browser.Reveal(), strconv.Itoa(n))
	return config.NewSecret(base64.RawURLEncoding.EncodeToString(code)), err
}

// What a pending record is for.
const (
	purposeConnect = "connect"
	purposeApprove = "approve"
)

// browserHash is what is kept of the browser's cookie.
func browserHash(cookie config.Secret) []byte {
	sum := sha256.Sum256([]byte(cookie.Reveal()))
	return sum[:]
}

// take is the pending consent of a callback, or a Refusal.
func (f *Flow) take(ctx context.Context, state, browser config.Secret) (vault.Pending, error) {
	return f.takeFor(ctx, purposeConnect, state, browser)
}

func (f *Flow) takeFor(ctx context.Context, purpose string, state, browser config.Secret) (vault.Pending, error) {
	p, err := f.vault.TakePending(ctx, state, browserHash(browser))
	if errors.Is(err, seal.ErrBroken) {
		f.alarm(ctx, "a pending consent does not open", "", err)
	}
	for why, reason := range map[error]Reason{
		vault.ErrExpired: LinkExpired, vault.ErrUsed: LinkUsed, vault.ErrOtherBrowser: OtherBrowser,
	} {
		if errors.Is(err, why) {
			return p, refused(reason, why)
		}
	}
	if err == nil && p.Purpose != purpose {
		return p, refused(LinkExpired, errors.New("a consent for another purpose"))
	}
	return p, fault.Wrap("consent.takeFor", err)
}

// returnOf is where a taken consent may still return to.
func (f *Flow) returnOf(p vault.Pending) returnTo {
	if !f.now().Before(p.ReturnUntil) || !f.mayReturn(p.ReturnTo.Reveal()) {
		return returnTo{}
	}
	return returnTo{p.ReturnTo, p.ReturnUntil}
}
