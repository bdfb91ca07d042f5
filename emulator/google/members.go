package google

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// listMembers is spaces.members.list.
func (s *Server) listMembers(p caller, id string, q url.Values) (any, *apiError) {
	invited := q.Get("showInvited") == "true"
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	switch filter := q.Get("filter"); {
	case !p.sees(space):
		return nil, notFound
	case p.admin && filter != `member.type = "HUMAN"` && filter != `member.type != "BOT"`:
		return nil, invalid("With admin access, filter must leave out apps.")
	}
	list := []any{}
	for _, m := range space.Members {
		if m.State == "JOINED" || invited {
			list = append(list, map[string]any{
				"name": space.Name() + "/members/" + m.Person.Sub, "state": m.State,
				"member": m.known(p.Person), "role": cmp.Or(m.Role, "ROLE_MEMBER"),
			})
		}
	}
	if q.Get("showGroups") == "true" {
		for _, group := range space.Groups {
			list = append(list, map[string]any{"name": space.Name() + "/members/" + strings.TrimPrefix(group, "groups/"), "state": "JOINED", "groupMember": map[string]any{"name": group}})
		}
	}
	return paged(q, "memberships", list)
}

// getMember is spaces.members.get; an e-mail address stands for its id.
func (s *Server) getMember(p caller, id, member string) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if other, ok := Find(member); ok && p.sees(space) {
		for _, m := range space.Members {
			if m.Person == other {
				return map[string]any{
					"name": space.Name() + "/members/" + other.Sub, "state": m.State, "member": map[string]any{"name": other.User(), "type": "HUMAN"}, "role": cmp.Or(m.Role, "ROLE_MEMBER"),
				}, nil
			}
		}
	}
	return nil, &apiError{code: http.StatusNotFound, status: "NOT_FOUND", message: "Requested entity was not found."}
}

// roles are Google's names for them.
var roles = []string{"ROLE_MEMBER", "ROLE_ASSISTANT_MANAGER", "ROLE_MANAGER"}

// patchMember is spaces.members.patch for the role, by a manager.
func (s *Server) patchMember(p caller, id, member, mask string, body []byte) (any, *apiError) {
	var r struct{ Role string }
	if err := json.Unmarshal(body, &r); err != nil || mask != "role" || !slices.Contains(roles, r.Role) {
		return nil, invalid("Invalid update mask or role.")
	}
	return s.manage(p, id, member, func(space *Space, at int) any {
		space.Members[at].Role = r.Role
		m := space.Members[at]
		return map[string]any{"name": space.Name() + "/members/" + m.Person.Sub, "state": m.State, "role": m.Role, "member": m.known(p.Person)}
	})
}

// deleteMember is spaces.members.delete, by a manager.
func (s *Server) deleteMember(p caller, id, member string) (any, *apiError) {
	return s.manage(p, id, member, func(space *Space, at int) any {
		m := space.Members[at]
		space.Members = slices.Delete(space.Members, at, at+1)
		s.post(space, Message{Line: true, Text: p.did("removed "+m.Person.Name, s)})
		return map[string]any{"name": space.Name() + "/members/" + m.Person.Sub}
	})
}

// manage does something about a member of a space, as its manager.
func (s *Server) manage(p caller, id, member string, do func(space *Space, at int) any) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	other, ok := Find(member)
	at := -1
	if ok && p.sees(space) {
		at = slices.IndexFunc(space.Members, func(m Member) bool { return m.Person == other })
	}
	switch {
	case at < 0:
		return nil, notFound
	case !p.manages(space):
		return nil, &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Only a manager may do that."}
	}
	return do(space, at), nil
}

// known is a member as the person p may see them: name and address only of
// those of the organization (chat-protocol.md 6.3 is kinder).
func (m Member) known(p Person) map[string]any {
	out := map[string]any{"name": m.Person.User(), "type": "HUMAN"}
	if m.Person.Domain == p.Domain {
		out["displayName"], out["email"] = m.Person.Name, m.Person.Email
	}
	return out
}
