package spaces

import (
	"cmp"
	"context"
	"strings"

	"golang.org/x/oauth2"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/userauth"
)

// Outcome is what came of all that can be done only when a space is there.
type Outcome struct {
	Joined     []Member
	Invited    []Member // have to accept first
	LeftOut    []Member // Google did not add them, and does not say why
	Unchecked  bool     // the members could not be listed: nobody is known to be in
	NotAllowed bool     // ... because the person has not allowed that
	Undone     []Undone // of the rest
}

// Undone is a part of the rest that could not be done.
type Undone struct {
	What userauth.Capability // that it needs: each part has its own
	Why  error
}

// Only is the part of r that is undone.
func (r Rest) Only(undone []Undone) Rest {
	var out Rest
	for _, u := range undone {
		switch u.What {
		case userauth.EditSpaces:
			out.History = r.History
		case userauth.AddTheApp:
			out.AddTheApp = r.AddTheApp
		case userauth.PostMessages:
			out.First = r.First
		}
	}
	return out
}

// Finish looks who of the members got into a space that is there, and does the
// rest, as a person. Whatever fails is told in the outcome. All of it can be
// repeated with the same source.
func (s *Spaces) Finish(ctx context.Context, person, source, space string, members []Member, r Rest) Outcome {
	var out Outcome
	if len(members) > 0 {
		err := s.auth.Act(ctx, person, []userauth.Capability{userauth.ReadMembers}, userauth.ReadMembers, func(token oauth2.TokenSource) error {
			return s.compare(ctx, token, space, members, &out)
		})
		_, out.NotAllowed = userauth.Needed(err)
		out.Unchecked = err != nil
	}
	try := func(wanted bool, what userauth.Capability, do func() error) {
		if !wanted {
			return
		}
		if err := do(); err != nil {
			out.Undone = append(out.Undone, Undone{what, err})
		}
	}
	try(r.History != "", userauth.EditSpaces, func() error {
		return s.patch(ctx, person, space, &chatapi.Space{SpaceHistoryState: string(r.History)}, "spaceHistoryState")
	})
	try(r.AddTheApp, userauth.AddTheApp, func() error { return s.addTheApp(ctx, person, space) })
	try(r.First != "", userauth.PostMessages, func() error {
		_, err := s.Say(ctx, person, source, space, "", r.First)
		return err
	})
	return out
}

// compare sorts the members that were asked for by what the space's list says:
// Google leaves people out without an error (chat-protocol.md 6.3).
func (s *Spaces) compare(ctx context.Context, token oauth2.TokenSource, space string, asked []Member, out *Outcome) error {
	list, err := s.members(ctx, token, s.api.Spaces.Members.List(space).ShowInvited(true).ShowGroups(true))
	if err != nil {
		return err
	}
	out.Joined, out.Invited, out.LeftOut = nil, nil, nil
	state, name := map[string]string{}, map[string]string{}
	for _, m := range list {
		switch {
		case m.Member != nil:
			state[m.Member.Name], name[m.Member.Name] = m.State, m.Member.DisplayName
		case m.GroupMember != nil:
			state[m.GroupMember.Name] = m.State
		}
	}
	for _, m := range asked {
		m.Label = cmp.Or(m.Label, name[m.User])
		if strings.Contains(m.User, "@") { // the list names people by id only
			if state[m.User], err = s.member(ctx, token, space, m); err != nil {
				return err
			}
		}
		switch state[m.User] {
		case "JOINED":
			out.Joined = append(out.Joined, m)
		case "INVITED":
			out.Invited = append(out.Invited, m)
		default:
			out.LeftOut = append(out.LeftOut, m)
		}
	}
	return nil
}

// member is the state of a member known by e-mail, empty for one who is not in.
func (s *Spaces) member(ctx context.Context, token oauth2.TokenSource, space string, m Member) (string, error) {
	call := s.api.Spaces.Members.Get(space + "/members/" + strings.TrimPrefix(m.User, "users/"))
	var found *chatapi.Membership
	err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) (err error) {
		found, err = call.Context(ctx).Do()
		return err
	})
	if err != nil {
		if err = translate("spaces.members.get", err, ""); fault.KindOf(err) == fault.NotFound {
			return "", nil
		}
		return "", err
	}
	return found.State, nil
}

// addTheApp makes this app a member, so that it hears commands there.
func (s *Spaces) addTheApp(ctx context.Context, person, space string) error {
	call := s.api.Spaces.Members.Create(space, &chatapi.Membership{Member: &chatapi.User{Name: "users/app", Type: "BOT"}})
	err := s.auth.Act(ctx, person, []userauth.Capability{userauth.AddTheApp}, userauth.AddTheApp, func(token oauth2.TokenSource) error {
		err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) error {
			_, err := call.Context(ctx).Do()
			return err
		})
		return translate("spaces.members.create", err, "")
	})
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return nil // is in already
	}
	return err
}
