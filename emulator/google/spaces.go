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

// Space is a space, a group chat, or a direct message.
type Space struct {
	ID                string // without spaces/
	Created           time.Time
	DisplayName       string
	Description       string
	Guidelines        string
	Discoverable      bool   // the organization can discover it
	AnnouncementOnly  bool   // only managers can post
	ExternalAllowed   bool   // people outside the organization can join
	History           string // HISTORY_ON or HISTORY_OFF
	Audience          string // empty for audiences/default
	DiscoverAudiences []string
	JoinAudiences     []string
	Permissions       map[string]map[string]bool // permissionSettings of the API
	Groups            []string                   // groups/{id} of members
	Direct            bool                       // a person's direct message with the app
	Group             bool                       // a group chat, or a direct message of two people
	TwoPeople         bool                       // a direct message of two people
	App               bool                       // the app is a member and receives events
	Members           []Member
	Messages          []Message
}

// owner returns the first member, whose organization owns the space. It is empty after the last member left.
func (s *Space) owner() Person {
	if len(s.Members) == 0 {
		return Person{}
	}
	return s.Members[0].Person
}

// Name returns the space's resource name.
func (s *Space) Name() string { return "spaces/" + s.ID }

// Member is a person's membership.
type Member struct {
	Person Person
	State  string // JOINED or INVITED
	Role   string // MembershipRole of the API; empty means ROLE_MEMBER
}

// Message is a person's message with Text, a message of the app with JSON, or a system message with Line set.
type Message struct {
	ID      string // resource name
	OwnID   string // clientAssignedMessageId; may be empty
	Sender  Person // zero for the app
	Line    bool   // a system message without a sender
	Text    string
	Markup  string // markupSyntax of Text; empty means Chat's own, which people type
	Via     string // the app through which a person sent it
	Thread  string
	JSON    json.RawMessage // a Message of the Chat API
	Private string          // users/{id} of the only person who sees it; empty if everyone does
	Prompt  string          // link of "requires configuration"
	Trouble bool            // a message of the page about an app that failed
	At      time.Time
}

// requestResult is what a requestId created.
type requestResult struct {
	person Person
	id     string // of the space, or name of the message
}

// populate adds the initial spaces. The caller holds the lock, or is the only user of s.
func (s *Server) populate() {
	team := &Space{ID: "AAAAteam", DisplayName: "Team", App: true}
	for _, p := range s.accounts {
		s.spaces = append(s.spaces, appDM(p))
		if p.Domain != "" {
			team.Members = append(team.Members, Member{Person: p, State: "JOINED"})
		}
	}
	if len(team.Members) > 0 {
		s.spaces = append(s.spaces, team)
	}
}

