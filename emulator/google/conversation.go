package google

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var notFound = newError(http.StatusNotFound, "Requested entity was not found.")

// createMember is spaces.members.create (Chat API reference: spaces.members). It returns an existing
// membership unchanged. People of the organization join, and others are invited if the space allows them. Adding the
// app needs a scope of its own.
func (s *Server) createMember(c caller, token accessToken, id string, body []byte) (any, *apiError) {
	p := token.person
	var r struct {
		Member      struct{ Name, Type string }
		GroupMember struct{ Name string }
	}
	err := json.Unmarshal(body, &r)
	app := r.Member.Name == "users/app" && r.Member.Type == "BOT"
	human := r.Member.Type == "HUMAN" && strings.HasPrefix(r.Member.Name, "users/")
	if err != nil || r.GroupMember.Name == "" && !app && !human {
		return nil, invalid("Missing or malformed user resource name, or not a human.")
	}
	scope := authPrefix + "chat.memberships"
	switch {
	case app && c.admin:
		return nil, invalid("use_admin_access does not support apps.")
	case c.admin:
		scope = authPrefix + "chat.admin.memberships"
	case app:
		scope += ".app"
	}
	if !slices.Contains(token.scopes, scope) {
		return nil, insufficientScopes()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if space == nil || space.Direct || !c.canSee(space) {
		return nil, notFound
	}
	if r.GroupMember.Name != "" {
		if !isGroup(r.GroupMember.Name) {
			return nil, notFound
		}
		if !slices.Contains(space.Groups, r.GroupMember.Name) {
			space.Groups = append(space.Groups, r.GroupMember.Name)
		}
		return space.groupMember(r.GroupMember.Name), nil
	}
	if app {
		if space.App {
			return nil, newError(http.StatusConflict, "The app is a member.")
		}
		space.App = true
		s.post(space, Message{Line: true, Text: p.Name + " added " + s.AppName + " via " + s.AppName})
		member := map[string]any{"name": "users/app", "type": "BOT"}
		return map[string]any{"name": space.member("app"), "state": "JOINED", "member": member}, nil
	}
	other, ok := FindPerson(r.Member.Name)
	if ok && s.undeliverable[other.Sub] {
		return space.personMember(other, "NOT_A_MEMBER"), nil
	}
	if !ok && s.Pick(2, "unknown member") > 0 {
		return nil, notFound
	}
	if ok && other.Domain != p.Domain && !c.admin && space.ExternalAllowed && !space.has(other) {
		space.Members = append(space.Members, Member{Person: other, State: "INVITED"})
		return space.personMember(other, "INVITED"), nil
	}
	if !ok || other.Domain != p.Domain && !space.has(other) {
		return nil, newError(http.StatusForbidden, "The caller does not have permission to add this member.")
	}
	state := "JOINED"
	if i := slices.IndexFunc(space.Members, func(m Member) bool { return m.Person == other }); i >= 0 {
		state = space.Members[i].State
	} else {
		space.Members = append(space.Members, Member{Person: other, State: state})
		s.post(space, Message{Line: true, Text: c.describe("added "+other.Name, s)})
	}
	return space.personMember(other, state), nil
}

// createMessage is spaces.messages.create with user authentication, which allows text only
// (Chat API reference: spaces.messages).
func (s *Server) createMessage(p Person, id string, q url.Values, body []byte) (any, *apiError) {
	var r struct {
		Text         string
		MarkupSyntax string
		Thread       struct{ Name string }
	}
	var fields map[string]any
	if json.Unmarshal(body, &r) != nil || json.Unmarshal(body, &fields) != nil || r.Text == "" || len(r.Text) > 32_000 {
		return nil, invalid("With user authentication, a message has a text of at most 32,000 bytes.")
	}
	for name := range fields {
		if name != "text" && name != "thread" && name != "markupSyntax" {
			return nil, invalid("With user authentication, a message has only a text, not " + name + ".")
		}
	}
	if r.Thread.Name != "" && q.Get("messageReplyOption") == "" {
		return nil, invalid("Google ignores a thread without messageReplyOption. The emulator rejects it.")
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
	ownID := q.Get("messageId")
	if ownID != "" && !ownMessageID.MatchString(ownID) {
		return nil, invalid("messageId must be client- and at most 56 lowercase letters, digits and hyphens.")
	}
	key := q.Get("requestId")
	result, ok := s.requestResults["message "+key]
	switch {
	case ok && key != "" && result.person != p:
		return nil, newError(http.StatusConflict, "The request id was used by another user.")
	case ownID != "" && (!ok || key == "") && space.message(ownID) != nil:
		return nil, newError(http.StatusConflict, "A message with this ID exists.")
	case !ok || key == "":
		markup := cmp.Or(r.MarkupSyntax, s.markup())
		result = requestResult{p, s.post(space, Message{
			Sender: p, Text: r.Text, Markup: markup, Via: s.AppName, Thread: r.Thread.Name, OwnID: ownID,
		})}
		s.requestResults["message "+key] = result
	}
	// A repeated request gets its own text, even if it differs from that of the existing message: messages.create
	// documents that this response can be incomplete.
	sender := map[string]any{"name": p.User(), "type": "HUMAN"}
	out := map[string]any{"name": result.id, "text": r.Text, "sender": sender}
	if ownID != "" {
		out["clientAssignedMessageId"] = ownID
	}
	if !ok {
		thread := cmp.Or(r.Thread.Name, space.Name()+"/threads/"+result.id[strings.LastIndex(result.id, "/")+1:])
		out["thread"] = map[string]any{"name": thread}
	}
	return out, nil
}

var ownMessageID = regexp.MustCompile(`^client-[a-z0-9-]{1,56}$`)

// message returns the message with this ID, the system's or the app's own; nil if there is none.
func (s *Space) message(id string) *Message {
	for i, m := range s.Messages {
		if m.ID == s.Name()+"/messages/"+id || m.OwnID == id && id != "" {
			return &s.Messages[i]
		}
	}
	return nil
}

// changeMessage is spaces.messages.patch, or delete if edit is nil, of a person's own message.
func (s *Server) changeMessage(p Person, spaceID, id, mask string, edit []byte) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(spaceID)
	if space == nil || !space.has(p) {
		return nil, notFound
	}
	m := space.message(id)
	switch {
	case m == nil:
		return nil, notFound
	case m.Sender.Sub != p.Sub:
		return nil, newError(http.StatusForbidden, "A person can change only their own messages.")
	}
	defer s.notify()
	if edit == nil {
		space.Messages = slices.DeleteFunc(space.Messages, func(o Message) bool { return o.ID == m.ID })
		return map[string]any{}, nil
	}
	var r struct{ Text, MarkupSyntax string }
	if json.Unmarshal(edit, &r) != nil || mask != "text" || r.Text == "" || len(r.Text) > 32_000 {
		return nil, invalid("With user authentication, updateMask is text, of at most 32,000 bytes.")
	}
	m.Text, m.Markup = r.Text, cmp.Or(r.MarkupSyntax, s.markup())
	return map[string]any{"name": m.ID, "text": m.Text, "clientAssignedMessageId": m.OwnID}, nil
}

// listSpaces is spaces.list for named spaces.
func (s *Server) listSpaces(p Person, q url.Values) (any, *apiError) {
	if q.Get("filter") != `spaceType = "SPACE"` {
		return nil, invalid("The emulator lists named spaces only.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, space := range s.namedSpaces(p) {
		list = append(list, s.listedSpace(space))
	}
	return s.paginate(q, "spaces", list)
}

// namedSpaces returns a person's named spaces by name: Google documents no order. The caller holds the lock.
func (s *Server) namedSpaces(p Person) []*Space {
	var out []*Space
	for _, space := range s.spaces {
		if !space.Direct && !space.Group && space.has(p) {
			out = append(out, space)
		}
	}
	slices.SortFunc(out, func(a, b *Space) int { return strings.Compare(a.DisplayName, b.DisplayName) })
	return out
}

var searchQuery = regexp.MustCompile(`^(customer = "customers/my_customer" AND )?space_type = "SPACE"` +
	`(?: AND display_name:"((?:[^"\\]|\\.)*)")?$`)

// searchSpaces is spaces.search (Chat API reference: spaces). Each word of the query must be a prefix
// of a word of the name. Only an administrator can omit the name and gets pages.
func (s *Server) searchSpaces(c caller, q url.Values) (any, *apiError) {
	query := q.Get("query")
	m := searchQuery.FindStringSubmatch(query)
	if m == nil || len(query) > 1000 || (m[1] != "") != c.admin {
		return nil, invalid("Invalid query: " + query)
	}
	unescape := strings.NewReplacer("\\\\", "\\", "\\\"", "\"")
	words := strings.Fields(strings.ToLower(unescape.Replace(m[2])))
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	all := slices.DeleteFunc(slices.Clone(s.spaces), func(o *Space) bool { return o.Direct || o.Group || !c.canSee(o) })
	slices.SortStableFunc(all, func(a, b *Space) int { return b.Created.Compare(a.Created) }) // create_time DESC
	for _, space := range all {
		name := strings.Fields(strings.ToLower(space.DisplayName))
		matches := !slices.ContainsFunc(words, func(word string) bool {
			return !slices.ContainsFunc(name, func(part string) bool { return strings.HasPrefix(part, word) })
		})
		if matches && (len(words) > 0 || c.admin) {
			list = append(list, map[string]any{"space": s.listedSpace(space)})
		}
	}
	if c.admin {
		return s.paginate(q, "results", list)
	}
	return map[string]any{"results": list[:min(len(list), 100)]}, nil
}

// findGroupChats is spaces.findGroupChats: the group chats of exactly p and these users.
func (s *Server) findGroupChats(p Person, users []string) (any, *apiError) {
	if len(users) == 0 || len(users) > 49 {
		return nil, invalid("1 to 49 users.")
	}
	want := []Person{p}
	for _, u := range users {
		other, ok := FindPerson(u)
		if !ok {
			return nil, invalid("Invalid user: " + u)
		}
		want = append(want, other)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, space := range s.spaces {
		missing := func(other Person) bool { return !space.has(other) }
		if space.Group && len(space.Members) == len(want) && !slices.ContainsFunc(want, missing) {
			list = append(list, map[string]any{"name": space.Name()}) // spaceView's default returns names only
		}
	}
	return map[string]any{"spaces": list}, nil
}

func (s *Server) createRoom() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rooms++
	code := fmt.Sprintf("aaa-bbbb-%03d", s.rooms)
	uri := "https://meet.google.com/" + code
	return map[string]any{"name": "spaces/room" + code, "meetingUri": uri, "meetingCode": code}
}
