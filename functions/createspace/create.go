package createspace

import (
	"context"

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
	return as(ctx, f, a, in.Body, func(person, source string) (api.CreateSpace201JSONResponse, string, error) {
		made, err := f.Spaces.Create(ctx, person, source, request)
		return api.CreateSpace201JSONResponse(answerOf(made, request)), made.Name, err
	})
}

// requestOf is the body as shared/spaces has it.
func requestOf(in api.CreateSpace) (spaces.Request, error) {
	out := spaces.Request{
		DisplayName: in.DisplayName, Description: value(in.Description), Guidelines: value(in.Guidelines),
		Discoverable: value(in.Access) == api.DISCOVERABLE, Announcements: value(in.Kind) == api.ANNOUNCEMENTS, External: value(in.ExternalUserAllowed),
		Rest: spaces.Rest{History: spaces.History(value(in.History)), AddTheApp: value(in.AddTheApp), First: value(in.FirstMessage)},
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
