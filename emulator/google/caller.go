package google

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// caller is whose token a call carries, and whether it wants the right of an
// administrator.
type caller struct {
	Person
	admin bool
}

// asks reads who calls a method. With useAdminAccess only the scopes for
// administrators count, and without it only the others (oauth-admin.md 5.2).
func (s *Server) asks(m *method, token accessToken, q url.Values) (caller, *apiError) {
	who := caller{token.person, q.Get("useAdminAccess") == "true"}
	ok := slices.ContainsFunc(m.Scopes, func(scope string) bool {
		return strings.Contains(scope, "/auth/chat.admin.") == who.admin && slices.Contains(token.scopes, scope)
	})
	switch {
	case !ok:
		return who, insufficient()
	case who.admin && !who.Admin:
		return who, &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "The user lacks the privilege to manage Chat and Spaces conversations."}
	}
	return who, nil
}

// sees tells whether a space is there for c: its members, and, for an
// administrator, the named spaces of their organization.
func (c caller) sees(space *Space) bool {
	if space == nil || !c.admin {
		return space != nil && space.has(c.Person)
	}
	return !space.Direct && !space.Group && space.Members[0].Person.Domain == c.Domain
}

// manages tells whether c may change a space that c sees.
func (c caller) manages(space *Space) bool {
	return c.admin || slices.ContainsFunc(space.Members, func(m Member) bool { return m.Person == c.Person && m.Role == "ROLE_MANAGER" }) || space.Members[0].Person == c.Person
}

// actor is what a line in a space says of who did something: an administrator
// and the app are not named (oauth-admin.md 5.2).
func (c caller) did(what string, s *Server) string {
	if c.admin {
		return "Your organization's administrator " + what
	}
	return c.Name + " " + what + " via " + s.AppName
}
