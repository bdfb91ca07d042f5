package spaces

import (
	"slices"
	"strings"

	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// Rest is what can be done only when the space is there.
type Rest struct {
	History     History           `json:"h,omitempty"`
	Permissions Permissions       `json:"p,omitempty"`
	Access      AccessPermissions `json:"d,omitzero"`
	AddTheApp   bool              `json:"a,omitempty"`
	First       string            `json:"f,omitempty"` // message, posted as the person
}

// Step is a part of the rest.
type Step string

// The steps, in the order they are taken.
const (
	SetHistory     Step = "history"
	SetPermissions Step = "permissions"
	SetAccess      Step = "access"
	AddTheApp      Step = "addTheApp"
	PostFirst      Step = "firstMessage"
)

// Needs is the capability that a step needs.
func (s Step) Needs() capability.Capability {
	switch s {
	case AddTheApp:
		return capability.AddTheApp
	case PostFirst:
		return capability.PostMessages
	}
	return capability.EditSpaces
}

// Steps are those that the rest consists of.
func (r Rest) Steps() []Step {
	var out []Step
	for _, step := range []struct {
		wanted bool
		step   Step
	}{
		{r.History != "", SetHistory},
		{len(r.Permissions) > 0, SetPermissions},
		{!r.Access.empty(), SetAccess},
		{r.AddTheApp, AddTheApp},
		{r.First != "", PostFirst},
	} {
		if step.wanted {
			out = append(out, step.step)
		}
	}
	return out
}

// Only is the part of r that these steps are.
func (r Rest) Only(steps ...Step) Rest {
	var out Rest
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
			out.First = r.First
		}
	}
	return out
}

// Needed are the capabilities that the rest needs.
func (r Rest) Needed() []capability.Capability {
	var out []capability.Capability
	for _, s := range r.Steps() {
		if !slices.Contains(out, s.Needs()) {
			out = append(out, s.Needs())
		}
	}
	return out
}

func (r Rest) check() error {
	switch {
	case len(r.First) > maxMessage:
		return fault.New(fault.Invalid, words.ErrorMessageTooLong)
	case r.History != "" && r.History != HistoryOn && r.History != HistoryOff:
		return fault.New(fault.Invalid, words.ErrorHistoryUnknown)
	}
	return nil
}

// History says whether messages are kept; empty is as the organization wants.
type History string

// What can be wanted (chat-protocol.md 6.2).
const (
	HistoryOn  History = "HISTORY_ON"
	HistoryOff History = "HISTORY_OFF"
)

// Permissions say, for a field of Google's PermissionSettings, who may do that:
// those with this role and the roles above.
type Permissions map[string]Role

// Permitted are the fields that can be set, as Google names them
// (chat-protocol.md 6.2).
var Permitted = []string{"manageMembersAndGroups", "modifySpaceDetails", "toggleHistory", "useAtMentionAll", "manageApps", "manageWebhooks", "replyMessages"}

// api is p as the Chat API takes it, and its update mask.
func (p Permissions) api() (*chatapi.PermissionSettings, string) {
	var out chatapi.PermissionSettings
	into := map[string]**chatapi.PermissionSetting{
		"manageMembersAndGroups": &out.ManageMembersAndGroups, "modifySpaceDetails": &out.ModifySpaceDetails, "toggleHistory": &out.ToggleHistory,
		"useAtMentionAll": &out.UseAtMentionAll, "manageApps": &out.ManageApps, "manageWebhooks": &out.ManageWebhooks, "replyMessages": &out.ReplyMessages,
	}
	var mask []string
	for _, field := range Permitted {
		role, wanted := p[field]
		if !wanted {
			continue
		}
		*into[field] = &chatapi.PermissionSetting{
			ManagersAllowed: true, AssistantManagersAllowed: role != RoleOwner, MembersAllowed: role == RoleMember,
			ForceSendFields: []string{"AssistantManagersAllowed", "MembersAllowed"},
		}
		mask = append(mask, "permissionSettings."+field)
	}
	return &out, strings.Join(mask, ",")
}

// permissionsOf reads what the Chat API gives.
func permissionsOf(s *chatapi.PermissionSettings) Permissions {
	if s == nil {
		return nil
	}
	out := Permissions{}
	for field, set := range map[string]*chatapi.PermissionSetting{
		"manageMembersAndGroups": s.ManageMembersAndGroups, "modifySpaceDetails": s.ModifySpaceDetails, "toggleHistory": s.ToggleHistory,
		"useAtMentionAll": s.UseAtMentionAll, "manageApps": s.ManageApps, "manageWebhooks": s.ManageWebhooks, "replyMessages": s.ReplyMessages,
	} {
		switch {
		case set == nil:
		case set.MembersAllowed:
			out[field] = RoleMember
		case set.AssistantManagersAllowed:
			out[field] = RoleManager
		case set.ManagersAllowed:
			out[field] = RoleOwner
		}
	}
	return out
}

// AccessPermissions are the audiences (audiences/{id}) that may find a space,
// and those that may join it by themselves, who have to be among the first.
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
