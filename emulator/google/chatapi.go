package google

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// apiError is an error in Google's shape (chat-protocol.md 6.6).
type apiError struct {
	code    int
	status  string
	message string
	reason  string
	older   string // reason, as the older APIs write it
}

// insufficient is the answer to a token without the scope.
func insufficient() *apiError {
	return &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Request had insufficient authentication scopes.", reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
}

func invalid(message string) *apiError {
	return &apiError{code: http.StatusBadRequest, status: "INVALID_ARGUMENT", message: message}
}

// statuses are the canonical names of the codes faults are made with.
var statuses = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS",
	429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}

// callAPI answers one call of an API: path, query, token, scope and body are
// checked against its discovery document before the method's own rules.
func (s *Server) callAPI(w http.ResponseWriter, r *http.Request) {
	m := s.find(r.Method, r.URL.Path)
	call := Call{Method: r.Method + " " + r.URL.Path, Path: r.URL.RequestURI(), At: s.Now()}
	var body any
	var failed *apiError
	if m == nil {
		failed = &apiError{code: http.StatusNotFound, status: "NOT_FOUND", message: "The stand-in does not play " + r.Method + " " + r.URL.Path + "."}
	} else {
		call.Method = m.ID
		body, failed = s.call(m, r, &call)
	}
	if failed != nil {
		call.Status = failed.code
		s.Record(call)
		text := map[string]any{"code": failed.code, "message": failed.message, "status": failed.status}
		if failed.reason != "" {
			text["details"] = []any{map[string]any{
				"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": failed.reason, "domain": "googleapis.com",
			}}
		}
		if failed.older != "" {
			text["errors"] = []any{map[string]any{"domain": "usageLimits", "reason": failed.older, "message": failed.message}}
		}
		answer(w, failed.code, map[string]any{"error": text})
		return
	}
	call.Status = http.StatusOK
	s.Record(call)
	answer(w, http.StatusOK, body)
}

func (s *Server) call(m *method, r *http.Request, call *Call) (any, *apiError) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, invalid("The body broke off.")
	}
	if f := cmp.Or(s.fault(m.ID), s.switched(m)); f.status != 0 {
		// Google's messages may quote what was sent.
		return nil, &apiError{code: f.status, status: statuses[f.status], message: cmp.Or(f.message, "fault switched on for "+string(body)), older: f.older}
	}
	token, ok := s.bearer(r)
	if !ok {
		return nil, &apiError{code: http.StatusUnauthorized, status: "UNAUTHENTICATED", message: "Request had invalid authentication credentials. Expected OAuth 2 access token."}
	}
	call.Person = token.person.User()
	who, failed := s.asks(m, token, r.URL.Query())
	if failed != nil {
		return nil, failed
	}
	if why := m.in.query(m, r.URL.Query()); why != "" {
		return nil, invalid(why)
	}
	if m.Request.Ref != "" {
		if err := m.in.check(m.Request.Ref, body); err != nil {
			return nil, invalid("Invalid JSON payload received. " + strings.ReplaceAll(err.Error(), "\n", " "))
		}
	} else if len(bytes.TrimSpace(body)) > 0 {
		return nil, invalid("This method takes no body.")
	}
	if failed := s.spend(m, r.URL.Path); failed != nil {
		return nil, failed
	}
	var out any
	switch m.ID {
	case "chat.spaces.setup":
		out, failed = s.setUp(token.person, body)
	case "chat.spaces.members.list":
		out, failed = s.listMembers(who, strings.Split(r.URL.Path, "/")[3], r.URL.Query())
	case "chat.spaces.members.get":
		path := strings.Split(r.URL.Path, "/")
		out, failed = s.getMember(who, path[3], path[5])
	case "chat.spaces.members.create":
		out, failed = s.createMember(who, token, strings.Split(r.URL.Path, "/")[3], body)
	case "chat.spaces.patch":
		out, failed = s.patchSpace(who, strings.Split(r.URL.Path, "/")[3], r.URL.Query().Get("updateMask"), body)
	case "chat.spaces.get":
		out, failed = s.getSpace(who, strings.Split(r.URL.Path, "/")[3])
	case "chat.spaces.members.patch":
		path := strings.Split(r.URL.Path, "/")
		out, failed = s.patchMember(who, path[3], path[5], r.URL.Query().Get("updateMask"), body)
	case "chat.spaces.members.delete":
		path := strings.Split(r.URL.Path, "/")
		out, failed = s.deleteMember(who, path[3], path[5])
	case "chat.spaces.delete":
		out, failed = s.deleteSpace(who, strings.Split(r.URL.Path, "/")[3])
	case "calendar.events.list":
		out = map[string]any{"kind": "calendar#events", "timeZone": Zone, "items": []any{}}
	case "calendar.events.insert":
		out, failed = s.insertEvent(token.person, r.URL.Query(), body)
	case "calendar.events.get":
		out, failed = s.getEvent(token.person, strings.Split(r.URL.Path, "/")[6])
	case "chat.spaces.messages.create":
		out, failed = s.createMessage(token.person, strings.Split(r.URL.Path, "/")[3], r.URL.Query(), body)
	case "chat.spaces.list":
		out, failed = s.listSpaces(token.person, r.URL.Query())
	case "chat.spaces.search":
		out, failed = s.searchSpaces(who, r.URL.Query())
	case "chat.spaces.findGroupChats":
		out, failed = s.findGroupChats(token.person, r.URL.Query()["users"])
	case "meet.spaces.create":
		out = s.createRoom()
	case iamSign:
		out, failed = s.signJWT(r.URL.Path, body)
	case groupsLookup:
		out, failed = s.lookupGroup(token.person, r.URL.Query().Get("groupKey.id"))
	case kmsEncrypt, kmsDecrypt:
		out, failed = s.crypt(m.ID, strings.TrimPrefix(r.URL.Path, "/v1/"), body)
	}
	if failed != nil {
		return nil, failed
	}
	text, err := json.Marshal(out)
	if err == nil {
		err = m.in.check(m.Response.Ref, text)
	}
	if err != nil {
		return nil, &apiError{code: http.StatusInternalServerError, status: "INTERNAL", message: "the stand-in's own answer is wrong: " + err.Error()}
	}
	return json.RawMessage(text), nil
}
