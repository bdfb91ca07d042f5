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

// State is the result for a member or a step.
type State string

// The states.
const (
	StateJoined    State = "JOINED"
	StateInvited   State = "INVITED"   // has to accept first
	StateLeftOut   State = "LEFT_OUT"  // Google did not add them and gave no reason
	StateFailed    State = "FAILED"    // Google refused and gave a reason
	StatePending   State = "PENDING"   // a retry with the same key may succeed
	StateUnchecked State = "UNCHECKED" // it could not be read whether they are in; final with a detail
	StateDone      State = "DONE"      // of a step
)

// MemberResult is the result for one requested member.
type MemberResult struct {
	Member string `json:"member"` // as the request named them
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // why, in English
}

// StepResult is the result of a step that follows the creation of a space.
type StepResult struct {
	Step   spaces.Step `json:"step"`
	State  State       `json:"state"`
	Detail string      `json:"detail,omitempty"` // why it failed, in English
	// Message is the name of the message that the step posted, spaces/{space}/messages/{message}.
	Message string `json:"message,omitempty"`
}

// CreatedSpace is a space that was created or found, with the result of each
// member and step in the order of the request.
type CreatedSpace struct {
	Name        resource.SpaceName `json:"name"`
	DisplayName string             `json:"displayName"`
	Address     string             `json:"address"`
	Members     []MemberResult     `json:"members"`
	Steps       []StepResult       `json:"steps"`
	Reused      bool               `json:"reused,omitempty"` // it existed before and was not changed
	ETag        string             `json:"etag,omitempty"`   // as it was created; empty if it was not read
	// Outcome is the outcome of this attempt, for a reply in another language. It is not stored.
	Outcome spaces.Outcome `json:"-"`
}

// Pending reports whether a retry with the same key may do more.
func (c CreatedSpace) Pending() bool {
	pending := func(s StepResult) bool { return s.State == StatePending }
	return anyPending(c.Members) || slices.ContainsFunc(c.Steps, pending)
}

// Unfinished reports whether a retry with the same key may do or check more.
func (c CreatedSpace) Unfinished() bool {
	unchecked := func(m MemberResult) bool { return m.State == StateUnchecked && m.Detail == "" }
	return c.Pending() || slices.ContainsFunc(c.Members, unchecked)
}

func anyPending(members []MemberResult) bool {
	return slices.ContainsFunc(members, func(m MemberResult) bool { return m.State == StatePending })
}

// newCreatedSpace returns the results of a space that was created for a request.
func newCreatedSpace(a actor, s spaces.CreatedSpace, r spaces.Request) CreatedSpace {
	out := CreatedSpace{Name: s.Name, DisplayName: s.DisplayName, Address: s.Address, Outcome: s.Outcome}
	results := memberResults(a, s.Outcome, r.External != nil && *r.External)
	for _, m := range slices.Concat(r.Members, r.More) {
		result, ok := results[m.User]
		if !ok { // the person themself, who is always a member
			result = MemberResult{Member: cmp.Or(m.Label, m.User), State: StateJoined}
		}
		out.Members = append(out.Members, result)
	}
	failed := map[spaces.Step]error{}
	for _, u := range s.FailedSteps {
		failed[u.Step] = u.Err
	}
	for _, step := range r.Rest.Steps() {
		result := StepResult{Step: step, State: StateDone}
		if err := failed[step]; err != nil {
			result.State, result.Detail = a.failedState(err), fault.Public(i18n.In("en"), err, "")
		} else if step == spaces.PostFirst {
			result.Message = s.FirstMessage
		}
		out.Steps = append(out.Steps, result)
	}
	return out
}

// failedState returns StatePending if a retry may succeed, else StateFailed.
func (a actor) failedState(err error) State {
	if a.mayPass(err) {
		return StatePending
	}
	return StateFailed
}

// mayPass reports whether a retry may succeed. A person who disconnected may connect again; what they declined is
// final, and so is each error after a day.
func (a actor) mayPass(err error) bool {
	needs, consent := capability.AsConsentError(err)
	return !a.attempt.Late && (fault.IsTransient(err) || consent && !needs.Declined)
}

// memberResults returns the results by users/{id or email address} or groups/{id}.
func memberResults(a actor, o spaces.Outcome, external bool) map[string]MemberResult {
	out, say := map[string]MemberResult{}, i18n.In("en")
	add := func(state State, members []spaces.Member, reason func(spaces.Member) string) {
		for _, m := range members {
			out[m.User] = MemberResult{cmp.Or(m.Label, m.User), state, reason(m)}
		}
	}
	none := func(spaces.Member) string { return "" }
	add(StateJoined, o.Joined, none)
	add(StateInvited, o.Invited, none)
	add(StateLeftOut, o.LeftOut, func(m spaces.Member) string { return say(spaces.LikelyReason(m, a.home, external)) })
	add(StatePending, o.Pending, none)
	for _, m := range o.Unchecked {
		result := MemberResult{Member: cmp.Or(m.Label, m.User), State: StateUnchecked}
		switch {
		case o.ListDeclined:
			result.Detail = "The person hasn't allowed Deputy to read members."
		case !a.mayPass(m.Err):
			result.Detail = fault.Public(say, m.Err, "")
		}
		out[m.User] = result
	}
	for _, m := range o.Failed {
		out[m.User] = MemberResult{cmp.Or(m.Label, m.User), a.failedState(m.Err), fault.Public(say, m.Err, "")}
	}
	return out
}
