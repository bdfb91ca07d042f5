package userauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault"
)

// Start begins a consent from an invitation, in the browser that holds this
// cookie, and gives Google's address to send it to. A link that does not open
// is a Refusal.
func (a *Auth) Start(ctx context.Context, link, browser config.Secret) (config.Secret, error) {
	inv, err := a.open(ctx, link)
	if err != nil {
		return "", err
	}
	var g vault.Grant
	ok := false
	known := inv.Person
	if known == "" {
		if known, err = a.Find(ctx, inv.Email); err != nil && fault.KindOf(err) != fault.NotFound {
			return "", fault.Wrap("userauth.Start", err)
		}
	}
	if known != "" {
		if g, ok, err = a.grantNow(ctx, known); err != nil {
			return "", fault.Wrap("userauth.Start", err)
		}
	}
	capabilities := fromNames(inv.Capabilities)
	state, verifier := config.Secret(oauth2.GenerateVerifier()), config.Secret(oauth2.GenerateVerifier())
	nonce := rand.Text()
	err = a.Vault.CreatePending(ctx, state, vault.Pending{
		Person: inv.Person, Email: inv.Email, Capabilities: inv.Capabilities, Purpose: purposeConnect, Caller: inv.Caller, Operations: inv.Operations, Authority: inv.Authority,
		Verifier: verifier, Nonce: nonce, Browser: browserHash(browser),
		ReturnTo: config.Secret(inv.ReturnTo), ReturnUntil: inv.ReturnUntil,
	})
	if err != nil {
		return "", fault.Wrap("userauth.Start", err)
	}
	hint := cmp.Or(inv.Email, strings.TrimPrefix(inv.Person, "users/"))
	if ok && g.Email != "" {
		hint = g.Email.Reveal()
	}
	return config.Secret(a.Google.AuthorizationURL(googleauth.Authorization{
		State: state, Verifier: verifier, Nonce: nonce, Scopes: scopesFor(capabilities), LoginHint: hint,
		// Otherwise Google may send no refresh token: see design stop 7.
		Consent: !ok || g.SignIn || len(missing(capabilities, g.Scopes)) > 0,
	})), nil
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
func (a *Auth) take(ctx context.Context, state, browser config.Secret) (vault.Pending, error) {
	return a.takeFor(ctx, purposeConnect, state, browser)
}

func (a *Auth) takeFor(ctx context.Context, purpose string, state, browser config.Secret) (vault.Pending, error) {
	p, err := a.Vault.TakePending(ctx, state, browserHash(browser))
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
	return p, fault.Wrap("userauth.takeFor", err)
}

// returnOf is where a taken consent may still return to.
func (a *Auth) returnOf(p vault.Pending) ReturnTo {
	if !a.Now().Before(p.ReturnUntil) || !a.mayReturn(p.ReturnTo.Reveal()) {
		return ReturnTo{}
	}
	return ReturnTo{p.ReturnTo, p.ReturnUntil}
}
