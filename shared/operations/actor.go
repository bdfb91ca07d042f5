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

// actor is the person that an operation is done as, with the clients that use their authority.
type actor struct {
	person   resource.Person // users/{sub}, by delegation users/{email address}
	known    resource.Person // users/{sub} in any case; empty for a person who never connected
	home     string          // their domain; may be empty
	key      resource.Key    // for Google's requestId: the same for the same operation
	attempt  Attempt
	done     *effect // filled in by the operation
	spaces   *spaces.Spaces
	meetings *meetings.Meetings
}

// actor returns the person whom a call names, after authorize. It checks the person's
// approval, then whether the caller covers their domain. The order keeps an unapproved caller from
// learning who is connected. Delegation needs no approval by the person: the organization has given it.
func (o *Operations) actor(ctx context.Context, c Call, op operation) (actor, error) {
	out := actor{spaces: o.deps.Spaces, meetings: o.deps.Meetings, done: &effect{}}
	if c.self {
		out.person, out.known, out.key = resource.Person(c.Person), resource.Person(c.Person), c.Key
		return out, nil
	}
	if c.Authority == callers.AuthorityAdmin {
		out.spaces = o.deps.Spaces.WithAdminAccess()
	}
	needs, err := out.spaces.Capabilities(op.needs...)
	if err != nil {
		return out, err
	}
	if delegated, email := c.usesDelegation(); delegated {
		return o.delegate(ctx, out, c, email)
	}
	g, usable, err := o.deps.Grants.Lookup(ctx, c.Person)
	missing := func(action string) bool { return !g.HasApproved(c.Caller.ID, c.Authority, action) }
	usable = usable && !slices.ContainsFunc(op.actions, missing)
	if err == nil && usable {
		g, usable, err = o.deps.Grants.ConfirmEmail(ctx, c.Person, g)
	}
	if err != nil {
		return out, err
	}
	if !usable {
		return out, o.approvalError(ctx, c, op.actions, needs)
	}
	if err := c.Caller.Covers(c.Person, g.Domain); err != nil {
		return out, err
	}
	out.person, out.known, out.home = g.Person, g.Person, g.Domain
	auth := o.deps.Grants.ActorFor(g)
	out.spaces, out.meetings = out.spaces.WithActor(auth), out.meetings.WithActor(auth)
	return out, nil
}

// usesDelegation reports whether delegation takes the place of the person's grant, and returns their email address.
func (c Call) usesDelegation() (bool, string) {
	email := address.Lower(string(c.Person))
	administrator := c.Authority == callers.AuthorityAdmin && slices.Contains(c.Caller.Administrators, email)
	return c.Authority == callers.AuthorityDelegation || administrator, email
}

// delegate lets an actor use the tokens of the delegated service account. The policy
// was checked for the address alone: an address can pass to another account.
func (o *Operations) delegate(ctx context.Context, a actor, c Call, email string) (actor, error) {
	if !strings.Contains(email, "@") {
		return a, fault.New(fault.Invalid,
			i18n.English("With the authority delegation, actAs must be the person's primary email address."))
	}
	auth := o.deps.Delegated
	if auth == nil {
		return a, fault.New(fault.Denied, i18n.English("Domain-wide delegation isn't set up for Deputy. "+
			"The operator can set it up by naming a service account in DELEGATION_SERVICE_ACCOUNT."))
	}
	if c.Authority == callers.AuthorityAdmin {
		auth = auth.WithAdminCapabilities()
	}
	g, _, err := o.deps.Grants.Lookup(ctx, resource.Named(email)) // for their /status, if they have one
	if err != nil {
		return a, err
	}
	a.person, a.known, a.home = resource.Person("users/"+email), g.Person, address.Domain(email)
	a.spaces, a.meetings = a.spaces.WithActor(auth), a.meetings.WithActor(auth)
	return a, nil
}

// approvalError returns a NeedsApproval fault with an invitation to consent and to approve, for all that the job is
// likely to need. It is the same for every person whom the caller may name.
func (o *Operations) approvalError(ctx context.Context, c Call, actions []string, needs []capability.Capability) error {
	actions = c.Caller.Likely(actions...)
	needs = c.needs(actions, needs...)
	wish := consent.ApprovalRequest{Caller: c.Caller.ID, Actions: actions, Authority: c.Authority}
	link, err := o.deps.Consent.InviteToApprove(ctx, c.Person, wish, needs...)
	if err != nil {
		return err
	}
	return &fault.Error{
		Op: "operations.approvalError", Kind: fault.NeedsApproval,
		Err:    &InvitationError{link, &capability.ConsentError{Capabilities: needs, Missing: needs}},
		Public: i18n.English("This person hasn't approved this. Send them the invitation; only they can use it."),
	}
}

// authorize checks the operator's file for a person as the caller names them. A person may do anything for themself.
func (c Call) authorize(actions ...string) error {
	if c.self {
		return nil
	}
	if _, ok := resource.ParseUser(string(c.Person)); !ok {
		return fault.New(fault.Invalid,
			i18n.English("%s must be users/{id} with digits only, or a plain email address."), "actAs")
	}
	return c.Caller.Allow(c.Authority, c.Person, actions...)
}

// InvitationError is the error for what a person has to allow or approve first. It holds
// the invitation that the caller can send them; only that person can use it.
type InvitationError struct {
	Link  config.Secret
	Needs *capability.ConsentError
}

// Error names the missing capabilities, for the log.
func (i *InvitationError) Error() string { return i.Needs.Error() }

// withInvitation adds an invitation to a NeedsConsent fault, for the person as
// the caller named them. It adds none for a person in Chat, where functions ask.
func (o *Operations) withInvitation(ctx context.Context, c Call, err error) error {
	needs, ok := capability.AsConsentError(err)
	if !ok || c.self {
		return err
	}
	link, err := o.deps.Consent.Invite(ctx, c.Person, config.Secret{}, needs.Capabilities...)
	if err != nil {
		return err
	}
	return &fault.Error{
		Op: "operations.withInvitation", Kind: fault.NeedsConsent, Err: &InvitationError{link, needs},
		Public: i18n.English("This person isn't connected. Send them the invitation; only they can use it."),
	}
}
