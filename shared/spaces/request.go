package spaces

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// Limits of Chat's, in characters but for the people, who are counted besides
// the person (chat-protocol.md 6.2, 6.3).
const (
	MaxName        = 128
	MaxDescription = 4_096
	MaxGuidelines  = 5_000
	MaxMembers     = 49
)

// Request is a space to be made. Only the name is needed.
type Request struct {
	DisplayName   string
	Description   string
	Guidelines    string
	Members       []Member // besides the person, who is in anyway
	Discoverable  bool     // by the person's organization; else by invitation only
	Announcements bool     // only managers post
	External      bool     // people from outside the organization may be in; for good
	Rest          Rest
}

// Rest is what can be done only when the space is there.
type Rest struct {
	History   History `json:"h,omitempty"`
	AddTheApp bool    `json:"a,omitempty"`
	First     string  `json:"f,omitempty"` // message, posted as the person
}

// History says whether messages are kept; empty is as the organization wants.
type History string

// What can be wanted (chat-protocol.md 6.2).
const (
	HistoryOn  History = "HISTORY_ON"
	HistoryOff History = "HISTORY_OFF"
)

// Member is somebody to be in a space.
type Member struct {
	User  string // users/{id or e-mail address}, or groups/{id}
	Label string // how people call them; may be empty
}

func (m Member) group() bool { return strings.HasPrefix(m.User, "groups/") }

// Checked is r in its plain form (blanks trimmed, doubles and the person
// themself left out), or an Invalid fault that says how to mend it.
func (r Request) Checked(person string) (Request, error) {
	var err error
	if r.DisplayName, err = CheckedName(r.DisplayName); err != nil {
		return r, err
	}
	r.Description, r.Guidelines, r.Rest.First = strings.TrimSpace(r.Description), strings.TrimSpace(r.Guidelines), strings.TrimSpace(r.Rest.First)
	switch description, guidelines := utf8.RuneCountInString(r.Description), utf8.RuneCountInString(r.Guidelines); {
	case description > MaxDescription:
		return r, fault.New(fault.Invalid, words.DescriptionTooLong, description, MaxDescription)
	case guidelines > MaxGuidelines:
		return r, fault.New(fault.Invalid, words.GuidelinesTooLong, guidelines, MaxGuidelines)
	case len(r.Rest.First) > maxMessage:
		return r, fault.New(fault.Invalid, words.SayTooLong)
	case r.Rest.History != "" && r.Rest.History != HistoryOn && r.Rest.History != HistoryOff:
		return r, fault.New(fault.Invalid, words.HistoryUnknown)
	}
	var members []Member
	for _, m := range r.Members {
		known := slices.ContainsFunc(members, func(o Member) bool { return o.User == m.User })
		if m.User != person && !known {
			members = append(members, m)
		}
	}
	if r.Members = members; len(members) > MaxMembers {
		return r, fault.New(fault.Invalid, words.TooManyPeople, len(members), MaxMembers)
	}
	return r, nil
}

// CheckedName is a space's name in its plain form, or an Invalid fault.
func CheckedName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return name, fault.New(fault.Invalid, words.NameNeeded)
	case n > MaxName:
		return name, fault.New(fault.Invalid, words.NameTooLong, n, MaxName)
	}
	return name, nil
}

// Needed are the capabilities that making the space needs, the first to make
// it at all.
func (r Request) Needed() []userauth.Capability {
	out := []userauth.Capability{userauth.CreateSpaces}
	if len(r.Members) > 0 {
		out = append(out, userauth.ReadMembers)
	}
	return append(out, r.Rest.Needed()...)
}

// Needed are the capabilities that the rest needs.
func (r Rest) Needed() []userauth.Capability {
	var out []userauth.Capability
	if r.History != "" {
		out = append(out, userauth.EditSpaces)
	}
	if r.AddTheApp {
		out = append(out, userauth.AddTheApp)
	}
	if r.First != "" {
		out = append(out, userauth.PostMessages)
	}
	return out
}

// id is Google's requestId for r.
func (r Request) id(keys *seal.Keys, person, source string) (string, error) {
	parts := []string{person, source, r.DisplayName, r.Description, r.Guidelines}
	for _, yes := range []bool{r.Discoverable, r.Announcements, r.External} {
		parts = append(parts, strconv.FormatBool(yes))
	}
	for _, m := range r.Members {
		parts = append(parts, m.User)
	}
	return requestID(keys, "spaces.setup", parts...)
}

// api is r as the Chat API takes it.
func (r Request) api(id string) *chatapi.SetUpSpaceRequest {
	space := &chatapi.Space{SpaceType: "SPACE", DisplayName: r.DisplayName, ExternalUserAllowed: r.External}
	if r.Description != "" || r.Guidelines != "" {
		space.SpaceDetails = &chatapi.SpaceDetails{Description: r.Description, Guidelines: r.Guidelines}
	}
	if r.Discoverable {
		space.AccessSettings = &chatapi.AccessSettings{Audience: "audiences/default"}
	}
	if r.Announcements {
		space.PredefinedPermissionSettings = "ANNOUNCEMENT_SPACE"
	}
	return &chatapi.SetUpSpaceRequest{RequestId: id, Space: space, Memberships: memberships(r.Members)}
}

func memberships(members []Member) []*chatapi.Membership {
	var out []*chatapi.Membership
	for _, m := range members {
		out = append(out, membership(m))
	}
	return out
}

func membership(m Member) *chatapi.Membership {
	if m.group() {
		return &chatapi.Membership{GroupMember: &chatapi.Group{Name: m.User}}
	}
	return &chatapi.Membership{Member: &chatapi.User{Name: m.User, Type: "HUMAN"}}
}
