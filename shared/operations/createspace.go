package operations

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/text"
)

// CreateSpace creates a space as a person. A repetition with the same caller,
// key and input returns the same space and continues with the work left for it.
func (o *Operations) CreateSpace(ctx context.Context, c Call, in NewSpace) (CreatedSpace, error) {
	d, op, err := o.prepareCreate(ctx, c, in)
	if err != nil {
		return CreatedSpace{}, err
	}
	return run(ctx, o, c, op, in.identity(), func(a actor) (CreatedSpace, error) {
		j := journal{}
		if a.attempt.Journal != nil {
			if err := json.Unmarshal(a.attempt.Journal, &j); err != nil {
				return CreatedSpace{}, fault.Wrap("operations.CreateSpace", err)
			}
		}
		return o.create(ctx, a, c, op, d, j)
	})
}

// prepareCreate returns the draft and the operation of an input. It keeps the error
// of a template in the draft, because a repetition does not need the template.
func (o *Operations) prepareCreate(ctx context.Context, c Call, in NewSpace) (draft, operation, error) {
	d, err := o.newDraft(ctx, c, in)
	if err != nil && in.Template == "" {
		return d, operation{}, err
	}
	d.err = err
	return d, operation{name: "createSpace", actions: d.actions(), needs: d.capabilities()}, nil
}

// PlanSpace returns the requests that CreateSpace would send to Google. It needs the same rights.
func (o *Operations) PlanSpace(ctx context.Context, c Call, in NewSpace) ([]spaces.PlannedRequest, error) {
	d, op, err := o.prepareCreate(ctx, c, in)
	if err != nil {
		return nil, err
	}
	c.Key = "" // a plan has no effect, so it may run twice
	return run(ctx, o, c, op, nil, func(a actor) ([]spaces.PlannedRequest, error) {
		if err := a.spaces.CheckCapabilities(ctx, a.person, op.needs...); err != nil && !isDeclined(err) {
			return nil, err
		}
		return a.spaces.Plan(ctx, func(ctx context.Context, planner *spaces.Spaces) error {
			dry := a
			dry.spaces = planner
			r, err := o.resolve(ctx, dry, d)
			if err == nil {
				_, err = planner.Create(ctx, a.person, a.key, r)
			}
			return err
		})
	})
}

// FinishSpace does what a person's own CreateSpace has left of a request, for a space that exists. It can be repeated.
func (o *Operations) FinishSpace(
	ctx context.Context, c Call, space resource.SpaceName, r spaces.Request,
) (spaces.Outcome, error) {
	op := operation{name: "finishSpace", actions: []string{callers.CreateSpaces}, space: space, needs: r.Capabilities()}
	return run(ctx, o, c, op, r, func(a actor) (spaces.Outcome, error) {
		return a.spaces.Finish(ctx, a.person, a.key, space, r), nil
	})
}

// journal is what one attempt at a create saves for the next.
type journal struct {
	Request *spaces.Request `json:"request,omitempty"` // as first resolved: templates and the date change
	Name    string          `json:"name,omitempty"`    // last name that was tried, if the requested one was taken
	Made    *CreatedSpace   `json:"made,omitempty"`    // the answer so far
}

func (j journal) save(ctx context.Context, a actor) error {
	text, err := json.Marshal(j)
	if err != nil {
		return fault.Wrap("operations.save", err)
	}
	return a.attempt.SaveJournal(ctx, text)
}

