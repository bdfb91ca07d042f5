package createspace

import (
	"cmp"
	"context"
	"slices"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// answerOf is what came of a space, with each member and step in the order of
// the request.
func answerOf(who actor, made spaces.Created, r spaces.Request) api.CreatedSpace {
	out := api.CreatedSpace{Name: made.Name, DisplayName: made.DisplayName, Address: made.Address, Members: []api.MemberResult{}, Steps: []api.Step{}}
	results := resultsOf(who, made.Outcome, r.External != nil && *r.External)
	for _, m := range slices.Concat(r.Members, r.More) {
		result, ok := results[m.User]
		switch {
		case ok:
		case made.NotAllowed:
			result = api.MemberResult{Member: cmp.Or(m.Label, m.User), State: api.MemberResultStateUNCHECKED, Detail: some("The person has not allowed Deputy to see who is in their spaces.")}
		case made.Unchecked:
			result = api.MemberResult{Member: cmp.Or(m.Label, m.User), State: api.MemberResultStateUNCHECKED}
		default: // the person themself, who is in anyway
			result = api.MemberResult{Member: cmp.Or(m.Label, m.User), State: api.MemberResultStateJOINED}
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

func stepOf(s spaces.Step, why error) api.Step {
	if why == nil {
		return api.Step{Step: api.StepStep(s), State: api.StepStateDONE}
	}
	out := api.Step{Step: api.StepStep(s), State: api.StepStateFAILED, Detail: some(fault.Public(words.In("en"), why, ""))}
	if fault.Passes(why) || awaitsConsent(why) {
		out.State = api.StepStatePENDING
	}
	return out
}

// awaitsConsent reports whether something was not done since the person has
// disconnected meanwhile: it may be done when they are back. What they declined
// is settled.
func awaitsConsent(why error) bool {
	needs, ok := userauth.Needed(why)
	return ok && !needs.Declined
}

// resultsOf are those of the members by users/{id or e-mail address} or
// groups/{id}.
func resultsOf(who actor, o spaces.Outcome, external bool) map[string]api.MemberResult {
	out, say := map[string]api.MemberResult{}, words.In("en")
	add := func(state api.MemberResultState, members []spaces.Member, why func(spaces.Member) string) {
		for _, m := range members {
			out[m.User] = api.MemberResult{Member: cmp.Or(m.Label, m.User), State: state, Detail: some(why(m))}
		}
	}
	nothing := func(spaces.Member) string { return "" }
	add(api.MemberResultStateJOINED, o.Joined, nothing)
	add(api.MemberResultStateINVITED, o.Invited, nothing)
	add(api.MemberResultStateLEFTOUT, o.LeftOut, func(m spaces.Member) string { return say(spaces.LikelyReason(m, who.home, external)) })
	add(api.MemberResultStatePENDING, o.Pending, nothing)
	for _, m := range o.Failed {
		out[m.User] = failedResult(m)
	}
	return out
}

// failedResult is FAILED, or PENDING when it may go well later.
func failedResult(m spaces.Failed) api.MemberResult {
	state := api.MemberResultStateFAILED
	if fault.Passes(m.Why) || awaitsConsent(m.Why) {
		state = api.MemberResultStatePENDING
	}
	return api.MemberResult{Member: cmp.Or(m.Label, m.User), State: state, Detail: some(fault.Public(words.In("en"), m.Why, ""))}
}

// unfinished tells that there is more to do for a space, now or later.
func unfinished(a api.CreatedSpace) bool {
	return pending(a) || slices.ContainsFunc(a.Members, func(m api.MemberResult) bool { return m.State == api.MemberResultStateUNCHECKED && m.Detail == nil })
}

func pending(a api.CreatedSpace) bool {
	return slices.ContainsFunc(a.Members, func(m api.MemberResult) bool { return m.State == api.MemberResultStatePENDING }) ||
		slices.ContainsFunc(a.Steps, func(s api.Step) bool { return s.State == api.StepStatePENDING })
}

// goOn does what an earlier try has left: members who are pending or were not
// looked at, and steps that may go well now. What is settled stays.
func goOn(ctx context.Context, who actor, r spaces.Request, before api.CreatedSpace) api.CreatedSpace {
	states := map[string]api.MemberResultState{}
	for _, m := range before.Members {
		states[m.Member] = m.State
	}
	left := func(members []spaces.Member, of ...api.MemberResultState) []spaces.Member {
		return slices.DeleteFunc(slices.Clone(members), func(m spaces.Member) bool { return !slices.Contains(of, states[cmp.Or(m.Label, m.User)]) })
	}
	look := left(r.Members, api.MemberResultStateUNCHECKED)
	more := left(r.More, api.MemberResultStatePENDING, api.MemberResultStateUNCHECKED)
	var steps []spaces.Step
	for _, s := range before.Steps {
		if s.State == api.StepStatePENDING {
			steps = append(steps, spaces.Step(s.Step))
		}
	}
	if value(before.Reused) { // of a space that was there before, nothing else is changed
		look, more, steps = left(slices.Concat(r.Members, r.More), api.MemberResultStateUNCHECKED), nil, nil
	}
	rest := r.Rest.Only(steps...)
	now := answerOf(who, spaces.Created{Outcome: who.spaces.Finish(ctx, who.person, who.source, before.Name, look, more, rest)}, spaces.Request{Members: look, More: more, External: r.External, Rest: rest})
	after := before
	after.Members, after.Steps = slices.Clone(before.Members), slices.Clone(before.Steps)
	for i, m := range after.Members {
		if at := slices.IndexFunc(now.Members, func(n api.MemberResult) bool { return n.Member == m.Member }); at >= 0 {
			after.Members[i] = now.Members[at]
		}
	}
	for i, s := range after.Steps {
		if at := slices.IndexFunc(now.Steps, func(n api.Step) bool { return n.Step == s.Step }); at >= 0 {
			after.Steps[i] = now.Steps[at]
		}
	}
	return after
}
