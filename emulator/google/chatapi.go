package google

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// apiError is an error response of a Google API (Chat API reference: spaces).
type apiError struct {
	code         int
	status       string
	message      string
	reason       string
	legacyReason string // the reason in the error format of Google's older APIs
	metadata     map[string]string
}

// insufficientScopes is the error for a token without a required scope.
func insufficientScopes() *apiError {
	e := newError(http.StatusForbidden, "Request had insufficient authentication scopes.")
	e.reason = "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
	return e
}

func invalid(message string) *apiError { return newError(http.StatusBadRequest, message) }

func newError(code int, message string) *apiError {
	return &apiError{code: code, status: statuses[code], message: message}
}

// statuses are the canonical names of HTTP statuses.
var statuses = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
	409: "ALREADY_EXISTS", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}

// callAPI serves one API call. It checks path, token, scope, query and body against the API's discovery document before
// it applies the method's own rules.
func (s *Server) callAPI(w http.ResponseWriter, r *http.Request) {
	m := s.findMethod(r.Method, r.URL.Path)
	call := Call{Method: r.Method + " " + r.URL.Path, Path: r.URL.RequestURI(), At: s.Now()}
	var body any
	var failed *apiError
	if m == nil {
		failed = newError(http.StatusNotFound, "The emulator does not support "+call.Method+".")
	} else {
		call.Method = m.ID
		body, failed = s.call(m, r, &call)
	}
	if failed != nil {
		call.Status = failed.code
		s.Record(call)
		answer(w, failed.code, s.errorBody(failed))
		return
	}
	call.Status = http.StatusOK
	s.Record(call)
	answer(w, http.StatusOK, body)
}

func (s *Server) call(m *method, r *http.Request, call *Call) (any, *apiError) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, invalid("The request body is incomplete.")
	}
	if f := cmp.Or(s.takeFault(m.ID), s.switchFault(m)); f.Status != 0 {
		message := cmp.Or(f.Message, "injected fault for "+string(body)) // Google's messages may quote the request
		out := newError(f.Status, message)
		out.status, out.reason, out.legacyReason = cmp.Or(f.Canonical, out.status), f.Reason, f.LegacyReason
		if f.Service != "" {
			out.metadata = map[string]string{"service": f.Service, "consumer": "projects/" + s.ProjectNumber}
		}
		return nil, out
	}
	token, ok := s.bearer(r)
	if !ok {
		message := "Request had invalid authentication credentials. Expected OAuth 2 access token."
		return nil, newError(http.StatusUnauthorized, message)
	}
	call.Person = token.person.User()
	q, path := r.URL.Query(), strings.Split(r.URL.Path, "/")
	c, failed := s.checkCaller(m, token, q)
	if failed != nil {
		return nil, failed
	}
	if problem := m.api.checkQuery(m, q); problem != "" {
		return nil, invalid(problem)
	}
	if m.Request.Ref != "" {
		if err := m.api.check(m.Request.Ref, body); err != nil {
			return nil, invalid("Invalid JSON payload received. " + strings.ReplaceAll(err.Error(), "\n", " "))
		}
	} else if len(bytes.TrimSpace(body)) > 0 {
		return nil, invalid("This method takes no body.")
	}
	if failed := s.spendQuota(m, r.URL.Path); failed != nil {
		return nil, failed
	}
	var out any
	switch m.ID {
	case "chat.spaces.setup":
		out, failed = s.setUp(token.person, body)
	case "chat.spaces.members.list":
		out, failed = s.listMembers(c, path[3], q)
	case "chat.spaces.members.get":
		out, failed = s.getMember(c, path[3], path[5])
	case "chat.spaces.members.create":
		out, failed = s.createMember(c, token, path[3], body)
	case "chat.spaces.patch":
		out, failed = s.patchSpace(c, path[3], q.Get("updateMask"), body)
	case "chat.spaces.get":
		out, failed = s.getSpace(c, path[3])
	case "chat.spaces.members.patch":
		out, failed = s.patchMember(c, path[3], path[5], q.Get("updateMask"), body)
	case "chat.spaces.members.delete":
		out, failed = s.deleteMember(c, path[3], path[5])
	case "chat.spaces.delete":
		out, failed = s.deleteSpace(c, path[3])
	case "calendar.events.list":
		out = map[string]any{"kind": "calendar#events", "timeZone": TimeZone, "items": []any{}}
	case "calendar.events.insert":
		out, failed = s.insertEvent(token.person, q, body)
	case "calendar.events.get":
		out, failed = s.getEvent(token.person, path[6])
	case "chat.spaces.messages.create":
		out, failed = s.createMessage(token.person, path[3], q, body)
	case "chat.spaces.messages.patch":
		out, failed = s.changeMessage(token.person, path[3], path[5], q.Get("updateMask"), body)
	case "chat.spaces.messages.delete":
		out, failed = s.changeMessage(token.person, path[3], path[5], "", nil)
	case "chat.spaces.list":
		out, failed = s.listSpaces(token.person, q)
	case "chat.spaces.search":
		out, failed = s.searchSpaces(c, q)
	case "chat.spaces.findGroupChats":
		out, failed = s.findGroupChats(token.person, q["users"])
	case "meet.spaces.create":
		out = s.createRoom()
	case iamSign:
		out, failed = s.signJWT(r.URL.Path, body)
	case groupsLookup:
		out, failed = s.lookupGroup(token.person, q.Get("groupKey.id"))
	case kmsEncrypt, kmsDecrypt:
		out, failed = s.crypt(m.ID, strings.TrimPrefix(r.URL.Path, "/v1/"), body)
	}
	if failed != nil {
		return nil, failed
	}
	text, err := json.Marshal(out)
	if err == nil {
		err = m.api.check(m.Response.Ref, text)
	}
	if err != nil {
		return nil, newError(http.StatusInternalServerError, "the emulator's response is invalid: "+err.Error())
	}
	return json.RawMessage(text), nil
}
