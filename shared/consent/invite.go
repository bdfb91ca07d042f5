package consent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

const (
	invitationLife = 24 * time.Hour
	returnLife     = time.Hour
)

// invitation is what the sealed link carries: nothing of it is stored.
type invitation struct {
	Person       resource.Person `json:"p,omitempty"`
	Email        string          `json:"m,omitempty"` // in place of Person
	Capabilities []string        `json:"c"`
	Caller       string          `json:"s,omitempty"` // that the person is to approve
	Actions      []string        `json:"o,omitempty"`
	Authority    vault.Authority `json:"a,omitempty"`
	ReturnTo     string          `json:"r,omitempty"`
	ReturnUntil  time.Time       `json:"u"`
	Until        time.Time       `json:"e"`
	Padding      string          `json:"x,omitempty"` // so that all have one size
}

// invitationSize is the size of an invitation before it is sealed, in bytes: by
// its length, nobody learns anything about the person. One with a completion
// address of Chat's is larger; Chat alone gets those.
const invitationSize = 1536

// padded is an invitation as JSON, at its size.
func (i invitation) padded() ([]byte, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return nil, err
	}
	const field = len(`,"x":""`)
	if short := invitationSize - len(text) - field; short > 0 {
		i.Padding = strings.Repeat("x", short)
		text, err = json.Marshal(i)
	}
	return text, err
}

// returnTo is where Chat wants the browser after a consent. Whoever opens it makes
// Chat repeat the person's command, so it is a secret.
type returnTo struct {
	address config.Secret
	until   time.Time // it counts for an hour from its event
}

// Invite is a link that asks one person to connect for some capabilities. It
// may be passed on: only that person can use it. who is users/{sub}, or a
// verified e-mail address when no more is known. back is the completion
// address of a verified event, or empty.
func (f *Flow) Invite(ctx context.Context, who resource.Named, back config.Secret, capabilities ...capability.Capability) (config.Secret, error) {
	return f.invite(ctx, who, returnTo{back, f.now().Add(returnLife)}, capabilities, Wish{})
}

// Wish is what another system wants to do as a person, who has to approve it.
type Wish struct {
	Caller    string // the id that the operator chose
	Actions   []string
	Authority vault.Authority
}

// InviteToApprove is an Invite that asks, after the consent, for the person's
// approval of another system.
func (f *Flow) InviteToApprove(ctx context.Context, who resource.Named, w Wish, capabilities ...capability.Capability) (config.Secret, error) {
	return f.invite(ctx, who, returnTo{}, capabilities, w)
}

func (f *Flow) invite(ctx context.Context, who resource.Named, back returnTo, capabilities []capability.Capability, w Wish) (config.Secret, error) {
	inv := invitation{Capabilities: capability.Names(capabilities), Until: f.now().Add(invitationLife), Caller: w.Caller, Actions: w.Actions, Authority: w.Authority}
	if person, byID := who.Person(); byID {
		inv.Person = person
	} else {
		inv.Email = address.Lower(string(who))
	}
	switch {
	case back.address.Empty():
	case f.mayReturn(back.address.Reveal()):
		inv.ReturnTo, inv.ReturnUntil = back.address.Reveal(), back.until
	default:
		f.alarm(ctx, "a completion address is not Chat's and is left out", resource.Person(who), errors.New("not one of ReturnOrigins"))
	}
	text, err := inv.padded()
	if err != nil {
		return config.Secret{}, fault.Wrap("consent.Invite", err)
	}
	sealed, err := f.deps.Keys.Seal(text, seal.Place{Purpose: "invitation"})
	if err != nil {
		return config.Secret{}, fault.Wrap("consent.Invite", err)
	}
	return config.NewSecret(f.deps.Address + "/start?invitation=" + base64.RawURLEncoding.EncodeToString(sealed)), nil
}

// open reads an invitation from a link. Whatever does not open has expired:
// anybody can invent one, and even a key's id in it proves nothing.
func (f *Flow) open(text config.Secret) (invitation, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(text.Reveal())
	if err != nil {
		return invitation{}, refused(LinkExpired, errors.New("not a sealed text"))
	}
	plain, err := f.deps.Keys.Open(sealed, seal.Place{Purpose: "invitation"})
	if err != nil {
		return invitation{}, refused(LinkExpired, err)
	}
	var inv invitation
	if err := json.Unmarshal(plain, &inv); err != nil {
		return invitation{}, fault.Wrap("consent.open", err)
	}
	if !f.now().Before(inv.Until) {
		return invitation{}, refused(LinkExpired, errors.New("older than a day"))
	}
	if !f.now().Before(inv.ReturnUntil) {
		inv.ReturnTo = ""
	}
	return inv, nil
}

// mayReturn keeps the redirect after the consent from being sent anywhere
// else (an open redirect): the origin must be one of ours, to the letter.
func (f *Flow) mayReturn(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.User == nil && slices.Contains(f.returnOrigins, u.Scheme+"://"+u.Host)
}