// create is one attempt: from the start, or from where the earlier one ended.
func (o *Operations) create(
	ctx context.Context, a actor, c Call, op operation, d draft, j journal,
) (CreatedSpace, error) {
	if j.Request != nil {
		op.needs = append(op.needs, j.Request.Capabilities()...) // of the template as it was then
		if err := o.authorizePost(ctx, c, op, a, *j.Request); err != nil {
			return CreatedSpace{}, err
		}
	}
	if err := a.spaces.CheckCapabilities(ctx, a.person, op.needs...); err != nil && !isDeclined(err) {
		return CreatedSpace{}, err // one consent asks for all
	}
	if j.Request == nil {
		r, err := o.resolve(ctx, a, d)
		if err != nil {
			return CreatedSpace{}, err
		}
		j.Request = &r
		if d.template != nil || d.hasGroupAddress() {
			if err := j.save(ctx, a); err != nil {
				return CreatedSpace{}, err
			}
		}
	}
	answer, err := createOrContinue(ctx, a, d, j)
	a.done.created = string(answer.Name)
	if a.done.incomplete = answer.Unfinished(); err == nil && a.done.incomplete {
		j.Made = &answer
		// Without the journal, the next attempt finds the space by its request and checks its members.
		err = j.save(context.WithoutCancel(ctx), a)
	} else if err == nil && d.read {
		// Google's response to the creation may leave out fields, so its ETag would match nothing.
		if info, err := a.spaces.Get(ctx, a.person, answer.Name); err == nil {
			answer.ETag = ETag(info)
		}
	}
	return answer, err
}

// authorizePost checks the right to post if the saved request posts and the
// current one does not, because its template has changed.
func (o *Operations) authorizePost(ctx context.Context, c Call, op operation, a actor, r spaces.Request) error {
	if c.self || r.Rest.FirstMessage == "" || slices.Contains(op.actions, callers.CreateMessages) {
		return nil
	}
	if err := c.authorize(callers.CreateMessages); err != nil || c.Authority != callers.AuthorityUser {
		return err // the other authorities need no approval, and the person may have no grant
	}
	g, err := o.deps.Vault.Grant(ctx, a.known)
	if err == nil && !g.HasApproved(c.Caller.ID, c.Authority, callers.CreateMessages) {
		err = o.approvalError(ctx, c, []string{callers.CreateMessages}, op.needs)
	}
	return err
}

// isDeclined reports whether the person knowingly refused what is missing; then
// the operation does what is possible without it.
func isDeclined(err error) bool {
	needs, ok := capability.AsConsentError(err)
	return ok && needs.Declined
}

// createOrContinue creates the space, or continues with the one of an earlier attempt.
func createOrContinue(ctx context.Context, a actor, d draft, j journal) (CreatedSpace, error) {
	if j.Made != nil {
		return continueCreate(ctx, a, *j.Request, *j.Made), nil
	}
	r := *j.Request
	r.DisplayName = cmp.Or(j.Name, r.DisplayName)
	space, err := a.spaces.Create(ctx, a.person, a.key, r)
	for n := 0; n < maxNames && d.taken == DuplicateSuffix && isConflict(err); n++ {
		r.DisplayName = spaces.TakenName{Name: r.DisplayName, Asked: j.Request.DisplayName}.Next()
		j.Name = r.DisplayName
		if err := j.save(ctx, a); err != nil { // the next attempt must not create another space
			return CreatedSpace{}, err
		}
		space, err = a.spaces.Create(ctx, a.person, a.key, r)
	}
	if d.taken == DuplicateReuse && isConflict(err) {
		return reuse(ctx, a, r, err)
	}
	if err != nil {
		return CreatedSpace{}, err
	}
	return newCreatedSpace(a, space, r), nil
}

// maxNames limits how many numbers are tried after a name that is taken.
const maxNames = 20

func isConflict(err error) bool { return err != nil && fault.KindOf(err) == fault.Conflict }

