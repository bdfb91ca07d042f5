package operations

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// ApprovalState says what a person answered to a request for approvals.
type ApprovalState string

// The states.
const (
	ApprovalWaiting   ApprovalState = "waiting"   // the link can be opened
	ApprovalGiven     ApprovalState = "given"     // at least one action is approved now
	ApprovalRefused   ApprovalState = "refused"   // the person allowed nothing
	ApprovalExpired   ApprovalState = "expired"   // nobody answered in time
	ApprovalWithdrawn ApprovalState = "withdrawn" // what was given no longer counts
)

// Approval is a request for approvals, with the person's answer.
type Approval struct {
	ID         string
	State      ApprovalState
	Actions    []string
	Authority  vault.Authority
	Given      []string // of Actions, what is approved now
	Invitation config.Secret
	Created    time.Time
	Expires    time.Time // of the invitation
}

// NewApproval asks for several actions with one link.
type NewApproval struct {
	Actions       []string
	Capabilities  []capability.Capability // beside what the actions usually need
	ReturnAddress string                  // of the callers file; may be empty
}

// RequestApproval returns a link that asks a person to approve several actions at once, and keeps their answer.
func (o *Operations) RequestApproval(ctx context.Context, c Call, in NewApproval) (Approval, error) {
	op := operation{name: "requestApproval", actions: []string{"approvals.create"}}
	out := vault.Asked{Named: c.Person, Actions: in.Actions, Authority: c.Authority}
	q, err := newRequest(c, op, in)
	switch {
	case err != nil:
	case c.Authority == callers.AuthorityDelegation:
		err = fault.New(fault.Invalid, i18n.English("The authority delegation needs no approval."))
	case in.ReturnAddress != "" && !slices.Contains(c.Caller.ReturnAddresses, in.ReturnAddress):
		err = fault.New(fault.Invalid, i18n.English("returnAddress must be one of the caller's returnAddresses in the "+
			"callers file. Ask Deputy's operator to add it."))
	default:
		if err = c.authorize(in.Actions...); err == nil {
			err = c.checkCapabilities(in.Capabilities)
		}
	}
	repeated := false
	if err == nil {
		repeated, err = o.runOnce(ctx, q, &out, func(Attempt) (bool, error) {
			link, err := o.deps.Consent.InviteToApprove(ctx, c.Person, consent.ApprovalRequest{
				Caller: c.Caller.ID, Actions: in.Actions, Authority: c.Authority, Request: q.ID, Back: in.ReturnAddress,
			}, c.needs(in.Actions, in.Capabilities...)...)
			out.Link, out.Time = link.Reveal(), vault.MicrosecondClock(o.deps.Now)()
			out.Until = out.Time.Add(consent.InvitationLife)
			return true, err
		})
	}
	if repeated && err == nil && c.OnRepeat != nil {
		c.OnRepeat()
	}
	o.audit(ctx, auditLine{c, op, q.ID, resource.Person(c.Person)}, "", repeated, err)
	if err != nil {
		return Approval{}, err
	}
	view, err := o.readApproval(ctx, c.Caller, q.ID)
	if err != nil && fault.KindOf(err) == fault.NotFound { // it wasn't stored: see Runner.Do
		err = &fault.Error{
			Op: "operations.RequestApproval", Kind: fault.Unavailable, Err: err,
			Public: i18n.English("The request wasn't stored. Send it again with the same key."),
		}
	}
	return view, err
}

// GetApproval reads a request for approvals of the caller's own. Another caller's is NotFound. It is Denied if the file
// no longer allows the caller to ask for it: the answer would tell what the person did since.
func (o *Operations) GetApproval(ctx context.Context, caller callers.Caller, id string) (Approval, error) {
	out, err := o.readApproval(ctx, caller, id)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		err = &fault.Error{
			Op: "operations.GetApproval", Kind: fault.NotFound, Err: err,
			Public: i18n.English("This approval doesn't exist. Approvals are kept for seven days."),
		}
	}
	op := operation{actions: []string{"approvals.read"}}
	o.audit(ctx, auditLine{Call: Call{Caller: caller, Authority: out.Authority}, operation: op}, "", false, err)
	if err != nil {
		return Approval{}, err
	}
	return out, nil
}

// readApproval returns a caller's request. What is given counts only while the grant has it.
func (o *Operations) readApproval(ctx context.Context, caller callers.Caller, id string) (out Approval, err error) {
	record, asked, err := o.deps.Vault.Asked(ctx, id)
	if err == nil && record.Caller != caller.ID {
		err = &fault.Error{Op: "operations.readApproval", Kind: fault.NotFound, Err: errors.New("another caller's")}
	}
	if err == nil {
		err = caller.Allow(asked.Authority, asked.Named, asked.Actions...)
	}
	if err != nil {
		return Approval{}, err
	}
	out = Approval{
		ID: id, Actions: asked.Actions, Authority: asked.Authority, Invitation: config.NewSecret(asked.Link),
		Created: asked.Time, Expires: asked.Until,
	}
	switch {
	case !asked.Answered && o.deps.Now().Before(asked.Until):
		out.State = ApprovalWaiting
	case !asked.Answered:
		out.State = ApprovalExpired
	case len(asked.Given) == 0:
		out.State = ApprovalRefused
	default:
		g, usable, err := o.deps.Grants.Lookup(ctx, resource.Named(record.Person))
		if err != nil {
			return Approval{}, err
		}
		usable = usable && caller.Covers(asked.Named, g.Domain) == nil
		for _, action := range asked.Given {
			if usable && g.HasApproved(record.Caller, asked.Authority, action) {
				out.Given = append(out.Given, action)
			}
		}
		if out.State = ApprovalGiven; len(out.Given) == 0 {
			out.State = ApprovalWithdrawn
		}
	}
	return out, nil
}

// needs returns what actions can need under the call's authority, and more, once each in display order.
func (c Call) needs(actions []string, more ...capability.Capability) []capability.Capability {
	all := append(capability.ForActions(c.Authority == callers.AuthorityAdmin, actions...), more...)
	return slices.DeleteFunc(capability.All(), func(c capability.Capability) bool { return !slices.Contains(all, c) })
}
