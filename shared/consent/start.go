package consent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

// Choice is what a person chooses between before Google's consent page.
type Choice struct {
	Needed []capability.Capability // by the command, its buttons and its usual next steps
	More   []capability.Capability // what else Deputy can do in Chat
}

// Choice returns what the person of an invitation chooses between, or nil if there is no choice.
func (f *Flow) Choice(link config.Secret) (*Choice, error) {
	inv, err := f.openInvitation(link)
	if err != nil || !inv.Choice {
		return nil, err
	}
	needed := capability.FromNames(append(inv.Capabilities, inv.Optional...))
	isNeeded := func(c capability.Capability) bool { return slices.Contains(needed, c) }
	isMore := func(c capability.Capability) bool { return !isNeeded(c) }
	return &Choice{slices.DeleteFunc(capability.All(), isMore), slices.DeleteFunc(capability.InChat(), isNeeded)}, nil
}

// Start starts the consent of an invitation in the browser with this cookie and returns Google's URL for it, or a
// Refusal. everything asks for all that Deputy can do in Chat, if the invitation offers it. Start doesn't read the
// person's grant, so that opening a link does not reveal who is connected.
func (f *Flow) Start(ctx context.Context, link, browser config.Secret, everything bool) (config.Secret, error) {
	inv, err := f.openInvitation(link)
	if err != nil {
		return config.Secret{}, err
	}
	seed := link.Reveal()
	if everything && inv.Choice {
		seed += " everything"
		isNeeded := func(c capability.Capability) bool { return slices.Contains(inv.Capabilities, string(c)) }
		inv.Optional = capability.Names(slices.DeleteFunc(capability.InChat(), isNeeded))
	}
	hint := cmp.Or(inv.Email, strings.TrimPrefix(string(inv.Person), "users/"))
	return f.begin(ctx, seed, hint, vault.Pending{
		Browser: hashCookie(browser), Person: inv.Person, Email: inv.Email,
		Capabilities: append(inv.Capabilities, inv.Optional...), Optional: inv.Optional,
		Purpose: purposeConnect, ForceConsent: inv.ForceConsent,
		Caller: inv.Caller, Actions: inv.Actions, Authority: inv.Authority, Request: inv.Request, Back: inv.Back,
		ReturnTo: config.NewSecret(inv.ReturnTo), ReturnUntil: inv.ReturnUntil,
	})
}

// maxConsents is how many consents one link can start in one browser, one after the other.
const maxConsents = 8

// begin stores a pending consent and returns Google's URL for it. State, verifier and nonce are derived from the
// seed and p.Browser. A browser that opens a link repeatedly therefore has one pending consent, until it is used.
func (f *Flow) begin(ctx context.Context, seed, hint string, p vault.Pending) (config.Secret, error) {
	for n := range maxConsents {
		state, stateErr := f.derive("state", seed, p.Browser, n)
		verifier, verifierErr := f.derive("verifier", seed, p.Browser, n)
		nonce, nonceErr := f.derive("nonce", seed, p.Browser, n)
		if err := errors.Join(stateErr, verifierErr, nonceErr); err != nil {
			return config.Secret{}, fault.Wrap("consent.begin", err)
		}
		p.Verifier, p.Nonce = verifier, nonce.Reveal()
		err := f.vault.CreatePending(ctx, state, p)
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
			State: state, Verifier: verifier, Nonce: p.Nonce, LoginHint: hint, PromptConsent: p.ForceConsent,
			Scopes: capability.Scopes(capability.FromNames(p.Capabilities)...),
		})), nil
	}
	return config.Secret{}, newRefusal(LinkExpired, errors.New("started too often in this browser"))
}

func (f *Flow) derive(name, seed string, browser []byte, n int) (config.Secret, error) {
	code, err := f.deps.Keys.MAC("consent "+name, seed, string(browser), strconv.Itoa(n))
	return config.NewSecret(base64.RawURLEncoding.EncodeToString(code)), err
}

// The purposes of pending records.
const (
	purposeConnect = "connect"
	purposeApprove = "approve"
)

func hashCookie(cookie config.Secret) []byte {
	sum := sha256.Sum256([]byte(cookie.Reveal()))
	return sum[:]
}

func hashCookies(cookies []config.Secret) [][]byte {
	hashes := make([][]byte, len(cookies))
	for i, c := range cookies {
		hashes[i] = hashCookie(c)
	}
	return hashes
}

func (f *Flow) takePending(ctx context.Context, state config.Secret, cookies []config.Secret) (vault.Pending, error) {
	p, err := f.vault.TakePending(ctx, state, hashCookies(cookies)...)
	return p, f.pendingError(ctx, err)
}

// pendingError returns the Refusal of a pending consent that the vault does not give.
func (f *Flow) pendingError(ctx context.Context, err error) error {
	if errors.Is(err, seal.ErrNotAuthentic) {
		f.alarm(ctx, "a pending consent does not open", "", err)
	}
	for cause, reason := range map[error]Reason{
		vault.ErrExpired: LinkExpired, vault.ErrUsed: LinkUsed, vault.ErrOtherBrowser: OtherBrowser,
	} {
		if errors.Is(err, cause) {
			return newRefusal(reason, cause)
		}
	}
	return fault.Wrap("consent", err)
}

// validReturn returns where a pending consent may still return to.
func (f *Flow) validReturn(p vault.Pending) returnTarget {
	if !f.now().Before(p.ReturnUntil) || !f.isReturnAllowed(p.ReturnTo.Reveal()) {
		return returnTarget{}
	}
	return returnTarget{p.ReturnTo, p.ReturnUntil}
}
