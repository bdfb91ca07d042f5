package spaces

import (
	"context"
	"strings"

	"golang.org/x/oauth2"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/userauth"
)

// Created is a space that was made, and what came of each member.
type Created struct {
	Name        string // spaces/{id}
	DisplayName string
	Address     string // for a browser
	RequestID   string
	Joined      []Member
	Invited     []Member // have to accept first
	LeftOut     []Member // Google did not add them, and does not say why
	Unchecked   bool     // the members could not be listed: nobody is known to be in
	NotAllowed  bool     // ... because the person left that box unticked
}

// Create makes a space as a person. source names the doing it came from, such
// as the message of a command: the same person, source and request give the
// same space however often they come. NeedsConsent when the person has not
// allowed it; Conflict when the name is taken.
func (s *Spaces) Create(ctx context.Context, person, source string, r Request) (Created, error) {
	r, err := r.Checked(person)
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	id, err := r.id(s.keys, person, source)
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	needed := r.Needed()
	var space *chatapi.Space
	setup := func(token oauth2.TokenSource) (err error) {
		space, err = s.setup(ctx, token, r.api(id))
		return err
	}
	err = s.auth.Act(ctx, person, needed, userauth.CreateSpaces, setup)
	notAllowed := false
	if needs, ok := userauth.Needed(err); ok && onlyReading(needs) {
		// Creating is allowed, looking who got in is not: create, and say so.
		notAllowed = true
		err = s.auth.Act(ctx, person, needed[:1], userauth.CreateSpaces, setup)
	}
	if err != nil {
		return Created{}, fault.Wrap("spaces.Create", err)
	}
	out := Created{Name: space.Name, DisplayName: space.DisplayName, Address: address(space), RequestID: id, Unchecked: notAllowed, NotAllowed: notAllowed}
	if len(r.Members) > 0 && !notAllowed {
		// The space is there, whatever comes of this; a lack is asked for by
		// the next act.
		out.Unchecked = s.auth.Act(ctx, person, needed, userauth.ReadMembers, func(token oauth2.TokenSource) error {
			out.Joined, out.Invited, out.LeftOut = nil, nil, nil
			return s.compare(ctx, token, r.Members, &out)
		}) != nil
	}
	return out, nil
}

// onlyReading tells that a person refused the list of members, and only that.
func onlyReading(n *userauth.Needs) bool {
	return n.Declined && len(n.Missing) == 1 && n.Missing[0] == userauth.ReadMembers
}

func (s *Spaces) setup(ctx context.Context, token oauth2.TokenSource, r *chatapi.SetUpSpaceRequest) (*chatapi.Space, error) {
	call := s.api.Spaces.Setup(r)
	var space *chatapi.Space
	err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) (err error) {
		space, err = call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, translate("spaces.setup", err, r.Space.DisplayName)
	}
	return space, nil
}

// compare sorts the members that were asked for by what the space's list says:
// Google leaves people out without an error (chat-protocol.md 6.3).
func (s *Spaces) compare(ctx context.Context, token oauth2.TokenSource, asked []Member, out *Created) error {
	call := s.api.Spaces.Members.List(out.Name).ShowInvited(true).PageSize(1000)
	var list *chatapi.ListMembershipsResponse
	err := googlecall.Do(ctx, call.Header(), token, func(ctx context.Context) (err error) {
		list, err = call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return translate("spaces.members.list", err, "")
	}
	state := map[string]string{}
	for _, m := range list.Memberships {
		if m.Member != nil {
			state[m.Member.Name] = m.State
		}
	}
	for _, m := range asked {
		if strings.Contains(m.User, "@") { // the list names people by id only
			if state[m.User], err = s.member(ctx, token, out.Name, m); err != nil {
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

// address is where a browser finds the space. An answer to a repeated request
// may lack it: then the form that Google documents does (create-spaces page).
func address(s *chatapi.Space) string {
	if s.SpaceUri != "" {
		return s.SpaceUri
	}
	return "https://mail.google.com/chat/u/0/#chat/space/" + strings.TrimPrefix(s.Name, "spaces/")
}
