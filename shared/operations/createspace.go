package operations

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

// CreateSpace makes a space as a person. The caller, its key and the input make
// the operation: repeated, it gives the same space, and goes on with what is left
// to do for it.
func (o *Operations) CreateSpace(ctx context.Context, c Call, in NewSpace) (CreatedSpace, error) {
	wanted, err := o.wanted(ctx, c, in)
	if err != nil && in.Template == "" {
		return CreatedSpace{}, err
	}
	wanted.wrong = err
	op := operation{name: "createSpace", actions: wanted.actions(), needs: wanted.needed()}
	return run(ctx, o, c, op, in.identity(), func(who actor) (CreatedSpace, done, error) {
		j := journal{}
		if who.try.Journal != nil {
			if err := json.Unmarshal(who.try.Journal, &j); err != nil {
				return CreatedSpace{}, done{}, fault.Wrap("operations.CreateSpace", err)
			}
		}
		return o.create(ctx, who, c, op, wanted, j)
	})
}

// PlanSpace tells what CreateSpace would ask of Google, if it may be asked.
func (o *Operations) PlanSpace(ctx context.Context, c Call, in NewSpace) ([]spaces.Planned, error) {
	wanted, err := o.wanted(ctx, c, in)
	if err != nil && in.Template == "" {
		return nil, err
	}
	wanted.wrong = err
	c.Key = "" // nothing is done that could be done twice
	op := operation{name: "createSpace", actions: wanted.actions(), needs: wanted.needed()}
	return run(ctx, o, c, op, nil, func(who actor) ([]spaces.Planned, done, error) {
		if err := who.spaces.Ready(ctx, who.person, op.needs...); err != nil && !declined(err) {
			return nil, done{}, err
		}
		planned, err := who.spaces.Plan(ctx, func(ctx context.Context, plan *spaces.Spaces) error {
			dry := who
			dry.spaces = plan
			r, err := o.resolve(ctx, dry, wanted)
			if err == nil {
				_, err = plan.Create(ctx, who.person, who.key, r)
			}
			return err
		})
		return planned, done{}, err
	})
}

// FinishSpace does what a person's own CreateSpace has left of a request, for a
// space that is there. It can be repeated.
func (o *Operations) FinishSpace(ctx context.Context, c Call, space resource.SpaceName, r spaces.Request) (spaces.Outcome, error) {
	op := operation{name: "finishSpace", actions: only(callers.CreateSpaces), space: space, needs: r.Needed()}
	return run(ctx, o, c, op, r, func(who actor) (spaces.Outcome, done, error) {
		return who.spaces.Finish(ctx, who.person, who.key, space, r.Members, r.More, r.Rest), done{}, nil
	})
}

// only is the one action of an operation that does nothing else.
func only(action string) []string { return []string{action} }

// journal is what a try of a create keeps for the next.
type journal struct {
	Request *spaces.Request `json:"request,omitempty"` // as it was resolved at first: templates change, and so does the day
	Name    string          `json:"name,omitempty"`    // that was tried last, when the one before was taken
	Made    *CreatedSpace   `json:"made,omitempty"`    // the answer so far
}

func (j journal) keep(ctx context.Context, who actor) error {
	text, err := json.Marshal(j)
	if err != nil {
		return fault.Wrap("operations.keep", err)
	}
	return who.try.Keep(ctx, text)
}

// create is one try: from the start, or from where the one before has ended.
func (o *Operations) create(ctx context.Context, who actor, c Call, op operation, wanted wanted, j journal) (CreatedSpace, done, error) {
	if j.Request != nil {
		op.needs = append(op.needs, j.Request.Needed()...) // of the template as it was then
		if err := o.mayStill(ctx, c, op, who, *j.Request); err != nil {
			return CreatedSpace{}, done{}, err
		}
	}
	if err := who.spaces.Ready(ctx, who.person, op.needs...); err != nil && !declined(err) {
		return CreatedSpace{}, done{}, err // one consent asks for all
	}
	if j.Request == nil {
		r, err := o.resolve(ctx, who, wanted)
		if err != nil {
			return CreatedSpace{}, done{}, err
		}
		j.Request = &r
		if wanted.template != nil || wanted.groups() {
			if err := j.keep(ctx, who); err != nil {
				return CreatedSpace{}, done{}, err
			}
		}
	}
	answer, err := made(ctx, who, wanted, j)
	if err != nil {
		return answer, done{made: string(answer.Name)}, err
	}
	came := done{string(answer.Name), answer.Unfinished()}
	if came.incomplete {
		j.Made = &answer
		// Without it, the next try finds the space by its request, and looks.
		err = j.keep(context.WithoutCancel(ctx), who)
	}
	return answer, came, err
}

// mayStill asks for the right to post again, when a try before was to post what
// the request of now does not name: its template has changed.
func (o *Operations) mayStill(ctx context.Context, c Call, op operation, who actor, r spaces.Request) error {
	if c.self || r.Rest.First == "" || slices.Contains(op.actions, callers.CreateMessages) {
		return nil
	}
	if err := c.allowed(callers.CreateMessages); err != nil {
		return err
	}
	g, err := o.deps.Vault.Grant(ctx, who.known)
	if err == nil && !g.Approved(c.Caller.ID, c.Authority, callers.CreateMessages) && c.Authority == callers.ByUser {
		err = o.approval(ctx, c, only(callers.CreateMessages), op.needs)
	}
	return err
}

// declined tells that what is missing was refused knowingly: what can be done
// without is done.
func declined(err error) bool {
	needs, ok := capability.AsConsentError(err)
	return ok && needs.Declined
}