// reuse returns the space with the requested name if the person is in it, else the conflict.
func reuse(ctx context.Context, a actor, r spaces.Request, conflict error) (CreatedSpace, error) {
	found, _, err := a.spaces.Search(ctx, a.person, r.DisplayName)
	if err != nil {
		return CreatedSpace{}, err
	}
	for _, s := range found {
		if text.Comparable(s.DisplayName) == text.Comparable(r.DisplayName) {
			r.Members, r.More, r.Rest = append(r.Members, r.More...), nil, spaces.FollowUp{}
			space := spaces.CreatedSpace{Name: s.Name, DisplayName: s.DisplayName, Address: s.Address}
			space.Outcome = a.spaces.Finish(ctx, a.person, "", space.Name, r)
			answer := newCreatedSpace(a, space, r)
			answer.Reused = true
			return answer, nil
		}
	}
	return CreatedSpace{}, conflict
}

// continueCreate retries pending members and steps of an earlier attempt and
// checks members who were not checked. Final results stay.
func continueCreate(ctx context.Context, a actor, r spaces.Request, before CreatedSpace) CreatedSpace {
	states := map[string]State{}
	for _, m := range before.Members {
		states[m.Member] = m.State
	}
	filter := func(members []spaces.Member, keep ...State) []spaces.Member {
		return slices.DeleteFunc(slices.Clone(members), func(m spaces.Member) bool {
			return !slices.Contains(keep, states[cmp.Or(m.Label, m.User)])
		})
	}
	toCheck, toAdd := filter(r.Members, StateUnchecked), filter(r.More, StatePending, StateUnchecked)
	var steps []spaces.Step
	for _, s := range before.Steps {
		if s.State == StatePending {
			steps = append(steps, s.Step)
		}
	}
	if before.Reused { // a reused space is not changed
		toCheck, toAdd, steps = filter(slices.Concat(r.Members, r.More), StateUnchecked), nil, nil
	}
	left := spaces.Request{Members: toCheck, More: toAdd, External: r.External, Rest: r.Rest.Select(steps...)}
	outcome := a.spaces.Finish(ctx, a.person, a.key, before.Name, left)
	now := newCreatedSpace(a, spaces.CreatedSpace{Outcome: outcome}, left)
	after := before
	after.Members, after.Steps, after.Outcome = slices.Clone(before.Members), slices.Clone(before.Steps), outcome
	for i, m := range after.Members {
		same := func(n MemberResult) bool { return n.Member == m.Member }
		if k := slices.IndexFunc(now.Members, same); k >= 0 {
			after.Members[i] = now.Members[k]
		}
	}
	for i, s := range after.Steps {
		if k := slices.IndexFunc(now.Steps, func(n StepResult) bool { return n.Step == s.Step }); k >= 0 {
			after.Steps[i] = now.Steps[k]
		}
	}
	return after
}

// NewConversation is a conversation without a name: the group conversation of
// exactly these people, or the direct message with one.
type NewConversation struct {
	Direct  bool
	Members []spaces.Member
}

// CreateConversation finds or creates a conversation.
func (o *Operations) CreateConversation(ctx context.Context, c Call, in NewConversation) (CreatedSpace, error) {
	if in.Direct && len(in.Members) != 1 {
		return CreatedSpace{}, invalid(i18n.English("A DIRECT_MESSAGE has exactly one member besides the person."))
	}
	needs := []capability.Capability{capability.CreateSpaces, capability.ReadMembers}
	if in.Direct {
		needs = needs[:1]
	}
	op := operation{name: "createConversation", actions: []string{callers.CreateSpaces}, needs: needs}
	return run(ctx, o, c, op, []any{in.Direct, users(in.Members)}, func(a actor) (CreatedSpace, error) {
		var space spaces.CreatedSpace
		var err error
		if in.Direct {
			space, err = a.spaces.EnsureDirectMessage(ctx, a.person, a.key, in.Members[0])
		} else {
			space, err = a.spaces.EnsureGroupChat(ctx, a.person, a.key, in.Members)
		}
		if err != nil {
			return CreatedSpace{}, err
		}
		answer := newCreatedSpace(a, space, spaces.Request{Members: in.Members})
		answer.Reused = space.Found
		*a.done = effect{string(answer.Name), answer.Unfinished()}
		return answer, nil
	})
}
