package spaces

import (
	"strconv"
	"strings"
	"unicode/utf8"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/words"
)

// Limits of Chat's, in characters but for the people, who are counted besides
// the person (chat-protocol.md 6.2, 6.3).
const (
	MaxName        = 128
	MaxDescription = 4_096
	MaxGuidelines  = 5_000
	MaxMembers     = 49 // that a setup takes
	MaxMore        = 451
)

// Request is a space to be made. Only the name is needed.
type Request struct {
	DisplayName   string
	Description   string
	Guidelines    string
	Members       []Member // besides the person, who is in anyway
	More          []Member // added one by one when the space is there
	Discoverable  bool     // by the person's organization; else by invitation only
	Audience      string   // audiences/{id} that may discover it, in place of the organization
	Announcements bool     // only managers post
	External      *bool    // people from outside the organization may be in; for good. nil: as Google has it
	Rest          Rest
}

// Member is somebody to be in a space.
type Member struct {
	User  string // users/{id or e-mail address}, or groups/{id}
	Label string // how people call them; may be empty
}

func (m Member) group() bool { return strings.HasPrefix(m.User, "groups/") }

// Checked is r in its plain form (blanks trimmed, doubles and the person
// themself left out), or an Invalid fault that says how to mend it.
func (r Request) Checked(person resource.Person) (Request, error) {
	var err error
	if r.DisplayName, err = CheckedName(r.DisplayName); err != nil {
		return r, err
	}
	r.Description, r.Guidelines, r.Rest.First = strings.TrimSpace(r.Description), strings.TrimSpace(r.Guidelines), strings.TrimSpace(r.Rest.First)
	switch description, guidelines := utf8.RuneCountInString(r.Description), utf8.RuneCountInString(r.Guidelines); {
	case description > MaxDescription:
		return r, fault.New(fault.Invalid, words.ErrorDescriptionTooLong, description, MaxDescription)
	case guidelines > MaxGuidelines:
		return r, fault.New(fault.Invalid, words.ErrorGuidelinesTooLong, guidelines, MaxGuidelines)
	}
	if err := r.Rest.check(); err != nil {
		return r, err
	}
	known := map[string]bool{string(person): true}
	r.Members, r.More = fresh(r.Members, known), fresh(r.More, known)
	switch {
	case len(r.Members) > MaxMembers:
		return r, fault.New(fault.Invalid, words.ErrorTooManyPeople, len(r.Members), MaxMembers)
	case len(r.More) > MaxMore:
		return r, fault.New(fault.Invalid, words.ErrorTooManyPeople, len(r.Members)+len(r.More), MaxMembers+MaxMore)
	}
	return r, nil
}

// fresh are the members who are not known yet, and who are from then on.
func fresh(members []Member, known map[string]bool) []Member {
	var out []Member
	for _, m := range members {
		if !known[m.User] {
			known[m.User], out = true, append(out, m)
		}
	}
	return out
}

// CheckedName is a space's name in its plain form, or an Invalid fault.
func CheckedName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return name, fault.New(fault.Invalid, words.ErrorNameMissing)
	case n > MaxName:
		return name, fault.New(fault.Invalid, words.ErrorNameTooLong, n, MaxName)
	}
	return name, nil
}

// Needed are the capabilities that making the space needs, the first to make
// it at all.
func (r Request) Needed() []capability.Capability {
	out := []capability.Capability{capability.CreateSpaces}
	if len(r.Members) > 0 {
		out = append(out, capability.ReadMembers)
	}
	if len(r.More) > 0 {
		out = append(out, capability.ManageMembers)
	}
	return append(out, r.Rest.Needed()...)
}

// id is Google's requestId for r.
func (r Request) id(keys *seal.Keys, person resource.Person, key resource.Key) (string, error) {
	external := ""
	if r.External != nil {
		external = strconv.FormatBool(*r.External)
	}
	parts := []string{string(person), string(key), r.DisplayName, r.Description, r.Guidelines, strconv.FormatBool(r.Discoverable), r.Audience, strconv.FormatBool(r.Announcements), external}
	for _, m := range r.Members {
		parts = append(parts, m.User)
	}
	return requestID(keys, "spaces.setup", parts...)
}

// api is r as the Chat API takes it.
func (r Request) api(id string) *chatapi.SetUpSpaceRequest {
	space := &chatapi.Space{SpaceType: "SPACE", DisplayName: r.DisplayName}
	if r.External != nil {
		space.ExternalUserAllowed, space.ForceSendFields = *r.External, []string{"ExternalUserAllowed"} // false is said, too
	}
	if r.Description != "" || r.Guidelines != "" {
		space.SpaceDetails = &chatapi.SpaceDetails{Description: r.Description, Guidelines: r.Guidelines}
	}
	if audience := audienceOf(r.Discoverable, r.Audience); audience != "" {
		space.AccessSettings = &chatapi.AccessSettings{Audience: audience}
	}
	if r.Announcements {
		space.PredefinedPermissionSettings = "ANNOUNCEMENT_SPACE"
	}
	return &chatapi.SetUpSpaceRequest{RequestId: id, Space: space, Memberships: memberships(r.Members)}
}

// audienceOf may discover a space; empty is by invitation only.
func audienceOf(discoverable bool, audience string) string {
	if audience == "" && discoverable {
		return "audiences/default"
	}
	return audience
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