// made is the space, made now or by a try before, with what came of it.
func made(ctx context.Context, who actor, wanted wanted, j journal) (CreatedSpace, error) {
	if j.Made != nil {
		return goOn(ctx, who, *j.Request, *j.Made), nil
	}
	r := *j.Request
	r.DisplayName = cmp.Or(j.Name, r.DisplayName)
	made, err := who.spaces.Create(ctx, who.person, who.key, r)
	for n := 0; n < mostNames && wanted.taken == TakenSuffix && conflict(err); n++ {
		r.DisplayName = spaces.NextName(r.DisplayName)
		j.Name = r.DisplayName
		if err := j.keep(ctx, who); err != nil { // the next try must not make another
			return CreatedSpace{}, err
		}
		made, err = who.spaces.Create(ctx, who.person, who.key, r)
	}
	if wanted.taken == TakenReuse && conflict(err) {
		return reuse(ctx, who, r, err)
	}
	if err != nil {
		return CreatedSpace{}, err
	}
	return createdOf(who, made, r), nil
}

// mostNames is how many numbers are tried behind a name that is taken.
const mostNames = 20

func conflict(err error) bool { return err != nil && fault.KindOf(err) == fault.Conflict }

// reuse is the space of that name, if the person is in it; else what said that
// the name is taken.
func reuse(ctx context.Context, who actor, r spaces.Request, taken error) (CreatedSpace, error) {
	found, _, err := who.spaces.Search(ctx, who.person, r.DisplayName)
	if err != nil {
		return CreatedSpace{}, err
	}
	for _, s := range found {
		if strings.EqualFold(s.DisplayName, r.DisplayName) {
			r.Members, r.More, r.Rest = append(r.Members, r.More...), nil, spaces.Rest{}
			there := spaces.Created{Name: s.Name, DisplayName: s.DisplayName, Address: s.Address}
			there.Outcome = who.spaces.Finish(ctx, who.person, "", there.Name, r.Members, nil, r.Rest)
			answer := createdOf(who, there, r)
			answer.Reused = true
			return answer, nil
		}
	}
	return CreatedSpace{}, taken
}

// goOn does what an earlier try has left: members who are pending or were not
// looked at, and steps that may go well now. What is settled stays.
func goOn(ctx context.Context, who actor, r spaces.Request, before CreatedSpace) CreatedSpace {
	states := map[string]State{}
	for _, m := range before.Members {
		states[m.Member] = m.State
	}
	left := func(members []spaces.Member, of ...State) []spaces.Member {
		return slices.DeleteFunc(slices.Clone(members), func(m spaces.Member) bool { return !slices.Contains(of, states[cmp.Or(m.Label, m.User)]) })
	}
	look := left(r.Members, StateUnchecked)
	more := left(r.More, StatePending, StateUnchecked)
	var steps []spaces.Step
	for _, s := range before.Steps {
		if s.State == StatePending {
			steps = append(steps, s.Step)
		}
	}
	if before.Reused { // of a space that was there before, nothing else is changed
		look, more, steps = left(slices.Concat(r.Members, r.More), StateUnchecked), nil, nil
	}
	rest := r.Rest.Only(steps...)
	outcome := who.spaces.Finish(ctx, who.person, who.key, before.Name, look, more, rest)
	now := createdOf(who, spaces.Created{Outcome: outcome}, spaces.Request{Members: look, More: more, External: r.External, Rest: rest})
	after := before
	after.Members, after.Steps, after.Outcome = slices.Clone(before.Members), slices.Clone(before.Steps), outcome
	for i, m := range after.Members {
		if at := slices.IndexFunc(now.Members, func(n MemberResult) bool { return n.Member == m.Member }); at >= 0 {
			after.Members[i] = now.Members[at]
		}
	}
	for i, s := range after.Steps {
		if at := slices.IndexFunc(now.Steps, func(n StepResult) bool { return n.Step == s.Step }); at >= 0 {
			after.Steps[i] = now.Steps[at]
		}
	}
	return after
}

// NewConversation is what has no name: the group conversation of exactly these
// people, or the direct message with one.
type NewConversation struct {
	Direct  bool
	Members []spaces.Member
}

// CreateConversation finds or makes one.
func (o *Operations) CreateConversation(ctx context.Context, c Call, in NewConversation) (CreatedSpace, error) {
	if in.Direct && len(in.Members) != 1 {
		return CreatedSpace{}, invalid(i18n.English("A DIRECT_MESSAGE has exactly one member besides the person."))
	}
	op := operation{name: "createConversation", actions: only(callers.CreateSpaces), needs: []capability.Capability{capability.CreateSpaces, capability.ReadMembers}}
	if in.Direct {
		op.needs = op.needs[:1]
	}
	return run(ctx, o, c, op, []any{in.Direct, users(in.Members)}, func(who actor) (CreatedSpace, done, error) {
		var made spaces.Group
		var err error
		if in.Direct {
			made, err = who.spaces.DirectMessage(ctx, who.person, who.key, in.Members[0])
		} else {
			made, err = who.spaces.GroupChat(ctx, who.person, who.key, in.Members)
		}
		if err != nil {
			return CreatedSpace{}, done{}, err
		}
		answer := createdOf(who, spaces.Created{Name: made.Name, Address: made.Address, Outcome: made.Outcome}, spaces.Request{Members: in.Members})
		answer.Reused = made.Found
		return answer, done{string(answer.Name), answer.Unfinished()}, nil
	})
}
