package createspace

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// actor is as whom an act is done, with what does it by their authority.
type actor struct {
	person   string // users/{sub}, by delegation users/{e-mail address}
	known    string // users/{sub} in any case; empty for one who never connected
	home     string // their domain, as far as it is known
	source   string // for Google's requestId: the same for the same request
	try      callers.Try
	spaces   *spaces.Spaces
	meetings *meetings.Meetings
}

// actor is whom the caller names, if its record lets it do the act for them by
// this authority, and they have approved that: in this order, so that nobody
// learns who is connected. For delegation the organization has approved.
func (f function) actor(ctx context.Context, caller vault.Caller, a act) (actor, error) {
	out := actor{spaces: f.Spaces, meetings: f.Meetings}
	if a.authority == callers.ByAdmin {
		out.spaces = f.Spaces.Administering()
	}
	needs, err := out.spaces.Needs(a.needs...)
	if err != nil {
		return out, err
	}
	who, given, err := f.allowedBy(ctx, caller, a.operation, a.authority, a.named)
	if err != nil {
		return out, err
	}
	out.person, out.known, out.home = who.Person, who.Person, who.Domain
	email := strings.ToLower(a.named)
	switch {
	case a.authority == callers.ByDelegation:
		if !strings.Contains(email, "@") {
			return out, fault.New(fault.Invalid, words.English("With the authority delegation, actAs must be the person's primary e-mail address."))
		}
		return f.delegated(out, email, f.Delegated)
	case a.authority == callers.ByAdmin && slices.Contains(caller.Administrators, email):
		if f.Delegated == nil {
			return f.delegated(out, email, nil)
		}
		return f.delegated(out, email, f.Delegated.ForAdministrators())
	}
	if given == nil && who.Person != "" {
		approval, err := f.Callers.Approval(ctx, caller, who.Person, a.authority)
		if err != nil {
			return out, err
		}
		given = &approval
	}
	if given == nil || !callers.Approved(*given, a.operation, a.authority) {
		return out, f.approval(ctx, caller, a, needs)
	}
	return out, nil
}

// delegated is who with the organization's word in place of a grant.
func (f function) delegated(who actor, email string, d *userauth.Delegated) (actor, error) {
	if d == nil {
		return who, fault.New(fault.Denied, words.English("Domain-wide delegation is not set up here. Deputy's operator names its service account in DELEGATION_SERVICE_ACCOUNT."))
	}
	who.person, who.spaces, who.meetings = "users/"+email, who.spaces.By(d), who.meetings.By(d)
	return who, nil
}

// approval puts an invitation into a NeedsApproval: one link asks for the
// consent and for the approval.
func (f function) approval(ctx context.Context, caller vault.Caller, a act, needs []userauth.Capability) error {
	link, inviting := f.Auth.InviteToApprove(ctx, a.named, userauth.Wish{Caller: caller.ID, Operations: []string{a.operation}, Authority: a.authority}, needs...)
	if inviting != nil {
		return inviting
	}
	return &fault.Error{
		Op: "createspace.approval", Kind: fault.NeedsApproval, Err: &invited{link, &userauth.Needs{Capabilities: needs, Missing: needs}},
		Public: words.English("This person has not approved that yet. Pass the invitation on to them; only they can use it."),
	}
}

// allowed is the person a caller names, if its record lets it do an operation
// for them. Person is empty for an address that nobody has connected with. Of
// somebody named by id, the domain counts that they had when they approved this
// caller: whether they are connected is not told.
func (f function) allowed(ctx context.Context, caller vault.Caller, operation, named string) (callers.Subject, error) {
	who, _, err := f.allowedBy(ctx, caller, operation, callers.ByUser, named)
	return who, err
}

// allowedBy is allowed for any authority, with what the person has approved to the caller as far
// as it was read for that; else nil.
func (f function) allowedBy(ctx context.Context, caller vault.Caller, operation, authority, named string) (who callers.Subject, given *vault.Approval, err error) {
	name, err := user(named, "actAs")
	if err != nil {
		return who, nil, err
	}
	who = callers.Subject{Named: named}
	if email := strings.TrimPrefix(name, "users/"); strings.Contains(email, "@") {
		who.Domain = email[strings.LastIndex(email, "@")+1:]
		who.Person, err = f.Auth.Find(ctx, email)
	} else {
		var a vault.Approval
		a, err = f.Callers.Approval(ctx, caller, name, cmp.Or(authority, callers.ByUser))
		who.Person, who.Domain, given = name, a.Domain, &a
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return callers.Subject{}, nil, err
	}
	return who, given, callers.Allow(caller, operation, authority, who)
}

// consent puts an invitation into a NeedsConsent: the caller may pass it on,
// and only that person can use it.
func (f function) consent(ctx context.Context, named string, err error) error {
	needs, ok := userauth.Needed(err)
	if !ok {
		return err
	}
	link, inviting := f.Auth.Invite(ctx, named, "", needs.Capabilities...)
	if inviting != nil {
		return inviting
	}
	return &fault.Error{
		Op: "createspace.consent", Kind: fault.NeedsConsent, Err: &invited{link, needs},
		Public: words.English("This person has to connect first. Pass the invitation on to them; only they can use it."),
	}
}
