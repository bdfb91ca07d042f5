package createspace

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// CreateSpace makes a space as a person. The caller, its key and the request
// make the act: repeated, they give the same space, and go on with what is
// left to do for it.
func (f function) CreateSpace(ctx context.Context, in api.CreateSpaceRequestObject) (api.CreateSpaceResponseObject, error) {
	if value(in.Body.SpaceType) == api.GROUPCHAT || value(in.Body.SpaceType) == api.DIRECTMESSAGE {
		return f.createConversation(ctx, in)
	}
	wanted, err := f.wanted(ctx, *in.Body)
	if err != nil && in.Body.Template == nil {
		return nil, err
	}
	wanted.wrong = err
	a := act{wanted.actions(), in.Body.ActAs, by(in.Body.Authority), "", in.Params.IdempotencyKey, wanted.needed()}
	if value(in.Body.DryRun) {
		return f.planSpace(ctx, a, wanted)
	}
	answer, incomplete, err := as(ctx, f, a, in.Body, func(who actor) (api.CreatedSpace, done, error) {
		j := journal{}
		if who.try.Journal != nil {
			if err := json.Unmarshal(who.try.Journal, &j); err != nil {
				return api.CreatedSpace{}, done{}, fault.Wrap("createspace.CreateSpace", err)
			}
		}
		return f.create(ctx, who, a, wanted, j)
	})
	return created(answer, incomplete, err)
}

func created(answer api.CreatedSpace, incomplete bool, err error) (api.CreateSpaceResponseObject, error) {
	switch {
	case err != nil:
		return nil, err
	case incomplete:
		wait := retryAfter
		if pending(answer) {
			wait = 1 // there is more to do than one request has time for
		}
		return api.CreateSpace202JSONResponse{Body: answer, Headers: api.CreateSpace202ResponseHeaders{RetryAfter: &wait}}, nil
	}
	return api.CreateSpace201JSONResponse(answer), nil
}

// retryAfter is in how many seconds what has failed may be sent again.
const retryAfter = 30

// journal is what a try of a create keeps for the next.
type journal struct {
	Request *spaces.Request   `json:"request,omitempty"` // as it was resolved at first: templates change, and so does the day
	Name    string            `json:"name,omitempty"`    // that was tried last, when the one before was taken
	Made    *api.CreatedSpace `json:"made,omitempty"`    // the answer so far
}

func (j journal) keep(ctx context.Context, who actor) error {
	text, err := json.Marshal(j)
	if err != nil {
		return fault.Wrap("createspace.keep", err)
	}
	return who.try.Keep(ctx, text)
}

// create is one try: from the start, or from where the one before has ended.
func (f function) create(ctx context.Context, who actor, a act, wanted wanted, j journal) (api.CreatedSpace, done, error) {
	if j.Request != nil {
		a.needs = append(a.needs, j.Request.Needed()...) // of the template as it was then
		if err := f.mayStill(ctx, a, who, *j.Request); err != nil {
			return api.CreatedSpace{}, done{}, err
		}
	}
	if err := who.spaces.Ready(ctx, who.person, a.needs...); err != nil && !declined(err) {
		return api.CreatedSpace{}, done{}, err // one consent asks for all
	}
	if j.Request == nil {
		r, err := f.resolve(ctx, who, wanted)
		if err != nil {
			return api.CreatedSpace{}, done{}, err
		}
		j.Request = &r
		if wanted.template != nil || wanted.groups() {
			if err := j.keep(ctx, who); err != nil {
				return api.CreatedSpace{}, done{}, err
			}
		}
	}
	answer, err := f.made(ctx, who, wanted, j)
	if err != nil {
		return answer, done{made: answer.Name}, err
	}
	came := done{answer.Name, unfinished(answer)}
	if came.incomplete {
		j.Made = &answer
		// Without it, the next try finds the space by its request, and looks.
		err = j.keep(context.WithoutCancel(ctx), who)
	}
	return answer, came, err
}

// mayStill asks for the right to post again, when a try before was to post what
// the request of now does not name: its template has changed.
func (f function) mayStill(ctx context.Context, a act, who actor, r spaces.Request) error {
	if r.Rest.First == "" || slices.Contains(a.actions, callers.CreateMessages) {
		return nil
	}
	caller := of(ctx).caller
	if err := f.allowed(caller, a.authority, a.named, callers.CreateMessages); err != nil {
		return err
	}
	g, err := f.Auth.Vault.Grant(ctx, who.known)
	if err == nil && !g.Approved(caller.ID, a.authority, callers.CreateMessages) && a.authority == callers.ByUser {
		a.actions = only(callers.CreateMessages)
		err = f.approval(ctx, caller, a, a.needs)
	}
	return err
}

// declined tells that what is missing was refused knowingly: what can be done
// without is done.
func declined(err error) bool {
	needs, ok := userauth.Needed(err)
	return ok && needs.Declined
}

