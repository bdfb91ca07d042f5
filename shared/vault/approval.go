package vault

import (
	"slices"
	"time"
)

// Authority is why an operation is allowed: callers.ByUser, ByAdmin or
// ByDelegation.
type Authority string

// Approval is a person's own yes to one caller for actions, by one authority. It
// is part of their grant, and ends with it.
type Approval struct {
	Caller    string     `json:"caller"` // the id that the operator chose
	Authority Authority  `json:"authority"`
	Actions   []Approved `json:"actions"`
}

// Approved is one action of an approval. It counts only for the connection time
// it was given in.
type Approved struct {
	Action    string    `json:"action"`
	Connected time.Time `json:"connected"`
	Given     time.Time `json:"given"`
}

// counts reports whether an action that was approved still is: it was in this
// connection, and after the last event that said that the grant was over. Who had
// the account before may have given it.
func (g Grant) counts(o Approved) bool {
	return o.Connected.Equal(g.Connected) && o.Given.After(g.RevokedAt)
}

// Approved reports whether the person has approved an action to a caller by an
// authority, since they connected.
func (g Grant) Approved(caller string, authority Authority, action string) bool {
	return slices.ContainsFunc(g.Approvals, func(a Approval) bool {
		return a.Caller == caller && a.Authority == authority && slices.ContainsFunc(a.Actions, func(o Approved) bool {
			return o.Action == action && g.counts(o)
		})
	})
}

// Standing are the approvals that count, with the actions that count.
func (g Grant) Standing() []Approval {
	out := []Approval{}
	for _, a := range g.Approvals {
		a.Actions = slices.DeleteFunc(slices.Clone(a.Actions), func(o Approved) bool { return !g.counts(o) })
		if len(a.Actions) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// Approve adds actions to what a caller may do by an authority. What was
// approved before keeps its own times, unless it counts no more.
func (g *Grant) Approve(caller string, authority Authority, actions []string, now time.Time) {
	g.Approvals = g.Standing()
	at := slices.IndexFunc(g.Approvals, func(a Approval) bool { return a.Caller == caller && a.Authority == authority })
	if at < 0 {
		at = len(g.Approvals)
		g.Approvals = append(g.Approvals, Approval{Caller: caller, Authority: authority})
	}
	for _, action := range actions {
		if !g.Approved(caller, authority, action) {
			g.Approvals[at].Actions = append(g.Approvals[at].Actions, Approved{action, g.Connected, now})
		}
	}
}

// Withdraw takes back what a caller may do by an authority, and reports whether
// there was anything.
func (g *Grant) Withdraw(caller string, authority Authority) bool {
	before := len(g.Approvals)
	g.Approvals = slices.DeleteFunc(slices.Clone(g.Approvals), func(a Approval) bool { return a.Caller == caller && a.Authority == authority })
	return len(g.Approvals) != before
}
