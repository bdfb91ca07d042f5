package google

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
				"member": m.userResource(c.Person), "role": cmp.Or(m.Role, "ROLE_MEMBER"),
			})
		}
	}
	if q.Get("showGroups") == "true" {
		for _, group := range space.Groups {
			list = append(list, space.groupMember(group))
		}
	}
	return paginate(q, "memberships", list)
}

func (s *Space) groupMember(group string) map[string]any {
	id := strings.TrimPrefix(group, "groups/")
	return map[string]any{"name": s.member(id), "state": "JOINED", "groupMember": map[string]any{"name": group}}
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
	if other, ok := FindPerson(member); ok && c.canSee(space) {
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
		user := m.userResource(c.Person)
		return map[string]any{"name": space.member(m.Person.Sub), "state": m.State, "role": m.Role, "member": user}
	})
}

func (s *Server) deleteMember(c caller, id, member string) (any, *apiError) {
	return s.updateMember(c, id, member, func(space *Space, i int) any {
		m := space.Members[i]
		space.Members = slices.Delete(space.Members, i, i+1)
		s.post(space, Message{Line: true, Text: c.describe("removed "+m.Person.Name, s)})
		return map[string]any{"name": space.member(m.Person.Sub)}
	})
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
func (m Member) userResource(p Person) map[string]any {
	out := map[string]any{"name": m.Person.User(), "type": "HUMAN"}
	if m.Person.Domain == p.Domain {
		out["displayName"], out["email"] = m.Person.Name, m.Person.Email
	}
	return out
}
