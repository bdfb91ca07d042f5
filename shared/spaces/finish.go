package spaces

import (
	"cmp"
	"context"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Outcome is what became of the requested members of a space, and of the steps that follow its creation.
type Outcome struct {
	Joined       []Member
	Invited      []Member          // have to accept first
	LeftOut      []Member          // Google did not add them and gave no reason
	Failed       []FailedMember    // Google refused to add them and gave a reason
	Pending      []Member          // not added yet: time or quota ran out
	Unchecked    []FailedMember    // it is not known whether they were added
	ListDeclined bool              // the person declined to let Deputy list them
	IDs          map[string]string // users/{email address} to users/{id}, of members who were looked up
	FailedSteps  []FailedStep      // steps of the rest that failed
	FirstMessage string            // name of the message that a step posted; may be empty
}

// FailedMember is a member who was not added, or could not be looked up.
type FailedMember struct {
	Member
	Err error
}

// FailedStep is a step of the rest that failed.
type FailedStep struct {
	Step Step
	Err  error
}

// Finish does what follows the creation of a space as a person: r.Rest, and r.More one by one, because they exceed a
// setup. It checks which of r.Members were added. Failures are part of the outcome. It can be repeated with the same
// key: members are not added twice.
func (s *Spaces) Finish(
	ctx context.Context, person resource.Person, key resource.Key, space resource.SpaceName, r Request,
) Outcome {
	members, more := r.Members, r.More
	out := Outcome{}
	out.FirstMessage, out.FailedSteps = s.doFollowUp(ctx, person, key, space, r.Rest)
	if len(members)+len(more) == 0 {
		return out
	}
	found, err := s.readRoster(ctx, person, space, members)
	if err != nil {
		// A person who has disconnected may connect again, so their members stay pending. What they declined is final.
		needs, ok := capability.AsConsentError(err)
		out.ListDeclined = ok && needs.Declined
		out.Unchecked = failedMembers(members, err)
		if out.ListDeclined {
			out.Failed = failedMembers(more, err)
		} else {
			out.Pending = more
		}
		return out
	}
	out.IDs = found.alias
	out.LeftOut = out.classify(members, found)
	added, err := s.addAll(ctx, person, space, out.classify(more, found))
	if err != nil {
		added.Failed, added.Pending = append(added.Failed, failedMembers(added.Pending, err)...), nil
	}
	out.Joined, out.Invited = append(out.Joined, added.Joined...), append(out.Invited, added.Invited...)
	out.LeftOut, out.Failed, out.Pending = append(out.LeftOut, added.LeftOut...), added.Failed, added.Pending
	return out
}

func failedMembers(members []Member, err error) []FailedMember {
	out := make([]FailedMember, len(members))
	for i, m := range members {
		out[i] = FailedMember{m, err}
	}
	return out
}

// classify appends members in the roster to Joined or Invited, those who could not be looked up to Unchecked, and
// returns the others.
func (o *Outcome) classify(members []Member, r roster) []Member {
	var absent []Member
	for _, m := range members {
		user := cmp.Or(r.alias[m.User], m.User)
		state := cmp.Or(r.state[user], r.state[m.User])
		switch err := r.failed[m.User]; {
		case err != nil:
			o.Unchecked = append(o.Unchecked, FailedMember{m, err})
		case state == stateJoined || state == stateInvited:
			o.place(m, state, r.label[user])
		default:
			absent = append(absent, m)
		}
	}
	return absent
}

// place appends a member to the list of a state.
func (o *Outcome) place(m Member, state, label string) {
	labeled := m
	labeled.Label = cmp.Or(m.Label, label)
	switch state {
	case stateJoined:
		o.Joined = append(o.Joined, labeled)
	case stateInvited:
		o.Invited = append(o.Invited, labeled)
	default:
		o.LeftOut = append(o.LeftOut, m)
	}
}

// StepsLeft returns the steps that failed.
func (o Outcome) StepsLeft() []Step {
	var out []Step
	for _, u := range o.FailedSteps {
		out = append(out, u.Step)
	}
	return out
}

// doFollowUp does the steps of r. It returns the name of the message that one posted, and the steps that failed.
func (s *Spaces) doFollowUp(
	ctx context.Context, person resource.Person, key resource.Key, space resource.SpaceName, r FollowUp,
) (message string, undone []FailedStep) {
	wait := s.pace()
	for _, step := range r.Steps() {
		err := error(nil)
		if step != AddTheApp { // a membership does not count as a write to the space
			err = wait(ctx)
		}
		switch {
		case err != nil:
		case step == PostFirst:
			var posted PostedMessage
			posted, err = s.PostMessage(ctx, person, key, Message{Space: space, Text: r.FirstMessage})
			message = posted.Name
		default:
			err = s.doStep(ctx, person, space, step, r, wait)
		}
		if err != nil {
			undone = append(undone, FailedStep{step, err})
		}
	}
	return message, undone
}

func (s *Spaces) doStep(
	ctx context.Context, person resource.Person, space resource.SpaceName,
	step Step, r FollowUp, wait func(context.Context) error,
) error {
	switch step {
	case SetHistory:
		return s.patch(ctx, person, space, &chatapi.Space{SpaceHistoryState: string(r.History)}, "spaceHistoryState")
	case SetPermissions:
		settings, mask := r.Permissions.api()
		return s.patch(ctx, person, space, &chatapi.Space{PermissionSettings: settings}, mask)
	case SetAccess:
		return s.patchAccess(ctx, person, space, r.Access, wait)
	case AddTheApp:
		return s.addTheApp(ctx, person, space)
	}
	return nil
}

// patchAccess sets the audiences that can find and join a space, in one call each. An audience that can join must be
// able to find the space, so that goes first. If only the second call fails, the error is a *fault.PartialError.
func (s *Spaces) patchAccess(
	ctx context.Context, person resource.Person, space resource.SpaceName,
	a AccessPermissions, wait func(context.Context) error,
) error {
	patch := func(settings *chatapi.AccessPermissionSettings, field string) error {
		access := &chatapi.AccessSettings{AccessPermissionSettings: settings}
		mask := "accessSettings.accessPermissionSettings." + field
		return s.patch(ctx, person, space, &chatapi.Space{AccessSettings: access}, mask)
	}
	if len(a.Discover) > 0 {
		discover := &chatapi.AccessPermissionSettings{DiscoverSpaceSetting: principals(a.Discover)}
		if err := patch(discover, "discoverSpaceSetting"); err != nil || len(a.Join) == 0 {
			return err
		}
	}
	var err error
	if len(a.Discover) > 0 {
		err = wait(ctx)
	}
	if err == nil && len(a.Join) > 0 {
		join := &chatapi.AccessPermissionSettings{JoinSpaceSetting: principals(a.Join)}
		err = patch(join, "joinSpaceSetting")
	}
	if err != nil && len(a.Discover) > 0 {
		return &fault.PartialError{Err: err}
	}
	return err
}

// addTheApp makes this app a member, so that it receives commands in the space.
func (s *Spaces) addTheApp(ctx context.Context, person resource.Person, space resource.SpaceName) error {
	app := &chatapi.Membership{Member: &chatapi.User{Name: "users/app", Type: "BOT"}}
	_, err := do(ctx, s, person, s.api.Spaces.Members.Create(string(space), app), capability.AddTheApp)
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return nil // already a member
	}
	return err
}
