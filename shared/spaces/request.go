package spaces

import (
	"cmp"
	"strconv"
	"strings"
	"unicode/utf8"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/text"
	"example.com/deputy/shared/words"
)

// Chat's limits for texts, in characters, and for members, without the person
// (Chat API reference: spaces, Chat API reference: spaces.members).
const (
	MaxName        = 128
	MaxDescription = 4_096
	MaxGuidelines  = 5_000
	MaxMembers     = 49  // in a setup
	MaxMore        = 451 // added one by one
)

// Request is a space to be created. Only the name is required.
type Request struct {
	DisplayName   string
	Description   string
	Guidelines    string
	Members       []Member // besides the person, who is always a member
	More          []Member // added one by one after the space is created
	Discoverable  bool     // by the person's organization; false is by invitation only
	Audience      string   // audiences/{id} that can discover it instead of the organization
	Announcements bool     // only managers can post
	External      *bool    // allow people outside the organization, permanently; nil is Google's default
	Rest          FollowUp
}

// Member is a requested member of a space.
type Member struct {
	User  string // users/{id or email address}, or groups/{id}
	Label string // how the request names them; may be empty
}

// id returns the last part of a person's name.
func (m Member) id() string { return strings.TrimPrefix(m.User, "users/") }

func (m Member) group() bool { return strings.HasPrefix(m.User, "groups/") }

// Normalize returns r in normal form, or an Invalid fault that says how to correct it.
// Normal form has trimmed texts, no duplicate members, and not the person themself.
func (r Request) Normalize(person resource.Person) (Request, error) {
	var err error
	if r.DisplayName, err = NormalizeName(r.DisplayName); err != nil {
		return r, err
	}
	r.Description, r.Guidelines = text.Clean(r.Description), text.Clean(r.Guidelines)
	r.Rest.FirstMessage = text.Clean(r.Rest.FirstMessage)
	if err := cmp.Or(checkDetails(r.Description, r.Guidelines), r.Rest.check()); err != nil {
		return r, err
	}
	seen := map[string]bool{string(person): true}
	r.Members, r.More = unseen(r.Members, seen), unseen(r.More, seen)
	switch {
	case len(r.Members) > MaxMembers:
		return r, fault.New(fault.Invalid, words.ErrorTooManyPeople, len(r.Members), MaxMembers)
	case len(r.More) > MaxMore:
		return r, fault.New(fault.Invalid, words.ErrorTooManyPeople, len(r.Members)+len(r.More), MaxMembers+MaxMore)
	}
	return r, nil
}

// checkDetails checks the lengths of a description and guidelines.
func checkDetails(description, guidelines string) error {
	switch d, g := utf8.RuneCountInString(description), utf8.RuneCountInString(guidelines); {
	case d > MaxDescription:
		return fault.New(fault.Invalid, words.ErrorDescriptionTooLong, d, MaxDescription)
	case g > MaxGuidelines:
		return fault.New(fault.Invalid, words.ErrorGuidelinesTooLong, g, MaxGuidelines)
	}
	return nil
}

// unseen returns the members who are not in seen, and adds them to it.
func unseen(members []Member, seen map[string]bool) []Member {
	var out []Member
	for _, m := range members {
		if !seen[m.User] {
			seen[m.User], out = true, append(out, m)
		}
	}
	return out
}

// NormalizeName returns a space's name as one line, or an Invalid fault.
func NormalizeName(name string) (string, error) {
	name = text.Line(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return name, fault.New(fault.Invalid, words.ErrorNameMissing)
	case n > MaxName:
		return name, fault.New(fault.Invalid, words.ErrorNameTooLong, n, MaxName)
	}
	return name, nil
}

// Capabilities returns the capabilities that the request needs; the first is CreateSpaces.
func (r Request) Capabilities() []capability.Capability {
	out := []capability.Capability{capability.CreateSpaces}
	if len(r.Members) > 0 {
		out = append(out, capability.ReadMembers)
	}
	if len(r.More) > 0 {
		out = append(out, capability.ManageMembers)
	}
	return append(out, r.Rest.Capabilities()...)
}

// id returns Google's requestId for r.
func (r Request) id(keys *seal.Keys, person resource.Person, key resource.Key) (string, error) {
	external := ""
	if r.External != nil {
		external = strconv.FormatBool(*r.External)
	}
	parts := []string{
		string(person), string(key), r.DisplayName, r.Description, r.Guidelines,
		strconv.FormatBool(r.Discoverable), r.Audience, strconv.FormatBool(r.Announcements), external,
	}
	for _, m := range r.Members {
		parts = append(parts, m.User)
	}
	return requestID(keys, "spaces.setup", parts...)
}

// api returns r in the form of the Chat API.
func (r Request) api(id string) *chatapi.SetUpSpaceRequest {
	space := &chatapi.Space{SpaceType: "SPACE", DisplayName: r.DisplayName}
	if r.External != nil {
		space.ExternalUserAllowed = *r.External
		space.ForceSendFields = []string{"ExternalUserAllowed"} // send false, too
	}
	if r.Description != "" || r.Guidelines != "" {
		space.SpaceDetails = &chatapi.SpaceDetails{Description: r.Description, Guidelines: r.Guidelines}
	}
	if audience := targetAudience(r.Discoverable, r.Audience); audience != "" {
		space.AccessSettings = &chatapi.AccessSettings{Audience: audience}
	}
	if r.Announcements {
		space.PredefinedPermissionSettings = "ANNOUNCEMENT_SPACE"
	}
	return &chatapi.SetUpSpaceRequest{RequestId: id, Space: space, Memberships: memberships(r.Members)}
}

// targetAudience returns the audience that can discover a space; empty for none.
func targetAudience(discoverable bool, audience string) string {
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
