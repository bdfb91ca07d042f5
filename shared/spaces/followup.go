package spaces

import (
	"slices"
	"strings"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// FollowUp holds the steps that are possible only after a space is created.
type FollowUp struct {
	History      History           `json:"h,omitempty"`
	Permissions  Permissions       `json:"p,omitempty"`
	Access       AccessPermissions `json:"d,omitzero"`
	AddTheApp    bool              `json:"a,omitempty"`
	FirstMessage string            `json:"f,omitempty"` // message, posted as the person
}

// Step is one step of the rest.
type Step string

// The steps, in the order in which they are done.
const (
	SetHistory     Step = "history"
	SetPermissions Step = "permissions"
	SetAccess      Step = "access"
	AddTheApp      Step = "addTheApp"
	PostFirst      Step = "firstMessage"
)

// Capability returns the capability that a step needs.
func (s Step) Capability() capability.Capability {
	switch s {
	case AddTheApp:
		return capability.AddTheApp
	case PostFirst:
		return capability.PostMessages
	}
	return capability.EditSpaces
}

// Steps returns the requested steps, in order.
func (r FollowUp) Steps() []Step {
	var out []Step
	for _, step := range []struct {
		wanted bool
		step   Step
	}{
		{r.History != "", SetHistory},
		{len(r.Permissions) > 0, SetPermissions},
		{!r.Access.empty(), SetAccess},
		{r.AddTheApp, AddTheApp},
		{r.FirstMessage != "", PostFirst},
	} {
		if step.wanted {
			out = append(out, step.step)
		}
	}
	return out
}

// Select returns the part of r that these steps do.
func (r FollowUp) Select(steps ...Step) FollowUp {
	var out FollowUp
	for _, s := range steps {
		switch s {
		case SetHistory:
			out.History = r.History
		case SetPermissions:
			out.Permissions = r.Permissions
		case SetAccess:
			out.Access = r.Access
		case AddTheApp:
			out.AddTheApp = r.AddTheApp
		case PostFirst:
			out.FirstMessage = r.FirstMessage
		}
	}
	return out
}

// Capabilities returns the capabilities that the rest needs.
func (r FollowUp) Capabilities() []capability.Capability {
	var out []capability.Capability
	for _, s := range r.Steps() {
		if !slices.Contains(out, s.Capability()) {
			out = append(out, s.Capability())
		}
	}
	return out
}

func (r FollowUp) check() error {
	switch {
	case len(r.FirstMessage) > maxMessage:
		return fault.New(fault.Invalid, words.ErrorMessageTooLong)
	case r.History != "" && r.History != HistoryOn && r.History != HistoryOff:
		return fault.New(fault.Invalid, words.ErrorHistoryUnknown)
	}
	return nil
}

// History says whether messages are kept; empty is the organization's default.
type History string

// The values of History (Chat API reference: spaces).
const (
	HistoryOn  History = "HISTORY_ON"
	HistoryOff History = "HISTORY_OFF"
)

// Permissions maps a field of Google's PermissionSettings to the lowest role that has the permission.
type Permissions map[string]Role

// PermissionFields lists the fields that can be set, by Google's names (Chat API reference: spaces).
var PermissionFields = []string{
	"manageMembersAndGroups", "modifySpaceDetails", "toggleHistory", "useAtMentionAll",
	"manageApps", "manageWebhooks", "replyMessages",
}

// permissionSettings returns where s holds each of PermissionFields.
func permissionSettings(s *chatapi.PermissionSettings) map[string]**chatapi.PermissionSetting {
	return map[string]**chatapi.PermissionSetting{
		"manageMembersAndGroups": &s.ManageMembersAndGroups, "modifySpaceDetails": &s.ModifySpaceDetails,
		"toggleHistory": &s.ToggleHistory, "useAtMentionAll": &s.UseAtMentionAll,
		"manageApps": &s.ManageApps, "manageWebhooks": &s.ManageWebhooks, "replyMessages": &s.ReplyMessages,
	}
}

// api returns p in the form of the Chat API, and its update mask.
func (p Permissions) api() (*chatapi.PermissionSettings, string) {
	var out chatapi.PermissionSettings
	settings := permissionSettings(&out)
	var mask []string
	for _, field := range PermissionFields {
		role, ok := p[field]
		if !ok {
			continue
		}
		*settings[field] = &chatapi.PermissionSetting{
			ManagersAllowed: true, AssistantManagersAllowed: role != RoleOwner, MembersAllowed: role == RoleMember,
			ForceSendFields: []string{"AssistantManagersAllowed", "MembersAllowed"},
		}
		mask = append(mask, "permissionSettings."+field)
	}
	return &out, strings.Join(mask, ",")
}

// permissionsFrom returns the permissions in a response of the Chat API.
func permissionsFrom(s *chatapi.PermissionSettings) Permissions {
	if s == nil {
		return nil
	}
	out := Permissions{}
	for field, place := range permissionSettings(s) {
		switch setting := *place; {
		case setting == nil:
		case setting.MembersAllowed:
			out[field] = RoleMember
		case setting.AssistantManagersAllowed:
			out[field] = RoleManager
		case setting.ManagersAllowed:
			out[field] = RoleOwner
		}
	}
	return out
}

// AccessPermissions lists the audiences (audiences/{id}) that can find a space,
// and those that can join it. An audience in Join must be in Discover.
type AccessPermissions struct {
	Discover []string `json:"d,omitempty"`
	Join     []string `json:"j,omitempty"`
}

func (a AccessPermissions) empty() bool { return len(a.Discover)+len(a.Join) == 0 }

func principals(audiences []string) *chatapi.AccessPermissionSetting {
	out := &chatapi.AccessPermissionSetting{}
	for _, a := range audiences {
		out.Principals = append(out.Principals, &chatapi.Principal{Audience: &chatapi.Audience{Name: a}})
	}
	return out
}
