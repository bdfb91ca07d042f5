package vault

import (
	"slices"
	"time"
)

// Authority is why an operation is allowed: callers.AuthorityUser and so on.
type Authority string

// Approval allows one caller to run actions as the person under one authority. It
// is part of the person's grant and ends with it.
type Approval struct {
	Caller    string           `json:"caller"` // the ID that the operator chose
	Authority Authority        `json:"authority"`
	Actions   []ApprovedAction `json:"actions"`
}

// ApprovedAction is one action of an approval. It is valid only for the connection in which it was given.
type ApprovedAction struct {
	Action      string    `json:"action"`
	ConnectedAt time.Time `json:"connected"`
	GivenAt     time.Time `json:"given"`
}

// isCurrent reports whether a was given in the current connection and after the last
// revocation. A previous owner of the account might have given an older one.
func (g Grant) isCurrent(a ApprovedAction) bool {
	return a.ConnectedAt.Equal(g.ConnectedAt) && a.GivenAt.After(g.RevokedAt)
}

// HasApproved reports whether the person has approved an action for a caller under an
// authority, in the current connection.
func (g Grant) HasApproved(caller string, authority Authority, action string) bool {
	return slices.ContainsFunc(g.Approvals, func(a Approval) bool {
		return a.Caller == caller && a.Authority == authority &&
			slices.ContainsFunc(a.Actions, func(x ApprovedAction) bool {
				return x.Action == action && g.isCurrent(x)
			})
	})
}

// ValidApprovals returns the approvals that are still valid, with their valid actions.
func (g Grant) ValidApprovals() []Approval {
	out := []Approval{}
	for _, a := range g.Approvals {
		a.Actions = slices.DeleteFunc(slices.Clone(a.Actions), func(x ApprovedAction) bool { return !g.isCurrent(x) })
		if len(a.Actions) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// Approve approves actions for a caller under an authority and drops approvals that
// are no longer valid. An action that is already approved keeps its time.
func (g *Grant) Approve(caller string, authority Authority, actions []string, now time.Time) {
	g.Approvals = g.ValidApprovals()
	i := slices.IndexFunc(g.Approvals, func(a Approval) bool { return a.Caller == caller && a.Authority == authority })
	if i < 0 {
		i = len(g.Approvals)
		g.Approvals = append(g.Approvals, Approval{Caller: caller, Authority: authority})
	}
	for _, action := range actions {
		if !g.HasApproved(caller, authority, action) {
			g.Approvals[i].Actions = append(g.Approvals[i].Actions, ApprovedAction{action, g.ConnectedAt, now})
		}
	}
}

// WithdrawApproval removes the approval of a caller under an authority and reports whether there was one.
func (g *Grant) WithdrawApproval(caller string, authority Authority) bool {
	before := len(g.Approvals)
	g.Approvals = slices.DeleteFunc(slices.Clone(g.Approvals), func(a Approval) bool {
		return a.Caller == caller && a.Authority == authority
	})
	return len(g.Approvals) != before
}
