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

// InvitationLife is how long a link can be opened.
const InvitationLife = 24 * time.Hour

const returnLife = time.Hour

// invitation is the content of the sealed link. It is not stored.
type invitation struct {
	Person       resource.Person `json:"p,omitempty"`
	Email        string          `json:"m,omitempty"` // instead of Person
	Capabilities []string        `json:"c"`
	Optional     []string        `json:"l,omitempty"` // asked for, too, but the person may leave it unselected
	Choice       bool            `json:"h,omitempty"` // the person chooses between this and everything
	ForceConsent bool            `json:"f,omitempty"`
	Caller       string          `json:"s,omitempty"` // the caller to approve
	Actions      []string        `json:"o,omitempty"`
	Authority    vault.Authority `json:"a,omitempty"`
	Request      string          `json:"q,omitempty"` // ID of the operation that asks for the approval
	Back         string          `json:"b,omitempty"` // the caller's return address
	ReturnTo     string          `json:"r,omitempty"`
	ReturnUntil  time.Time       `json:"u"`
	Until        time.Time       `json:"e"`
	Padding      string          `json:"x,omitempty"` // makes all invitations the same size
}

// invitationSize is the size of an unsealed invitation in bytes. It is constant so that a link's length reveals
// nothing about the person. Only with a completion URL may it be larger, and only Chat receives those links.
const invitationSize = 1536

func (i invitation) marshalPadded() ([]byte, error) {
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

// returnTarget is where Chat wants the browser to return to after a consent. The address is a secret: opening it
// makes Chat repeat the person's command.
type returnTarget struct {
	address config.Secret
	until   time.Time // one hour after Chat's event
}

// Invite returns a link that asks one person, users/{sub} or a verified email address, to connect for some
// capabilities. Only that person can use it. completion is the completion URL of a verified event, or empty.
func (f *Flow) Invite(
	ctx context.Context, named resource.Named, completion config.Secret, capabilities ...capability.Capability,
) (config.Secret, error) {
	return f.invite(ctx, named, returnTarget{completion, f.now().Add(returnLife)},
		invitation{Capabilities: capability.Names(capabilities)})
}

// Wish is what a person in Chat is asked for.
type Wish struct {
	Needed   []capability.Capability // by the command
	Optional []capability.Capability // by its buttons and usual next steps
	// Connected says that the person has a grant, to which this adds. Others choose between this and everything.
	Connected bool
	// Completion is the completion URL of the event, or empty.
	Completion config.Secret
}

// InviteInChat returns a link that asks a person in Chat for what a command needs.
func (f *Flow) InviteInChat(ctx context.Context, person resource.Person, w Wish) (config.Secret, error) {
	return f.invite(ctx, resource.Named(person), returnTarget{w.Completion, f.now().Add(returnLife)}, invitation{
		Capabilities: capability.Names(w.Needed), Optional: capability.Names(w.Optional),
		Choice: !w.Connected, ForceConsent: w.Connected,
	})
}

// ApprovalRequest is what another system wants to do as a person, who has to approve it.
type ApprovalRequest struct {
	Caller    string // the ID that the operator chose
	Actions   []string
	Authority vault.Authority
	Request   string // ID of the operation that keeps the answer; empty for none
	Back      string // address of the caller's that the last page links to; empty for none
}

// InviteToApprove is Invite, followed by a question: whether another system may act as the person.
func (f *Flow) InviteToApprove(
	ctx context.Context, named resource.Named, w ApprovalRequest, capabilities ...capability.Capability,
) (config.Secret, error) {
	return f.invite(ctx, named, returnTarget{}, invitation{
		Capabilities: capability.Names(capabilities),
		Caller:       w.Caller, Actions: w.Actions, Authority: w.Authority, Request: w.Request, Back: w.Back,
	})
}

// invite seals an invitation for a person.
func (f *Flow) invite(
	ctx context.Context, named resource.Named, target returnTarget, inv invitation,
) (config.Secret, error) {
	inv.Until = f.now().Add(InvitationLife)
	if person, byID := named.Person(); byID {
		inv.Person = person
	} else {
		inv.Email = address.Lower(string(named))
	}
	switch {
	case target.address.Empty():
	case f.isReturnAllowed(target.address.Reveal()):
		inv.ReturnTo, inv.ReturnUntil = target.address.Reveal(), target.until
	default:
		f.alarm(ctx, "ignored a completion URL that is not Google Chat's", resource.Person(named),
			errors.New("origin not allowed"))
	}
	text, err := inv.marshalPadded()
	if err != nil {
		return config.Secret{}, fault.Wrap("consent.Invite", err)
	}
	sealed, err := f.deps.Keys.Seal(text, seal.Place{Purpose: "invitation"})
	if err != nil {
		return config.Secret{}, fault.Wrap("consent.Invite", err)
	}
	return config.NewSecret(f.deps.Address + "/start?invitation=" + base64.RawURLEncoding.EncodeToString(sealed)), nil
}

// openInvitation decrypts an invitation from a link. One that does not open is reported as expired and raises no
// alarm, even for an unknown key: anyone can send any text.
func (f *Flow) openInvitation(text config.Secret) (invitation, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text.Reveal())
	if err != nil {
		return invitation{}, newRefusal(LinkExpired, errors.New("not base64url"))
	}
	plain, err := f.deps.Keys.Open(sealed, seal.Place{Purpose: "invitation"})
	if err != nil {
		return invitation{}, newRefusal(LinkExpired, err)
	}
	var inv invitation
	if err := json.Unmarshal(plain, &inv); err != nil {
		return invitation{}, fault.Wrap("consent.openInvitation", err)
	}
	if !f.now().Before(inv.Until) {
		return invitation{}, newRefusal(LinkExpired, errors.New("older than a day"))
	}
	if !f.now().Before(inv.ReturnUntil) {
		inv.ReturnTo = ""
	}
	return inv, nil
}

// isReturnAllowed prevents an open redirect after the consent: the address must have one of returnOrigins.
func (f *Flow) isReturnAllowed(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.User == nil && slices.Contains(f.returnOrigins, u.Scheme+"://"+u.Host)
}