// appDM returns the direct message of a person with the app.
func appDM(p Person) *Space {
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

// setUp is spaces.setup (Chat API reference: spaces,
// Chat API reference: spaces.members).
func (s *Server) setUp(p Person, body []byte) (any, *apiError) {
	var r setUpRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, invalid(err.Error())
	}
	details, audience := r.Space.Details, r.Space.Access.Audience
	switch {
	case r.Space.SpaceType == "":
		return nil, invalid("space_type is required.")
	case r.Space.SpaceType == "DIRECT_MESSAGE" && (r.Space.DisplayName != "" || len(r.Memberships) != 1):
		return nil, invalid("A direct message has exactly one membership, and no display_name.")
	case r.Space.SpaceType == "SPACE" && r.Space.DisplayName == "":
		return nil, invalid("display_name is required for a space of type SPACE.")
	case r.Space.SpaceType == "GROUP_CHAT" && (r.Space.DisplayName != "" || len(r.Memberships) < 2):
		return nil, invalid("A group chat has no display_name, and at least two memberships.")
	case utf8.RuneCountInString(r.Space.DisplayName) > 128:
		return nil, invalid("display_name has more than 128 characters.")
	case utf8.RuneCountInString(details.Description) > 4096, utf8.RuneCountInString(details.Guidelines) > 5000:
		return nil, invalid("description or guidelines are too long.")
	case r.Space.History != "":
		return nil, invalid("The emulator supports space_history_state in patch only: Google's behavior is unknown.")
	case audience != "" && audience != "audiences/default" && audience != "audiences/engineering":
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
	if result, ok := s.requestResults[r.RequestID]; ok && r.RequestID != "" {
		if result.person != p {
			return nil, newError(http.StatusConflict, "The request id was used by another user.")
		}
		// Google returns the space only partly populated (Chat API reference: spaces).
		return map[string]any{"name": "spaces/" + result.id, "spaceType": r.Space.SpaceType}, nil
	}
	if r.Space.SpaceType == "DIRECT_MESSAGE" {
		return s.directMessage(p, r.Memberships[0].Member.Name)
	}
	if s.Pick(2, "unknown member") > 0 {
		for _, m := range r.Memberships {
			if _, ok := FindPerson(m.Member.Name); !ok && m.Member.Name != "" {
				return nil, notFound
			}
		}
	}
	if s.nameTaken(p, r.Space.DisplayName, nil) {
		return nil, newError(http.StatusConflict, "A space with the display name "+r.Space.DisplayName+" exists.")
	}
	space := &Space{
		Created: s.Now(), ID: fmt.Sprintf("AAAA%04d", len(s.requestResults)+5), DisplayName: r.Space.DisplayName,
		Group: r.Space.SpaceType == "GROUP_CHAT", Members: []Member{{Person: p, State: "JOINED", Role: "ROLE_MANAGER"}},
		Description: details.Description, Guidelines: details.Guidelines,
		Discoverable: audience != "", Audience: strings.TrimPrefix(audience, "audiences/default"),
		AnnouncementOnly: r.Space.Permissions == "ANNOUNCEMENT_SPACE", ExternalAllowed: r.Space.External,
		History: "HISTORY_ON",
	}
	for _, m := range r.Memberships {
		// Google omits people who can't be added and reports no error.
		if isGroup(m.GroupMember.Name) {
			space.Groups = append(space.Groups, m.GroupMember.Name)
			continue
		}
		other, ok := FindPerson(m.Member.Name)
		switch {
		case !ok || space.has(other) || s.undeliverable[other.Sub]:
		case other.Domain == p.Domain:
			space.Members = append(space.Members, Member{Person: other, State: "JOINED"})
		case space.ExternalAllowed && strings.Contains(m.Member.Name, "@"): // external people by email address only
			space.Members = append(space.Members, Member{Person: other, State: "INVITED"})
		}
	}
	s.requestResults[r.RequestID] = requestResult{p, space.ID}
	s.spaces = append(s.spaces, space)
	s.post(space, Message{Line: true, Text: p.Name + " created this space via " + s.AppName})
	return s.spaceResource(space), nil
}

// directMessage finds or creates the direct message of two people. The caller holds the lock.
func (s *Server) directMessage(p Person, user string) (any, *apiError) {
	other, ok := FindPerson(user)
	if !ok || other == p {
		return nil, invalid("No such user.")
	}
	for _, space := range s.spaces {
		if space.TwoPeople && space.has(p) && space.has(other) {
			return s.spaceResource(space), nil
		}
	}
	members := []Member{{Person: p, State: "JOINED"}, {Person: other, State: "JOINED"}}
	id := fmt.Sprintf("AAAAtwo%d", len(s.spaces))
	space := &Space{ID: id, Created: s.Now(), Group: true, TwoPeople: true, Members: members}
	s.spaces = append(s.spaces, space)
	s.notify()
	return s.spaceResource(space), nil
}

// spaceResource returns the fields that every method returns of a space.
func (s *Server) spaceResource(space *Space) map[string]any {
	out := map[string]any{
		"name": space.Name(), "spaceType": "SPACE", "spaceHistoryState": cmp.Or(space.History, "HISTORY_ON"),
		"spaceUri": s.ChatAddress + space.ID, "createTime": space.Created.UTC().Format(time.RFC3339Nano),
	}
	switch {
	case space.TwoPeople:
		out["spaceType"] = "DIRECT_MESSAGE"
	case space.Group:
		out["spaceType"] = "GROUP_CHAT"
	default:
		out["displayName"] = space.DisplayName
	}
	return out
}

// listedSpace returns the fields of a space in a list.
func (s *Server) listedSpace(space *Space) map[string]any {
	return s.omit(s.spaceResource(space), "spaceUri", "spaceHistoryState")
}

// nameTaken reports whether a space of p's organization, other than the one excluded, has this name.
func (s *Server) nameTaken(p Person, name string, excluded *Space) bool {
	return slices.ContainsFunc(s.spaces, func(o *Space) bool {
		return o != excluded && !o.Direct && !o.Group && name != "" && strings.EqualFold(o.DisplayName, name) &&
			o.owner().Domain == p.Domain
	})
}

func (s *Server) deleteSpace(c caller, id string) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	switch {
	case !c.canSee(space):
		return nil, notFound
	case !c.canManage(space):
		return nil, newError(http.StatusForbidden, "Only a manager may do that.")
	}
	s.spaces = slices.DeleteFunc(s.spaces, func(o *Space) bool { return o == space })
	s.notify()
	return map[string]any{}, nil
}

func (s *Space) has(p Person) bool {
	return slices.ContainsFunc(s.Members, func(m Member) bool { return m.Person == p })
}

// space returns the space with this ID, or nil. The caller holds the lock.
func (s *Server) space(id string) *Space {
	for _, space := range s.spaces {
		if space.ID == id {
			return space
		}
	}
	return nil
}
