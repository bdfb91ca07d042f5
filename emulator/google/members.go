package google

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

func (s *Server) listMembers(c caller, id string, q url.Values) (any, *apiError) {
	invited := q.Get("showInvited") == "true"
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	switch filter := q.Get("filter"); {
	case !c.canSee(space):
		return nil, notFound
	case c.admin && filter != `member.type = "HUMAN"` && filter != `member.type != "BOT"`:
		return nil, invalid("With admin access, the filter must exclude apps.")
	}
	list := []any{}
	for _, m := range space.Members {
		if m.State == "JOINED" || invited {
			list = append(list, map[string]any{
				"name": space.member(m.Person.Sub), "state": m.State,
				"member": s.userResource(m.Person, c.Person), "role": cmp.Or(m.Role, "ROLE_MEMBER"),
			})
		}
	}
	if q.Get("showGroups") == "true" {
		for _, group := range space.Groups {
			list = append(list, space.groupMember(group))
		}
	}
	return s.paginate(q, "memberships", list)
}

// groupMemberName returns a name that cannot be built from the group's: Google documents no form.
func (s *Space) groupMemberName(group string) string {
	return s.member(fmt.Sprintf("g%x", sha256.Sum256([]byte(s.ID+group)))[:20])
}

func (s *Space) groupMember(group string) map[string]any {
	return map[string]any{
		"name": s.groupMemberName(group), "state": "JOINED",
		"groupMember": map[string]any{"name": group},
	}
}

// personMember returns the membership of a person, without a role.
func (s *Space) personMember(p Person, state string) map[string]any {
	member := map[string]any{"name": p.User(), "type": "HUMAN"}
	return map[string]any{"name": s.member(p.Sub), "state": state, "member": member}
}

func (s *Space) member(id string) string { return s.Name() + "/members/" + id }

// getMember is spaces.members.get. member is an ID or an email address.
func (s *Server) getMember(c caller, id, member string) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if !c.canSee(space) {
		return nil, notFound
	}
	if i := space.group(member); i >= 0 {
		return space.groupMember(space.Groups[i]), nil
	}
	if other, ok := FindPerson(member); ok {
		for _, m := range space.Members {
			if m.Person == other {
				out := space.personMember(other, m.State)
				out["role"] = cmp.Or(m.Role, "ROLE_MEMBER")
				return out, nil
			}
		}
	}
	return nil, notFound
}

var roles = []string{"ROLE_MEMBER", "ROLE_ASSISTANT_MANAGER", "ROLE_MANAGER"}

// patchMember is spaces.members.patch for the role, by a manager.
func (s *Server) patchMember(c caller, id, member, mask string, body []byte) (any, *apiError) {
	var r struct{ Role string }
	if err := json.Unmarshal(body, &r); err != nil || mask != "role" || !slices.Contains(roles, r.Role) {
		return nil, invalid("Invalid update mask or role.")
	}
	return s.updateMember(c, id, member, func(space *Space, i int) any {
		space.Members[i].Role = r.Role
		m := space.Members[i]
		user := s.userResource(m.Person, c.Person)
		return map[string]any{"name": space.member(m.Person.Sub), "state": m.State, "role": m.Role, "member": user}
	})
}

func (s *Server) deleteMember(c caller, id, member string) (any, *apiError) {
	if out, ok := s.deleteGroup(c, id, member); ok {
		return out, nil
	}
	return s.updateMember(c, id, member, func(space *Space, i int) any {
		m := space.Members[i]
		space.Members = slices.Delete(space.Members, i, i+1)
		s.post(space, Message{Line: true, Text: c.describe("removed "+m.Person.Name, s)})
		return map[string]any{"name": space.member(m.Person.Sub)}
	})
}

// deleteGroup removes the group with this ID of a membership from a space that c manages.
func (s *Server) deleteGroup(c caller, id, member string) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if !c.canSee(space) || !c.canManage(space) {
		return nil, false
	}
	i := space.group(member)
	if i < 0 {
		return nil, false
	}
	out := space.groupMember(space.Groups[i])
	space.Groups = slices.Delete(space.Groups, i, i+1)
	s.notify()
	return out, true
}

// group returns the index of the group with this ID of a membership, or -1.
func (s *Space) group(member string) int {
	return slices.IndexFunc(s.Groups, func(g string) bool { return s.groupMemberName(g) == s.member(member) })
}

// updateMember calls update with the index of a member, if c manages the space.
func (s *Server) updateMember(c caller, id, member string, update func(*Space, int) any) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	other, ok := FindPerson(member)
	i := -1
	if ok && c.canSee(space) {
		i = slices.IndexFunc(space.Members, func(m Member) bool { return m.Person == other })
	}
	switch {
	case i < 0:
		return nil, notFound
	case !c.canManage(space):
		return nil, newError(http.StatusForbidden, "Only a manager may do that.")
	}
	return update(space, i), nil
}

// userResource returns the member as p may see it: with name and email address only within p's organization, which is
// stricter than Google (Chat API reference: spaces.members).
func (s *Server) userResource(user, p Person) map[string]any {
	out := map[string]any{"name": user.User(), "type": "HUMAN"}
	if user.Domain == p.Domain {
		out["displayName"], out["email"] = user.Name, user.Email
	}
	return s.omit(out, "displayName", "email")
}
