package createspace

import (
	"context"
	"slices"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// actor is as whom an act is done, with what does it by their authority.
type actor struct {
	person   string // users/{sub}, by delegation users/{e-mail address}
	known    string // users/{sub} in any case; empty for one who never connected
	home     string // their domain, as far as it is known
	source   string // for Google's requestId: the same for the same request
	try      operations.Try
	spaces   *spaces.Spaces
	meetings *meetings.Meetings
}

// actor is whom the caller names: if the file lets it do the act for them by this
// authority, then if they have approved that, then if they belong to whom it may
// act for. In this order, so that nobody learns who is connected. For delegation
// the organization has approved.
func (f function) actor(ctx context.Context, caller callers.Caller, a act) (actor, error) {
	out := actor{spaces: f.Spaces, meetings: f.Meetings}
	if a.authority == callers.ByAdmin {
		out.spaces = f.Spaces.Administering()
	}
	needs, err := out.spaces.Needs(a.needs...)
	if err != nil {
		return out, err
	}
	if err := f.allowed(caller, a.authority, a.named, a.actions...); err != nil {
		return out, err
	}
	if delegated, email := f.byDelegation(caller, a); delegated {
		return f.delegated(ctx, out, a, email)
	}
	g, usable, err := f.Auth.Lookup(ctx, a.named)
	if err != nil {
		return out, err
	}
	approved := usable && !slices.ContainsFunc(a.actions, func(action string) bool { return !g.Approved(caller.ID, a.authority, action) })
	if !approved {
		return out, f.approval(ctx, caller, a, needs)
	}
	g, still, err := f.Auth.Current(ctx, a.named, g)
	if err != nil {
		return out, err
	}
	if !still {
		return out, f.approval(ctx, caller, a, needs)
	}
	if err := caller.Covers(a.named, g.Domain); err != nil {
		return out, err
	}
	out.person, out.known, out.home = g.Person, g.Person, g.Domain
	with := f.Auth.With(g)
	out.spaces, out.meetings = out.spaces.By(with), out.meetings.By(with)
	return out, nil
}

// byDelegation reports whether the organization's word takes the place of the
// person's grant, and the address that it is for.
func (f function) byDelegation(caller callers.Caller, a act) (bool, string) {
	email := address.Lower(a.named)
	return a.authority == callers.ByDelegation || a.authority == callers.ByAdmin && slices.Contains(caller.Administrators, email), email
}

// delegated is who with the organization's word in place of a grant. The policy
// was asked for the address alone: an address can pass to another account.
func (f function) delegated(ctx context.Context, who actor, a act, email string) (actor, error) {
	if !strings.Contains(email, "@") {
		return who, fault.New(fault.Invalid, words.English("With the authority delegation, actAs must be the person's primary e-mail address."))
	}
	by := f.Delegated
	if by == nil {
		return who, fault.New(fault.Denied, words.English("Domain-wide delegation is not set up here. Deputy's operator names its service account in DELEGATION_SERVICE_ACCOUNT."))
	}
	if a.authority == callers.ByAdmin {
		by = by.ForAdministrators()
	}
	g, _, err := f.Auth.Lookup(ctx, email) // for their /status, if they have one
	if err != nil {
		return who, err
	}
	who.person, who.known, who.home = "users/"+email, g.Person, address.Domain(email)
	who.spaces, who.meetings = who.spaces.By(by), who.meetings.By(by)
	return who, nil
}

// approval puts an invitation into a NeedsApproval: one link asks for the
// consent and for the approval. It is the same for everybody whom the caller may
// name.
func (f function) approval(ctx context.Context, caller callers.Caller, a act, needs []capability.Capability) error {
	link, inviting := f.Auth.InviteToApprove(ctx, a.named, userauth.Wish{Caller: caller.ID, Actions: a.actions, Authority: a.authority}, needs...)
	if inviting != nil {
		return inviting
	}
	return &fault.Error{
		Op: "createspace.approval", Kind: fault.NeedsApproval, Err: &invited{link, &userauth.Needs{Capabilities: needs, Missing: needs}},
		Public: words.English("This person has not approved that yet. Pass the invitation on to them; only they can use it."),
	}
}

// allowed asks the file for a person as the caller names them.
func (f function) allowed(caller callers.Caller, authority, named string, actions ...string) error {
	if _, err := user(named, "actAs"); err != nil {
		return err
	}
	return caller.Allow(authority, named, actions...)
}

// consent puts an invitation into a NeedsConsent: the caller may pass it on, and
// only that person can use it. It names the person as the caller did.
func (f function) consent(ctx context.Context, named string, err error) error {
	needs, ok := userauth.Needed(err)
	if !ok {
		return err
	}
	link, inviting := f.Auth.Invite(ctx, named, config.Secret{}, needs.Capabilities...)
	if inviting != nil {
		return inviting
	}
	return &fault.Error{
		Op: "createspace.consent", Kind: fault.NeedsConsent, Err: &invited{link, needs},
		Public: words.English("This person has to connect first. Pass the invitation on to them; only they can use it."),
	}
}
