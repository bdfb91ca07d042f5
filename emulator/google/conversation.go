package google

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var notFound = &apiError{code: http.StatusNotFound, status: "NOT_FOUND", message: "Requested entity was not found."}

// createMember is spaces.members.create (chat-protocol.md 6.3): whoever is in
// already is given as they are; others of the organization join, those of
// another are invited if the space allows them. The app itself takes a scope of
// its own, and people another.
func (s *Server) createMember(who caller, token accessToken, id string, body []byte) (any, *apiError) {
	p := token.person
	var r struct {
		Member      struct{ Name, Type string }
		GroupMember struct{ Name string }
	}
	err := json.Unmarshal(body, &r)
	app := r.Member.Name == "users/app" && r.Member.Type == "BOT"
	if err != nil || r.GroupMember.Name == "" && !app && (r.Member.Type != "HUMAN" || !strings.HasPrefix(r.Member.Name, "users/")) {
		return nil, invalid("Missing or malformed user resource name, or not a human.")
	}
	scope := "https://www.googleapis.com/auth/chat.memberships"
	switch {
	case app && who.admin:
		return nil, invalid("use_admin_access does not support apps.")
	case who.admin:
		scope = "https://www.googleapis.com/auth/chat.admin.memberships"
	case app:
		scope += ".app"
	}
	if !slices.Contains(token.scopes, scope) {
		return nil, insufficient()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if space == nil || space.Direct || !who.sees(space) {
		return nil, notFound
	}
	if r.GroupMember.Name != "" {
		if !isGroup(r.GroupMember.Name) {
			return nil, notFound
		}
		if !slices.Contains(space.Groups, r.GroupMember.Name) {
			space.Groups = append(space.Groups, r.GroupMember.Name)
		}
		return map[string]any{"name": space.Name() + "/members/" + strings.TrimPrefix(r.GroupMember.Name, "groups/"), "state": "JOINED", "groupMember": map[string]any{"name": r.GroupMember.Name}}, nil
	}
	if app {
		if space.App {
			return nil, &apiError{code: http.StatusConflict, status: "ALREADY_EXISTS", message: "The app is a member."}
		}
		space.App = true
		s.post(space, Message{Line: true, Text: p.Name + " added " + s.AppName + " via " + s.AppName})
		return map[string]any{"name": space.Name() + "/members/app", "state": "JOINED", "member": map[string]any{"name": "users/app", "type": "BOT"}}, nil
	}
	other, ok := Find(r.Member.Name)
	if ok && s.dropped[other.Sub] { // without a word, here too
		return map[string]any{"name": space.Name() + "/members/" + other.Sub, "state": "JOINED", "member": map[string]any{"name": other.User(), "type": "HUMAN"}}, nil
	}
	if ok && other.Domain != p.Domain && !who.admin && space.External && !space.has(other) {
		space.Members = append(space.Members, Member{Person: other, State: "INVITED"})
		return map[string]any{"name": space.Name() + "/members/" + other.Sub, "state": "INVITED", "member": map[string]any{"name": other.User(), "type": "HUMAN"}}, nil
	}
	if !ok || other.Domain != p.Domain && !space.has(other) {
		return nil, &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "The caller does not have permission to add this member."}
	}
	state := "JOINED"
	if at := slices.IndexFunc(space.Members, func(m Member) bool { return m.Person == other }); at >= 0 {
		state = space.Members[at].State
	} else {
		space.Members = append(space.Members, Member{Person: other, State: state})
		s.post(space, Message{Line: true, Text: who.did("added "+other.Name, s)})
	}
	return map[string]any{
		"name": space.Name() + "/members/" + other.Sub, "state": state, "member": map[string]any{"name": other.User(), "type": "HUMAN"},
	}, nil
}