// made is the space, made now or by a try before, with what came of it.
func (f function) made(ctx context.Context, who actor, wanted wanted, j journal) (api.CreatedSpace, error) {
	if j.Made != nil {
		return goOn(ctx, who, *j.Request, *j.Made), nil
	}
	r := *j.Request
	r.DisplayName = cmp.Or(j.Name, r.DisplayName)
	made, err := who.spaces.Create(ctx, who.person, who.source, r)
	for n := 0; n < mostNames && wanted.taken == api.SUFFIX && conflict(err); n++ {
		r.DisplayName = spaces.NextName(r.DisplayName)
		j.Name = r.DisplayName
		if err := j.keep(ctx, who); err != nil { // the next try must not make another
			return api.CreatedSpace{}, err
		}
		made, err = who.spaces.Create(ctx, who.person, who.source, r)
	}
	if wanted.taken == api.REUSE && conflict(err) {
		return reuse(ctx, who, r, err)
	}
	if err != nil {
		return api.CreatedSpace{}, err
	}
	return answerOf(who, made, r), nil
}

// mostNames is how many numbers are tried behind a name that is taken.
const mostNames = 20

func conflict(err error) bool { return err != nil && fault.KindOf(err) == fault.Conflict }

// reuse is the space of that name, if the person is in it; else what said that
// the name is taken.
func reuse(ctx context.Context, who actor, r spaces.Request, taken error) (api.CreatedSpace, error) {
	found, _, err := who.spaces.Search(ctx, who.person, r.DisplayName)
	if err != nil {
		return api.CreatedSpace{}, err
	}
	for _, s := range found {
		if strings.EqualFold(s.DisplayName, r.DisplayName) {
			r.Members, r.More, r.Rest = append(r.Members, r.More...), nil, spaces.Rest{}
			there := spaces.Created{Name: s.Name, DisplayName: s.DisplayName, Address: s.Address}
			there.Outcome = who.spaces.Finish(ctx, who.person, "", there.Name, r.Members, nil, r.Rest)
			answer := answerOf(who, there, r)
			answer.Reused = some(true)
			return answer, nil
		}
	}
	return api.CreatedSpace{}, taken
}

// planSpace tells what a create would ask of Google, if it may be asked.
func (f function) planSpace(ctx context.Context, a act, wanted wanted) (api.CreateSpaceResponseObject, error) {
	a.key = "" // nothing is done that could be done twice
	return final(as(ctx, f, a, nil, func(who actor) (api.CreateSpace200JSONResponse, done, error) {
		out := api.CreateSpace200JSONResponse{Requests: []api.PlannedRequest{}}
		if err := who.spaces.Ready(ctx, who.person, a.needs...); err != nil && !declined(err) {
			return out, done{}, err
		}
		planned, err := who.spaces.Plan(ctx, func(ctx context.Context, plan *spaces.Spaces) error {
			dry := who
			dry.spaces = plan
			r, err := f.resolve(ctx, dry, wanted)
			if err == nil {
				_, err = plan.Create(ctx, who.person, who.source, r)
			}
			return err
		})
		for _, p := range planned {
			request := api.PlannedRequest{Method: p.Method, Url: p.URL}
			if p.Body != nil {
				var body map[string]any
				if err := json.Unmarshal(p.Body, &body); err != nil {
					return out, done{}, fault.Wrap("createspace.planSpace", err)
				}
				request.Body = &body
			}
			out.Requests = append(out.Requests, request)
		}
		return out, done{}, err
	}))
}

// createConversation finds or makes what has no name: the group conversation of
// exactly these people, or the direct message with one.
func (f function) createConversation(ctx context.Context, in api.CreateSpaceRequestObject) (api.CreateSpaceResponseObject, error) {
	b := *in.Body
	plain := api.CreateSpace{ActAs: b.ActAs, Authority: b.Authority, SpaceType: b.SpaceType, Members: b.Members}
	if !same(plain, b) {
		return nil, invalid(words.English("A %s takes members, and nothing else but actAs and authority."), *b.SpaceType)
	}
	members, err := membersOf(value(b.Members))
	switch {
	case err != nil:
		return nil, err
	case *b.SpaceType == api.DIRECTMESSAGE && len(members) != 1:
		return nil, invalid(words.English("A DIRECT_MESSAGE has exactly one member besides the person."))
	}
	a := act{only(callers.CreateSpaces), b.ActAs, by(b.Authority), "", in.Params.IdempotencyKey, []capability.Capability{capability.CreateSpaces, capability.ReadMembers}}
	if *b.SpaceType == api.DIRECTMESSAGE {
		a.needs = a.needs[:1]
	}
	return created(as(ctx, f, a, b, func(who actor) (api.CreatedSpace, done, error) {
		var made spaces.Group
		var err error
		if *b.SpaceType == api.DIRECTMESSAGE {
			made, err = who.spaces.DirectMessage(ctx, who.person, who.source, members[0])
		} else {
			made, err = who.spaces.GroupChat(ctx, who.person, who.source, members)
		}
		if err != nil {
			return api.CreatedSpace{}, done{}, err
		}
		answer := answerOf(who, spaces.Created{Name: made.Name, Address: made.Address, Outcome: made.Outcome}, spaces.Request{Members: members})
		answer.Reused = some(made.Found)
		return answer, done{answer.Name, unfinished(answer)}, nil
	}))
}

func same(a, b api.CreateSpace) bool {
	one, err := json.Marshal(a)
	other, failed := json.Marshal(b)
	return err == nil && failed == nil && string(one) == string(other)
}
