package spaces

import (
	"cmp"
	"context"
	"maps"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Outcome is what came of all that can be done only when a space is there.
type Outcome struct {
	Joined     []Member
	Invited    []Member // have to accept first
	LeftOut    []Member // Google did not add them, and does not say why
	Failed     []Failed // Google refused to add them, and says why
	Pending    []Member // nobody has tried them for good yet: time or quota ran out
	Unchecked  bool     // the members could not be listed: nobody is known to be in
	NotAllowed bool     // ... because the person has knowingly not allowed that
	Undone     []Undone // of the rest
}

// Undone is a part of the rest that could not be done.
type Undone struct {
	Step Step
	Why  error
}

// Finish does the rest for a space that is there, adds more members than a
// setup takes one by one, and looks who of all of them got in, as a person.
// Whatever fails is told in the outcome. All of it can be repeated with the
// same source: who is in is not added again.
func (s *Spaces) Finish(ctx context.Context, person resource.Person, key resource.Key, space resource.SpaceName, members, more []Member, r Rest) Outcome {
	out := Outcome{Undone: s.rest(ctx, person, key, space, r)}
	if len(members)+len(more) == 0 {
		return out
	}
	in, err := s.roll(ctx, person, space, members)
	if err != nil {
		// Who has disconnected meanwhile may connect again: then the same
		// request goes on.
		needs, ok := capability.AsConsentError(err)
		out.Unchecked, out.NotAllowed = true, ok && needs.Declined
		if !out.NotAllowed {
			out.Pending = more
			return out
		}
		for _, m := range more {
			out.Failed = append(out.Failed, Failed{m, err})
		}
		return out
	}
	left := out.sort(members, in)
	out.LeftOut = left
	tried := s.addAll(ctx, person, space, out.sort(more, in))
	if len(tried.added) > 0 {
		if in, err = s.roll(ctx, person, space, nil); err != nil { // Google's answers count
			in = tried.in
		}
		maps.Copy(in.alias, tried.in.alias)
		out.LeftOut = append(out.LeftOut, out.sort(tried.added, in)...)
	}
	out.Failed, out.Pending = tried.failed, tried.pending
	return out
}

// sort puts members who are in to those who have joined or are invited, and
// gives the others.
func (o *Outcome) sort(members []Member, in roll) []Member {
	var absent []Member
	for _, m := range members {
		user := cmp.Or(in.alias[m.User], m.User)
		named := m
		named.Label = cmp.Or(m.Label, in.label[user])
		switch in.state[user] {
		case "JOINED":
			o.Joined = append(o.Joined, named)
		case "INVITED":
			o.Invited = append(o.Invited, named)
		default:
			absent = append(absent, m)
		}
	}
	return absent
}

// Steps are those that are undone.
func (o Outcome) Steps() []Step {
	var out []Step
	for _, u := range o.Undone {
		out = append(out, u.Step)
	}
	return out
}

// rest takes the steps of r, and tells which could not be taken.
func (s *Spaces) rest(ctx context.Context, person resource.Person, key resource.Key, space resource.SpaceName, r Rest) []Undone {
	var undone []Undone
	write := s.pace()
	for _, step := range r.Steps() {
		err := error(nil)
		if step != AddTheApp { // a membership is no write to the space
			err = write(ctx)
		}
		if err == nil {
			err = s.step(ctx, person, key, space, step, r, write)
		} else {
			err = &fault.Error{Op: "spaces.rest", Kind: fault.Unavailable, Err: err} // its time is over
		}
		if err != nil {
			undone = append(undone, Undone{step, err})
		}
	}
	return undone
}

// step takes one of them.
func (s *Spaces) step(ctx context.Context, person resource.Person, key resource.Key, space resource.SpaceName, step Step, r Rest, write func(context.Context) error) error {
	switch step {
	case SetHistory:
		return s.patch(ctx, person, space, &chatapi.Space{SpaceHistoryState: string(r.History)}, "spaceHistoryState")
	case SetPermissions:
		settings, mask := r.Permissions.api()
		return s.patch(ctx, person, space, &chatapi.Space{PermissionSettings: settings}, mask)
	case SetAccess:
		return s.patchAccess(ctx, person, space, r.Access, write)
	case AddTheApp:
		return s.addTheApp(ctx, person, space)
	case PostFirst:
		_, err := s.Say(ctx, person, key, Message{Space: space, Text: r.First})
		return err
	}
	return nil
}

// patchAccess sets who may find and join a space, each in a call of its own.
// Who may join has to be able to find it, so that comes first.
func (s *Spaces) patchAccess(ctx context.Context, person resource.Person, space resource.SpaceName, a AccessPermissions, write func(context.Context) error) error {
	if len(a.Discover) > 0 {
		settings := &chatapi.AccessPermissionSettings{DiscoverSpaceSetting: principals(a.Discover)}
		err := s.patch(ctx, person, space, &chatapi.Space{AccessSettings: &chatapi.AccessSettings{AccessPermissionSettings: settings}}, "accessSettings.accessPermissionSettings.discoverSpaceSetting")
		if err == nil && len(a.Join) > 0 {
			err = write(ctx)
		}
		if err != nil {
			return err
		}
	}
	if len(a.Join) == 0 {
		return nil
	}
	settings := &chatapi.AccessPermissionSettings{JoinSpaceSetting: principals(a.Join)}
	return s.patch(ctx, person, space, &chatapi.Space{AccessSettings: &chatapi.AccessSettings{AccessPermissionSettings: settings}}, "accessSettings.accessPermissionSettings.joinSpaceSetting")
}

// addTheApp makes this app a member, so that it hears commands there.
func (s *Spaces) addTheApp(ctx context.Context, person resource.Person, space resource.SpaceName) error {
	call := s.api.Spaces.Members.Create(string(space), &chatapi.Membership{Member: &chatapi.User{Name: "users/app", Type: "BOT"}})
	_, err := do(ctx, s, person, call, capability.AddTheApp)
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return nil // is in already
	}
	return err
}
