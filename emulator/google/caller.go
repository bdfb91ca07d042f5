package google

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// caller is the owner of a call's token. admin is set for calls with useAdminAccess.
type caller struct {
	Person
	admin bool
}

// checkCaller returns the caller of a method if the token has a scope for it. With useAdminAccess only scopes for
// administrators count, and without it only the others (workspace/chat/admin-overview).
func (s *Server) checkCaller(m *method, token accessToken, q url.Values) (caller, *apiError) {
	c := caller{token.person, q.Get("useAdminAccess") == "true"}
	ok := slices.ContainsFunc(m.Scopes, func(scope string) bool {
		return strings.Contains(scope, "/auth/chat.admin.") == c.admin && slices.Contains(token.scopes, scope)
	})
	switch {
	case !ok:
		return c, insufficientScopes()
	case c.admin && !c.Admin:
		return c, newError(http.StatusForbidden,
			"The user lacks the privilege to manage Chat and Spaces conversations.")
	}
	return c, nil
}

// canSee reports whether c is a member or, with useAdminAccess, whether it is a named space of c's organization.
func (c caller) canSee(space *Space) bool {
	if space == nil || !c.admin {
		return space != nil && space.has(c.Person)
	}
	return !space.Direct && !space.Group && space.owner().Domain == c.Domain
}

// canManage reports whether c may change a space that c can see.
func (c caller) canManage(space *Space) bool {
	isManager := func(m Member) bool { return m.Person == c.Person && m.Role == "ROLE_MANAGER" }
	return c.admin || slices.ContainsFunc(space.Members, isManager) || space.owner() == c.Person
}

// describe returns the system message for an action of c, such as "added Grace". With useAdminAccess it names neither
// the administrator nor the app (workspace/chat/admin-overview).
func (c caller) describe(action string, s *Server) string {
	if c.admin {
		return "Your organization's administrator " + action
	}
	return c.Name + " " + action + " via " + s.AppName
}
