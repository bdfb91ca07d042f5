package api

import (
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// ParseMembers returns the people and groups that the field members names. Invalid, with the place in the list, if one
// has no valid name.
func ParseMembers(names []MemberName) ([]string, error) {
	var out []string
	for i, name := range names {
		member, ok := resource.ParseMember(name)
		if !ok {
			return nil, invalid(i18n.English(
				"/members/%d is %q. It must be users/{id}, groups/{id or address}, or an email address."), i, name)
		}
		out = append(out, member)
	}
	return out, nil
}

// ToTemplate returns the template of a body with that name. Invalid if a member has no valid name.
func (b PutTemplate) ToTemplate(name string) (vault.Template, error) {
	out := vault.Template{
		Name: name, DisplayName: Value(b.DisplayName), Description: Value(b.Description),
		Guidelines: Value(b.Guidelines), Discoverable: Value(b.Access) == DISCOVERABLE,
		Announcements: Value(b.Kind) == ANNOUNCEMENTS, External: Value(b.ExternalUserAllowed),
		History: string(Value(b.History)), FirstMessage: Value(b.FirstMessage), AddApp: Value(b.AddTheApp),
	}
	var err error
	out.Members, err = ParseMembers(Value(b.Members))
	return out, err
}

// TemplateOf returns a template in the form of the API, with its members as they were sent.
func TemplateOf(t vault.Template) Template {
	kind := COLLABORATION
	if t.Announcements {
		kind = ANNOUNCEMENTS
	}
	out := Template{
		Name: t.Name, DisplayName: Some(t.DisplayName), Description: Some(t.Description),
		Guidelines: Some(t.Guidelines), Access: AccessOf(t.Discoverable), Kind: new(string(kind)),
		ExternalUserAllowed: &t.External,
		History:             Some(t.History), FirstMessage: Some(t.FirstMessage), AddTheApp: &t.AddApp,
	}
	if len(t.Members) > 0 {
		out.Members = &[]string{}
		for _, m := range t.Members {
			*out.Members = append(*out.Members, resource.MemberLabel(m))
		}
	}
	return out
}

// AccessOf returns the access of a space or a template.
func AccessOf(discoverable bool) *string {
	if discoverable {
		return new(string(DISCOVERABLE))
	}
	return new(string(PRIVATE))
}

// Value returns *p, or the zero value if p is nil.
func Value[T any](p *T) T {
	var none T
	if p == nil {
		return none
	}
	return *p
}

// Some returns a pointer to v, or nil if v is the zero value.
func Some[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}
