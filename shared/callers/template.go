package callers

import (
	"regexp"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/vault"
)

// template checks a template and converts it to the vault's type.
func (c *checker) template(in Template) vault.Template {
	if in.Access != "" && in.Access != "PRIVATE" && in.Access != "DISCOVERABLE" {
		c.errorf("template %q: access must be PRIVATE or DISCOVERABLE", in.Name)
	}
	if in.Kind != "" && in.Kind != "COLLABORATION" && in.Kind != "ANNOUNCEMENTS" {
		c.errorf("template %q: kind must be COLLABORATION or ANNOUNCEMENTS", in.Name)
	}
	if in.History != "" && in.History != "HISTORY_ON" && in.History != "HISTORY_OFF" {
		c.errorf("template %q: history must be HISTORY_ON or HISTORY_OFF", in.Name)
	}
	if !templateName.MatchString(in.Name) {
		c.errorf("template %q: name must have 1 to 100 characters, no slash, and no leading dot or underscore", in.Name)
	}
	out := vault.Template{
		Name: in.Name, DisplayName: in.DisplayName, Description: in.Description, Guidelines: in.Guidelines,
		Discoverable: in.Access == "DISCOVERABLE", Announcements: in.Kind == "ANNOUNCEMENTS",
		External: in.ExternalUsers, History: in.History, FirstMessage: in.FirstMessage, AddApp: in.AddTheApp,
	}
	for _, m := range in.Members {
		if !strings.HasPrefix(m, "groups/") {
			m = address.Lower(m)
		}
		switch {
		case isAddress(m):
			m = "users/" + m
		case !userID.MatchString(m) && !groupName.MatchString(m):
			c.errorf("template %q: member %q is not users/{id}, groups/{id} or an email address", in.Name, m)
		}
		out.Members = append(out.Members, m)
	}
	return out
}

// NewTemplate converts a template to its form in the file.
func NewTemplate(t vault.Template) Template {
	out := Template{
		Name: t.Name, DisplayName: t.DisplayName, Description: t.Description, Guidelines: t.Guidelines,
		ExternalUsers: t.External, History: t.History, FirstMessage: t.FirstMessage, AddTheApp: t.AddApp,
	}
	if t.Discoverable {
		out.Access = "DISCOVERABLE"
	}
	if t.Announcements {
		out.Kind = "ANNOUNCEMENTS"
	}
	for _, m := range t.Members {
		if strings.Contains(m, "@") {
			m = strings.TrimPrefix(m, "users/")
		}
		out.Members = append(out.Members, m)
	}
	return out
}

// groupName matches groups/{id} and groups/{email address}.
var groupName = regexp.MustCompile(`^groups/([A-Za-z0-9_-]{1,64}|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255})$`)

// ValidTemplateName reports whether name is a valid template name.
func ValidTemplateName(name string) bool { return templateName.MatchString(name) }

var templateName = regexp.MustCompile(`^[^/\x00-\x1f._][^/\x00-\x1f]{0,99}$`)
