package google

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Space is a space, or the direct message of a person with the app.
type Space struct {
	ID          string // without spaces/
	Made        time.Time
	DisplayName string
	Description string
	Guidelines  string
	Open        bool   // the organization may discover it
	Announce    bool   // only managers post
	External    bool   // people of other organizations may be in
	History     string // HISTORY_ON or HISTORY_OFF
	Audience    string // in place of audiences/default
	Discover    []string
	Join        []string
	Permissions map[string]map[string]bool // as the API has them
	Groups      []string                   // groups/{id} that are members
	Direct      bool
	Group       bool // a group conversation, without a name
	Two         bool // ... of two people
	App         bool // the app is a member and gets events
	Members     []Member
	Messages    []Message
}

// Name is the space's resource name.
func (s *Space) Name() string { return "spaces/" + s.ID }

// Member is a person's membership.
type Member struct {
	Person Person
	State  string // JOINED or INVITED
	Role   string // as Google calls it; empty is ROLE_MEMBER
}

// Message is what stands in a space. A person's message has text; the app's
// has the JSON of a chat.Message; a line tells what happened.
type Message struct {
	ID      string // resource name
	Sender  Person // empty: the app
	Line    bool   // a system line without sender
	Text    string
	Markup  string // the syntax of Text, as the API names it; empty is Chat's own, in which people type
	Via     string // the app a person wrote it through
	Thread  string
	JSON    json.RawMessage
	Private string // users/{id} who alone sees it; empty: all
	Prompt  string // the address behind "requires configuration"
	Trouble bool   // the page's own line about an app that failed
	At      time.Time
}

// setup is what a requestId made.
type setup struct {
	person Person
	space  string
}

// populate makes what is there at first; nobody else has the server yet.
func (s *Server) populate() {
	all := &Space{ID: "AAAAteam", DisplayName: "Team", App: true}
	for _, p := range s.accounts {
		s.spaces = append(s.spaces, direct(p))
		if p.Domain != "" {
			all.Members = append(all.Members, Member{Person: p, State: "JOINED"})
		}
	}
	if len(all.Members) > 0 {
		s.spaces = append(s.spaces, all)
	}
}

// direct is the direct message of a person with the app.
func direct(p Person) *Space {
	return &Space{ID: "DM" + p.Sub, Direct: true, App: true, Members: []Member{{Person: p, State: "JOINED"}}}
}

type setUpRequest struct {
	RequestID string `json:"requestId"`
	Space     struct {
		SpaceType   string `json:"spaceType"`
		DisplayName string `json:"displayName"`
		Customer    string `json:"customer"`
		ImportMode  bool   `json:"importMode"`
		External    bool   `json:"externalUserAllowed"`
		Permissions string `json:"predefinedPermissionSettings"`
		History     string `json:"spaceHistoryState"`
		Details     struct {
			Description string `json:"description"`
			Guidelines  string `json:"guidelines"`
		} `json:"spaceDetails"`
		Access struct {
			Audience string `json:"audience"`
		} `json:"accessSettings"`
	} `json:"space"`
	Memberships []struct {
		Member struct {
			Name string `json:"name"`
			Type string `json:"type"`
		} `json:"member"`
		GroupMember struct {
			Name string `json:"name"`
		} `json:"groupMember"`
	} `json:"memberships"`
}

