package operations

import (
	"context"
	"slices"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

// actor is as whom an operation is done, with what does it by their authority.
type actor struct {
	person   resource.Person // users/{sub}, by delegation users/{e-mail address}
	known    resource.Person // users/{sub} in any case; empty for one who never connected
	home     string          // their domain, as far as it is known
	key      resource.Key    // for Google's requestId: the same for the same operation
	try      Try
	spaces   *spaces.Spaces
	meetings *meetings.Meetings
}

// actor is whom a call names: if the operator's file lets the caller do the
// operation for them by this authority, then if they have approved that, then if
// they belong to whom it may act for. In this order, so that nobody learns who is
// connected. For delegation the organization has approved.
func (o *Operations) actor(ctx context.Context, c Call, op operation) (actor, error) {
	out := actor{spaces: o.deps.Spaces, meetings: o.deps.Meetings}
	if c.self {
		out.person, out.known, out.key = resource.Person(c.Person), resource.Person(c.Person), c.Key
		return out, nil
	}
	if c.Authority == callers.ByAdmin {
		out.spaces = o.deps.Spaces.Administering()
	}
	needs, err := out.spaces.Needs(op.needs...)
	if err != nil {
		return out, err
	}
	if err := c.allowed(op.actions...); err != nil {
		return out, err
	}
	if delegated, email := c.byDelegation(); delegated {
		return o.delegated(ctx, out, c, email)
	}
	g, usable, err := o.deps.Grants.Lookup(ctx, c.Person)
	if err != nil {
		return out, err
	}
	approved := usable && !slices.ContainsFunc(op.actions, func(action string) bool { return !g.Approved(c.Caller.ID, c.Authority, action) })
	if !approved {
		return out, o.approval(ctx, c, op.actions, needs)
	}
	g, still, err := o.deps.Grants.ConfirmEmail(ctx, c.Person, g)
	if err != nil {
		return out, err
	}
	if !still {
		return out, o.approval(ctx, c, op.actions, needs)
	}
	if err := c.Caller.Covers(c.Person, g.Domain); err != nil {
		return out, err
	}
	out.person, out.known, out.home = g.Person, g.Person, g.Domain
	with := o.deps.Grants.ActorFor(g)
	out.spaces, out.meetings = out.spaces.By(with), out.meetings.By(with)
	return out, nil
}

// byDelegation reports whether the organization's word takes the place of the
// person's grant, and the address that it is for.
func (c Call) byDelegation() (bool, string) {
	email := address.Lower(string(c.Person))
	return c.Authority == callers.ByDelegation || c.Authority == callers.ByAdmin && slices.Contains(c.Caller.Administrators, email), email
}

// delegated is who with the organization's word in place of a grant. The policy
// was asked for the address alone: an address can pass to another account.
func (o *Operations) delegated(ctx context.Context, who actor, c Call, email string) (actor, error) {
	if !strings.Contains(email, "@") {
		return who, fault.New(fault.Invalid, i18n.English("With the authority delegation, actAs must be the person's primary e-mail address."))
	}
	by := o.deps.Delegated
	if by == nil {
		return who, fault.New(fault.Denied, i18n.English("Domain-wide delegation is not set up here. Deputy's operator names its service account in DELEGATION_SERVICE_ACCOUNT."))
	}
	if c.Authority == callers.ByAdmin {
		by = by.WithAdminCapabilities()
	}
	g, _, err := o.deps.Grants.Lookup(ctx, resource.Named(email)) // for their /status, if they have one
	if err != nil {
		return who, err
	}
	who.person, who.known, who.home = resource.Person("users/"+email), g.Person, address.Domain(email)
	who.spaces, who.meetings = who.spaces.By(by), who.meetings.By(by)
	return who, nil
}

// approval puts an invitation into a NeedsApproval: one link asks for the
// consent and for the approval. It is the same for everybody whom the caller may
// name.
func (o *Operations) approval(ctx context.Context, c Call, actions []string, needs []capability.Capability) error {
	link, inviting := o.deps.Consent.InviteToApprove(ctx, c.Person, consent.ApprovalRequest{Caller: c.Caller.ID, Actions: actions, Authority: c.Authority}, needs...)
	if inviting != nil {
		return inviting
	}
	return &fault.Error{
		Op: "operations.approval", Kind: fault.NeedsApproval, Err: &Invited{link, &capability.ConsentError{Capabilities: needs, Missing: needs}},
		Public: i18n.English("This person has not approved that yet. Pass the invitation on to them; only they can use it."),
	}
}

// allowed asks the file for a person as the caller names them.
func (c Call) allowed(actions ...string) error {
	if _, ok := resource.ParseUser(string(c.Person)); !ok {
		return fault.New(fault.Invalid, i18n.English("%s must be users/{id} with digits only, or a plain e-mail address."), "actAs")
	}
	return c.Caller.Allow(c.Authority, c.Person, actions...)
}

// Invited is the error of what a person has to consent to or approve first, with
// the link that asks them. The caller may pass it on; only that person can use it.
type Invited struct {
	Link  config.Secret
	Needs *capability.ConsentError
}

// Error names what is missing, for the log.
func (i *Invited) Error() string { return i.Needs.Error() }

// consent puts an invitation into a NeedsConsent. It names the person as the
// caller did. Chat has its own ways to ask, so a person in Chat gets none here.
func (o *Operations) consent(ctx context.Context, c Call, err error) error {
	needs, ok := capability.AsConsentError(err)
	if !ok || c.self {
		return err
	}
	link, inviting := o.deps.Consent.Invite(ctx, c.Person, config.Secret{}, needs.Capabilities...)
	if inviting != nil {
		return inviting
	}
	return &fault.Error{
		Op: "operations.consent", Kind: fault.NeedsConsent, Err: &Invited{link, needs},
		Public: i18n.English("This person has to connect first. Pass the invitation on to them; only they can use it."),
	}
}
