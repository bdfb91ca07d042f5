package google

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
)

// listMembers is spaces.members.list.
func (s *Server) listMembers(p Person, id string, q url.Values) (any, *apiError) {
	invited := q.Get("showInvited") == "true"
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if space == nil || !space.has(p) {
		return nil, &apiError{code: http.StatusNotFound, status: "NOT_FOUND", message: "Requested entity was not found."}
	}
	list := []any{}
	for _, m := range space.Members {
		if m.State == "JOINED" || invited {
			list = append(list, map[string]any{
				"name": space.Name() + "/members/" + m.Person.Sub, "state": m.State,
				"member": m.known(p), "role": cmp.Or(m.Role, "ROLE_MEMBER"),
			})
		}
	}
	return paged(q, "memberships", list)
}

// getMember is spaces.members.get; an e-mail address stands for its id.
func (s *Server) getMember(p Person, id, member string) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if other, ok := Find(member); ok && space != nil && space.has(p) {
		for _, m := range space.Members {
			if m.Person == other {
				return map[string]any{
					"name": space.Name() + "/members/" + other.Sub, "state": m.State, "member": map[string]any{"name": other.User(), "type": "HUMAN"},
				}, nil
			}
		}
	}
	return nil, &apiError{code: http.StatusNotFound, status: "NOT_FOUND", message: "Requested entity was not found."}
}

// roles are Google's names for them.
var roles = []string{"ROLE_MEMBER", "ROLE_ASSISTANT_MANAGER", "ROLE_MANAGER"}

// patchMember is spaces.members.patch for the role, by a manager.
func (s *Server) patchMember(p Person, id, member, mask string, body []byte) (any, *apiError) {
	var r struct{ Role string }
	if err := json.Unmarshal(body, &r); err != nil || mask != "role" || !slices.Contains(roles, r.Role) {
		return nil, invalid("Invalid update mask or role.")
	}
	return s.manage(p, id, member, func(space *Space, at int) any {
		space.Members[at].Role = r.Role
		m := space.Members[at]
		return map[string]any{"name": space.Name() + "/members/" + m.Person.Sub, "state": m.State, "role": m.Role, "member": m.known(p)}
	})
}

// deleteMember is spaces.members.delete, by a manager.
func (s *Server) deleteMember(p Person, id, member string) (any, *apiError) {
	return s.manage(p, id, member, func(space *Space, at int) any {
		m := space.Members[at]
		space.Members = slices.Delete(space.Members, at, at+1)
		s.post(space, Message{Line: true, Text: p.Name + " removed " + m.Person.Name + " via " + s.AppName})
		return map[string]any{"name": space.Name() + "/members/" + m.Person.Sub}
	})
}

// manage does something about a member of a space, as its manager.
func (s *Server) manage(p Person, id, member string, do func(space *Space, at int) any) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	other, ok := Find(member)
	at := -1
	if space != nil && ok && space.has(p) {
		at = slices.IndexFunc(space.Members, func(m Member) bool { return m.Person == other })
	}
	switch {
	case at < 0:
		return nil, notFound
	case space.Members[0].Person != p:
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