// setUp is spaces.setup for named spaces (chat-protocol.md 6.2, 6.3).
func (s *Server) setUp(p Person, body []byte) (any, *apiError) {
	var r setUpRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, invalid(err.Error())
	}
	switch {
	case r.Space.SpaceType == "":
		return nil, invalid("space_type is required.")
	case r.Space.SpaceType == "DIRECT_MESSAGE" && (r.Space.DisplayName != "" || len(r.Memberships) != 1):
		return nil, invalid("A direct message has exactly one membership, and no display_name.")
	case r.Space.SpaceType == "SPACE" && r.Space.DisplayName == "":
		return nil, invalid("display_name is required for a space of type SPACE.")
	case r.Space.SpaceType == "GROUP_CHAT" && (r.Space.DisplayName != "" || len(r.Memberships) < 2):
		return nil, invalid("A group chat has no display_name, and two memberships at least.")
	case utf8.RuneCountInString(r.Space.DisplayName) > 128:
		return nil, invalid("display_name has more than 128 characters.")
	case utf8.RuneCountInString(r.Space.Details.Description) > 4096, utf8.RuneCountInString(r.Space.Details.Guidelines) > 5000:
		return nil, invalid("description or guidelines are too long.")
	case r.Space.History != "":
		return nil, invalid("The stand-in takes space_history_state by patch only: whether Google does otherwise is unverified.")
	case r.Space.Access.Audience != "" && r.Space.Access.Audience != "audiences/default" && r.Space.Access.Audience != "audiences/engineering":
		return nil, invalid("No such audience.")
	case p.Domain == "" && bytes.Contains(body, []byte(`"externalUserAllowed"`)):
		return nil, invalid("A consumer account cannot set external_user_allowed.")
	case r.Space.Customer != "" || r.Space.ImportMode:
		return nil, invalid("customer and import_mode cannot be set with user authentication.")
	case len(r.Memberships) > 49:
		return nil, invalid("At most 49 memberships.")
	}
	for _, m := range r.Memberships {
		if strings.HasPrefix(m.GroupMember.Name, "groups/") && r.Space.SpaceType == "SPACE" {
			continue
		}
		if m.Member.Type != "HUMAN" || !strings.HasPrefix(m.Member.Name, "users/") {
			return nil, invalid("Missing or malformed user resource name, or not a human.")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, ok := s.setups[r.RequestID]; ok && r.RequestID != "" {
		if before.person != p {
			return nil, &apiError{code: http.StatusConflict, status: "ALREADY_EXISTS", message: "The request id was used by another user."}
		}
		// Only partly populated (chat-protocol.md 6.2).
		return map[string]any{"name": "spaces/" + before.space, "spaceType": r.Space.SpaceType}, nil
	}
	if r.Space.SpaceType == "DIRECT_MESSAGE" {
		return s.two(p, r.Memberships[0].Member.Name)
	}
	if s.taken(p, r.Space.DisplayName, nil) {
		return nil, &apiError{code: http.StatusConflict, status: "ALREADY_EXISTS", message: "A space with the display name " + r.Space.DisplayName + " exists."}
	}
	space := &Space{
		Made: s.Now(), ID: fmt.Sprintf("AAAA%04d", len(s.setups)+5), DisplayName: r.Space.DisplayName, Group: r.Space.SpaceType == "GROUP_CHAT", Members: []Member{{Person: p, State: "JOINED", Role: "ROLE_MANAGER"}},
		Description: r.Space.Details.Description, Guidelines: r.Space.Details.Guidelines, Open: r.Space.Access.Audience != "",
		Audience: strings.TrimPrefix(r.Space.Access.Audience, "audiences/default"),
		Announce: r.Space.Permissions == "ANNOUNCEMENT_SPACE", External: r.Space.External, History: "HISTORY_ON",
	}
	for _, m := range r.Memberships {
		// Whoever may not be added is left out without a word.
		if isGroup(m.GroupMember.Name) {
			space.Groups = append(space.Groups, m.GroupMember.Name)
			continue
		}
		other, ok := Find(m.Member.Name)
		switch {
		case !ok || space.has(other) || s.dropped[other.Sub]:
		case other.Domain == p.Domain:
			space.Members = append(space.Members, Member{Person: other, State: "JOINED"})
		case space.External && strings.Contains(m.Member.Name, "@"): // those outside by e-mail only
			space.Members = append(space.Members, Member{Person: other, State: "INVITED"})
		}
	}
	s.setups[r.RequestID] = setup{p, space.ID}
	s.spaces = append(s.spaces, space)
	s.post(space, Message{Line: true, Text: p.Name + " created this space via " + s.AppName})
	return s.written(space), nil
}

// two is the direct message of two people: the one there is, or a new one; the
// lock is held.
func (s *Server) two(p Person, with string) (any, *apiError) {
	other, ok := Find(with)
	if !ok || other == p {
		return nil, invalid("No such user.")
	}
	for _, space := range s.spaces {
		if space.Two && space.has(p) && space.has(other) {
			return s.written(space), nil
		}
	}
	space := &Space{ID: fmt.Sprintf("AAAAtwo%d", len(s.spaces)), Made: s.Now(), Group: true, Two: true, Members: []Member{{Person: p, State: "JOINED"}, {Person: other, State: "JOINED"}}}
	s.spaces = append(s.spaces, space)
	s.touch()
	return s.written(space), nil
}

// written is a space as the API gives it.
func (s *Server) written(space *Space) map[string]any {
	out := map[string]any{
		"name": space.Name(), "spaceType": "SPACE", "spaceHistoryState": cmp.Or(space.History, "HISTORY_ON"), "spaceUri": s.ChatAddress + space.ID,
		"createTime": space.Made.UTC().Format(time.RFC3339Nano),
	}
	switch {
	case space.Two:
		out["spaceType"] = "DIRECT_MESSAGE"
	case space.Group:
		out["spaceType"] = "GROUP_CHAT"
	default:
		out["displayName"] = space.DisplayName
	}
	return out
}

// taken tells whether another space of p's organization has this name.
func (s *Server) taken(p Person, name string, but *Space) bool {
	return slices.ContainsFunc(s.spaces, func(o *Space) bool {
		return o != but && !o.Direct && !o.Group && name != "" && strings.EqualFold(o.DisplayName, name) && o.Members[0].Person.Domain == p.Domain
	})
}

// deleteSpace is spaces.delete by its manager.
func (s *Server) deleteSpace(p caller, id string) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	switch {
	case !p.sees(space):
		return nil, notFound
	case !p.manages(space):
		return nil, &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Only a manager may do that."}
	}
	s.spaces = slices.DeleteFunc(s.spaces, func(o *Space) bool { return o == space })
	s.touch()
	return map[string]any{}, nil
}

func (s *Space) has(p Person) bool {
	return slices.ContainsFunc(s.Members, func(m Member) bool { return m.Person == p })
}

// space finds a space by id; the lock is held.
func (s *Server) space(id string) *Space {
	for _, space := range s.spaces {
		if space.ID == id {
			return space
		}
	}
	return nil
}