// createMessage is spaces.messages.create as a person: text only
// (chat-protocol.md 6.4).
func (s *Server) createMessage(p Person, id string, q url.Values, body []byte) (any, *apiError) {
	var r struct {
		Text         string
		MarkupSyntax string
		Thread       struct{ Name string }
	}
	var all map[string]any
	if json.Unmarshal(body, &r) != nil || json.Unmarshal(body, &all) != nil || r.Text == "" || len(r.Text) > 32_000 {
		return nil, invalid("A message as a user has a text of at most 32,000 bytes.")
	}
	for name := range all {
		if name != "text" && name != "thread" && name != "markupSyntax" {
			return nil, invalid("With user authentication, a message has a text only, not " + name + ".")
		}
	}
	if r.Thread.Name != "" && q.Get("messageReplyOption") == "" {
		return nil, invalid("Without messageReplyOption the thread is ignored: the stand-in refuses that.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if space == nil || !space.has(p) {
		return nil, notFound
	}
	if (r.Thread.Name != "" || q.Get("messageReplyOption") != "") && (space.Group || space.Direct) {
		return nil, invalid("Threads and messageReplyOption are for named spaces only.")
	}
	key := q.Get("requestId")
	made, ok := s.setups["message "+key]
	switch {
	case ok && key != "" && made.person != p:
		return nil, &apiError{code: http.StatusConflict, status: "ALREADY_EXISTS", message: "The request id was used by another user."}
	case !ok || key == "":
		made = setup{p, s.post(space, Message{Sender: p, Text: r.Text, Markup: cmp.Or(r.MarkupSyntax, s.markup()), Via: s.AppName, Thread: r.Thread.Name})}
		s.setups["message "+key] = made
	}
	// A repetition is answered with its own text, though another may stand there
	// (messages.create: the object is the first, and may be incomplete).
	return map[string]any{"name": made.space, "text": r.Text, "sender": map[string]any{"name": p.User(), "type": "HUMAN"}}, nil
}

// listSpaces is spaces.list for named spaces.
func (s *Server) listSpaces(p Person, q url.Values) (any, *apiError) {
	if q.Get("filter") != `spaceType = "SPACE"` {
		return nil, invalid("The stand-in lists named spaces only.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, space := range s.named(p) {
		list = append(list, s.written(space))
	}
	return paged(q, "spaces", list)
}

// paged is the page of a list that a query asks for.
func paged(q url.Values, field string, list []any) (any, *apiError) {
	size, from := 100, 0
	if text := q.Get("pageSize"); text != "" {
		size, _ = strconv.Atoi(text)
	}
	if token := q.Get("pageToken"); token != "" {
		if _, err := fmt.Sscanf(token, "page-%d", &from); err != nil || from > len(list) {
			return nil, invalid("Invalid page token.")
		}
	}
	to := min(from+max(size, 1), len(list))
	out := map[string]any{field: list[from:to]}
	if to < len(list) {
		out["nextPageToken"] = fmt.Sprintf("page-%d", to)
	}
	return out, nil
}

// named are a person's named spaces, in no order that Google documents; the
// lock is held.
func (s *Server) named(p Person) []*Space {
	var out []*Space
	for _, space := range s.spaces {
		if !space.Direct && !space.Group && space.has(p) {
			out = append(out, space)
		}
	}
	slices.SortFunc(out, func(a, b *Space) int { return strings.Compare(a.DisplayName, b.DisplayName) })
	return out
}

var searched = regexp.MustCompile(`^(customer = "customers/my_customer" AND )?space_type = "SPACE"(?: AND display_name:"((?:[^"\\]|\\.)*)")?$`)

// searchSpaces is spaces.search (chat-protocol.md 6.5): every word asked for
// begins one of the name's. Only an administrator may do without a name, and
// has pages.
func (s *Server) searchSpaces(p caller, q url.Values) (any, *apiError) {
	query := q.Get("query")
	m := searched.FindStringSubmatch(query)
	if m == nil || len(query) > 1000 || (m[1] != "") != p.admin {
		return nil, invalid("Invalid query: " + query)
	}
	asked := strings.Fields(strings.ToLower(strings.NewReplacer("\\\\", "\\", "\\\"", "\"").Replace(m[2])))
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	all := slices.DeleteFunc(slices.Clone(s.spaces), func(space *Space) bool { return space.Direct || space.Group || !p.sees(space) })
	slices.SortStableFunc(all, func(a, b *Space) int { return b.Made.Compare(a.Made) }) // create_time DESC
	for _, space := range all {
		have := strings.Fields(strings.ToLower(space.DisplayName))
		fits := !slices.ContainsFunc(asked, func(a string) bool {
			return !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, a) })
		})
		if fits && (len(asked) > 0 || p.admin) {
			list = append(list, map[string]any{"space": s.written(space)})
		}
	}
	if p.admin {
		return paged(q, "results", list)
	}
	return map[string]any{"results": list[:min(len(list), 100)]}, nil
}

// findGroupChats finds the conversation of exactly these people and the caller.
func (s *Server) findGroupChats(p Person, users []string) (any, *apiError) {
	if len(users) == 0 || len(users) > 49 {
		return nil, invalid("1 to 49 users.")
	}
	want := []Person{p}
	for _, u := range users {
		other, ok := Find(u)
		if !ok {
			return nil, invalid("Invalid user: " + u)
		}
		want = append(want, other)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, space := range s.spaces {
		same := space.Group && len(space.Members) == len(want) && !slices.ContainsFunc(want, func(w Person) bool { return !space.has(w) })
		if same {
			list = append(list, map[string]any{"name": space.Name()}) // names only, unless more is asked for
		}
	}
	return map[string]any{"spaces": list}, nil
}

// createRoom is meet.spaces.create.
func (s *Server) createRoom() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rooms++
	code := fmt.Sprintf("aaa-bbbb-%03d", s.rooms)
	return map[string]any{"name": "spaces/room" + code, "meetingUri": "https://meet.google.com/" + code, "meetingCode": code}
}
