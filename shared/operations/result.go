package operations

import (
	"cmp"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

// State is what came of a member or a step.
type State string

// The states.
const (
	StateJoined    State = "JOINED"
	StateInvited   State = "INVITED"   // has to accept first
	StateLeftOut   State = "LEFT_OUT"  // Google did not add them, and does not say why
	StateFailed    State = "FAILED"    // Google refused, and says why
	StatePending   State = "PENDING"   // it may go well later, under the same key
	StateUnchecked State = "UNCHECKED" // the members could not be listed
	StateDone      State = "DONE"      // of a step
)

// MemberResult is what came of somebody who was to be in a space.
type MemberResult struct {
	Member string `json:"member"` // as the request named them
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // why, in English
}

// StepResult is what came of a step that a space needs when it is there.
type StepResult struct {
	Step   spaces.Step `json:"step"`
	State  State       `json:"state"`
	Detail string      `json:"detail,omitempty"` // why it was not taken, in English
}

// CreatedSpace is a space that was made or found, with each member and step in
// the order of the request.
type CreatedSpace struct {
	Name        resource.SpaceName `json:"name"`
	DisplayName string             `json:"displayName"`
	Address     string             `json:"address"`
	Members     []MemberResult     `json:"members"`
	Steps       []StepResult       `json:"steps"`
	Reused      bool               `json:"reused,omitempty"` // it was there before, and nothing was done to it
	// Outcome is what this try did, for who tells of it in another language. It is
	// not stored.
	Outcome spaces.Outcome `json:"-"`
}

// Pending reports whether something may be done later under the same key.
func (c CreatedSpace) Pending() bool {
	return pending(c.Members) || slices.ContainsFunc(c.Steps, func(s StepResult) bool { return s.State == StatePending })
}

// Unfinished reports whether there is more to do or to look at for the space, now
// or later.
func (c CreatedSpace) Unfinished() bool {
	return c.Pending() || slices.ContainsFunc(c.Members, func(m MemberResult) bool { return m.State == StateUnchecked && m.Detail == "" })
}

func pending(members []MemberResult) bool {
	return slices.ContainsFunc(members, func(m MemberResult) bool { return m.State == StatePending })
}

// createdOf is what came of a space.
func createdOf(who actor, made spaces.Created, r spaces.Request) CreatedSpace {
	out := CreatedSpace{Name: made.Name, DisplayName: made.DisplayName, Address: made.Address, Outcome: made.Outcome}
	results := resultsOf(who, made.Outcome, r.External != nil && *r.External)
	for _, m := range slices.Concat(r.Members, r.More) {
		result, ok := results[m.User]
		switch {
		case ok:
		case made.NotAllowed:
			result = MemberResult{cmp.Or(m.Label, m.User), StateUnchecked, "The person has not allowed Deputy to see who is in their spaces."}
		case made.Unchecked:
			result = MemberResult{Member: cmp.Or(m.Label, m.User), State: StateUnchecked}
		default: // the person themself, who is in anyway
			result = MemberResult{Member: cmp.Or(m.Label, m.User), State: StateJoined}
		}
		out.Members = append(out.Members, result)
	}
	failed := map[spaces.Step]error{}
	for _, u := range made.Undone {
		failed[u.Step] = u.Why
	}
	for _, s := range r.Rest.Steps() {
		out.Steps = append(out.Steps, stepOf(s, failed[s]))
	}
	return out
}

func stepOf(s spaces.Step, why error) StepResult {
	if why == nil {
		return StepResult{Step: s, State: StateDone}
	}
	return StepResult{s, failedState(why), fault.Public(i18n.In("en"), why, "")}
}

// failedState is StateFailed, or StatePending when it may go well later: also
// when the person has disconnected meanwhile, since they may come back. What they
// declined is settled.
func failedState(why error) State {
	needs, consent := capability.AsConsentError(why)
	if fault.Passes(why) || consent && !needs.Declined {
		return StatePending
	}
	return StateFailed
}

// resultsOf are those of the members by users/{id or e-mail address} or
// groups/{id}.
func resultsOf(who actor, o spaces.Outcome, external bool) map[string]MemberResult {
	out, say := map[string]MemberResult{}, i18n.In("en")
	add := func(state State, members []spaces.Member, why func(spaces.Member) string) {
		for _, m := range members {
			out[m.User] = MemberResult{cmp.Or(m.Label, m.User), state, why(m)}
		}
	}
	nothing := func(spaces.Member) string { return "" }
	add(StateJoined, o.Joined, nothing)
	add(StateInvited, o.Invited, nothing)
	add(StateLeftOut, o.LeftOut, func(m spaces.Member) string { return say(spaces.LikelyReason(m, who.home, external)) })
	add(StatePending, o.Pending, nothing)
	for _, m := range o.Failed {
		out[m.User] = MemberResult{cmp.Or(m.Label, m.User), failedState(m.Why), fault.Public(say, m.Why, "")}
	}
	return out
}
