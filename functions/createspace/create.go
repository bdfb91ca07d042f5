package createspace

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/deputy/functions/createspace/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// CreateSpace makes a space as a person. The caller, its key and the request
// make the act: repeated, they give the same space.
func (f function) CreateSpace(ctx context.Context, in api.CreateSpaceRequestObject) (api.CreateSpaceResponseObject, error) {
	request, err := requestOf(*in.Body)
	if err != nil {
		return nil, err
	}
	a := act{callers.CreateSpaces, in.Body.ActAs, "", in.Params.IdempotencyKey, request.Needed()}
	taken := value(in.Body.OnDuplicate)
	if taken == api.REUSE {
		a.needs = append(a.needs, userauth.ReadSpaces, userauth.ReadMembers)
	}
	answer, incomplete, err := as(ctx, f, a, in.Body, func(person, source string) (api.CreatedSpace, done, error) {
		if taken == api.REUSE {
			if _, err := f.Auth.TokenSource(ctx, person, a.needs...); err != nil {
				return api.CreatedSpace{}, done{}, err // one consent asks for all
			}
		}
		made, err := f.Spaces.Create(ctx, person, source, request)
		for n := 0; n < mostNames && taken == api.SUFFIX && conflict(err); n++ {
			request.DisplayName = spaces.NextName(request.DisplayName)
			made, err = f.Spaces.Create(ctx, person, source, request)
		}
		if taken == api.REUSE && conflict(err) {
			answer, again := f.reuse(ctx, person, request, err)
			return answer, done{made: answer.Name}, again
		}
		return answerOf(made, request), done{made.Name, unfinished(made.Outcome)}, err
	})
	switch {
	case err != nil:
		return nil, err
	case incomplete:
		return api.CreateSpace202JSONResponse{Body: answer, Headers: api.CreateSpace202ResponseHeaders{RetryAfter: some(retryAfter)}}, nil
	}
	return api.CreateSpace201JSONResponse(answer), nil
}

// retryAfter is in how many seconds what is incomplete may be sent again.
const retryAfter = 30

// unfinished tells that something failed which may go well later.
func unfinished(o spaces.Outcome) bool {
	return o.Unchecked && !o.NotAllowed || slices.ContainsFunc(o.Undone, func(u spaces.Undone) bool { return passes(u.Why) })
}

func passes(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Unavailable || kind == fault.RateLimited || kind == fault.Internal
}

// mostNames is how many numbers are tried behind a name that is taken.
const mostNames = 20

func conflict(err error) bool { return err != nil && fault.KindOf(err) == fault.Conflict }

// reuse is the space of that name, if the person is in it; else what said that
// the name is taken.
func (f function) reuse(ctx context.Context, person string, r spaces.Request, taken error) (api.CreatedSpace, error) {
	found, _, err := f.Spaces.Search(ctx, person, r.DisplayName)
	if err != nil {
		return api.CreatedSpace{}, err
	}
	at := slices.IndexFunc(found, func(s spaces.Found) bool { return strings.EqualFold(s.DisplayName, r.DisplayName) })
	if at < 0 {
		return api.CreatedSpace{}, taken
	}
	r.Rest = spaces.Rest{}
	there := spaces.Created{Name: found[at].Name, DisplayName: found[at].DisplayName, Address: found[at].Address}
	there.Outcome = f.Spaces.Finish(ctx, person, "", there.Name, r.Members, r.Rest)
	answer := answerOf(there, r)
	answer.Reused = some(true)
	return answer, nil
}

// requestOf is the body as shared/spaces has it.
func requestOf(in api.CreateSpace) (spaces.Request, error) {
	out := spaces.Request{
		DisplayName: in.DisplayName, Description: value(in.Description), Guidelines: value(in.Guidelines),
		Discoverable: value(in.Access) == api.DISCOVERABLE, Announcements: value(in.Kind) == api.ANNOUNCEMENTS, External: value(in.ExternalUserAllowed),
		Rest: spaces.Rest{History: spaces.History(value(in.History)), AddTheApp: value(in.AddTheApp), First: value(in.FirstMessage)},
	}
	if utf8.RuneCountInString(out.Rest.First) > maxText {
		return out, invalid(words.English("firstMessage has more than %d characters."), maxText)
	}
	var err error
	if out.Members, err = membersOf(value(in.Members)); err != nil {
		return out, err
	}
	return out.Checked("")
}

// membersOf are people and groups as a caller names them.
func membersOf(named []api.MemberName) ([]spaces.Member, error) {
	var out []spaces.Member
	for _, m := range named {
		name := m
		if !groupID.MatchString(m) {
			var err error
			if name, err = user(m, "members"); err != nil {
				return nil, err
			}
		}
		out = append(out, spaces.Member{User: name, Label: m})
	}
	return out, nil
}

func answerOf(made spaces.Created, r spaces.Request) api.CreatedSpace {
	out := api.CreatedSpace{Name: made.Name, DisplayName: made.DisplayName, Address: made.Address, Members: []api.MemberResult{}, Steps: []api.Step{}}
	add := func(state api.MemberResultState, members []spaces.Member) {
		for _, m := range members {
			out.Members = append(out.Members, api.MemberResult{Member: m.Label, State: state})
		}
	}
	if made.Unchecked {
		add(api.MemberResultStateUNCHECKED, r.Members)
	} else {
		add(api.MemberResultStateJOINED, made.Joined)
		add(api.MemberResultStateINVITED, made.Invited)
		add(api.MemberResultStateLEFTOUT, made.LeftOut)
	}
	failed := map[userauth.Capability]error{}
	for _, u := range made.Undone {
		failed[u.What] = u.Why
	}
	for _, c := range r.Rest.Needed() {
		step := api.Step{Step: steps[c], State: api.StepStateDONE}
		if why := failed[c]; why != nil {
			step.State, step.Detail = api.StepStateFAILED, some(fault.Public(words.In("en"), why, ""))
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// steps name a part of the rest by what it needs.
var steps = map[userauth.Capability]api.StepStep{
	userauth.EditSpaces: api.StepStepHistory, userauth.AddTheApp: api.StepStepAddTheApp, userauth.PostMessages: api.StepStepFirstMessage,
}
